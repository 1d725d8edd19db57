"""`quote`, templates out of place, metadata, `meta` and `doc`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.compiler import WANT, Dest
from rtfs.eval.scope import ANY, Scope, Value
from rtfs.eval.special import special
from rtfs.lang.collections import List, Map
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler

_DEFINITIONS = frozenset({"def", "defn", "defn-", "defmacro"})


@special("quote")
def quote(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(quote x)`: the form as data, which the expander made of it."""
    if len(form) != 2:
        raise c.fail("quote", f"expected one form, got {len(form) - 1}", form)
    data = form[1]
    if data is None or type(data) in (bool, int, float, str, Keyword):
        return c.deliver(c.literal(data, scope), dest)
    return c.deliver(Value(c.constant(data), ANY, True), dest)


@special("unquote", "unquote-splicing")
def stray_unquote(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    raise c.fail(form[0].name, "outside a template", form)


@special("quasiquote")
def stray_template(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    raise c.fail("quasiquote", f"expected one form, got {len(form) - 1}", form)


@special("=>")
def stray_clause(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    error = c.fail("=>", "", form)
    error.code, error.message = "RTFS-S060", "the => clause belongs to stream-consume"
    raise error


@special("rtfs/with-meta")
def with_meta(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`^{…} form`: hints around the form, kept metadata on a definition or function (language.md §5.9)."""
    metadata, target = form[1], form[2]
    pairs = list(metadata.pairs) if metadata.pairs is not None else metadata.entries()
    hints = [(key, value) for key, value in pairs if type(key) is Keyword and key.name.startswith("runtime.")]
    kept = [pair for pair in pairs if pair not in hints]
    head = target[0].name if type(target) is List and target and type(target[0]) is Symbol else ""
    if hints:
        return _hinted(c, form, hints, kept, head, scope, dest)
    return _kept(c, form, kept, head, scope, dest)


def _kept(c: Compiler, form: List, kept: list[Any], head: str, scope: Scope, dest: Dest | None) -> Value | None:
    if head in _DEFINITIONS:
        c.pending_metadata = kept
        return c.sub_emit(form, 2, scope, dest)
    if head in ("fn", "lambda", "λ") and kept:
        flat = [c.expr(part, scope).node for pair in kept for part in pair]
        metadata = c.temp(Value(emit.call("#map", flat, c.at)))
        function = c.sub(form, 2, scope)
        return c.deliver(Value(emit.call("#annotate", [function.node, metadata.node], c.at)), dest)
    for _, value in kept:
        if type(value) in (List, Symbol, tuple, Map):
            c.deliver(c.expr(value, scope), Dest("discard"))
    return c.sub_emit(form, 2, scope, dest)


def _hinted(
    c: Compiler, form: List, hints: list[Any], kept: list[Any], head: str, scope: Scope, dest: Dest | None
) -> Value | None:
    """Hints hold while the form runs; leaving it in any way restores the outer ones."""
    at = c.at
    flat = [part for pair in hints for part in (emit.constant(pair[0].name, at), c.expr(pair[1], scope).node)]
    outer_hints = c.fresh("hints")
    c.block.append(emit.assign(outer_hints, emit.call("#push_hints", flat, at), at))
    name = c.fresh()
    inner = Dest("assign", name)
    _, body = c.nested(lambda: _kept(c, form, kept, head, scope, inner))
    import ast

    restore = emit.does(emit.call("#pop_hints", [emit.name(outer_hints, at)], at), at)
    c.block.append(emit.placed(ast.Try(body, [], [], [restore]), at))
    value = Value(emit.name(name, at), c.frame.facts.get(name, ANY), True)
    return value if dest is WANT else c.deliver(value, dest)


@special("meta", "doc")
def meta(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(meta x)` and `(doc x)`: of the definition a symbol names, else of the function value."""
    what = form[0].name
    if len(form) != 2:
        return c.deliver(Value(emit.call(f"({what}", [v.node for v in c.values(form, 1, scope)], c.at)), dest)
    symbol = form[1]
    if type(symbol) is Symbol and scope.find(symbol.name, c.frame) is None:
        if c.target.library(symbol.name):
            c.target.used.add(symbol.name)
        node = emit.call(f"#{what}_of", [emit.constant(symbol.name, c.at)], c.at)
    else:
        node = emit.call(f"({what}", [c.sub(form, 1, scope).node], c.at)
    return c.deliver(Value(node), dest)
