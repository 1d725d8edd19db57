"""Connections to MCP servers, each opened, used as a door and closed by one task of its own (streaming.md §3.6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream import question, transports
from rtfs.host.stream.notes import Notes
from rtfs.host.stream.question import Asker
from rtfs.host.stream.timers import Timer, Timers
from rtfs.host.stream.transports import Limits, Link, Tap, Target

if TYPE_CHECKING:
    from anyio import CancelScope
    from mcp import Client

logging.getLogger("mcp").addHandler(logging.NullHandler())  # the SDK's tracebacks only where logging was set up
LINGER_MS = 5_000
CAUSE_SECONDS = 1.0
REAPING_SECONDS = 15.0  # the SDK asks a child to end, terminates it and kills it, two seconds each
UNKNOWN_THERE = (404, 405)  # HTTP statuses of a server that may speak an older transport


class Unreadable(NamedTuple):
    """What a connection's hearers get in place of a message that nobody can read."""

    why: str


class Deaf(NamedTuple):
    """What hearers get when nothing that the server says unasked will arrive any more."""

    why: str


Hearer = Callable[[Any], None]


class Connection:
    """One `mcp.Client`. Its task enters and leaves the SDK's contexts; others ask it to close and use `client`.

    users: streams that hold it; suspect: it did not serve a stream well, so nobody new gets it; failure: what broke it,
    as the innermost exception. hearers: called with each notification of the server and with `Unreadable`, in the order
    of the wire, and with `Deaf`; they must not wait. askers: who may answer what the server asks back. notes: who takes
    progress notes; None for a server of this process, which calls back.
    """

    def __init__(self, target: Target, mode: str, limits: Limits, *, samples: bool = False) -> None:
        self.target = target
        self.link: Link = transports.connect(target, limits)
        self.users = 0
        self.hearers: list[Hearer] = []
        self.askers: list[Asker] = []
        self.notes: Notes | None = None
        self.failure: BaseException | None = None
        self.suspect = False
        self.timer: Timer | None = None
        self._mode = mode
        self._limits = limits
        self._samples = samples
        loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[Client] = loop.create_future()
        self._closing = asyncio.Event()
        self._scope: CancelScope | None = None
        self._task = loop.create_task(self._serve(), name=f"rtfs connection {target.shown}")

    async def _serve(self) -> None:
        try:
            try:
                await self._use()
            except Exception as error:
                if self.target.older is None or self._ready.done() or self.link.status not in UNKNOWN_THERE:
                    raise
                await self._use_older(self.target.older, error)
        except BaseException as error:  # groups of everything the SDK's tasks met; kept for whoever asks for the cause
            self.failure = self.link.fault or innermost(error)
            if isinstance(error, asyncio.CancelledError) and self._closing.is_set():
                raise
        finally:
            if not self._ready.done():
                self._ready.cancel()

    async def _use(self) -> None:
        """Open the link, let others use it, and close it when asked to."""
        import anyio
        from mcp import Client

        self.link.listen(self)
        recorder = self.target.recorder
        endpoint = self.link.endpoint if recorder is None else recorder.carrying(self.link.endpoint)
        if isinstance(endpoint, Tap):
            self.notes = endpoint.notes = Notes()
        with anyio.CancelScope() as self._scope:
            async with Client(
                endpoint,
                mode=self._mode,
                message_handler=self._heard,
                elicitation_callback=self._elicited,
                sampling_callback=self._sampled if self._samples else None,
            ) as client:
                if not self._ready.done():
                    self._ready.set_result(client)
                await self._closing.wait()

    async def _use_older(self, scheme: str, refusal: Exception) -> None:
        """Use an older transport; when that does not open either, what the newer one met is the reason."""
        newer, self.link = self.link, transports.connect(self.target._replace(scheme=scheme), self._limits)
        try:
            await self._use()
        except Exception:
            if self._ready.done():
                raise
            self.link = newer
            raise refusal from None

    async def _heard(self, message: Any) -> None:
        """A notification, from the SDK. Frames it cannot read come from the link."""
        if not isinstance(message, Exception):
            for hear in self.hearers:
                hear(message)

    async def _elicited(self, context: Any, params: Any) -> Any:
        return await question.elicit(next(iter(self.askers), None), self.target.shown, params)

    async def _sampled(self, context: Any, params: Any) -> Any:
        return await question.sample(next(iter(self.askers), None), params)

    def malformed(self, why: str) -> None:
        """The link met a frame that nobody can read."""
        for hear in list(self.hearers):
            hear(Unreadable(why))

    def deaf(self, why: str) -> None:
        """The link lost the way for what the server says unasked."""
        for hear in list(self.hearers):
            hear(Deaf(why))

    def lost(self, why: str) -> None:
        """The other side went away: nobody can use this connection any more."""
        if not self._closing.is_set():
            self.failure = ConnectionError(why)
            self._closing.set()

    async def opened(self) -> Client:
        """The client, once the handshake is over. Raises what prevented it."""
        both: set[asyncio.Future[Any]] = {self._ready, self._task}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if self._ready.done() and not self._ready.cancelled():
            return self._ready.result()
        await asyncio.wait({self._task})
        raise self.failure or ConnectionError("the connection closed before it was open")

    @property
    def broken(self) -> bool:
        """Has the other side gone?"""
        return self._task.done() or self.link.ended or self._closing.is_set()

    async def ended(self) -> None:
        """Return when the connection is over."""
        await asyncio.wait({self._task})

    async def cause(self) -> BaseException | None:
        """What broke the connection, if that shows within a moment."""
        if not self._task.done() and self.link.fault is None:
            await asyncio.wait({self._task}, timeout=CAUSE_SECONDS if self.link.ended else 0.05)
        return self.link.fault or self.failure

    async def close(self, milliseconds: int) -> None:
        """Close it; after `milliseconds` by cancelling all but the end of a child process, which the SDK bounds."""
        self._closing.set()
        if not self._task.done():
            await asyncio.wait({self._task}, timeout=milliseconds / 1000)
        if not self._task.done() and self._scope is not None:
            self._scope.cancel()
            await asyncio.wait({self._task}, timeout=REAPING_SECONDS)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})


class Pool:
    """The open connections; streams on the same server with the same credentials share one."""

    def __init__(self, timers: Timers, may_sample: Callable[[], bool] = bool) -> None:
        self._timers = timers
        self._may_sample = may_sample
        self._open: dict[Any, Connection] = {}
        self._all: set[Connection] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def take(self, target: Target, mode: str, limits: Limits) -> Connection:
        """A connection to the target, perhaps still opening; give it back with `release`."""
        key = (target.key, mode, limits.message_bytes)
        found = self._open.get(key)
        if found is None or found.suspect or found.broken:
            found = self._open[key] = Connection(target, mode, limits, samples=self._may_sample())
            self._all.add(found)
        if found.timer is not None:
            found.timer.cancel()
            found.timer = None
        found.users += 1
        return found

    def release(self, connection: Connection, close_ms: int, *, suspect: bool = False) -> None:
        """A stream lets go. The last one out closes the door, after a while in which another may come."""
        connection.users -= 1
        connection.suspect = connection.suspect or suspect
        if connection.users > 0:
            return
        if connection.suspect or connection.broken:
            self._retire(connection, close_ms)
        else:
            connection.timer = self._timers.after(LINGER_MS, lambda: self._retire(connection, close_ms))

    def _retire(self, connection: Connection, close_ms: int) -> None:
        self._all.discard(connection)
        self._open = {key: known for key, known in self._open.items() if known is not connection}
        task = asyncio.get_running_loop().create_task(connection.close(close_ms))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self, close_ms: int = 5_000) -> None:
        """Close everything, all at the same time."""
        for connection in list(self._all):
            self._retire(connection, close_ms)
        while self._closing:
            await asyncio.wait(set(self._closing))


def innermost(error: BaseException) -> BaseException:
    """The first real exception inside groups of them."""
    while isinstance(error, BaseExceptionGroup):
        real = [inner for inner in error.exceptions if not isinstance(inner, asyncio.CancelledError)]
        error = real[0] if real else error.exceptions[0]
    return error
