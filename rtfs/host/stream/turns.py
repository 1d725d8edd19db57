"""Turns of a stream: when there is one to be made, and plain chunks that go through a chain in one call (§6.10)."""

from __future__ import annotations

from itertools import islice, takewhile
from time import monotonic
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.course import Course
from rtfs.host.stream.lifecycle import ACTIVE, PAUSED
from rtfs.host.stream.processor import step_error
from rtfs.host.watch import SHORT
from rtfs.lang.errors import LimitError

if TYPE_CHECKING:
    from rtfs.host.stream.chunk import Chunk
    from rtfs.host.stream.processor import Batch, Processor
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings

TURN_CHUNKS = 64
BATCH_CHUNKS = 256
BATCH_OUTPUTS = 4_096  # about so many, where a chunk may give several


class Turns(Course):
    """What an owner does in a turn, as far as it needs no step of its own for a chunk."""

    __slots__ = ("_reach",)

    def __init__(self, id: str, settings: Settings, processor: Processor, services: Services) -> None:
        super().__init__(id, settings, processor, services)
        self._reach = 1  # chunks of the next batch, where one may give several outputs

    def runnable(self) -> bool:
        """Is there a turn to be made now?"""
        if self.tick_due:
            return True
        if self.held or self.store_is_broken or self.leaving or (self.status is not ACTIVE and not self.draining):
            return False
        return bool(self.queue.items) and self.outputs.next < self.outputs.limit

    def batches(self, batch: Batch) -> int:
        """Batches of plain chunks, as many chunks as a turn of steps would take: the first ones may be small."""
        deadline, enough, taken = monotonic() + SHORT, self.outputs.next + BATCH_OUTPUTS, 0
        while (more := self._at_once(batch, taken)) and batch.spreads:
            taken += more
            if taken >= TURN_CHUNKS or self.outputs.next >= enough or monotonic() > deadline:
                return taken
            if self.tick_due or not self.runnable():
                return taken
        return taken + more

    def _at_once(self, batch: Batch, done: int) -> int:
        """Plain chunks in one call; 0 when the next one needs a step of its own, to the chunk that fails included."""
        items, outputs = self.queue.items, self.outputs
        if self.contract is not None or self.services.events.detailed or self.settings["max-chunks"] is not None:
            return 0
        space = outputs.limit - outputs.next
        most = self._reach if batch.spreads else BATCH_CHUNKS
        room = max(0, min(len(items), most, space, self.checkpoints.room - done))
        taken = list(takewhile(_plain, islice(items, room)))
        if not taken:
            return 0
        try:
            made = self._made(batch, taken)
            if batch.spreads and made is not None and len(made[1]) > space and made[1][space - 1][0] + 1 < len(taken):
                taken = taken[: made[1][space - 1][0] + 1]  # as far as single steps would have gone
                made = self._made(batch, taken)
        except LimitError as error:
            self.fail(step_error(error, self.processor.name))
            return 0
        if made is None:
            return 0
        self.state, produced, wake_at = made
        if batch.spreads:
            self._reach = max(1, min(2 * len(taken), BATCH_CHUNKS, BATCH_OUTPUTS * len(taken) // (len(produced) or 1)))
        for _ in taken:
            items.popleft()
        for number, value in produced:
            seq, _, time, _, extra = taken[number]
            outputs.push(value, seq, time, extra)
        if wake_at is not None:
            self.wake_at(wake_at)
        if taken[-1][3] is not None:
            self.position = taken[-1][3]
        self.after_turn(len(taken), taken[-1])
        return len(taken)

    def _made(self, batch: Batch, taken: list[Chunk]) -> tuple[Any, Any, int | None] | None:
        """What a batch makes of chunks."""
        columns = [self.column(field, taken) for field in batch.fields]
        return batch.through(self.state, tuple([chunk[1] for chunk in taken]), columns, self.settings["max-outputs"])

    def after_turn(self, done: int, last: Chunk | None) -> None:
        """Count the chunks of a turn, up to the last one."""
        stats, now = self.stats, self.services.clock.now_ms()
        stats.processed += done
        stats.outputs = self.outputs.next
        if last is not None:
            self.last_chunk_at = last[2]
            self.latency.add(now - last[2])
        self.rate.note(now, self.intake.seq, self.outputs.next)
        self.adjust_gate()
        most = self.settings["max-chunks"]
        if most is not None and stats.processed >= most and self.status is ACTIVE:
            self.finish("complete")
        elif self.status is PAUSED:
            self.maybe_auto_resume()


def _plain(chunk: Chunk) -> bool:
    """Is there nothing about the chunk that a step by itself would have to look at?"""
    return chunk[4] is None or chunk[4].plain
