"""The bounded first-in first-out queue between intake and owner, with marks and a gate (streaming.md §4.1–4.4)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import Chunk
from rtfs.host.stream.spill import Spill
from rtfs.lang.codec import NotStorable, encode

OVERFLOW_FACTOR = 4  # sources that cannot be held back may go this far above the capacity (§4.2)


class Bounds(NamedTuple):
    """What a queue may hold. capacity: chunks; bytes: of their texts, None for no bound; high and low: marks.

    policy: the name of the overflow policy.
    """

    capacity: int
    high: float = 1.0
    low: float = 0.5
    bytes: int | None = None
    policy: str = "block"

    @property
    def memory(self) -> int:
        """How many times the bounds may be in memory before the disk is used, 0 when it never is.

        Under `:block` only sources that cannot be held back ever get so far.
        """
        return {"spill": 1, "block": OVERFLOW_FACTOR}.get(self.policy, 0)


class Queue:
    """Chunks in the order of acceptance: `items` in memory, the later ones on disk in `spill`.

    The gate tells sources to stop at the high mark and to go on at the low one. capacity, high and low are counts;
    `shut` is the state of the gate, independent of the status. While there is anything, `items` has some of it.
    """

    __slots__ = ("items", "bounds", "high", "low", "shut", "spill", "_open_spill", "_gate", "_room", "_sizes", "_bytes")

    def __init__(self, bounds: Bounds, open_spill: Callable[[], Spill]) -> None:
        self.items: deque[Chunk] = deque()
        self.spill: Spill | None = None
        self._open_spill = open_spill
        self._gate: list[asyncio.Future[None]] = []
        self._room: list[asyncio.Future[None]] = []
        self._sizes: list[int] = []  # of the last items, when there is a bound for bytes
        self._bytes = 0
        self.shut = False
        self.bounds = bounds
        self.high = self.low = 0
        self.resize()

    @property
    def capacity(self) -> int:
        return self.bounds.capacity

    def resize(self, capacity: int | None = None, high: float | None = None, low: float | None = None) -> None:
        """Change the bounds; those not given stay as they were asked for (a fraction stays one). S003 when absurd."""
        given: dict[str, Any] = {"capacity": capacity, "high": high, "low": low}
        wanted = self.bounds._replace(**{name: value for name, value in given.items() if value is not None})
        top, bottom = _count(wanted.high, wanted.capacity), _count(wanted.low, wanted.capacity)
        if not 0 < top <= wanted.capacity:
            raise fault(3, p="high-water-mark", kind=f"mark above 0 and at most {wanted.capacity}", value=wanted.high)
        if bottom >= top:
            raise fault(3, p="low-water-mark", kind=f"mark below the high one ({top})", value=wanted.low)
        self.bounds, self.high, self.low = wanted, top, bottom

    # ---- how much there is

    @property
    def depth(self) -> int:
        return len(self.items) + (0 if self.spill is None else len(self.spill))

    @property
    def bytes(self) -> int:
        """Characters of the texts of what is in memory, where there is a bound for them."""
        return self._weight()

    @property
    def full(self) -> bool:
        """May an injected chunk not enter?"""
        if self.bounds.policy == "spill":
            return self.disk_full
        return self.depth >= self.bounds.capacity or self._heavy

    @property
    def crowded(self) -> bool:
        """Does the overflow policy have to be asked about the next chunk of a source?"""
        return len(self.items) >= self.bounds.capacity or self.spill is not None or self._heavy

    @property
    def disk_full(self) -> bool:
        return self.spill is not None and self.spill.full

    @property
    def holding(self) -> bool:
        """Has a source that can be held back to wait?"""
        return self.disk_full if self.bounds.policy == "spill" else self.shut and self.bounds.policy == "block"

    @property
    def _heavy(self) -> bool:
        """Is the bound for bytes reached?"""
        return self.bounds.bytes is not None and self._weight() >= self.bounds.bytes

    def _weight(self) -> int:
        gone = len(self._sizes) - len(self.items)
        if gone > 0:
            self._bytes -= sum(self._sizes[:gone])
            del self._sizes[:gone]
        return self._bytes

    @property
    def _memory_full(self) -> bool:
        times, bytes = self.bounds.memory, self.bounds.bytes
        if not times:
            return False
        return len(self.items) >= times * self.bounds.capacity or (
            bytes is not None and self._weight() >= times * bytes
        )

    # ---- in and out

    def push(self, chunk: Chunk) -> bool:
        """The chunk at the end; True when that is on disk."""
        if self.spill is None and self._memory_full:
            self.spill = self._open_spill()
        if self.spill is not None:
            self.spill.append(chunk)
            return True
        self.items.append(chunk)
        if self.bounds.bytes is not None:
            size = size_of(chunk[1])
            self._sizes.append(size)
            self._bytes += size
        return False

    def adjust(self) -> bool:
        """Fetch from disk, move the gate to where the depth wants it, wake who waits. True when the gate moved."""
        if self.spill is not None:
            self._refill(self.spill)
        depth = self.depth
        moved = self.shut
        if not self.shut and (depth >= self.high or self._heavy):
            self.shut = True
        elif self.shut and depth <= self.low and not self._heavy:
            self.shut = False
        if self._room and not self.full:
            _wake(self._room)
        if self._gate and not self.holding:
            _wake(self._gate)
        return moved is not self.shut

    def _refill(self, spill: Spill) -> None:
        while len(self.items) <= self.low and len(spill) and not (self.items and self._heavy):
            room = self.bounds.capacity - len(self.items)
            fetched = spill.take(max(1, room if self.bounds.bytes is None else 1))
            self.items.extend(fetched)
            if self.bounds.bytes is not None:
                sizes = [size_of(chunk[1]) for chunk in fetched]
                self._sizes.extend(sizes)
                self._bytes += sum(sizes)
        if not len(spill):
            self.close()

    async def opened(self) -> None:
        """Wait until a source that can be held back may go on."""
        while self.holding:
            await _wait(self._gate)

    async def room(self) -> None:
        """Wait until a chunk fits."""
        while self.full:
            await _wait(self._room)

    def known(self) -> Iterator[Chunk]:
        """The chunks in memory, also those of later ones whose senders wait."""
        return iter(self.items) if self.spill is None else chain(self.items, self.spill.kept())

    def clear(self) -> tuple[int, list[Chunk]]:
        """Take everything out: how many chunks that were, and those of them that are known."""
        count, known = self.depth, list(self.known())
        self.items.clear()
        self.close()
        self.adjust()
        return count, known

    def close(self) -> None:
        """Give the disk back."""
        if self.spill is not None:
            self.spill.close()
            self.spill = None


def size_of(value: Any) -> int:
    """Characters of the text of a value; 0 for one without."""
    try:
        return len(encode(value))
    except NotStorable:
        return 0


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
