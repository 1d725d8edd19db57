"""Inputs of operators of the host: runs that are read one output after the other (streaming.md §6.10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.lifecycle import ERROR
from rtfs.host.stream.stream import Stream
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.host.stream.outputs import Output
    from rtfs.host.stream.run import Run

MOST_BIRTHS = 8_192


class Births:
    """When the items of a run came into the part of the graph that is measured, in ms, by the numbers of its chunks."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def add(self, number: int, born: int) -> None:
        self._known[number] = born
        if len(self._known) > MOST_BIRTHS:
            del self._known[next(iter(self._known))]

    def of(self, output: Output) -> int:
        """Of what an output of the run is made of; when that is forgotten, when it came into the run."""
        return self._known.get(output.seq, output.time)


class Input:
    """One input: a run that is read from its output number `cursor` on. name: what `merge` calls it.

    kept: its outputs are stored until what was made of them is, which `settled` tells; otherwise they may go when the
    next one is asked for. shared: others read the run as well. starved: called when it waits with its outputs until
    that is told.
    """

    def __init__(self, name: str, stream: Run, *, kept: bool = False, shared: bool = False) -> None:
        self.name = name
        self.stream = stream
        self.kept = kept
        self.shared = shared
        self.starved: Callable[[], None] = lambda: None
        self._reader: Any = None

    def rewind(self, number: int) -> None:
        """Read again from that output on. S033 when it is not stored any more."""
        owner = self.stream.owner
        if number < owner.outputs.start:
            raise fault(33, e=f"output {number} of {owner.id} is not stored any more")
        owner.checkpoints.ledger.mark(self._reads_as, number - 1)

    @property
    def _reads_as(self) -> str:
        return f"graph {self.name}" if self.shared else "graph"

    def open(self, cursor: int) -> None:
        """Read from there on."""
        self.attach(cursor)
        self.stream.open()

    def attach(self, cursor: int) -> None:
        """Have what comes from there on kept."""
        if self._reader is None:
            reader = self._reader = Stream.reader(self.stream, self._reads_as, at=cursor, lasting=True)
            reader.oldest = reader.cursor  # as far as the mark says: a snapshot that is kept needs them
            reader.cursor = max(reader.cursor, cursor)
            if self.kept:
                self.stream.owner.outputs.finished(reader, upto=reader.cursor)

    def born(self, output: Output) -> int:
        """When what the output is made of came into the measured part of the graph, in ms; else into the input."""
        births = self.stream.owner.births
        return output.time if births is None else births.of(output)

    @property
    def oldest(self) -> int:
        """The first output that somebody may still want to go back to."""
        return 0 if self._reader is None else int(self._reader.oldest)

    def settled(self, number: int, oldest: int) -> None:
        """What was made of the outputs below that number is stored; somebody may want to go back to `oldest`."""
        if self._reader is not None and self.kept:
            self._reader.oldest = oldest
            self.stream.owner.outputs.finished(self._reader, upto=number)

    def close(self) -> None:
        """Read no more; a run that nobody else reads is cancelled."""
        if self._reader is not None:
            self.stream.owner.outputs.detach(self._reader.id)
            self._reader = None

    def drain(self) -> None:
        """Have it end by itself: no more from its source, but all that it has."""
        self.stream.drain()

    def now(self) -> Output | None:
        """The next output, if it is here and nothing has to be waited for."""
        found = self.here(1)
        return found[0] if found else None

    def here(self, most: int) -> list[Output]:
        """Up to so many of the next outputs, as far as nothing has to be waited for."""
        owner, reader = self.stream.owner, self._reader
        if not max(owner.outputs.oldest, reader.cursor) == reader.cursor < owner.outputs.visible:
            return []
        if not self.kept:
            owner.outputs.finished(reader)
        found: list[Output] = owner.outputs.take(reader, most, owner.services.clock.monotonic())
        return found

    async def next(self, timeout_ms: float | None = None) -> Output | None:
        """The next output; None at the end, or after the time. Raises what the run failed with."""
        here = self.now()
        if here is not None:
            return here
        outputs = self.stream.owner.outputs
        if not self.kept:
            outputs.finished(self._reader)
        elif outputs.next >= outputs.limit and self._reader.cursor >= outputs.visible:
            self.starved()
        found = await self.stream.read(self._reader, 1, timeout_ms)
        if found:
            return found[0]
        owner = self.stream.owner
        if owner.outputs.ended and owner.status is ERROR and owner.failure is not None:
            raise located(owner.failure, self)
        return None

    @property
    def over(self) -> bool:
        """Did it end, and is everything of it read?"""
        outputs = self.stream.owner.outputs
        return outputs.ended and self._reader is not None and self._reader.cursor >= outputs.next


def located(error: RtfsError, input: Input) -> RtfsError:
    """The error, with a word about where in the graph it came from."""
    error.remark(f"in the input {input.name} ({input.stream.owner.settings['endpoint']})")
    return error
