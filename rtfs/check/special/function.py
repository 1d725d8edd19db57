"""`fn lambda λ defn defn-`, and the functions of macros."""

from __future__ import annotations

from typing import Any, NamedTuple

from rtfs.check.bind import bind, name, repeated
from rtfs.check.infer import Inference, Malformed, form
from rtfs.check.kind import ANY, LIST, NEVER, all_of, function, is_any, sequence
from rtfs.check.program import head, stripped
from rtfs.check.report import Want
from rtfs.check.scope import Scope
from rtfs.check.special.binding import Target, body, define
from rtfs.lang.collections import MISSING, List, Map
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import Param, Params, parse_pattern, pattern_names, split_params
from rtfs.lang.types import Type
from rtfs.lang.values import is_vector


class Clause(NamedTuple):
    """One arity: where its parameters, return type (None without) and body stand in `form`."""

    form: Any
    at: int
    params: Params
    returns: int | None
    start: int


def clauses_of(form: Any, start: int) -> list[Clause]:
    """The clauses of a function whose parameters, or first clause, stand at `start`."""
    if start >= len(form):
        raise Malformed
    if is_vector(form[start]):
        return [_clause(form, start)]
    if not all(type(part) is List and part and is_vector(part[0]) for part in form[start:]):
        raise Malformed
    return [_clause(part, 0) for part in form[start:]]


def _clause(form: Any, at: int) -> Clause:
    params = split_params(form[at], "fn")
    start, returns = at + 1, None
    if start < len(form) and form[start] == Symbol(":"):
        returns, start = start + 1, start + 2
    elif start + 1 < len(form) and type(form[start]) is Keyword:
        returns, start = start, start + 1
    if start >= len(form):
        raise Malformed
    return Clause(form, at, params, returns, start)


def _start(form: List) -> int:
    """Where the parameters of a function form stand."""
    if head(form) in ("fn", "lambda", "λ"):
        return 2 if len(form) > 1 and type(form[1]) is Symbol else 1
    start = 2
    if len(form) > start + 1 and type(form[start]) is str:
        start += 1
    return start + (len(form) > start + 1 and type(form[start]) is Map)


def header(x: Inference, form: Any) -> Type:
    """What a function takes and gives by its annotations alone; anything for other forms."""
    while head(form) == "def" and len(form) > 2:
        form = form[-1]
    form = stripped(form)
    if head(form) not in ("fn", "lambda", "λ", "defn", "defn-"):
        return ANY
    with x.speculation():
        try:
            return all_of(_shape(x, clause, None) for clause in clauses_of(form, _start(form)))
        except Malformed:
            return ANY


def _shape(x: Inference, clause: Clause, result: Type | None) -> Type:
    vector = clause.form[clause.at]
    fixed = [_param_type(x, vector, param) for param in clause.params.fixed]
    rest = None if clause.params.rest is None else _param_type(x, vector, clause.params.rest)
    if clause.returns is not None:
        result = x.annotation(clause.form, clause.returns)
    return function(fixed, rest, ANY if result is None else result)


def _param_type(x: Inference, vector: Any, param: Param) -> Type:
    return ANY if param.type is MISSING or param.type_index is None else x.annotation(vector, param.type_index)


def infer_clauses(x: Inference, clauses: list[Clause], scope: Scope, title: str) -> Type:
    """The type of a function; its bodies are inferred."""
    return all_of([_infer(x, clause, scope, title) for clause in clauses])


def _infer(x: Inference, clause: Clause, scope: Scope, title: str) -> Type:
    inner = Scope(scope, deeper=True, is_body=True)
    vector = clause.form[clause.at]
    params = [*clause.params.fixed, *([] if clause.params.rest is None else [clause.params.rest])]
    repeated(x, [symbol for param in params for symbol in pattern_names(parse_pattern(param.pattern))])
    types = [_param_type(x, vector, param) for param in params]
    given, x.given = x.given, []
    if clause.params.rest is None and len(given) == len(types):
        free = [param.type is MISSING for param in params]
        types = [each if one else found for one, found, each in zip(free, types, given, strict=True)]
    wants = [
        None if param.type is MISSING else Want(found, f"param {_title(param.pattern)} of {title}")
        for param, found in zip(params, types, strict=True)
    ]
    if clause.params.rest is not None:
        types[-1] = LIST if is_any(types[-1]) else sequence("list", types[-1])
        wants[-1] = None
    for param, found in zip(params, types, strict=True):
        outer, x.at = x.at, x.place(param.pattern, vector, param.pattern_index)
        if type(param.pattern) is Symbol:
            name(x, param.pattern, found, inner, "parameter")
        else:
            bind(x, param.pattern, found, inner, "parameter")
        x.at = outer
    declared = None if clause.returns is None else x.annotation(clause.form, clause.returns)
    want = None if declared is None else Want(declared, f"return of {title}")
    x.targets.append(Target(wants, types, [NEVER] * len(types)))
    result = body(x, clause.form, clause.start, inner, want)
    x.targets.pop()
    if want is not None:
        x.settle(want)
    rest = None if clause.params.rest is None else _param_type(x, vector, clause.params.rest)
    return function(types[: len(clause.params.fixed)], rest, declared or result)


def _title(pattern: Any) -> str:
    return pattern.name if type(pattern) is Symbol else "pattern"


@form("fn", "lambda", "λ")
def fn(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    start = _start(form)
    inner, title = scope, "fn"
    if start == 2:
        title = form[1].name
        inner = Scope(scope)
        inner.bind(title, header(x, form))
    return x.wanted(infer_clauses(x, clauses_of(form, start), inner, title), want)


@form("defn", "defn-")
def defn(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    symbol = stripped(form[1]) if len(form) > 1 else None
    if type(symbol) is not Symbol:
        raise Malformed
    x.metadata(form[1], scope)
    start = _start(form)
    for index in range(2, start):
        if type(form[index]) is Map:
            x.sub(form, index, scope)
    found = infer_clauses(x, clauses_of(form, start), scope, symbol.name)
    return x.wanted(define(x, symbol, found, scope), want)


@form("rtfs/macro")
def macro(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    """`(rtfs/macro name [params…] body)`: the function of a macro, over forms."""
    return infer_clauses(x, clauses_of(form, 2), scope, stripped(form[1]).name)
