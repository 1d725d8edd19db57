"""`fn lambda λ defn defn-`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.eval.function import compile_function, parse_clauses, python_title
from rtfs.eval.scope import Binding, Scope, Value
from rtfs.eval.special import special
from rtfs.eval.special.binding import define, definition_name, description
from rtfs.eval.target import Dest
from rtfs.lang.collections import List, Map
from rtfs.lang.names import Keyword, Symbol

if TYPE_CHECKING:
    from rtfs.eval.compiler import Compiler


@special("fn", "lambda", "λ")
def fn(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(fn name? [params…] T? body)` or several clauses; a name is visible in the body."""
    start, name = 1, None
    if len(form) > 1 and type(form[1]) is Symbol:
        start, name = 2, form[1].name
    outer, c.at = c.at, c.place_of(form)
    clauses = parse_clauses(c, form, start, form[0].name)
    if name is None:
        value = compile_function(c, None, clauses, scope)
    else:
        own = Binding(name, python_title(c, name, clauses), c.frame, c.frame.loops, function=True)
        inner = Scope(scope, frame=c.frame)
        inner.names[name] = own
        value = compile_function(c, name, clauses, inner, own=own)
    c.at = outer
    return c.deliver(value, dest)


@special("defn", "defn-")
def defn(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(defn name "doc"? {attrs}? [params…] T? body)`, also with several arities; `defn-` is private."""
    what = form[0].name
    symbol, metadata = definition_name(c, form, what)
    start, attributes = attributes_of(form, 2)
    metadata = [*metadata, *attributes]
    if what == "defn-":
        metadata.append((Keyword("private"), True))
    outer, c.at = c.at, c.place_of(form)
    clauses = parse_clauses(c, form, start, what)
    described = description(c, metadata, scope)
    value = compile_function(c, symbol.name, clauses, scope)
    result = define(c, symbol, value, scope, described, own=True)
    c.at = outer
    return c.deliver(result, dest)


def attributes_of(form: List, start: int) -> tuple[int, list[tuple[Any, Any]]]:
    """Docstring and attribute map of a definition, and where its parameters start."""
    metadata: list[tuple[Any, Any]] = []
    if len(form) > start + 1 and type(form[start]) is str:
        metadata.append((Keyword("doc"), form[start]))
        start += 1
    if len(form) > start + 1 and type(form[start]) is Map:
        metadata.extend(form[start].entries())
        start += 1
    return start, metadata


@special("rtfs/macro")
def macro_function(c: Compiler, form: List, scope: Scope, dest: Dest | None) -> Value | None:
    """`(rtfs/macro name [params…] body)`: the function of a defmacro, over unevaluated forms."""
    clauses = parse_clauses(c, form, 2, "defmacro")
    return c.deliver(compile_function(c, form[1].name, clauses, scope), dest)
