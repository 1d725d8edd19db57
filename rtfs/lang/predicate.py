"""The predicates of refined types (language.md §12.3): from a name and its arguments to a test of values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.equality import equal
from rtfs.lang.errors import syntax_error
from rtfs.lang.printer import show_brief
from rtfs.lang.values import is_vector

Holds = Callable[[Any], bool]

_NUMBERS = frozenset({int, float})
_COUNTED = frozenset({str, tuple, PVector, List, Map})
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^\s/?#]+\S*")
_EMAIL = re.compile(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+")


def _fail(name: str, expected: str, arguments: tuple[Any, ...]) -> Exception:
    shown = " ".join(show_brief(argument) for argument in arguments)
    return syntax_error("type", f"[:{name}] expects {expected}, got {shown or 'nothing'}")


def _numbers(name: str, arguments: tuple[Any, ...], count: int) -> None:
    if len(arguments) != count or not all(type(n) in _NUMBERS for n in arguments):
        raise _fail(name, "a number" if count == 1 else "two numbers", arguments)


def _size(name: str, arguments: tuple[Any, ...]) -> int:
    if len(arguments) != 1 or type(arguments[0]) is not int or arguments[0] < 0:
        raise _fail(name, "a size", arguments)
    return arguments[0]


def _comparison(name: str, test: Callable[[Any, Any], bool]) -> Callable[[tuple[Any, ...]], Holds]:
    def make(arguments: tuple[Any, ...]) -> Holds:
        _numbers(name, arguments, 1)
        bound = arguments[0]
        return lambda value: type(value) in _NUMBERS and test(value, bound)

    return make


def _in_range(arguments: tuple[Any, ...]) -> Holds:
    _numbers("in-range", arguments, 2)
    low, high = arguments
    return lambda value: type(value) in _NUMBERS and bool(low <= value <= high)


def _equals(name: str, wanted: bool) -> Callable[[tuple[Any, ...]], Holds]:
    def make(arguments: tuple[Any, ...]) -> Holds:
        if len(arguments) != 1:
            raise _fail(name, "a value", arguments)
        literal = arguments[0]
        number = type(literal) in _NUMBERS
        return lambda value: (
            (bool(value == literal) if number and type(value) in _NUMBERS else equal(value, literal)) is wanted
        )

    return make


def _sized(name: str, kinds: frozenset[type], test: Callable[[int, int], bool]) -> Callable[[tuple[Any, ...]], Holds]:
    def make(arguments: tuple[Any, ...]) -> Holds:
        size = _size(name, arguments)
        return lambda value: type(value) in kinds and test(len(value), size)

    return make


def _non_empty(arguments: tuple[Any, ...]) -> Holds:
    if arguments:
        raise _fail("non-empty", "nothing", arguments)
    return lambda value: type(value) in _COUNTED and len(value) > 0


def _matches(arguments: tuple[Any, ...]) -> Holds:
    if len(arguments) != 1 or type(arguments[0]) is not str:
        raise _fail("matches-regex", "a pattern", arguments)
    from rtfs.lang.regex import compile_regex  # deferred: RE2 is loaded for types with patterns only

    try:
        pattern = compile_regex(arguments[0])
    except ValueError as error:
        raise syntax_error("type", str(error)) from None
    return lambda value: type(value) is str and pattern.search(value) is not None


def _has_key(arguments: tuple[Any, ...]) -> Holds:
    if len(arguments) != 1:
        raise _fail("has-key", "a key", arguments)
    key = arguments[0]
    return lambda value: type(value) is Map and key in value


def _required_keys(arguments: tuple[Any, ...]) -> Holds:
    if len(arguments) != 1 or not is_vector(arguments[0]):
        raise _fail("required-keys", "a vector of keys", arguments)
    keys = tuple(arguments[0])
    return lambda value: type(value) is Map and all(key in value for key in keys)


def _shaped(name: str, pattern: re.Pattern[str]) -> Callable[[tuple[Any, ...]], Holds]:
    def make(arguments: tuple[Any, ...]) -> Holds:
        if arguments:
            raise _fail(name, "nothing", arguments)
        return lambda value: type(value) is str and pattern.fullmatch(value) is not None

    return make


_STRINGS = frozenset({str})

PREDICATES: dict[str, Callable[[tuple[Any, ...]], Holds]] = {
    ">": _comparison(">", lambda value, bound: bool(value > bound)),
    ">=": _comparison(">=", lambda value, bound: bool(value >= bound)),
    "<": _comparison("<", lambda value, bound: bool(value < bound)),
    "<=": _comparison("<=", lambda value, bound: bool(value <= bound)),
    "in-range": _in_range,
    "=": _equals("=", True),
    "!=": _equals("!=", False),
    "min-length": _sized("min-length", _STRINGS, lambda length, size: length >= size),
    "max-length": _sized("max-length", _STRINGS, lambda length, size: length <= size),
    "length": _sized("length", _STRINGS, lambda length, size: length == size),
    "min-count": _sized("min-count", _COUNTED, lambda length, size: length >= size),
    "max-count": _sized("max-count", _COUNTED, lambda length, size: length <= size),
    "count": _sized("count", _COUNTED, lambda length, size: length == size),
    "non-empty": _non_empty,
    "matches-regex": _matches,
    "has-key": _has_key,
    "required-keys": _required_keys,
    "is-url": _shaped("is-url", _URL),
    "is-email": _shaped("is-email", _EMAIL),
}
