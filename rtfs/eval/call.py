"""Calls: which callee a head means, and how its arguments are evaluated."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from rtfs.eval import emit
from rtfs.eval.scope import ANY, FUNCTION, MAP, NIL, Scope, Value
from rtfs.lang.collections import List
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler


def ask(c: Compiler, form: List, scope: Scope) -> Value | None:
    from rtfs.eval.builder import ask  # deferred: folds contain calls

    return ask(c, form, scope)


def compile_call(c: Compiler, form: List, scope: Scope) -> Value:
    """`(head arg …)`: the head is evaluated first, then the arguments left to right (language.md §3.3)."""
    outer, c.at = c.at, c.place_of(form)
    try:
        head = form[0]
        asked = ask(c, form, scope) if c.collects else None
        if asked is not None:
            value = asked
        elif type(head) is Symbol:
            value = _named(c, form, head, scope)
        elif type(head) is Keyword and 2 <= len(form) <= 3:
            value = keyword_lookup(c, head, c.values(form, 1, scope))
        else:
            value = _computed(c, form, scope)
        return c.count(value, 1)
    finally:
        c.at = outer


def _named(c: Compiler, form: List, head: Symbol, scope: Scope) -> Value:
    name = head.name
    if name.startswith(".") and len(name) > 1 and not name.startswith(".."):
        head = Symbol(name[1:], head.module, head.span)
        if head.name in c.special:
            raise c.fail(name, "a special form cannot be called with a leading dot")
    binding = scope.find(head.name, c.frame)
    if binding is not None:
        return _local(c, form, c.load(binding), scope)
    if c.is_builtin(head, scope):
        inline = c.inline.get(head.name)
        if inline is not None:
            value = inline(c, form, scope)
            if value is not None:
                return value
    if len(head.name) > 2 and head.name[0] == "<" and head.name[-1] == ">" and not c.known(head.name):
        return _computed(c, form, scope)
    outer, c.at = c.at, c.place_of(form[0])
    callee = c.global_node(head, "(")
    c.at = outer
    arguments, block = c.nested(lambda: c.values(form, 1, scope))
    if block:  # the head is evaluated first: it may be undefined
        callee = c.temp(Value(callee)).node
        c.block += block
    return Value(emit.call(callee, [value.node for value in arguments], c.at))


def _local(c: Compiler, form: List, head: Value, scope: Scope) -> Value:
    """A local may hold anything; one test tells a function, and the compiler remembers it."""
    at = c.at
    if head.kind == FUNCTION:
        callee = head.node
    elif head.stable and isinstance(head.node, ast.Name):
        test = emit.is_(emit.type_of(head.node, at), emit.name("#function", at), at)
        callee = emit.choose(test, head.node, emit.call("#callee", [head.node], at), at)
    else:
        callee = emit.call("#callee", [head.node], at)
    return Value(emit.call(callee, [value.node for value in c.values(form, 1, scope)], at))


def _computed(c: Compiler, form: List, scope: Scope) -> Value:
    head, *arguments = c.values(form, 0, scope)
    callee = head.node if head.kind == FUNCTION else emit.call("#callee", [head.node], c.at)
    return Value(emit.call(callee, [value.node for value in arguments], c.at))


def keyword_lookup(c: Compiler, keyword: Keyword, arguments: list[Value]) -> Value:
    """`(:k m)` and `(:k m default)`: a dict lookup when `m` is a map."""
    at = c.at
    target = arguments[0]
    key = c.constant(keyword)
    rest = [value.node for value in arguments[1:]]
    if not all(value.stable for value in arguments[1:]):
        return Value(emit.call(key, [value.node for value in arguments], at))
    if target.kind & ~(MAP | NIL) == 0 and target.kind == MAP:
        return Value(_raw_get(target.node, key, rest, at))
    if isinstance(target.node, ast.Name) and target.node.id in c.frame.storage:
        storage = emit.name(c.frame.storage[target.node.id], at)
        return Value(emit.call(emit.attribute(storage, "get", at), [key, *rest], at), ANY)
    first, again = c.twice(target)
    test = emit.is_(emit.type_of(first, at), emit.name("#Map", at), at)
    slow = emit.call(key, [again, *rest], at)
    return Value(emit.choose(test, _raw_get(again, key, rest, at), slow, at), ANY)


def _raw_get(target: ast.expr, key: ast.expr, rest: list[ast.expr], at: emit.Place) -> ast.expr:
    return emit.call(emit.attribute(emit.attribute(target, "raw", at), "get", at), [key, *rest], at)
