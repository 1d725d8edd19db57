"""Outputs of a stream: numbered, kept in a ring, read by any number of readers (streaming.md §4.5)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

NEVER = 1 << 62  # an output number that is never reached


class Output(NamedTuple):
    """One output: its number, the value, number and time (ms) of the chunk that caused it."""

    output_seq: int
    value: Any
    seq: int
    time: int


class Reader:
    """A place in the outputs. holds: the stream waits for it; otherwise it may miss outputs, which it counts.

    `cursor` is the number of the next output it wants, `done` that of the first one it has not finished with: who comes
    back for more has finished with what it got. `last_call` is the monotonic time in seconds of its last read. lasting:
    the host itself reads, and always comes back.
    """

    __slots__ = ("id", "cursor", "done", "holds", "last_call", "missed", "lasting")

    def __init__(self, id: str, cursor: int, holds: bool, now: float) -> None:
        self.id = id
        self.cursor = self.done = cursor
        self.holds = holds
        self.last_call = now
        self.missed = 0
        self.lasting = False


class Outputs:
    """The last outputs. `first` is the number of the first one that this process made, `next` that of the next one, and
    `limit` the number before which the stream has to stop.

    mode: `ring` keeps the last `capacity` outputs for whoever reads; `block` holds the stream back until somebody has
    read them; `none` only counts. A reader that holds makes any mode but `none` wait for it.
    """

    __slots__ = (
        "mode", "capacity", "first", "next", "limit", "dropped", "readers", "ended", "moved", "settled", "_ring",
        "_loose", "_waiting",
    )  # fmt: skip

    def __init__(self, mode: str, capacity: int) -> None:
        self.mode = mode
        self.capacity = capacity
        self.next = self.first = 0
        self.dropped = 0
        self.readers: dict[str, Reader] = {}
        self.ended = False
        self.moved: Callable[[], None] | None = None  # told when a reader made room
        self.settled: Callable[[int], None] | None = None  # told before which output all readers are finished
        self._ring: deque[tuple[Any, int, int]] = deque()
        self._loose = False
        self._waiting: list[asyncio.Future[None]] = []
        self.limit = NEVER
        self._bound()

    # ---- the stream's side

    def go_on_from(self, number: int) -> None:
        """The next output has this number; those before it were an earlier process's."""
        self.next = self.first = number
        self._bound()

    def push(self, value: Any, seq: int, time: int) -> None:
        """One output more. The caller looks at `limit` before each step and calls `notify` after a turn."""
        self.next += 1
        if self.mode == "none":
            return
        ring = self._ring
        ring.append((value, seq, time))
        if len(ring) > self.capacity:
            self._trim()

    def extend(self, values: Iterable[Any], seq: int, time: int) -> None:
        for value in values:
            self.push(value, seq, time)

    def notify(self) -> None:
        """Wake the readers that wait for outputs."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    def end(self) -> None:
        """There will be no more outputs."""
        self.ended = True
        self.notify()

    def release(self, *ids: str) -> None:
        """These readers (all, when none is named) cannot read for now: do not wait for them; else be a ring."""
        for reader in self.readers.values():
            if reader.id in ids or not (ids or reader.lasting):
                reader.holds = False
        self._loose = True
        self._moved()

    def hold(self, reader: Reader) -> None:
        """Wait for this reader again."""
        if not reader.holds and not self.ended:
            reader.holds = True
            self._bound()

    @property
    def oldest(self) -> int:
        """The number of the oldest output kept."""
        return self.next - len(self._ring)

    @property
    def pending(self) -> int:
        """Outputs that the slowest attached reader has not read; 0 without readers."""
        cursors = [reader.cursor for reader in self.readers.values() if reader.holds]
        return self.next - min(cursors) if cursors else 0

    @property
    def lagging(self) -> bool:
        """Has the host itself still to hand outputs on?"""
        return any(reader.lasting and reader.cursor < self.next for reader in self.readers.values())

    # ---- the readers' side

    def attach(self, id: str, now: float, *, holds: bool = True, at: int | None = None) -> Reader:
        """A reader from output `at` on; by default from the oldest one kept."""
        reader = Reader(id, self.oldest if at is None else at, holds, now)
        self.readers[id] = reader
        self._bound()
        return reader

    def detach(self, id: str) -> None:
        if self.readers.pop(id, None) is not None:
            self._moved()
            if self.settled is not None:
                self.settled(min((reader.done for reader in self.readers.values()), default=0))

    def take(self, reader: Reader, most: int, now: float) -> list[Output]:
        """Up to `most` outputs at the reader's place, which moves on."""
        reader.last_call = now
        if reader.done != reader.cursor:
            self.finished(reader)
        if reader.cursor < self.oldest:
            reader.missed += self.oldest - reader.cursor
            reader.cursor = self.oldest
        found = self.since(reader.cursor, most)
        reader.cursor += len(found)
        if found and reader.holds:
            self._moved()
        return found

    def finished(self, *readers: Reader) -> None:
        """These readers (all, when none is named) are finished with everything they got."""
        for reader in readers or self.readers.values():
            reader.done = reader.cursor
        if self.settled is not None and self.readers:
            self.settled(min(reader.done for reader in self.readers.values()))

    def since(self, number: int, most: int) -> list[Output]:
        """Up to `most` kept outputs from `number` on."""
        oldest = self.oldest
        first = max(0, number - oldest)
        found = islice(self._ring, first, first + most)
        return [Output(oldest + first + index, *entry) for index, entry in enumerate(found)]

    async def arrival(self, number: int) -> None:
        """Wait until output `number` is there, or the end."""
        if self.ended or self.next > number:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    # ---- bounds

    def _bound(self) -> None:
        if self.mode == "none":
            return
        cursors = [reader.cursor for reader in self.readers.values() if reader.holds]
        if cursors:
            self.limit = min(cursors) + self.capacity
        elif self.mode == "block" and not self._loose:
            self.limit = self.oldest + self.capacity
        else:
            self.limit = NEVER

    def _trim(self) -> None:
        """Forget what is beyond the capacity, unless a reader that holds still wants it."""
        ring = self._ring
        if self.limit == NEVER:
            while len(ring) > self.capacity:
                ring.popleft()
                self.dropped += 1
            return
        wanted = self.limit - self.capacity
        while len(ring) > self.capacity and self.next - len(ring) < wanted:
            ring.popleft()

    def _moved(self) -> None:
        self._bound()
        if len(self._ring) > self.capacity:
            self._trim()
        if self.moved is not None:
            self.moved()
