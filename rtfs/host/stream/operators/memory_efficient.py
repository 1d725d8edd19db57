"""`:stream.memory-efficient`: a queue without a bound for items, the later ones on disk (streaming.md §6.6)."""

from __future__ import annotations

import os
from typing import Any

from rtfs.host.stream.body import SPILL_FOLDER
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.guard import Need
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.operators import HostOperator, Single
from rtfs.host.stream.options import shown
from rtfs.host.stream.outputs import Output
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

MOST_IN_MEMORY = 1 << 20  # items, however small they are
FOLDER = Keyword("temp-dir")


class MemoryEfficient(Single):
    """The queue is that of its own run, under `:overflow :spill`."""

    name = "memory-efficient"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        folder = self.param("temp-dir")
        if folder is not None and not (os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)):
            raise fault(3, p="temp-dir", kind="folder to write in", value=shown(folder))
        self.settings[SPILL_FOLDER] = folder
        self._spilled = self.around.maybe("on-spill", self.param("on-spill"))

    async def take(self, output: Output) -> None:
        queue = self.intake.owner.queue
        in_memory = queue.spill is None
        await self.give(output.value, output)
        if in_memory and queue.spill is not None and self._spilled is not None:
            await self.ask(self._spilled, keyed(waiting=queue.depth, bytes=queue.bytes, seq=self.intake.seq - 1))


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


def _needs(params: Map) -> tuple[Need, ...]:
    """A folder that the program names; that of the host needs nothing."""
    folder = params.get(FOLDER)
    return () if folder is None else (Need.of("write", folder),)


OPERATOR = HostOperator(MemoryEfficient, own=own, needs=_needs)
