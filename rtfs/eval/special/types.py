"""`defstruct deftype`, and the forms that are legal only at top level."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtfs.eval import emit
from rtfs.eval.scope import NIL, Scope, Value
from rtfs.eval.special import special
from rtfs.eval.special.binding import define, definition_name, description
from rtfs.eval.target import Dest
from rtfs.eval.typing import type_constant
from rtfs.lang.collections import List
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler


@special("defstruct")
def defstruct(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(defstruct Name :field T …)`: a constructor that checks, and a type."""
    symbol, metadata = definition_name(c, form, "defstruct")
    fields = form[2:]
    if len(fields) % 2 or any(type(key) is not Keyword for key in fields[::2]):
        raise c.fail("defstruct", "expected fields as keyword and type", form)
    described = description(c, metadata, scope)
    entries = tuple((key, type_form) for key, type_form in zip(fields[::2], fields[1::2], strict=True))
    record = (Keyword("map"), *entries)
    at = c.at
    c.block.append(emit.does(emit.call("#deftype", [emit.constant(symbol.name, at), type_constant(c, record)], at), at))
    types = emit.tuple_of([type_constant(c, type_form, always=True) for _, type_form in entries], at)
    keys = emit.tuple_of([c.constant(key) for key, _ in entries], at)
    constructor = Value(emit.call("#struct", [emit.constant(symbol.name, at), keys, types], at))
    return c.deliver(define(c, symbol, constructor, scope, described, own=True), dest)


@special("deftype")
def deftype(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(deftype Name T)` names a type."""
    if len(form) != 3 or type(form[1]) is not Symbol:
        raise c.fail("deftype", "expected a name and a type", form)
    at = c.at
    arguments = [emit.constant(form[1].name, at), type_constant(c, form[2])]
    c.block.append(emit.does(emit.call("#deftype", arguments, at), at))
    return c.deliver(Value(emit.constant(None, at), NIL, True), dest)


@special("module", "import", "export", "defmacro")
def only_at_top(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    what = form[0].name
    where = (
        "directly in a module"
        if what == "export"
        else "at top level"
        if what == "module"
        else "at top level or directly in a module"
    )
    raise c.fail(what, f"allowed only {where}", form)
