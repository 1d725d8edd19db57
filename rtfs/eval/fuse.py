"""Chains such as `(reduce + 0 (filter even? (map inc xs)))` become one loop without vectors in between.

The chain as written does all of `map`, then all of `filter`, then all of `reduce`; the loop takes each element through
all of them. Only pure callbacks, which call nothing but builtins that call nothing, are fused: of these nobody can tell
the order as long as all succeeds. When anything is raised, what the loop did is dropped and the chain runs again as it
is written. So an error is the one that comes first in the order of the text, at its place; only what ends the run
itself, a deadline or a cancellation, is not tried again.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.callback import Callback, find_callback, for_each
from rtfs.eval.inline_test import truth
from rtfs.eval.pure import is_pure
from rtfs.eval.scope import ANY, INT, VECTOR, Binding, Scope, Value
from rtfs.lang.collections import List
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler

_MAPS = frozenset({"map", "mapv"})
_STAGES = _MAPS | {"filter", "filterv", "remove"}
_SOURCE, _START = Symbol("~source"), Symbol("~start")


class _Chain:
    """The stages of a chain, innermost first, and what they end in: `reduce` and its callback, `count`, or a vector."""

    def __init__(self, form: List) -> None:
        self.form = form
        self.stages: list[tuple[List, Callback]] = []
        self.fold: Callback | None = None
        self.counts = False

    @property
    def starts(self) -> bool:
        """Does `reduce` have a value to start from?"""
        return self.fold is not None and len(self.form) == 4


def fused(c: Compiler, form: List, scope: Scope) -> Value | None:
    """The value of a call of `map`, `filter`, `remove`, `reduce` or `count` that is the end of a chain; else None."""
    if not c.fuses:
        return None
    chain = _find(c, form, scope)
    return None if chain is None else _Fusion(c, chain, scope).emit()


def _find(c: Compiler, form: List, scope: Scope) -> _Chain | None:
    chain = _Chain(form)
    name = form[0].name.lstrip(".")
    inner: Any = form
    if name == "reduce":
        chain.fold = _pure_callback(c, form[1], 2, scope)
        if chain.fold is None:
            return None
        inner = form[-1]
    elif name == "count":
        chain.counts, inner = True, form[1]
    while type(inner) is List and len(inner) == 3 and type(inner[0]) is Symbol:
        if inner[0].name.lstrip(".") not in _STAGES or not c.is_builtin(inner[0], scope):
            break
        callback = _pure_callback(c, inner[1], 1, scope)
        if callback is None:
            break
        chain.stages.insert(0, (inner, callback))
        inner = inner[2]
    needed = 1 if chain.fold is not None or chain.counts else 2
    return chain if len(chain.stages) >= needed else None


def _pure_callback(c: Compiler, form: Any, count: int, scope: Scope) -> Callback | None:
    callback = find_callback(c, form, count, scope)
    if callback is None or type(callback.head) is Keyword:
        return callback
    return callback if is_pure(c, form, scope) else None


class _Fusion:
    """Emits one chain."""

    def __init__(self, c: Compiler, chain: _Chain, scope: Scope) -> None:
        self.c = c
        self.chain = chain
        self.scope = Scope(scope, frame=c.frame)
        self.result = c.fresh("total" if chain.fold is not None else "count" if chain.counts else "out")
        self.kind = VECTOR

    def emit(self) -> Value:
        c, chain = self.c, self.chain
        c.tick(len(chain.stages) - (chain.fold is None and not chain.counts))  # the calls but the outermost
        start = self._local(chain.form, 2, _START) if chain.starts else None
        source = self._local(chain.stages[0][0], 2, _SOURCE)
        before = dict(c.frame.facts)
        c.frame.blocks += 1
        _, fast = c.nested(lambda: self._loop(source, start))
        c.frame.facts = dict(before)
        _, slow = c.nested(self._as_written)
        c.frame.facts = before
        c.frame.blocks -= 1
        raised, at = c.fresh("raised"), c.at
        slow.insert(0, emit.does(emit.call("#again", [emit.name(raised, at)], at), at))
        handler = emit.placed(ast.ExceptHandler(emit.name("#Exception", at), raised, slow), at)
        c.block.append(emit.placed(ast.Try(fast, [handler], [], []), at))
        c.know(self.result, self.kind)
        return Value(emit.name(self.result, at), self.kind, True)

    def _local(self, parent: List, index: int, symbol: Symbol) -> Value:
        """A part of a form, evaluated into a local that the chain as written can refer to by a symbol."""
        c = self.c
        value = c.sub(parent, index, self.scope)
        name = c.fresh()
        c.block.append(emit.assign(name, value.node, c.at))
        c.know(name, value.kind)
        self.scope.names[symbol.name] = Binding(symbol.name, name, c.frame, c.frame.loops)
        return Value(emit.name(name, c.at), value.kind, True)

    # ---- the chain as it is written

    def _as_written(self) -> None:
        c, chain = self.c, self.chain
        form: Any = _SOURCE
        for call, _ in chain.stages:
            form = self._again(call, (call[0], call[1], form))
        if chain.fold is not None:
            start = (_START,) if chain.starts else ()
            form = self._again(chain.form, (chain.form[0], chain.form[1], *start, form))
        elif chain.counts:
            form = self._again(chain.form, (chain.form[0], form))
        c.fuses = False
        try:
            value = c.expr(form, self.scope)
        finally:
            c.fuses = True
        self.kind |= value.kind
        c.block.append(emit.assign(self.result, value.node, c.at))

    def _again(self, form: List, parts: tuple[Any, ...]) -> List:
        """A form with other parts at the same place."""
        new = List(parts)
        if self.c.spans is not None:
            self.c.spans.copy(form, new)
        return new

    # ---- the loop

    def _loop(self, source: Value, start: Value | None) -> None:
        c, chain, at = self.c, self.chain, self.c.at
        if chain.fold is not None:
            self._folding(source, start)
            return
        begin = emit.constant(0, at) if chain.counts else emit.placed(ast.List([], emit.LOAD), at)
        c.block.append(emit.assign(self.result, begin, at))
        self.kind = INT if chain.counts else VECTOR
        self._each(source)
        if not chain.counts:
            made = emit.call("#vector", [emit.name(self.result, at)], at)
            c.block.append(emit.assign(self.result, made, at))

    def _folding(self, source: Value, start: Value | None) -> None:
        c, at = self.c, self.c.at
        begin = emit.name("#missing", at) if start is None else start.node
        c.block.append(emit.assign(self.result, begin, at))
        self.kind = 0 if start is None else start.kind
        while True:  # the accumulator's kind at the head of a turn is what every turn leaves it as
            found, block = c.nested(lambda: self._each(source))
            if not found & ~self.kind:
                break
            self.kind |= found
        c.block.extend(block)
        if start is None:
            c.block.append(emit.does(emit.call("#something", [emit.name(self.result, at)], at), at))

    def _each(self, source: Value) -> int:
        item, kinds = self.c.fresh("item"), []
        stage = self.chain.stages[0][0][0].name.lstrip(".")
        for_each(self.c, source, stage, item, lambda: kinds.append(self._turn(item)), self.result)
        return kinds[0]

    def _turn(self, name: str) -> int:
        """What is done with one element; the kinds the accumulator may have after it."""
        c, at = self.c, self.c.at
        for number, (call, callback) in enumerate(self.chain.stages):
            c.at = c.place_of(call)
            c.tick(number > 0)  # the callback of the first stage is the turn of the loop
            value = callback.call(c, [name], self.scope)
            stage = call[0].name.lstrip(".")
            if stage in _MAPS:
                name = c.local(value)
                continue
            test = truth(c, value)
            skip = [emit.placed(ast.Continue(), at)]
            c.block.append(emit.branch(test if stage == "remove" else emit.negate(test, at), skip, [], at))
        c.at = at
        if self.chain.fold is not None:
            return self._fold(self.chain.fold, name)
        result = emit.name(self.result, at)
        if self.chain.counts:
            more = emit.binary(result, ast.Add(), emit.constant(1, at), at)
            c.block.append(emit.assign(self.result, more, at))
        else:
            add = emit.call(emit.attribute(result, "append", at), [emit.name(name, at)], at)
            c.block.append(emit.does(add, at))
        return 0

    def _fold(self, fold: Callback, name: str) -> int:
        c, at = self.c, self.c.at
        c.tick(1)
        kind = self.kind
        if not self.chain.starts:  # the first element is what the fold starts from
            first = emit.is_(emit.name(self.result, at), emit.name("#missing", at), at)
            begin = [emit.assign(self.result, emit.name(name, at), at), emit.placed(ast.Continue(), at)]
            c.block.append(emit.branch(first, begin, [], at))
            kind |= c.frame.facts.get(name, ANY)
        c.know(self.result, kind)
        value = fold.call(c, [self.result, name], self.scope)
        c.block.append(emit.assign(self.result, value.node, at))
        return kind | value.kind
