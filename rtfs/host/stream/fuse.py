"""Fusion: the stages of a chain become one function, in which no map is built per item (streaming.md §6.10).

The function is an ordinary processor of source text: each tail of a step, a literal result map, goes on with the body
of the next step. The state is the vector of the stages' states, `$0` … in the text; `$x` is the item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from types import FunctionType
from typing import Any, NamedTuple

from rtfs.host.stream.forms import bound_in, renamed, symbols
from rtfs.host.stream.known import Known
from rtfs.host.stream.segment import ITEM, METADATA, Body, Opaque, Segment, around, let, segment, tails
from rtfs.host.stream.stage import K_ACTION, K_OUTPUTS, K_STATE, K_WAKE, Stage
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.evaluator import Evaluator
from rtfs.lang.names import Symbol
from rtfs.lang.values import is_vector

_RECUR = Symbol("recur")
COPIES = 8  # how often the code behind a stage with several tails may stand in the text
_UNFIT = frozenset({"quote", "quasiquote"})  # in these a name is no use of it
_TURNS = frozenset(map(Symbol, ("loop", "fn")))  # what `recur` goes back to


def fuse(stages: Sequence[Stage], evaluator: Evaluator) -> list[Segment]:
    """As few segments as can be."""
    bodies = [_body(number, stage.step, evaluator) for number, stage in enumerate(stages)]
    segments, first = [], 0
    while first < len(bodies):
        last = _end(bodies, first)
        segments.append(segment(bodies, first, last))
        first = last
    return segments


def _end(bodies: list[Body], first: int) -> int:
    """How far the segment that begins at `first` goes."""
    last, copies = first + 1, 1
    while last < len(bodies) and bodies[last - 1].open:
        copies *= max(1, bodies[last - 1].emitting)
        bound: frozenset[str] = frozenset().union(*(body.bound for body in bodies[first:last]))
        if copies > COPIES or bound & bodies[last].used:
            break
        last += 1
    return last


# ---- a step as text


def _body(number: int, step: Any, evaluator: Evaluator) -> Body:
    """The step of a stage, its parameters and captures under `$` names."""
    known = evaluator.identity(step)
    form = evaluator.form(known.text)
    parameters, body = form[1], form[2]
    bound = frozenset(bound_in(body))
    names: dict[str, Any] = {}
    for parameter, symbol in zip(parameters, (Symbol(f"${number}"), ITEM, METADATA), strict=False):
        names[parameter.name] = symbol
    captures: dict[str, Any] = {}
    calls: dict[str, Literal] = {}
    for name, value in known.captures.items():
        marked = f"$c{number}.{name}"
        names[name] = _spelled(value, evaluator, bound) or Symbol(marked)
        literal = literal_of(value, marked, evaluator) if name not in bound else None
        if literal is not None and not literal.used & bound:
            calls[marked] = literal
            captures.update(literal.captures)
        if names[name] == Symbol(marked):
            captures[marked] = value
    whole = inlined(_named(body, names, bound), calls)
    bound, is_function = frozenset(bound_in(whole)), lru_cache(None)(partial(_is_function, evaluator))
    whole = Known(captures, bound, is_function).settled(whole)
    written = frozenset(symbol.name for symbol in symbols(whole))
    used = frozenset(name for name in written if name[0] != "$" and (name not in bound or is_function(name)))
    captures = {name: value for name, value in captures.items() if name in written or type(value) is not FunctionType}
    return _examined(number, whole, used)._replace(captures=captures, wants_metadata=METADATA.name in written)


def _named(body: Any, names: dict[str, Any], bound: frozenset[str]) -> Any:
    """The body with its free names renamed; a name that it binds itself is bound around it instead."""
    hidden = [name for name in names if name in bound]
    free = renamed(body, {name: form for name, form in names.items() if name not in bound})
    return let([part for name in hidden for part in (Symbol(name), names[name])], free)


def _examined(number: int, form: Any, used: frozenset[str]) -> Body:
    """What the tails of a body tell."""
    found: list[Map] = []
    try:
        tails(form, found.append)
    except Opaque:
        found = []
    whole = bool(found) and all(
        is_vector(result.get(K_OUTPUTS, ())) and len(result.get(K_OUTPUTS, ())) <= 1 for result in found
    )
    emitting = sum(whole and len(result.get(K_OUTPUTS, ())) == 1 for result in found)
    stateful = not found or any(result.get(K_STATE) != Symbol(f"${number}") for result in found)
    acting = not found or any(K_ACTION in result for result in found)
    waking = any(K_WAKE in result for result in found)
    bound = frozenset(around(form))
    return Body(form, bound, used, emitting, stateful, acting, waking, whole, {}, wants_metadata=False)


def _is_function(evaluator: Evaluator, name: str) -> bool:
    """Has the library a function of that name, which nobody hides?"""
    function = evaluator.resolve(name, "")
    return function is not None and evaluator.spelling(function) is not None


def _spelled(value: Any, evaluator: Evaluator, bound: frozenset[str]) -> Symbol | None:
    """The name of a function of the library, where none of the bound ones hides it."""
    name = evaluator.spelling(value)
    return None if name is None or name in bound else Symbol(name)


# ---- functions of the program within a step


class Literal(NamedTuple):
    """A function literal that may stand in place of its calls. used: names of the library in it."""

    parameters: tuple[Symbol, ...]
    body: Any
    used: frozenset[str]
    captures: dict[str, Any]


def literal_of(value: Any, marked: str, evaluator: Evaluator) -> Literal | None:
    """The literal that a function is made of; None when it is none, or when a name in it is not the library's."""
    if type(value) is not FunctionType or evaluator.spelling(value) is not None:
        return None
    known = evaluator.identity(value)
    form = evaluator.form(known.text) if known.name is None and known.text.startswith("(fn [") else None
    if form is None or len(form) != 3 or not all(type(each) is Symbol and each.name != "&" for each in form[1]):
        return None
    names = {each.name: Symbol(f"{marked}.{each.name}") for each in form[1]}
    names |= {name: Symbol(f"{marked}.{name}") for name in known.captures}
    bound, own = frozenset(bound_in(form[2])), evaluator.own_names(known.module)
    used = frozenset(symbol.name for symbol in symbols(form[2])) - names.keys() - bound
    if bound & names.keys() or any(name in own or name in _UNFIT for name in used) or _goes_back(form[2]):
        return None
    captures = {f"{marked}.{name}": captured for name, captured in known.captures.items()}
    return Literal(tuple(names[each.name] for each in form[1]), renamed(form[2], names), used, captures)


def _goes_back(form: Any) -> bool:
    """Does a body begin anew with `recur`?"""
    if type(form) is List and form:
        return form[0] == _RECUR or (form[0] not in _TURNS and any(map(_goes_back, form)))
    if type(form) is Map:
        return any(_goes_back(part) for pair in form.entries() for part in pair)
    return is_vector(form) and any(map(_goes_back, form))


def inlined(form: Any, calls: Mapping[str, Literal]) -> Any:
    """The form with calls of literals replaced by their bodies."""
    if type(form) is List and form:
        parts = [inlined(part, calls) for part in form]
        literal = calls.get(parts[0].name) if type(parts[0]) is Symbol else None
        if literal is None or len(literal.parameters) != len(parts) - 1:
            return List(parts)
        pairs = list(zip(literal.parameters, parts[1:], strict=True))
        body = renamed(literal.body, {name.name: METADATA for name, given in pairs if given == METADATA})
        return let([part for pair in pairs if pair[1] != METADATA for part in pair], body)
    if type(form) is Map:
        return Map.of([(inlined(key, calls), inlined(value, calls)) for key, value in form.entries()])
    return vector([inlined(part, calls) for part in form]) if is_vector(form) else form
