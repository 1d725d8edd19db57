"""The receiver in front of a sink: collects batches, gives them away, tries again, and tells the program (§6.3)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import letter
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.delivery import Holding
from rtfs.host.stream.retry import Lost
from rtfs.host.stream.settings import DEAD_LETTER, SKIP
from rtfs.host.stream.sinks import Outlet, Refused
from rtfs.host.stream.slot import seen
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.outputs import Output
    from rtfs.host.stream.run import Run
    from rtfs.host.stream.slot import Slot

Batch = list["Output"]
RETRY = Keyword("retry")


class Batches(Holding):
    """One sink at work. count: items that were given away; summary: what the sink said at the end.

    Outputs wait in `_waiting` until they are a batch, and in `_flying` until the outlet has given them away.
    """

    def __init__(self, stream: Run, outlet: Outlet, slots: Mapping[str, Slot]) -> None:
        self.stream = stream
        self.outlet = outlet
        self.slots = slots
        self.count = 0
        self.summary: Map | None = None
        self._waiting: Batch = []
        self._since = 0.0
        self._flying: deque[tuple[int, asyncio.Task[None]]] = deque()
        self._next = 0
        self._told = self._over = False

    async def begin(self) -> None:
        """Open the outlet, where the snapshot says that it stood. S041 when what it needs is not kept any more."""
        owner = self.stream.owner
        memory = owner.sink_memory
        if memory is not None:
            self._next, self.count = memory.get(Keyword("next")), memory.get(Keyword("count"))
            if self._next < owner.outputs.trimmed:
                raise fault(41, s=self.outlet.name, e=f"output {self._next} is not stored any more")
        await self.outlet.open(None if memory is None else memory.get(Keyword("at")), resumed=owner.resumed)
        owner.sink = self

    def memory(self) -> Map:
        """What a snapshot keeps: the first output that is not given away, and how far the outlet is."""
        values = self.outlet.name, self._first(self._next), self.count, self.outlet.memory()
        return Map.of(zip(map(Keyword, ("name", "next", "count", "at")), values, strict=True))

    # ---- what the delivery asks

    @property
    def settled(self) -> int | None:
        self._landed()
        return self._first(None) if self._flying or self._waiting else None

    def _first(self, otherwise: Any) -> Any:
        if self._flying:
            return self._flying[0][0]
        return self._waiting[0].output_seq if self._waiting else otherwise

    def wait_ms(self) -> float | None:
        if not self._waiting and not self._flying:
            return None
        waited = (self.stream.owner.services.clock.monotonic() - self._since) * 1000
        return max(0.0, self.outlet.wait_ms - waited)

    async def item(self, output: Output) -> None:
        if not self._waiting:
            self._since = self.stream.owner.services.clock.monotonic()
        self._waiting.append(output)
        self._landed()
        if len(self._waiting) >= self.outlet.size:
            await self._send()

    async def flush(self) -> None:
        if self._waiting:
            await self._send()
        while self._flying:
            await self._land()

    # ---- batches

    async def _send(self) -> None:
        """Give what waits away; where several batches may be under way, when there is room."""
        batch = list(self._waiting)
        if self.outlet.concurrency == 1:
            return await self._give(batch)
        while len(self._flying) >= self.outlet.concurrency:
            await self._land()
        self._waiting = []
        self._flying.append((batch[0].output_seq, asyncio.ensure_future(self._give(batch))))

    async def _land(self) -> None:
        """Wait for the oldest batch that is under way."""
        await asyncio.wait({self._flying[0][1]})
        self._landed()

    def _landed(self) -> None:
        """Let go of batches that are given away, the oldest first. Raises what one failed with."""
        while self._flying and self._flying[0][1].done():
            self._flying.popleft()[1].result()

    async def _give(self, batch: Batch) -> None:
        owner, outlet = self.stream.owner, self.outlet
        attempts = outlet.attempts(owner.settings["retry"])
        while True:
            try:
                answer = await outlet.give(batch)
            except Exception as error:
                if isinstance(error, RtfsError) and error.kind == "Cancelled":
                    raise
                wait = attempts.wait_ms(error) if isinstance(error, Lost) else None
                if wait is None:
                    if await self._failed(batch, error):
                        continue
                    return
                owner.stats.retried += 1
                owner.emit("retrying", problem=str(error), wait_ms=round(wait))
                await owner.services.clock.sleep(wait / 1000)
            else:
                break
        self.count += len(batch)
        self._done(batch)
        if outlet.each is not None:
            await self._call(outlet.each, batch[-1].seq, *answer)

    async def _failed(self, batch: Batch, error: Exception) -> bool:
        """A batch failed for good: what the program and `:on-error` say. True to try it again; S041 to fail."""
        owner = self.stream.owner
        if self.outlet.splits and len(batch) > 1 and isinstance(error, Refused):
            middle = len(batch) // 2
            await self._give(batch[:middle])
            await self._give(batch[middle:])
            return False
        found = self._error(error)
        then = await self._decision(found, batch)
        if then is RETRY:
            return True
        if then is not SKIP and then is not DEAD_LETTER:
            raise found
        event = "dead-lettered" if then is DEAD_LETTER else "chunk-skipped"
        for output in batch:
            owner.stats.failed += 1
            owner.emit(event, at_seq=output.seq, code=found.code, message=found.message)
            if then is SKIP:
                owner.stats.skipped += 1
            else:
                owner.stats.dead_lettered += 1
                chunk = (output.seq, output.value, output.time, None, None)
                owner.checkpoints.bury(letter.write(owner, chunk, found))
        self._done(batch)
        return False

    def _done(self, batch: Batch) -> None:
        """A batch is given away or given up: a snapshot need not have it any more."""
        self._next = max(self._next, batch[-1].output_seq + 1)
        if self.outlet.concurrency == 1:
            del self._waiting[: len(batch)]

    async def _decision(self, error: RtfsError, batch: Batch) -> Any:
        """`:skip`, `:dead-letter`, `:retry` or something else, which is to fail."""
        then = self.stream.owner.settings["on-error"].then
        if "on-error" not in self.slots:
            return then
        items = vector([output.value for output in batch])
        answer = await self._call("on-error", batch[0].seq, seen(error), items)
        if answer in (SKIP, DEAD_LETTER, RETRY):
            return answer
        if self.outlet.skips and then is not DEAD_LETTER:
            return SKIP
        self._told = then is not SKIP and then is not DEAD_LETTER
        return then

    def _error(self, error: Exception) -> RtfsError:
        """S041 for what the outlet raised."""
        if isinstance(error, RtfsError) and error.code.startswith("RTFS-S"):
            return error
        text = error.message if isinstance(error, RtfsError) else str(error) or type(error).__name__
        found = fault(41, data=error.data if isinstance(error, Refused) else None, s=self.outlet.name, e=text)
        if isinstance(error, RtfsError):
            found.notes.extend(error.notes)
        return found

    async def _call(self, name: str, seq: int, *args: Any) -> Any:
        slot = self.slots.get(name)
        return None if slot is None else await slot(self.stream.id, seq, *args)

    # ---- the end

    async def failed(self, error: RtfsError) -> None:
        await self._end("failed")
        if not self._told:
            await self._call("on-error", self.stream.owner.outputs.next, seen(error), vector([]))

    async def completed(self, count: int) -> None:
        """The marks are stored before the outlet completes: what comes after a kill then is a new run."""
        await self.stream.owner.checkpoints.written()
        self._over = True
        try:
            self.summary = await self.outlet.complete(self.count)
        except Exception as error:
            raise self._error(error) from error
        end = self.count if self.outlet.totals else self.summary
        await self._call("on-complete", self.stream.owner.outputs.next, end)

    async def close(self) -> None:
        """The run ended, or this process does."""
        for _, task in self._flying:
            task.cancel()
        await asyncio.gather(*(task for _, task in self._flying), return_exceptions=True)
        owner = self.stream.owner
        if self._over:
            return
        if owner.ending == "stop-drain" and not self._waiting:
            await self.completed(self.count)
        elif owner.ending == "shutdown" or not owner.terminal:
            await self._end("left" if owner.checkpoints.committer.store.durable else "cancelled")
        else:
            await self._end("failed" if owner.failure is not None else "cancelled")

    async def _end(self, fate: str) -> None:
        if not self._over:
            self._over = True
            await self.outlet.end(fate)
