"""Functions of the library as language.md §14.4 to §14.6 lists them: sequences, maps, functions of functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from rtfs.lang.collections import EMPTY_MAP, List, Map, PVector, vector
from rtfs.lang.equality import same_key
from rtfs.lang.order import compare
from tests.differential.evaluator import LIBRARY, Unsupported, truthy, wrong
from tests.differential.library import callable_in, integer, invalid, items_of, lib, number, out_of_bounds

SEQUENCES = (tuple, PVector, List)
VECTORS = (tuple, PVector)


def same_kind(coll: Any, items: list[Any]) -> Any:
    """As a list, string or vector, as `coll` is (language.md §2.4)."""
    return List(items) if type(coll) is List else "".join(items) if type(coll) is str else vector(items)


def indexed(operation: str, coll: Any) -> list[Any]:
    if coll is not None and type(coll) not in SEQUENCES:
        raise wrong(operation, "vector or list", coll)
    return list(coll or ())


# ---- parts ------------------------------------------------------------------------------------------------------

for _name, _take in {
    "first": lambda items: items[0] if items else None,
    "second": lambda items: items[1] if len(items) > 1 else None,
    "last": lambda items: items[-1] if items else None,
}.items():
    lib(_name, 1)(lambda coll, name=_name, take=_take: take(items_of(name, coll)))
for _name, _take in {
    "rest": lambda items: items[1:],
    "butlast": lambda items: items[:-1],
    "reverse": lambda items: items[::-1],
}.items():
    lib(_name, 1)(lambda coll, name=_name, take=_take: same_kind(coll, take(items_of(name, coll))))
for _name, _part in {
    "take": lambda n, items: items[: max(n, 0)],
    "drop": lambda n, items: items[max(n, 0) :],
    "take-last": lambda n, items: items[len(items) - min(max(n, 0), len(items)) :],
}.items():

    def part_of(n: Any, coll: Any, name: str = _name, part: Any = _part) -> Any:
        items = items_of(name, coll)
        return vector(part(integer(name, n), items))

    lib(_name, 2)(part_of)


@lib("next", 1)
def next_(coll: Any) -> Any:
    items = items_of("next", coll)
    return same_kind(coll, items[1:]) if len(items) > 1 else None


@lib("drop-last", 1, 2)
def drop_last(n: Any, *coll: Any) -> Any:
    items = items_of("drop-last", coll[0] if coll else n)
    return vector(items[: max(0, len(items) - max(0, integer("drop-last", n) if coll else 1))])


def prefix(name: str, f: Any, coll: Any) -> tuple[list[Any], list[Any]]:
    items, call = items_of(name, coll), callable_in(name, f)
    for place, item in enumerate(items):
        if not truthy(call(item)):
            return items[:place], items[place:]
    return items, []


lib("take-while", 2)(lambda f, coll: vector(prefix("take-while", f, coll)[0]))
lib("drop-while", 2)(lambda f, coll: vector(prefix("drop-while", f, coll)[1]))
lib("split-with", 2)(lambda f, coll: tuple(map(vector, prefix("split-with", f, coll))))


@lib("nth", 2, 3)
def nth(coll: Any, index: Any, *default: Any) -> Any:
    if type(index) is not int:
        raise wrong("nth", "integer", index, 1)
    items = items_of("nth", coll)
    if 0 <= index < len(items):
        return items[index]
    if default:
        return default[0]
    raise out_of_bounds(index, len(items))


@lib("count", 1)
def count(coll: Any) -> int:
    if coll is not None and type(coll) not in (*SEQUENCES, str, Map):
        raise wrong("count", "collection", coll)
    return len(coll or ())


@lib("peek", 1)
def peek(coll: Any) -> Any:
    items = indexed("peek", coll)
    return items[-1] if items else None


@lib("pop", 1)
def pop(coll: Any) -> Any:
    items = indexed("pop", coll)
    if not items:
        raise out_of_bounds(0, 0)
    return same_kind(coll, items[:-1])


@lib("subvec", 2, 3)
def subvec(coll: Any, start: Any, *end: Any) -> Any:
    items = indexed("subvec", coll)
    last = integer("subvec", end[0], 2) if end else len(items)
    for index, least in ((integer("subvec", start, 1), 0), (last, start)):
        if not least <= index <= len(items):
            raise out_of_bounds(index, len(items))
    return vector(items[start:last])


lib("empty?", 1)(lambda coll: not items_of("empty?", coll))
lib("not-empty", 1)(lambda coll: coll if items_of("not-empty", coll) else None)


@lib("seq", 1)
def seq(coll: Any) -> Any:
    items = items_of("seq", coll)
    return (coll if type(coll) is List else vector(items)) if items else None


@lib("empty", 1)
def empty(coll: Any) -> Any:
    items_of("empty", coll)
    return EMPTY_MAP if type(coll) is Map else same_kind(coll, [])


# ---- elements one after the other -------------------------------------------------------------------------------


def views(name: str, colls: tuple[Any, ...]) -> list[list[Any]]:
    return [items_of(name, coll) for coll in colls]


@lib("map mapv", 2, None)
def map_(f: Any, *colls: Any) -> Any:
    call = callable_in("map", f)
    return vector([call(*items) for items in zip(*views("map", colls), strict=False)])


@lib("mapcat", 2, None)
def mapcat(f: Any, *colls: Any) -> Any:
    call = callable_in("mapcat", f)
    parts = (call(*items) for items in zip(*views("mapcat", colls), strict=False))
    return vector([item for part in parts for item in items_of("mapcat", part)])


def each(names: str, result: Callable[[Any, list[Any]], Any]) -> None:
    """A function of a function and a collection."""
    name = names.split()[0]
    lib(names, 2)(lambda f, coll: result(callable_in(name, f), items_of(name, coll)))


each("filter filterv", lambda f, items: vector([item for item in items if truthy(f(item))]))
each("remove", lambda f, items: vector([item for item in items if not truthy(f(item))]))
each("keep", lambda f, items: vector([value for item in items if (value := f(item)) is not None]))
each("map-indexed", lambda f, items: vector([f(at, item) for at, item in enumerate(items)]))
each("some", lambda f, items: next((value for item in items if truthy(value := f(item))), None))
each("every?", lambda f, items: all(truthy(f(item)) for item in items))
each("any?", lambda f, items: any(truthy(f(item)) for item in items))
each("not-any?", lambda f, items: not any(truthy(f(item)) for item in items))
each("not-every?", lambda f, items: not all(truthy(f(item)) for item in items))


def fold(name: str, args: tuple[Any, ...]) -> list[Any]:
    """The results of a fold, one after the other."""
    call, items = callable_in(name, args[0]), items_of(name, args[-1])
    if len(args) == 2 and not items:
        return [call()]
    totals = [args[1] if len(args) == 3 else items.pop(0)]
    for item in items:
        totals.append(call(totals[-1], item))
    return totals


lib("reduce", 2, 3)(lambda *args: fold("reduce", args)[-1])
lib("reductions", 2, 3)(lambda *args: vector(fold("reductions", args)))


@lib("sum", 1)
def total(coll: Any) -> Any:
    result: Any = 0
    for item in items_of("sum", coll, 0):
        result = LIBRARY["+"](result, item)
    return result


# ---- building ---------------------------------------------------------------------------------------------------

lib("vec", 1)(lambda coll: vector(items_of("vec", coll)))
lib("list", 0, None)(lambda *items: List(items))
lib("vector", 0, None)(lambda *items: vector(items))
lib("concat", 0, None)(lambda *colls: vector([item for items in views("concat", colls) for item in items]))
lib("cons", 2)(lambda item, coll: same_kind(coll if type(coll) is List else (), [item, *items_of("cons", coll)]))
lib("zip", 1, None)(lambda *colls: vector([tuple(items) for items in zip(*views("zip", colls), strict=False)]))
lib("interpose", 2)(lambda mark, coll: vector([p for item in items_of("interpose", coll) for p in (mark, item)][1:]))
lib("zipmap", 2)(lambda a, b: Map.of(list(zip(items_of("zipmap", a), items_of("zipmap", b), strict=False))))
lib("interleave", 1, None)(
    lambda *colls: vector([item for items in zip(*views("interleave", colls), strict=False) for item in items])
)


def added(name: str, coll: Any, items: list[Any]) -> Any:
    """`conj` of all the items (language.md §14.4)."""
    if coll is not None and type(coll) not in (*SEQUENCES, Map):
        raise wrong(name, "vector, list or map", coll)
    if type(coll) is not Map:
        return same_kind(coll, [*(coll or ()), *items])
    for item in items:
        if item is None:
            continue
        if type(item) is not Map and (type(item) not in SEQUENCES or len(item) != 2):
            raise wrong(name, "[key value] or map", item)
        for key, value in item.entries() if type(item) is Map else [item]:
            coll = coll.assoc(key, value)
    return coll


@lib("conj", 1, None)
def conj(coll: Any, *items: Any) -> Any:
    return added("conj", coll, list(items))


@lib("into", 2)
def into(coll: Any, source: Any) -> Any:
    added("into", coll, [])
    return added("into", coll, items_of("into", source))


@lib("range", 1, 3)
def range_(*args: Any) -> Any:
    for place, value in enumerate(args):
        if type(number("range", value, place)) is float or abs(value) > 10_000:
            raise Unsupported("such a range")
    if len(args) == 3 and args[2] == 0:
        raise invalid("range step must not be zero")
    return vector(range(*args))


@lib("repeat", 2)
def repeat(n: Any, item: Any) -> Any:
    if integer("repeat", n) > 1_000:
        raise Unsupported("a long repeat")
    return vector([item] * max(n, 0))


# ---- order and groups -------------------------------------------------------------------------------------------


def stable(keys: list[Any], before: Callable[[Any, Any], bool]) -> list[int]:
    """Places in order, by insertion. A comparison with effects or without sense is beside the point."""
    places: list[int] = []
    for place in range(len(keys)):
        at = len(places)
        while at and before(keys[place], keys[places[at - 1]]):
            at -= 1
        places.insert(at, place)
    return places


def comparison(name: str, f: Any) -> Callable[[Any, Any], bool]:
    call = callable_in(name, f)

    def before(a: Any, b: Any) -> bool:
        answer = call(a, b)
        return answer < 0 if type(answer) in (int, float) else truthy(answer)

    return before


@lib("sort", 1, 2)
def sort(*args: Any) -> Any:
    items = items_of("sort", args[-1])
    if len(args) == 1:
        return vector(sorted(items, key=cmp_to_key(compare)))
    return vector([items[place] for place in stable(items, comparison("sort", args[0]))])


@lib("sort-by", 2, 3)
def sort_by(*args: Any) -> Any:
    call, items = callable_in("sort-by", args[0]), items_of("sort-by", args[-1])
    before = comparison("sort-by", args[1]) if len(args) == 3 else lambda a, b: compare(a, b) < 0
    keys = [call(item) for item in items]
    return vector([items[place] for place in stable(keys, before)])


def best(name: str, sign: int) -> None:
    def find(f: Any, coll: Any) -> Any:
        call, items = callable_in(name, f), items_of(name, coll)
        keys = [call(item) for item in items]
        places = [at for at in range(len(keys)) if all(compare(keys[at], key) * sign >= 0 for key in keys)]
        return items[places[0]] if places else None

    lib(name, 2)(find)


best("min-by", -1)
best("max-by", 1)


def firsts(items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if not any(same_key(item, other) for other in kept):
            kept.append(item)
    return kept


lib("distinct set", 1)(lambda coll: vector(firsts(items_of("distinct", coll))))


@lib("frequencies", 1)
def frequencies(coll: Any) -> Map:
    items = items_of("frequencies", coll)
    return Map.of([(key, sum(same_key(key, item) for item in items)) for key in firsts(items)])


@lib("group-by", 2)
def group_by(f: Any, coll: Any) -> Map:
    call, items = callable_in("group-by", f), items_of("group-by", coll)
    keys = [call(item) for item in items]
    groups = [
        (key, [item for item, own in zip(items, keys, strict=True) if same_key(own, key)]) for key in firsts(keys)
    ]
    return Map.of([(key, vector(group)) for key, group in groups])


@lib("partition", 2, 4)
def partition(n: Any, *more: Any) -> Any:
    *step, coll = more
    size = positive("partition", n, 0, "size")
    step_ = positive("partition", step[0], 1, "step") if step else size
    items = items_of("partition", coll)
    pad = items_of("partition", step[1]) if len(step) == 2 else []
    parts = [items[at : at + size] for at in range(0, len(items), step_)]
    kept = [part for part in parts if len(part) == size]
    if len(step) == 2 and len(kept) < len(parts):
        first = parts[len(kept)]
        kept.append([*first, *pad[: size - len(first)]])
    return vector([vector(part) for part in kept])


def positive(name: str, value: Any, operand: int, what: str) -> int:
    if integer(name, value, operand) < 1:
        raise invalid(f"{name} needs a {what} of at least 1")
    return int(value)


@lib("flatten", 1)
def flatten(coll: Any) -> Any:
    def leaves(items: Any) -> list[Any]:
        return [leaf for item in items for leaf in (leaves(item) if type(item) in SEQUENCES else [item])]

    return vector(leaves(items_of("flatten", coll)))
