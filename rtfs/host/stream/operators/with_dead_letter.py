"""`:stream.with-dead-letter`: items that fail upstream are tried again, then kept as letters (streaming.md §6.9)."""

from __future__ import annotations

from rtfs.host.stream.failing import RETRY, Failure, Fate, Policy
from rtfs.host.stream.operators import Around, HostOperator, Single
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.settings import DEAD_LETTER
from rtfs.host.stream.slot import seen
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword


class WithDeadLetter(Single):
    """What it does is done where the items fail."""

    name = "with-dead-letter"

    async def take(self, output: Output) -> None:
        await self.give(output.value, output)


class Letters(Policy):
    """Tries again what is worth it, then tells of the item and keeps it."""

    def __init__(self, params: Map, around: Around) -> None:
        self._retries, self._backoff_ms, self._worth = (
            params.get(Keyword(name)) for name in ("max-retries", "backoff-ms", "error-predicate")
        )
        self._tell = around.maybe("on-dead-letter", params.get(Keyword("on-dead-letter")), 2)
        self._pure = around.pure

    def at_once(self, failure: Failure) -> Fate | None:
        if failure.tries < self._retries and self._worth_it(failure):
            return Fate(RETRY, self._backoff_ms)
        return Fate(DEAD_LETTER) if self._tell is None else None

    def _worth_it(self, failure: Failure) -> bool:
        if self._worth is None:
            return True
        return self._pure(self._worth, seen(failure.problem)) not in (None, False)

    async def decide(self, failure: Failure) -> Fate:
        assert self._tell is not None
        await failure.ask(self._tell, failure.chunk[1], seen(failure.problem))
        return Fate(DEAD_LETTER)


def covers(params: Map) -> Map:
    """The options of the runs upstream, for what is no step: messages that are too long, and where letters go."""
    options = [(Keyword("on-error"), DEAD_LETTER)]
    queue = params.get(Keyword("dead-letter-queue"))
    return Map.of(options if queue is None else [*options, (Keyword("dead-letter-queue"), queue)])


OPERATOR = HostOperator(WithDeadLetter, covers=covers, hook=Letters)
