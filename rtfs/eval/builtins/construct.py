"""Sequences made of elements and of other sequences (language.md §14.4)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.builtins.sequence import as_vector, like
from rtfs.eval.limits import LIMITS, built, check_elements
from rtfs.eval.registry import builtin
from rtfs.lang.access import sequence
from rtfs.lang.collections import SMALL, List, Map, PVector, vector
from rtfs.lang.equality import NESTING_LIMIT
from rtfs.lang.errors import overflow
from rtfs.lang.signal import FLAG, METERS, charge, poll
from rtfs.lang.values import wrong_kind


@builtin("vec", doc="A vector of the elements.", type="[Items] [:vector a]", example=("(vec '(1 2))", "[1 2]"))
def vec(coll: Any) -> Any:
    return coll if type(coll) is PVector else as_vector(sequence(coll, "vec"))


@builtin("list", doc="A list of the arguments.", type="[& a] [:list a]", example=("(list 1 2)", "(1 2)"))
def list_(*items: Any) -> List:
    if METERS:
        built(len(items))
    return List(items)


@builtin("vector", doc="A vector of the arguments.", type="[& a] [:vector a]", example=("(vector 1 2)", "[1 2]"))
def vector_(*items: Any) -> Any:
    return as_vector(items)


@builtin(
    "cons",
    doc="The sequence with an element in front.",
    type="[b [:list a]] [:list [:or a b]] [b Items] [:vector [:or a b]]",
    example=("(cons 0 [1])", "[0 1]"),
)
def cons(x: Any, coll: Any) -> Any:
    items = sequence(coll, "cons")
    check_elements(len(items) + 1)
    return like(coll, [x, *items])


@builtin(
    "concat",
    doc="All elements in one vector.",
    type="[& Items] [:vector a]",
    example=("(concat [1] '(2) {:a 3})", "[1 2 [:a 3]]"),
)
def concat(*colls: Any) -> Any:
    views = [sequence(coll, "concat") for coll in colls]
    built(sum([len(items) for items in views]))
    return vector([item for items in views for item in items])


# ---- adding -----------------------------------------------------------------------------------------------------


@builtin(
    "conj",
    doc="The vector or list with elements added at its end; the map with pairs or maps added. nil counts as [].",
    type="[[:vector a] & b] [:vector [:or a b]] [[:list a] & b] [:list [:or a b]] "
    "[:nil & b] [:vector b] [:map & [:or :nil :map :seq]] :map",
    example=("[(conj [1] 2 3) (conj {:a 1} [:b 2])]", "[[1 2 3] {:a 1 :b 2}]"),
)
def conj(coll: Any, *items: Any) -> Any:
    if coll is None:
        coll = ()
    elif type(coll) not in _GROWING:
        raise wrong_kind("conj", "vector, list or map", coll)
    if len(items) == 1:
        return _with(coll, items[0])
    return _with_all(coll, items, "conj") if items else coll


_GROWING = frozenset({tuple, PVector, List, Map})


def _with(coll: Any, item: Any) -> Any:
    kind = type(coll)
    if METERS and (kind is tuple or kind is List):
        built(len(coll) + 1)
    if kind is tuple:
        return (*coll, item) if len(coll) < SMALL else PVector([*coll, item])
    if kind is PVector:
        if METERS:
            check_elements(len(coll) + 1)
        return coll.conj(item)
    if kind is List:
        check_elements(len(coll) + 1)
        return List((*coll, item))
    if type(item) is Map:
        result = coll.merge(item)
        built(len(result))
        return result
    if METERS:
        check_elements(len(coll) + 1)
    return coll if item is None else coll.assoc(*_pair(item, "conj"))


def _with_all(coll: Any, items: Any, operation: str) -> Any:
    if type(coll) is not Map:
        check_elements(len(coll) + len(items))
        return like(coll, [*coll, *items])
    pairs: list[tuple[Any, Any]] = []
    for item in items:
        if type(item) is Map:
            pairs.extend(item.entries())
        elif item is not None:
            pairs.append(_pair(item, operation))
    result = coll.merge(Map.of(pairs))
    built(len(result))
    return result


def _pair(item: Any, operation: str) -> tuple[Any, Any]:
    if (type(item) is tuple or type(item) is List) and len(item) == 2:
        return (item[0], item[1])
    raise wrong_kind(operation, "[key value] or map", item)


@builtin(
    "into",
    doc="The first collection with all elements of the second added, as by conj. nil counts as [].",
    type="[[:or :nil [:vector a]] Others] [:vector [:or a c]] [[:list a] Others] [:list [:or a c]] [:map Others] :map",
    example=("[(into [1] '(2)) (into {} [[:a 1]])]", "[[1 2] {:a 1}]"),
)
def into(target: Any, source: Any) -> Any:
    if target is None:
        target = ()
    elif type(target) not in _GROWING:
        raise wrong_kind("into", "vector, list or map", target)
    if type(target) is Map and type(source) is Map:
        return _with(target, source)
    return _with_all(target, sequence(source, "into"), "into")


# ---- interweaving -----------------------------------------------------------------------------------------------


@builtin(
    "interleave",
    doc="Elements of the sequences in turn, until the shortest ends.",
    type="[Items & Items] [:vector a]",
    example=("(interleave [1 2] [:a :b :c])", "[1 :a 2 :b]"),
)
def interleave(coll: Any, *others: Any) -> Any:
    views = [sequence(one, "interleave") for one in (coll, *others)]
    built(min([len(items) for items in views]) * len(views))
    return vector([item for group in zip(*views, strict=False) for item in group])


@builtin(
    "zip",
    doc="Vectors of the elements at the same place, until the shortest ends.",
    type="[Items & Items] [:vector [:vector a]]",
    example=("(zip [1 2] [:a :b])", "[[1 :a] [2 :b]]"),
)
def zip_(coll: Any, *others: Any) -> Any:
    views = [sequence(one, "zip") for one in (coll, *others)]
    built(min([len(items) for items in views]) * len(views))
    return vector([as_vector(group) for group in zip(*views, strict=False)])


@builtin(
    "interpose",
    doc="The separator between the elements.",
    type="[b Items] [:vector [:or a b]]",
    example=("(interpose 0 [1 2])", "[1 0 2]"),
)
def interpose(separator: Any, coll: Any) -> Any:
    items = sequence(coll, "interpose")
    built(2 * len(items))
    mixed = [part for item in items for part in (separator, item)]
    return vector(mixed[1:])


@builtin(
    "zipmap",
    doc="A map of keys and values.",
    type="[Items Others] [:map-of a c]",
    example=("(zipmap [:a :b] [1 2])", "{:a 1 :b 2}"),
)
def zipmap(keys: Any, values: Any) -> Map:
    names, items = sequence(keys, "zipmap"), sequence(values, "zipmap")
    built(min(len(names), len(items)))
    return Map.of(zip(names, items, strict=False))


# ---- flattening -------------------------------------------------------------------------------------------------

_OPENED = frozenset({tuple, PVector, List})


@builtin(
    "flatten",
    doc="The elements of nested vectors and lists in one vector.",
    type="[Items] :vector",
    example=("(flatten [1 [2 '(3)] {:a [4]}])", "[1 2 3 {:a [4]}]"),
)
def flatten(coll: Any) -> Any:
    flat: list[Any] = []
    nested, limit = 0, LIMITS.get().elements
    stack = [iter(sequence(coll, "flatten"))]
    while stack:
        for item in stack[-1]:
            if type(item) in _OPENED:
                nested += 1
                if FLAG:
                    poll()
                if METERS:
                    charge(1 + (len(item) >> 4))
                stack.append(iter(item))
                break
            flat.append(item)
        else:
            stack.pop()
        if nested > limit or len(flat) > limit:  # one vector may occur in many places
            check_elements(max(nested, len(flat)))
        if len(stack) > NESTING_LIMIT:
            raise overflow("nesting", NESTING_LIMIT)
    built(len(flat))
    return vector(flat)
