"""Which parts of a special form are expressions, and which names they see."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.lang.collections import List, Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import (
    is_pattern,
    map_pairs,
    parse_pattern,
    pattern_names,
    rewrite_defaults,
    split_bindings,
    unmeta,
)
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.macros.expander import Expander

Names = frozenset[str]
Walker = Callable[["Expander", List, Names], Any]
WALKERS: dict[str, Walker] = {}


def walker(*names: str) -> Callable[[Walker], Walker]:
    def register(function: Walker) -> Walker:
        for name in names:
            WALKERS[name] = function
        return function

    return register


@walker(
    "quote", "module", "import", "export", "defstruct", "deftype", "unquote", "unquote-splicing", "quasiquote", "=>"
)
def as_it_is(x: Expander, form: List, names: Names) -> Any:
    return form


@walker(
    "if",
    "do",
    "and",
    "or",
    "recur",
    "throw",
    "call",
    "context/get",
    "step-if",
    "step-loop",
    "step-parallel",
    "finally",
    "rtfs/rounds",
)
def expressions(x: Expander, form: List, names: Names) -> Any:
    return x.each(form, 1, names)


@walker("meta", "doc")
def reflecting(x: Expander, form: List, names: Names) -> Any:
    return form if len(form) == 2 and type(form[1]) is Symbol else x.each(form, 1, names)


@walker("step")
def step(x: Expander, form: List, names: Names) -> Any:
    return _body(x, form, 2, names | {"%params"})


@walker("plan")
def plan(x: Expander, form: List, names: Names) -> Any:
    parts = list(form)
    for index in range(1, len(parts) - 1):
        if parts[index] is Keyword("body"):
            parts[index + 1] = x.expand(parts[index + 1], names)
    return x.rebuilt(form, parts)


_DATA_KEYS = frozenset({"language", "input-schema", "output-schema"})


@walker("capability", "resource", "intent", "action")
def object_form(x: Expander, form: List, names: Names) -> Any:
    parts = list(form)
    start = 2 if len(parts) > 1 and type(parts[1]) in (str, Symbol) else 1
    for index in range(start, len(parts) - 1, 2):
        if type(parts[index]) is Keyword and parts[index].name not in _DATA_KEYS:
            parts[index + 1] = x.expand(parts[index + 1], names)
    return x.rebuilt(form, parts)


@walker("rtfs/with-meta")
def with_meta(x: Expander, form: List, names: Names) -> Any:
    return x.rebuilt(form, [form[0], x.expand(form[1], names), x.expand(form[2], names)])


# ---- definitions and functions


@walker("def")
def def_(x: Expander, form: List, names: Names) -> Any:
    if len(form) < 3:
        return form
    return x.rebuilt(form, [*form[:1], _name(x, form[1], names), *form[2:-1], x.expand(form[-1], names)])


def _name(x: Expander, form: Any, names: Names) -> Any:
    """A defined name; metadata before it holds expressions."""
    if type(form) is List and len(form) == 3 and form[0] == Symbol("rtfs/with-meta"):
        return x.rebuilt(form, [form[0], x.expand(form[1], names), form[2]])
    return form


@walker("defn", "defn-", "defmacro")
def defn(x: Expander, form: List, names: Names) -> Any:
    parts = list(form)
    if len(parts) < 3:
        return form
    parts[1] = _name(x, parts[1], names)
    index = 2
    if len(parts) > 3 and type(parts[2]) is str:
        index = 3
    if index < len(parts) and type(parts[index]) is Map:
        parts[index] = x.expand(parts[index], names)
        index += 1
    return x.rebuilt(form, [*parts[:index], *_clauses(x, List(parts), index, names)])


@walker("fn", "lambda", "λ")
def fn(x: Expander, form: List, names: Names) -> Any:
    start = 2 if len(form) > 1 and type(form[1]) is Symbol else 1
    if start == 2:
        names = names | {form[1].name}
    return x.rebuilt(form, [*form[:start], *_clauses(x, form, start, names)])


def _clauses(x: Expander, form: List, start: int, names: Names) -> list[Any]:
    """Parameters and body, or several clauses of them."""
    if start < len(form) and is_vector(form[start]):
        params, inner = _params(x, form[start], names)
        return [params, *_body_parts(x, form, start + 1, inner)]
    clauses = []
    for clause in form[start:]:
        if type(clause) is List and clause and is_vector(clause[0]):
            params, inner = _params(x, clause[0], names)
            clauses.append(x.rebuilt(clause, [params, *_body_parts(x, clause, 1, inner)]))
        else:
            clauses.append(clause)
    return clauses


def _params(x: Expander, form: Any, names: Names) -> tuple[Any, Names]:
    parts = list(form)
    for index, part in enumerate(parts):
        if type(part) is Symbol and part.name in ("&", ":"):
            continue
        if is_pattern(part) and not (index and parts[index - 1] == Symbol(":")):
            parts[index], names = _pattern(x, part, names)
    return x.rebuilt(form, parts), names


def _pattern(x: Expander, form: Any, names: Names) -> tuple[Any, Names]:
    """The pattern with its defaults expanded, and the names visible after it."""
    if type(unmeta(form)) is Symbol:
        return form, names | {unmeta(form).name}
    try:
        bound = pattern_names(parse_pattern(form))
        rewritten = rewrite_defaults(form, lambda e, before: x.expand(e, names | {s.name for s in before}))
    except RtfsError as error:
        if error.kind == "SyntaxError" and error.span is None:
            return form, names  # the compiler says what is wrong with the pattern
        raise
    return rewritten, names | {symbol.name for symbol in bound}


_DEFINES = frozenset({"def", "defn", "defn-"})


def _body_parts(x: Expander, form: Any, start: int, names: Names) -> list[Any]:
    defined = set()
    for part in form[start:]:
        if type(part) is List and len(part) > 1 and type(part[0]) is Symbol and part[0].name in _DEFINES:
            name = unmeta(part[1])
            if type(name) is Symbol:
                defined.add(name.name)
    inner = names | defined if defined else names
    parts = []
    for index in range(start, len(form)):
        part = form[index]
        # a return type after the parameters is no expression
        is_type = index - start < 2 and (
            part == Symbol(":") or (index > start and form[start] == Symbol(":") and index == start + 1)
        )
        parts.append(part if is_type and type(form) is not tuple else x.expand(part, inner))
    return parts


def _body(x: Expander, form: List, start: int, names: Names) -> Any:
    return x.rebuilt(form, [*form[:start], *_body_parts(x, form, start, names)])


# ---- bindings


@walker("let", "loop", "letrec")
def binding(x: Expander, form: List, names: Names) -> Any:
    if len(form) < 2 or not is_vector(form[1]):
        return form
    try:
        bindings = split_bindings(form[1], form[0].name)
    except RtfsError:
        return form  # the compiler says what is wrong
    parts = list(form[1])
    literals = {b.pattern.name for b in bindings if type(b.pattern) is Symbol and _is_fn(b.value)}
    everything = frozenset(unmeta(b.pattern).name for b in bindings if type(b.pattern) is Symbol)
    inner = names | everything if form[0].name == "letrec" else names
    for one in bindings:
        seen = inner | literals if _is_fn(one.value) else inner
        parts[one.value_index] = x.expand(one.value, seen)
        parts[one.pattern_index], inner = _pattern(x, form[1][one.pattern_index], inner)
    return x.rebuilt(form, [form[0], x.rebuilt(form[1], parts), *_body_parts(x, form, 2, inner)])


def _is_fn(form: Any) -> bool:
    return type(form) is List and bool(form) and type(form[0]) is Symbol and form[0].name in ("fn", "lambda", "λ")


@walker("try")
def try_(x: Expander, form: List, names: Names) -> Any:
    return x.each(form, 1, names)


@walker("catch")
def catch(x: Expander, form: List, names: Names) -> Any:
    if len(form) < 2:
        return form
    first = form[1]
    is_kind = type(first) is Keyword or (type(first) is Symbol and (first.name == "_" or first.name[:1].isupper()))
    start = 3 if is_kind and len(form) > 2 and type(form[2]) is Symbol else 2
    name = form[start - 1]
    return _body(x, form, start, names | {name.name} if type(name) is Symbol else names)


@walker("match")
def match(x: Expander, form: List, names: Names) -> Any:
    if len(form) < 2:
        return form
    parts = list(form)
    parts[1] = x.expand(parts[1], names)
    index = 2
    while index < len(parts):
        inner = names | _bound(parts[index])
        index += 1
        if index < len(parts) and parts[index] == Symbol("when") and type(parts[index]) is Symbol:
            if index + 1 < len(parts):
                parts[index + 1] = x.expand(parts[index + 1], inner)
            index += 2
        if index < len(parts):
            parts[index] = x.expand(parts[index], inner)
        index += 1
    return x.rebuilt(form, parts)


def _bound(pattern: Any) -> set[str]:
    """Every symbol of a match pattern; some are no names, which hides no macro that matters there."""
    names: set[str] = set()
    stack = [pattern]
    while stack:
        part = stack.pop()
        if type(part) is Symbol:
            names.add(part.name)
        elif type(part) is List and part and type(part[0]) is Keyword:
            stack.extend(part[1:])
        elif is_vector(part):
            stack.extend(part)
        elif type(part) is Map:
            for key, value in map_pairs(part):
                stack.append(value)
                if key is Keyword("keys"):
                    stack.append(value)
    return names
