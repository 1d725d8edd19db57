"""`defstruct deftype`, and the forms that stand only at top level."""

from __future__ import annotations

from rtfs.check.infer import Inference, Malformed, form
from rtfs.check.kind import ANY, NIL, function
from rtfs.check.program import stripped
from rtfs.check.report import Want
from rtfs.check.scope import Scope
from rtfs.check.special.binding import define
from rtfs.lang.collections import List
from rtfs.lang.names import Symbol
from rtfs.lang.types import Type


@form("defstruct")
def defstruct(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    symbol = stripped(form[1]) if len(form) > 1 else None
    if type(symbol) is not Symbol or len(form) % 2:
        raise Malformed
    x.metadata(form[1], scope)
    for index in range(3, len(form), 2):
        x.annotation(form, index)
    made = x.program.named_type(symbol.name, x.module) or ANY
    return x.wanted(define(x, symbol, function((made,), None, made), scope), want)


@form("deftype")
def deftype(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    if len(form) != 3:
        raise Malformed
    x.annotation(form, 2)
    return x.wanted(NIL, want)


@form("module", "import", "export", "defmacro")
def only_at_top(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    raise Malformed
