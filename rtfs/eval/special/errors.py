"""`try throw`: catching by kind, and finally."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.function import compile_function, parse_clauses
from rtfs.eval.scope import ANY, Binding, Scope, Value
from rtfs.eval.special import special
from rtfs.eval.special.binding import compile_body, outlined
from rtfs.eval.target import MAX_BLOCKS, WANT, Dest
from rtfs.lang.collections import List
from rtfs.lang.errors import kebab
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler

_CATCH_ALL = frozenset({"Exception", "Throwable", "_"})


@special("throw")
def throw(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(throw v)`"""
    if len(form) != 2:
        raise c.fail("throw", f"expected one value, got {len(form) - 1}", form)
    value = c.sub(form, 1, scope)
    outer, c.at = c.at, c.place_of(form)
    raised = Value(emit.call("#throw", [value.node], c.at))
    c.at = outer
    return c.deliver(raised, dest)


@special("catch", "finally")
def stray(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    raise c.fail(form[0].name, "belongs at the end of a try", form)


def _is_clause(form: Any, name: str) -> bool:
    return type(form) is List and bool(form) and type(form[0]) is Symbol and form[0].name == name


@special("try", statement=True)
def try_(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(try body* (catch …)* (finally body*)?)`"""
    assert dest is not None
    end = next(
        (i for i in range(1, len(form)) if _is_clause(form[i], "catch") or _is_clause(form[i], "finally")), len(form)
    )
    catches = [i for i in range(end, len(form)) if _is_clause(form[i], "catch")]
    last = len(form) - 1 if _is_clause(form[-1], "finally") and len(form) > 1 else None
    if end == len(form):
        raise c.fail("try", "expected at least one catch or a finally", form)
    if end + len(catches) + (last is not None) != len(form):
        raise c.fail("try", "expected only catch clauses and one finally after the body", form)
    if c.frame.blocks >= MAX_BLOCKS:
        outlined(c, form, scope, dest)
        return None
    if last is None:
        _with_catches(c, form, end, catches, scope, dest)
    else:
        _with_finally(c, form, end, catches, scope, dest)
    return None


def _with_catches(c: Compiler, form: List, end: int, catches: list[int], scope: Scope, dest: Dest) -> None:
    c.frame.blocks += 2
    before = dict(c.frame.facts)
    # a value that does not have the return type fails outside of the try, whose clauses do not catch that
    inner = dest.plain() if dest.check is None else Dest("assign", c.fresh("result"))
    _, body = c.nested(lambda: c.body(form[:end], 1, scope, inner) if end > 1 else c.body((), 0, scope, inner))
    facts = [c.frame.facts]
    kind = c.frame.facts.get(inner.name, ANY)
    raised, error = c.fresh("raised"), c.fresh("error")
    c.frame.facts = dict(before)
    _, handler = c.nested(lambda: _handlers(c, form, catches, scope, dest, raised, error, facts))
    c.facts_after(*facts, before)
    catching = ast.ExceptHandler(emit.name("#BaseException", c.at), raised, handler)
    emit.placed(catching, c.at)
    c.block.append(emit.placed(ast.Try(body or [emit.placed(ast.Pass(), c.at)], [catching], [], []), c.at))
    c.frame.blocks -= 2
    if dest.check is not None:  # a returning clause has left
        c.deliver(Value(emit.name(inner.name, c.at), kind, True), dest)


def _handlers(
    c: Compiler, form: List, catches: list[int], scope: Scope, dest: Dest, raised: str, error: str, facts: list[Any]
) -> None:
    """`error = caught(raised)`, then the clauses in order; a last resort raises again."""
    at = c.at
    c.block.append(emit.assign(error, emit.call("#caught", [emit.name(raised, at)], at), at))
    before = dict(c.frame.facts)
    leaves = dest.kind == "return" or dest.breaks
    orelse = c.block
    for index in catches:
        clause = form[index]
        outer, c.at = c.at, c.place_of(clause, form, index)
        kind, binding, start = _catch_parts(c, clause)
        c.frame.facts = dict(before)
        _, body = c.nested(lambda: _catch_body(c, clause, start, binding, error, scope, dest))  # noqa: B023
        facts.append(c.frame.facts)
        c.at = outer
        if kind is None:
            orelse.extend(body)
            return
        text = kind[0] if kind[1] else kebab(kind[0])
        test = emit.call("#matches", [emit.name(error, at), emit.constant(text, at), emit.constant(kind[1], at)], at)
        chosen = emit.branch(test, body, [], at)
        orelse.append(chosen)
        if not leaves:
            orelse = chosen.orelse  # type: ignore[attr-defined]
    orelse.append(emit.placed(ast.Raise(), at))


def _catch_parts(c: Compiler, clause: List) -> tuple[tuple[str, bool] | None, Symbol, int]:
    """(kind text and whether it is a keyword, or None for everything), the binding, where the body starts."""
    if len(clause) < 2:
        raise c.fail("catch", "expected a name to bind", clause)
    first, second = clause[1], clause[2] if len(clause) > 2 else None
    is_kind = type(first) is Keyword or (type(first) is Symbol and (first.name == "_" or first.name[0].isupper()))
    if is_kind and type(second) is Symbol:
        if type(first) is Symbol and first.name in _CATCH_ALL:
            return None, second, 3
        return (first.name, type(first) is Keyword), second, 3
    if type(first) is not Symbol:
        raise c.fail("catch", "expected a kind and a name, or a name", clause)
    return None, first, 2


def _catch_body(c: Compiler, clause: List, start: int, symbol: Symbol, error: str, scope: Scope, dest: Dest) -> None:
    inner = Scope(scope, frame=c.frame, is_body=True)
    if symbol.name != "_":
        inner.names[symbol.name] = Binding(symbol.name, error, c.frame, c.frame.loops)
    compile_body(c, clause, start, inner, dest)


def _with_finally(c: Compiler, form: List, end: int, catches: list[int], scope: Scope, dest: Dest) -> None:
    """The finally part is a function, run once whichever way the rest ends."""
    at = c.at
    literal = List((Symbol("fn"), (), List((Symbol("do"), *form[-1][1:]))))
    cleanup = compile_function(c, "finally", parse_clauses(c, literal, 1, "fn"), scope)
    result = c.fresh("result")
    inner = Dest("assign", result)
    c.frame.blocks += 1

    def guarded() -> None:
        if catches:
            _with_catches(c, form, end, catches, scope, inner)
        else:
            c.body(form[:end], 1, scope, inner)

    _, body = c.nested(guarded)
    c.frame.blocks -= 1
    raised = c.fresh("raised")
    finish = emit.does(emit.call("#finish", [emit.name(raised, at), cleanup.node], at), at)
    handler = ast.ExceptHandler(emit.name("#BaseException", at), raised, [finish, emit.placed(ast.Raise(), at)])
    emit.placed(handler, at)
    c.block.append(emit.placed(ast.Try(body or [emit.placed(ast.Pass(), at)], [handler], [], []), at))
    c.block.append(emit.does(emit.call(cleanup.node, [], at), at))
    c.deliver(Value(emit.name(result, at), c.frame.facts.get(result, ANY), True), dest)


assert WANT is None
