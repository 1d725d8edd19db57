"""Reads type expressions (language.md §12.2–12.5): from forms to types that values can be checked against.

The public face of types: `parse_type`, `check`, `fits`, `problem`, `show_type`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, NoneType
from typing import Any

from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.conform import check, fits, problem
from rtfs.lang.errors import ExpansionError, syntax_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import unmeta
from rtfs.lang.predicate import PREDICATES
from rtfs.lang.printer import show, show_brief
from rtfs.lang.suggest import nearest
from rtfs.lang.types import (
    Array,
    Enum,
    Field,
    Function,
    Intersection,
    MapOf,
    Named,
    Predicate,
    Primitive,
    Record,
    Resource,
    Sequence,
    Tuple,
    Type,
    Union,
    unknown_names,
)
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid, is_vector

__all__ = ["Resolve", "check", "fits", "parse_type", "problem", "show_type", "unknown_names"]

NESTING_LIMIT = 200

# A name to its type expression (or a Type); None for a name that names no type.
Resolve = Callable[[str], Any]

_VECTOR = frozenset({tuple, PVector})
_PRIMITIVES: dict[str, frozenset[type] | None] = {
    "int": frozenset({int}),
    "integer": frozenset({int}),
    "float": frozenset({float, int}),
    "number": frozenset({float, int}),
    "string": frozenset({str}),
    "bool": frozenset({bool}),
    "boolean": frozenset({bool}),
    "nil": frozenset({NoneType}),
    "keyword": frozenset({Keyword}),
    "symbol": frozenset({Symbol}),
    "timestamp": frozenset({Timestamp}),
    "uuid": frozenset({Uuid}),
    "error": frozenset({ErrorValue}),
    "any": None,
    "never": frozenset(),
    "vector": _VECTOR,
    "list": frozenset({List}),
    "map": frozenset({Map}),
    "seq": frozenset({List, *_VECTOR}),
    "function": frozenset({FunctionType, Keyword, Map, *_VECTOR}),
    "fn": frozenset({FunctionType, Keyword, Map, *_VECTOR}),
    "resource": frozenset({ResourceHandle}),
}


def parse_type(form: Any, resolve: Resolve | None = None, *, strict: bool = False) -> Type:
    """The type that a form says. SyntaxError for a malformed one, with suggestions for an unknown keyword or head.

    `resolve` knows the types of `defstruct` and `deftype`; an unknown symbol accepts everything (`unknown_names`),
    or is a SyntaxError if `strict` (language.md §12.1, §12.4).
    """
    return _Parser(resolve or (lambda name: None), strict).type(form, 0)


def show_type(type: Type) -> str:
    """The type as text: `[:vector :int]`."""
    return show(type.form, None)


def _fail(text: str, notes: tuple[str, ...] = ()) -> ExpansionError:
    return syntax_error("type", text, notes=notes)


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


class _Parser:
    """Reads one type; knows the names it is in the middle of, so that types may be recursive."""

    def __init__(self, resolve: Resolve, strict: bool) -> None:
        self.resolve = resolve
        self.strict = strict
        self.named: dict[str, Named] = {}

    def type(self, form: Any, depth: int) -> Type:
        if depth > NESTING_LIMIT:
            raise _fail(f"nested deeper than {NESTING_LIMIT}")
        if isinstance(form, Type):
            return form
        form = unmeta(form)  # such as ^{:secret true}, which concerns whoever keeps values of the type
        kind = type(form)
        if kind is Keyword:
            return self.keyword(form)
        if kind is Symbol:
            return self.symbol(form, depth)
        if kind is tuple or kind is PVector:
            return self.bracket(form, depth)
        if kind is Map:
            return self.record((form,), depth, "map")
        raise _fail(f"{show_brief(form)} is not a type")

    def types(self, forms: Any, depth: int) -> tuple[Type, ...]:
        return tuple([self.type(form, depth + 1) for form in forms])

    def keyword(self, form: Keyword) -> Type:
        found = _primitive(form.name, form)
        if found is not None:
            return found
        names = [*_PRIMITIVES, *(f"{name}?" for name in _PRIMITIVES)]
        notes = [f"did you mean `:{name}`?" for name in nearest(form.name, names)]
        if form.name in _BRACKETS or form.name in PREDICATES:
            notes.insert(0, f"it is written in brackets: [:{form.name} …]")
        raise _fail(f"unknown type {show(form)}", tuple(notes))

    def symbol(self, form: Symbol, depth: int) -> Type:
        name = form.name
        target = self.resolve(name)
        if target is None and name.endswith("?") and self.resolve(name[:-1]) is not None:
            inner = self.symbol(Symbol(name[:-1]), depth)
            return Union((inner, _nil()), form)
        if target is None:
            found = _primitive(_lower(name), Keyword(_lower(name)))
            if found is not None:
                return found
            if self.strict:
                names = [word for word in _PRIMITIVES if word[0].islower()]
                raise _fail(
                    f"unknown type {name}", tuple(f"did you mean `:{n}`?" for n in nearest(_lower(name), names))
                )
        known = self.named.get(name)
        if known is None:
            known = self.named[name] = Named(name, form)
            if target is not None:
                known.target = self.type(target, depth + 1)
                self.refuse_endless(known)
        return known

    def refuse_endless(self, named: Named) -> None:
        """A name that leads only to itself, such as `(deftype A [:maybe A])`, says nothing."""
        pending: list[Type] = [named.target] if named.target is not None else []
        seen: set[int] = set()
        while pending:
            node = pending.pop()
            if node is named:
                raise _fail(f"{named.name} is defined by itself alone")
            if id(node) not in seen:
                seen.add(id(node))
                if isinstance(node, Named):
                    pending.extend([] if node.target is None else [node.target])
                elif isinstance(node, (Union, Intersection)):
                    pending.extend(node.members)

    def bracket(self, form: Any, depth: int) -> Type:
        if not len(form):
            raise _fail("[] is not a type")
        head = form[0]
        name = head.name if type(head) is Keyword else _lower(head.name) if type(head) is Symbol else None
        if name is None:
            raise _fail(f"{show_brief(form)} is not a type: its head must be a keyword")
        parts = tuple(form[1:])
        make = _BRACKETS.get(name)
        if make is not None:
            return make(self, name, parts, depth)
        predicate = PREDICATES.get(name)
        if predicate is not None:
            return Predicate(name, parts, predicate(parts), vector([Keyword(name), *parts]))
        names = nearest(name, [*_BRACKETS, *PREDICATES])
        raise _fail(f"unknown type [{show(head)} …]", tuple(f"did you mean `[:{near} …]`?" for near in names))

    def count(self, name: str, parts: tuple[Any, ...], expected: int) -> None:
        if len(parts) != expected:
            plural = "" if expected == 1 else "s"
            raise _fail(f"[:{name}] expects {expected} part{plural}, got {len(parts)}")

    def some(self, name: str, parts: tuple[Any, ...]) -> None:
        if not parts:
            raise _fail(f"[:{name}] expects at least 1 part, got 0")

    def maybe(self, name: str, parts: tuple[Any, ...], depth: int) -> Type:
        self.count(name, parts, 1)
        inner = self.type(parts[0], depth + 1)
        return Union((inner, _nil()), (Keyword(name), inner.form))

    def sequence(self, name: str, parts: tuple[Any, ...], depth: int) -> Type:
        self.count(name, parts, 1)
        item = self.type(parts[0], depth + 1)
        return Sequence(name, item, (Keyword(name), item.form))

    def product(self, name: str, parts: tuple[Any, ...], depth: int) -> Type:
        items = self.types(parts, depth)
        return Tuple(items, _form(name, items))

    def union(self, name: str, parts: tuple[Any, ...], depth: int) -> Type:
        self.some(name, parts)
        members = self.types(parts, depth)
        return Union(members, _form(name, members))

    def intersection(self, name: str, parts: tuple[Any, ...], depth: int) -> Type:
        self.some(name, parts)
        members = self.types(parts, depth)
        return Intersection(members, _form(name, members))

    def map_of(self, name: str, parts: tuple[Any, ...], depth: int) -> Type:
        self.count(name, parts, 2)
        key, value = self.types(parts, depth)
        return MapOf(key, value, _form(name, (key, value)))

    def enum(self, name: str, parts: tuple[Any, ...], depth: int) -> Type:
        if name == "val":
            self.count(name, parts, 1)
        self.some(name, parts)
        return Enum(parts, vector([Keyword(name), *parts]))

    def function(self, name: str, parts: tuple[Any, ...], depth: int) -> Type:
        self.count(name, parts, 2)
        params, result = parts
        if not is_vector(params):
            raise _fail(f"[:{name}] expects a vector of parameter types, got {show_brief(params)}")
        forms = list(params)
        rest: Type | None = None
        if len(forms) >= 2 and type(forms[-2]) is Symbol and forms[-2].name == "&":
            rest = self.type(forms[-1], depth + 1)
            del forms[-2:]
        fixed = self.types(forms, depth)
        made = self.type(result, depth + 1)
        shown = [part.form for part in fixed] + ([] if rest is None else [Symbol("&"), rest.form])
        return Function(fixed, rest, made, (Keyword(name), vector(shown), made.form))

    def array(self, name: str, parts: tuple[Any, ...], depth: int) -> Type:
        self.count(name, parts, 2)
        item = self.type(parts[0], depth + 1)
        if not is_vector(parts[1]) or not len(parts[1]):
            raise _fail(f"[:array] expects a vector of dimensions, got {show_brief(parts[1])}")
        sizes: list[int | None] = []
        for size in parts[1]:
            if type(size) is Symbol and size.name == "?":
                sizes.append(None)
            elif type(size) is int and size >= 0:
                sizes.append(size)
            else:
                raise _fail(f"a dimension of [:array] is a size or ?, got {show_brief(size)}")
        return Array(item, tuple(sizes), (Keyword(name), item.form, parts[1]))

    def resource(self, name: str, parts: tuple[Any, ...], depth: int) -> Type:
        self.count(name, parts, 1)
        if type(parts[0]) not in (Symbol, Keyword, str):
            raise _fail(f"[:resource] expects a name, got {show_brief(parts[0])}")
        handle = parts[0] if type(parts[0]) is str else parts[0].name
        return Resource(handle, (Keyword(name), parts[0]))

    def record(self, parts: tuple[Any, ...], depth: int, name: str) -> Type:
        fields: dict[Any, Field] = {}
        others: list[Type] = []
        for part in parts:
            if type(part) is Map:
                for key, form in part.entries():
                    optional = is_vector(form) and len(form) == 2 and form[0] is Keyword("optional")
                    self.field(fields, Field(key, self.type(form[1] if optional else form, depth + 1), bool(optional)))
            elif is_vector(part) and len(part) == 2 and part[0] is Keyword("*") and not others:
                others.append(self.type(part[1], depth + 1))
            else:
                self.field(fields, self.entry(part, depth))
        entries: list[Any] = [_entry_form(field) for field in fields.values()]
        entries += [(Keyword("*"), other.form) for other in others]
        form = vector([Keyword(name), *entries])
        return Record(tuple(fields.values()), others[0] if others else None, form)

    def entry(self, part: Any, depth: int) -> Field:
        """`[:k T]`, `[:k T ?]`, `[:k {:optional true} T]` or `[:k [:optional T]]`."""
        part = unmeta(part)
        if is_vector(part) and len(part) == 2:
            return Field(part[0], self.type(part[1], depth + 1), False)
        if is_vector(part) and len(part) == 3:
            key, second, third = part
            if type(third) is Symbol and third.name == "?":
                return Field(key, self.type(second, depth + 1), True)
            if type(second) is Map:
                optional = second.get(Keyword("optional")) is True
                return Field(key, self.type(third, depth + 1), optional)
        raise _fail(f"an entry of [:map] is [:k T], [:k T ?] or [:k {{:optional true}} T], got {show_brief(part)}")

    def field(self, fields: dict[Any, Field], field: Field) -> None:
        if type(field.key) not in (Keyword, str, int):
            raise _fail(f"a key of [:map] is a keyword, string or integer, got {show_brief(field.key)}")
        if field.key in fields:
            raise _fail(f"key {show(field.key)} stands twice in [:map]")
        fields[field.key] = field


def _primitive(name: str, form: Keyword) -> Type | None:
    """A built-in type by its name, `name?` included."""
    if name in _PRIMITIVES:
        return Primitive(name, _PRIMITIVES[name], form)
    if name.endswith("?") and name[:-1] in _PRIMITIVES:
        inner = Primitive(name[:-1], _PRIMITIVES[name[:-1]], Keyword(name[:-1]))
        return Union((inner, _nil()), form)
    return None


def _nil() -> Type:
    return Primitive("nil", _PRIMITIVES["nil"], Keyword("nil"))


def _form(name: str, parts: tuple[Type, ...]) -> Any:
    return vector([Keyword(name), *[part.form for part in parts]])


def _entry_form(field: Field) -> Any:
    return (field.key, field.type.form, Symbol("?")) if field.optional else (field.key, field.type.form)


_BRACKETS: dict[str, Callable[[_Parser, str, tuple[Any, ...], int], Type]] = {
    "maybe": _Parser.maybe,
    "vector": _Parser.sequence,
    "list": _Parser.sequence,
    "seq": _Parser.sequence,
    "tuple": _Parser.product,
    "map": lambda parser, name, parts, depth: parser.record(parts, depth, name),
    "record": lambda parser, name, parts, depth: parser.record(parts, depth, name),
    "map-of": _Parser.map_of,
    "dict": _Parser.map_of,
    "fn": _Parser.function,
    "=>": _Parser.function,
    "union": _Parser.union,
    "or": _Parser.union,
    "enum": _Parser.enum,
    "val": _Parser.enum,
    "and": _Parser.intersection,
    "array": _Parser.array,
    "resource": _Parser.resource,
}
