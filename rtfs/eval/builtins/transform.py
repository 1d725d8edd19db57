"""A function applied to every element: map, filter, reduce and their kin (language.md §14.4).

A loop or comprehension calls RTFS functions without using the C stack; Python's own `map` would not.
"""

from __future__ import annotations

from typing import Any

from rtfs.eval.builtins.comparison import identity
from rtfs.eval.builtins.function import spread
from rtfs.eval.builtins.number import add
from rtfs.eval.limits import check_elements
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.collections import MISSING, Map, PVector, vector
from rtfs.lang.values import wrong_kind


def _mapped(operation: str, f: Any, colls: tuple[Any, ...]) -> list[Any]:
    """The values of f for the elements at each place of several collections, until the shortest ends."""
    target = callee(f, operation)
    views = [sequence(coll, operation) for coll in colls]
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
    target = callee(f, "map")
    return vector([target(item) for item in sequence(coll, "map")])


@builtin(
    "map-indexed",
    doc="The values of f for index and element.",
    type="[[:fn [:int a] b] Items] [:vector b]",
    example=("(map-indexed vector [:a :b])", "[[0 :a] [1 :b]]"),
)
def map_indexed(f: Any, coll: Any) -> Any:
    target = callee(f, "map-indexed")
    return vector([target(index, item) for index, item in enumerate(sequence(coll, "map-indexed"))])


@builtin(
    "keep-indexed",
    doc="The values of f for index and element that are not nil.",
    type="[[:fn [:int a] b] Items] [:vector b]",
    example=("(keep-indexed (fn [i x] (if (odd? i) x)) [:a :b])", "[:b]"),
)
def keep_indexed(f: Any, coll: Any) -> Any:
    target = callee(f, "keep-indexed")
    items = enumerate(sequence(coll, "keep-indexed"))
    return vector([value for index, item in items if (value := target(index, item)) is not None])


@builtin(
    "mapcat",
    doc="The elements of the values of f, which are sequences.",
    type="[[:fn [a] Others] Items] [:vector c] [:fn Items Items & Items] :vector",
    example=("(mapcat (fn [x] [x x]) [1 2])", "[1 1 2 2]"),
)
def mapcat(f: Any, coll: Any, *others: Any) -> Any:
    joined: list[Any] = []
    target = identity if others else callee(f, "mapcat")
    for item in _mapped("mapcat", f, (coll, *others)) if others else sequence(coll, "mapcat"):
        items = sequence(target(item), "mapcat")
        check_elements(len(joined) + len(items))
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
    return vector([item for item in items if (kept := target(item)) is not None and kept is not False])


@builtin(
    "remove",
    doc="The elements that do not satisfy f.",
    type="[[:fn [a] :any] Items] [:vector a]",
    example=("(remove even? [1 2])", "[1]"),
)
def remove(f: Any, coll: Any) -> Any:
    target = callee(f, "remove")
    items = sequence(coll, "remove")
    return vector([item for item in items if (gone := target(item)) is None or gone is False])


@builtin(
    "keep",
    doc="The values of f that are not nil.",
    type="[[:fn [a] b] Items] [:vector b]",
    example=("(keep :a [{:a 1} {}])", "[1]"),
)
def keep(f: Any, coll: Any) -> Any:
    target = callee(f, "keep")
    return vector([value for item in sequence(coll, "keep") if (value := target(item)) is not None])


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
            return sum(listed, total)
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
    check_elements(len(results))
    return vector(results)


def _start(operation: str, init: Any, coll: Any) -> tuple[Any, Any]:
    """What a fold starts from (MISSING when there is nothing) and an iterator of what follows."""
    if coll is not MISSING:
        return init, iter(sequence(coll, operation))
    items = iter(sequence(init, operation))
    return next(items, MISSING), items


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
    for key, value in pairs:
        init = target(init, key, value)
    return init
