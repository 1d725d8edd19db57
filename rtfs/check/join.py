"""What a value may be that comes from one of several places (language.md §13): the join of types."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce

from rtfs.check.kind import (
    ANY,
    FUNCTION,
    LIST,
    MAP,
    NEVER,
    NUMBER,
    SEQ,
    VECTOR,
    Constant,
    Exact,
    Generic,
    Known,
    Literal,
    View,
    either,
    exact,
    function,
    is_any,
    is_never,
    kind_of,
    literal,
    map_of,
    sequence,
)
from rtfs.check.subtype import Subtyping
from rtfs.lang.equality import equal
from rtfs.lang.types import MapOf, Primitive, Sequence, Tuple, Type, Union

MOST = 5  # members of a union; beyond that anything goes

_INTEGERS, _FLOATS = frozenset({"int", "integer"}), frozenset({"float"})


class Joining:
    """Joins under one memory of comparisons."""

    def __init__(self, strict: Subtyping | None = None) -> None:
        self._strict = strict or Subtyping()
        self._known: dict[tuple[int, int], tuple[Type, Type, Type]] = {}  # by identity: literals share their parts

    def all(self, types: Iterable[Type]) -> Type:
        """The join of any number of types; NEVER of none."""
        return reduce(self.join, types, NEVER)

    def join(self, s: Type, t: Type) -> Type:
        """The least type known that both are subtypes of."""
        if s is t or is_any(t) or is_never(s):
            return t
        if is_any(s) or is_never(t):
            return s
        key = (id(s), id(t))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (self._join(s, t), s, t)
        return known[0]

    def _join(self, s: Type, t: Type) -> Type:
        merged = self._merged(s, t)
        if merged is not None:
            return merged
        s, t = self._widened(s, t), self._widened(t, s)
        if _are_numbers(s, t):
            return NUMBER
        if self._strict.holds(s, t):
            return t
        return s if self._strict.holds(t, s) else self._union(s, t)

    def items(self, vector: Exact) -> Type:
        """The join of the items of a vector literal."""
        return self.all(vector.items)

    def _merged(self, s: Type, t: Type) -> Type | None:
        """Literals of one shape are joined part by part."""
        if isinstance(s, Constant) and isinstance(t, Constant):
            return s if equal(s.value, t.value) else None
        if isinstance(s, Exact) and isinstance(t, Exact) and len(s.items) == len(t.items):
            return exact(map(self.join, s.items, t.items))
        if isinstance(s, Literal) and isinstance(t, Literal):
            other = {field.key: field.type for field in t.fields}
            if other.keys() == {field.key for field in s.fields}:
                return literal((field.key, self.join(field.type, other[field.key])) for field in s.fields)
        return None

    def _widened(self, s: Type, beside: Type) -> Type:
        """A literal that is joined with something else is no longer just that literal."""
        if isinstance(s, Constant):
            return kind_of(s.value)
        if isinstance(s, Exact):
            declared = isinstance(beside, Tuple) and not isinstance(beside, Exact) and self._strict.holds(s, beside)
            return s if declared else sequence("vector", self.items(s))
        return s

    def _union(self, s: Type, t: Type) -> Type:
        members: list[Type] = []
        for member in (*_members(s), *_members(t)):
            self._add(member, members)
        return ANY if len(members) > MOST or any(map(is_any, members)) else either(members)

    def _add(self, member: Type, members: list[Type]) -> None:
        """Into a union without repetitions: what is a part of the other side goes, what can be merged is."""
        for index, other in enumerate(members):
            if self._strict.holds(member, other):
                return
            merged = NUMBER if _are_numbers(member, other) else self._merged(member, other)
            if merged is not None:
                del members[index]
                return self._add(merged, members)
        members[:] = [other for other in members if not self._strict.holds(other, member)]
        members.append(member)
        return None


def widened(type: Type) -> Type:
    """The type without what a literal remembers of itself: `1` becomes `:int`. Below a few levels only kinds are kept.

    What definitions and arguments are known by: types of types of types would grow with the length of a program.
    """
    return _widened(type, _LEVELS, {})


def _widened(type: Type, levels: int, known: dict[tuple[int, int], Type]) -> Type:
    key = (id(type), levels)
    if key not in known:
        known[key] = _widen(type, lambda part: _widened(part, levels - 1, known), levels)
    return known[key]


def _widen(type: Type, below: Callable[[Type], Type], levels: int) -> Type:
    if isinstance(type, Constant):
        return kind_of(type.value)
    if isinstance(type, Union):
        return type if isinstance(type, View) else either(map(below, type.members))
    if levels <= 0 and isinstance(type, (Sequence, Exact, Literal, MapOf)):
        return _BARE["map" if isinstance(type, (Literal, MapOf)) else getattr(type, "kind", "vector")]
    if isinstance(type, Exact):
        return exact(map(below, type.items))
    if isinstance(type, Literal):
        return literal((field.key, below(field.type)) for field in type.fields)
    if isinstance(type, Sequence):
        return sequence(type.kind, below(type.item))
    if isinstance(type, MapOf):
        return map_of(below(type.key), below(type.value))
    if isinstance(type, Known) and not isinstance(type, Generic):
        return function(type.params, type.rest, below(type.result)) if levels > 0 else FUNCTION
    return type


_LEVELS = 6
_BARE = {"map": MAP, "vector": VECTOR, "list": LIST, "seq": SEQ}


def _members(type: Type) -> tuple[Type, ...]:
    if not isinstance(type, Union):
        return (type,)
    return tuple(part for member in type.members for part in _members(member))


def _are_numbers(s: Type, t: Type) -> bool:
    """Is one `:int` and the other `:float`?"""
    names = [type.name for type in (s, t) if isinstance(type, Primitive)]
    return len(names) == 2 and any(a in _INTEGERS and b in _FLOATS for a, b in (names, names[::-1]))


def join(*types: Type) -> Type:
    """The join of types, for who compares only once."""
    return Joining().all(types)


def items_of(vector: Exact) -> Type:
    """The join of the items of a vector literal."""
    return Joining().items(vector)
