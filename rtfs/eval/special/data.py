"""`quote`, templates out of place, metadata, `meta` and `doc`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from rtfs.eval import emit
from rtfs.eval.function import is_fn_form
from rtfs.eval.literal import literal
from rtfs.eval.scope import ANY, Scope, Value
from rtfs.eval.special import special
from rtfs.eval.special.binding import description, metadata_before, outlined
from rtfs.eval.target import MAX_BLOCKS, WANT, Dest
from rtfs.lang.collections import List
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import unmeta

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler

_DEFINITIONS = frozenset({"def", "defn", "defn-", "defstruct"})


@special("quote")
def quote(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(quote x)`: the form as data, which the expander made of it."""
    if len(form) != 2:
        raise c.fail("quote", f"expected one form, got {len(form) - 1}", form)
    data = form[1]
    if data is None or type(data) in (bool, int, float, str, Keyword):
        return c.deliver(literal(c, data, scope), dest)
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
    pairs = metadata_before(form)
    while unmeta(form[2]) is not form[2]:
        form = form[2]
    if any(_is_hint(key) for key, _ in pairs):
        return _hinted(c, form, pairs, scope, dest)
    return _kept(c, form, pairs, scope, dest)


def _is_hint(key: Any) -> bool:
    return type(key) is Keyword and key.name.startswith("runtime.")


def _kept(c: Compiler, form: List, kept: list[Any], scope: Scope, dest: Dest | None) -> Value | None:
    target = form[2]
    head = target[0].name if type(target) is List and target and type(target[0]) is Symbol else ""
    if head in _DEFINITIONS:
        c.pending_metadata = kept
        return c.sub_emit(form, 2, scope, dest)
    metadata = description(c, kept, scope)
    if metadata is None or not is_fn_form(target):
        return c.sub_emit(form, 2, scope, dest)
    function = c.sub(form, 2, scope)
    return c.deliver(Value(emit.call("#annotate", [function.node, metadata.node], c.at)), dest)


def _hinted(c: Compiler, form: List, pairs: list[tuple[Any, Any]], scope: Scope, dest: Dest | None) -> Value | None:
    """Hints hold while the form runs; leaving it in any way restores the outer ones."""
    if c.frame.blocks >= MAX_BLOCKS:
        whole = dest or Dest("assign", c.fresh())
        outlined(c, form, scope, whole)
        return Value(emit.name(whole.name, c.at), ANY, True) if dest is WANT else None
    at = c.at
    kept: list[tuple[Any, Any]] = []
    flat: list[ast.expr] = []
    for key, form_of_value in pairs:
        c.at = c.place_of(form_of_value)
        value = c.temp(c.expr(form_of_value, scope))
        c.at = at
        if _is_hint(key):
            flat += [emit.constant(key.name, at), value.node]
        else:
            kept.append((key, value))
    outer_hints = c.fresh("hints")
    c.block.append(emit.assign(outer_hints, emit.call("#push_hints", flat, at), at))
    name = c.fresh()
    inner = Dest("assign", name)
    c.frame.blocks += 1
    _, body = c.nested(lambda: _kept(c, form, kept, scope, inner))
    c.frame.blocks -= 1
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
