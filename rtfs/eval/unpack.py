"""What compiled code calls to take values apart: destructuring and `match`."""

from __future__ import annotations

from typing import Any

from rtfs.lang.access import call_keyword
from rtfs.lang.collections import EMPTY_MAP, MISSING, List, Map, PVector
from rtfs.lang.errors import EvaluationError, about
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show
from rtfs.lang.signal import METERS, charge
from rtfs.lang.values import ErrorValue, wrong_kind


def _items(value: Any) -> Any:
    kind = type(value)
    if kind is tuple or kind is List or kind is PVector or kind is str:
        return value
    if value is None:
        return ()
    raise wrong_kind("vector destructuring", "vector, list or string", value)


def unpack(value: Any, count: int) -> Any:
    """The first `count` items, nil where there are none."""
    items = _items(value)
    have = len(items)
    if have == count:
        return items
    return tuple(items[:count]) + (None,) * (count - have)


def unpack_rest(value: Any, count: int) -> tuple[Any, ...]:
    """The first `count` items, then a list of the others."""
    items = _items(value)
    if METERS:
        charge(len(items) >> 4, len(items))
    head = tuple(items[:count])
    return (*head, *(None,) * (count - len(head)), List(items[count:]))


def mapping(value: Any) -> Map:
    """The map that a map pattern takes apart."""
    if type(value) is Map:
        return value
    if value is None:
        return EMPTY_MAP
    if type(value) is ErrorValue:
        return value.as_map()
    raise wrong_kind("map destructuring", "map", value)


class Unmapped:
    """Stands for the storage of a value that is no map: a lookup is what calling the keyword is."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def get(self, key: Keyword, *default: Any) -> Any:
        return call_keyword(key, self.value, *default)


def without(value: Any, *keys: Any) -> Map:
    """The entries whose keys are not named."""
    result = mapping(value)
    if METERS:
        charge(len(result) >> 4, len(result))
    for key in keys:
        result = result.dissoc(key)
    return result


def exactly(value: Any, count: int) -> Any:
    """The items of a vector or list of that length, else None."""
    kind = type(value)
    return value if (kind is tuple or kind is List or kind is PVector) and len(value) == count else None


def at_least(value: Any, count: int) -> tuple[Any, ...] | None:
    """The first items and a list of the rest, None when there are too few."""
    kind = type(value)
    if (kind is tuple or kind is List or kind is PVector) and len(value) >= count:
        if METERS:
            charge(len(value) >> 4, len(value))
        return (*value[:count], List(value[count:]))
    return None


def having(value: Any, *keys: Any) -> tuple[Any, ...] | None:
    """The values of keys that must all be present, None when one is missing."""
    if type(value) is not Map:
        return None
    found = tuple(value.get(key, MISSING) for key in keys)
    return None if any(item is MISSING for item in found) else found


def empty_map(value: Any) -> bool:
    return type(value) is Map and not len(value)


def no_match(value: Any) -> None:
    data = Map.of([(Keyword("value"), value)])
    error = EvaluationError("MatchError", f"Match error: No matching clause for {show(value)}", data=data)
    error.exact = True  # the code stands where the value comes from
    raise about(error, value)


HELPERS: dict[str, Any] = {
    "#unpack": unpack,
    "#unpack_rest": unpack_rest,
    "#mapping": mapping,
    "#unmapped": Unmapped,
    "#without": without,
    "#exactly": exactly,
    "#at_least": at_least,
    "#having": having,
    "#empty_map": empty_map,
    "#no_match": no_match,
}
