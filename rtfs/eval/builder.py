"""Folds that use their accumulator linearly collect into one list or dict, which becomes a vector or map at the end."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.callback import Callback, find_callback, for_each
from rtfs.eval.destructure import bind_param
from rtfs.eval.linear import Linear, folded, operation
from rtfs.eval.scope import ANY, BOOL, INT, KEYWORD, MAP, STR, VECTOR, Binding, Scope, Value
from rtfs.eval.storage import keep_storage
from rtfs.eval.target import MAX_BLOCKS, Dest
from rtfs.lang.collections import List, Map
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler

_RAW = STR | KEYWORD | INT


class Collector(Dest):
    """Where the tail forms of such a fold go: each changes the container in a Python local, or leaves it alone."""

    def __init__(self, python: str, kind: str) -> None:
        super().__init__("collect", python)
        self.container = kind

    def plain(self) -> Dest:
        return self


def collected(c: Compiler, form: List, scope: Scope) -> Value | None:
    """The value of `(reduce (fn [acc x] …) [] xs)` or `{}` whose accumulator is used linearly; None for others."""
    if c.metered or len(form) != 4:  # metered code pays for each change as it is written
        return None
    kind = "vector" if type(form[2]) is tuple else "map" if type(form[2]) is Map else ""
    if not kind or len(form[2]) or not _is_linear(c, form, scope, kind):
        return None
    at, python = c.at, c.fresh("total")
    source = c.temp(c.sub(form, 3, scope))
    empty = ast.List([], emit.LOAD) if kind == "vector" else ast.Dict([], [])
    c.block.append(emit.assign(python, emit.placed(empty, at), at))
    c.collects += 1
    _fold(c, form, scope, source, Collector(python, kind))
    c.collects -= 1
    made = emit.call("#vector" if kind == "vector" else "#from_stored", [emit.name(python, at)], at)
    return Value(made, VECTOR if kind == "vector" else MAP)


def _is_linear(c: Compiler, form: List, scope: Scope, kind: str) -> bool:
    found = folded(c, form, scope)
    return found is not None and Linear(c, scope, kind).answer(*found)


def _fold(c: Compiler, form: List, scope: Scope, source: Value, dest: Collector) -> None:
    """The loop of one `reduce`. It cannot grow the container without end, so that its size is looked at afterwards."""
    found = folded(c, form, scope)
    assert found is not None
    callback, name = found
    item = c.fresh("item")
    for_each(c, source, "reduce", item, lambda: _turn(c, callback, name, item, scope, dest), dest.name)
    size = emit.call("#len", [emit.name(dest.name, c.at)], c.at)
    c.block.append(emit.does(emit.call("#check_elements", [size], c.at), c.at))


def _turn(c: Compiler, callback: Callback, name: str, item: str, scope: Scope, dest: Collector) -> None:
    from rtfs.eval.special.binding import compile_body  # deferred: bodies contain folds

    clause = callback.clause
    assert clause is not None
    inner = Scope(scope, frame=c.frame, is_body=True)
    inner.names[name] = binding = Binding(name, dest.name, c.frame, c.frame.loops)
    binding.container = dest.container
    param = clause.params.fixed[1]
    with c.standing_at(clause.params.form, param.pattern_index, param.type_index):
        bind_param(c, inner, param, item, "fn")
    keep_storage(c, inner)
    compile_body(c, clause.form, clause.start, inner, dest)


# ---- changes ----------------------------------------------------------------------------------------------------


def collect(c: Compiler, form: Any, scope: Scope, dest: Dest) -> bool:
    """Emit what a tail form does to the container; False for `if`, `let` and `do`, which have tail forms themselves."""
    assert isinstance(dest, Collector)
    if type(form) is Symbol:
        return True
    changed = operation(c, form, scope)
    if changed is None:
        return False
    outer, c.at = c.at, c.place_of(form)
    if changed == "reduce":
        with c.standing_at(form, 3):
            source = c.temp(c.expr(form[3], scope))
        _fold(c, form, scope, source, dest)
    elif changed == "update":
        _update(c, form, scope, dest)
    else:
        values = [c.temp(value) for value in c.values(form, 2, scope)]
        _CHANGES[changed](c, dest.name, values)
    c.at = outer
    return True


def _conj(c: Compiler, python: str, values: list[Value]) -> None:
    add = emit.attribute(emit.name(python, c.at), "append", c.at)
    c.block.extend([emit.does(emit.call(add, [value.node], c.at), c.at) for value in values])


def _assoc(c: Compiler, python: str, values: list[Value]) -> None:
    keys = [c.temp(Value(_stored(c, key), ANY, bool(_is_raw(key)))) for key in values[::2]]
    for key, value in zip(keys, values[1::2], strict=True):
        c.block.append(emit.set_item(python, key.node, value.node, c.at))


def _dissoc(c: Compiler, python: str, values: list[Value]) -> None:
    for key in values:
        drop = emit.attribute(emit.name(python, c.at), "pop", c.at)
        c.block.append(emit.does(emit.call(drop, [_stored(c, key), emit.constant(None, c.at)], c.at), c.at))


_CHANGES = {"conj": _conj, "assoc": _assoc, "dissoc": _dissoc}


def _update(c: Compiler, form: List, scope: Scope, dest: Collector) -> None:
    callback = find_callback(c, form[3], len(form) - 3, scope)
    assert callback is not None
    given = [c.temp(c.sub(form, index, scope)) for index in (2, *range(4, len(form)))]
    key = c.temp(Value(_stored(c, given[0]), ANY, bool(_is_raw(given[0]))))
    old = c.fresh()
    found = emit.call(emit.attribute(emit.name(dest.name, c.at), "get", c.at), [key.node], c.at)
    c.block.append(emit.assign(old, found, c.at))
    at = c.at
    new = callback.call(c, [old, *[c.local(value) for value in given[1:]]], scope)
    c.block.append(emit.set_item(dest.name, key.node, new.node, at))


def _is_raw(key: Value) -> bool:
    return bool(key.kind) and not key.kind & ~_RAW


def _stored(c: Compiler, key: Value) -> ast.expr:
    """A key that can be read again, as storage holds it."""
    if _is_raw(key):
        return key.node
    at = c.at
    kinds = [emit.is_(emit.type_of(key.node, at), emit.name(kind, at), at) for kind in ("#str", "#Keyword", "#int")]
    return emit.choose(emit.either(kinds, at), key.node, emit.call("#stored_key", [key.node], at), at)


# ---- what the accumulator is asked for --------------------------------------------------------------------------


def ask(c: Compiler, form: List, scope: Scope) -> Value | None:
    """The value of a call that asks a container; None for every other call."""
    if len(form) < 2 or type(form[1]) is not Symbol:
        return None
    binding = scope.find(form[1].name, c.frame)
    if binding is None or binding.container is None or binding.frame is not c.frame:
        return None
    at, container = c.at, emit.name(binding.python, c.at)
    asked = operation(c, form, scope)
    if asked == "count" and len(form) == 2:
        return Value(emit.call("#len", [container], at), INT)
    if asked == "empty?" and len(form) == 2:
        return Value(emit.negate(container, at), BOOL)
    if binding.container == "vector":
        if asked in ("last", "peek") and len(form) == 2:
            return Value(emit.choose(container, emit.index(container, -1, at), emit.constant(None, at), at))
        return None
    keyed = form[0] if type(form[0]) is Keyword else None
    if (keyed is None and asked not in ("get", "contains?")) or len(form) > 4:
        return None
    values = [c.temp(value) for value in c.values(form, 2, scope)]
    key = _stored(c, values[0]) if keyed is None else c.constant(keyed)
    if asked == "contains?":
        return Value(emit.compare(key, ast.In(), container, at), BOOL)
    rest = [value.node for value in values[keyed is None :]]
    return Value(emit.call(emit.attribute(container, "get", at), [key, *rest], at))


def value_of(c: Compiler, binding: Binding) -> Value:
    """The container as a value of its own: a copy, since it goes on changing."""
    at = c.at
    copy = emit.call(emit.attribute(emit.name(binding.python, at), "copy", at), [], at)
    if binding.container == "vector":
        return Value(emit.call("#vector", [copy], at), VECTOR)
    return Value(emit.call("#from_stored", [copy], at), MAP)


def has_room(c: Compiler) -> bool:
    """May one more loop be nested here?"""
    return c.frame.blocks < MAX_BLOCKS // 3
