"""Transports: how bytes of an MCP server arrive, one file each, named by scheme (streaming.md §3.5, §3.6).

A transport file offers `EFFECT`, the label it needs, and `connect(target, limits) -> Link`; it passes
`tests/contracts/test_transport.py`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from rtfs.host.stream.catalogue import fault
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.host.stream.notes import Notes
    from rtfs.host.stream.record import Recorder

ENVELOPE = 65_536  # what JSON-RPC and escapes may add to a message


# Who is shown each frame, `<` from a server and `>` to it, of the connections made from here on.
FRAMES: ContextVar[Callable[[str, Any], None] | None] = ContextVar("rtfs_frames", default=None)


class Target(NamedTuple):
    """Where a server is. scheme names the transport; place is a URL, a command line or a registered name.

    shown: for people, without credentials. headers: asked at every connect, so that rotated tokens work. key: streams
    with equal keys share a connection. configured: the operator named it, not the program. older: the scheme to try
    when an HTTP server does not know this one (404, 405). recorder: who writes its messages down.
    after: the id of the last event that was processed; the server may repeat what came behind it.
    """

    scheme: str
    place: Any
    shown: str
    headers: Callable[[], dict[str, str]] = dict
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    folder: str | None = None
    key: Any = None
    configured: bool = False
    older: str | None = None
    recorder: Recorder | None = None
    after: str | None = None


class Limits(NamedTuple):
    """connect_ms: time to connect; message_bytes: size of one message."""

    connect_ms: int
    message_bytes: int

    @property
    def frame_bytes(self) -> int:
        """What is read of one frame before it counts as endless: a message with every character escaped, and more."""
        return 2 * self.message_bytes + ENVELOPE


class Link(Protocol):
    """One connection to be: `endpoint` is what `mcp.Client` takes.

    status and retry_after (seconds) tell the last refusal of an HTTP server, None elsewhere; `ended` says that the
    other side closed the connection; `fault` is why we did, because of what the other side sent. listener: who wants
    to know at once.
    """

    endpoint: Any
    status: int | None
    retry_after: float | None

    @property
    def ended(self) -> bool: ...

    @property
    def fault(self) -> RtfsError | None: ...

    def listen(self, listener: Listener) -> None: ...


class Listener(Protocol):
    """Who holds a link: told of frames that nobody can read, of the end, and of the end of what comes unasked."""

    def malformed(self, why: str) -> None: ...

    def deaf(self, why: str) -> None: ...

    def lost(self, why: str) -> None: ...


def connect(target: Target, limits: Limits) -> Link:
    """A link to the target, not opened yet. S024 for a scheme nobody serves."""
    link: Link = _module(target.scheme, target.shown).connect(target, limits)
    return link


def effect(scheme: str) -> str:
    """The effect label a scheme needs, such as `:process`."""
    label: str = _module(scheme, scheme).EFFECT
    return label


def _module(scheme: str, shown: str) -> Any:
    known = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if scheme not in known:
        raise fault(24, a=":auto", endpoint=shown, why=f"no transport serves {scheme}; there are {' '.join(known)}")
    return importlib.import_module(f"{__name__}.{scheme}")


class Tap:
    """A transport whose read side is watched: it notes the end of the connection and counts what cannot be parsed.

    Once `fault` is set, what comes next ends the connection. notes: takes messages that the SDK is not to get.
    """

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.ended = False
        self.fault: RtfsError | None = None
        self.malformed = 0
        self.listener: Listener | None = None
        self.notes: Notes | None = None
        self._show = FRAMES.get()

    async def __aenter__(self) -> tuple[Any, Any]:
        read, write = await self._transport.__aenter__()
        return _TappedRead(read, self), write if self._show is None else _ShownWrite(write, self._show)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        result: bool | None = await self._transport.__aexit__(kind, error, trace)
        return result

    def note(self, message: Any) -> Any:
        """A message, or the exception of one that cannot be parsed, on its way to the SDK."""
        if self._show is not None:
            self._show("<", message)
        if self.fault is not None:
            raise self.fault
        if isinstance(message, Exception):
            self.unreadable("no JSON-RPC message")
        elif type(message.message).__name__ == "JSONRPCError" and message.message.id is None:
            self.unreadable(f"an error without id: {message.message.error.message[:200]}")
        return message

    def unreadable(self, why: str) -> None:
        """A frame that nobody can read came."""
        self.malformed += 1
        if self.listener is not None:
            self.listener.malformed(why)

    def deaf(self, why: str = "the server ended the stream of what it says unasked") -> None:
        """Answers may still come, but nothing else."""
        if self.listener is not None:
            self.listener.deaf(why)

    def end(self, why: str = "the server closed the connection") -> None:
        """Nothing more will come."""
        self.ended = True
        if self.listener is not None:
            self.listener.lost(why)


class TappedLink:
    """A link over a tapped transport; `status` and `retry_after` are those of HTTP."""

    status: int | None = None
    retry_after: float | None = None

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.endpoint: Any = tap

    @property
    def ended(self) -> bool:
        return self.tap.ended

    @property
    def fault(self) -> RtfsError | None:
        return self.tap.fault

    def listen(self, listener: Listener) -> None:
        self.tap.listener = listener


class Side:
    """One side of a transport that another stands in front of; it is opened and closed with it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def close(self) -> None:
        self._inner.close()

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        result: bool | None = await self._inner.__aexit__(kind, error, trace)
        return result


class _TappedRead(Side):
    """The read side of a transport as the SDK wants it."""

    def __init__(self, inner: Any, tap: Tap) -> None:
        super().__init__(inner)
        self._tap = tap

    @property
    def last_context(self) -> Any:
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> Any:
        return await self._next(self._inner.receive)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._next(self._inner.__anext__)
        except StopAsyncIteration:
            self._tap.end()
            raise

    async def _next(self, receive: Callable[[], Awaitable[Any]]) -> Any:
        """The next message that is for the SDK."""
        tap = self._tap
        while True:
            message = tap.note(await receive())
            if tap.notes is None or not tap.notes.take(message):
                return message


class _ShownWrite(Side):
    """The write side of a transport whose frames somebody wants to see."""

    def __init__(self, inner: Any, show: Callable[[str, Any], None]) -> None:
        super().__init__(inner)
        self._show = show

    async def send(self, message: Any) -> None:
        self._show(">", message)
        await self._inner.send(message)
