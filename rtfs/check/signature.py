"""The declared types of library functions: from the text beside a definition to a type, and what a call makes of it.

A signature is `[params…] result`, once for each arity or kind; what is no function has a type alone. `a b c d` stand
for whatever the arguments are. `Items` is what has a sequence view, its elements being `a`; `Others` the same with `c`.
"""

from __future__ import annotations

from typing import Any

from rtfs.check.join import Joining
from rtfs.check.kind import (
    ANY,
    ERROR,
    MAP,
    NEVER,
    NIL,
    NUMBER,
    STRING,
    Generic,
    View,
    all_of,
    either,
    exact,
    function,
    is_any,
    is_never,
    type_of,
)
from rtfs.lang.names import Symbol
from rtfs.lang.schema import parse_type
from rtfs.lang.types import (
    Array,
    Enum,
    Function,
    Intersection,
    MapOf,
    Named,
    Primitive,
    Record,
    Sequence,
    Tuple,
    Type,
    Union,
)
from rtfs.lang.values import is_vector


class Variable(Named):
    """What stands for a type of an argument; to who does not look for variables, anything."""

    __slots__ = ()


_VARIABLES = {name: Variable(name, Symbol(name)) for name in ("a", "b", "c", "d")}
_NAMES: dict[str, Type] = {
    **_VARIABLES,
    "Items": View(_VARIABLES["a"]),
    "Others": View(_VARIABLES["c"]),
    "Numbers": View(NUMBER),
    "Entries": either((NIL, MAP, ERROR)),
}


def parse_signature(forms: Any) -> Type:
    """The type that the forms of a signature say. SyntaxError for a malformed one."""
    if len(forms) == 1:
        return _type(forms[0])
    clauses = [_clause(params, result) for params, result in zip(forms[::2], forms[1::2], strict=True)]
    return all_of(clauses)


def _clause(params: Any, result: Any) -> Function:
    given = list(params) if is_vector(params) else []
    rest = _type(given[-1]) if len(given) > 1 and given[-2] == Symbol("&") else None
    fixed = given[:-2] if rest is not None else given
    made = function(map(_type, fixed), rest, _type(result))
    return Generic(made.params, made.rest, made.result, None) if has_variables(made) else made


def _type(form: Any) -> Type:
    return _bare(parse_type(form, _NAMES.get, strict=True))


def _bare(type: Type) -> Type:
    """The type without the names it was written with, variables excepted."""
    if isinstance(type, (Variable, Primitive)):
        return type
    if isinstance(type, Named):
        return type if type.target is None else _bare(type.target)
    return _mapped(type, _bare)


def _mapped(type: Type, change: Any) -> Type:
    """The type with each of its parts changed; itself when none is."""
    parts = type.parts
    new = [change(part) for part in parts]
    if isinstance(type, View):
        item = change(type.item)
        return type if item is type.item else View(item)
    if all(a is b for a, b in zip(parts, new, strict=True)):
        return type
    if isinstance(type, Sequence):
        return Sequence(type.kind, new[0], None)
    if isinstance(type, MapOf):
        return MapOf(new[0], new[1], None)
    if isinstance(type, Tuple):
        return type.__class__(tuple(new), None)
    if isinstance(type, (Union, Intersection)):
        return type.__class__(tuple(new), None)
    if isinstance(type, Function):
        count = len(type.params)
        return type.__class__(tuple(new[:count]), new[count] if type.rest is not None else None, new[-1], None)
    raise AssertionError(type.__class__)  # signatures are made of nothing else


def has_variables(type: Type) -> bool:
    return isinstance(type, Variable) or any(map(has_variables, type.parts if not isinstance(type, Named) else ()))


Binding = dict[str, Type]  # variable → what it stands for in one call


def filled(type: Type, known: Binding, joining: Joining) -> Type:
    """The type with its variables replaced; those that nothing is known about are anything."""
    if isinstance(type, Variable):
        return known.get(type.name, ANY)
    if isinstance(type, (Primitive, Named)):
        return type
    if isinstance(type, Union) and not isinstance(type, View):
        return joining.all(filled(member, known, joining) for member in type.members)
    return _mapped(type, lambda part: filled(part, known, joining))


def learn(param: Type, argument: Type, known: Binding, joining: Joining) -> None:
    """Note in `known` what an argument says about the variables of a parameter. Functions say nothing here."""
    if isinstance(param, Variable):
        known[param.name] = joining.join(known.get(param.name, NEVER), argument)
    elif isinstance(param, View):
        learn(param.item, element(argument, joining), known, joining)
    elif isinstance(param, Union):
        for member in param.members:
            learn(member, argument, known, joining)
    elif isinstance(argument, Union):
        for member in argument.members:
            learn(param, member, known, joining)
    elif isinstance(param, Sequence) and isinstance(argument, (Sequence, Tuple, Array)):
        learn(param.item, element(argument, joining), known, joining)
    elif isinstance(param, MapOf):
        key, value = entry(argument, joining)
        learn(param.key, key, known, joining)
        learn(param.value, value, known, joining)


def element(type: Type, joining: Joining) -> Type:
    """What the elements of a sequence view are; ANY when that is not known."""
    while isinstance(type, Named) and type.target is not None:
        type = type.target
    if isinstance(type, Sequence):
        return type.item
    if isinstance(type, Tuple):
        return joining.all(type.items)
    if isinstance(type, Array):
        return Array(type.item, type.dimensions[1:], None) if len(type.dimensions) > 1 else type.item
    if isinstance(type, (Record, MapOf)):
        key, value = entry(type, joining)
        return NEVER if is_never(key) else exact((key, value))
    if isinstance(type, Union):
        return joining.all(element(member, joining) for member in type.members)
    if isinstance(type, Enum):
        return joining.all(_value_element(value, joining) for value in type.values)
    if isinstance(type, Intersection):
        found = [each for each in (element(member, joining) for member in type.members) if not is_any(each)]
        return found[0] if found else ANY
    return {"nil": NEVER, "string": STRING, "never": NEVER}.get(getattr(type, "name", ""), ANY)


def _value_element(value: Any, joining: Joining) -> Type:
    if value is None:
        return NEVER
    return (
        STRING
        if isinstance(value, str)
        else ANY
        if isinstance(type_of(value), Enum)
        else element(type_of(value), joining)
    )


def entry(type: Type, joining: Joining) -> tuple[Type, Type]:
    """What the keys and values of a map are; ANY when that is not known."""
    while isinstance(type, Named) and type.target is not None:
        type = type.target
    if isinstance(type, MapOf):
        return type.key, type.value
    if isinstance(type, Record) and type.others is not None and getattr(type.others, "name", "") == "never":
        keys = [type_of(field.key) for field in type.fields]
        return joining.all(keys), joining.all(field.type for field in type.fields)
    if getattr(type, "name", "") in ("nil", "never"):
        return NEVER, NEVER
    return ANY, ANY
