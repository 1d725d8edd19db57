"""The total order of values that `compare` and `sort` use (language.md §2.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cmp_to_key
from itertools import chain
from types import NoneType
from typing import Any

from rtfs.lang.collections import Key, List, Map, PVector
from rtfs.lang.errors import overflow
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.signal import FLAG, METERS, visited
from rtfs.lang.values import Timestamp

NESTING_LIMIT = 10_000
SHARING = 1_000
DEEP_KEY = 2  # deeper keys are ordered by their text: with `compare`, sorting would nest in C and sort their keys again

_VECTOR, _LIST, _MAP, _REST = 6, 7, 8, 9
_RANKS: dict[type, int] = {
    NoneType: 0,
    bool: 1,
    int: 2,
    float: 2,
    str: 3,
    Keyword: 4,
    Symbol: 5,
    tuple: _VECTOR,
    PVector: _VECTOR,
    List: _LIST,
    Map: _MAP,
}


def compare(a: Any, b: Any) -> int:
    """-1, 0 or 1. Sequences compare item by item, then by length; maps as sequences of their entries in key order."""
    if FLAG or METERS:
        visited(len(a) >> 3 if type(a) is str else 0)  # this is called for each pair of a sort
    rank, other = _RANKS.get(type(a), _REST), _RANKS.get(type(b), _REST)
    if rank != other:
        return -1 if rank < other else 1
    if rank < _VECTOR or rank == _REST:
        return _compare_scalars(rank, a, b)
    return 0 if a is b else _walk(a, b)


def sort_values(values: Iterable[Any]) -> list[Any]:
    """A stable sort by `compare`; values of one simple kind are sorted without it."""
    listed = list(values)
    kinds = set(map(type, listed))
    if len(kinds) == 1:
        kind = kinds.pop()
        if kind in (int, str, bool) or (kind is float and not any(x != x for x in listed)):
            return sorted(listed)
        if kind is Keyword or kind is Symbol:
            return sorted(listed, key=_name)
    return sorted(listed, key=cmp_to_key(compare))


def _name(value: Any) -> str:
    name: str = value.name
    return name


def _compare_numbers(a: Any, b: Any) -> int:
    if a != a or b != b:
        return int(a != a) - int(b != b)
    if a == b:
        return (type(a) is float) - (type(b) is float)
    return -1 if a < b else 1


def _compare_names(a: Any, b: Any) -> int:
    return int(a.name > b.name) - int(a.name < b.name)


def _compare_plain(a: Any, b: Any) -> int:
    return int(a > b) - int(a < b)


def _compare_rest(a: Any, b: Any) -> int:
    if a is b:
        return 0
    if type(a) is Timestamp and type(b) is Timestamp:
        return _compare_plain(a.micros, b.micros)  # the texts of 6 s and 6.5 s are in the wrong order
    from rtfs.lang.printer import show  # deferred: the printer is not needed to sort numbers

    return _compare_plain(show(a), show(b))


_BY_RANK: dict[int, Callable[[Any, Any], int]] = {
    0: lambda a, b: 0,
    1: _compare_plain,
    2: _compare_numbers,
    3: _compare_plain,
    4: _compare_names,
    5: _compare_names,
    _REST: _compare_rest,
}


def _compare_scalars(rank: int, a: Any, b: Any) -> int:
    return _BY_RANK[rank](a, b)


class _Frame:
    """Two collections of one kind on the way; `tie` decides if all common items are equal."""

    __slots__ = ("pairs", "tie")

    def __init__(self, a: Any, b: Any) -> None:
        if FLAG or METERS:
            visited(min(len(a), len(b)))
        self.tie = (len(a) > len(b)) - (len(a) < len(b))
        left, right = (_entries(a), _entries(b)) if type(a) is Map else (a, b)
        self.pairs: Iterator[tuple[Any, Any]] = zip(left, right, strict=False)


def _walk(a: Any, b: Any) -> int:
    frames = [_Frame(a, b)]
    visits = 0
    equals: set[tuple[int, int]] = set()
    while frames:
        frame = frames[-1]
        for x, y in frame.pairs:
            rank, other = _RANKS.get(type(x), _REST), _RANKS.get(type(y), _REST)
            if rank != other:
                return -1 if rank < other else 1
            if rank < _VECTOR or rank == _REST:
                order = _compare_scalars(rank, x, y)
                if order:
                    return order
                continue
            visits += 1
            if x is y:
                continue
            if visits > SHARING:
                if (id(x), id(y)) in equals:  # met before, and the walk goes on only past equal parts
                    continue
                equals.add((id(x), id(y)))
            if len(frames) == NESTING_LIMIT:
                raise overflow("nesting", NESTING_LIMIT)
            frames.append(_Frame(x, y))
            break
        else:
            frames.pop()
            if frame.tie:
                return frame.tie
    return 0


def _entries(value: Map) -> Iterator[Any]:
    """Keys and values in turn, in the order of the keys."""
    shallow, deep = [], []
    for key, part in value.raw.items():
        if type(key) is not Key:
            shallow.append((key, part))
        elif key.depth <= DEEP_KEY:
            shallow.append((key.value, part))
        else:
            deep.append((key.value, part))
    shallow.sort(key=lambda entry: cmp_to_key(compare)(entry[0]))
    if len(deep) > 1:
        from rtfs.lang.printer import canonical

        deep.sort(key=lambda entry: canonical(entry[0]))
    return chain.from_iterable(shallow + deep)
