"""`if do and or`: conditions, and what they tell about locals."""

from __future__ import annotations

from typing import Any

from rtfs.check.infer import Inference, Malformed, form
from rtfs.check.kind import BOOL, NIL, Constant
from rtfs.check.narrow import PREDICATES
from rtfs.check.report import Want
from rtfs.check.scope import Scope
from rtfs.lang.collections import List
from rtfs.lang.names import Symbol
from rtfs.lang.types import Type

Known = tuple[Type, Scope, Scope]  # type of a condition; names as known when it holds, and when it does not


def condition(x: Inference, parent: Any, index: int, scope: Scope) -> Known:
    """The n-th part of a form as a condition."""
    part = parent[index]
    outer, x.at = x.at, x.place(part, parent, index)
    try:
        return _condition(x, part, scope)
    finally:
        x.at = outer


def _condition(x: Inference, part: Any, scope: Scope) -> Known:
    if type(part) is Symbol:
        found = x.infer(part, scope)
        if scope.find(part.name) is None:
            return found, scope, scope
        held = scope.narrowed(part.name, x.narrowing.truthy(found))
        return found, held, scope.narrowed(part.name, x.narrowing.falsy(found))
    if type(part) is List and part and type(part[0]) is Symbol:
        name = part[0].name
        if name in ("and", "or") and len(part) > 1:
            return _chain(x, part, scope, name == "and")
        if _is_library(x, part[0], scope):
            if name in ("not", "rtfs/not") and len(part) == 2:
                _, holds, fails = condition(x, part, 1, scope)
                return BOOL, fails, holds
            return _tested(x, part, scope, name.removeprefix("rtfs/"))
    return x.infer(part, scope), scope, scope


def _is_library(x: Inference, symbol: Symbol, scope: Scope) -> bool:
    return scope.find(symbol.name) is None and x.program.meaning(symbol, x.module)[0] == "library"


def _tested(x: Inference, part: List, scope: Scope, name: str) -> Known:
    """A library predicate of a local."""
    found = x.infer(part, scope)
    subject = part[1] if len(part) == 2 else None
    if type(subject) is not Symbol or scope.find(subject.name) is None or (name not in PREDICATES and name != "some?"):
        return found, scope, scope
    known = scope.type(subject.name)
    if name == "some?":
        return found, scope.narrowed(subject.name, x.narrowing.without(known, NIL)), scope
    test, exact = PREDICATES[name]
    holds = scope.narrowed(subject.name, x.narrowing.within(known, test))
    return found, holds, scope.narrowed(subject.name, x.narrowing.without(known, test)) if exact else scope


def _chain(x: Inference, part: List, scope: Scope, conjunction: bool) -> Known:
    """`and` goes on where an operand held, `or` where it did not."""
    types: list[Type] = []
    inner = other = scope
    for index in range(1, len(part)):
        found, holds, fails = condition(x, part, index, inner)
        inner, other = (holds, fails) if conjunction else (fails, holds)
        last = index == len(part) - 1
        types.append(found if last else x.narrowing.falsy(found) if conjunction else x.narrowing.truthy(found))
    others = other if len(part) == 2 else scope
    return x.joining.all(types), *((inner, others) if conjunction else (others, inner))


@form("if")
def if_(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    if not 3 <= len(form) <= 4:
        raise Malformed
    _, holds, fails = condition(x, form, 1, scope)
    then = x.sub(form, 2, holds, want)
    if len(form) == 3:
        return x.joining.join(then, x.wanted(NIL, want))
    return x.joining.join(then, x.sub(form, 3, fails, want))


@form("do")
def do(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    return x.body(form, 1, scope, want)


@form("rtfs/value")
def value(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    """`(rtfs/value e)`: the value of `e`."""
    return x.body(form, 1, scope, want)


@form("and", "or")
def and_or(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    if len(form) == 1:
        return x.wanted(Constant((True if form[0].name == "and" else None,), None), want)
    found = _chain(x, form, scope, form[0].name == "and")[0]
    return x.wanted(found, want)
