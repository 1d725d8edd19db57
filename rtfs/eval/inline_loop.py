"""`map filter remove reduce` with a callback that needs no function become Python loops: no call per element."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.builder import collected
from rtfs.eval.callback import Callback, find_callback, for_each
from rtfs.eval.fuse import fused
from rtfs.eval.inline import inline
from rtfs.eval.inline_call import typed
from rtfs.eval.inline_test import truth
from rtfs.eval.scope import VECTOR, Scope, Value
from rtfs.eval.target import MAX_BLOCKS
from rtfs.lang.collections import List

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler


def _room(c: Compiler) -> bool:
    """May one more loop be nested here?"""
    return c.frame.blocks < MAX_BLOCKS // 3


@inline("map", "mapv", "filter", "filterv", "remove")
def _collect(c: Compiler, form: List, scope: Scope) -> Value | None:
    name = form[0].name.lstrip(".")
    callback = find_callback(c, form[1], 1, scope) if len(form) == 3 and _room(c) else None
    if callback is None:
        return Value(c.library_call(name, [value.node for value in c.values(form, 1, scope)]), VECTOR)
    return fused(c, form, scope) or _collected(c, form, callback, scope)


def _collected(c: Compiler, form: List, callback: Callback, scope: Scope) -> Value:
    """One loop that appends."""
    name, at = form[0].name.lstrip("."), c.at
    with c.standing_at(form, 2):
        source = c.temp(c.expr(form[2], scope))
    item, out = c.fresh("item"), c.fresh("out")
    c.block.append(emit.assign(out, emit.placed(ast.List([], emit.LOAD), at), at))

    def turn() -> None:
        value = callback.call(c, [item], scope)
        add = emit.attribute(emit.name(out, at), "append", at)
        if name in ("map", "mapv"):
            c.block.append(emit.does(emit.call(add, [value.node], at), at))
            return
        test = truth(c, value)
        keep = emit.does(emit.call(add, [emit.name(item, at)], at), at)
        c.block.append(emit.branch(emit.negate(test, at) if name == "remove" else test, [keep], [], at))

    for_each(c, source, name.removesuffix("v"), item, turn)  # errors show the first of the names
    return Value(emit.call("#vector", [emit.name(out, at)], at), VECTOR)


@inline("count")
def _count(c: Compiler, form: List, scope: Scope) -> Value | None:
    found = fused(c, form, scope) if len(form) == 2 and _room(c) else None
    return found or typed(c, form, scope)


@inline("reduce")
def _reduce(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) not in (3, 4) or not _room(c):
        return None
    found = collected(c, form, scope) or fused(c, form, scope)
    if found is not None:
        return found
    callback = find_callback(c, form[1], 2, scope) if len(form) == 4 else None
    if callback is None or callback.clause is None:  # `sum` is faster than a loop
        return None
    initial, items = c.values(form, 2, scope)
    total, item = c.fresh("total"), c.fresh("item")
    c.block.append(emit.assign(total, initial.node, c.at))
    with c.standing_at(form, 3):
        source = c.temp(items)
    assumed = initial.kind | c.loop_kinds.get(id(form), [0])[0]
    while True:  # the accumulator's kind at the head of a turn is what every turn leaves it as
        block, found_kind = _reduce_turn(c, callback, scope, (total, item, source, assumed))
        if found_kind & ~assumed == 0:
            break
        assumed |= found_kind
    c.loop_kinds[id(form)] = [assumed]
    c.block.extend(block)
    c.know(total, assumed)
    return Value(emit.name(total, c.at), assumed, True)


def _reduce_turn(c: Compiler, callback: Callback, scope: Scope, parts: tuple[str, str, Value, int]) -> tuple[Any, int]:
    total, item, source, assumed = parts
    found = [0]

    def turn() -> None:
        c.know(total, assumed)
        value = callback.call(c, [total, item], scope)
        found[0] = value.kind
        c.block.append(emit.assign(total, value.node, c.at))

    _, block = c.nested(lambda: for_each(c, source, "reduce", item, turn, total))
    return block, found[0]
