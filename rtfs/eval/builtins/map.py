"""Maps, and lookup in every collection (language.md §14.5)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.builtins.function import call_with
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, get, sequence
from rtfs.lang.collections import EMPTY_MAP, MISSING, List, Map, PVector, vector
from rtfs.lang.equality import equal
from rtfs.lang.errors import arity_error, index_error, invalid_argument, type_error
from rtfs.lang.values import ErrorValue, type_name


@builtin("hash-map", "array-map", doc="A map of keys and values in turn.", example=("(hash-map :a 1)", "{:a 1}"))
def hash_map(*flat: Any) -> Map:
    if len(flat) % 2:
        raise arity_error("hash-map", "an even number", len(flat))
    return Map.of(zip(flat[::2], flat[1::2], strict=True))


@builtin("get", doc="The value under a key or index, or the default.", example=("(get {:a 1} :a)", "1"))
def get_(coll: Any, key: Any, default: Any = None) -> Any:
    return get(coll, key, default)


@builtin(
    "get-in", doc="The value at the end of a path of keys, or the default.", example=("(get-in {:a [1]} [:a 0])", "1")
)
def get_in(coll: Any, path: Any, default: Any = None) -> Any:
    for key in sequence(path, "get-in"):
        kind = type(coll)
        if kind is Map or kind is ErrorValue:
            coll = coll.get(key, MISSING)
        elif kind in (tuple, PVector, List, str) and type(key) is int:
            coll = coll[key] if 0 <= key < len(coll) else MISSING
        else:
            return default
        if coll is MISSING:
            return default
    return coll


@builtin(
    "contains?",
    doc="Has a map the key, a sequence the element, a string the part?",
    example=("(contains? [5] 5)", "true"),
)
def contains(coll: Any, item: Any) -> bool:
    kind = type(coll)
    if kind is Map or kind is ErrorValue:
        return item in coll
    if kind in (tuple, PVector, List):
        return any(equal(one, item) for one in coll)
    if kind is str:
        if type(item) is not str:
            raise type_error("contains?", "string", type_name(item))
        return item in coll
    if coll is None:
        return False
    raise type_error("contains?", "collection", type_name(coll))


def _map(operation: str, value: Any) -> Map:
    if type(value) is Map:
        return value
    if value is None:
        return EMPTY_MAP
    if type(value) is ErrorValue and operation in ("keys", "vals", "find"):
        return value.as_map()
    raise type_error(operation, "map", type_name(value))


@builtin("find", doc="The pair of a key, or nil.", example=("(find {:a 1} :a)", "[:a 1]"))
def find(coll: Any, key: Any) -> Any:
    value = _map("find", coll).get(key, MISSING)
    return None if value is MISSING else (key, value)


@builtin("keys", doc="The keys in order.", example=("(keys {:a 1})", "[:a]"))
def keys(coll: Any) -> Any:
    return vector(list(_map("keys", coll)))


@builtin("vals", doc="The values in order.", example=("(vals {:a 1})", "[1]"))
def vals(coll: Any) -> Any:
    return vector([value for _, value in _map("vals", coll).entries()])


def assoc1(operation: str, coll: Any, key: Any, value: Any) -> Any:
    """A map, nil or vector with one entry more or replaced."""
    kind = type(coll)
    if kind is Map:
        return coll.assoc(key, value)
    if coll is None:
        return Map.of([(key, value)])
    if kind is tuple or kind is PVector:
        if type(key) is not int:
            raise type_error(operation, "integer", type_name(key))
        if not 0 <= key <= len(coll):
            raise index_error(key, len(coll))
        items = list(coll)
        items[key : key + 1] = [value]
        return vector(items)
    raise type_error(operation, "map or vector", type_name(coll))


@builtin("assoc", doc="The map (or vector) with values under keys.", example=("(assoc {:a 1} :b 2)", "{:a 1 :b 2}"))
def assoc(coll: Any, key: Any, value: Any, *others: Any) -> Any:
    if len(others) % 2:
        raise arity_error("assoc", "an odd number, at least 3", len(others) + 3)
    coll = assoc1("assoc", coll, key, value)
    for index in range(0, len(others), 2):
        coll = assoc1("assoc", coll, others[index], others[index + 1])
    return coll


@builtin("dissoc", doc="The map without keys.", example=("(dissoc {:a 1 :b 2} :a)", "{:b 2}"))
def dissoc(coll: Any, *gone: Any) -> Any:
    result = _map("dissoc", coll)
    for key in gone:
        result = result.dissoc(key)
    return None if coll is None else result


def _at(coll: Any, key: Any, operation: str) -> Any:
    if coll is None or type(coll) is Map:
        return None if coll is None else coll.get(key)
    if type(coll) in (tuple, PVector):
        if type(key) is not int:
            raise type_error(operation, "integer", type_name(key))
        if not 0 <= key <= len(coll):
            raise index_error(key, len(coll))
        return coll[key] if key < len(coll) else None
    raise type_error(operation, "map or vector", type_name(coll))


@builtin(
    "update",
    doc="The map with the value under a key replaced by f of it.",
    example=("(update {:n 1} :n + 5)", "{:n 6}"),
)
def update(coll: Any, key: Any, f: Any, *args: Any) -> Any:
    target = callee(f, "update")
    return assoc1("update", coll, key, call_with(target, (_at(coll, key, "update"), *args)))


def _path(operation: str, path: Any) -> list[Any]:
    steps = list(sequence(path, operation))
    if not steps:
        raise invalid_argument(f"{operation} needs a path that is not empty")
    return steps


def _along(operation: str, coll: Any, steps: list[Any], change: Any) -> Any:
    """Rebuild the levels of a path from the inside out."""
    levels = [coll]
    for key in steps[:-1]:
        levels.append(_at(levels[-1], key, operation))
    value = change(_at(levels[-1], steps[-1], operation))
    for level, key in zip(reversed(levels), reversed(steps), strict=True):
        value = assoc1(operation, level, key, value)
    return value


@builtin(
    "assoc-in", doc="The map with a value at the end of a path.", example=("(assoc-in {} [:a :b] 1)", "{:a {:b 1}}")
)
def assoc_in(coll: Any, path: Any, value: Any) -> Any:
    return _along("assoc-in", coll, _path("assoc-in", path), lambda old: value)


@builtin(
    "update-in",
    doc="The map with the value at the end of a path replaced by f of it.",
    example=("(update-in {:a {:n 1}} [:a :n] inc)", "{:a {:n 2}}"),
)
def update_in(coll: Any, path: Any, f: Any, *args: Any) -> Any:
    target = callee(f, "update-in")
    return _along("update-in", coll, _path("update-in", path), lambda old: call_with(target, (old, *args)))


@builtin(
    "dissoc-in",
    doc="The map without the key at the end of a path.",
    example=("(dissoc-in {:a {:b 1}} [:a :b])", "{:a {}}"),
)
def dissoc_in(coll: Any, path: Any) -> Any:
    steps = _path("dissoc-in", path)
    levels = [_map("dissoc-in", coll)]
    for key in steps[:-1]:
        if key not in levels[-1]:
            return coll
        levels.append(_map("dissoc-in", levels[-1].get(key)))
    value = levels[-1].dissoc(steps[-1])
    for level, key in zip(reversed(levels[:-1]), reversed(steps[:-1]), strict=True):
        value = level.assoc(key, value)
    return value


@builtin(
    "merge",
    doc="One map of all entries; later ones win, nil is ignored.",
    example=("(merge {:a 1} nil {:a 2})", "{:a 2}"),
)
def merge(*maps: Any) -> Map:
    result = EMPTY_MAP
    for one in maps:
        if one is not None:
            result = result.merge(_map("merge", one))
    return result


@builtin("merge-with", doc="Like merge; f joins values of one key.", example=("(merge-with + {:a 1} {:a 2})", "{:a 3}"))
def merge_with(f: Any, *maps: Any) -> Map:
    target, result = callee(f, "merge-with"), EMPTY_MAP
    for one in maps:
        for key, value in _map("merge-with", one).entries():
            old = result.get(key, MISSING)
            result = result.assoc(key, value if old is MISSING else target(old, value))
    return result


@builtin(
    "deep-merge",
    doc="Like merge; maps under one key are merged too.",
    example=("(deep-merge {:a {:b 1}} {:a {:c 2}})", "{:a {:b 1 :c 2}}"),
)
def deep_merge(*maps: Any) -> Map:
    result = EMPTY_MAP
    for one in maps:
        for key, value in _map("deep-merge", one).entries():
            old = result.get(key, MISSING)
            nested = type(old) is Map and type(value) is Map
            result = result.assoc(key, deep_merge(old, value) if nested else value)
    return result


@builtin(
    "select-keys",
    doc="The entries of the keys, in the order asked.",
    example=("(select-keys {:a 1 :b 2} [:b])", "{:b 2}"),
)
def select_keys(coll: Any, wanted: Any) -> Map:
    source = _map("select-keys", coll)
    return Map.of([(key, source.get(key)) for key in sequence(wanted, "select-keys") if key in source])


@builtin("rename-keys", doc="The map with keys renamed in place.", example=("(rename-keys {:a 1} {:a :b})", "{:b 1}"))
def rename_keys(coll: Any, names: Any) -> Map:
    table = _map("rename-keys", names)
    return Map.of([(table.get(key, key), value) for key, value in _map("rename-keys", coll).entries()])


@builtin("update-vals", "map-vals", doc="The map with f of each value.", example=("(update-vals {:a 1} inc)", "{:a 2}"))
def update_vals(coll: Any, f: Any) -> Map:
    target = callee(f, "update-vals")
    return Map.of([(key, target(value)) for key, value in _map("update-vals", coll).entries()])


@builtin("update-keys", "map-keys", doc="The map with f of each key.", example=("(update-keys {:a 1} name)", '{"a" 1}'))
def update_keys(coll: Any, f: Any) -> Map:
    target = callee(f, "update-keys")
    return Map.of([(target(key), value) for key, value in _map("update-keys", coll).entries()])
