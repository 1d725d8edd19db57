"""`:stream.memory-efficient`: a queue without a bound for items, the later ones on disk (streaming.md §6.6)."""

from __future__ import annotations

from rtfs.host.stream.operators import HostOperator, Single
from rtfs.host.stream.outputs import Output
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

MOST_IN_MEMORY = 1 << 20  # items, however small they are


class MemoryEfficient(Single):
    """The queue is that of its own run, under `:overflow :spill`."""

    name = "memory-efficient"

    async def take(self, output: Output) -> None:
        await self.give(output.value, output)


def own(params: Map) -> Map:
    """The options of its run."""
    spills = params.get(Keyword("spill-to-disk"))
    options = {
        "queue-capacity": MOST_IN_MEMORY,
        "queue-bytes": params.get(Keyword("max-memory")),
        "overflow": Keyword("spill" if spills else "block"),
        "spill-max-bytes": params.get(Keyword("max-disk")),
    }
    return Map.of((Keyword(name), value) for name, value in options.items())


OPERATOR = HostOperator(MemoryEfficient, own=own)
