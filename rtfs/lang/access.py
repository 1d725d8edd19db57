"""Lookup in collections, and values that can be called (language.md §4.1, §14.4, §14.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import FunctionType
from typing import Any

from rtfs.lang.collections import MISSING, List, Map, PVector
from rtfs.lang.errors import about, arity_error, index_error
from rtfs.lang.names import Keyword
from rtfs.lang.signal import METERS, visited
from rtfs.lang.values import ErrorValue, wrong_kind

_INDEXED = frozenset({tuple, PVector, List, str})


def get(coll: Any, key: Any, default: Any = None) -> Any:
    """The value under `key` of a map or error, or at that index of a vector, list or string; else `default`."""
    kind = type(coll)
    if kind is Map or kind is ErrorValue:
        return coll.get(key, default)
    if kind in _INDEXED:
        if type(key) is not int:
            raise wrong_kind("get", "integer", key, 1)
        return coll[key] if 0 <= key < len(coll) else default
    if coll is None:
        return default
    raise wrong_kind("get", "collection", coll, 0)


def nth(coll: Any, index: Any, default: Any = MISSING) -> Any:
    """Item `index` of a sequence view; out of range, `default` or else IndexOutOfBounds."""
    if type(index) is not int:
        raise wrong_kind("nth", "integer", index, 1)
    items = coll if type(coll) in _INDEXED else sequence(coll, "nth")
    if 0 <= index < len(items):
        return items[index]
    if default is MISSING:
        raise about(index_error(index, len(items)), index, "nth", 1)
    return default


def sequence(value: Any, operation: str) -> Any:
    """The sequence view of language.md §2.4 as a tuple, list or PVector, which must not be changed.

    All three have a length, an index, slices (of a PVector: a list) and iteration. TypeError for other kinds.
    """
    kind = type(value)
    if kind is tuple or kind is PVector or kind is List:
        return value
    if kind is Map or kind is str:
        if METERS:
            visited(len(value))
        return value.entries() if kind is Map else list(value)
    if value is None:
        return ()
    raise wrong_kind(operation, "sequence", value)


def call_keyword(keyword: Keyword, *args: Any) -> Any:
    """`(:k m default?)`: nil gives the default; only maps and errors have keywords to look up."""
    if not 1 <= len(args) <= 2:
        raise arity_error(f":{keyword.name}", "1 or 2", len(args))
    target = args[0]
    default = args[1] if len(args) == 2 else None
    if type(target) is Map:
        return target.raw.get(keyword, default)
    if target is None:
        return default
    if type(target) is ErrorValue:
        return target.get(keyword, default)
    raise wrong_kind("keyword lookup", "map", target)


def call_map(coll: Map, *args: Any) -> Any:
    """`(m k default?)`, like `get`."""
    if not 1 <= len(args) <= 2:
        raise arity_error("map", "1 or 2", len(args))
    return coll.get(*args)


def call_vector(coll: Any, *args: Any) -> Any:
    """`(v i default?)`, like `nth`."""
    if not 1 <= len(args) <= 2:
        raise arity_error("vector", "1 or 2", len(args))
    return nth(coll, *args)


def callee(value: Any, operation: str = "function call") -> Callable[..., Any]:
    """A Python callable for what RTFS can call.

    Anything else is a TypeError: at once in an operation such as `filter`, when called in a function call, whose
    arguments are evaluated first.
    """
    kind = type(value)
    if kind is FunctionType:
        function: Callable[..., Any] = value
        return function
    if kind is Keyword:
        return _keyword_function(value)
    lookup = _LOOKUPS.get(kind)
    if lookup is not None:
        return partial(lookup, value)
    if operation != "function call":
        raise wrong_kind(operation, "function", value)
    return NotCallable(value)


def applied(f: Any, target: Callable[..., Any], items: Iterable[Any]) -> list[Any]:
    """What a callback gives for the items; `target` is what is called, and a keyword looks maps up by itself."""
    if type(f) is Keyword:
        return [item.raw.get(f) if type(item) is Map else target(item) for item in items]
    return [target(item) for item in items]


def _keyword_function(keyword: Keyword) -> Callable[..., Any]:
    """What calling a keyword does, for callbacks, which are called often and mostly with maps."""

    def lookup(target: Any, default: Any = None) -> Any:
        if type(target) is Map:
            return target.raw.get(keyword, default)
        return call_keyword(keyword, target, default)

    lookup.__qualname__ = f":{keyword.name}~0:1,2"  # what an error of arity needs to know
    return lookup


_LOOKUPS: dict[type, Callable[..., Any]] = {
    Map: call_map,
    tuple: call_vector,
    PVector: call_vector,
}


class NotCallable:
    """Stands for a value that is no function until it is called."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, *args: Any) -> Any:
        raise wrong_kind("function call", "function", self.value)
