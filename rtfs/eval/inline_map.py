"""Collections that compile to inline Python: lookups, changed maps, short vectors and lists."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from rtfs.eval import emit
from rtfs.eval.inline import inline
from rtfs.eval.literal import new_map
from rtfs.eval.scope import INT, MAP, STR, VECTOR, Scope, Value
from rtfs.lang.collections import SMALL, List
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler


@inline("get")
def _get(c: Compiler, form: List, scope: Scope) -> Value | None:
    """`(get m :k)`, `(get m "k" default)` on a map with a key that is stored as it is."""
    if len(form) == 2 and type(form[1]) is Keyword:
        return Value(emit.call("#context", [emit.constant(form[1].name, c.at)], c.at))
    if len(form) not in (3, 4) or type(form[2]) not in (Keyword, str):
        return None
    target, key, *default = c.values(form, 1, scope)
    at = c.at
    rest = [value.node for value in default]
    if not all(value.stable for value in default):
        return Value(c.library_call("get", [target.node, key.node, *rest]))
    first, again = c.twice(target)
    test = emit.is_(emit.type_of(first, at), emit.name("#Map", at), at)
    fast = emit.call(emit.attribute(emit.attribute(again, "raw", at), "get", at), [key.node, *rest], at)
    return Value(emit.choose(test, fast, c.library_call("get", [again, key.node, *rest]), at))


@inline("assoc")
def _assoc(c: Compiler, form: List, scope: Scope) -> Value | None:
    """`(assoc m :k v …)` with literal keys that are stored as they are: a copied dict when `m` is a small map.

    The dict may so outgrow 64 keys by as many as the text has literals, which costs less than to look each time; the
    next change of another kind makes it a trie. Metered code, where the text is not trusted, looks each time.
    """
    keys = list(form[2::2])
    if (
        len(form) < 4
        or len(form) % 2
        or not all(type(key) in (Keyword, str) for key in keys)
        or len(set(keys)) < len(keys)
    ):
        return None
    at = c.at
    target, *flat = [c.temp(value) for value in c.values(form, 1, scope)]
    if c.metered:  # the function charges what it copies
        changes = emit.placed(ast.Dict([value.node for value in flat[::2]], [value.node for value in flat[1::2]]), at)
        c.target.used.add("assoc")
        return Value(emit.call("#assoc", [target.node, changes, emit.name("=assoc", at)], at))
    pairs = [(key.node, value.node) for key, value in zip(flat[::2], flat[1::2], strict=True)]
    made, raw, grown = c.fresh("map"), c.fresh("raw"), c.fresh("raw")
    kept = c.frame.storage.get(target.node.id) if isinstance(target.node, ast.Name) else None
    storage: ast.expr = emit.name(kept, at) if kept else emit.walrus(raw, emit.attribute(target.node, "raw", at), at)
    raw = kept or raw
    known = kept or target.kind == MAP
    tests = [] if known else [emit.is_(emit.type_of(target.node, at), emit.name("#Map", at), at)]
    tests.append(emit.is_(emit.type_of(storage, at), emit.name("#dict", at), at))
    if c.target.variant == "metered":
        room = emit.constant(SMALL - len(pairs), at)
        tests.append(emit.compare(emit.call("#len", [emit.name(raw, at)], at), ast.LtE(), room, at))
    outer, c.block = c.block, []
    c.block.append(emit.assign(grown, emit.call(emit.attribute(emit.name(raw, at), "copy", at), [], at), at))
    c.block.extend([emit.set_item(grown, key, value, at) for key, value in pairs])
    new_map(c, emit.name(grown, at), made)
    fast, c.block = c.block, outer
    changes = emit.placed(ast.Dict([key for key, _ in pairs], [value for _, value in pairs]), at)
    c.target.used.add("assoc")
    slow = emit.call("#assoc", [target.node, changes, emit.name("=assoc", at)], at)
    c.block.append(emit.branch(emit.both(tests, at), fast, [emit.assign(made, slow, at)], at))
    return Value(emit.name(made, at), MAP, True)  # a vector has no such keys


@inline("vector")
def _vector(c: Compiler, form: List, scope: Scope) -> Value | None:
    if len(form) > 60:
        return None
    items = [value.node for value in c.values(form, 1, scope)]
    return c.count(Value(emit.tuple_of(items, c.at), VECTOR), 0, len(items))


@inline("list")
def _list(c: Compiler, form: List, scope: Scope) -> Value | None:
    items = emit.tuple_of([value.node for value in c.values(form, 1, scope)], c.at)
    return c.count(Value(emit.call("#List", [items], c.at)), 0, len(form) - 1)


_RESULTS: dict[str, int] = {"count": INT, "str": STR, "pr-str": STR, "keys": VECTOR}


def typed(c: Compiler, form: List, scope: Scope) -> Value | None:
    """An ordinary call whose result kind is known."""
    name = form[0].name.lstrip(".")
    return Value(c.library_call(name, [value.node for value in c.values(form, 1, scope)]), _RESULTS[name])


inline("str", "pr-str", "keys")(typed)
