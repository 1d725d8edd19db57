"""Outputs of a stream: numbered, kept in a ring, read by any number of readers (streaming.md §4.5)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream.chunk import K_SEQ, K_STREAM, K_TIME
from rtfs.lang.collections import Map

if TYPE_CHECKING:
    from rtfs.host.stream.chunk import Extra
    from rtfs.lang.names import Keyword

NEVER = 1 << 62  # an output number that is never reached
MOST_UNCOMMITTED = 1_024  # outputs that may wait for a commit before the stream waits for it


class Output(NamedTuple):
    """One output: its number, the value; number, time (ms) and what else is known of the chunk that caused it."""

    output_seq: int
    value: Any
    seq: int
    time: int
    extra: Extra | None = None

    @property
    def metadata(self) -> dict[Keyword, Any] | None:
        """What the chunk that caused it said of itself, which goes on to who reads it."""
        return None if self.extra is None else self.extra.metadata

    def about(self, stream_id: str) -> Map:
        """The same as programs see it, with number and time."""
        known = [(K_SEQ, self.seq), (K_TIME, self.time), (K_STREAM, stream_id)]
        return Map.of([*(self.metadata or {}).items(), *known])


class Reader:
    """A place in the outputs. holds: the stream waits for it; otherwise it may miss outputs, which it counts.

    `cursor` is the number of the next output it wants, `done` that of the first one it has not finished with: who comes
    back for more has finished with what it got. `last_call` is the monotonic time in seconds of its last read. lasting:
    the host itself reads, and always comes back; of durable outputs it gets all, in whatever process. absent: it is the
    place of one that has not come back yet after a restart. delivered: the stream ends when it is finished with all.
    oldest: where it may go back to, which the store keeps.
    """

    __slots__ = ("id", "cursor", "done", "holds", "last_call", "missed", "lasting", "absent", "delivered", "oldest")

    def __init__(self, id: str, cursor: int, holds: bool, now: float) -> None:
        self.id = id
        self.cursor = self.done = cursor
        self.holds = holds
        self.last_call = now
        self.missed = 0
        self.oldest = NEVER
        self.lasting = self.absent = self.delivered = False

    @property
    def wants(self) -> int:
        """The lowest output that it may still ask for."""
        return self.done if self.lasting else self.cursor


class Outputs:
    """The last outputs. `first` is the number of the first one that this process made, `next` that of the next one, and
    `limit` the number before which the stream has to stop.

    mode: `ring` keeps the last `capacity` outputs for whoever reads; `block` holds the stream back until somebody has
    read them; `none` only counts. A reader that holds makes any mode but `none` wait for it.

    `durable` shows outputs once they are stored, those below `committed`. The store has them from `trimmed` on: the
    last `keep`, and all that a lasting reader has not got; the last `capacity` are here as well.
    """

    __slots__ = (
        "mode", "capacity", "first", "next", "limit", "dropped", "readers", "ended", "moved", "settled", "_ring",
        "_loose", "_waiting", "pressing", "keep", "committed", "trimmed", "marked", "_ending",
    )  # fmt: skip

    def __init__(self, mode: str, capacity: int, keep: int = 0) -> None:
        self.mode = mode
        self.capacity = capacity
        self.keep = keep
        self.committed = self.trimmed = 0
        self._ending = False
        self.marked: Callable[[Reader], None] | None = None  # told when a lasting reader is finished with outputs
        self.next = self.first = 0
        self.dropped = 0
        self.readers: dict[str, Reader] = {}
        self.ended = False
        self.moved: Callable[[], None] | None = None  # told when a reader made room
        self.settled: Callable[[int], None] | None = None  # told before which output all readers are finished
        self._ring: deque[tuple[Any, int, int, Extra | None]] = deque()
        self._loose = self.pressing = False
        self._waiting: list[asyncio.Future[None]] = []
        self.limit = NEVER
        self._bound()

    # ---- the stream's side

    def go_on_from(self, number: int) -> None:
        """The next output has this number; those before it were an earlier process's."""
        self.next = self.first = self.committed = self.trimmed = number
        self._bound()

    def push(self, value: Any, seq: int, time: int, extra: Extra | None = None) -> None:
        """One output more. The caller looks at `limit` before each step and calls `notify` after a turn."""
        self.next += 1
        if self.mode == "none":
            return
        ring = self._ring
        ring.append((value, seq, time, extra))
        if len(ring) > self.capacity:
            self._trim()

    def extend(self, values: Iterable[Any], seq: int, time: int, extra: Extra | None = None) -> None:
        for value in values:
            self.push(value, seq, time, extra)

    def notify(self) -> None:
        """Wake the readers that wait for outputs."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for future in waiting:
                if not future.done():
                    future.set_result(None)

    def end(self, *, lost: bool = False) -> None:
        """There will be no more outputs. Those that wait to be stored come first, unless they are lost."""
        self._ending = True
        if lost or self.visible == self.next:
            self.ended = True
            self.notify()

    def uncommitted(self, upto: int) -> list[Output]:
        """The outputs below `upto` that are not stored yet."""
        oldest = self.oldest
        found = islice(self._ring, self.committed - oldest, max(0, upto - oldest))
        return [Output(self.committed + index, *entry) for index, entry in enumerate(found)]

    def trim_below(self, committed: int) -> int:
        """The number below which the store may forget outputs, when those below `committed` are stored."""
        wanted = [min(reader.wants, reader.oldest) for reader in self.readers.values() if reader.lasting]
        return max(self.trimmed, min([committed - self.keep, *wanted]))

    def commit(self, committed: int, trimmed: int) -> None:
        """The outputs below `committed` are stored, those below `trimmed` are forgotten."""
        self.committed, self.trimmed = committed, trimmed
        self._trim()
        if self._ending:
            self.end()
        self.notify()
        self._moved()

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
    def awaited(self) -> bool:
        """Does a reader wait for outputs that are there and not stored?"""
        return bool(self._waiting) and self.committed < self.next and self.mode == "durable"

    @property
    def uncommitted_full(self) -> bool:
        """Does the stream have to wait until outputs are stored?"""
        return self.mode == "durable" and self.next - self.committed >= MOST_UNCOMMITTED

    @property
    def start(self) -> int:
        """The number of the oldest output that can be read, here or in the store."""
        return self.trimmed if self.mode == "durable" else self.oldest

    @property
    def visible(self) -> int:
        """Readers see the outputs below this number."""
        return self.committed if self.mode == "durable" else self.next

    @property
    def pending(self) -> int:
        """Outputs that the slowest attached reader has not got; 0 without readers."""
        wanted = self._wanted()
        return self.next - min(wanted) if wanted else 0

    def _wanted(self) -> list[int]:
        return [reader.wants for reader in self.readers.values() if reader.holds]

    @property
    def lagging(self) -> bool:
        """Has the host itself still to hand outputs on?"""
        return any(
            reader.lasting and (reader.done if reader.delivered else reader.cursor) < self.next
            for reader in self.readers.values()
        )

    def press(self) -> None:
        """The stream would end, if whoever holds outputs back handed them on."""
        if not self.pressing:
            self.pressing = True
            self.notify()

    # ---- the readers' side

    def attach(self, id: str, now: float, *, holds: bool = True, at: int | None = None) -> Reader:
        """A reader from output `at` on; by default from the oldest one kept."""
        reader = Reader(id, self.start if at is None else at, holds, now)
        self.readers[id] = reader
        self._bound()
        return reader

    def keep_for(self, reader: Reader) -> None:
        """The host itself is behind this reader."""
        reader.lasting = True
        if self.marked is not None:
            self.marked(reader)

    def detach(self, id: str) -> None:
        if self.readers.pop(id, None) is not None:
            self._moved()
            if self.settled is not None:
                self.settled(min((reader.done for reader in self.readers.values()), default=0))

    def take(self, reader: Reader, most: int, now: float) -> list[Output]:
        """Up to `most` outputs at the reader's place, which moves on."""
        if reader.done != reader.cursor and not reader.lasting:
            self.finished(reader)
        if reader.cursor < self.oldest:
            reader.missed += self.oldest - reader.cursor
            reader.cursor = self.oldest
        return self.took(reader, self.since(reader.cursor, most), now)

    def took(self, reader: Reader, found: list[Output], now: float) -> list[Output]:
        """A reader gets these outputs."""
        reader.last_call = now
        if found:
            reader.missed += found[0].output_seq - reader.cursor
            reader.cursor = found[-1].output_seq + 1
            if reader.holds:
                self._moved()
        return found

    def finished(self, *readers: Reader, upto: int | None = None) -> None:
        """These readers (all, when none is named) are finished with what they got, or with the outputs below `upto`."""
        for reader in readers or self.readers.values():
            before, reader.done = reader.done, reader.cursor if upto is None else upto
            if reader.lasting and reader.done != before:
                self._moved()
                if self.marked is not None:
                    self.marked(reader)
        if self.settled is not None and self.readers:
            self.settled(min(reader.done for reader in self.readers.values()))

    def since(self, number: int, most: int) -> list[Output]:
        """Up to `most` kept outputs from `number` on."""
        oldest = self.oldest
        first = max(0, number - oldest)
        found = islice(self._ring, first, max(first, min(first + most, self.visible - oldest)))
        return [Output(oldest + first + index, *entry) for index, entry in enumerate(found)]

    def kept(self, number: int) -> Output | None:
        """The output of that number, if it is still here."""
        at = number - self.oldest
        return Output(number, *self._ring[at]) if 0 <= at < len(self._ring) else None

    async def arrival(self, number: int) -> None:
        """Wait until output `number` is there, or the end."""
        if self.ended or self.visible > number:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    # ---- bounds

    def _bound(self) -> None:
        if self.mode == "none":
            return
        wanted = self._wanted()
        if self.mode == "durable":
            self.limit = min([self.committed + MOST_UNCOMMITTED, *(number + self.keep for number in wanted)])
        elif wanted:
            self.limit = min(wanted) + self.capacity
        elif self.mode == "block" and not self._loose:
            self.limit = self.oldest + self.capacity
        else:
            self.limit = NEVER

    def _trim(self) -> None:
        """Forget what is beyond the capacity, unless a reader that holds still wants it."""
        ring = self._ring
        if self.mode == "durable":
            below = min([self.committed, *self._wanted()])  # who reads now need not ask the store
            below = max(below, min(self.committed, self.next - self.capacity - MOST_UNCOMMITTED))
            while len(ring) > self.capacity and self.next - len(ring) < below:
                ring.popleft()
            return
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
