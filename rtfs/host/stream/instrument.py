"""What may measure the streams of a host: none of it costs anything while nobody does (streaming.md §9.3, §9.4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner


class Instrument:
    """Told what streams do. Every method may be left out; none may raise or wait."""

    def began(self, owner: Owner) -> None:
        """A stream was taken in."""

    def ended(self, owner: Owner) -> None:
        """A stream is terminal."""

    def forgotten(self, owner: Owner) -> None:
        """A stream answers no longer: its counters are gone."""

    def turn(self, owner: Owner) -> AbstractContextManager[None]:
        """Around the steps of one turn of an owner."""
        return nullcontext()

    def checkpoint(self, owner: Owner, took_ms: float, problem: str | None) -> None:
        """A snapshot was written, or could not be."""

    def connected(self, owner: Owner, took_ms: float, problem: str | None) -> None:
        """A connection was opened, or could not be."""

    def retrying(self, owner: Owner, reason: str) -> None:
        """A transport was lost and will be tried again."""

    def failed(self, owner: Owner, code: str) -> None:
        """A step failed."""

    def acted(self, owner: Owner, action: str) -> None:
        """A step asked for an action."""

    def left(self, name: str, seconds: float) -> None:
        """An item left a part of a graph that is measured under a name, so long after it came in."""

    def slot(self, stream_id: str, seq: int, name: str) -> AbstractContextManager[None]:
        """Around one call of an effect slot."""
        return nullcontext()


class Instruments(Instrument):
    """All that measure, as one."""

    def __init__(self) -> None:
        self.parts: list[Instrument] = []

    def began(self, owner: Owner) -> None:
        for part in self.parts:
            part.began(owner)

    def ended(self, owner: Owner) -> None:
        for part in self.parts:
            part.ended(owner)

    def forgotten(self, owner: Owner) -> None:
        for part in self.parts:
            part.forgotten(owner)

    @contextmanager
    def turn(self, owner: Owner) -> Iterator[None]:
        with ExitStack() as stack:
            for part in self.parts:
                stack.enter_context(part.turn(owner))
            yield

    def checkpoint(self, owner: Owner, took_ms: float, problem: str | None) -> None:
        for part in self.parts:
            part.checkpoint(owner, took_ms, problem)

    def connected(self, owner: Owner, took_ms: float, problem: str | None) -> None:
        for part in self.parts:
            part.connected(owner, took_ms, problem)

    def retrying(self, owner: Owner, reason: str) -> None:
        for part in self.parts:
            part.retrying(owner, reason)

    def failed(self, owner: Owner, code: str) -> None:
        for part in self.parts:
            part.failed(owner, code)

    def acted(self, owner: Owner, action: str) -> None:
        for part in self.parts:
            part.acted(owner, action)

    def left(self, name: str, seconds: float) -> None:
        for part in self.parts:
            part.left(name, seconds)

    @contextmanager
    def slot(self, stream_id: str, seq: int, name: str) -> Iterator[None]:
        with ExitStack() as stack:
            for part in self.parts:
                stack.enter_context(part.slot(stream_id, seq, name))
            yield
