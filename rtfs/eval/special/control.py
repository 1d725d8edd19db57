"""`if do and or`: conditions and sequence."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.inline_test import truth
from rtfs.eval.scope import ANY, BOOL, NIL, Scope, Value
from rtfs.eval.special import special
from rtfs.eval.special.binding import outlined
from rtfs.eval.target import WANT, Dest
from rtfs.lang.collections import List
from rtfs.lang.errors import counted
from rtfs.lang.names import Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler

Facts = dict[str, int]
LONG = 50  # conditions in a row that may stand inside each other


def condition(c: Compiler, form: Any, index: int, scope: Scope) -> tuple[ast.expr, Facts, Facts]:
    """A Python condition for the truth of a part, and what is known when it holds and when it does not."""
    part = form[index]
    if type(part) is List and part and type(part[0]) is Symbol and len(part) > 1:
        name = part[0].name
        if name in ("and", "or"):
            return _compound(c, part, scope, name)
        if name == "not" and len(part) == 2 and c.is_builtin(part[0], scope):
            node, holds, fails = condition(c, part, 1, scope)
            return emit.negate(node, c.at), fails, holds
    node = truth(c, c.sub(form, index, scope))
    return node, dict(c.frame.facts), dict(c.frame.facts)


def _compound(c: Compiler, part: List, scope: Scope, name: str) -> tuple[ast.expr, Facts, Facts]:
    """`(and …)` or `(or …)` as a condition. Where an operand needs statements, a flag holds what was found so far."""
    at, outer = c.at, c.block
    combine = emit.both if name == "and" else emit.either
    flag = ""
    nodes: list[ast.expr] = []
    certain: Facts = {}
    for index in range(1, len(part)):
        (node, holds, fails), block = c.nested(lambda: condition(c, part, index, scope))  # noqa: B023
        if block and nodes:
            flag = flag or c.fresh("test")
            c.block.append(emit.assign(flag, combine(nodes, at), at))
            going_on = emit.name(flag, at) if name == "and" else emit.negate(emit.name(flag, at), at)
            c.block.append(emit.branch(going_on, block, [], at))
            c.block = block  # what follows happens only if the operands so far do not decide
            nodes = []
        else:
            c.block.extend(block)
        nodes.append(node)
        if index == 1:
            certain = fails if name == "and" else holds
        c.frame.facts = dict(holds if name == "and" else fails)
    whole = dict(c.frame.facts)
    result = combine(nodes, at)
    if flag:
        c.block.append(emit.assign(flag, result, at))
        result = emit.name(flag, at)
    c.block = outer
    return (result, whole, certain) if name == "and" else (result, certain, whole)


@special("if")
def if_(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(if c t e?)`"""
    if not 3 <= len(form) <= 4:
        got = counted(len(form) - 1, "form")
        raise c.fail("if", f"expected a condition, a branch and an optional other branch, got {got}", form)
    if dest is WANT:
        return _if_value(c, form, scope)
    leaves = dest.kind == "return" or dest.breaks
    if not leaves and _is_long(form):
        outlined(c, form, scope, dest)  # where each branch returns, and none stands in another
        return None
    at = c.at
    while leaves and _goes_on(form):
        test, holds, fails = condition(c, form, 1, scope)
        c.frame.facts = holds
        _, then = c.nested(lambda: c.sub_emit(form, 2, scope, dest))  # noqa: B023  # called now
        c.frame.facts = fails
        c.block.append(emit.branch(test, then, [], c.at))
        c.at, form = c.place_of(form[3], form, 3), form[3]
    _if(c, form, scope, dest)
    c.at = at
    return None


def _goes_on(form: List) -> bool:
    """Is the other branch a well-formed `if` again, as `cond` makes them?"""
    other = form[3] if len(form) == 4 else None
    return type(other) is List and 3 <= len(other) <= 4 and type(other[0]) is Symbol and other[0].name == "if"


def _is_long(form: List) -> bool:
    """Is it a long chain of conditions, each in the other branch of the one before?"""
    for _ in range(LONG):
        if not _goes_on(form):
            return False
        form = form[3]
    return True


def _if(c: Compiler, form: List, scope: Scope, dest: Dest) -> None:
    """An `if` whose other branch is none, or whose dest does not leave."""
    test, holds, fails = condition(c, form, 1, scope)
    c.frame.facts = holds
    _, then = c.nested(lambda: c.sub_emit(form, 2, scope, dest))
    after_then = c.frame.facts
    c.frame.facts = fails
    if dest.kind == "return" or dest.breaks:
        # the branch ends in return, break or continue, so the other one needs no nesting
        c.block.append(emit.branch(test, then, [], c.at))
        c.body(form, 3, scope, dest)
        return
    _, otherwise = c.nested(lambda: c.body(form, 3, scope, dest))
    c.facts_after(after_then, c.frame.facts)
    c.block.append(emit.branch(test, then, otherwise, c.at))


def _if_value(c: Compiler, form: List, scope: Scope) -> Value:
    """An `if` whose value is wanted: a conditional expression, or a statement when a branch needs statements."""
    if _is_long(form):
        result = c.fresh()
        outlined(c, form, scope, Dest("assign", result))
        return Value(emit.name(result, c.at), c.frame.facts.get(result, ANY), True)
    test, holds, fails = condition(c, form, 1, scope)
    c.frame.facts = holds
    then, then_block = c.nested(lambda: c.sub(form, 2, scope))
    after_then = c.frame.facts
    c.frame.facts = fails
    other, other_block = c.nested(lambda: c.body(form, 3, scope, WANT))
    c.facts_after(after_then, c.frame.facts)
    kind = then.kind | other.kind
    if not then_block and not other_block:
        return Value(emit.choose(test, then.node, other.node, c.at), kind)
    name = c.fresh()
    then_block.append(emit.assign(name, then.node, c.at))
    other_block.append(emit.assign(name, other.node, c.at))
    c.block.append(emit.branch(test, then_block, other_block, c.at))
    c.know(name, kind)
    return Value(emit.name(name, c.at), kind, True)


@special("rtfs/value")
def value(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(rtfs/value e)`: the value of `e`, which is in no tail position whatever a macro puts around it."""
    if len(form) != 2:
        raise c.fail("rtfs/value", "expected one form", form)
    return c.deliver(c.sub(form, 1, scope), dest)


@special("do")
def do(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(do e*)`"""
    return c.body(form, 1, scope, dest)


@special("and", "or")
def and_or(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """Short-circuit; the deciding value (language.md §5.1)."""
    conjunction = form[0].name == "and"
    if len(form) == 1:
        value = Value(emit.constant(True if conjunction else None, c.at), BOOL if conjunction else NIL, True)
        return c.deliver(value, dest)
    if len(form) <= LONG:
        return _chain(c, form, 1, scope, dest, conjunction)
    return _long_chain(c, form, scope, dest, conjunction)


def _long_chain(c: Compiler, form: List, scope: Scope, dest: Dest | None, conjunction: bool) -> Value | None:
    """One condition after the other, none inside another; the last form stays in tail position."""
    name = c.fresh()
    inner = Dest("assign", name)
    c.sub_emit(form, 1, scope, inner)
    before = dict(c.frame.facts)
    before.pop(name, None)
    undecided = Value(emit.name(name, c.at), ANY, True)
    for index in range(2, len(form)):
        test = truth(c, undecided) if conjunction else emit.negate(truth(c, undecided), c.at)
        c.frame.facts = dict(before)
        if index < len(form) - 1 or dest is WANT:
            _, block = c.nested(lambda: c.sub_emit(form, index, scope, inner))  # noqa: B023  # called now
            c.block.append(emit.branch(test, block, [], c.at))
        else:
            _, block = c.nested(lambda: c.sub_emit(form, index, scope, dest))  # noqa: B023
            decided = Dest(dest.kind, dest.name, breaks=dest.breaks, check=dest.check, parts=dest.parts)
            _, stop = c.nested(lambda: c.deliver(undecided, decided))  # noqa: B023
            c.block.append(emit.branch(test, block, stop, c.at))
    c.frame.facts = before
    if dest is WANT:
        return undecided
    if dest.kind == "assign" and not dest.breaks:
        c.know(dest.name, ANY)
    return None


def _chain(c: Compiler, form: List, index: int, scope: Scope, dest: Dest | None, conjunction: bool) -> Value | None:
    if index == len(form) - 1:
        return c.sub_emit(form, index, scope, dest)
    first = c.temp(c.sub(form, index, scope)) if dest is not WANT else c.sub(form, index, scope)
    once, again = c.twice(first)
    test = truth(c, Value(once, first.kind, first.stable))
    facts = dict(c.frame.facts)
    if dest is not WANT:
        decided = Dest(dest.kind, dest.name, breaks=dest.breaks, check=dest.check, parts=dest.parts)
        _, stop = c.nested(lambda: c.deliver(Value(again, first.kind, True), decided))
        _, go_on = c.nested(lambda: _chain(c, form, index + 1, scope, dest, conjunction))
        c.facts_after(facts, c.frame.facts)
        if dest.kind == "assign" and not dest.breaks:
            c.know(dest.name, ANY)
        c.block.append(emit.branch(test, go_on, stop, c.at) if conjunction else emit.branch(test, stop, go_on, c.at))
        return None
    rest, block = c.nested(lambda: _chain(c, form, index + 1, scope, WANT, conjunction))
    c.facts_after(facts, c.frame.facts)
    kind = first.kind | rest.kind
    if not block:
        nodes = (rest.node, again) if conjunction else (again, rest.node)
        return Value(emit.choose(test, nodes[0], nodes[1], c.at), kind)
    name = c.fresh()
    block.append(emit.assign(name, rest.node, c.at))
    stop = [emit.assign(name, again, c.at)]
    c.block.append(emit.branch(test, block, stop, c.at) if conjunction else emit.branch(test, stop, block, c.at))
    return Value(emit.name(name, c.at), kind, True)
