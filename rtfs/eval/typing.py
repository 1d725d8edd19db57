"""Annotations as checked casts: a kind test where a kind is meant, the full type check otherwise (language.md §12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.constant import TypeRef
from rtfs.eval.scope import ANY, BOOL, FLOAT, INT, KEYWORD, MAP, NIL, NUMBER, STR, VECTOR, Value
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    import ast

    from rtfs.eval.compiler import Compiler

# type name → Python types that fit it, and the kinds that are known after the check
_PRIMITIVES: dict[str, tuple[tuple[str, ...], int]] = {
    "int": (("#int",), INT),
    "integer": (("#int",), INT),
    "float": (("#float", "#int"), NUMBER),
    "number": (("#int", "#float"), NUMBER),
    "string": (("#str",), STR),
    "bool": (("#bool",), BOOL),
    "boolean": (("#bool",), BOOL),
    "keyword": (("#Keyword",), KEYWORD),
    "vector": (("#tuple", "#PVector"), VECTOR),
    "map": (("#Map",), MAP),
    "nil": (("#NoneType",), NIL),
}


def _primitive(c: Compiler, form: Any) -> tuple[tuple[str, ...], int] | None:
    """The kind test for a built-in type name, when a kind test is the whole check."""
    if type(form) is Keyword:
        name = form.name
    elif type(form) is Symbol and not c.target.shadowed(form.name):
        name = form.name[:1].lower() + form.name[1:]
    else:
        return None
    if name == "float" and c.target.level == "strict":
        return (("#float",), FLOAT)
    return _PRIMITIVES.get(name)


def need_type(c: Compiler, form: Any) -> None:
    """An impossible type expression is a SyntaxError now, at the current place."""
    from rtfs.lang.schema import parse_type

    try:
        parse_type(form, lambda name: None)
    except RtfsError as error:
        if error.span is None:
            error.span = c.span()
        raise


def type_constant(c: Compiler, form: Any, *, always: bool = False) -> ast.expr:
    """The type as a constant of the code. `always`: checked at level standard at least (language.md §12.4)."""
    need_type(c, form)
    level = "standard" if always and c.target.level in ("off", "basic") else c.target.level
    return c.constant(TypeRef(form, level))


def _unchecked(c: Compiler, form: Any) -> bool:
    """Does no value have to be checked against the type? It must be one in any case."""
    if c.target.level == "off":
        need_type(c, form)
        return True
    return _is_any(form)


def checked(c: Compiler, value: Value, form: Any, where: str) -> Value:
    """The value, or TypeValidationError at the current place, which is that of the value's expression."""
    if _unchecked(c, form):
        return value
    at = c.at
    test_kinds = _primitive(c, form)
    if test_kinds is None:
        node = emit.call("#check", [type_constant(c, form), value.node, emit.constant(where, at)], at)
        return Value(node, ANY)
    types, kind = test_kinds
    if value.kind & ~kind == 0:
        return value
    first, again = c.twice(value)
    nodes = [first, *[again] * (len(types) - 1)]
    tests = [emit.is_(emit.type_of(node, at), emit.name(name, at), at) for node, name in zip(nodes, types, strict=True)]
    wrong = emit.call("#check", [type_constant(c, form), again, emit.constant(where, at)], at)
    return Value(emit.choose(emit.either(tests, at), again, wrong, at), kind)


def check_local(c: Compiler, python: str, form: Any, where: str) -> None:
    """Check a local in place; afterwards its kind is known."""
    if _unchecked(c, form):
        return
    at = c.at
    test_kinds = _primitive(c, form)
    arguments = [emit.name(python, at), emit.constant(where, at)]
    if test_kinds is None:
        c.block.append(emit.does(emit.call("#check", [type_constant(c, form), *arguments], at), at))
        return
    types, kind = test_kinds
    tests = [emit.is_(emit.type_of(emit.name(python, at), at), emit.name(name, at), at) for name in types]
    wrong = emit.does(emit.call("#check", [type_constant(c, form), *arguments], at), at)
    c.block.append(emit.branch(emit.negate(emit.either(tests, at), at), [wrong], [], at))
    c.know(python, kind)


def check_rest(c: Compiler, python: str, form: Any, where: str) -> None:
    """Check each item of a rest parameter."""
    if _unchecked(c, form):
        return
    at = c.at
    call = emit.call("#check_each", [type_constant(c, form), emit.name(python, at), emit.constant(where, at)], at)
    c.block.append(emit.does(call, at))


def _is_any(form: Any) -> bool:
    return (type(form) is Keyword and form.name == "any") or (type(form) is Symbol and form.name in ("any", "Any"))
