"""Lookup in collections, and maps with entries added, changed and removed (language.md §14.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.eval.builtins.function import spread
from rtfs.eval.limits import built, check_elements, each, looked, walked
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, get, sequence
from rtfs.lang.collections import EMPTY_MAP, MISSING, RAW_KINDS, SMALL, Key, List, Map, PVector, vector
from rtfs.lang.equality import equal
from rtfs.lang.errors import arity_error, index_error, invalid_argument
from rtfs.lang.signal import METERS
from rtfs.lang.values import ErrorValue, wrong_kind

_INDEXED = frozenset({tuple, PVector, List, str})


def as_map(operation: str, value: Any, index: int = 0) -> Map:
    """A map; nil is the empty one."""
    if type(value) is Map:
        return value
    if value is None:
        return EMPTY_MAP
    raise wrong_kind(operation, "map", value, index)


@builtin(
    "hash-map",
    "array-map",
    doc="A map of keys and values in turn.",
    type="[& :any] :map",
    example=("(hash-map :a 1)", "{:a 1}"),
)
def hash_map(*flat: Any) -> Map:
    if len(flat) % 2:
        raise arity_error("hash-map", "an even number", len(flat))
    built(len(flat) >> 1)
    return Map.of(zip(flat[::2], flat[1::2], strict=True))


# ---- lookup -----------------------------------------------------------------------------------------------------


@builtin(
    "get",
    doc="(get coll key default): the value under a key or index, else the default.",
    type="[Entries :any] :any [[:or :seq :string] :int] :any "
    "[Entries :any :any] :any [[:or :seq :string] :int :any] :any",
    example=("[(get {:a 1} :a) (get [7] 3 :none)]", "[1 :none]"),
)
def get_(coll: Any, key: Any, default: Any = None) -> Any:
    if type(coll) is Map:
        return coll.raw.get(key if type(key) in RAW_KINDS else Key(key), default)
    return get(coll, key, default)


@builtin(
    "get-in",
    doc="(get-in coll path default): the value at the end of a path of keys, else the default.",
    type="[:any Items] :any [:any Items :any] :any",
    example=("(get-in {:a [1 {:b 7}]} [:a 1 :b])", "7"),
)
def get_in(coll: Any, path: Any, default: Any = None) -> Any:
    steps = sequence(path, "get-in")
    walked(len(steps))
    for key in steps:
        kind = type(coll)
        if kind is Map or kind is ErrorValue:
            coll = coll.get(key, MISSING)
        elif kind in _INDEXED and type(key) is int and 0 <= key < len(coll):
            coll = coll[key]
        else:
            return default
        if coll is MISSING:
            return default
    return coll


@builtin(
    "contains?",
    doc="Has a map or error the key, a vector or list the element, a string the part?",
    type="[[:or :seq Entries] :any] :bool [:string :string] :bool",
    example=("[(contains? {:a 1} :a) (contains? [5 6] 6)]", "[true true]"),
)
def contains(coll: Any, item: Any) -> bool:
    kind = type(coll)
    if kind is Map or kind is ErrorValue:
        return item in coll
    if kind is str:
        if type(item) is not str:
            raise wrong_kind("contains?", "string", item, 1)
        looked(len(coll))
        return item in coll
    if kind in _INDEXED:
        walked(len(coll))
        return any(equal(one, item) for one in coll)
    if coll is None:
        return False
    raise wrong_kind("contains?", "collection", coll, 0)


def _entries(operation: str, coll: Any) -> list[tuple[Any, Any]]:
    """The entries of a map, error or nil."""
    return (coll.as_map() if type(coll) is ErrorValue else as_map(operation, coll)).entries()


@builtin(
    "find",
    doc="The [key value] of a key, or nil.",
    type="[[:or :nil :map :error] :any] [:maybe [:tuple :any :any]]",
    example=("(find {:a 1} :a)", "[:a 1]"),
)
def find(coll: Any, key: Any) -> Any:
    found = coll.get(key, MISSING) if type(coll) is ErrorValue else as_map("find", coll).get(key, MISSING)
    return None if found is MISSING else (key, found)


@builtin(
    "keys",
    doc="The keys in order.",
    type="[[:or :nil :error [:map-of a :any]]] [:vector a]",
    example=("(keys {:a 1 :b 2})", "[:a :b]"),
)
def keys(coll: Any) -> Any:
    entries = _entries("keys", coll)
    built(len(entries))
    return vector([key for key, _ in entries])


@builtin(
    "vals",
    doc="The values in order.",
    type="[[:or :nil :error [:map-of :any a]]] [:vector a]",
    example=("(vals {:a 1 :b 2})", "[1 2]"),
)
def vals(coll: Any) -> Any:
    entries = _entries("vals", coll)
    built(len(entries))
    return vector([value for _, value in entries])


# ---- one level --------------------------------------------------------------------------------------------------


_GROWING = frozenset({Map, tuple, PVector})


def with_entry(operation: str, coll: Any, key: Any, value: Any) -> Any:
    """A map, nil or vector with one entry added or replaced."""
    kind = type(coll)
    if METERS and kind in _GROWING:
        check_elements(len(coll) + 1)
    if kind is Map:
        return coll.assoc(key, value)
    if coll is None:
        return Map.of([(key, value)])
    _check_index(operation, coll, key)
    if key < len(coll) or type(coll) is tuple:
        built(len(coll))
    if key < len(coll):
        items = list(coll)
        items[key] = value
        return vector(items)
    return coll.conj(value) if kind is PVector else (*coll, value) if len(coll) < SMALL else vector([*coll, value])


def _check_index(operation: str, coll: Any, key: Any) -> None:
    """Refuse what is no vector, and places that are neither in it nor directly after it."""
    if type(coll) is not tuple and type(coll) is not PVector:
        raise wrong_kind(operation, "map or vector", coll, 0)
    if type(key) is not int:
        raise wrong_kind(operation, "integer", key)
    if not 0 <= key <= len(coll):
        raise index_error(key, len(coll) + 1)


def entry_at(operation: str, coll: Any, key: Any) -> Any:
    """What `with_entry` would replace; nil when there is nothing."""
    if type(coll) is Map:
        return coll.get(key)
    if coll is None:
        return None
    _check_index(operation, coll, key)
    return coll[key] if key < len(coll) else None


@builtin(
    "assoc",
    doc="(assoc coll k v …): the map with values under keys, or the vector with elements at places.",
    type="[:map? :any :any & :any] :map [[:vector a] :int :any & :any] :vector",
    example=("[(assoc {:a 1} :b 2) (assoc [1 2] 0 :x)]", "[{:a 1 :b 2} [:x 2]]"),
)
def assoc(coll: Any, key: Any, value: Any, *others: Any) -> Any:
    if len(others) % 2:
        raise arity_error("assoc", "an odd number, at least 3", len(others) + 3)
    coll = with_entry("assoc", coll, key, value)
    for index in range(0, len(others), 2):
        coll = with_entry("assoc", coll, others[index], others[index + 1])
    return coll


@builtin(
    "dissoc",
    doc="The map without keys.",
    type="[:map & :any] :map [:nil & :any] :map?",
    example=("(dissoc {:a 1 :b 2} :a)", "{:b 2}"),
)
def dissoc(coll: Any, *gone: Any) -> Any:
    if coll is None:
        return None
    result = as_map("dissoc", coll)
    for key in gone:
        result = result.dissoc(key)
    return result


@builtin(
    "update",
    doc="(update coll k f x …): the map or vector with the value v under a key replaced by (f v x …).",
    type="[:map? :any :fn & :any] :map [:vector :int :fn & :any] :vector",
    example=("(update {:n 1} :n + 5)", "{:n 6}"),
)
def update(coll: Any, key: Any, f: Any, *args: Any) -> Any:
    target = callee(f, "update")
    if METERS:
        each()
    return with_entry("update", coll, key, spread(target, (entry_at("update", coll, key), *args)))


# ---- paths ------------------------------------------------------------------------------------------------------


def _steps(operation: str, path: Any) -> list[Any]:
    steps = list(sequence(path, operation))
    built(len(steps))
    if not steps:
        raise invalid_argument(f"{operation} needs a path that is not empty", path)
    return steps


def _along(operation: str, coll: Any, steps: list[Any], change: Callable[[Any], Any]) -> Any:
    """Walk down a path, change the value at its end, rebuild the levels from the inside out."""
    levels = [coll]
    for key in steps[:-1]:
        levels.append(entry_at(operation, levels[-1], key))
    value = change(entry_at(operation, levels[-1], steps[-1]))
    for level, key in zip(reversed(levels), reversed(steps), strict=True):
        value = with_entry(operation, level, key, value)
    return value


@builtin(
    "assoc-in",
    doc="(assoc-in coll path v): v at the end of a path; maps are created on the way.",
    type="[[:or :nil :map :vector] Items :any] [:or :map :vector]",
    example=("(assoc-in {} [:a :b] 1)", "{:a {:b 1}}"),
)
def assoc_in(coll: Any, path: Any, value: Any) -> Any:
    return _along("assoc-in", coll, _steps("assoc-in", path), lambda old: value)


@builtin(
    "update-in",
    doc="(update-in coll path f x …): the value v at the end of a path replaced by (f v x …).",
    type="[[:or :nil :map :vector] Items :fn & :any] [:or :map :vector]",
    example=("(update-in {:a {:n 1}} [:a :n] + 5)", "{:a {:n 6}}"),
)
def update_in(coll: Any, path: Any, f: Any, *args: Any) -> Any:
    target = callee(f, "update-in")
    if METERS:
        each()
    return _along("update-in", coll, _steps("update-in", path), lambda old: spread(target, (old, *args)))


@builtin(
    "dissoc-in",
    doc="(dissoc-in m path): the maps without the key at the end of a path.",
    type="[[:or :nil :map :vector] Items] [:or :nil :map :vector]",
    example=("(dissoc-in {:a {:b 1 :c 2}} [:a :b])", "{:a {:c 2}}"),
)
def dissoc_in(coll: Any, path: Any) -> Any:
    steps = _steps("dissoc-in", path)
    levels = [as_map("dissoc-in", coll)]
    for key in steps[:-1]:
        inner = levels[-1].get(key)
        if inner is None:
            return coll
        levels.append(as_map("dissoc-in", inner))
    if steps[-1] not in levels[-1]:
        return coll
    value = levels[-1].dissoc(steps[-1])
    for level, key in zip(reversed(levels[:-1]), reversed(steps[:-1]), strict=True):
        value = level.assoc(key, value)
    return value
