"""Destructuring: patterns become assignments, in the order language.md §6 gives."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.scope import ANY, MAP, Binding, Scope, Value
from rtfs.eval.typing import check_local, check_rest
from rtfs.lang.collections import MISSING, RAW_KINDS
from rtfs.lang.pattern import Param, Pattern, PIgnore, PMap, PName, PVec, parse_pattern

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler


class Binder:
    """Binds patterns in one scope. With `again` it assigns the locals it made before anew, as `recur` needs."""

    def __init__(self, c: Compiler, scope: Scope, what: str, *, loops: int | None = None, again: bool = False) -> None:
        self.c = c
        self.scope = scope
        self.what = what
        self.loops = loops
        self.again = again

    def bind(self, pattern: Pattern, value: Value) -> None:
        """Emit the assignments that bind `pattern` to a value that can be read again."""
        if type(pattern) is PName:
            self._name(pattern.symbol.name, value)
        elif type(pattern) is PVec:
            self._vector(pattern, value)
        elif type(pattern) is PMap:
            self._map(pattern, value)

    def _name(self, name: str, value: Value) -> None:
        c = self.c
        binding = self.scope.names[name] if self.again else c.bind(self.scope, name, value.kind, loops=self.loops)
        c.block.append(emit.assign(binding.python, value.node, c.at))
        c.know(binding.python, value.kind)

    def _part(self, pattern: Pattern, node: ast.expr) -> None:
        """Bind a part: straight to its name, or through a temporary."""
        if type(pattern) is PName:
            self._name(pattern.symbol.name, Value(node))
        elif type(pattern) is not PIgnore:
            self.bind(pattern, self.c.temp(Value(node)))

    def _vector(self, pattern: PVec, value: Value) -> None:
        c, at = self.c, self.c.at
        count = len(pattern.items)
        helper = "#unpack" if pattern.rest is None else "#unpack_rest"
        names = [c.fresh("part") for _ in range(count + (pattern.rest is not None))]
        parts: ast.expr = emit.call(helper, [value.node, emit.constant(count, at)], at)
        if count and pattern.rest is None:
            parts = emit.choose(is_tuple_of(value.node, count, at), value.node, parts, at)
        if names:
            c.block.append(emit.assign_many(names, parts, at))
        else:
            c.block.append(emit.does(parts, at))
        for item, name in zip(pattern.items, names, strict=False):
            self._part(item, emit.name(name, at))
        if pattern.rest is not None:
            self._name(pattern.rest.name, Value(emit.name(names[-1], at), ANY, True))
        if pattern.whole is not None:
            self._name(pattern.whole.name, value)

    def _map(self, pattern: PMap, value: Value) -> None:
        c, at = self.c, self.c.at
        mapping: ast.expr = value.node
        if value.kind != MAP:
            is_map = emit.is_(emit.type_of(value.node, at), emit.name("#Map", at), at)
            mapping = emit.choose(is_map, value.node, emit.call("#mapping", [value.node], at), at)
        source = c.temp(Value(mapping)).node
        if pattern.whole is not None:
            self._name(pattern.whole.name, value)
        keys = []
        for entry in pattern.entries:
            key = c.expr(entry.key, self.scope).node
            keys.append(key)
            storage = emit.attribute(source, "raw", at) if type(entry.key) in RAW_KINDS else source
            arguments = [key] if entry.default is MISSING else [key, emit.name("#missing", at)]
            found = emit.call(emit.attribute(storage, "get", at), arguments, at)
            if entry.default is MISSING:
                self._part(entry.pattern, found)
            else:
                self._part(entry.pattern, self._or_default(found, entry.default))
        if pattern.rest is not None:
            self._name(pattern.rest.name, Value(emit.call("#without", [source, *keys], at)))

    def _or_default(self, found: ast.expr, default: Any) -> ast.expr:
        c, at = self.c, self.c.at
        name = c.fresh("value")
        c.block.append(emit.assign(name, found, at))
        facts = dict(c.frame.facts)
        c.at = c.place_of(default)
        value, block = c.nested(lambda: c.expr(default, self.scope))
        c.at = at
        block.append(emit.assign(name, value.node, at))
        c.frame.facts = facts
        c.block.append(emit.branch(emit.is_(emit.name(name, at), emit.name("#missing", at), at), block, [], at))
        return emit.name(name, at)


def is_tuple_of(node: ast.expr, count: int, at: emit.Place) -> ast.expr:
    """A test whether a value that can be read again is a short vector of so many elements."""
    size = emit.compare(emit.call("#len", [node], at), ast.Eq(), emit.constant(count, at), at)
    return emit.both([emit.is_(emit.type_of(node, at), emit.name("#tuple", at), at), size], at)


def bind_pattern(c: Compiler, scope: Scope, form: Any, value: Value, what: str, *, loops: int | None = None) -> None:
    """Bind the pattern form to a value."""
    pattern = parse_pattern(form, what)
    if type(pattern) is PName:
        Binder(c, scope, what, loops=loops)._name(pattern.symbol.name, value)
    else:
        Binder(c, scope, what, loops=loops).bind(pattern, c.temp(value))


def bind_param(c: Compiler, scope: Scope, param: Param, raw: str, where: str, *, rest: bool = False) -> None:
    """Bind a parameter (or loop variable) that arrived in the Python local `raw`: its type first, then its pattern."""
    _check(c, param, raw, where, rest)
    pattern = parse_pattern(param.pattern, where)
    if type(pattern) is PName:
        name = pattern.symbol.name
        scope.names[name] = Binding(name, raw, c.frame, c.frame.loops)
    else:
        Binder(c, scope, where).bind(pattern, Value(emit.name(raw, c.at), c.frame.facts.get(raw, ANY), True))


def rebind_step(
    c: Compiler, scope: Scope, param: Param, raw: str, where: str, *, rest: bool = False
) -> Callable[[], None] | None:
    """What `recur` does after assigning `raw`: check and destructure again. None when there is nothing to do."""
    pattern = parse_pattern(param.pattern, where)
    if param.type is MISSING and type(pattern) in (PName, PIgnore):
        return None

    def again() -> None:
        c.know(raw, ANY)
        _check(c, param, raw, where, rest)
        if type(pattern) is not PName:
            value = Value(emit.name(raw, c.at), c.frame.facts.get(raw, ANY), True)
            Binder(c, scope, where, again=True).bind(pattern, value)

    return again


def _check(c: Compiler, param: Param, raw: str, where: str, rest: bool) -> None:
    if param.type is MISSING:
        return
    shown = parameter_name(param.pattern)
    if rest:
        check_rest(c, raw, param.type, f"param {shown} of {where}")
    else:
        check_local(c, raw, param.type, f"param {shown} of {where}")


def parameter_name(pattern: Any) -> str:
    """How an error names what is bound: a name as it is, a pattern by its text."""
    from rtfs.lang.printer import show

    return show(pattern)
