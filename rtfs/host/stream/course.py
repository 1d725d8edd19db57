"""How a stream changes status: every change goes through the one table of `lifecycle` (streaming.md §1.6, §1.7)."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from rtfs.host.stream.body import Body
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.intake import answer
from rtfs.host.stream.lifecycle import ACTIONS, ACTIVE, CONTINUE, PAUSE, PAUSED, RESUME, TERMINAL, Move, transition
from rtfs.host.stream.slot import failure
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.processor import Processor
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings

T = TypeVar("T")


class Course(Body):
    """The status of a stream and all that moves it."""

    __slots__ = ()

    def __init__(self, id: str, settings: Settings, processor: Processor, services: Services) -> None:
        super().__init__(id, settings, processor, services)
        self.outputs.moved = self._reader_moved

    @abstractmethod
    def announce(self) -> None:
        """Tell readers and watchers."""

    @abstractmethod
    def control_step(self, control: str) -> None:
        """Call the processor with a control chunk."""

    # ---- moves

    def act(self, action: Keyword, by: str = "call", reason: str | None = None) -> bool:
        """Take one of the six actions; an unknown one fails the stream (row 9). Did the status change?"""
        if reason is not None:
            self.reason = reason
        if action not in ACTIONS:
            return self.finish("unknown", fault(13, x=f":{action.name}"))
        if action is CONTINUE:
            return False
        if action is PAUSE:
            return self._pause(by)
        return self.finish(action.name)

    def _pause(self, by: str) -> bool:
        changed = self.finish("pause")
        if changed:
            self.paused_by = by
            if self.settings["resume-after-ms"] is not None:
                self.timer("resume", self.settings["resume-after-ms"], lambda: self.order(RESUME))
        return changed

    def finish(self, event: str, error: RtfsError | None = None) -> bool:
        """Meet an event of the table: flush if it says so, then take the new status. Did it change?"""
        move = transition(event, self.status)
        if move.to is None:
            return False
        if move.to in TERMINAL:
            self.ending = event
        if move.flush:
            self.control_step("flush")
            if self.status in TERMINAL:  # the flush failed
                return True
        self._enter(move, error)
        return True

    def _enter(self, move: Move, error: RtfsError | None) -> None:
        before, status = self.status, move.to
        assert status is not None
        self.status = status
        self.forget_timer("resume")
        self.transitions += 1
        self.dirty = True
        if error is not None:
            self._record(error)
        if move.queue == "discard":
            self.discard()
        if status is not ACTIVE:
            for chunk in self.queue.known():
                answer(chunk)  # nobody can say when they will be processed
        if status in TERMINAL:
            self.draining = ""
        self.paused_by = ""
        self.note_transition(before)
        self.emit("transition", **{"from": before.name, "to": status.name})
        self.emit("resumed" if status is ACTIVE else status.name, reason=self.reason)
        if status is ACTIVE and self.processor.line is not None:
            self.tick()
        self.wake()

    def discard(self) -> None:
        """Give up what is queued."""
        count, dropped = self.queue.clear()
        self.stats.discarded += count
        for chunk in dropped:
            answer(chunk)

    def note_transition(self, before: Keyword | None) -> None:
        """Write the status it has now into the journal of the host; `before` is None at its start."""
        journal = self.services.journal
        if journal is None:
            return
        try:
            journal.stream(
                self.id, None if before is None else before.name, self.status.name, self.reason, self.failure
            )
        except Exception as defect:  # the stream's own course must not depend on who writes it down
            self.services.defect(cast("Owner", self), defect)

    def _record(self, error: RtfsError) -> None:
        self.failure = error
        names = ("code", "message", "seq", "at")
        seq = max(0, self.intake.seq - self.queue.depth - 1)
        values = (error.code, error.message, seq, self.services.clock.now_ms())
        self.error = Map.of(zip(map(Keyword, names), values, strict=True))

    def consult(self, why: str, work: Awaitable[T], then: Callable[[T], Any]) -> None:
        """Stand still while an effect slot is asked, then do what follows from its answer; a failing slot fails the
        stream."""
        self.hold(why)
        task = asyncio.get_running_loop().create_task(self._consult(why, work, then), name=f"rtfs {why} of {self.id}")
        self.errands = (*(each for each in self.errands if not each.done()), task)

    async def _consult(self, why: str, work: Awaitable[T], then: Callable[[T], Any]) -> None:
        try:
            answered = partial(then, await work)
        except Exception as error:
            answered = partial(self.fail, failure(error))

        def settle() -> None:
            self.held -= {why}
            if not self.terminal:
                answered()

        self.post(settle)

    def order(self, action: Keyword, by: str = "call") -> None:
        """Have the owner take an action between steps, without waiting for it."""
        self.post(lambda: self.act(action, by))

    # ---- what goes wrong

    def fail(self, error: RtfsError) -> None:
        """Row 10."""
        self.finish("failure", error)

    async def overturned(self, error: RtfsError) -> None:
        """Row 15, where the sink of a completed stream fails at its very end; it is stored as far as that can be."""
        self._enter(transition("end-failed", self.status), error)
        self.dirty = False
        await self.checkpoints.amended()

    def unknown_directive(self, action: Keyword) -> None:
        """Row 9."""
        self.finish("unknown", fault(13, x=f":{action.name}"))

    def overflowed(self) -> None:
        """Row 14, from a transport."""
        self.emit("overflow", capacity=self.queue.capacity)
        self.finish("overflow", fault(20))

    def overflow_injected(self) -> None:
        """Row 14, from an injection that may not wait."""
        self.finish("overflow-injected", fault(20))

    def fenced(self, epoch: int) -> None:
        """Row 16: somebody else owns the stream; nothing more is written."""
        self.checkpoints.close(gone=True)
        self.outputs.end(lost=True)
        self.emit("fenced", owner_epoch=epoch)
        self.finish("fenced", fault(40, id=self.id, n=epoch))
        self.dirty = False

    def not_storable(self, error: RtfsError) -> None:
        """S031 at a checkpoint. The last state that could be stored stays in the store."""
        self.finish("failure", error)

    def store_broken(self, problem: str) -> None:
        """The store refuses for good: stand still rather than run on without durability (§5.2)."""
        self.store_is_broken = True
        self.emit("checkpoint-failed", problem=problem)
        self._pause("store")

    def store_recovered(self) -> None:
        """The store works again."""
        self.store_is_broken = False
        if self.paused_by == "store":
            self.finish("resume")
        self.wake()

    # ---- flow

    def adjust_gate(self) -> None:
        """Let the gate follow the depth of the queue."""
        if self.queue.adjust():
            now = self.services.clock.now_ms()
            if self.queue.shut:
                self._shut_since = now
            else:
                self._shut_before, self._shut_since = self.shut_ms(), None
            self.intake.quiet_since = self.services.clock.now_ms()  # the silence behind a shut gate was ours
            self.emit("gate-shut" if self.queue.shut else "gate-open", depth=self.queue.depth)

    def maybe_auto_resume(self) -> None:
        """`:auto-resume :low-water`: a pause of the processor ends when its outputs have been read."""
        if (
            self.status is PAUSED
            and self.paused_by == "result"
            and self.settings["auto-resume"] is not None
            and self.outputs.pending <= self.queue.low
        ):
            self.finish("resume")

    def _reader_moved(self) -> None:
        if self.paused_by == "result" and self.settings["auto-resume"] is not None:
            self.post(self.maybe_auto_resume)
        self.wake()

    def source_finished(self, outcome: RtfsError | bool) -> None:
        """The source brings nothing more: rows 11 and 13, once the queue is empty."""
        self.source_over = outcome
        self.wake()

    def begin_drain(self, event: str) -> None:
        """Close the source and process what is queued; then `event` of the table."""
        if self.source is not None and not (self.follows and event in ("shutdown", "stop-drain")):
            self.source.close()
        self.draining = event
        self.announce()
        self.wake()

    # ---- ticks

    def arm_tick(self) -> None:
        """The next regular tick, `:tick-ms` from now."""
        milliseconds = self.settings["tick-ms"]
        if milliseconds is not None and "tick" in self.settings["control"]:
            self.timer("tick", milliseconds, self._regular_tick)

    def _regular_tick(self) -> None:
        self.arm_tick()
        self.tick()

    def wake_at(self, time: int) -> None:
        """A tick at a time of the host, in ms. Of a chain the earliest counts: then each of its stages asks anew."""
        clock, pending = self.services.clock, self.timers.get("wake-at")
        wait = max(0, time - clock.now_ms())
        stands = pending is not None and pending.callback is not None and self.processor.line is not None
        if pending is None or not stands or pending.due > clock.monotonic() + wait / 1000:
            self.timer("wake-at", wait, self.tick)

    def tick(self) -> None:
        """Make one tick between steps; the stages of a chain get none while it is paused."""
        if "tick" not in self.settings["control"] or self.terminal:
            return
        line = self.processor.line
        if line is None or (line.ticks and self.status is not PAUSED):
            self.tick_due = True
            self.wake()
