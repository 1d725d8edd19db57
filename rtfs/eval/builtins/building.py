"""Making sequences from parts, ranges and other sequences (language.md §14.4)."""

from __future__ import annotations

import math
from typing import Any

from rtfs.eval.builtins.number import integer, number
from rtfs.eval.builtins.sequence import like
from rtfs.eval.limits import check_elements
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.collections import EMPTY_MAP, MISSING, Key, List, Map, PVector, stored_key, vector
from rtfs.lang.equality import equal
from rtfs.lang.errors import index_error, invalid_argument, type_error
from rtfs.lang.values import type_name


@builtin("concat", doc="All elements in one vector.", example=("(concat [1] '(2))", "[1 2]"))
def concat(*colls: Any) -> Any:
    views = [sequence(coll, "concat") for coll in colls]
    check_elements(sum(len(view) for view in views))
    return vector([item for view in views for item in view])


@builtin("cons", doc="The element in front.", example=("(cons 0 [1])", "[0 1]"))
def cons(x: Any, coll: Any) -> Any:
    return like(coll, [x, *sequence(coll, "cons")])


@builtin(
    "conj",
    doc="The collection with elements added at its end; a map with pairs or maps.",
    example=("(conj [1] 2)", "[1 2]"),
)
def conj(coll: Any, *items: Any) -> Any:
    for item in items:
        coll = conj1(coll, item)
    return () if coll is None else coll


def conj1(coll: Any, item: Any) -> Any:
    kind = type(coll)
    if kind is tuple:
        return (*coll, item) if len(coll) < 64 else PVector([*coll, item])
    if kind is PVector:
        return coll.conj(item)
    if kind is List:
        return List((*coll, item))
    if coll is None:
        return (item,)
    if kind is Map:
        if type(item) is Map:
            return coll.merge(item)
        if type(item) in (tuple, List) and len(item) == 2:
            return coll.assoc(item[0], item[1])
        raise type_error("conj", "[key value] or map", type_name(item))
    raise type_error("conj", "collection", type_name(coll))


@builtin(
    "into", doc="The first collection with all elements of the second added.", example=("(into [] {:a 1})", "[[:a 1]]")
)
def into(target: Any, source: Any) -> Any:
    items = sequence(source, "into")
    kind = type(target)
    if target is None or kind is tuple or kind is PVector:
        base = () if target is None else target
        check_elements(len(base) + len(items))
        return vector([*base, *items])
    if kind is List:
        check_elements(len(target) + len(items))
        return List((*target, *items))
    if kind is Map and all(type(item) is tuple and len(item) == 2 for item in items):
        return target.merge(Map.of(items)) if len(target) else Map.of(items)
    for item in items:
        target = conj1(target, item)
    return target


@builtin("vec", doc="A vector of the elements.", example=("(vec '(1 2))", "[1 2]"))
def vec(coll: Any) -> Any:
    return coll if type(coll) in (tuple, PVector) else vector(list(sequence(coll, "vec")))


@builtin("list", doc="A list of the arguments.", example=("(list 1 2)", "(1 2)"))
def list_(*items: Any) -> List:
    return List(items)


@builtin("vector", doc="A vector of the arguments.", example=("(vector 1 2)", "[1 2]"))
def vector_(*items: Any) -> Any:
    return vector(list(items))


@builtin("reverse", doc="The elements in opposite order, in the same kind.", example=("(reverse [1 2])", "[2 1]"))
def reverse(coll: Any) -> Any:
    if type(coll) is str:
        return coll[::-1]
    return like(coll, list(sequence(coll, "reverse"))[::-1])


# ---- distinct elements and groups -------------------------------------------------------------------------------


def unique(items: Any) -> list[Any]:
    """The first of equal elements, in order."""
    seen: dict[Any, Any] = {}
    for item in items:
        seen.setdefault(stored_key(item), item)
    return list(seen.values())


@builtin("distinct", "set", doc="The first of equal elements.", example=("(distinct [1 1.0 1])", "[1 1.0]"))
def distinct(coll: Any) -> Any:
    return vector(unique(sequence(coll, "distinct")))


@builtin(
    "distinct-by", doc="The first of the elements with equal (f x).", example=("(distinct-by abs [1 -1 2])", "[1 2]")
)
def distinct_by(f: Any, coll: Any) -> Any:
    target = callee(f, "distinct-by")
    seen: dict[Any, Any] = {}
    for item in sequence(coll, "distinct-by"):
        seen.setdefault(stored_key(target(item)), item)
    return vector(list(seen.values()))


@builtin("dedupe", doc="Without repetitions that follow each other.", example=("(dedupe [1 1 2 1])", "[1 2 1]"))
def dedupe(coll: Any) -> Any:
    out: list[Any] = []
    for item in sequence(coll, "dedupe"):
        if not out or not equal(out[-1], item):
            out.append(item)
    return vector(out)


@builtin("frequencies", doc="How often each element occurs.", example=("(frequencies [1 1 2])", "{1 2 2 1}"))
def frequencies(coll: Any) -> Map:
    counts: dict[Any, int] = {}
    for item in sequence(coll, "frequencies"):
        key = stored_key(item)
        counts[key] = counts.get(key, 0) + 1
    return Map.from_stored(counts)


@builtin(
    "group-by",
    doc="The elements by their (f x), in order of first appearance.",
    example=("(group-by odd? [1 2 3])", "{true [1 3] false [2]}"),
)
def group_by(f: Any, coll: Any) -> Map:
    target = callee(f, "group-by")
    groups: dict[Any, list[Any]] = {}
    for item in sequence(coll, "group-by"):
        groups.setdefault(stored_key(target(item)), []).append(item)
    return Map.from_stored({key: vector(items) for key, items in groups.items()})


# ---- partitions -------------------------------------------------------------------------------------------------


def _positive(operation: str, n: Any) -> int:
    if integer(operation, n) < 1:
        raise invalid_argument(f"{operation} needs sizes of at least 1")
    return int(n)


@builtin(
    "partition",
    doc="Parts of n elements; an incomplete last part is dropped or padded.",
    example=("(partition 2 [1 2 3])", "[[1 2]]"),
)
def partition(n: Any, a: Any, b: Any = MISSING, c: Any = MISSING) -> Any:
    size = _positive("partition", n)
    if b is MISSING:
        step, pad, coll = size, MISSING, a
    elif c is MISSING:
        step, pad, coll = _positive("partition", a), MISSING, b
    else:
        step, pad, coll = _positive("partition", a), b, c
    items = sequence(coll, "partition")
    parts = []
    check_elements(len(items) // step + 1)
    for start in range(0, len(items), step):
        part = list(items[start : start + size])
        if len(part) < size:
            if pad is not MISSING:
                part.extend(list(sequence(pad, "partition"))[: size - len(part)])
                parts.append(vector(part))
            break
        parts.append(vector(part))
    return vector(parts)


@builtin(
    "partition-all",
    "chunk",
    doc="Parts of n elements, the last one maybe shorter.",
    example=("(partition-all 2 [1 2 3])", "[[1 2] [3]]"),
)
def partition_all(n: Any, a: Any, b: Any = MISSING) -> Any:
    size = _positive("partition-all", n)
    step, coll = (size, a) if b is MISSING else (_positive("partition-all", a), b)
    items = sequence(coll, "partition-all")
    return vector([vector(list(items[start : start + size])) for start in range(0, len(items), step)])


@builtin(
    "partition-by", doc="A new part whenever (f x) changes.", example=("(partition-by odd? [1 3 2])", "[[1 3] [2]]")
)
def partition_by(f: Any, coll: Any) -> Any:
    target = callee(f, "partition-by")
    parts: list[list[Any]] = []
    previous: Any = MISSING
    for item in sequence(coll, "partition-by"):
        key = target(item)
        if previous is MISSING or not equal(key, previous):
            parts.append([])
        parts[-1].append(item)
        previous = key
    return vector([vector(part) for part in parts])


@builtin(
    "flatten",
    doc="The elements of nested vectors and lists in one vector.",
    example=("(flatten [1 [2 (list 3)]])", "[1 2 3]"),
)
def flatten(coll: Any) -> Any:
    out: list[Any] = []
    stack = [iter(sequence(coll, "flatten"))]
    while stack:
        for item in stack[-1]:
            if type(item) in (tuple, PVector, List):
                stack.append(iter(item))
                break
            out.append(item)
            if len(out) % 65536 == 0:
                check_elements(len(out))
        else:
            stack.pop()
    check_elements(len(out))
    return vector(out)


@builtin(
    "interleave",
    doc="Elements in turn, until the shortest ends.",
    example=("(interleave [1 2] [:a :b])", "[1 :a 2 :b]"),
)
def interleave(first: Any, *others: Any) -> Any:
    views = [sequence(coll, "interleave") for coll in (first, *others)]
    return vector([item for group in zip(*views, strict=False) for item in group])


@builtin("zip", doc="Vectors of the elements at the same place.", example=("(zip [1 2] [:a :b])", "[[1 :a] [2 :b]]"))
def zip_(first: Any, *others: Any) -> Any:
    views = [sequence(coll, "zip") for coll in (first, *others)]
    return vector([vector(list(group)) for group in zip(*views, strict=False)])


@builtin("interpose", doc="The separator between the elements.", example=("(interpose 0 [1 2])", "[1 0 2]"))
def interpose(separator: Any, coll: Any) -> Any:
    out: list[Any] = []
    for item in sequence(coll, "interpose"):
        out += [separator, item] if out else [item]
    return vector(out)


@builtin("zipmap", doc="A map of keys and values.", example=("(zipmap [:a] [1])", "{:a 1}"))
def zipmap(keys: Any, values: Any) -> Map:
    pairs = list(zip(sequence(keys, "zipmap"), sequence(values, "zipmap"), strict=False))
    return Map.of(pairs) if pairs else EMPTY_MAP


# ---- ranges and repetition --------------------------------------------------------------------------------------


@builtin("range", doc="Numbers from start (0) up to end, by step (1).", example=("(range 2 5)", "[2 3 4]"))
def range_(a: Any, b: Any = MISSING, c: Any = MISSING) -> Any:
    start, end, step = (0, a, 1) if b is MISSING else (a, b, 1 if c is MISSING else c)
    for index, value in enumerate((start, end, step)):
        number("range", value, index)
    if step == 0 or step != step:
        raise invalid_argument("range step must not be zero")
    if all(type(value) is int for value in (start, end, step)):
        check_elements(max(0, -(-(end - start) // step)))
        return vector(list(range(start, end, step)))
    if start != start or end != end:
        return ()
    size = (end - start) / step
    check_elements(_whole_size(size))
    out = []
    for i in range(max(0, math.ceil(size))):
        value = start + i * step
        if (value >= end) if step > 0 else (value <= end):
            break
        out.append(value)
    return vector(out)


def _whole_size(size: float) -> int:
    return 1 << 62 if size == math.inf else 0 if size != size or size < 0 else math.ceil(size)


@builtin("numbers", doc="The integers from start to end, both included.", example=("(numbers 1 3)", "[1 2 3]"))
def numbers(start: Any, end: Any) -> Any:
    first, last = integer("numbers", start), integer("numbers", end, 1)
    check_elements(max(0, last - first + 1))
    return vector(list(range(first, last + 1)))


def _times(operation: str, n: Any) -> int:
    count = max(integer(operation, n), 0)
    check_elements(count)
    return count


@builtin("repeat", doc="n times x.", example=("(repeat 2 :a)", "[:a :a]"))
def repeat(n: Any, x: Any) -> Any:
    return vector([x] * _times("repeat", n))


@builtin("repeatedly", doc="The values of n calls of f.", example=("(repeatedly 2 (fn [] 1))", "[1 1]"))
def repeatedly(n: Any, f: Any) -> Any:
    target = callee(f, "repeatedly")
    return vector([target() for _ in range(_times("repeatedly", n))])


@builtin("iterate", doc="n values: x, (f x), (f (f x)) …", example=("(iterate inc 1 3)", "[1 2 3]"))
def iterate(f: Any, x: Any, n: Any) -> Any:
    target, out = callee(f, "iterate"), []
    for index in range(_times("iterate", n)):
        if index:
            x = target(x)
        out.append(x)
    return vector(out)


@builtin("subvec", doc="The part of a vector or list from start to end.", example=("(subvec [1 2 3] 1)", "[2 3]"))
def subvec(coll: Any, start: Any, end: Any = MISSING) -> Any:
    if type(coll) not in (tuple, PVector, List):
        raise type_error("subvec", "vector or list", type_name(coll))
    size = len(coll)
    last = size if end is MISSING else integer("subvec", end, 2)
    first = integer("subvec", start, 1)
    if not 0 <= first <= size:
        raise index_error(first, size)
    if not first <= last <= size:
        raise index_error(last, size)
    return vector(list(coll[first:last]))


@builtin("peek", doc="The last element.", example=("(peek [1 2])", "2"))
def peek(coll: Any) -> Any:
    if type(coll) not in (tuple, PVector, List, type(None)):
        raise type_error("peek", "vector or list", type_name(coll))
    return coll[len(coll) - 1] if coll is not None and len(coll) else None


@builtin("pop", doc="All but the last element.", example=("(pop [1 2])", "[1]"))
def pop(coll: Any) -> Any:
    if type(coll) not in (tuple, PVector, List, type(None)):
        raise type_error("pop", "vector or list", type_name(coll))
    if coll is None or not len(coll):
        raise index_error(0, 0)
    return like(coll, coll[: len(coll) - 1])


# ---- sorting ----------------------------------------------------------------------------------------------------


@builtin(
    "sort",
    doc="The elements in order; cmp answers whether it comes before, or a number.",
    example=("(sort > [1 3 2])", "[3 2 1]"),
)
def sort(a: Any, b: Any = MISSING) -> Any:
    if b is MISSING:
        return vector(sorted_by(list(sequence(a, "sort")), None))
    return vector(merge_sorted(list(sequence(b, "sort")), before(callee(a, "sort"))))


@builtin("sort-by", doc="The elements in order of (f x).", example=('(sort-by count ["aa" "b"])', '["b" "aa"]'))
def sort_by(f: Any, a: Any, b: Any = MISSING) -> Any:
    target = callee(f, "sort-by")
    items = list(sequence(a if b is MISSING else b, "sort-by"))
    keys = [target(item) for item in items]
    pairs = list(zip(keys, items, strict=True))
    if b is MISSING:
        return vector([item for _, item in sorted_by(pairs, 0)])
    less = before(callee(a, "sort-by"))
    return vector([item for _, item in merge_sorted(pairs, lambda x, y: less(x[0], y[0]))])


def sorted_by(items: list[Any], part: int | None) -> list[Any]:
    """Stable sort in the total order of values."""
    from functools import cmp_to_key

    from rtfs.lang.order import compare

    keys = items if part is None else [item[part] for item in items]
    kinds = {type(key) for key in keys}
    if kinds in ({int}, {str}):
        return sorted(items) if part is None else sorted(items, key=lambda item: item[part])
    order = cmp_to_key(compare)
    return sorted(items, key=order if part is None else lambda item: order(item[part]))


def before(f: Any) -> Any:
    """A comparison function as "comes before"."""

    def less(a: Any, b: Any) -> bool:
        answer = f(a, b)
        if type(answer) in (int, float):
            return bool(answer < 0)
        return answer is not None and answer is not False

    return less


def merge_sorted(items: list[Any], less: Any) -> list[Any]:
    """Stable merge sort in Python: comparisons may call RTFS, suspend and nest, and use no C stack."""
    width = 1
    while width < len(items):
        merged: list[Any] = []
        for start in range(0, len(items), 2 * width):
            left, right = items[start : start + width], items[start + width : start + 2 * width]
            i = j = 0
            while i < len(left) and j < len(right):
                if less(right[j], left[i]):
                    merged.append(right[j])
                    j += 1
                else:
                    merged.append(left[i])
                    i += 1
            merged += left[i:] or right[j:]
        items = merged
        width *= 2
    return items


__all__ = ["Key", "conj1", "merge_sorted", "sorted_by", "unique"]
