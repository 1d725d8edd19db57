"""`call`, context, steps, plans and object forms: where code meets the host."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.constant import CallSite
from rtfs.eval.function import compile_function, parse_clauses
from rtfs.eval.inline_test import truth
from rtfs.eval.literal import literal
from rtfs.eval.scope import ANY, Scope, Value
from rtfs.eval.special import special
from rtfs.eval.special.binding import compile_body, outlined
from rtfs.eval.target import MAX_BLOCKS, Dest
from rtfs.lang.collections import List, Map
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler


def site(c: Compiler) -> ast.expr:
    return c.constant(CallSite(c.at, c.target.module))


@special("call")
def call(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(call id arg…)`: one host call."""
    outer, c.at = c.at, c.place_of(form)
    if len(form) == 1:
        value = Value(emit.call("(call", [], c.at))
    else:
        arguments = [v.node for v in c.values(form, 1, scope)]
        value = Value(emit.call("#call", [site(c), *arguments], c.at))
    c.count(value, 1)
    c.at = outer
    return c.deliver(value, dest)


@special("context/get")
def context_get(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(context/get k default?)`"""
    if not 2 <= len(form) <= 3:
        raise c.fail("context/get", f"expected a key and an optional default, got {len(form) - 1} forms", form)
    arguments = [v.node for v in c.values(form, 1, scope)]
    return c.deliver(Value(emit.call("#context", arguments, c.at)), dest)


# ---- steps ------------------------------------------------------------------------------------------------------

_STEP_OPTIONS = ("expose-context", "context-keys", "params")


def _options(c: Compiler, form: List, start: int) -> tuple[dict[str, int], int]:
    """Positions of the option values, and where the rest starts."""
    found: dict[str, int] = {}
    index = start
    while index < len(form) and type(form[index]) is Keyword and form[index].name in _STEP_OPTIONS:
        name = form[index].name
        if name in found:
            raise c.fail(form[0].name, f"option :{name} given twice", form)
        if index + 1 >= len(form):
            raise c.fail(form[0].name, f"option :{name} has no value", form)
        found[name] = index + 1
        index += 2
    return found, index


def _entered(c: Compiler, form: List, name: str, options: dict[str, int], scope: Scope) -> tuple[str, Scope]:
    """Tell the host that a step starts; gives its token and the scope of its body."""
    at = c.at
    inner = Scope(scope, frame=c.frame, is_body=True)
    given: dict[str, ast.expr] = {}
    for option, place in options.items():  # in the order they are written
        if option == "params" and type(form[place]) is not Map:
            raise c.fail(form[0].name, "expected a map after :params", form)
        value = c.temp(c.sub(form, place, scope))
        given[option] = value.node
        if option == "params":
            binding = c.bind(inner, "%params", value.kind)
            c.block.append(emit.assign(binding.python, value.node, at))
            given[option] = emit.name(binding.python, at)
    expose, keys, params = (given.get(k, emit.constant(None, at)) for k in ("expose-context", "context-keys", "params"))
    token = c.fresh("step")
    c.block.append(emit.assign(token, emit.call("#step", [emit.constant(name, at), expose, keys, params], at), at))
    return token, inner


def _left(c: Compiler, token: str, body: list[ast.stmt], result: str) -> None:
    """Around the body: tell the host how the step ended."""
    at = c.at
    raised = c.fresh("raised")
    fail = emit.does(emit.call("#step_failed", [emit.name(token, at), emit.name(raised, at)], at), at)
    handler = emit.placed(
        ast.ExceptHandler(emit.name("#BaseException", at), raised, [fail, emit.placed(ast.Raise(), at)]), at
    )
    c.block.append(emit.placed(ast.Try(body or [emit.placed(ast.Pass(), at)], [handler], [], []), at))
    done = emit.call("#step_done", [emit.name(token, at), emit.name(result, at)], at)
    c.block.append(emit.does(done, at))


@special("step", statement=True)
def step(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(step "name" opt* body+)`"""
    assert dest is not None
    if len(form) < 3 or type(form[1]) not in (str, Keyword):
        raise c.fail("step", "expected a name (text or keyword) and a body", form)
    name = form[1] if type(form[1]) is str else form[1].name
    options, start = _options(c, form, 2)
    if start >= len(form):
        raise c.fail("step", "expected a body", form)
    if c.frame.blocks >= MAX_BLOCKS:
        outlined(c, form, scope, dest)
        return None
    token, inner = _entered(c, form, name, options, scope)
    result = c.fresh("result")
    c.frame.blocks += 1
    _, body = c.nested(lambda: compile_body(c, form, start, inner, Dest("assign", result)))
    c.frame.blocks -= 1
    _left(c, token, body, result)
    c.deliver(Value(emit.name(result, c.at), c.frame.facts.get(result, ANY), True), dest)
    return None


@special("step-if", statement=True)
def step_if(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(step-if opt* c t e?)`"""
    _as_step(c, form, scope, dest, "if", (2, 3))
    return None


def _as_step(c: Compiler, form: List, scope: Scope, dest: Dest | None, inner: str, counts: tuple[int, int]) -> None:
    name = form[0].name
    _, start = _options(c, form, 1)
    rest = form[start:]
    if not counts[0] <= len(rest) <= counts[1]:
        raise c.fail(name, f"expected {counts[0]} to {counts[1]} forms after the options, got {len(rest)}", form)
    c.emit(List((Symbol("step"), name, *form[1:start], List((Symbol(inner), *rest)))), scope, dest)


@special("step-loop", statement=True)
def step_loop(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(step-loop opt* c body+)`: while the condition holds, at most 10,000 rounds."""
    _as_step(c, form, scope, dest, "rtfs/rounds", (2, 1 << 30))
    return None


@special("rtfs/rounds", statement=True)
def rounds(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """The loop inside `step-loop`; the last body value or nil."""
    assert dest is not None
    if len(form) < 3:
        raise c.fail("rtfs/rounds", "expected a condition and a body", form)
    if c.frame.blocks >= MAX_BLOCKS:
        outlined(c, form, scope, dest)
        return None
    at = c.at
    count, result = c.fresh("rounds"), c.fresh("result")
    c.block.append(emit.assign(count, emit.constant(0, at), at))
    c.block.append(emit.assign(result, emit.constant(None, at), at))
    c.frame.loops += 1
    c.frame.blocks += 1
    before = dict(c.frame.facts)

    def turn() -> None:
        c.entry()
        test = truth(c, c.sub(form, 1, scope))
        c.block.append(emit.branch(emit.negate(test, at), [emit.placed(ast.Break(), at)], [], at))
        c.block.append(emit.assign(count, emit.call("#round", [emit.name(count, at)], at), at))
        compile_body(c, form, 2, Scope(scope, frame=c.frame, is_body=True), Dest("assign", result))

    _, block = c.nested(turn)
    c.block.append(emit.forever(block, at))
    c.frame.facts = before
    c.frame.loops -= 1
    c.frame.blocks -= 1
    c.deliver(Value(emit.name(result, at), ANY, True), dest)
    return None


@special("step-parallel", statement=True)
def step_parallel(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(step-parallel opt* e+)`: one host call with a function per expression."""
    assert dest is not None
    options, start = _options(c, form, 1)
    if start >= len(form):
        raise c.fail("step-parallel", "expected at least one expression", form)
    at = c.at
    token, inner = _entered(c, form, "step-parallel", options, scope)
    result = c.fresh("result")

    def body() -> None:
        functions = []
        for expression in form[start:]:
            literal = List((Symbol("fn"), (), List((Symbol("rtfs/value"), expression))))
            functions.append(compile_function(c, None, parse_clauses(c, literal, 1, "fn"), inner).node)
        answer = emit.call("#call", [site(c), emit.constant("ccos.concurrent/parallel", at), *functions], at)
        checked = emit.call("#parallel_result", [answer, emit.constant(len(functions), at)], at)
        c.block.append(emit.assign(result, checked, at))

    _, block = c.nested(body)
    _left(c, token, block, result)
    c.deliver(Value(emit.name(result, at), ANY, True), dest)
    return None


# ---- plans and objects ------------------------------------------------------------------------------------------

_DATA_KEYS = frozenset({"language", "input-schema", "output-schema"})


@special("plan")
def plan(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(plan "name"? :k v … :body e)`: the value of the body; the rest describes the plan to the host."""
    start = 2 if len(form) > 1 and type(form[1]) is str else 1
    rest = form[start:]
    if len(rest) % 2 or any(type(key) is not Keyword for key in rest[::2]):
        raise c.fail("plan", "expected properties as keyword and value", form)
    body = next((start + 2 * n + 1 for n, key in enumerate(rest[::2]) if key.name == "body"), None)
    if body is None:
        raise c.fail("plan", "expected :body", form)
    properties = [(key, value) for key, value in zip(rest[::2], rest[1::2], strict=True) if key.name != "body"]
    if start == 2:
        properties.insert(0, (Keyword("name"), form[1]))
    c.block.append(emit.does(emit.call("#plan", [c.constant(Map.of(properties))], c.at), c.at))
    return c.sub_emit(form, body, scope, dest)


@special("capability", "resource", "intent", "action")
def object_form(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(capability "id" :k v …)` evaluates to a map that says what it is (language.md §5.8)."""
    what = form[0].name
    start = 1
    pairs: list[tuple[Any, Any]] = [(Keyword("object"), Keyword(what))]
    if len(form) > 1 and type(form[1]) in (str, Symbol):
        pairs.append((Keyword("id"), form[1] if type(form[1]) is str else form[1].name))
        start = 2
    elif what in ("capability", "resource"):
        raise c.fail(what, "expected an id", form)
    rest = form[start:]
    if len(rest) % 2 or any(type(key) is not Keyword for key in rest[::2]):
        raise c.fail(what, "expected properties as keyword and value", form)
    nodes = [literal(c, part, scope).node for pair in pairs for part in pair]
    parts: list[tuple[Value, list[ast.stmt]]] = []
    for position in range(start, len(form), 2):
        parts.append((literal(c, form[position], scope), []))
        outer, c.block = c.block, []
        if form[position].name in _DATA_KEYS:
            value = c.expr(List((Symbol("quote"), form[position + 1])), scope)
        else:
            value = c.sub(form, position + 1, scope)
        parts.append((value, c.block))
        c.block = outer
    nodes.extend(value.node for value in c.in_order(parts))
    return c.deliver(Value(emit.call("#map", nodes, c.at)), dest)
