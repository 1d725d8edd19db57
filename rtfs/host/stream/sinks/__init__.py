"""Sinks: what takes the outputs of a graph out of the host, one file each (streaming.md §6.3).

A file `file_write.py` offers `SINK`, the capability `:stream.file.write`, and passes `tests/contracts/test_sink.py`. A
sink only says how a batch is given away; collecting batches, trying again, marks, `:on-error` and the callbacks are
`rtfs.host.stream.batching`'s.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream import naming
from rtfs.host.stream.retry import Attempts
from rtfs.host.stream.settings import Retry
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.guard import Need
    from rtfs.host.stream.operators import Around
    from rtfs.host.stream.outputs import Output


class Refused(Exception):
    """What is wrong is the items, not the way: giving them again would not help. why: in words.

    Of several items that are refused together, those are found that are really wrong, where the sink `splits`.
    """

    def __init__(self, why: str, *, data: dict[str, Any] | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.data = data


class Outlet(ABC):
    """One sink of one run. Its methods are called one after the other, but for `give` where `concurrency` > 1.

    size: items of a batch; wait_ms: how long the first of them waits for company; concurrency: batches under way at
    once; splits: are items of a refused batch given one by one? skips: does a run with `:on-error` go on without what
    failed, when nothing else is said? each: the slot that is called after each batch, with what `give` answered.
    guarantee: how often an item may arrive, where that is not what its kind says. totals: does `:on-complete` get how
    many items were given, rather than the summary?
    """

    name = "sink"
    totals = False
    guarantee: str | None = None
    size = 256
    wait_ms: float = 0.0
    concurrency = 1
    splits = False
    skips = False
    each: str | None = None

    def __init__(self, params: Map, around: Around, stream_id: str) -> None:
        self.params = params
        self.around = around
        self.stream_id = stream_id

    def param(self, name: str) -> Any:
        return self.params.get(Keyword(name))

    async def open(self, memory: Any, *, resumed: bool) -> None:  # noqa: B027 - most need nothing
        """Before anything is given, and before the source of the run opens.

        memory: what `memory` gave for the snapshot that the run goes on from. RtfsError when the sink cannot work.
        """

    @abstractmethod
    async def give(self, batch: Sequence[Output]) -> tuple[Any, ...]:
        """Give items away; they are when this returns. The answer: the arguments of the slot `each`.

        Lost: the way is broken, and it may be tried again. Refused: the items are wrong. RtfsError: it cannot work.
        """

    def memory(self) -> Any:
        """A printable value that says how far the sink is, exactly behind what was given; None where marks suffice."""
        return None

    def attempts(self, default: Retry) -> Attempts:
        """How often a batch is tried; default: what the run says of lost transports."""
        return Attempts(default, self.around.services.random)

    async def complete(self, count: int) -> Map:
        """Everything is given away, and the run is complete. The summary for `:on-complete`."""
        return Map.of([(Keyword("items"), count)])

    async def end(self, fate: str) -> None:  # noqa: B027 - most need nothing
        """The run ended otherwise: it `failed`, was `cancelled` (or stopped), or is `left` to a later process."""


class SinkKind(NamedTuple):
    """A sink. table: its parameters and slots, as of an operator; stream: the parameter that names what is written.

    open: the outlet of a run, with checked parameters (S003 when they do not fit together). effects, needs: what it
    needs, as labels and with paths and hosts. guarantee: how often an item may arrive, when the run is durable.
    """

    table: Map
    stream: str
    open: Callable[[Map, Around, str], Outlet]
    effects: tuple[str, ...]
    guarantee: str
    doc: str
    examples: tuple[tuple[str, str], ...]
    needs: Callable[[Map], tuple[Need, ...]] | None = None


def names() -> list[str]:
    """The names of all sinks, as in `:stream.NAME`."""
    return naming.capabilities(__path__)


@cache
def find(name: str) -> SinkKind | None:
    """The sink of a name; None when there is none."""
    if name not in names():
        return None
    found: SinkKind = import_module(f"{__name__}.{naming.module(name)}").SINK
    return found
