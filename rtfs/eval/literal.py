"""Literals: what is constant through and through is made once; other vectors and maps are built where they stand."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.scope import ANY, BOOL, FLOAT, FUNCTION, INT, KEYWORD, MAP, NIL, STR, VECTOR, Scope, Value
from rtfs.lang.collections import MISSING, RAW_KINDS, SMALL, List, Map, PVector
from rtfs.lang.names import Keyword
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler

_SCALARS: dict[type, int] = {type(None): NIL, bool: BOOL, int: INT, str: STR, float: FLOAT}
_ATOMS: dict[type, int] = {Keyword: KEYWORD, Timestamp: ANY, Uuid: ANY, ResourceHandle: ANY}


def literal(c: Compiler, form: Any, scope: Scope) -> Value:
    """The value of any form but a symbol or a list that is a call; a Value, evaluated before, is its own."""
    at = c.at
    kind = type(form)
    if kind is Value:
        return form  # type: ignore[no-any-return]
    if kind in _SCALARS:
        if kind is int and c.metered and form.bit_length() > 1023:  # also where the code comes from the cache
            return Value(emit.call("#met", [emit.constant(form, at)], at), INT)
        return Value(emit.constant(form, at), _SCALARS[kind], True)
    if kind in _ATOMS:
        return Value(c.constant(form), _ATOMS[kind], True)
    if kind is tuple or kind is PVector:
        return _vector(c, form, scope)
    if kind is Map:
        return _map(c, form, scope)
    if kind is List:  # only () gets here
        return Value(emit.name("#empty", at), ANY, True)
    return Value(c.constant(form), FUNCTION if callable(form) else ANY, True)


def _constant(c: Compiler, form: Any) -> Any:
    """The value of a form that is the same each time, MISSING when it has to be evaluated.

    A large vector is not shared between turns: appending to the longest view of one grows it in place.
    """
    kind = type(form)
    if kind in _SCALARS or kind in _ATOMS:
        return form
    if id(form) in c.varying:  # the literal around it was looked at
        return MISSING
    if kind is tuple:
        items = tuple([_constant(c, part) for part in form])
        if not any(item is MISSING for item in items):
            return items
    elif kind is Map and len(form) <= SMALL:
        pairs = [(_constant(c, key), _constant(c, part)) for key, part in form.pairs or form.entries()]
        if not any(part is MISSING for pair in pairs for part in pair):
            return Map.of(pairs)
    c.varying.add(id(form))
    return MISSING


def _vector(c: Compiler, form: Any, scope: Scope) -> Value:
    once = _constant(c, form) if form else MISSING
    if once is not MISSING:
        return Value(c.constant(once), VECTOR, True)
    nodes = [value.node for value in c.values(form, 0, scope)]
    if len(nodes) <= SMALL:
        return c.count(Value(emit.tuple_of(nodes, c.at), VECTOR), 0, len(nodes))
    return Value(emit.call("#vector", [emit.placed(ast.List(nodes, emit.LOAD), c.at)], c.at), VECTOR)


def _map(c: Compiler, form: Map, scope: Scope) -> Value:
    once = _constant(c, form)
    if once is not MISSING:
        return Value(c.constant(once), MAP, True)
    return map_of(c, form, entries(c, form, scope))


def is_constant(c: Compiler, form: Any) -> bool:
    """Is a literal made once?"""
    return _constant(c, form) is not MISSING


def entries(c: Compiler, form: Map, scope: Scope) -> list[Value]:
    """The keys and values of a map form in turn, evaluated in that order."""
    parts = []
    for index, part in enumerate([part for pair in form.pairs or form.entries() for part in pair]):
        outer, c.at = c.at, _map_place(c, form, part, index)
        block, c.block = c.block, []
        parts.append((c.expr(part, scope), c.block))
        c.at, c.block = outer, block
    return c.in_order(parts)


def map_of(c: Compiler, form: Map, flat: list[Value]) -> Value:
    """The map of the keys and values of a form in turn."""
    nodes = [value.node for value in flat]
    pairs = form.pairs or form.entries()
    if len(pairs) <= SMALL and all(type(key) in RAW_KINDS for key, _ in pairs):
        keys: list[ast.expr | None] = [*nodes[::2]]
        return c.count(new_map(c, emit.placed(ast.Dict(keys, nodes[1::2]), c.at)), 0, len(pairs))
    return Value(emit.call("#map", nodes, c.at), MAP)


def new_map(c: Compiler, raw: ast.expr, name: str | None = None) -> Value:
    """A map that holds a dict of at most 64 stored keys, in a local."""
    name, at = name or c.fresh("map"), c.at
    c.block.append(emit.assign(name, emit.call("#Map", [], at), at))
    c.block.append(emit.set_attribute(name, "raw", raw, at))
    return Value(emit.name(name, at), MAP, True)


def _map_place(c: Compiler, form: Map, part: Any, index: int) -> emit.Place:
    spans = c.spans
    span = spans.of(part) if spans is not None else None
    if spans is not None and span is None:
        span = spans.child(form, index)
    if span is None or span.source is not c.target.source:
        return c.at
    return (span.line, span.column - 1, span.end_line, span.end_column - 1)
