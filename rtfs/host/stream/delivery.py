"""Handing the outputs of a stream to one receiver, one at a time and in order (streaming.md §3.10, §1.6 row 15).

A delivery is a reader that the stream waits for, and so the way of backpressure: the next output is looked at when the
receiver is finished with this one. It rests while the stream is paused, is cut off when the stream is cancelled, hands
over what is left when the stream ends by itself, and then tells the receiver how it ended.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from rtfs.host.stream.lifecycle import CANCELLED, COMPLETED, ERROR, PAUSED
from rtfs.host.waiting import end
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.host.stream.ledger import Ledger
    from rtfs.host.stream.outputs import Output, Reader
    from rtfs.host.stream.stream import Stream


class Receiver(Protocol):
    """Where outputs go. What any of the three raises is the stream's failure."""

    async def item(self, output: Output) -> None:
        """Take one output; the next comes when this is done."""
        ...

    async def failed(self, error: RtfsError) -> None:
        """The stream is in error: nothing more comes."""
        ...

    async def completed(self, count: int) -> None:
        """The stream is completed, after so many outputs."""
        ...

    async def close(self) -> None:
        """Nothing more comes, however the stream ended."""
        ...


class Holding(ABC):
    """A receiver that holds outputs back, to hand them on several at a time: `item` takes them, `flush` hands them on.
    It is asked to when there is nothing else to do, and when the stream cannot go on otherwise."""

    @property
    @abstractmethod
    def settled(self) -> int | None:
        """The number of the first output that is not handed on yet; None when nothing is held back."""

    @abstractmethod
    def wait_ms(self) -> float | None:
        """How long the outputs that are held back may still wait; None when there are none."""

    @abstractmethod
    async def flush(self) -> None:
        """Hand on what is held back."""


class Delivery:
    """One receiver at work. count: outputs handed over. The receiver may be replaced at any time, from the next on."""

    def __init__(self, stream: Stream, receiver: Receiver, name: str, at: int | None = None) -> None:
        """at: the number of the first output that it gets."""
        self.stream = stream
        self.receiver = receiver
        self.count = 0
        self.busy = False
        self._reader: Reader = stream.reader(name, at=at, lasting=True)
        self._reader.delivered = True
        self._settled: list[asyncio.Future[None]] = []
        self._broken = self._closing = False
        self.task = asyncio.get_running_loop().create_task(self._run(), name=f"rtfs {name} of stream {stream.id}")
        cut: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        owner = stream.owner
        owner.watchers.append((lambda: owner.status is CANCELLED, cut))
        cut.add_done_callback(self._cut)
        self.task.add_done_callback(lambda done: self._over(cut))

    # ---- looking

    @property
    def idle(self) -> bool:
        """Is nothing on its way to the receiver?"""
        owner = self.stream.owner
        waiting = len(owner.queue.items) or owner.outputs.next > self._reader.cursor
        return self.task.done() or not (self.busy or waiting or owner.terminal)

    @property
    def _resting(self) -> bool:
        """Paused by somebody, and not on the way to its end?"""
        owner = self.stream.owner
        return owner.status is PAUSED and owner.paused_by == "call" and not owner.draining

    @property
    def undelivered(self) -> int:
        """Outputs that the receiver did not take."""
        return self.stream.owner.outputs.next - self._reader.cursor

    async def rested(self) -> None:
        """Wait until the receiver is finished with an item, or with all."""
        if not self.task.done():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._settled.append(future)
            await future

    # ---- work

    async def _run(self) -> None:
        try:
            while (output := await self._following()) is not None:
                if not await self._handed(self.receiver.item(output)):
                    break
                self.count += 1
                self._advance(output)
            if not self._closing and not self._broken and self.stream.owner.ending not in ("stop", "fenced"):
                await self._flush()
            if not self._closing:
                await self._told()
        finally:
            await self.receiver.close()

    async def _following(self) -> Output | None:
        """The next output that may be handed over; None when there will be none."""
        owner, reader = self.stream.owner, self._reader
        outputs = owner.outputs
        while not self._broken:
            if self._resting:
                await self.stream.until(lambda: not self._resting)
            if owner.ending in ("stop", "fenced"):  # what is left is not wanted any more
                return None
            found = await self.stream.ahead(reader)
            if found:
                return found[0]
            if outputs.ended:
                return None
            self._tell()
            await self._arrival()
        return None

    async def _arrival(self) -> None:
        """Wait for the next output, but not longer than the receiver wants to hold back those it has."""
        outputs, held = self.stream.owner.outputs, self._held_ms()
        if held is None:
            return await outputs.arrival(self._reader.cursor)
        try:
            if held > 0:
                return await self.stream.owner.services.timers.within(held, outputs.arrival(self._reader.cursor))
        except TimeoutError:
            pass
        await self._flush()

    def _held_ms(self) -> float | None:
        receiver, outputs = self.receiver, self.stream.owner.outputs
        wait = receiver.wait_ms() if isinstance(receiver, Holding) else None
        return 0.0 if wait is not None and (outputs.pressing or outputs.next >= outputs.limit) else wait

    async def _flush(self) -> None:
        """Have the receiver hand on what it holds back."""
        receiver = self.receiver
        if isinstance(receiver, Holding) and await self._handed(receiver.flush()):
            self._settle()

    async def _handed(self, work: Any) -> bool:
        """Wait for the receiver; False when it failed, and with it the stream."""
        self.busy = True
        try:
            await work
            return True
        except RtfsError as error:
            if self.stream.status is not CANCELLED and not self._closing:
                await self._fail(error)
            return False
        finally:
            self.busy = False
            self._tell()

    async def _fail(self, error: RtfsError) -> None:
        """A failed receiver fails the stream: row 15 for a sink, row 10 for a callback; also too late it is noted."""
        owner = self.stream.owner
        self._broken = True
        event = "sink-failed" if error.code == "RTFS-S041" else "failure"
        if not owner.terminal:
            await owner.post(lambda: owner.finish(event, error))
        elif event == "sink-failed" and owner.status is COMPLETED:
            await owner.overturned(error)
        elif owner.failure is None:
            owner.failure = error
            owner.emit("callback-failed", code=error.code, message=error.message)

    def _advance(self, output: Output) -> None:
        owner = self.stream.owner
        owner.outputs.took(self._reader, [output], owner.services.clock.monotonic())
        self._settle()

    def _settle(self) -> None:
        """The receiver is finished with what it took, but for what it holds back."""
        upto = self.receiver.settled if isinstance(self.receiver, Holding) else None
        self.stream.owner.outputs.finished(self._reader, upto=upto)

    async def _told(self) -> None:
        """Say once how the stream ended."""
        owner = self.stream.owner
        await self.stream.until(lambda: owner.terminal)
        if owner.status is ERROR and owner.failure is not None:
            self._broken = True
            await self._handed(self.receiver.failed(owner.failure))
        elif owner.status is COMPLETED:
            await self._completed(owner.checkpoints.ledger)

    async def _completed(self, ledger: Ledger) -> None:
        """The receiver hears of the end: callbacks once, whatever process the stream lives in then.

        Who holds outputs back stores the end beside them.
        """
        name, lasts = self._reader.id, self.stream.owner.outputs.marked is not None
        noted = lasts and not isinstance(self.receiver, Holding)
        if not ledger.knows(name) and await self._handed(self.receiver.completed(self.count)) and noted:
            await ledger.told(name)

    # ---- the end

    def _cut(self, told: asyncio.Future[bool]) -> None:
        """The stream is cancelled, and what the receiver does with it."""
        if not told.cancelled() and told.result() and not self.task.done():
            self.task.cancel()

    def _tell(self) -> None:
        settled, self._settled = self._settled, []
        for future in settled:
            if not future.done():
                future.set_result(None)

    def _over(self, cut: asyncio.Future[bool]) -> None:
        if not cut.done():
            cut.cancel()
        self._tell()
        self.stream.owner.outputs.detach(self._reader.id)
        error = None if self.task.cancelled() else self.task.exception()
        if isinstance(error, Exception):
            self.stream.owner.services.defect(self.stream.owner, error)

    async def close(self) -> None:
        """End at once, whatever is under way."""
        self._closing = True
        await end([self.task])
