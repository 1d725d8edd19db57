"""A stream as programs hold it: commands, waiting, and reading outputs (streaming.md §3.1, §3.11)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import feed, inspection
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import K_ACTION
from rtfs.host.stream.envelope import enveloped
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.ledger import stored_outputs
from rtfs.host.stream.lifecycle import ACTIVE, CANCEL, PAUSE, PAUSED, RESUME, STOP
from rtfs.host.stream.outputs import Output, Reader
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

PROGRAM = "program"  # the reader that `next` of a program uses


class Stream:
    """One stream. Values given and taken are RTFS values. Belongs to the event loop that started it."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner

    def __repr__(self) -> str:
        return f"<Stream {self.id} {self.status.name}>"

    @property
    def id(self) -> str:
        return self.owner.id

    @property
    def status(self) -> Keyword:
        return self.owner.status

    @property
    def state(self) -> Any:
        """The state after the last finished step."""
        return self.owner.state

    # ---- of which kind

    @property
    def awaited(self) -> bool:
        """Does a run wait for its end (§4.6)?"""
        owner = self.owner
        if owner.settings["endpoint"] == feed.ENDPOINT:  # it would wait for its own end
            return False
        return owner.connected and not owner.terminal and not owner.settings["detached"]

    @property
    def unconnected(self) -> bool:
        """Can only injection feed it, so that nobody waits for it?"""
        return not self.owner.connected and not self.owner.terminal

    async def ended(self) -> None:
        """Wait until it is terminal and everything is delivered."""
        await self.until(lambda: self.owner.terminal)

    @property
    def fleeting(self) -> bool:
        """Does nobody know it by its id, so that it need not answer for it once it is over?"""
        return False

    def over(self) -> None:
        """The stream became terminal."""

    async def settled(self) -> None:
        """Wait for what it still does after its end."""

    def program_ended(self) -> None:
        """Nobody of the program pulls any more."""
        self.owner.outputs.release()

    # ---- commands

    async def _command(self, call: Callable[[], Any]) -> Any:
        owner = self.owner
        if owner.task is None or owner.task.done():
            return call()
        return await owner.post(call)

    async def pause(self, reason: str | None = None) -> bool:
        """Stop stepping; the queue is kept. Answers whether the status changed, once that is stored."""
        return bool(await self._command(lambda: self.owner.act(PAUSE, reason=reason)))

    async def resume(self, reason: str | None = None, *, drained: bool = False) -> bool:
        """Go on. With `drained`, answer when the backlog is processed or the stream paused again."""
        owner = self.owner
        changed = bool(await self._command(lambda: owner.act(RESUME, reason=reason)))
        if drained:
            await self.until(lambda: not owner.queue.items or owner.status is not ACTIVE)
        return changed

    async def cancel(self, reason: str | None = None) -> bool:
        """End at once: the queue is discarded, nothing is flushed, the server is not waited for."""
        return bool(await self._command(lambda: self.owner.act(CANCEL, reason=reason)))

    async def stop(self, reason: str | None = None, *, drain: bool = False, timeout_ms: int = 30_000) -> bool:
        """End after the running step; with `drain` after the queue and the flush, for at most `timeout_ms`."""
        owner = self.owner
        if drain and not owner.terminal:
            await self._command(lambda: owner.begin_drain("stop-drain"))
            if await self.until(lambda: owner.terminal, timeout_ms):
                return True
            owner.overdue = True
        return bool(await self._command(lambda: owner.act(STOP, reason=reason)))

    async def checkpoint(self) -> Map:
        """Write a snapshot now. S030 without a store that lasts, S031 when the state cannot be stored."""
        owner = self.owner
        if not owner.checkpoints.committer.store.durable:
            raise fault(30)
        if not owner.terminal:
            problem = await owner.checkpoints.force()
            if owner.failure is not None:
                raise owner.failure
            if problem is not None:
                raise HostCallError("HostError", f"Checkpoint failed: {problem}")
        saved = owner.checkpoints
        id = f"{owner.id}@{owner.epoch}.{saved.number}"
        return keyed(checkpoint_id=id, position=owner.position, seq=owner.intake.seq)

    async def send(self, data: Any, metadata: Map | None = None, *, ack: str = "accepted", timeout_ms: int = 0) -> Map:
        """Inject one chunk. ack: `accepted`, `processed` (raises what the step raised) or `durable` (and stored)."""
        owner = self.owner
        durable = ack == "durable"
        if durable and not owner.checkpoints.committer.store.durable:
            raise fault(30)
        future: asyncio.Future[Any] | None = None if ack == "accepted" else asyncio.get_running_loop().create_future()
        number = await owner.intake.inject(data, metadata, future, timeout_ms, kept=durable)
        if future is not None:
            owner.outputs.release(PROGRAM)  # a program that waits here cannot read
            await self._processed(future, drained=type(data) is Map and data.get(K_ACTION) is RESUME)
            if durable and not owner.terminal:
                await self.checkpoint()
        answer = keyed(accepted=number is not None or owner.terminal, seq=number, status=owner.status)
        if number is None:
            answer = answer.assoc(Keyword("reason"), Keyword("ignored" if owner.terminal else "dropped"))
        elif number == owner.intake.seq and owner.checkpoints.ledger.seen is not None:
            answer = answer.merge(keyed(accepted=False, seq=None, reason=Keyword("duplicate")))
        return answer

    async def send_on(self, data: Any, timeout_ms: int = 0) -> Map:
        """Bring one value to the server; answers when it is on its way.

        S021 without a way back, S023 when there is no connection and none comes, or takes it, within `timeout_ms`.
        """
        owner = self.owner
        if owner.source is None:
            raise fault(21, id=owner.id)
        if not owner.terminal:
            await owner.source.send(data, timeout_ms)
        answer = keyed(accepted=True, seq=None, status=owner.status)
        return answer.assoc(Keyword("reason"), Keyword("ignored")) if owner.terminal else answer

    async def send_again(self, data: Any, metadata: Map, *, attempt: int, kept: bool) -> None:
        """Inject a chunk that was here before. kept: the store has it when this answers. S005 at the end, S020."""
        number = await self.owner.intake.inject(data, metadata, None, 0, kept=kept, attempt=attempt)
        if number is None:
            raise fault(5, id=self.id) if self.owner.terminal else fault(20)

    async def _processed(self, future: asyncio.Future[Any], drained: bool) -> None:
        """Wait for the step of an injected chunk, and for what it changed to be stored; not at all while paused."""
        owner = self.owner
        if owner.status is PAUSED and not future.done():
            future.cancel()
            return
        await future
        if drained:
            await self.until(lambda: not owner.queue.items or owner.status is not ACTIVE)
        await self._command(lambda: None)

    # ---- waiting

    async def until(self, due: Callable[[], bool], timeout_ms: float | None = None) -> bool:
        """Wait until something holds of the stream, asked after each turn.

        False after `timeout_ms`, and when the stream ended without it.
        """
        owner = self.owner
        if due() or (owner.terminal and (owner.task is None or owner.task.done())):
            return due()
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        owner.watchers.append((due, future))
        try:
            return bool(await owner.services.timers.within(timeout_ms, future))
        except TimeoutError:
            return False

    async def wait(
        self, timeout_ms: float | None = None, *, chunks: int | None = None, status: Keyword | None = None
    ) -> Map:
        """`:mcp.stream.await`: until terminal, `chunks` are processed, or the status is `status`."""
        owner = self.owner

        def due() -> bool:
            reached = chunks is not None and owner.stats.processed >= chunks
            return owner.terminal or reached or owner.status is status

        owner.outputs.release(PROGRAM)  # a program that waits here cannot read
        done = await self.until(due, timeout_ms)
        answer = keyed(
            stream_id=owner.id,
            status=owner.status,
            state=owner.shown_state,
            result=owner.state if owner.terminal else None,
            processed_chunks=owner.stats.processed,
            outputs=vector([output.value for output in self.leaving(owner.outputs.since(0, owner.outputs.capacity))]),
            error=owner.error,
        )
        return answer if done else answer.assoc(Keyword("timed-out"), True)

    async def result(self) -> Any:
        """The state at the end. Raises the error of a stream that failed."""
        await self.until(lambda: self.owner.terminal)
        if self.owner.failure is not None:
            raise self.owner.failure
        return self.owner.state

    # ---- outputs

    def reader(self, id: str, *, holds: bool = True, at: int | None = None, lasting: bool = False) -> Reader:
        """Attach a reader; the stream waits for it unless `holds` is false. It starts at the oldest output kept.

        lasting: the host reads by itself, so it is never let go of. Of durable outputs it gets, by its id in any
        process, all that it was not finished with (`Outputs.finished`).
        """
        owner = self.owner
        ledger = owner.checkpoints.ledger
        if lasting and id in ledger.marks:
            at = ledger.marks[id] + 1
            owner.forget_timer(f"reader {id}")
        reader = owner.outputs.attach(id, owner.services.clock.monotonic(), holds=holds and not owner.terminal, at=at)
        if lasting:
            owner.outputs.keep_for(reader)
        if reader.holds and not lasting:
            self._watch(reader)
        return reader

    def await_sinks(self) -> None:
        """Sinks of an earlier process are waited for, but not for ever."""
        for reader in self.owner.outputs.readers.values():
            if reader.absent:
                self._watch(reader)

    def _watch(self, reader: Reader) -> None:
        """Let go of a reader that stops reading."""
        owner = self.owner
        limit = owner.settings["reader-timeout-ms"]
        idle = (owner.services.clock.monotonic() - reader.last_call) * 1000
        if owner.outputs.readers.get(reader.id) is not reader or owner.terminal:
            return
        if idle >= limit:
            owner.outputs.detach(reader.id)
            owner.emit("reader-released", reader=reader.id)
        else:
            owner.timer(f"reader {reader.id}", limit - idle + 1, lambda: self._watch(reader))

    async def read(self, reader: Reader, most: int = 1, timeout_ms: float | None = None) -> list[Output]:
        """Up to `most` outputs; waits for the first. Empty at the end, and after `timeout_ms`."""
        owner = self.owner
        clock = owner.services.clock
        deadline = None if timeout_ms is None else clock.monotonic() + timeout_ms / 1000
        while True:
            found = await self._take(reader, most)
            if found or owner.outputs.ended:
                return found
            left = None if deadline is None else (deadline - clock.monotonic()) * 1000
            if left is not None and left <= 0:
                return []
            owner.checkpoints.hurry()
            try:
                await owner.services.timers.within(left, owner.outputs.arrival(reader.cursor))
            except TimeoutError:
                return []

    async def ahead(self, reader: Reader) -> list[Output]:
        """The next output of a reader, which stays where it is; empty when there is none yet."""
        found = await self._stored(reader, 1)
        if not found:
            found = self.owner.outputs.since(reader.cursor, 1)
        if not found:
            self.owner.checkpoints.hurry()
        return found

    async def _stored(self, reader: Reader, most: int) -> list[Output]:
        """The outputs at a reader's place that only the store has any more."""
        outputs = self.owner.outputs
        if outputs.mode == "durable" and reader.cursor < min(outputs.oldest, outputs.committed):
            return await stored_outputs(self.owner, reader.cursor, most)
        return []

    async def _take(self, reader: Reader, most: int) -> list[Output]:
        """What there is for a reader now: here, or in the store."""
        outputs, now = self.owner.outputs, self.owner.services.clock.monotonic()
        while True:
            found = await self._stored(reader, most)
            found = outputs.took(reader, found, now) if found else outputs.take(reader, most, now)
            kept = self.leaving(found)
            if kept or not found:
                return kept

    def leaving(self, found: list[Output]) -> list[Output]:
        """Of these outputs those that leave the stream."""
        return found

    async def next(
        self, timeout_ms: float = 1000, most: int = 1, *, after: int | None = None, envelope: bool = False
    ) -> Any:
        """`:mcp.stream.next` for the program's own place in the outputs, or for the place `after` an output number."""
        owner = self.owner
        reader = owner.outputs.readers.get(PROGRAM)
        if after is not None:
            reader = self.reader(PROGRAM, at=after + 1)
        elif reader is None:
            reader = self.reader(PROGRAM, at=self.reading_from)
        owner.outputs.hold(reader)
        missed = reader.missed
        found = await self.read(reader, most, timeout_ms)
        if not envelope:
            values = vector([output.value for output in found])
            return values if most > 1 else (values[0] if found else None)
        return enveloped(owner, found, most, reader.missed - missed)

    @property
    def reading_from(self) -> int:
        """The number of the output that `next` of the program gives next."""
        outputs = self.owner.outputs
        reader = outputs.readers.get(PROGRAM)
        if reader is not None:
            return reader.cursor
        return outputs.start if outputs.mode == "durable" else outputs.first

    async def go_on_reading(self, number: int) -> None:
        """Let `next` of the program go on with the output of that number, as in an earlier process."""
        self.reader(PROGRAM, at=number)

    async def outputs(self, after: int = -1, limit: int = 100, *, follow: bool = False) -> Map:
        """`:mcp.stream.outputs`: what is kept from `after` on. With `follow` waits for at least one, or the end."""
        kept = self.owner.outputs
        while follow and not kept.ended and kept.visible <= after + 1:
            self.owner.checkpoints.hurry()
            await kept.arrival(after + 1)
        first = max(after + 1, kept.start)
        stored = kept.mode == "durable" and first < min(kept.oldest, kept.committed)
        found = await stored_outputs(self.owner, first, limit) if stored else kept.since(first, limit)
        listed = [
            keyed(output_seq=output.output_seq, value=output.value, seq=output.seq, time=output.time)
            for output in self.leaving(found)
        ]
        following = found[-1].output_seq + 1 if found else first
        return keyed(
            outputs=vector(listed),
            next=following,
            dropped=max(0, (found[0].output_seq if found else first) - after - 1),
            end=kept.ended and following >= kept.next,
        )

    async def __aiter__(self) -> AsyncIterator[Any]:
        """The outputs from the oldest kept on, until the end. Raises the error of a stream that failed."""
        owner = self.owner
        reader = self.reader(f"iterator-{owner.services.serial()}")
        try:
            while found := await self.read(reader, owner.outputs.capacity):
                for output in found:
                    yield output.value
        finally:
            owner.outputs.detach(reader.id)
            owner.forget_timer(f"reader {reader.id}")
        if owner.failure is not None:
            raise owner.failure

    # ---- looking

    def inspect(self, items: int = 10, redact: tuple[str, ...] = (), max_chars: int = inspection.MAX_CHARS) -> Map:
        """The map of streaming.md §9.1.

        items: how many queued chunks it shows. redact: regular expressions over keys, whose values are hidden.
        max_chars: a value that prints longer is shown as text, cut there.
        """
        return inspection.full(self.owner, items, redact, max_chars)

    def brief(self) -> Map:
        """Status, transport, intake, error and numbers."""
        return inspection.status(self.owner)

    def handle(self) -> Map:
        """What `start` answers."""
        return inspection.handle(self.owner)
