"""`:stream.with-dead-letter`: items that fail upstream are tried again, then kept as letters (streaming.md §6.9)."""

from __future__ import annotations

from rtfs.host.stream.operators import HostOperator, Single
from rtfs.host.stream.outputs import Output
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword


class WithDeadLetter(Single):
    """What it does is done where the items fail, by the option `:on-error` of those runs."""

    name = "with-dead-letter"

    async def take(self, output: Output) -> None:
        await self.give(output.value, output)


def covers(params: Map) -> Map:
    """The options of the runs upstream."""
    policy = [("retry", params.get(Keyword("max-retries"))), ("backoff-ms", params.get(Keyword("backoff-ms")))]
    then = (Keyword("then"), Keyword("dead-letter"))
    options = [(Keyword("on-error"), Map.of([*((Keyword(name), value) for name, value in policy), then]))]
    queue = params.get(Keyword("dead-letter-queue"))
    return Map.of(options if queue is None else [*options, (Keyword("dead-letter-queue"), queue)])


OPERATOR = HostOperator(WithDeadLetter, covers=covers)
