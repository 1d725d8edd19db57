"""Which parts of a special form are expressions, and which names they see (language.md §5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.lang.collections import List, Map
from rtfs.lang.default import rewrite_defaults
from rtfs.lang.definition import DEFINITIONS, local_definitions
from rtfs.lang.errors import RtfsError, syntax_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import (
    Param,
    map_pairs,
    parse_pattern,
    pattern_names,
    split_bindings,
    split_params,
    unmeta,
)
from rtfs.lang.values import is_vector
from rtfs.macros.quasiquote import META, as_data, head, lower

if TYPE_CHECKING:
    from rtfs.macros.expander import Expander

Names = frozenset[str]
Walker = Callable[["Expander", List, Names], Any]
WALKERS: dict[str, Walker] = {}  # the names that mean a special form at the head of a list, whatever else they mean

_FUNCTIONS = frozenset({"fn", "lambda", "λ"})
_TRANSPARENT = frozenset({"do", "if", "and", "or", "try", "finally", META})
_MARK, _WHEN, _QUOTE = Symbol(":"), Symbol("when"), Symbol("quote")
_KEYS, _TAG = Keyword("keys"), Keyword("tag")


def walker(*names: str) -> Callable[[Walker], Walker]:
    def register(function: Walker) -> Walker:
        for name in names:
            WALKERS[name] = function
        return function

    return register


# ---- data and plain expressions


@walker("module", "import", "export", "unquote", "unquote-splicing", "=>")
def as_it_is(x: Expander, form: List, names: Names) -> Any:
    return form


@walker("deftype")
def deftype(x: Expander, form: List, names: Names) -> Any:
    return _bare(x, form, 1, lambda part: type(part) is Symbol, 2)


@walker("if", "do", "and", "or", "recur", "throw", "call", "context/get", "finally", "rtfs/rounds", "rtfs/value")
def expressions(x: Expander, form: List, names: Names) -> Any:
    return x.each(form, 1, names)


@walker("try")
def try_(x: Expander, form: List, names: Names) -> Any:
    return x.each(_bare(x, form, 1, lambda part: head(part) in ("catch", "finally")), 1, names)


@walker("quote")
def quote(x: Expander, form: List, names: Names) -> Any:
    if len(form) != 2 or type(form[1]) is Symbol:
        return form
    return x.rebuilt(form, [form[0], as_data(form[1])])


@walker("quasiquote")
def quasiquote(x: Expander, form: List, names: Names) -> Any:
    if len(form) != 2:
        return form
    return x.expand(x.stand(lower(form[1], x.module), form), names)


@walker("meta", "doc")
def reflecting(x: Expander, form: List, names: Names) -> Any:
    """A symbol names a definition, which may be a macro; those of the library are known only while expanding."""
    if len(form) != 2 or type(form[1]) is not Symbol:
        return x.each(form, 1, names)
    macro = x.library_macro(form[1], names)
    if macro is None:
        return form
    return List((Symbol("quote"), macro.metadata)) if form[0].name == "meta" else macro.metadata.get(Keyword("doc"))


@walker(META)
def with_meta(x: Expander, form: List, names: Names) -> Any:
    return x.rebuilt(form, [form[0], _metadata(x, form, names), x.expand(form[2], names)])


def _metadata(x: Expander, form: List, names: Names) -> Any:
    """The map of expressions in `^{…} form`. The reader makes these forms; one written by hand must be right.

    A symbol under `:tag`, as `^Name` writes it, is the name of a type and no expression.
    """
    if len(form) != 3 or type(form[1]) is not Map:
        raise syntax_error(META, "expected a map and a form", x.span(form))
    given: Map = form[1]
    tag = given.get(_TAG)
    return x.expand(given.assoc(_TAG, List((_QUOTE, tag))) if type(tag) is Symbol else given, names)


# ---- definitions and functions


@walker("def")
def def_(x: Expander, form: List, names: Names) -> Any:
    if len(form) < 3:
        return defstruct(x, form, names)
    return x.rebuilt(form, [form[0], _named(x, form[1], names), *form[2:-1], x.expand(form[-1], names)])


@walker("defstruct")
def defstruct(x: Expander, form: List, names: Names) -> Any:
    """Only the metadata of the name is code; so it is of a definition that lacks its value."""
    return form if len(form) < 2 else x.rebuilt(form, [form[0], _named(x, form[1], names), *form[2:]])


def _named(x: Expander, form: Any, names: Names) -> Any:
    """A name that is defined; the metadata before it holds expressions."""
    if head(form) != META:
        return form
    return x.rebuilt(form, [form[0], _metadata(x, form, names), _named(x, form[2], names)])


def _bare(x: Expander, form: Any, start: int, wanted: Callable[[Any], bool], stop: int | None = None) -> Any:
    """The form without metadata before those parts from `start` on that are `wanted` and no expressions."""
    parts = [unmeta(part) if wanted(unmeta(part)) else part for part in form[start:stop]]
    return x.rebuilt(form, [*form[:start], *parts, *form[start + len(parts) :]])


@walker("defn", "defn-", "defmacro")
def defn(x: Expander, form: List, names: Names) -> Any:
    if len(form) < 3:
        return defstruct(x, form, names)
    parts = [form[0], _named(x, form[1], names)]
    if type(form[2]) is str:
        parts.append(form[2])
    if len(form) > len(parts) and type(form[len(parts)]) is Map:
        parts.append(x.expand(form[len(parts)], names))
    return x.rebuilt(form, [*parts, *_clauses(x, form, len(parts), names)])


@walker("fn", "lambda", "λ")
def fn(x: Expander, form: List, names: Names) -> Any:
    start = 1
    if len(form) > 1 and type(unmeta(form[1])) is Symbol:
        if head(form[1]) == META:  # metadata of the name is metadata of the function
            named = x.rebuilt(form, [form[0], form[1][2], *form[2:]])
            return x.expand(x.stand(List((form[1][0], form[1][1], named)), form), names)
        start, names = 2, names | {form[1].name}
    return x.rebuilt(form, [*form[:start], *_clauses(x, form, start, names)])


def _clauses(x: Expander, form: List, start: int, names: Names) -> list[Any]:
    """Parameters and body, or several clauses of them."""
    names = names | x.ahead
    form = _bare(x, form, start, is_vector, start + 1)
    if start < len(form) and is_vector(form[start]):
        return _clause(x, form, start, names)
    clauses: list[Any] = []
    for clause in map(unmeta, form[start:]):
        good = type(clause) is List and len(clause) > 0 and is_vector(unmeta(clause[0]))
        if good:
            clause = _bare(x, clause, 0, is_vector, 1)
        clauses.append(x.rebuilt(clause, _clause(x, clause, 0, names)) if good else clause)
    return clauses


def _clause(x: Expander, form: List, start: int, names: Names) -> list[Any]:
    """`[params…] T? body` from `start` on; the type after a mark is no expression."""
    params, names = _params(x, form[start], names)
    typed = 2 if len(form) > start + 2 and form[start + 1] == _MARK else 0
    body = start + 1 + typed
    return [params, *form[start + 1 : body], *_body(x, form, body, names)]


def _params(x: Expander, form: Any, names: Names) -> tuple[Any, Names]:
    try:
        params = split_params(form, "fn")
    except RtfsError:
        return form, names  # the compiler says what is wrong
    given: list[Param] = [*params.fixed, params.rest] if params.rest is not None else params.fixed
    parts = list(form)
    for param in given:
        parts[param.pattern_index], names = _pattern(x, parts[param.pattern_index], names)
    return x.rebuilt(form, parts), names


def _pattern(x: Expander, form: Any, names: Names) -> tuple[Any, Names]:
    """The pattern with its `:or` defaults expanded, and the names visible after it."""
    if type(form) is Symbol:
        return form, names | {form.name}
    try:
        bound = pattern_names(parse_pattern(form))
    except RtfsError:
        return form, names  # the compiler says what is wrong
    new = rewrite_defaults(form, lambda e, before: x.expand(e, names.union([name.name for name in before])))
    names = names.union([name.name for name in bound])
    if new is unmeta(form):
        return form, names
    x.copy_place(unmeta(form), new)
    return new, names


# ---- bodies


def _body(x: Expander, form: Any, start: int, names: Names) -> list[Any]:
    """The forms of a body scope: what one of them defines, later ones see, and function literals see before."""
    outer = x.ahead
    ahead = defined_names(form[start:])
    if ahead:
        x.ahead = outer | ahead
    parts: list[Any] = []
    for index in range(start, len(form)):
        part = x.expand(form[index], names)
        parts.append(part)
        names = names.union(local_definitions((part,)))
    x.ahead = outer
    return parts


def defined_names(forms: Any) -> Names:
    """The names that definitions among the forms, which are not yet expanded, certainly make in their body scope."""
    names: set[str] = set()
    pending = list(forms)
    while pending:
        part = pending.pop()
        name = head(part)
        if name in _TRANSPARENT:
            pending.extend(part[1:])
        elif name in DEFINITIONS and len(part) > 1:
            defined = unmeta(part[1])
            if type(defined) is Symbol:
                names.add(defined.name)
    return frozenset(names)


def own_names(form: Any) -> Names:
    """The name that a top-level form gives a function: inside of it that name is no macro any more."""
    form = unmeta(form)
    if head(form) in ("defn", "defn-") or (head(form) == "def" and is_function(form[-1])):
        return defined_names([form])
    return frozenset()


def is_function(form: Any) -> bool:
    return head(form) in _FUNCTIONS


# ---- bindings


@walker("let", "loop", "letrec")
def binding(x: Expander, form: List, names: Names) -> Any:
    form = _bare(x, form, 1, is_vector, 2)
    if len(form) < 2 or not is_vector(form[1]):
        return form
    what: str = form[0].name
    try:
        bindings = split_bindings(form[1], what)
    except RtfsError:
        return form  # the compiler says what is wrong
    plain = [one for one in bindings if type(one.pattern) is Symbol]
    functions = frozenset(one.pattern.name for one in plain if is_function(one.value)) if what == "let" else frozenset()
    if what == "letrec":
        names = names.union([one.pattern.name for one in plain])
    parts = list(form[1])
    for one in bindings:
        seen = names | functions if is_function(one.value) else names
        parts[one.value_index] = x.expand(one.value, seen)
        parts[one.pattern_index], names = _pattern(x, parts[one.pattern_index], names)
    return x.rebuilt(form, [form[0], x.rebuilt(form[1], parts), *_body(x, form, 2, names)])


@walker("catch")
def catch(x: Expander, form: List, names: Names) -> Any:
    if len(form) < 2:
        return form
    form = _bare(x, form, 1, lambda part: type(part) is Keyword or type(part) is Symbol, 3)
    first = form[1]
    is_kind = type(first) is Keyword or (type(first) is Symbol and (first.name == "_" or first.name[0].isupper()))
    start = 3 if is_kind and len(form) > 2 and type(form[2]) is Symbol else 2
    name = form[start - 1]
    if type(name) is Symbol:
        names = names | {name.name}
    return x.rebuilt(form, [*form[:start], *_body(x, form, start, names)])


@walker("match")
def match(x: Expander, form: List, names: Names) -> Any:
    parts = list(form)
    if len(parts) > 1:
        parts[1] = x.expand(parts[1], names)
    index = 2
    while index < len(parts):
        parts[index] = as_data(parts[index])
        inner = names | matched_names(parts[index])
        guarded = index + 1 < len(parts) and parts[index + 1] == _WHEN
        for place in (index + 2, index + 3) if guarded else (index + 1,):
            if place < len(parts):
                parts[place] = x.expand(parts[place], inner)
        index += 4 if guarded else 2
    return x.rebuilt(form, parts)


def matched_names(pattern: Any) -> Names:
    """The names that a pattern of `match` binds (language.md §7)."""
    names: set[str] = set()
    pending = [pattern]
    while pending:
        part = pending.pop()
        if type(part) is Symbol:
            names.add(part.name)
        elif is_vector(part):
            pending.extend(part)
        elif type(part) is Map:
            for key, value in map_pairs(part):
                if key is _KEYS and is_vector(value):
                    names.update(name.name.rpartition("/")[2] for name in value if type(name) is Symbol)
                else:
                    pending.append(value)
        elif type(part) is List and part and type(part[0]) is Keyword:
            pending.extend(part[2:] if part[0].name == "type" else part[1:])
    return frozenset(names - {"_", "&"})


# ---- steps, plans, objects


_STEP_OPTIONS = frozenset({"expose-context", "context-keys", "params"})


@walker("step", "step-if", "step-loop", "step-parallel")
def step(x: Expander, form: List, names: Names) -> Any:
    """Options, whose values see the names outside, then expressions, which see `%params` if it is given."""
    parts = list(form)
    index = 2 if form[0].name == "step" else 1
    inner = names
    while index + 1 < len(parts) and type(parts[index]) is Keyword and parts[index].name in _STEP_OPTIONS:
        if parts[index].name == "params":
            inner = names | {"%params"}
        parts[index + 1] = x.expand(parts[index + 1], names)
        index += 2
    return x.rebuilt(form, [*parts[:index], *_body(x, form, index, inner)])


@walker("plan")
def plan(x: Expander, form: List, names: Names) -> Any:
    return _properties(x, form, names, lambda key: key == "body")


_DATA_KEYS = frozenset({"language", "input-schema", "output-schema"})


@walker("capability", "resource", "intent", "action")
def object_form(x: Expander, form: List, names: Names) -> Any:
    return _properties(x, form, names, lambda key: key not in _DATA_KEYS)


def _properties(x: Expander, form: List, names: Names, is_code: Callable[[str], bool]) -> Any:
    """`(head name? :k v …)`, where the values of some keys are expressions."""
    parts = list(form)
    start = 2 if len(parts) > 1 and type(parts[1]) in (str, Symbol) else 1
    for index in range(start, len(parts) - 1, 2):
        if type(parts[index]) is Keyword and is_code(parts[index].name):
            parts[index + 1] = x.expand(parts[index + 1], names)
    return x.rebuilt(form, parts)
