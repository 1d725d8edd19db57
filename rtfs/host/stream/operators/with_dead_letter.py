"""`:stream.with-dead-letter`: items that fail upstream are tried again, then kept as letters (streaming.md §6.9)."""

from __future__ import annotations

from rtfs.host.stream import letter, queues
from rtfs.host.stream.adapters import Session
from rtfs.host.stream.copies import Copies, is_broker
from rtfs.host.stream.credential import masked
from rtfs.host.stream.failing import RETRY, Failure, Fate, Policy
from rtfs.host.stream.guard import Need
from rtfs.host.stream.intake import Intake
from rtfs.host.stream.operators import Around, HostOperator, Single
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.settings import DEAD_LETTER
from rtfs.host.stream.slot import seen
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

QUEUE = Keyword("dead-letter-queue")


class WithDeadLetter(Single):
    """What it does is done where the items fail."""

    name = "with-dead-letter"

    async def work(self, session: Session, intake: Intake) -> None:
        assert isinstance(self.around.hook, Letters)
        try:
            await super().work(session, intake)
        finally:
            await self.around.hook.close()

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
        queue = params.get(QUEUE)
        self._copies = Copies(queue, around.services) if is_broker(queue) else None

    def at_once(self, failure: Failure) -> Fate | None:
        if failure.tries < self._retries and self._worth_it(failure):
            return Fate(RETRY, self._backoff_ms)
        return Fate(DEAD_LETTER) if self._tell is None and self._copies is None else None

    def _worth_it(self, failure: Failure) -> bool:
        if self._worth is None:
            return True
        return self._pure("error-predicate", self._worth, seen(failure.problem)) not in (None, False)

    async def decide(self, failure: Failure) -> Fate:
        if self._tell is not None:
            await failure.ask(self._tell, failure.chunk[1], seen(failure.problem))
        if self._copies is not None:
            await self._copies.send(letter.write(failure.owner, failure.chunk, failure.problem), failure.owner)
        return Fate(DEAD_LETTER)

    async def close(self) -> None:
        """Nothing fails any more."""
        if self._copies is not None:
            await self._copies.close()


def covers(params: Map) -> Map:
    """The options of the runs upstream, for what is no step: messages that are too long, and where letters go."""
    options = [(Keyword("on-error"), DEAD_LETTER)]
    queue = params.get(QUEUE)
    return Map.of(options if queue is None else [*options, (QUEUE, masked(queue))])


def needs(params: Map) -> tuple[Need, ...]:
    """What a queue at a broker needs."""
    queue = params.get(QUEUE)
    return queues.needs_of(queue) if is_broker(queue) else ()


OPERATOR = HostOperator(WithDeadLetter, covers=covers, hook=Letters, needs=needs)
