"""`quote`, templates out of place, metadata, `meta` and `doc`."""

from __future__ import annotations

from typing import Any

from rtfs.check.infer import Inference, Malformed, form
from rtfs.check.kind import ANY, LIST, MAP, NIL, SYMBOL, VECTOR, either, type_of
from rtfs.check.program import head
from rtfs.check.report import Want
from rtfs.check.scope import Scope
from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.types import Type

_DEFINITIONS = frozenset({"def", "defn", "defn-", "defmacro", "defstruct", "fn", "lambda", "λ"})
_SMALL = 100  # items of quoted data that are looked at


@form("quote")
def quote(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    if len(form) != 2:
        raise Malformed
    data = form[1]
    kind = type(data)
    if kind is Symbol:
        x.used_imports.add((x.module, data.name))
        return x.wanted(SYMBOL, want)
    if kind in (List, tuple, PVector, Map):
        bare = LIST if kind is List else MAP if kind is Map else VECTOR
        return x.wanted(type_of(data) if _is_small(data) else bare, want)
    return x.wanted(type_of(data), want)


def _is_small(data: Any) -> bool:
    count, pending = 0, [data]
    while pending:
        part = pending.pop()
        count += 1
        if count > _SMALL or (type(part) is Map and part.pairs is not None):
            return False
        if type(part) in (List, tuple, PVector):
            pending.extend(part)
        elif type(part) is Map:
            pending.extend(each for pair in part.entries() for each in pair)
    return True


@form("quasiquote", "unquote", "unquote-splicing", "=>")
def stray(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    raise Malformed


@form("rtfs/with-meta")
def with_meta(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    """Hints hold for the calls inside; other metadata is kept by definitions and functions only."""
    if len(form) != 3 or type(form[1]) is not Map:
        raise Malformed
    outer, x.at = x.at, x.place(form[1], form, 1)
    x.map(form[1], scope)
    keys = [key for key, _ in map_pairs(form[1])]
    lost = [key for key in keys if not (type(key) is Keyword and key.name.startswith("runtime."))]
    if lost and head(form[2]) not in _DEFINITIONS and head(form[2]) != "rtfs/with-meta":
        shown = " ".join(f":{key.name}" if type(key) is Keyword else str(key) for key in lost[:5])
        x.report("RTFS-W308", f"metadata {shown} has no effect here: it belongs before a definition or a function")
    x.at = outer
    return x.sub(form, 2, scope, want)


@form("meta", "doc")
def meta(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    if len(form) != 2:
        return x.wanted(x.call(form, scope), want)
    x.sub(form, 1, scope)
    return x.wanted(either((NIL, MAP)) if form[0].name == "meta" else ANY, want)
