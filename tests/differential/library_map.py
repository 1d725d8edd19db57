"""Functions of the library as language.md §14.5 and §14.6 list them: maps, functions of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import EMPTY_MAP, List, Map, PVector, vector
from rtfs.lang.equality import equal, same_key
from rtfs.lang.values import ErrorValue
from tests.differential.evaluator import LIBRARY, Unsupported, truthy, wrong, wrong_count
from tests.differential.library import callable_in, invalid, items_of, lib, out_of_bounds, text

SEQUENCES = (tuple, PVector, List)
VECTORS = (tuple, PVector)


# ---- maps -------------------------------------------------------------------------------------------------------


def as_map(name: str, coll: Any, operand: int = 0) -> Map:
    if coll is not None and type(coll) is not Map:
        raise wrong(name, "map", coll, operand)
    return EMPTY_MAP if coll is None else coll


def as_entries(name: str, coll: Any) -> Map:
    return coll.as_map() if type(coll) is ErrorValue else as_map(name, coll)


@lib("get", 1, 3)
def get_(*args: Any) -> Any:
    if len(args) == 1:
        raise Unsupported("get of the context")
    return get(*args)


def get(coll: Any, key: Any, default: Any = None) -> Any:
    if type(coll) in (*SEQUENCES, str):
        if type(key) is not int:
            raise wrong("get", "integer", key, 1)
        return coll[key] if 0 <= key < len(coll) else default
    if coll is not None and type(coll) not in (Map, ErrorValue):
        raise wrong("get", "collection", coll)
    return default if coll is None else coll.get(key, default)


@lib("get-in", 2, 3)
def get_in(coll: Any, path: Any, default: Any = None) -> Any:
    for key in items_of("get-in", path):
        found = type(coll) in (*SEQUENCES, str) and type(key) is int and 0 <= key < len(coll)
        if not found and not (type(coll) in (Map, ErrorValue) and key in coll):
            return default
        coll = coll[key] if found else coll.get(key)
    return coll


@lib("contains?", 2)
def contains(coll: Any, item: Any) -> bool:
    if type(coll) in SEQUENCES:
        return any(equal(one, item) for one in coll)
    if type(coll) is str:
        return text("contains?", item, 1) in coll
    if coll is not None and type(coll) not in (Map, ErrorValue):
        raise wrong("contains?", "collection", coll, 0)
    return coll is not None and item in coll


lib("keys", 1)(lambda coll: vector(list(as_entries("keys", coll))))
lib("vals", 1)(lambda coll: vector([value for _, value in as_entries("vals", coll).entries()]))
lib("hash-map", 0, None)(lambda *flat: hash_map(flat))


def hash_map(flat: tuple[Any, ...]) -> Map:
    if len(flat) % 2:
        raise wrong_count("hash-map", "an even number", len(flat))
    return Map.of(list(zip(flat[::2], flat[1::2], strict=True)))


def put(name: str, coll: Any, key: Any, change: Callable[[Any], Any]) -> Any:
    """A map, nil or vector with the value under a key changed."""
    if type(coll) not in VECTORS:
        if coll is not None and type(coll) is not Map:
            raise wrong(name, "map or vector", coll, 0)
        source = as_map(name, coll)
        return source.assoc(key, change(source.get(key)))
    if type(key) is not int:
        raise wrong(name, "integer", key, 1)
    if not 0 <= key <= len(coll):
        raise out_of_bounds(key, len(coll) + 1)
    items = list(coll)
    return vector([*items[:key], change(items[key] if key < len(items) else None), *items[key + 1 :]])


def put_in(name: str, coll: Any, path: list[Any], change: Callable[[Any], Any]) -> Any:
    if not path:
        raise invalid(f"{name} needs a path that is not empty")
    if len(path) == 1:
        return put(name, coll, path[0], change)
    return put(name, coll, path[0], lambda inner: put_in(name, inner, path[1:], change))


@lib("assoc", 3, None)
def assoc(coll: Any, *flat: Any) -> Any:
    if len(flat) % 2:
        raise wrong_count("assoc", "an odd number, at least 3", len(flat) + 1)
    for key, value in zip(flat[::2], flat[1::2], strict=True):
        coll = put("assoc", coll, key, lambda old, value=value: value)
    return coll


@lib("dissoc", 1, None)
def dissoc(coll: Any, *keys: Any) -> Any:
    if coll is None:
        return None
    source = as_map("dissoc", coll)
    return Map.of([entry for entry in source.entries() if not any(same_key(entry[0], key) for key in keys)])


@lib("update", 3, None)
def update(coll: Any, key: Any, f: Any, *more: Any) -> Any:
    call = callable_in("update", f)
    return put("update", coll, key, lambda old: call(old, *more))


lib("assoc-in", 3)(lambda coll, path, value: put_in("assoc-in", coll, items_of("assoc-in", path), lambda old: value))


@lib("update-in", 3, None)
def update_in(coll: Any, path: Any, f: Any, *more: Any) -> Any:
    call = callable_in("update-in", f)
    return put_in("update-in", coll, items_of("update-in", path), lambda old: call(old, *more))


@lib("merge", 0, None)
def merge(*maps: Any) -> Map:
    return Map.of([entry for at, one in enumerate(maps) for entry in as_map("merge", one, at).entries()])


@lib("select-keys", 2)
def select_keys(coll: Any, keys: Any) -> Map:
    source = as_map("select-keys", coll)
    return Map.of([(key, source.get(key)) for key in items_of("select-keys", keys) if key in source])


@lib("update-vals map-vals", 2)
def update_vals(coll: Any, f: Any) -> Map:
    call = callable_in("update-vals", f)
    return Map.of([(key, call(value)) for key, value in as_map("update-vals", coll).entries()])


# ---- functions --------------------------------------------------------------------------------------------------


def made(function: Callable[..., Any]) -> Any:
    """A function without a name."""
    function.__name__ = ""
    return function


@lib("apply", 2, None)
def apply(f: Any, *args: Any) -> Any:
    call = callable_in("apply", f)
    return call(*args[:-1], *items_of("apply", args[-1]))


@lib("comp", 0, None)
def comp(*functions: Any) -> Any:
    calls = [callable_in("comp", f) for f in functions]

    def composed(*args: Any) -> Any:
        for call in reversed(calls):
            args = (call(*args),)
        return args[0]

    return made(composed) if calls else LIBRARY["identity"]


@lib("partial", 1, None)
def partial(f: Any, *given: Any) -> Any:
    call = callable_in("partial", f)
    return made(lambda *args: call(*given, *args))


@lib("juxt", 1, None)
def juxt(*functions: Any) -> Any:
    calls = [callable_in("juxt", f) for f in functions]
    return made(lambda *args: tuple(call(*args) for call in calls))


@lib("complement", 1)
def complement(f: Any) -> Any:
    call = callable_in("complement", f)
    return made(lambda *args: not truthy(call(*args)))


lib("constantly", 1)(lambda value: made(lambda *args: value))
lib("and", 0, None)(lambda *args: next((value for value in args if not truthy(value)), args[-1] if args else True))
lib("or", 0, None)(lambda *args: next((value for value in args if truthy(value)), args[-1] if args else None))


@lib("fnil", 2, 4)
def fnil(f: Any, *defaults: Any) -> Any:
    call = callable_in("fnil", f)

    def filled(*args: Any) -> Any:
        known = [default if one is None else one for one, default in zip(args, defaults, strict=False)]
        return call(*known, *args[len(known) :])

    return made(filled)


@lib("run!", 2)
def run(f: Any, coll: Any) -> None:
    call = callable_in("run!", f)
    for item in items_of("run!", coll, 1):
        call(item)
