"""The owner of one stream: the only task that touches its queue and its state (streaming.md §1.11).

It takes commands from a mailbox between turns. A turn is up to 64 steps or 5 ms without waiting for anything; after
it the owner stores what has to be stored, tells who waits, and hands the loop back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import alteration, failing, letter
from rtfs.host.stream.body import Call
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import K_CONTROL, Chunk, Extra
from rtfs.host.stream.detail import Watched
from rtfs.host.stream.intake import answer
from rtfs.host.stream.lifecycle import ACTIVE, CANCEL, COMPLETE, TERMINAL
from rtfs.host.stream.processor import step_error
from rtfs.host.stream.turns import TURN_CHUNKS, Turns
from rtfs.host.watch import SHORT
from rtfs.lang.collections import MISSING
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.contract import Read
    from rtfs.host.stream.processor import Asked, Processor, Reading
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings
    from rtfs.lang.evaluator import Step


class Owner(Turns):
    """Runs one stream."""

    __slots__ = ("task", "_told_ignored_keys")

    def __init__(self, id: str, settings: Settings, processor: Processor, services: Services) -> None:
        super().__init__(id, settings, processor, services)
        self.task: asyncio.Task[None] | None = None
        self._told_ignored_keys = False

    def launch(self) -> None:
        """Start the task."""
        if self.settings["tick-ms"] is not None:
            self.arm_tick()
        limit = self.settings["max-duration-ms"]
        if limit is not None:
            left = max(0, self.started_at + limit - self.services.clock.now_ms())
            self.timer("max-duration", left, lambda: self.order(COMPLETE))
        self.task = asyncio.get_running_loop().create_task(self._run(), name=f"rtfs stream {self.id}")

    async def _run(self) -> None:
        try:
            if not self.resumed:
                self.control_step("open")
            elif self.processor.line is not None:
                self.tick()  # what its stages had asked for went with the process
            while self.status not in TERMINAL:
                if self.mailbox:
                    await self._serve(*self.mailbox.pop(0))
                elif self.runnable():
                    await self._recorded(self._turn())
                    await asyncio.sleep(0)
                elif not await self._ended():
                    await self._sleep()
        except Exception as error:  # a defect of rtfs must end this stream, not the loop
            self.services.defect(self, error)
            self.fail(fault(10, e=f"internal error: {type(error).__name__}: {error}"))
        await self._close()  # not when the task itself is cancelled: then the store keeps the stream as it is

    async def _serve(self, call: Call, future: asyncio.Future[Any]) -> None:
        """One command; answered when what it changed is stored."""
        try:
            result = call()
        except Exception as error:
            if not future.done():
                future.set_exception(error)
            if not isinstance(error, RtfsError):
                raise
            return
        await self._recorded(0)
        if not future.done():
            future.set_result(result)

    async def _recorded(self, steps: int) -> None:
        """After steps or a command: store it when due, then tell everybody who waits."""
        if self.dirty:
            self.dirty = False
            await self.checkpoints.force()
        elif steps and self.checkpoints.worked(steps):
            await self.checkpoints.force()
        self.announce()

    def announce(self) -> None:
        """Tell readers and watchers."""
        self.outputs.notify()
        if self.watchers:
            self.watchers = [entry for entry in self.watchers if not _told(*entry)]

    async def _ended(self) -> bool:
        """There is nothing to do now: is it an end?"""
        follows = self.follows and self.source_over is None
        if self.leaving or (self.draining == "shutdown" and not self.queue.items and not follows):
            await self._detach()
            return True
        if self.queue.items or self.held or (self.draining and follows):
            return False
        if self.outputs.lagging:
            if self.draining or self.source_over is not None:
                self.outputs.press()
            return False
        if self.draining:
            event, self.draining = self.draining, ""
            self.finish(event)
        elif self.source_over is not None and self.status is ACTIVE:
            failed = self.source_over if isinstance(self.source_over, RtfsError) else None
            self.finish("source-failed" if failed else "source-ended", failed)
        else:
            return False
        await self._recorded(0)
        return True

    async def _detach(self) -> None:
        """Row 17: leave the stream in the store as it is, so that it can be resumed; here it is stopped."""
        if not self.leaving or self.flushing:
            self.control_step("flush")
        if self.status not in TERMINAL:
            self.emit("shutdown", queued=self.queue.depth)
            await self.checkpoints.force()
            self.checkpoints.close()
            self.finish("shutdown")

    async def _sleep(self) -> None:
        self._waker = asyncio.get_running_loop().create_future()
        try:
            await self._waker
        finally:
            self._waker = None

    async def _close(self) -> None:
        """The stream is terminal: let go of everything that moves."""
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()
        for errand in self.errands:
            errand.cancel()
        if self.source is not None:
            self.source.close()
        await self._recorded(0)
        if self.checkpoints.problem is None:
            self.checkpoints.close()
        for chunk in self.queue.known():
            answer(chunk)
        self.queue.close()
        self.outputs.end(lost=self.checkpoints.closed)
        while self.mailbox:
            await self._serve(*self.mailbox.pop(0))
        self.announce()
        for _, future in self.watchers:  # what they wait for cannot come any more
            if not future.done():
                future.set_result(False)
        self.watchers.clear()
        self.services.ended(self)

    # ---- steps

    def _turn(self) -> int:
        """A tick, or steps through the queue; the number of steps that count towards a snapshot."""
        if self.tick_due:
            self.tick_due = False
            self.control_step("tick")
            return 0 if self.checkpoints.exact else 1
        with self.services.evaluator.stepping():
            if self.services.instruments is None:
                steps = self._steps()
            else:
                with self.services.instruments.turn(self):
                    steps = self._steps()
        if self.guard is not None:
            self.guard.settle()
        return steps

    def _steps(self) -> int:
        """The hot loop: what is rare stands behind one test."""
        if self.processor.batch is not None and (taken := self.batches(self.processor.batch)):
            return taken
        if self.terminal:
            return 0
        outputs, name = self.outputs, self.processor.name
        items, step, wants_metadata, read, checked = self._watched()
        most, budget = self.settings["max-outputs"], self._budget()
        deadline = monotonic() + SHORT
        steps = done = 0
        chunk: Chunk | None = None
        while items and steps < budget and outputs.next < outputs.limit:
            chunk = items.popleft()
            steps += 1
            seq, data, time, offset, extra = chunk
            if extra is not None and extra.bare:
                if offset is not None:
                    self.position = offset
                self._special(chunk, None)
                break
            try:
                parts = step(self.state, data, self.metadata_of(chunk)) if wants_metadata else step(self.state, data)
                state, output, rest = parts
                reading = None
                if rest is not None or checked:
                    reading = read(parts, self.state, name, most)
            except Exception as error:
                if failing.met(self, chunk, error):
                    break
                continue
            done += 1
            if offset is not None:
                self.position = offset
            if reading is None:
                self.state = state
                if output is not MISSING:
                    outputs.push(output, seq, time, extra)
            else:
                self._take(reading, seq, time, extra)
            if extra is not None or (reading is not None and reading[2] is not None):
                self._special(chunk, reading and reading[2])
                if self.status is not ACTIVE and not self.draining:
                    break
            if monotonic() > deadline:
                break
        self.after_turn(done, chunk)
        return steps

    def _watched(self) -> tuple[Any, Step, bool, Read, bool]:
        """The queue and the steps; somebody who watches each step is told what it says."""
        items: Any = self.queue.items
        step, wants_metadata, read, _, checked = self.stepping
        if self.guard is not None:
            items = self.guard
        checked = checked or self.processor.buries
        if not self.services.events.detailed:
            return items, step, wants_metadata, read, checked
        watched = Watched(items)
        return watched, step, wants_metadata, watched.telling(self, read), True

    def _take(self, reading: Reading, seq: int, time: int, extra: Extra | None = None) -> None:
        """The state and the outputs of a step."""
        self.state, produced, asked = reading
        if self.processor.buries:
            produced = letter.buried(self, produced, seq, time)
        if produced and (asked is None or asked.action is not CANCEL):
            self.outputs.extend(produced, seq, time, extra)

    def replaced(self, chunk: Chunk, reading: Reading) -> None:
        """Another result stands for that of a failed step."""
        seq, _, time, offset, extra = chunk
        if offset is not None:
            self.position = offset
        self._take(reading, seq, time, extra)
        if extra is not None or reading[2] is not None:
            self._special(chunk, reading[2])

    def settled(self) -> None:
        """A chunk is done with between turns."""
        self.after_turn(0, None)
        self.checkpoints.worked(1)

    def _budget(self) -> int:
        most, room = self.settings["max-chunks"], min(TURN_CHUNKS, self.checkpoints.room)
        return room if most is None else max(1, min(room, most - self.stats.processed))

    def _special(self, chunk: Chunk | None, asked: Asked | None) -> None:
        """What only some results and some chunks ask for."""
        if asked is not None:
            if asked.config is not None:
                alteration.apply(self, asked.config)
            if asked.foreign and not self._told_ignored_keys:
                self._told_ignored_keys = True
                self.emit("result-keys-ignored")
            if asked.action is not None:
                if self.services.instruments is not None and chunk is not None:
                    self.services.instruments.acted(self, asked.action.name)
                self.act(asked.action, by="result")
        if chunk is not None and chunk[4] is not None:
            answer(chunk)
            if chunk[4].letter is not None:
                self.checkpoints.bury(chunk[4].letter)
            directive = chunk[4].directive
            if directive is not None and self.status not in TERMINAL:
                self.act(directive)

    def control_step(self, control: str) -> None:
        """Call the processor with a control chunk; nothing happens when the stream did not ask for that kind."""
        if control not in self.settings["control"]:
            return
        intake, processor = self.intake, self.processor
        intake.time = max(self.services.clock.now_ms(), intake.time)
        extra = Extra({K_CONTROL: Keyword(control)}, intake.attempt)
        metadata = self.metadata_of((intake.seq, None, intake.time, None, extra))
        self.stats.control_steps += 1
        with self.services.evaluator.stepping():
            try:
                parts = _controlled(processor, self.state, metadata)
                reading = self.stepping.read_control(parts, self.state, processor.name, self.settings["max-outputs"])
            except Exception as error:
                self.fail(step_error(self.services.evaluator.failure(error), processor.name))
                return
        self._take(reading, max(0, intake.seq - 1), intake.time)
        self.stats.outputs = self.outputs.next
        asked = reading[2]
        if control == "flush" and asked is not None:  # the next status is settled already
            asked = asked._replace(action=None)
        self._special(None, asked)


def _controlled(processor: Processor, state: Any, metadata: Any) -> Any:
    if processor.control is not None:
        return processor.control(state, metadata), None, True
    return processor.step(state, None, *((metadata,) if processor.wants_metadata else ()))


def _told(due: Callable[[], bool], future: asyncio.Future[bool]) -> bool:
    if not future.done() and due():
        future.set_result(True)
    return future.done()
