"""Tests that compile to inline Python: equality, truth, and of what kind a value is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from rtfs.eval import emit
from rtfs.eval.inline import INLINE, inline
from rtfs.eval.scope import ANY, BOOL, FLOAT, INT, KEYWORD, MAP, NIL, NUMBER, STR, VECTOR, Scope, Value
from rtfs.lang.collections import List

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler


@inline("=", "!=", "not=")
def _equality(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 3:
        return None
    left, right = c.values(form, 1, scope)
    same = form[0].name.lstrip(".") == "="
    node = equal(c, left, right)
    return Value(node if same else emit.negate(node, c.at), BOOL)


def equal(c: Compiler, left: Value, right: Value) -> ast.expr:
    at = c.at
    if left.choice is not None and right.stable:
        test, fast, slow = left.choice
        return emit.choose(test, equal(c, fast, right), equal(c, slow, right), at)
    if right.choice is not None and left.stable:
        return equal(c, right, left)
    for value, other in ((left, right), (right, left)):
        # identity decides for what exists once: nil, booleans, keywords
        if value.kind in (NIL, KEYWORD) or (value.kind == BOOL and isinstance(value.node, ast.Constant)):
            return emit.is_(left.node, right.node, at)
        # a string equals only strings, whatever the other side is
        if value.kind == STR and isinstance(value.node, ast.Constant) and other.kind & ~(STR | NIL | NUMBER) == 0:
            return emit.compare(left.node, ast.Eq(), right.node, at)
    if (left.kind == INT and right.kind == INT) or (left.kind == STR and right.kind == STR and not c.metered):
        return emit.compare(left.node, ast.Eq(), right.node, at)
    for value, other, kind in ((left, right, INT), (right, left, INT), (left, right, STR), (right, left, STR)):
        if kind == STR and c.metered and not isinstance(value.node, ast.Constant):
            continue  # comparing long texts costs ticks
        if value.kind == kind and value.stable:
            first, again = c.twice(other)
            test = emit.is_(emit.type_of(first, at), emit.name("#int" if kind == INT else "#str", at), at)
            return emit.both([test, emit.compare(again, ast.Eq(), value.node, at)], at)
    return emit.call("#equal", [left.node, right.node], at)


@inline("not")
def _not(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 2:
        return None
    return Value(emit.negate(truth(c, c.sub(form, 1, scope)), c.at), BOOL)


def truth(c: Compiler, value: Value) -> ast.expr:
    """A Python condition that holds exactly when the value is neither nil nor false."""
    at = c.at
    if isinstance(value.node, ast.Constant):
        return emit.constant(value.node.value is not None and value.node.value is not False, at)
    if value.kind == BOOL:
        return value.node
    if value.kind & BOOL == 0:
        if value.kind & NIL == 0:
            return _always(c, value)
        return emit.compare(value.node, ast.IsNot(), emit.constant(None, at), at)
    first, again = c.twice(value)
    not_nil = emit.compare(first, ast.IsNot(), emit.constant(None, at), at)
    return emit.both([not_nil, emit.compare(again, ast.IsNot(), emit.constant(False, at), at)], at)


def _always(c: Compiler, value: Value) -> ast.expr:
    """True, after evaluating the value."""
    if value.stable:
        return emit.constant(True, c.at)
    return emit.compare(value.node, ast.IsNot(), emit.constant(None, c.at), c.at)


_KIND_TESTS: dict[str, tuple[tuple[str, ...], int]] = {
    "int?": (("#int",), INT),
    "integer?": (("#int",), INT),
    "float?": (("#float",), FLOAT),
    "number?": (("#int", "#float"), NUMBER),
    "string?": (("#str",), STR),
    "map?": (("#Map",), MAP),
    "vector?": (("#tuple", "#PVector"), VECTOR),
    "keyword?": (("#Keyword",), KEYWORD),
    "boolean?": (("#bool",), BOOL),
    "bool?": (("#bool",), BOOL),
    "list?": (("#List",), ANY),
    "fn?": (("#function",), ANY),
    "function?": (("#function",), ANY),
}


def _kind_test(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 2:
        return None
    at = c.at
    first, again = c.twice(c.sub(form, 1, scope))
    types, _ = _KIND_TESTS[form[0].name.lstrip(".")]
    tests = [
        emit.is_(emit.any_type_of(node, at), emit.name(kind, at), at)
        for node, kind in zip((first, again), types, strict=False)
    ]
    return Value(emit.either(tests, at), BOOL)


for _name in _KIND_TESTS:
    INLINE[_name] = _kind_test


@inline("nil?", "true?", "false?")
def _identical(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 2:
        return None
    constant = {"nil?": None, "true?": True, "false?": False}[form[0].name.lstrip(".")]
    return Value(emit.is_(c.sub(form, 1, scope).node, emit.constant(constant, c.at), c.at), BOOL)


@inline("some?")
def _some(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 2:
        return None
    return Value(emit.compare(c.sub(form, 1, scope).node, ast.IsNot(), emit.constant(None, c.at), c.at), BOOL)


@inline("identity")
def _identity(c: Compiler, form: List, scope: Scope) -> Value | None:
    return c.sub(form, 1, scope) if len(form) == 2 else None
