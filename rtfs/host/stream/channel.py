"""A stream or sink of the marketplace as programs hold it (streaming.md §3.10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.delivery import Delivery, Receiver
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.lifecycle import STOP
from rtfs.host.stream.sink import Sink
from rtfs.host.stream.stream import PROGRAM, Stream
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

CALLBACKS = "callbacks"


class Channel(Stream):
    """A stream of kind marketplace. capability: its id there; direction: `unidirectional`, `bidirectional`, `duplex` or
    `sink`; delivery: what takes its outputs, None while only `next` does; back: of a bidirectional one, its sink;
    unread: the program that pulled has ended.
    """

    def __init__(self, owner: Owner, capability: str, direction: str, over: Callable[[], None] | None = None) -> None:
        super().__init__(owner)
        self.capability = capability
        self.direction = direction
        self.delivery: Delivery | None = None
        self.back: Channel | None = None
        self.fed: Callable[[], bool] = lambda: False
        self.opened = False
        self.unread = False
        self._left = over

    # ---- the source

    def open(self) -> None:
        """Open the source, if nobody has."""
        owner = self.owner
        if not self.opened and not owner.terminal:
            self.opened = True
            if owner.source is not None:
                owner.source.launch(owner)

    async def next(self, *args: Any, **options: Any) -> Any:
        """As for every stream. S004 for a sink."""
        if self.direction == "sink":
            raise fault(4, value=f"sink {self.id}")
        self.open()
        return await super().next(*args, **options)

    async def wait(self, timeout_ms: float | None = None, **until: Any) -> Map:
        """As for every stream; who waits for it wants it to run. S003 for a callback that would wait for itself."""
        if self.in_slot and timeout_ms is None and all(value is None for value in until.values()):
            error = fault(3, p="stream", kind="one that does not wait for this callback", value=show(self.id))
            error.remark("hint: give a `:timeout-ms`, or wait where the stream was started")
            raise error
        self.open()
        return await super().wait(timeout_ms, **until)

    @property
    def in_slot(self) -> bool:
        """Is it a callback or another effect slot of this stream that asks?"""
        task, source = asyncio.current_task(), self.owner.source
        delivers = self.delivery is not None and self.delivery.task is task
        return delivers or (source is not None and source.attempt is task)

    def reader(self, *args: Any, **options: Any) -> Any:
        self.open()
        return super().reader(*args, **options)

    async def go_on_reading(self, number: int) -> None:
        """Let `next` go on as in an earlier process: what a topic was sent again is skipped, other sources are not."""
        owner = self.owner
        if owner.checkpoints.committer.store.durable:
            await super().go_on_reading(number)
            return
        if not self.capability.startswith("memory:"):
            if not self.opened:
                owner.outputs.go_on_from(number)
                owner.intake.seq = number
            return
        while self.reading_from < number and not owner.terminal and await self.next(envelope=True) is not None:
            pass

    def consume(self, receiver: Receiver) -> None:
        """Hand every output that the program did not pull yet to a receiver. S004 for a sink."""
        if self.direction == "sink":
            raise fault(4, value=f"sink {self.id}")
        self.deliver(receiver)

    def deliver(self, receiver: Receiver, name: str = CALLBACKS) -> None:
        """Hand every output from the next on to a receiver, instead of the one before it. name: of its marks."""
        if self.delivery is None:
            at = self.reading_from
            self.owner.outputs.detach(PROGRAM)
            self.delivery = Delivery(self, receiver, name, at)
        else:
            self.delivery.receiver = receiver
        self.open()

    # ---- the way in

    async def give(self, item: Any, key: str | None = None, timeout_ms: int = 30_000) -> Map:
        """Accept an item for the sink. S020 when there is no room in time, S021 when nothing is taken, S041."""
        if self.back is not None:
            return await self.back.give(item, key, timeout_ms)
        owner = self.owner
        sink = None if self.delivery is None else self.delivery.receiver
        if self.direction != "sink" or not isinstance(sink, Sink):
            raise fault(21, id=self.id)
        if key is not None:
            sink.keys[owner.intake.seq] = key
        number = await owner.intake.put(item, None, timeout_ms)
        if number is None:
            if owner.failure is not None:
                raise owner.failure
            if owner.terminal or owner.draining:
                error = fault(21, id=self.id)
                error.message = f"Sink '{self.id}' is closed"
                raise error
            return keyed(accepted=False, reason=Keyword("dropped"))
        return keyed(accepted=True, seq=number)

    # ---- the end

    async def close(self, *, drain: bool = True) -> Map:
        """End it; with `drain` what was accepted is delivered first. S041 when that fails."""
        if self.back is not None:
            await self.back.close(drain=drain)
        owner = self.owner
        if not owner.terminal:
            owner.outputs.finished()
            owner.outputs.release(PROGRAM)
            if drain:
                await self._command(lambda: owner.begin_drain("complete"))
            else:
                await self._command(lambda: owner.act(STOP))
        await self.ended()
        if self.direction == "sink" and owner.failure is not None:
            raise owner.failure
        return keyed(status=owner.status)

    async def stop(self, reason: str | None = None, *, drain: bool = False, timeout_ms: int = 30_000) -> bool:
        self.owner.outputs.finished()
        self.owner.outputs.release(PROGRAM)
        if drain and self.in_slot and not self.owner.terminal:  # what is drained goes through that slot
            await self._command(lambda: self.owner.begin_drain("stop-drain"))
            return True
        changed = await super().stop(reason, drain=drain, timeout_ms=timeout_ms)
        if self.delivery is not None and drain and asyncio.current_task() is not self.delivery.task:
            await asyncio.wait({self.delivery.task}, timeout=timeout_ms / 1000)
        return changed

    async def abandon(self, behind: int) -> None:
        """Nobody will ever take what waits here, and so many items behind it."""
        waiting = behind + len(self.owner.queue.items) + (0 if self.delivery is None else self.delivery.undelivered)
        if waiting:
            self.owner.emit("dropped", policy="unread", dropped=waiting)
        if self.delivery is not None:
            await self.delivery.close()
        await self._command(lambda: self.owner.act(STOP, reason="nobody reads"))

    @property
    def awaited(self) -> bool:
        """Only what somebody gets is waited for, and while a sink of the program is open, nothing that it feeds."""
        if self.delivery is None or self.direction == "sink" or self.owner.settings["detached"] or self.fed():
            return False
        return not self.owner.terminal or not self.delivery.task.done()

    @property
    def unconnected(self) -> bool:
        return False

    async def ended(self) -> None:
        await super().ended()
        delivery = self.delivery
        if delivery is not None and not delivery.task.done() and asyncio.current_task() is not delivery.task:
            await asyncio.wait({delivery.task})

    def over(self) -> None:
        if self._left is not None and not self.opened:
            self._left()

    def program_ended(self) -> None:
        """Pulled items are read; what only `next` would have read is not brought any more."""
        outputs = self.owner.outputs
        outputs.finished()
        outputs.release()
        self.unread = self.delivery is None and self.back is None and not self.owner.settings["detached"]

    # ---- looking

    def handle(self) -> Map:
        """What `start` and `open-sink` answer."""
        if self.direction == "sink":
            return keyed(sink_id=self.id, capability=self.capability, status=self.status)
        return keyed(
            stream_id=self.id,
            kind=Keyword("marketplace"),
            capability=self.capability,
            direction=Keyword(self.direction),
            status=self.status,
        )
