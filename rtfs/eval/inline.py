"""Builtins that compile to inline Python while they are the unshadowed library functions.

Each has a fast path for the kinds it tests and falls back to the function of the same meaning, so inlining never
changes a result, an error or the order of evaluation: every operand is evaluated before any is tested.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from rtfs.eval import emit
from rtfs.eval.scope import ANY, BOOL, FLOAT, INT, NUMBER, Scope, Value
from rtfs.lang.collections import List

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler, Inline

INLINE: dict[str, Inline] = {}


def inline(*names: str) -> Callable[[Inline], Inline]:
    def register(function: Inline) -> Inline:
        for name in names:
            INLINE[name] = function
        return function

    return register


def load() -> dict[str, Inline]:
    """All of them: those of this file and of its neighbours, which register here."""
    for neighbour in ("inline_call", "inline_loop", "inline_map", "inline_test"):
        import_module(f"rtfs.eval.{neighbour}")
    return INLINE


# ---- numbers ----------------------------------------------------------------------------------------------------

_ARITHMETIC: dict[str, tuple[type[ast.operator], str]] = {
    "+": (ast.Add, "#add"),
    "-": (ast.Sub, "#sub"),
    "*": (ast.Mult, "#mul"),
}
_COMPARE: dict[str, tuple[type[ast.cmpop], str]] = {
    "<": (ast.Lt, "#lt"),
    "<=": (ast.LtE, "#le"),
    ">": (ast.Gt, "#gt"),
    ">=": (ast.GtE, "#ge"),
}


def is_number(value: Value) -> bool:
    return value.kind & ~NUMBER == 0


def numeric(c: Compiler, left: Value, right: Value, kind: int = INT) -> tuple[ast.expr | None, ast.expr, ast.expr]:
    """A test that holds when both operands are numbers (None: known already), and the operands to use after it.

    Two unknown operands must be of one type, so that one chained comparison decides.
    """
    at = c.at
    if is_number(left) and is_number(right):
        return None, left.node, right.node
    if (is_number(left) and left.stable) or is_number(right) or same_local(left, right):
        unknown = right if is_number(left) else left
        kept = _kept_kind(c, unknown)
        first, again = c.twice(unknown)
        test = _is_number(c, first, again) if kept is None else _is_some(c, kept)
        return (test, left.node, again) if unknown is right else (test, again, right.node)
    a_first, a = c.twice(left)
    b_first, b = c.twice(right)
    for kept, first in ((_kept_kind(c, right), a_first), (_kept_kind(c, left), b_first)):
        if kept is not None:
            return emit.is_(emit.type_of(first, at), emit.name(kept, at), at), a, b
    chain = ast.Compare(
        emit.type_of(a_first, at), [ast.Is(), ast.Is()], [emit.type_of(b_first, at), emit.name("#int", at)]
    )
    floats = ast.Compare(emit.type_of(a, at), [ast.Is(), ast.Is()], [emit.type_of(b, at), emit.name("#float", at)])
    return emit.either([emit.placed(chain, at), emit.placed(floats, at)], at), a, b


def _kept_kind(c: Compiler, value: Value) -> str | None:
    """The local with the type of a number that is the same in every turn of the loop around, or with nil.

    It is computed once, before the first turn. None where nothing is known of the value.
    """
    loop, at = c.frame.loop, c.at
    if loop is None or c.metered or not value.stable or not isinstance(value.node, ast.Name):
        return None
    python = value.node.id
    if not loop.keeps(python) or python in c.frame.late or python in c.frame.captured:
        return None
    if python not in loop.kinds:
        kind, kept = c.fresh(), c.fresh()
        numbers = [emit.is_(emit.name(kind, at), emit.name(name, at), at) for name in ("#int", "#float")]
        known = emit.choose(emit.either(numbers, at), emit.name(kind, at), emit.constant(None, at), at)
        loop.prelude.append(emit.assign(kind, emit.type_of(value.node, at), at))
        loop.prelude.append(emit.assign(kept, known, at))
        loop.kinds[python] = kept
    return loop.kinds[python]


def _is_some(c: Compiler, local: str) -> ast.expr:
    return emit.compare(emit.name(local, c.at), ast.IsNot(), emit.constant(None, c.at), c.at)


def _is_number(c: Compiler, first: ast.expr, again: ast.expr) -> ast.expr:
    at = c.at
    integer = emit.is_(emit.type_of(first, at), emit.name("#int", at), at)
    return emit.either([integer, emit.is_(emit.type_of(again, at), emit.name("#float", at), at)], at)


def number_test(c: Compiler, value: Value) -> ast.expr | None:
    """A test whether a value that can be read again is a number; None when it is certain."""
    return None if is_number(value) else _is_number(c, value.node, value.node)


def same_local(left: Value, right: Value) -> bool:
    """Are both one local, of which one test tells?"""
    return isinstance(left.node, ast.Name) and isinstance(right.node, ast.Name) and left.node.id == right.node.id


def learn_numbers(c: Compiler, *values: Value) -> None:
    """After an arithmetic operation its operands are known to be numbers."""
    for value in values:
        if value.stable and isinstance(value.node, ast.Name) and "~" in value.node.id:
            c.know(value.node.id, c.frame.facts.get(value.node.id, ANY) & NUMBER)


def result_kind(left: Value, right: Value) -> int:
    """Integer with integer gives integer, float with any number float."""
    if left.kind == INT and right.kind == INT:
        return INT
    return FLOAT if FLOAT in (left.kind, right.kind) else NUMBER


def arithmetic(c: Compiler, operator: str, left: Value, right: Value) -> Value:
    node, slow = _ARITHMETIC[operator]
    test, a, b = numeric(c, left, right)
    fast = emit.binary(a, node(), b, c.at)
    kind = result_kind(left, right)
    if operator == "*" and kind != FLOAT:
        fast = _bounded(c, fast, square=same_local(left, right))
    learn_numbers(c, left, right)
    if test is None:
        return Value(fast, kind)
    return Value(emit.choose(test, fast, emit.call(slow, [a, b], c.at), c.at), kind)


_SMALL_PRODUCT = 1 << 256


def _bounded(c: Compiler, product: ast.expr, *, square: bool) -> ast.expr:
    """A product whose size is checked when it is not small (language.md §15). No square is far below zero."""
    at = c.at
    name = c.fresh()
    again = emit.name(name, at)
    tests = [emit.compare(emit.walrus(name, product, at), ast.Lt(), emit.constant(_SMALL_PRODUCT, at), at)]
    if not square:
        tests.append(emit.compare(again, ast.Gt(), emit.constant(-_SMALL_PRODUCT, at), at))
    return emit.choose(emit.both(tests, at), again, emit.call("#product", [again], at), at)


@inline("+", "-", "*")
def _arithmetic(c: Compiler, form: List, scope: Scope) -> Value | None:
    operator = form[0].name.lstrip(".")
    if len(form) == 2 and operator == "-":
        return _negated(c, c.sub(form, 1, scope))
    if len(form) < 3:
        return None
    values = c.values(form, 1, scope)
    if len(values) > 2:
        values = [c.temp(value) for value in values]
    total, at = values[0], c.at
    for index, value in enumerate(values[1:], 2):
        if len(values) > 2:
            c.at = up_to(at, c.place_of(form[index], form, index))
        total = arithmetic(c, operator, total, value)
        if index < len(values):
            total = c.temp(total)  # a sum is a number: of the next pair only the other one has to be looked at
    c.at = at
    return total


def up_to(whole: emit.Place, part: emit.Place) -> emit.Place:
    """The place of a call as far as the first character of one operand: an error can tell which pair it was."""
    return whole if part == whole else (whole[0], whole[1], part[0], part[1] + 1)


def _negated(c: Compiler, value: Value) -> Value:
    one = Value(emit.constant(1, c.at), INT, True)
    test, a, _ = numeric(c, value, one)
    fast = emit.placed(ast.UnaryOp(ast.USub(), a), c.at)
    kind = value.kind if is_number(value) else NUMBER
    learn_numbers(c, value)
    if test is None:
        return Value(fast, kind)
    return Value(emit.choose(test, fast, c.library_call("-", [a]), c.at), kind)


@inline("inc", "dec")
def _step(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 2:
        return None
    name = form[0].name.lstrip(".")
    value = c.sub(form, 1, scope)
    one = Value(emit.constant(1, c.at), INT, True)
    test, a, b = numeric(c, value, one)
    fast = emit.binary(a, ast.Add() if name == "inc" else ast.Sub(), b, c.at)
    kind = result_kind(value, one)
    learn_numbers(c, value)
    if test is None:
        return Value(fast, kind)
    return Value(emit.choose(test, fast, c.library_call(name, [a]), c.at), kind)


@inline("<", "<=", ">", ">=")
def _compare(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 3:
        return None
    node, slow = _COMPARE[form[0].name.lstrip(".")]
    left, right = c.values(form, 1, scope)
    test, a, b = numeric(c, left, right)
    fast = emit.compare(a, node(), b, c.at)
    if is_number(left) or is_number(right):
        learn_numbers(c, left, right)
    if test is None:
        return Value(fast, BOOL)
    return Value(emit.choose(test, fast, emit.call(slow, [a, b], c.at), c.at), BOOL)


@inline("mod")
def _mod(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 3:
        return None
    left, right = c.values(form, 1, scope)
    at = c.at
    if left.kind == INT and right.kind == INT:
        return Value(emit.binary(left.node, ast.Mod(), right.node, at), INT)
    a_first, a = c.twice(left)
    if right.kind == INT and right.stable:
        b, test = right.node, emit.is_(emit.type_of(a_first, at), emit.name("#int", at), at)
    else:
        b_first, b = c.twice(right)
        test = emit.placed(
            ast.Compare(
                emit.type_of(a_first, at), [ast.Is(), ast.Is()], [emit.type_of(b_first, at), emit.name("#int", at)]
            ),
            at,
        )
    fast = emit.binary(a, ast.Mod(), b, at)
    slow = c.library_call("mod", [a, b])
    learn_numbers(c, left, right)
    kind = NUMBER if left.kind != INT or right.kind != INT else INT
    return Value(emit.choose(test, fast, slow, at), kind, choice=(test, Value(fast, INT), Value(slow, NUMBER)))


@inline("even?", "odd?", "zero?", "pos?", "neg?")
def _sign(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) != 2:
        return None
    name = form[0].name.lstrip(".")
    value = c.sub(form, 1, scope)
    at = c.at
    first, again = c.twice(value)
    zero = emit.constant(0, at)
    operand = first if value.kind == INT else again
    if name in ("even?", "odd?"):
        parity = emit.binary(operand, ast.Mod(), emit.constant(2, at), at)
        fast = emit.compare(parity, ast.Eq() if name == "even?" else ast.NotEq(), zero, at)
    else:
        operator = {"zero?": ast.Eq(), "pos?": ast.Gt(), "neg?": ast.Lt()}[name]
        fast = emit.compare(operand, operator, zero, at)
    if value.kind == INT:
        return Value(fast, BOOL)
    learn_numbers(c, value)
    test = emit.is_(emit.type_of(first, at), emit.name("#int", at), at)
    return Value(emit.choose(test, fast, c.library_call(name, [again]), at), BOOL)
