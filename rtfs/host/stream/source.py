"""The source of a stream: connects, lets the adapter run, tries again when the transport is lost (§3.7)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import adapters
from rtfs.host.stream.adapters import Adapter, Instead, Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.connection import Connection, Deaf, Pool, Unreadable
from rtfs.host.stream.intake import Flooded
from rtfs.host.stream.loss import as_loss, unreadable
from rtfs.host.stream.options import RECORDED
from rtfs.host.stream.question import Asker
from rtfs.host.stream.retry import Attempts, Lost
from rtfs.host.stream.transports import Limits, Target
from rtfs.lang.codec import encode
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.host.stream.endpoint import Endpoint
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.record import Recorder


class Source:
    """One stream's way to its server. state: closed, connecting, open or retrying; it never changes the status itself.

    era: the protocol version spoken; connected_at: host ms; reconnects: how often the transport came back; attempt: the
    task that runs the adapter.
    """

    def __init__(self, adapter: Adapter, endpoint: Endpoint, pool: Pool, shown: str) -> None:
        target = endpoint.target
        self.adapter = adapter
        self.admit: Callable[[str], None] = lambda url: None
        self.recorder: Recorder | None = None
        self.state = "closed"
        self.era: str | None = None
        self.connected_at: int | None = None
        self.reconnects = 0
        self.last_error: str | None = None
        self.shown_url = None if target is None else target.shown
        self._target = target
        self._pool = pool
        self._shown = shown
        self._owner: Owner
        self._task: asyncio.Task[None] | None = None
        self.attempt: asyncio.Task[None] | None = None
        self._interrupted: Exception | None = None
        self._connecting: float | None = None  # since when, until it is told how it went
        self._opened_at = math.inf
        self.answers: Callable[[str], Asker] | None = None  # who answers, for a stream, what the server asks back
        self._asker: Asker | None = None
        self._openings: list[asyncio.Future[None]] = []

    @property
    def adapter_name(self) -> str:
        return self.adapter.name

    @property
    def guarantee(self) -> str:
        return self.adapter.guarantee

    @property
    def replayable(self) -> bool:
        return self.adapter.replayable

    @property
    def follows(self) -> bool:
        """Does it read streams of this host, and has it begun to?"""
        return self.adapter.follows and self._task is not None

    @property
    def progress_token(self) -> bool | None:
        return self.adapter.token

    def memory(self) -> Any:
        """What a snapshot keeps for the adapter."""
        return self.adapter.memory()

    async def send(self, data: Any, timeout_ms: int) -> None:
        """Bring a value to the server. S021 when the source has no way back, S023 without a connection for so long."""
        if not self.adapter.sends:
            raise fault(21, id=self._owner.id)
        try:
            await self.adapter.send(data)
        except Lost as loss:
            opening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._openings.append(opening)
            try:
                await self._owner.services.timers.within(timeout_ms, opening)
                await self.adapter.send(data)
            except (TimeoutError, Lost) as still:
                why = still.why if isinstance(still, Lost) else loss.why
                raise fault(23, n=self._owner.intake.attempt, e=why) from None
            finally:
                self._openings = [waiting for waiting in self._openings if waiting is not opening]

    def launch(self, owner: Owner) -> None:
        """Start bringing chunks to a stream."""
        self._owner = owner
        self.state = "connecting"
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"rtfs source {owner.id}")
        recorder = self.recorder
        if recorder is not None:
            self._task.add_done_callback(lambda task: recorder.close())

    def close(self) -> None:
        """Bring nothing more. The server is not waited for."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
        self.state = "closed"

    async def closed(self) -> None:
        """Wait until the task has let go of its connection."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        owner = self._owner
        try:
            outcome = await self._connections(Attempts(owner.settings["retry"], owner.services.random))
        except Exception as error:  # a defect must end the stream, not leave it waiting for ever
            owner.services.defect(owner, error)
            outcome = fault(24, a=f":{self.adapter.name}", endpoint=self._shown, why=f"{type(error).__name__}: {error}")
        self.state = "closed"
        for opening in self._openings:  # nothing will be opened any more
            if not opening.done():
                opening.set_exception(Lost(self.last_error or "the source has ended"))
        if isinstance(outcome, RtfsError):
            self.last_error = outcome.message
        owner.source_finished(outcome)

    async def _connections(self, attempts: Attempts) -> RtfsError | bool:
        """One connection after the other: True at the end of the source, else what ended it."""
        while True:
            try:
                await self._once(attempts)
                return True
            except Lost as loss:
                if self._played or self._cancelled:
                    return True
                if loss.retry_after is None:
                    loss.retry_after = self.adapter.wish
                wait = attempts.wait_ms(loss)
                self.last_error = loss.why
                if wait is None or not self.adapter.may_repeat():
                    return self._given_up(loss, attempts.failures)
                await self._pause(loss, wait)
            except RtfsError as error:
                return error

    @property
    def _cancelled(self) -> bool:
        """Was the source closed? A connection that breaks in that moment must not hide it."""
        return self._task is not None and self._task.cancelling() > 0

    @property
    def _played(self) -> bool:
        """Is the server a recording that has nothing more to say?"""
        return isinstance(self._target, Target) and getattr(self._target.place, "over", False) is True

    def _given_up(self, loss: Lost, failures: int) -> RtfsError:
        if loss.hopeless:
            return fault(24, a=f":{self.adapter.name}", endpoint=self._shown, why=loss.why)
        return fault(23, data={"status": loss.status}, n=failures, e=loss.why)

    async def _pause(self, loss: Lost, wait: float) -> None:
        """Row 12: the status stays, the transport tries again."""
        owner = self._owner
        self.state = "retrying"
        owner.emit("retrying", problem=loss.why, wait_ms=round(wait))
        if owner.services.instruments is not None:
            owner.services.instruments.retrying(owner, loss.kind)
        await owner.services.clock.sleep(wait / 1000)
        self.state = "connecting"
        owner.intake.attempt += 1

    async def _once(self, attempts: Attempts) -> None:
        """One connection from opening to the end of the source, under the watchdog. Lost when it can be tried again."""
        owner = self._owner
        before, self._interrupted = owner.intake.seq, None
        connection: Connection | None = None
        suspect = False
        self._opened_at = math.inf  # until it is open
        self._connecting = owner.services.clock.monotonic()
        if self.recorder is not None and self._target is not None:
            self.recorder.connect(self._target.headers(), self._about())
        try:
            if self.adapter.connects:
                connection = self._connect()
                self._join(connection)
            await self._attempted(connection)
            if self.adapter.endless:
                raise Lost("the server ended the stream", clean=True)
            self._note("close", "the source ended")
        except (Lost, RtfsError, asyncio.CancelledError) as error:
            suspect = isinstance(error, Lost)
            self._note("error" if str(error) else "close", str(error) or "we closed it")
            self._tell_connected(str(error) or "cancelled")
            raise
        except Exception as error:
            suspect = True
            self._note("error", str(error))
            self._tell_connected(f"{type(error).__name__}: {error}")
            if unreadable(error):
                owner.intake.malformed("the answer to a request is no JSON-RPC message")
                raise Lost("a frame that nobody can read ended the request") from error
            raise await as_loss(error, connection, self.adapter.name, self._shown) from error
        finally:
            open_ms = (owner.services.clock.monotonic() - self._opened_at) * 1000
            attempts.stable(open_ms, owner.intake.seq - before)
            owner.forget_timer("watchdog")
            if connection is not None:
                self._leave(connection)
                self._pool.release(connection, owner.settings["close-timeout-ms"], suspect=suspect)

    async def _attempted(self, connection: Connection | None) -> None:
        """The connection's work in a task of its own, which silence and floods interrupt."""
        self.attempt = asyncio.ensure_future(self._with(connection))
        try:
            await self.attempt
        except asyncio.CancelledError:
            self.attempt.cancel()
            if self._interrupted is None:
                raise
            raise self._interrupted from None

    def _about(self) -> dict[str, Any]:
        """What a replay has to know of the stream."""
        owner = self._owner
        kept = Map.of((key, value) for key, value in owner.fixed.given.entries() if key.name in RECORDED)
        return {
            "adapter": self.adapter.name,
            "endpoint": self._shown,
            "started": owner.started_at,
            "options": encode(kept),
        }

    def _note(self, kind: str, why: str) -> None:
        """The recording tells how a connection ended, unless it is the recording that cannot be written."""
        if self.recorder is not None:
            with suppress(RtfsError):
                self.recorder.frame("-", kind, {"why": why})

    def _connect(self) -> Connection:
        settings = self._owner.settings
        assert self._target is not None
        limits = Limits(settings["connect-timeout-ms"], settings["max-message-bytes"])
        after = self.adapter.after(self._owner.intake.position)
        target = self._target if after is None else self._target._replace(after=after, key=(self._target.key, after))
        return self._pool.take(target, self.adapter.mode or settings["mode"], limits)

    def _join(self, connection: Connection) -> None:
        """Hear what the connection hears, and answer what its server asks."""
        connection.hearers.append(self._heard)
        self._asker = None if self.answers is None else self.answers(self._owner.id)
        if self._asker is not None:
            connection.askers.append(self._asker)

    def _leave(self, connection: Connection) -> None:
        """Let go of a connection."""
        connection.hearers.remove(self._heard)
        if self._asker is not None:
            connection.askers.remove(self._asker)

    async def _with(self, connection: Connection | None) -> None:
        owner = self._owner
        services = owner.services
        client = notes = None
        if connection is not None:
            client = await services.timers.within(owner.settings["connect-timeout-ms"], connection.opened())
            self.era, notes = client.protocol_version, connection.notes
        if connection is not None or self._target is None:
            self._opened()
        gone = asyncio.ensure_future(_never() if connection is None else connection.ended())
        place = self._target, self._opened, self.admit, self.recorder, notes
        try:
            await self._run_adapter(Session(client, services.timers, self._shown, gone, *place))
        finally:
            gone.cancel()

    def _tell_connected(self, problem: str | None = None) -> None:
        """How the opening of a connection went, to whoever measures: once for each."""
        began, self._connecting = self._connecting, None
        services = self._owner.services
        if services.instruments is not None and began is not None:
            services.instruments.connected(self._owner, (services.clock.monotonic() - began) * 1000, problem)

    def _opened(self) -> None:
        """The connection is there."""
        owner = self._owner
        again = self.connected_at is not None
        self._opened_at = owner.services.clock.monotonic()
        self.connected_at = owner.services.clock.now_ms()
        self.state = "open"
        if again:
            self.reconnects += 1
        self._tell_connected()
        owner.emit("reconnected" if again else "opened", era=self.era, attempt=owner.intake.attempt)
        owner.intake.quiet_since = self.connected_at
        for opening in self._openings:
            if not opening.done():
                opening.set_result(None)
        self._watch()

    async def _run_adapter(self, session: Session) -> None:
        """Let the adapter run; one that does not fit the server names the one that does."""
        owner = self._owner
        while True:
            try:
                return await self.adapter.run(session, owner.intake)
            except Instead as other:
                memory = self.adapter.memory()
                owner.settings.update(other.settings)
                self.adapter = adapters.load(other.name, owner.settings)
                self.adapter.remember(memory)
                owner.describe(other.name, owner.epoch)
                owner.emit("adapter", adapter=other.name)

    def _heard(self, message: Any) -> None:
        """What the connection hears. The adapter may make chunks of it."""
        try:
            if isinstance(message, Unreadable):
                self._owner.intake.malformed(message.why)
            elif isinstance(message, Deaf):
                if self.adapter.listens:
                    self._interrupt(Lost(message.why, clean=True))
            else:
                self.adapter.heard(message, self._owner.intake)
        except Flooded as flood:
            self._interrupt(Lost(f"the stream cannot keep up: {flood}"))
        except RtfsError as error:
            self._interrupt(error)

    def _interrupt(self, why: Exception) -> None:
        """End this connection's attempt; `why` is what it ends with."""
        self._interrupted = why
        if self.attempt is not None:
            self.attempt.cancel()

    # ---- silence

    def _watch(self) -> None:
        """Look again when the silence allowed would be over."""
        owner = self._owner
        allowed = owner.settings["idle-timeout-ms"] or self.adapter.idle_ms
        if allowed is None or self.state != "open":
            return
        now = owner.services.clock.now_ms()
        silent = 0 if owner.queue.shut else now - owner.intake.quiet_since
        if silent >= allowed:
            self._interrupt(Lost(f"no message for {allowed} ms"))
        else:
            owner.timer("watchdog", allowed - silent, self._watch)


async def _never() -> None:
    """A source of this process has no connection that could end."""
    await asyncio.Event().wait()
