"""Equal elements, groups and parts of sequences (language.md §14.4)."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from rtfs.eval.builtins.number import integer
from rtfs.eval.builtins.sequence import as_vector
from rtfs.eval.limits import built, called, check_elements, walked
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.collections import MISSING, RAW_KINDS, Key, Map, stored_key, vector
from rtfs.lang.equality import equal, same_key
from rtfs.lang.errors import invalid_argument
from rtfs.lang.names import Keyword


@builtin(
    "distinct",
    "set",
    doc="The first of equal elements, equal as map keys are.",
    type="[Items] [:vector a]",
    example=("(distinct [1 1.0 2 1])", "[1 1.0 2]"),
)
def distinct(coll: Any) -> Any:
    items = sequence(coll, "distinct")
    walked(len(items))
    if RAW_KINDS.issuperset(map(type, items)):
        plain = list(dict.fromkeys(items))
        built(len(plain))
        return vector(plain)
    seen: dict[Any, Any] = {}
    for item in items:
        seen.setdefault(item if type(item) in RAW_KINDS else Key(item), item)
    built(len(seen))
    return vector(list(seen.values()))


@builtin(
    "distinct-by",
    doc="The first of the elements with equal (f x).",
    type="[[:fn [a] :any] Items] [:vector a]",
    example=("(distinct-by abs [1 -1 2])", "[1 2]"),
)
def distinct_by(f: Any, coll: Any) -> Any:
    target = callee(f, "distinct-by")
    seen: dict[Any, Any] = {}
    items = sequence(coll, "distinct-by")
    called(len(items))
    for item in items:
        seen.setdefault(stored_key(target(item)), item)
    built(len(seen))
    return vector(list(seen.values()))


@builtin(
    "dedupe",
    doc="The elements that differ from the one before.",
    type="[Items] [:vector a]",
    example=("(dedupe [1 1 2 1])", "[1 2 1]"),
)
def dedupe(coll: Any) -> Any:
    kept: list[Any] = []
    items = sequence(coll, "dedupe")
    walked(len(items))
    for item in items:
        if not kept or not same_key(kept[-1], item):
            kept.append(item)
    built(len(kept))
    return vector(kept)


@builtin(
    "frequencies",
    doc="How often each element occurs.",
    type="[Items] [:map-of a :int]",
    example=("(frequencies [:a :b :a])", "{:a 2 :b 1}"),
)
def frequencies(coll: Any) -> Map:
    counts: dict[Any, int] = {}
    items = sequence(coll, "frequencies")
    walked(len(items))
    for item in items:
        key = item if type(item) in RAW_KINDS else Key(item)
        counts[key] = counts.get(key, 0) + 1
    built(len(counts))
    return Map.from_stored(counts)


@builtin(
    "group-by",
    doc="The elements by their (f x), in order of first appearance.",
    type="[[:fn [a] b] Items] [:map-of b [:vector a]]",
    example=("(group-by odd? [1 2 3])", "{true [1 3] false [2]}"),
)
def group_by(f: Any, coll: Any) -> Map:
    target = callee(f, "group-by")
    groups: defaultdict[Any, list[Any]] = defaultdict(list)
    items = sequence(coll, "group-by")
    called(len(items))
    built(len(items))
    looks_up = type(f) is Keyword
    for item in items:
        key = item.raw.get(f) if looks_up and type(item) is Map else target(item)
        kind = type(key)
        if kind is not str and kind is not Keyword and kind is not int:  # sooner than asking RAW_KINDS
            key = Key(key)
        groups[key].append(item)
    built(len(groups))
    return Map.from_stored({key: vector(items) for key, items in groups.items()})


# ---- parts ------------------------------------------------------------------------------------------------------


def _positive(operation: str, n: Any, what: str, index: int = 0) -> int:
    if integer(operation, n, index) < 1:
        raise invalid_argument(f"{operation} needs a {what} of at least 1", n)
    return int(n)


@builtin(
    "partition",
    doc="(partition n step pad coll): parts of n elements, step apart; an incomplete last part is dropped or padded.",
    type="[:int Items] [:vector [:vector a]] [:int :int Items] [:vector [:vector a]] "
    "[:int :int Others Items] [:vector [:vector [:or a c]]]",
    example=("[(partition 2 1 [1 2 3]) (partition 2 2 [0] [1 2 3])]", "[[[1 2] [2 3]] [[1 2] [3 0]]]"),
)
def partition(n: Any, a: Any, b: Any = MISSING, c: Any = MISSING) -> Any:
    size = _positive("partition", n, "size")
    step = size if b is MISSING else _positive("partition", a, "step", 1)
    coll = a if b is MISSING else b if c is MISSING else c
    filling = () if c is MISSING else sequence(b, "partition")
    items = sequence(coll, "partition")
    whole = max(0, (len(items) - size) // step + 1)
    check_elements(whole * size)
    built(whole)
    parts = [as_vector(items[start : start + size]) for start in range(0, whole * step, step)]
    start = whole * step
    if c is not MISSING and start < len(items):
        part = [*items[start : start + size]]
        parts.append(vector([*part, *filling[: size - len(part)]]))
    return vector(parts)


@builtin(
    "partition-all",
    "chunk",
    doc="(partition-all n step coll): parts of n elements, step apart, the last ones maybe shorter.",
    type="[:int Items] [:vector [:vector a]] [:int :int Items] [:vector [:vector a]]",
    example=("(partition-all 2 [1 2 3])", "[[1 2] [3]]"),
)
def partition_all(n: Any, a: Any, b: Any = MISSING) -> Any:
    size = _positive("partition-all", n, "size")
    step = size if b is MISSING else _positive("partition-all", a, "step", 1)
    items = sequence(a if b is MISSING else b, "partition-all")
    parts = -(-len(items) // step)
    check_elements(parts * min(size, len(items)))
    built(parts)
    return vector([as_vector(items[start : start + size]) for start in range(0, len(items), step)])


@builtin(
    "partition-by",
    doc="The elements in parts, a new one whenever (f x) changes.",
    type="[[:fn [a] :any] Items] [:vector [:vector a]]",
    example=("(partition-by odd? [1 3 2])", "[[1 3] [2]]"),
)
def partition_by(f: Any, coll: Any) -> Any:
    target = callee(f, "partition-by")
    parts: list[list[Any]] = []
    previous: Any = MISSING
    items = sequence(coll, "partition-by")
    called(len(items))
    built(len(items))
    for item in items:
        key = target(item)
        if previous is not MISSING and equal(key, previous):
            parts[-1].append(item)
        else:
            parts.append([item])
        previous = key
    built(len(parts))
    return vector([vector(part) for part in parts])
