"""The types that inference makes: literals that remember what they are, and how any type is made, widened and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import FunctionType, NoneType
from typing import Any

from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show_brief
from rtfs.lang.schema import parse_type
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
)
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid


def _primitive(name: str) -> Type:
    return parse_type(Keyword(name))


ANY = _primitive("any")
NEVER = _primitive("never")
NIL = _primitive("nil")
INT = _primitive("int")
FLOAT = _primitive("float")
NUMBER = _primitive("number")
STRING = _primitive("string")
BOOL = _primitive("bool")
KEYWORD = _primitive("keyword")
SYMBOL = _primitive("symbol")
MAP = _primitive("map")
VECTOR = _primitive("vector")
LIST = _primitive("list")
SEQ = _primitive("seq")
FUNCTION = _primitive("function")
ERROR = _primitive("error")
TIMESTAMP = _primitive("timestamp")
UUID = _primitive("uuid")
RESOURCE = _primitive("resource")

Kinds = frozenset[type] | None  # the kinds a value may have; None: any

_VECTORS = frozenset({tuple, PVector})
_SEQUENCES: dict[str, Kinds] = {"vector": _VECTORS, "list": frozenset({List}), "seq": frozenset({List, *_VECTORS})}
CALLABLE = frozenset({FunctionType, Keyword, Map, *_VECTORS})
_FUNCTIONS = frozenset({FunctionType})
_NUMBERS, _COUNTED = frozenset({int, float}), frozenset({str, List, Map, *_VECTORS})
_MAPS, _STRINGS = frozenset({Map}), frozenset({str})
_SPEAK_OF: dict[str, Kinds] = {
    **dict.fromkeys((">", ">=", "<", "<=", "in-range"), _NUMBERS),
    **dict.fromkeys(("min-length", "max-length", "length", "matches-regex", "is-url", "is-email"), _STRINGS),
    **dict.fromkeys(("min-count", "max-count", "count", "non-empty"), _COUNTED),
    **dict.fromkeys(("has-key", "required-keys"), _MAPS),
}
_LITERAL: dict[type, Type] = {
    NoneType: NIL,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    str: STRING,
    Keyword: KEYWORD,
    Symbol: SYMBOL,
    Timestamp: TIMESTAMP,
    Uuid: UUID,
    ResourceHandle: RESOURCE,
    ErrorValue: ERROR,
    FunctionType: FUNCTION,
}


class Constant(Enum):
    """A literal that is no collection: where a value is asked for that value, otherwise its kind."""

    __slots__ = ()

    @property
    def value(self) -> Any:
        return self.values[0]


class Exact(Tuple):
    """A vector literal: a tuple where one is wanted, otherwise a vector of the join of its items."""

    __slots__ = ()


class Literal(Record):
    """A map literal with literal keys: it has these entries and no others."""

    __slots__ = ()


class Known(Function):
    """What a function literal, or a function of the library, is: a function, and no map or vector that is called."""

    __slots__ = ()


class Generic(Known):
    """What a library function is whose signature has variables: a call tells what they stand for."""

    __slots__ = ()


class View(Union):
    """Whatever has a sequence view, in the signature of a library function; `item` is what its elements are."""

    __slots__ = ("item",)

    def __init__(self, item: Type) -> None:
        super().__init__((NIL, STRING, MAP, sequence("seq", item)), None)
        self.item = item


# ---- making types


def constant(value: Any) -> Constant:
    return Constant((value,), None)


def sequence(kind: str, item: Type) -> Sequence:
    return Sequence(kind, item, None)


def exact(items: Iterable[Type]) -> Exact:
    return Exact(tuple(items), None)


def map_of(key: Type, value: Type) -> MapOf:
    return MapOf(key, value, None)


def literal(entries: Iterable[tuple[Any, Type]]) -> Literal:
    return Literal(tuple(Field(key, type, False) for key, type in entries), NEVER, None)


def function(params: Iterable[Type], rest: Type | None, result: Type) -> Known:
    """The type of a function that is written down."""
    return Known(tuple(params), rest, result, None)


def either(members: Iterable[Type]) -> Type:
    """The union of the members as they are; NEVER of none."""
    parts = tuple(members)
    return parts[0] if len(parts) == 1 else Union(parts, None) if parts else NEVER


def all_of(members: Iterable[Type]) -> Type:
    parts = tuple(members)
    return parts[0] if len(parts) == 1 else Intersection(parts, None)


def unsure(type: Type) -> Type:
    """Some part of `type`, nobody knows which: right wherever one of its values is."""
    return type if is_any(type) or is_never(type) else Intersection((type, ANY), None)


def type_of(value: Any) -> Type:
    """The type of a value of a program, as exactly as a literal's."""
    kind = type(value)
    if kind is tuple or kind is PVector:
        return exact(type_of(item) for item in value)
    if kind is List:
        return sequence("list", either(type_of(item) for item in value))
    if kind is float and value != value:
        return FLOAT  # ##NaN is not even equal to itself
    if kind is not Map:
        return constant(value)
    entries = value.entries()
    if all(type(key) in (Keyword, str, int) for key, _ in entries):
        return literal((key, type_of(item)) for key, item in entries)
    return map_of(either(type_of(key) for key, _ in entries), either(type_of(item) for _, item in entries))


def kind_of(value: Any) -> Type:
    """The type of everything that is of the same kind as an atom."""
    return _LITERAL[type(value)]


# ---- asking types


def target(type: Type) -> Type:
    """The type that a name stands for; a name that names no type stands for anything."""
    while isinstance(type, Named):
        type = ANY if type.target is None else type.target
    return type


def is_any(type: Type) -> bool:
    found = target(type)
    return isinstance(found, Primitive) and found.kinds is None


def is_never(type: Type) -> bool:
    return isinstance(type, Primitive) and type.kinds is not None and not type.kinds


def is_closed(record: Record) -> bool:
    return record.others is not None and is_never(record.others)


def inner(array: Array) -> Type:
    """What the vectors of the outermost dimension hold."""
    return Array(array.item, array.dimensions[1:], None) if len(array.dimensions) > 1 else array.item


def kinds(type: Type) -> Kinds:
    """The kinds that values of the type may have."""
    node = target(type)
    if isinstance(node, Primitive):
        return node.kinds
    if isinstance(node, (Union, Intersection)):
        return _together(node)
    if isinstance(node, Enum):
        return frozenset().union(*[_family(value) for value in node.values])
    if isinstance(node, Sequence):
        return _SEQUENCES[node.kind]
    if isinstance(node, Known):
        return _FUNCTIONS
    if isinstance(node, Predicate):
        return _SPEAK_OF.get(node.name) if node.name != "=" else _equal_kinds(node.arguments[0])
    return _FIXED[Exact if isinstance(node, Tuple) else Record if isinstance(node, Record) else node.__class__]


_FIXED: dict[type, Kinds] = {
    Exact: _VECTORS,
    Array: _VECTORS,
    Record: _MAPS,
    MapOf: _MAPS,
    Function: CALLABLE,
    Resource: frozenset({ResourceHandle}),
}


def _family(value: Any) -> frozenset[type]:
    return _VECTORS if type(value) in _VECTORS else frozenset({type(value)})


def _equal_kinds(value: Any) -> Kinds:
    return _NUMBERS if type(value) in _NUMBERS else _family(value)


def _together(node: Union | Intersection) -> Kinds:
    known = [part for part in map(kinds, node.members) if part is not None]
    if isinstance(node, Union):
        return frozenset().union(*known) if len(known) == len(node.members) else None
    return known[0].intersection(*known[1:]) if known else None


def callable_view(type: Type) -> Type | None:
    """What a keyword, vector or map is as a function (language.md §4.1); None for other types."""
    node = target(type)
    if isinstance(node, Enum):
        return _LOOKUP if all(isinstance(value, Keyword) for value in node.values) else None
    if isinstance(node, Primitive):
        return _VIEWS.get(node.name)
    if isinstance(node, (Record, MapOf)):
        return _VIEWS["map"]
    if isinstance(node, (Tuple, Array)) or (isinstance(node, Sequence) and node.kind == "vector"):
        return _VIEWS["vector"]
    return None


def _lookup(subject: Type) -> Type:
    """A function of what is looked up in and perhaps a default."""
    return all_of((function((subject,), None, ANY), function((subject, ANY), None, ANY)))


_LOOKUP = _lookup(either((NIL, MAP, ERROR)))
_VIEWS = {"keyword": _LOOKUP, "map": _lookup(ANY), "vector": _lookup(INT)}


# ---- showing types


def describe(type: Type) -> str:
    """The type as people write it, constants by their kinds: `[:vector :int]`. Cut where it is deep or long."""
    return show_brief(form_of(type, _SHOWN_DEPTH, [_SHOWN_PARTS]), 160)


_SHOWN_DEPTH, _SHOWN_PARTS = 8, 100


def form_of(type: Type, depth: int, room: list[int]) -> Any:
    """The type as a form; `…` below `depth` levels, and when there is no more `room` for parts."""
    if type.form is not None:
        return type.form
    room[0] -= 1
    if depth == 0 or room[0] < 0:
        return Symbol("…")
    if isinstance(type, Constant):
        return kind_of(type.value).form
    if isinstance(type, View):
        return Symbol("sequence")
    if isinstance(type, Exact):
        from rtfs.check.join import items_of  # deferred: only for people

        return (Keyword("vector"), form_of(items_of(type), depth - 1, room))

    def down(part: Type) -> Any:
        return form_of(part, depth - 1, room)

    if isinstance(type, Union):
        return _union_form([down(member) for member in type.members])
    if isinstance(type, Record):
        return vector([Keyword("map"), *[_entry_form(field, down) for field in type.fields]])
    return _bracket_form(type, down)


def _bracket_form(type: Type, down: Callable[[Type], Any]) -> Any:
    if isinstance(type, Sequence):
        return (Keyword(type.kind), down(type.item))
    if isinstance(type, Tuple):
        return vector([Keyword("tuple"), *[down(item) for item in type.items]])
    if isinstance(type, MapOf):
        return (Keyword("map-of"), down(type.key), down(type.value))
    if isinstance(type, Function):
        rest = [] if type.rest is None else [Symbol("&"), down(type.rest)]
        params = vector([*[down(param) for param in type.params], *rest])
        return (Keyword("fn"), params, down(type.result))
    if isinstance(type, Intersection):
        if all(isinstance(member, Function) for member in type.members):
            return Keyword("fn")  # of several shapes, all of which would be long
        members = [down(member) for member in type.members if not is_any(member)]
        return members[0] if len(members) == 1 else vector([Keyword("and"), *members])
    if isinstance(type, Array):
        return (Keyword("array"), down(type.item), type.dimensions)
    raise AssertionError(type.__class__)  # every other type was read from a form


def _entry_form(field: Field, down: Callable[[Type], Any]) -> Any:
    shown = down(field.type)
    return (field.key, shown, Symbol("?")) if field.optional else (field.key, shown)


def _union_form(forms: list[Any]) -> Any:
    parts: list[Any] = []
    for form in forms:
        inside = form[1:] if isinstance(form, tuple) and form[:1] == (Keyword("union"),) else [form]
        parts.extend(part for part in inside if part not in parts)
    others = [part for part in parts if part is not Keyword("nil")]
    if len(others) == 1 and len(parts) == 2:
        single = others[0]
        return Keyword(f"{single.name}?") if isinstance(single, Keyword) else (Keyword("maybe"), single)
    return parts[0] if len(parts) == 1 else vector([Keyword("union"), *parts])
