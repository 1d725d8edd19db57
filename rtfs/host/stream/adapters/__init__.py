"""Adapters: how messages of a server become chunks, one file each, named like the `:adapter` (streaming.md §3.5).

An adapter file offers `ADAPTER`, a class of the protocol below, and passes `tests/contracts/test_adapter.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.settings import SKIP
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.notes import Notes
    from rtfs.host.stream.record import Recorder
    from rtfs.host.stream.settings import Settings
    from rtfs.host.stream.timers import Timers
    from rtfs.host.stream.transports import Target

K_EVENT, K_EXT, K_TYPE = Keyword("event"), Keyword("ext"), Keyword("content-type")
K_HEADERS = Keyword("headers")
TRACED = ("traceparent", "tracestate")


class Session(NamedTuple):
    """What one attempt of an adapter has: the SDK's client (None without a connection) and the host's timers.

    gone: a future that is done when the connection ended. target: where the server is; an adapter that connects by
    itself calls `opened` when it did, `admit(url)` before it goes to another origin (S053 when the program may not),
    and shows its frames to `recorder`. notes: where it says who takes the progress notes of a call; None when the
    server calls back.
    """

    client: Any
    timers: Timers
    shown: str
    gone: asyncio.Future[Any]
    target: Target | None = None
    opened: Callable[[], None] = lambda: None
    admit: Callable[[str], None] = lambda url: None
    recorder: Recorder | None = None
    notes: Notes | None = None

    async def ask(self, settings: Settings, request: Any) -> Any:
        """The answer to a request; TimeoutError after `:read-timeout-ms`."""
        return await self.timers.within(settings["read-timeout-ms"], request)


class Instead(Exception):
    """Raised by `Adapter.run`: the adapter of that name serves this server, over the connection that is open.

    settings: what has to be changed in the stream's, by normal key.
    """

    def __init__(self, name: str, **settings: Any) -> None:
        super().__init__(name)
        self.name = name
        self.settings = settings


class Adapter(Protocol):
    """Turns what one server says into chunks.

    connects: needs a client of the SDK. endless: a normal end means that the transport was lost. replayable: can go on
    from the position of a chunk, so that accepted chunks need not be stored. guarantee: after a lost connection.
    idle_ms: how long silence may last when the stream does not say. token: did a progress token go out? mode: the
    protocol era it needs, None for the one the stream wants. wish: seconds that the server wants between two
    connections, None when it did not say. sends: takes values for the server. listens: what the server says unasked is
    what it is about. follows: reads streams of this host, so that it ends by itself when these are drained. tell: calls
    the slots of the program that are named so; None when it gave none. waits: what it waits for, and its name,
    as `:blocked-on` shows it.
    """

    name: str
    connects: bool
    endless: bool
    replayable: bool
    guarantee: str
    idle_ms: int | None
    token: bool | None
    mode: str | None
    wish: float | None
    sends: bool
    listens: bool
    follows: bool
    tell: Callable[..., Awaitable[None]] | None
    waits: tuple[str, str] | None

    async def run(self, session: Session, intake: Intake) -> None:
        """Offer chunks from `intake.position` on until the source ends. Raises when it cannot."""
        ...

    def heard(self, message: Any, intake: Intake) -> None:
        """A notification of the server, in the order of the wire. It must not wait; RtfsError ends the stream."""
        ...

    def after(self, position: Any) -> str | None:
        """The id of an event at a position, for a server that can repeat what came behind it."""
        ...

    def may_repeat(self) -> bool:
        """May `run` be called again after the connection was lost?"""
        ...

    def memory(self) -> Any:
        """What must be stored beside the position: a printable value or None."""
        ...

    def remember(self, memory: Any) -> None:
        """Take up what a snapshot had stored."""
        ...

    async def send(self, data: Any) -> None:
        """Bring a value to the server, where `sends`. Lost when there is no connection now."""
        ...


class Plain:
    """What most adapters have in common."""

    connects = True
    endless = True
    replayable = True
    guarantee = "at-least-once"
    idle_ms: int | None = None
    token: bool | None = None
    mode: str | None = None
    wish: float | None = None
    sends = False
    listens = False
    follows = False
    tell: Callable[..., Awaitable[None]] | None = None
    waits: tuple[str, str] | None = None

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def heard(self, message: Any, intake: Intake) -> None:
        """Nothing that comes unasked is a chunk."""

    def after(self, position: Any) -> str | None:
        return None

    def may_repeat(self) -> bool:
        return True

    def memory(self) -> Any:
        return None

    def remember(self, memory: Any) -> None:
        """Nothing is stored beside the position."""

    async def send(self, data: Any) -> None:
        """Nobody asks for it where `sends` is false."""


def load(name: str, settings: Settings, material: Any = None) -> Adapter:
    """The adapter of a name; `material` is what a `memory:` endpoint stands for."""
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    adapter: Adapter = module.ADAPTER(settings) if material is None else module.ADAPTER(settings, material)
    return adapter


def fits(text: str, intake: Intake) -> bool:
    """Is a message within `:max-message-bytes`? If not: S025, or under `:on-error :skip` counted as skipped."""
    settings = intake.owner.settings
    most = settings["max-message-bytes"]
    if len(text) <= most // 4 or (size := len(text.encode("utf-8", "surrogatepass"))) <= most:
        return True
    if settings["on-error"].then is not SKIP:
        raise fault(25, n=size, m=most)
    intake.owner.stats.skipped += 1
    return False


def content_hash(value: Any) -> str:
    """A short hash of JSON data."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def traced(meta: dict[str, Any] | None, metadata: dict[Keyword, Any] | None = None) -> dict[Keyword, Any] | None:
    """The metadata of a chunk, with the trace context that the `_meta` of its message carries (§9.4)."""
    carried = [(name, meta[name]) for name in TRACED if type(meta.get(name)) is str] if meta else None
    return {**(metadata or {}), K_HEADERS: Map.of(carried)} if carried else metadata


async def breathe() -> None:
    """Hand the loop back once."""
    await asyncio.sleep(0)
