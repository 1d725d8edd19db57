"""`:stream.pipeline-with-recovery`: a function decides about each item that fails upstream (streaming.md §6.5)."""

from __future__ import annotations

from typing import Any

from rtfs.host.stream.failing import REPLACE, Asked, Fate
from rtfs.host.stream.operators import Around, HostOperator, Single
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.settings import DEAD_LETTER, FAIL, SKIP
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword


class PipelineWithRecovery(Single):
    """What it does is done where the items fail."""

    name = "pipeline-with-recovery"

    async def take(self, output: Output) -> None:
        await self.give(output.value, output)


class Recovery(Asked):
    """Any answer that is no decision is a value, which goes on in place of what the failed stage would have given."""

    def __init__(self, params: Map, around: Around) -> None:
        handler, most, backoff_ms = (
            params.get(Keyword(name)) for name in ("error-handler", "max-retries", "backoff-ms")
        )
        super().__init__(around.slot("error-handler", handler, 2), most, backoff_ms)

    def meant(self, answered: Any) -> Fate:
        if answered is None:
            return Fate(SKIP)
        if answered in (SKIP, DEAD_LETTER, FAIL):
            return Fate(answered)
        wrapped = type(answered) is Map and list(answered) == [REPLACE]
        return Fate(REPLACE, answered.get(REPLACE) if wrapped else answered)


OPERATOR = HostOperator(PipelineWithRecovery, hook=Recovery)
