"""`map filter remove reduce` with a function literal become Python loops: no call, no frame, no closure per element."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.compiler import MAX_BLOCKS
from rtfs.eval.destructure import bind_param
from rtfs.eval.function import is_fn_form, is_vector_form, mentions_recur, parse_clauses
from rtfs.eval.inline import inline, truth
from rtfs.eval.scope import ANY, VECTOR, Scope, Value
from rtfs.eval.storage import keep_storage
from rtfs.lang.collections import MISSING, List

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler
    from rtfs.eval.function import Clause


def _literal(c: Compiler, form: Any, count: int) -> Clause | None:
    """The clause of an anonymous function literal of exactly `count` untyped parameters that does not recur."""
    if not is_fn_form(form) or len(form) < 3 or not is_vector_form(form[1]):
        return None
    clause = parse_clauses(c, form, 1, "fn")[0]
    params = clause.params
    if params.rest is not None or len(params.fixed) != count or clause.returns is not MISSING:
        return None
    if any(param.type is not MISSING for param in params.fixed) or mentions_recur(form, clause.start):
        return None
    return clause


def _each(c: Compiler, items: Value, what: str, item: str, body: Callable[[], None]) -> None:
    """`for item in <sequence view>: body`"""
    at = c.at
    view = emit.call("#sequence", [items.node, emit.constant(what, at)], at)
    c.frame.loops += 1
    c.frame.blocks += 1
    facts = dict(c.frame.facts)
    c.know(item, ANY)
    outer, c.block = c.block, []
    c.entry()
    body()
    block, c.block = c.block, outer
    c.frame.facts = facts
    c.frame.loops -= 1
    c.frame.blocks -= 1
    target = emit.placed(ast.Name(item, emit.STORE), at)
    c.block.append(emit.placed(ast.For(target, view, block, []), at))


def _call(c: Compiler, clause: Clause, names: list[str], scope: Scope) -> Value:
    """The value of the literal's body with its parameters in these Python locals."""
    from rtfs.eval.special.binding import compile_body

    inner = Scope(scope, frame=c.frame, is_body=True)
    for param, name in zip(clause.params.fixed, names, strict=True):
        bind_param(c, inner, param, name, "fn")
    keep_storage(c, inner)
    value = compile_body(c, clause.form, clause.start, inner, None)
    assert value is not None
    return value


@inline("map", "mapv", "filter", "filterv", "remove")
def _collect(c: Compiler, form: List, scope: Scope) -> Value | None:
    name = form[0].name.lstrip(".")
    clause = _literal(c, form[1], 1) if len(form) == 3 and c.frame.blocks < MAX_BLOCKS // 3 else None
    if clause is None:
        return Value(c.library_call(name, [value.node for value in c.values(form, 1, scope)]), VECTOR)
    at = c.at
    items = c.sub(form, 2, scope)
    item, out = c.fresh("item"), c.fresh("out")
    source = c.temp(items)
    c.block.append(emit.assign(out, emit.placed(ast.List([], emit.LOAD), at), at))

    def turn() -> None:
        value = _call(c, clause, [item], scope)
        add = emit.attribute(emit.name(out, at), "append", at)
        if name in ("map", "mapv"):
            c.block.append(emit.does(emit.call(add, [value.node], at), at))
            return
        test = truth(c, value)
        keep = emit.does(emit.call(add, [emit.name(item, at)], at), at)
        c.block.append(emit.branch(emit.negate(test, at) if name == "remove" else test, [keep], [], at))

    _each(c, source, name.removesuffix("v"), item, turn)  # errors show the first of the names
    return Value(emit.call("#vector", [emit.name(out, at)], at), VECTOR)


@inline("reduce")
def _reduce(c: Compiler, form: List, scope: Scope) -> Value | None:
    clause = _literal(c, form[1], 2) if len(form) == 4 and c.frame.blocks < MAX_BLOCKS // 3 else None
    if clause is None:
        return None
    initial, items = c.values(form, 2, scope)
    at = c.at
    total, item = c.fresh("total"), c.fresh("item")
    c.block.append(emit.assign(total, initial.node, at))
    source = items if items.stable else c.temp(items)
    assumed = initial.kind
    while True:  # the accumulator's kind at the head of a turn is what every turn leaves it as
        block, found = _reduce_turn(c, clause, scope, (total, item, source, assumed))
        if found & ~assumed == 0:
            break
        assumed |= found
    c.block.extend(block)
    c.know(total, assumed)
    return Value(emit.name(total, at), assumed, True)


def _reduce_turn(c: Compiler, clause: Clause, scope: Scope, parts: tuple[str, str, Value, int]) -> tuple[Any, int]:
    total, item, source, assumed = parts
    found = [0]

    def turn() -> None:
        c.know(total, assumed)
        value = _call(c, clause, [total, item], scope)
        found[0] = value.kind
        c.block.append(emit.assign(total, value.node, c.at))

    _, block = c.nested(lambda: _each(c, source, "reduce", item, turn))
    return block, found[0]
