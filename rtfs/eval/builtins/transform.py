"""A function applied to every element: map, filter, reduce and their kin (language.md §14.4).

A loop or comprehension calls RTFS functions without using the C stack; Python's own `map` would not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rtfs.eval.builtins.comparison import identity
from rtfs.eval.builtins.function import spread
from rtfs.eval.builtins.number import add
from rtfs.eval.limits import LIMITS, built, called, check_elements, paid
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.collections import MISSING, Map, PVector, vector
from rtfs.lang.signal import FLAG, METERS, poll
from rtfs.lang.values import wrong_kind


def _mapped(operation: str, f: Any, colls: tuple[Any, ...]) -> list[Any]:
    """The values of f for the elements at each place of several collections, until the shortest ends."""
    target = callee(f, operation)
    views = [sequence(coll, operation) for coll in colls]
    count = min([len(items) for items in views])
    called(count)
    built(count)
    if len(views) == 2:
        return [target(a, b) for a, b in zip(*views, strict=False)]
    return [spread(target, items) for items in zip(*views, strict=False)]


@builtin(
    "map",
    "mapv",
    doc="The values of f for the elements; several collections until the shortest ends.",
    type="[[:fn [a] b] Items] [:vector b] [[:fn [a c] b] Items Others] [:vector b] "
    "[:fn Items Items Items & Items] :vector",
    example=("(map + [1 2] [10 20 30])", "[11 22]"),
)
def map_(f: Any, coll: Any, *others: Any) -> Any:
    if others:
        return vector(_mapped("map", f, (coll, *others)))
    target, items = callee(f, "map"), sequence(coll, "map")
    if METERS:
        called(len(items))
        built(len(items))
    if len(items) > PORTION:
        return vector([value for part in _portions(items) for value in [target(item) for item in part]])
    return vector([target(item) for item in items])


PORTION = 4_096  # elements between two looks whether the run is to stop or to pause: builtins do not look


def _portions(items: Any) -> Iterator[Any]:
    """A long sequence in portions."""
    for start in range(0, len(items), PORTION):
        if FLAG:
            poll()
        yield items[start : start + PORTION]


@builtin(
    "map-indexed",
    doc="The values of f for index and element.",
    type="[[:fn [:int a] b] Items] [:vector b]",
    example=("(map-indexed vector [:a :b])", "[[0 :a] [1 :b]]"),
)
def map_indexed(f: Any, coll: Any) -> Any:
    target, items = callee(f, "map-indexed"), sequence(coll, "map-indexed")
    called(len(items))
    built(len(items))
    return vector([target(index, item) for index, item in enumerate(items)])


@builtin(
    "keep-indexed",
    doc="The values of f for index and element that are not nil.",
    type="[[:fn [:int a] b] Items] [:vector b]",
    example=("(keep-indexed (fn [i x] (if (odd? i) x)) [:a :b])", "[:b]"),
)
def keep_indexed(f: Any, coll: Any) -> Any:
    target, items = callee(f, "keep-indexed"), sequence(coll, "keep-indexed")
    called(len(items))
    return _kept([value for index, item in enumerate(items) if (value := target(index, item)) is not None])


def _kept(values: list[Any]) -> Any:
    """The vector of what was kept."""
    if METERS:
        built(len(values))
    return vector(values)


@builtin(
    "mapcat",
    doc="The elements of the values of f, which are sequences.",
    type="[[:fn [a] Others] Items] [:vector c] [:fn Items Items & Items] :vector",
    example=("(mapcat (fn [x] [x x]) [1 2])", "[1 1 2 2]"),
)
def mapcat(f: Any, coll: Any, *others: Any) -> Any:
    joined: list[Any] = []
    target, size, most = identity if others else callee(f, "mapcat"), 0, max(64, LIMITS.get().elements)
    for item in _mapped("mapcat", f, (coll, *others)) if others else sequence(coll, "mapcat"):
        if METERS and not others:
            called(1)
        items = sequence(target(item), "mapcat")
        size += len(items)
        if size > most:
            check_elements(size)
        if METERS:
            built(len(items))
        joined.extend(items)
    return vector(joined)


@builtin(
    "filter",
    "filterv",
    doc="The elements that satisfy f.",
    type="[[:fn [a] :any] Items] [:vector a]",
    example=("(filter even? [1 2])", "[2]"),
)
def filter_(f: Any, coll: Any) -> Any:
    target = callee(f, "filter")
    items = sequence(coll, "filter")
    if METERS:
        called(len(items))
    portions = _portions(items) if len(items) > PORTION else (items,)
    return _kept(
        [item for part in portions for item in part if (kept := target(item)) is not None and kept is not False]
    )


@builtin(
    "remove",
    doc="The elements that do not satisfy f.",
    type="[[:fn [a] :any] Items] [:vector a]",
    example=("(remove even? [1 2])", "[1]"),
)
def remove(f: Any, coll: Any) -> Any:
    target = callee(f, "remove")
    items = sequence(coll, "remove")
    if METERS:
        called(len(items))
    portions = _portions(items) if len(items) > PORTION else (items,)
    return _kept([item for part in portions for item in part if (gone := target(item)) is None or gone is False])


@builtin(
    "keep",
    doc="The values of f that are not nil.",
    type="[[:fn [a] b] Items] [:vector b]",
    example=("(keep :a [{:a 1} {}])", "[1]"),
)
def keep(f: Any, coll: Any) -> Any:
    target, items = callee(f, "keep"), sequence(coll, "keep")
    called(len(items))
    return _kept([value for item in items if (value := target(item)) is not None])


# ---- folds ------------------------------------------------------------------------------------------------------


@builtin(
    "reduce",
    doc="(reduce f init coll): f folded over the elements from the left; init defaults to the first element.",
    type="[[:fn [:any a] b] Items] [:or a b] [[:fn [:any a] b] c Items] [:or b c]",
    example=("[(reduce + 10 [1 2]) (reduce + [])]", "[13 0]"),
)
def reduce(f: Any, init: Any, coll: Any = MISSING) -> Any:
    target = callee(f, "reduce")
    total, items = _start("reduce", init, coll)
    if total is MISSING:
        return target()
    if target is add and type(total) is int:
        listed = list(items)
        if set(map(type, listed)) == {int}:  # floats would be rounded differently from the fold
            return paid(sum(listed, total), len(listed) << 10)
        items = iter(listed)
    for item in items:
        total = target(total, item)
    return total


@builtin(
    "reductions",
    doc="The intermediate results of reduce.",
    type="[[:fn [:any a] b] Items] [:vector [:or a b]] [[:fn [:any a] b] c Items] [:vector [:or b c]]",
    example=("(reductions + [1 2 3])", "[1 3 6]"),
)
def reductions(f: Any, init: Any, coll: Any = MISSING) -> Any:
    target = callee(f, "reductions")
    total, items = _start("reductions", init, coll)
    if total is MISSING:
        return (target(),)
    results = [total]
    for item in items:
        total = target(total, item)
        results.append(total)
    built(len(results))
    return vector(results)


def _start(operation: str, init: Any, coll: Any) -> tuple[Any, Any]:
    """What a fold starts from (MISSING when there is nothing) and an iterator of what follows."""
    view = sequence(init if coll is MISSING else coll, operation)
    if METERS:
        called(len(view))
    items = iter(view) if len(view) <= PORTION else (item for part in _portions(view) for item in part)
    return (init if coll is not MISSING else next(items, MISSING)), items


@builtin(
    "reduce-kv",
    doc="(reduce-kv f init coll): f folded over keys and values of a map, or indices and items of a vector.",
    type="[[:fn [:any :any :any] b] c [:or :nil :map :vector]] [:or b c]",
    example=("(reduce-kv (fn [total k v] (+ total v)) 0 {:a 1 :b 2})", "3"),
)
def reduce_kv(f: Any, init: Any, coll: Any) -> Any:
    target = callee(f, "reduce-kv")
    if type(coll) is Map:
        pairs: Any = coll.entries()
    elif type(coll) is tuple or type(coll) is PVector:
        pairs = enumerate(coll)
    elif coll is None:
        pairs = ()
    else:
        raise wrong_kind("reduce-kv", "map or vector", coll)
    called(0 if coll is None else len(coll))
    for key, value in pairs:
        init = target(init, key, value)
    return init
