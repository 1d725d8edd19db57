"""`:stream.from-collection`: the items of a vector, list, map or string, each a chunk or some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters.memory import MemoryAdapter, Topic
from rtfs.host.stream.settings import Settings
from rtfs.host.stream.sources import SourceKind
from rtfs.lang.access import sequence
from rtfs.lang.collections import Map, PVector, vector
from rtfs.lang.names import Keyword
from rtfs.lang.operator import COLLECTION_TABLE

if TYPE_CHECKING:
    from rtfs.host.stream.registry import Services

COLLECTION, CHUNK_SIZE = Keyword("collection"), Keyword("chunk-size")


def items_of(params: Map, start: int) -> Iterator[Any]:
    """The chunks from number `start` on. Maps give `[k v]` pairs, strings characters."""
    items, size = sequence(params.get(COLLECTION), "from-collection"), params.get(CHUNK_SIZE)
    listed = items if type(items) in (tuple, PVector) else list(items)
    if size is None:
        yield from listed[start:]
    else:
        for at in range(start * size, len(listed), size):
            yield vector(list(listed[at : at + size]))


def _open(settings: Settings, params: Map, services: Services) -> MemoryAdapter:
    return MemoryAdapter(settings, Topic(lambda start: items_of(params, start)))


SOURCE = SourceKind(
    table=COLLECTION_TABLE,
    open=_open,
    finite=lambda params: True,
    effects=(),
    doc="The items of a collection.",
    examples=(("(:rtfs/node (call :stream.from-collection [1 2 3]))", ":from-collection"),),
)
