"""Sorting (language.md §14.4): stable, by the total order of values or by a function."""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from rtfs.eval.limits import built, called, each, walked
from rtfs.eval.registry import builtin
from rtfs.lang.access import applied, callee, sequence
from rtfs.lang.collections import MISSING, vector
from rtfs.lang.names import Keyword
from rtfs.lang.order import compare
from rtfs.lang.signal import METERS

Before = Callable[[Any, Any], bool]


@builtin(
    "sort",
    doc="(sort cmp coll): the elements in order; cmp answers whether the first comes before the second, or a number.",
    type="[Items] [:vector a] [[:fn [a a] :any] Items] [:vector a]",
    example=("[(sort [3 1 2]) (sort > [1 3 2])]", "[[1 2 3] [3 2 1]]"),
)
def sort(cmp: Any, coll: Any = MISSING) -> Any:
    if coll is MISSING:
        return vector(_in_order(list(sequence(cmp, "sort"))))
    items = list(sequence(coll, "sort"))
    return vector([items[place] for place in _merge_sorted(items, _before(callee(cmp, "sort")))])


@builtin(
    "sort-by",
    doc="(sort-by f cmp coll): the elements in the order of their (f x).",
    type="[[:fn [a] :any] Items] [:vector a] [[:fn [a] b] [:fn [b b] :any] Items] [:vector a]",
    example=('[(sort-by count ["aa" "b"]) (sort-by - [1 3 2])]', '[["b" "aa"] [3 2 1]]'),
)
def sort_by(f: Any, cmp: Any, coll: Any = MISSING) -> Any:
    target = callee(f, "sort-by")
    items = list(sequence(cmp if coll is MISSING else coll, "sort-by"))
    before = None if coll is MISSING else _before(callee(cmp, "sort-by"))
    called(len(items))
    keys = applied(f, target, items)
    places = _places(keys) if before is None else _merge_sorted(keys, before)
    return vector([items[place] for place in places])


# ---- the total order --------------------------------------------------------------------------------------------


def _key_for(values: list[Any]) -> Callable[[Any], Any] | None:
    """What Python may sort such values by instead of comparing them two by two; None: by themselves."""
    kinds = set(map(type, values))
    if len(kinds) <= 1 and kinds <= {int, str, bool}:
        return None
    if kinds == {Keyword}:
        return _name
    if kinds <= {int, float} and not any(value != value for value in values):
        return None if len(kinds) == 1 else _number
    return cmp_to_key(compare)


def _compared(count: int) -> None:
    """So many values are about to be put in order, each compared with as many as sorting takes."""
    walked(count * count.bit_length())
    built(count)


def _name(value: Any) -> Any:
    return value.name


def _number(value: Any) -> Any:
    return (value, type(value) is float)  # an integer comes before the equal float


def _in_order(values: list[Any]) -> list[Any]:
    _compared(len(values))
    return sorted(values, key=_key_for(values))


def _places(keys: list[Any]) -> list[int]:
    """The places of the keys in their order."""
    _compared(len(keys))
    key = _key_for(keys)
    decorated = keys if key is None else [key(value) for value in keys]
    return sorted(range(len(keys)), key=decorated.__getitem__)


# ---- an order of the program's own ------------------------------------------------------------------------------


def _before(f: Any) -> Before:
    """A comparison of either kind as "comes before"."""

    def before(a: Any, b: Any) -> bool:
        if METERS:
            each()
        answer = f(a, b)
        if type(answer) is int or type(answer) is float:
            return bool(answer < 0)
        return answer is not None and answer is not False

    return before


def _merge_sorted(keys: Any, before: Before) -> list[int]:
    """The places of the keys in order: a stable merge sort whose comparisons use no C stack, may nest and suspend."""
    built(len(keys))
    places = list(range(len(keys)))
    width = 1
    while width < len(places):
        merged: list[int] = []
        for start in range(0, len(places), 2 * width):
            middle = start + width
            _merge(keys, before, (places[start:middle], places[middle : middle + width]), merged)
        places = merged
        width *= 2
    return places


def _merge(keys: Any, before: Before, runs: tuple[list[int], list[int]], merged: list[int]) -> None:
    left, right = runs
    if not right or (len(left) > 1 and not before(keys[right[0]], keys[left[-1]])):  # already in order
        merged += left
        merged += right
        return
    i = j = 0
    while i < len(left) and j < len(right):
        if before(keys[right[j]], keys[left[i]]):
            merged.append(right[j])
            j += 1
        else:
            merged.append(left[i])
            i += 1
    merged += left[i:]
    merged += right[j:]
