"""`ccos.data.*`: filtering, sorting and selecting by criteria that are data."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword

_INPUT = {"data": ":seq", "criteria": ":map"}


@provides(
    "ccos.data.filter",
    input=_INPUT,
    output=":vector",
    effects=[],
    examples=[("(call :ccos.data.filter [{:a 1 :b 2} {:a 3}] {:a 1})", "[{:a 1 :b 2}]")],
)
def filter_(ctx: CallContext, data: Any, criteria: Map) -> Any:
    """The elements that have every field of the criteria with an equal value."""
    from rtfs.lang.equality import equal

    wanted = criteria.entries()

    def fits(item: Any) -> bool:
        return type(item) is Map and all(key in item and equal(item[key], value) for key, value in wanted)

    return vector([item for item in data if fits(item)])


@provides(
    "ccos.data.sort",
    input=_INPUT,
    output=":vector",
    effects=[],
    examples=[("(call :ccos.data.sort [{:n 2} {:n 5}] {:by :n :desc? true})", "[{:n 5} {:n 2}]")],
)
def sort(ctx: CallContext, data: Any, criteria: Map) -> Any:
    """The elements in the order of one field: `{:by key :desc? false}`; without `:by`, in their own order."""
    from functools import cmp_to_key

    from rtfs.lang.access import get
    from rtfs.lang.order import compare

    _require(criteria, "by", "desc?", "desc")
    by = criteria.get(Keyword("by"))
    descending = criteria.get(Keyword("desc?"), criteria.get(Keyword("desc"))) is True
    keyed = [(get(item, by) if by is not None else item, item) for item in data]
    order = cmp_to_key(compare)
    keyed.sort(key=lambda pair: order(pair[0]), reverse=descending)
    return vector([item for _, item in keyed])


@provides(
    "ccos.data.select",
    input=_INPUT,
    output=":vector",
    effects=[],
    examples=[("(call :ccos.data.select [5 6 7] {:count 2})", "[5 6]")],
)
def select(ctx: CallContext, data: Any, criteria: Map) -> Any:
    """The first elements: `{:count n}`."""
    _require(criteria, "count")
    count = criteria.get(Keyword("count"))
    if type(count) is not int or count < 0:
        raise ValueError(":count must be an integer of at least 0")
    return vector(list(data)[:count])


def _require(criteria: Map, *known: str) -> None:
    for key in criteria:
        if type(key) is not Keyword or key.name not in known:
            raise ValueError(f"unknown criterion {key!r}; known: {' '.join(f':{name}' for name in known)}")
