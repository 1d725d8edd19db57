"""The bounded first-in first-out queue between intake and owner, with marks and a gate (streaming.md §4.1–4.4)."""

from __future__ import annotations

import asyncio
from collections import deque

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import Chunk

OVERFLOW_FACTOR = 4  # sources that cannot be held back may go this far above the capacity (§4.2)


class Queue:
    """Chunks in the order of acceptance. The gate tells sources to stop at the high mark and to go on at the low one.

    capacity, high and low are counts; `shut` is the state of the gate, independent of the stream's status.
    """

    __slots__ = ("items", "capacity", "high", "low", "shut", "_marks", "_gate", "_room")

    def __init__(self, capacity: int, high: float = 1.0, low: float = 0.5) -> None:
        self.items: deque[Chunk] = deque()
        self._gate: list[asyncio.Future[None]] = []
        self._room: list[asyncio.Future[None]] = []
        self.shut = False
        self.capacity = capacity
        self.high = self.low = 0
        self._marks = (high, low)
        self.resize()

    def resize(self, capacity: int | None = None, high: float | None = None, low: float | None = None) -> None:
        """Change the bounds; those not given stay as they were asked for (a fraction stays one). S003 when absurd."""
        capacity = self.capacity if capacity is None else capacity
        wanted_high = self._marks[0] if high is None else high
        wanted_low = self._marks[1] if low is None else low
        top, bottom = _count(wanted_high, capacity), _count(wanted_low, capacity)
        if not 0 < top <= capacity:
            raise fault(3, p="high-water-mark", kind=f"mark above 0 and at most {capacity}", value=wanted_high)
        if bottom >= top:
            raise fault(3, p="low-water-mark", kind=f"mark below the high one ({top})", value=wanted_low)
        self.capacity, self.high, self.low = capacity, top, bottom
        self._marks = (wanted_high, wanted_low)

    @property
    def full(self) -> bool:
        return len(self.items) >= self.capacity

    def adjust(self) -> bool:
        """Move the gate to where the depth wants it and wake who waits for room. True when the gate moved."""
        depth = len(self.items)
        if self._room and depth < self.capacity:
            _wake(self._room)
        if not self.shut and depth >= self.high:
            self.shut = True
            return True
        if self.shut and depth <= self.low:
            self.shut = False
            _wake(self._gate)
            return True
        return False

    async def opened(self) -> None:
        """Wait until the gate is open."""
        while self.shut:
            await _wait(self._gate)

    async def room(self) -> None:
        """Wait until a chunk fits."""
        while self.full:
            await _wait(self._room)

    def clear(self) -> list[Chunk]:
        """Take everything out."""
        taken = list(self.items)
        self.items.clear()
        self.adjust()
        return taken


def _count(mark: float, capacity: int) -> int:
    return mark if isinstance(mark, int) else int(mark * capacity)


def _wake(waiting: list[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
    waiting.clear()


async def _wait(waiting: list[asyncio.Future[None]]) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting.append(future)
    await future
