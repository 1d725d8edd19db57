"""Maps that compile to inline Python: lookups and changed copies, of small maps with keys that are stored as they are.

What a map is made of is asked once; another collection, or a key of another kind, goes through the function of the same
meaning. In metered code everything does, since the functions charge what they copy.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.callback import find_callback
from rtfs.eval.function import is_vector_form
from rtfs.eval.inline import inline, up_to
from rtfs.eval.literal import new_map
from rtfs.eval.scope import ANY, INT, KEYWORD, MAP, STR, VECTOR, Scope, Value
from rtfs.lang.collections import RAW_KINDS, SMALL, List
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler

Change = Callable[[str], Value]  # a Python local → the new value of what it holds
_RAW = ((STR, "#str"), (KEYWORD, "#Keyword"), (INT, "#int"))


# ---- lookup -----------------------------------------------------------------------------------------------------


@inline("get")
def _get(c: Compiler, form: List, scope: Scope) -> Value | None:
    """`(get m k)`, `(get m k default)`"""
    if len(form) == 2 and type(form[1]) is Keyword:
        return Value(emit.call("#context", [emit.constant(form[1].name, c.at)], c.at))
    if len(form) not in (3, 4):
        return None
    at = c.at
    target, key, *default = c.values(form, 1, scope)
    rest = [value.node for value in default]
    if not all(value.stable for value in default) or (c.metered and type(form[2]) not in RAW_KINDS):
        return Value(c.library_call("get", [target.node, key.node, *rest]))
    if not key.stable:
        target, key = c.temp(target), c.temp(key)
    first, again = c.twice(target)
    tests = [emit.is_(emit.type_of(first, at), emit.name("#Map", at), at), *_is_raw(c, key)]
    fast = emit.call(emit.attribute(emit.attribute(again, "raw", at), "get", at), [key.node, *rest], at)
    return Value(emit.choose(emit.both(tests, at), fast, c.library_call("get", [again, key.node, *rest]), at))


@inline("get-in")
def _get_in(c: Compiler, form: List, scope: Scope) -> Value | None:
    """`(get-in m [k …])`: what is missing anywhere gives nil."""
    if len(form) != 3 or c.metered or not is_vector_form(form[2]) or not 0 < len(form[2]) <= SMALL:
        return None
    at = c.at
    target, *keys = _evaluated(c, [(form, 1), *((form[2], n) for n in range(len(form[2])))], scope)
    found = c.fresh()
    c.block.append(emit.assign(found, target.node, at))
    for key in keys:
        value = emit.name(found, at)
        tests = [emit.is_(emit.type_of(value, at), emit.name("#Map", at), at), *_is_raw(c, key)]
        fast = emit.call(emit.attribute(emit.attribute(value, "raw", at), "get", at), [key.node], at)
        slow = c.library_call("get-in", [value, emit.tuple_of([key.node], at)])
        c.block.append(emit.assign(found, emit.choose(emit.both(tests, at), fast, slow, at), at))
    return Value(emit.name(found, at), ANY, True)


def _is_raw(c: Compiler, key: Value) -> list[ast.expr]:
    """A test whether a key that can be read again is stored as it is; nothing when that is certain."""
    if key.kind and not key.kind & ~(STR | KEYWORD | INT):
        return []
    kinds = [name for bit, name in _RAW if key.kind & bit]
    tests = [emit.is_(emit.type_of(key.node, c.at), emit.name(name, c.at), c.at) for name in kinds]
    return [emit.either(tests, c.at)] if tests else [emit.constant(False, c.at)]


def _evaluated(c: Compiler, places: list[tuple[Any, int]], scope: Scope) -> list[Value]:
    """Parts of forms, evaluated in order into what can be read again."""
    return [c.temp(c.sub(parent, index, scope)) for parent, index in places]


# ---- changed copies ---------------------------------------------------------------------------------------------


@inline("assoc")
def _assoc(c: Compiler, form: List, scope: Scope) -> Value | None:
    """`(assoc m k v …)`: a copied dict when `m` is a small map.

    The dict may outgrow 64 keys by as many as the text has literals, which costs less than to look each time; the next
    change of another kind makes it a trie.
    """
    if len(form) < 4 or len(form) % 2:
        return None
    at = c.at
    target, *flat = [c.temp(value) for value in c.values(form, 1, scope)]
    keys, values = flat[::2], flat[1::2]
    literal = all(type(key) in (Keyword, str) for key in form[2::2]) and len(set(form[2::2])) == len(keys)
    if not literal and (c.metered or len(keys) > 1):
        return Value(c.library_call("assoc", [value.node for value in (target, *flat)]))
    changes = emit.placed(ast.Dict([key.node for key in keys], [value.node for value in values]), at)
    c.target.used.add("assoc")
    slow: ast.expr = emit.call("#assoc", [target.node, changes, emit.name("=assoc", at)], at)
    if not literal:
        slow = c.library_call("assoc", [value.node for value in (target, *flat)])
    if c.metered:
        return Value(slow)
    if not literal and target.kind & MAP:  # a large map, or a key that is not stored as it is
        is_map = emit.is_(emit.type_of(target.node, at), emit.name("#Map", at), at)
        own = emit.call(emit.attribute(target.node, "assoc", at), [keys[0].node, values[0].node], at)
        slow = emit.choose(is_map, own, slow, at)
    raw, tests = _small(c, target)
    for key in keys:
        tests += _is_raw(c, key)
    made = c.fresh("map")
    pairs = [(key.node, value.node) for key, value in zip(keys, values, strict=True)]
    _, fast = c.nested(lambda: _copied(c, made, raw, pairs, bounded=literal))
    c.block.append(emit.branch(emit.both(tests, at), fast, [emit.assign(made, slow, at)], at))
    kind = MAP if all(type(key) in (Keyword, str) for key in form[2::2]) else MAP | VECTOR
    return Value(emit.name(made, at), kind, True)  # a vector has no such keys


def _small(c: Compiler, target: Value) -> tuple[str, list[ast.expr]]:
    """The local that holds the storage of a value, and the tests after which that is a dict."""
    at, raw = c.at, c.fresh("raw")
    kept = c.frame.storage.get(target.node.id) if isinstance(target.node, ast.Name) else None
    if kept is not None:
        return kept, [emit.is_(emit.type_of(emit.name(kept, at), at), emit.name("#dict", at), at)]
    tests = [] if target.kind == MAP else [emit.is_(emit.type_of(target.node, at), emit.name("#Map", at), at)]
    storage = emit.walrus(raw, emit.attribute(target.node, "raw", at), at)
    return raw, [*tests, emit.is_(emit.type_of(storage, at), emit.name("#dict", at), at)]


def _copied(c: Compiler, made: str, raw: str, pairs: list[tuple[ast.expr, ast.expr]], *, bounded: bool) -> None:
    """A map over a copy of a dict with these pairs; one that can grow for ever has its size looked at."""
    at, grown = c.at, c.fresh("raw")
    c.block.append(emit.assign(grown, emit.call(emit.attribute(emit.name(raw, at), "copy", at), [], at), at))
    c.block.extend([emit.set_item(grown, key, value, at) for key, value in pairs])
    if bounded:
        new_map(c, emit.name(grown, at), made)
        return
    _, small = c.nested(lambda: new_map(c, emit.name(grown, at), made))
    fits = emit.compare(emit.call("#len", [emit.name(grown, at)], at), ast.LtE(), emit.constant(SMALL, at), at)
    large = emit.assign(made, emit.call("#from_stored", [emit.name(grown, at)], at), at)
    c.block.append(emit.branch(fits, small, [large], at))


@inline("update")
def _update(c: Compiler, form: List, scope: Scope) -> Value | None:
    """`(update m k f x …)` with a callback that needs no function."""
    callback = find_callback(c, form[3], len(form) - 3, scope) if len(form) > 3 and not c.metered else None
    if callback is None:
        return None
    places = [(form, 1), (form, 2), *((form, n) for n in range(4, len(form)))]
    target, key, *extra = _evaluated(c, places, scope)
    more = [c.local(value) for value in extra]
    return _changed(c, "update", target, [key], lambda old: callback.call(c, [old, *more], scope))


@inline("update-in")
def _update_in(c: Compiler, form: List, scope: Scope) -> Value | None:
    """`(update-in m [k …] f x …)`"""
    if len(form) < 4 or not _is_path(c, form[2]):
        return None
    callback = find_callback(c, form[3], len(form) - 3, scope)
    if callback is None:
        return None
    path = [(form[2], n) for n in range(len(form[2]))]
    values = _evaluated(c, [(form, 1), *path, *((form, n) for n in range(4, len(form)))], scope)
    target, keys, more = values[0], values[1 : 1 + len(path)], [c.local(value) for value in values[1 + len(path) :]]
    return _changed(c, "update-in", target, keys, lambda old: callback.call(c, [old, *more], scope))


@inline("assoc-in")
def _assoc_in(c: Compiler, form: List, scope: Scope) -> Value | None:
    """`(assoc-in m [k …] v)`"""
    if len(form) != 4 or not _is_path(c, form[2]):
        return None
    path = [(form[2], n) for n in range(len(form[2]))]
    target, *keys, value = _evaluated(c, [(form, 1), *path, (form, 3)], scope)
    return _changed(c, "assoc-in", target, keys, lambda old: value)


def _is_path(c: Compiler, form: Any) -> bool:
    return not c.metered and is_vector_form(form) and 0 < len(form) <= 8


def _changed(c: Compiler, operation: str, target: Value, keys: list[Value], change: Change) -> Value:
    """The collection with the value at the end of a path changed; maps are created on the way."""
    at, key = c.at, keys[0]
    old, made = c.fresh(), c.fresh("map")
    raw, tests = _small(c, target)
    small = c.fresh()
    tests += _is_raw(c, key)
    lookup = emit.call(emit.attribute(emit.name(raw, at), "get", at), [key.node], at)
    c.target.used.add(operation)  # its topic has what the slow way calls
    found = emit.call("#entry_at", [emit.constant(operation, at), target.node, key.node], at)
    c.block.append(emit.assign(small, emit.both(tests, at), at))
    c.block.append(emit.assign(old, emit.choose(emit.name(small, at), lookup, found, at), at))
    if len(keys) > 1:
        c.at = up_to(at, (at[0], at[1], 0, 0))  # what is below the first level is no argument of the call
        new = _changed(c, operation, Value(emit.name(old, at), ANY, True), keys[1:], change)
        c.at = at
    else:
        new = c.temp(change(old))
    c.at = at
    bounded = isinstance(key.node, ast.Constant) or key.kind == KEYWORD
    _, fast = c.nested(lambda: _copied(c, made, raw, [(key.node, new.node)], bounded=bounded))
    slow = emit.call("#with_entry", [emit.constant(operation, at), target.node, key.node, new.node], at)
    c.block.append(emit.branch(emit.name(small, at), fast, [emit.assign(made, slow, at)], at))
    return Value(emit.name(made, at), MAP | VECTOR, True)
