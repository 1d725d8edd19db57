"""Can a value of one type be a value of another? Only what certainly cannot is reported as wrong (language.md §13)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rtfs.check.kind import ANY, callable_view, constant, inner, is_any, is_never, kinds, sequence, target, type_of
from rtfs.check.subtype import Subtyping, param_of
from rtfs.lang.types import (
    Array,
    Enum,
    Field,
    Function,
    Intersection,
    MapOf,
    Primitive,
    Record,
    Resource,
    Sequence,
    Tuple,
    Type,
    Union,
)

FITS, PARTLY, NEVER = "fits", "partly", "never"


class Overlap:
    """Which types share no value. A function's value is what it does: types of functions that take different counts of
    arguments, or whose arguments or results share no value, share none either."""

    def __init__(self) -> None:
        self.strict = Subtyping()
        self.gradual = Subtyping(gradual=True)
        self._known: dict[tuple[int, int], tuple[bool, Type, Type]] = {}

    def verdict(self, s: Type, t: Type) -> str:
        """May a value of type `s` stand where a `t` is wanted: FITS, PARTLY, NEVER?"""
        if self.strict.holds(s, t):
            return FITS
        if self.disjoint(s, t):
            return NEVER
        return FITS if self.gradual.holds(s, t) else PARTLY

    def disjoint(self, s: Type, t: Type) -> bool:
        """Is it certain that no value is of both types?"""
        mine, other = kinds(s), kinds(t)
        if mine is not None and other is not None and not mine & other:
            return True
        key = (id(s), id(t))
        known = self._known.get(key)
        if known is not None:
            return known[0]
        self._known[key] = (False, s, t)  # a recursive type may hold whatever leads back to it
        answer = self._compare(target(s), target(t))
        self._known[key] = (answer, s, t)
        return answer

    def _compare(self, s: Type, t: Type) -> bool:
        if is_any(s) or is_any(t):
            return False
        if isinstance(s, Union):
            return all(self.disjoint(member, t) for member in s.members)
        if isinstance(t, Union):
            return all(self.disjoint(s, member) for member in t.members)
        if isinstance(s, Intersection):
            return _some(s)(self.disjoint(member, t) for member in s.members)
        if isinstance(t, Intersection):
            return _some(t)(self.disjoint(s, member) for member in t.members)
        if isinstance(s, Enum):
            return all(self._outside(value, t) for value in s.values)
        if isinstance(t, Enum):
            return all(self._outside(value, s) for value in t.values)
        for one, two in ((s, t), (t, s)):
            for first, second, compare in _COMPARISONS:
                if isinstance(one, first) and isinstance(two, second):
                    return compare(self, one, two)
        return False

    def _outside(self, value: Any, t: Type) -> bool:
        exact = type_of(value)
        if isinstance(exact, Enum):
            if isinstance(t, Function):
                return self._function_and_other(t, exact)
            return not self.strict.value_fits(value, t)
        return self.disjoint(exact, t)

    # ---- collections: those that may be empty share the empty one

    def _tuples(self, s: Tuple, t: Tuple) -> bool:
        return len(s.items) != len(t.items) or any(map(self.disjoint, s.items, t.items))

    def _tuple_and_sequence(self, s: Tuple, t: Sequence) -> bool:
        return t.kind == "list" or any(self.disjoint(item, t.item) for item in s.items)

    def _tuple_and_array(self, s: Tuple, t: Array) -> bool:
        if t.dimensions[0] not in (None, len(s.items)):
            return True
        below = inner(t)
        return any(self.disjoint(item, below) for item in s.items)

    def _arrays(self, s: Array, t: Array) -> bool:
        mine, other = s.dimensions[0], t.dimensions[0]
        if mine is not None and other is not None and mine != other:
            return True
        return bool(mine or other) and self.disjoint(inner(s), inner(t))

    def _array_and_sequence(self, s: Array, t: Sequence) -> bool:
        return t.kind == "list" or (bool(s.dimensions[0]) and self.disjoint(inner(s), t.item))

    def _records(self, s: Record, t: Record) -> bool:
        return self._lacks(s, t) or self._lacks(t, s)

    def _lacks(self, s: Record, t: Record) -> bool:
        """Does `s` require an entry that `t` cannot have?"""
        others: dict[Any, Field] = {field.key: field for field in t.fields}
        unnamed = ANY if t.others is None else t.others
        for field in s.fields:
            if not field.optional:
                other = others.get(field.key)
                there = unnamed if other is None else other.type
                if is_never(there) or self.disjoint(field.type, there):
                    return True
        return False

    def _record_and_map_of(self, s: Record, t: MapOf) -> bool:
        required = [field for field in s.fields if not field.optional]
        return any(
            self.disjoint(constant(field.key), t.key) or self.disjoint(field.type, t.value) for field in required
        )

    # ---- functions and handles

    def _functions(self, s: Function, t: Function) -> bool:
        if any(map(is_never, (*s.params, *t.params))):
            return False  # nothing to call it with: it is not called
        count = max(len(s.params), len(t.params))
        if (s.rest is None and len(s.params) < count) or (t.rest is None and len(t.params) < count):
            return True
        pairs = [(param_of(s, index), param_of(t, index)) for index in range(count)]
        pairs.append((s.result, t.result))
        return any(self.disjoint(mine, other) for mine, other in pairs if not is_never(mine) and not is_never(other))

    def _function_and_other(self, s: Function, t: Type) -> bool:
        view = callable_view(t)
        return view is not None and self.disjoint(view, s)

    def _resources(self, s: Resource, t: Resource) -> bool:
        return not s.name.startswith(t.name) and not t.name.startswith(s.name)

    def _bare(self, s: Primitive, t: Type) -> bool:
        """A kind without its contents: as a function, it is what it looks up."""
        if isinstance(t, Function) and s.name not in ("function", "fn"):
            return self._function_and_other(t, sequence(s.name, ANY) if s.name in ("vector", "seq") else s)
        return False


def _some(node: Intersection) -> Callable[[Iterable[bool]], bool]:
    """A function of several shapes shares nothing with a type when no shape does; others when one part does not."""
    return all if all(isinstance(member, Function) for member in node.members) else any


_COMPARISONS: tuple[tuple[type[Type], type[Type], Callable[[Overlap, Any, Any], bool]], ...] = (
    (Tuple, Tuple, Overlap._tuples),
    (Tuple, Sequence, Overlap._tuple_and_sequence),
    (Tuple, Array, Overlap._tuple_and_array),
    (Array, Array, Overlap._arrays),
    (Array, Sequence, Overlap._array_and_sequence),
    (Record, Record, Overlap._records),
    (Record, MapOf, Overlap._record_and_map_of),
    (Function, Function, Overlap._functions),
    (Resource, Resource, Overlap._resources),
    (Primitive, Function, Overlap._bare),
    (Function, Type, Overlap._function_and_other),
)

__all__ = ["FITS", "NEVER", "PARTLY", "Overlap"]
