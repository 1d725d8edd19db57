"""Is every value of one type a value of another (language.md §13)? Subtyping, and its gradual form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.check.kind import (
    ANY,
    Constant,
    callable_view,
    constant,
    inner,
    is_any,
    is_closed,
    is_never,
    kinds,
    sequence,
    target,
    type_of,
)
from rtfs.lang.equality import equal
from rtfs.lang.types import (
    Array,
    Enum,
    Function,
    Intersection,
    MapOf,
    Predicate,
    Primitive,
    Record,
    Resource,
    Sequence,
    Tuple,
    Type,
    Union,
)


class Subtyping:
    """The relation `S ≤ T`. `gradual`: `:any`, and what a bare `:map` or `:function` holds, fits everything.

    Pairs are compared once: types share parts, and recursive types lead back to themselves.
    """

    def __init__(self, *, gradual: bool = False) -> None:
        self.gradual = gradual
        # Pair of identities → answer, and the types, which must live as long. A pair being compared counts as true;
        # what was found true with its help is forgotten when it turns out false.
        self._known: dict[tuple[int, int], tuple[bool, Type, Type]] = {}
        self._found: list[tuple[int, int]] = []

    def holds(self, s: Type, t: Type) -> bool:
        if s is t or (isinstance(t, Primitive) and t.kinds is None):
            return True
        if isinstance(s, Primitive) and isinstance(t, Primitive):
            return self._primitives(s, t)
        key = (id(s), id(t))
        known = self._known.get(key)
        if known is not None:
            return known[0]
        mark = len(self._found)
        self._known[key] = (True, s, t)
        answer = self._compare(target(s), target(t))
        if not answer:
            for pair in self._found[mark:]:
                if self._known[pair][0]:
                    del self._known[pair]
            del self._found[mark:]
            self._known[key] = (False, s, t)
        self._found.append(key)
        return answer

    def _primitives(self, s: Primitive, t: Primitive) -> bool:
        if s.kinds is None:
            return self.gradual
        assert t.kinds is not None
        return s.kinds <= t.kinds and (s.name, t.name) != ("number", "float")

    def _compare(self, s: Type, t: Type) -> bool:
        """Unions on the left first, intersections on the right; then whatever one side alone decides."""
        if is_any(t) or is_never(s):
            return True
        if self.gradual and (is_any(s) or (isinstance(s, Union) and any(map(is_any, s.members)))):
            return True
        if isinstance(s, Union):
            return all(self.holds(member, t) for member in s.members)
        if isinstance(t, Intersection):
            return all(self.holds(s, member) for member in t.members)
        if isinstance(s, Enum) and len(s.values) > 1:
            return all(self.holds(Enum((value,), None), t) for value in s.values)
        if isinstance(t, Union) and any(self.holds(s, member) for member in t.members):
            return True
        if isinstance(s, Intersection):
            return any(self.holds(member, t) for member in s.members)
        return not isinstance(t, Union) and self._plain(s, t)

    def _plain(self, s: Type, t: Type) -> bool:
        """Neither side is a union, an intersection or a name."""
        if isinstance(s, Constant):
            return self.value_fits(s.value, t)
        if isinstance(s, Enum):
            exact = type_of(s.values[0])
            known = isinstance(t, Enum) or isinstance(exact, Enum)
            return self.value_fits(s.values[0], t) if known else self.holds(exact, t)
        if isinstance(t, Primitive):
            mine = kinds(s)
            return mine is not None and t.kinds is not None and mine <= t.kinds
        if isinstance(s, Primitive):
            return self._bare(s, t)
        for kind, compare in _COMPARISONS:
            if isinstance(t, kind):
                return compare(self, s, t)
        return False

    def value_fits(self, value: Any, t: Type) -> bool:
        """Is the value one of `t`, which speaks of values or kinds, not of what collections hold?"""
        if isinstance(t, Primitive):
            return t.kinds is None or type(value) in t.kinds
        if isinstance(t, Predicate):
            return t.holds(value)
        if isinstance(t, Enum):
            return any(equal(value, each) for each in t.values)
        if isinstance(t, Resource):
            return getattr(value, "text", "").startswith(f"resource://{t.name}")
        return isinstance(t, Function) and self._as_function(constant(value), t)

    def _bare(self, s: Primitive, t: Type) -> bool:
        """A kind without its contents, against a type that speaks of contents."""
        if s.name in ("vector", "list", "seq"):
            return self._plain(sequence(s.name, ANY), t)
        if s.name == "map":
            return self.gradual if isinstance(t, (Record, MapOf)) else self._plain(_ANY_MAP, t)
        if s.name in ("function", "fn"):
            return self.gradual and isinstance(t, Function)
        return isinstance(t, Function) and self._as_function(s, t)

    # ---- collections

    def _to_sequence(self, s: Type, t: Sequence) -> bool:
        if isinstance(s, Sequence):
            return t.kind in (s.kind, "seq") and self.holds(s.item, t.item)
        if t.kind == "list":
            return False
        if isinstance(s, Tuple):
            return all(self.holds(item, t.item) for item in s.items)
        return isinstance(s, Array) and self.holds(inner(s), t.item)

    def _to_tuple(self, s: Type, t: Tuple) -> bool:
        if isinstance(s, Array):
            below = inner(s)
            return s.dimensions[0] == len(t.items) and all(self.holds(below, item) for item in t.items)
        if not isinstance(s, Tuple) or len(s.items) != len(t.items):
            return False
        return all(self.holds(mine, other) for mine, other in zip(s.items, t.items, strict=True))

    def _to_array(self, s: Type, t: Array) -> bool:
        below, size = inner(t), t.dimensions[0]
        if isinstance(s, Tuple):
            return size in (None, len(s.items)) and all(self.holds(item, below) for item in s.items)
        if isinstance(s, Array):
            return size in (None, s.dimensions[0]) and self.holds(inner(s), below)
        return isinstance(s, Sequence) and s.kind == "vector" and size is None and self.holds(s.item, below)

    def _to_record(self, s: Type, t: Record) -> bool:
        if isinstance(s, MapOf):
            fields = all(field.optional and self.holds(s.value, field.type) for field in t.fields)
            return fields and (t.others is None or self.holds(s.value, t.others))
        return isinstance(s, Record) and self._fields(s, t) and (t.others is None or self._others(s, t, t.others))

    def _fields(self, s: Record, t: Record) -> bool:
        """Every entry that `t` names: is it there if it must be, and right if it is there?"""
        mine = {field.key: field for field in s.fields}
        unnamed = ANY if s.others is None else s.others
        for field in t.fields:
            own = mine.get(field.key)
            if own is None:
                if not field.optional or not self.holds(unnamed, field.type):
                    return False
            elif (own.optional and not field.optional) or not self.holds(own.type, field.type):
                return False
        return True

    def _others(self, s: Record, t: Record, others: Type) -> bool:
        """Does every entry that `t` does not name have the type it gives to all others?"""
        named = {field.key for field in t.fields}
        extra = all(self.holds(field.type, others) for field in s.fields if field.key not in named)
        if is_never(others):
            extra = all(field.key in named or is_never(field.type) for field in s.fields)
        return extra and self.holds(ANY if s.others is None else s.others, others)

    def _to_map_of(self, s: Type, t: MapOf) -> bool:
        if isinstance(s, MapOf):
            return self.holds(s.key, t.key) and self.holds(s.value, t.value)
        if not isinstance(s, Record):
            return False
        for field in s.fields:
            if not self.holds(constant(field.key), t.key) or not self.holds(field.type, t.value):
                return False
        return is_closed(s) or (self.holds(ANY, t.key) and self.holds(ANY if s.others is None else s.others, t.value))

    # ---- the rest

    def _to_function(self, s: Type, t: Function) -> bool:
        if self.gradual and any(map(is_never, t.params)):
            return True  # there is nothing to call it with
        if not isinstance(s, Function):
            return self._as_function(s, t)
        if not takes(s, len(t.params), t.rest is not None):
            return False
        for index, param in enumerate(t.params):
            if not self.holds(param, param_of(s, index)):
                return False
        if t.rest is not None and (s.rest is None or not self.holds(t.rest, s.rest)):
            return False
        return self.holds(s.result, t.result)

    def _as_function(self, s: Type, t: Function) -> bool:
        view = callable_view(s)
        return view is not None and self.holds(view, t)

    def _to_predicate(self, s: Type, t: Predicate) -> bool:
        if not isinstance(s, Predicate) or s.name != t.name or len(s.arguments) != len(t.arguments):
            return False
        return all(equal(mine, other) for mine, other in zip(s.arguments, t.arguments, strict=True))

    def _to_resource(self, s: Type, t: Resource) -> bool:
        return isinstance(s, Resource) and s.name.startswith(t.name)


_COMPARISONS: tuple[tuple[type[Type], Callable[[Subtyping, Any, Any], bool]], ...] = (
    (Sequence, Subtyping._to_sequence),
    (Tuple, Subtyping._to_tuple),
    (Record, Subtyping._to_record),
    (MapOf, Subtyping._to_map_of),
    (Function, Subtyping._to_function),
    (Array, Subtyping._to_array),
    (Predicate, Subtyping._to_predicate),
    (Resource, Subtyping._to_resource),
)
_ANY_MAP = Record((), None, None)


def takes(s: Function, count: int, more: bool) -> bool:
    """Does a function of type `s` take that many arguments, and any number of further ones if `more`?"""
    if s.rest is not None:
        return count >= len(s.params)
    return count == len(s.params) and not more


def param_of(s: Function, index: int) -> Type:
    """The type of an argument of a function that takes it."""
    if index < len(s.params):
        return s.params[index]
    assert s.rest is not None
    return s.rest


def subtype(s: Type, t: Type) -> bool:
    """`S ≤ T`, strictly: `:any` is only the greatest type."""
    return Subtyping().holds(s, t)


def consistent(s: Type, t: Type) -> bool:
    """`S ≤ T` under the gradual rule."""
    return Subtyping(gradual=True).holds(s, t)


__all__ = ["Subtyping", "consistent", "param_of", "subtype", "takes"]
