"""Callbacks whose calls need no function: literals, builtins that compile inline, keywords."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.destructure import bind_param
from rtfs.eval.function import is_fn_form, is_vector_form, mentions_recur, parse_clauses
from rtfs.eval.scope import ANY, Binding, Loop, Scope, Value
from rtfs.eval.storage import keep_storage
from rtfs.lang.collections import MISSING, List
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler
    from rtfs.eval.function import Clause


class Callback:
    """What is called for every element. `clause`: of a literal; without one, `head` is the head of the calls."""

    __slots__ = ("form", "clause", "head")

    def __init__(self, form: Any, clause: Clause | None, head: Any) -> None:
        self.form = form
        self.clause = clause
        self.head = head

    def call(self, c: Compiler, names: list[str], scope: Scope) -> Value:
        """The value of a call whose arguments are in these Python locals."""
        inner = Scope(scope, frame=c.frame, is_body=True)
        clause = self.clause
        if clause is None:
            arguments = [Symbol(f"~{index}") for index in range(len(names))]
            for symbol, name in zip(arguments, names, strict=True):
                inner.names[symbol.name] = Binding(symbol.name, name, c.frame, c.frame.loops)
            called = c.expr(List((self.head, *arguments)), inner)
            return c.count(called, -1)  # that the callback is called is counted once, by the loop
        from rtfs.eval.special.binding import compile_body  # deferred: bodies contain callbacks

        for param, name in zip(clause.params.fixed, names, strict=True):
            with c.standing_at(clause.params.form, param.pattern_index, param.type_index):
                bind_param(c, inner, param, name, "fn")
        keep_storage(c, inner)
        value = compile_body(c, clause.form, clause.start, inner, None)
        assert value is not None
        return value


def find_callback(c: Compiler, form: Any, count: int, scope: Scope) -> Callback | None:
    """The callback that a form is, of exactly `count` arguments; None for what has to be evaluated and called."""
    if type(form) is Symbol:
        inlined = c.is_builtin(form, scope) and form.name in c.inline
        return Callback(form, None, form) if inlined else None
    if type(form) is Keyword:
        return Callback(form, None, form) if count == 1 else None
    clause = _literal(c, form, count)
    return None if clause is None else Callback(form, clause, None)


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


def for_each(c: Compiler, items: Value, what: str, item: str, body: Callable[[], None], *varying: str) -> None:
    """`for item in <sequence view>: body`; what has no such view is an error where the items stand.

    `varying`: the locals besides the item that the body changes.
    """
    at, there = c.at, emit.place_of(items.node)
    view = emit.call("#sequence", [items.node, emit.constant(what, there)], there)
    c.frame.loops += 1
    c.frame.blocks += 1
    facts, storage, around = dict(c.frame.facts), dict(c.frame.storage), c.frame.loop
    loop = c.frame.loop = Loop(c.counter, (item, *varying))
    c.know(item, ANY)
    outer, c.block = c.block, []
    c.entry()
    body()
    block, c.block = c.block, outer
    c.frame.facts, c.frame.storage, c.frame.loop = facts, storage, around
    c.block.extend(loop.prelude)
    c.frame.loops -= 1
    c.frame.blocks -= 1
    target = emit.placed(ast.Name(item, emit.STORE), at)
    c.block.append(emit.placed(ast.For(target, view, block or [emit.placed(ast.Pass(), at)], []), at))
