"""Equality and hashing of values: kind-strict, and iterative, so that no value is nested too deeply for them.

Walks follow their own stack. A value nested deeper than `NESTING_LIMIT` is a StackOverflow, never a crash; values that
share parts are not walked once per path: from `SHARING` collections on, a walk remembers what it has seen
(language.md §2.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import Any

from rtfs.lang.collections import MISSING, Key, List, Map, PVector, install_walks
from rtfs.lang.errors import overflow
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.order import compare, sort_values
from rtfs.lang.signal import FLAG, METERS, charge, visited
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid

__all__ = ["NESTING_LIMIT", "compare", "equal", "hash_and_depth", "hash_value", "same_key", "sort_values"]

NESTING_LIMIT = 10_000
SHARING = 1_000  # collections a walk visits before it begins to remember them
COLLISIONS = 100  # keys that collide inside keys that collide …

_SCALARS = frozenset({int, str, bool, float, NoneType, Keyword, Symbol, Timestamp, Uuid, ResourceHandle})
_COLLECTIONS = frozenset({tuple, PVector, List, Map})
_PLAIN = frozenset({int, str, bool, NoneType, Keyword})  # C compares them, and each equals itself


def equal(a: Any, b: Any) -> bool:
    """Is `a` the same value as `b` (`=`, language.md §2.3)? Raises StackOverflow for values nested too deeply."""
    kind = type(a)
    if kind is not type(b):
        return False
    if kind in _SCALARS:
        if METERS and kind is str and len(a) == len(b):
            charge(len(a) >> 7)
        same: bool = a == b
        return same
    if kind not in _COLLECTIONS:
        return a is b
    found = _same_plain(a, b) if kind is tuple else None
    return _Walk(a, b, False, 0).same() if found is None else found


def same_key(a: Any, b: Any) -> bool:
    """Like `equal`, except that `##NaN` is the same key as `##NaN`, also inside collections."""
    kind = type(a)
    if kind is not type(b):
        return False
    if kind in _SCALARS:
        return bool(a == b or (a != a and b != b))
    if kind not in _COLLECTIONS:
        return a is b
    if a is b:
        return True
    found = _same_plain(a, b) if kind is tuple else None
    return _Walk(a, b, True, 0).same() if found is None else found


def _same_plain(a: Any, b: Any) -> bool | None:
    """Are two short vectors of plain values equal? None when it takes a walk to know."""
    if len(a) != len(b):
        return False
    if METERS:
        visited(len(a))
    for p, q in zip(a, b, strict=True):
        if type(p) is not type(q):
            return False
        if type(p) not in _PLAIN:
            return None
        if p != q:
            return False
    return True


class _Walk:
    """What is still to be compared: two collections of one kind, their depth, does `##NaN` equal itself."""

    __slots__ = ("collisions", "tasks")

    def __init__(self, a: Any, b: Any, nan: bool, collisions: int) -> None:
        self.tasks: list[tuple[Any, Any, int, bool]] = [(a, b, 1, nan)]
        self.collisions = collisions

    def same(self) -> bool:
        tasks = self.tasks
        visits = 0
        seen: set[tuple[int, int, bool]] = set()
        while tasks:
            x, y, depth, nan = tasks.pop()
            if depth > NESTING_LIMIT:
                raise overflow("nesting", NESTING_LIMIT)
            if len(x) != len(y):
                return False
            if FLAG or METERS:
                visited(len(x))
            visits += 1
            if visits > SHARING:
                if (id(x), id(y), nan) in seen:
                    continue
                seen.add((id(x), id(y), nan))
            same = self.entries if type(x) is Map else self.items
            if not same(x, y, depth + 1, nan):
                return False
        return True

    def items(self, x: Any, y: Any, depth: int, nan: bool) -> bool:
        """Compares what can be compared at once and leaves the rest to `tasks`."""
        if len(x) > 8:
            kinds = set(map(type, x))
            if len(kinds) == 1 and kinds <= _PLAIN:
                return set(map(type, y)) == kinds and _plain(x) == _plain(y)
        for p, q in zip(x, y, strict=True):
            kind = type(p)
            if kind is not type(q):
                return False
            if kind in _PLAIN:
                if p != q:
                    return False
            elif not self.part(p, q, depth, nan):
                return False
        return True

    def part(self, p: Any, q: Any, depth: int, nan: bool) -> bool:
        kind = type(p)
        if kind is not type(q):
            return False
        if kind in _SCALARS:
            return bool(p == q or (nan and p != p and q != q))
        if kind not in _COLLECTIONS:
            return p is q
        if not (nan and p is q):
            self.tasks.append((p, q, depth, nan))
        return True

    def entries(self, x: Map, y: Map, depth: int, nan: bool) -> bool:
        other = y.raw
        wrapped: list[tuple[Key, Any]] = []
        for key, value in x.raw.items():
            if type(key) is Key:
                wrapped.append((key, value))
                continue
            found = other.get(key, MISSING)
            if found is MISSING or not self.part(value, found, depth, nan):
                return False
        return not wrapped or self.wrapped_entries(wrapped, _by_hash(y), depth, nan)

    def wrapped_entries(
        self, wrapped: list[tuple[Key, Any]], others: dict[int, list[tuple[Key, Any]]], depth: int, nan: bool
    ) -> bool:
        """Entries whose keys may be collections. A dict lookup would nest in C as deeply as keys nest in keys."""
        for key, value in wrapped:
            candidates = others.get(hash(key), [])
            if len(candidates) > 1:
                candidates = [entry for entry in candidates if self.collide(key, entry[0])]
            if not candidates:
                return False
            found, other = candidates[0]
            if depth - 1 + key.depth > NESTING_LIMIT:
                raise overflow("nesting", NESTING_LIMIT)
            if key.depth != found.depth or not self.part(key.value, found.value, depth, True):
                return False
            if not self.part(value, other, depth, nan):
                return False
        return True

    def collide(self, key: Key, other: Key) -> bool:
        """Which of several keys of one hash is it? The only place where a walk starts another one."""
        a, b = key.value, other.value
        if key.depth != other.depth or type(a) is not type(b):
            return False
        if key.depth == 0:
            return same_key(a, b)
        if self.collisions == COLLISIONS:
            raise overflow("nesting", NESTING_LIMIT)
        return a is b or _Walk(a, b, True, self.collisions + 1).same()


def _plain(items: Any) -> Any:
    """The items as something that C compares item by item: never the `List` or `PVector`, whose `==` leads here."""
    return items if type(items) is tuple else items[:] if type(items) is PVector else tuple(items)


def _by_hash(value: Map) -> dict[int, list[tuple[Key, Any]]]:
    entries: dict[int, list[tuple[Key, Any]]] = {}
    for key, part in value.raw.items():
        if type(key) is Key:
            entries.setdefault(hash(key), []).append((key, part))
    return entries


# ---- hashing

_NAN = hash((float, "nan"))
_HASHED_AS_THEY_ARE = frozenset({int, str, Keyword, NoneType})


def hash_value(value: Any) -> int:
    """A hash that agrees with `same_key`. Raises StackOverflow for values nested too deeply."""
    return hash_and_depth(value)[0]


def hash_and_depth(value: Any) -> tuple[int, int]:
    """The hash and the nesting of a value: 0 for a scalar, 1 for a flat collection, keys counted like values."""
    kind = type(value)
    if kind not in _COLLECTIONS:
        return _hash_scalar(value), 0
    if kind is Map:
        return _hash_walk(value)
    hashes = []
    if METERS:
        visited(len(value))
    for part in value:
        if type(part) in _COLLECTIONS:
            return _hash_walk(value)
        hashes.append(_hash_scalar(part))
    return hash((kind, tuple(hashes))), 1


def _hash_scalar(value: Any) -> int:
    kind = type(value)
    if kind in _HASHED_AS_THEY_ARE:
        return hash(value)
    if kind is float:
        return hash((float, value)) if value == value else _NAN
    if kind is bool:
        return hash((bool, value))
    return hash(value) if kind in _SCALARS else object.__hash__(value)


class _Frame:
    """A collection whose parts are being hashed; `height` is that of its tallest part so far."""

    __slots__ = ("value", "parts", "hashes", "height")

    def __init__(self, value: Any) -> None:
        if FLAG or METERS:
            visited(len(value))
        self.value = value
        self.parts: Iterator[Any] = (
            iter(value.raw.values() if type(value.raw) is dict else _values(value))
            if (type(value) is Map)
            else iter(value)
        )
        self.hashes: list[int] = []
        self.height = 0

    def result(self) -> tuple[int, int]:
        if type(self.value) is not Map:
            return hash((type(self.value), tuple(self.hashes))), self.height + 1
        pairs = []
        for (key, _), part in zip(self.value.raw.items(), self.hashes, strict=True):
            if type(key) is Key and key.depth > self.height:
                self.height = key.depth
            pairs.append((hash(key), part))
        return hash((Map, frozenset(pairs))), self.height + 1


def _values(value: Map) -> list[Any]:
    return [part for _, part in value.raw.items()]


def _hash_walk(root: Any) -> tuple[int, int]:
    frames = [_Frame(root)]
    known: dict[int, tuple[int, int]] = {}
    visits = 0
    while True:
        frame = frames[-1]
        for part in frame.parts:
            if type(part) not in _COLLECTIONS:
                frame.hashes.append(_hash_scalar(part))
                continue
            remembered = known.get(id(part))
            if remembered is None:
                frames.append(_Frame(part))
                break
            _add(frame, remembered, len(frames))
        else:
            done = frames.pop().result()
            visits += 1
            if visits > SHARING:
                known[id(frame.value)] = done
            if not frames:
                return _checked(done, 0)
            _add(frames[-1], done, len(frames))
        if len(frames) > NESTING_LIMIT:
            raise overflow("nesting", NESTING_LIMIT)


def _add(frame: _Frame, part: tuple[int, int], depth: int) -> None:
    frame.hashes.append(_checked(part, depth)[0])
    if part[1] > frame.height:
        frame.height = part[1]


def _checked(part: tuple[int, int], depth: int) -> tuple[int, int]:
    if depth + part[1] > NESTING_LIMIT:
        raise overflow("nesting", NESTING_LIMIT)
    return part


install_walks(equal, same_key, hash_and_depth)
