"""Fusion: the stages of a chain become one function, in which no map is built per item (streaming.md §6.10).

The function is an ordinary processor of source text: each tail of a step, a literal result map, goes on with the body
of the next step. The state is the vector of the stages' states, `$0` … in the text; `$x` is the item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, NamedTuple

from rtfs.host.stream.segment import ITEM, METADATA, Body, Opaque, Segment, around, let, segment, symbols, tails
from rtfs.host.stream.stage import K_ACTION, K_OUTPUTS, K_STATE, K_WAKE, Stage
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.evaluator import Evaluator
from rtfs.lang.names import Symbol
from rtfs.lang.values import is_vector

COPIES = 8  # how often the code behind a stage with several tails may stand in the text
_FN = Symbol("fn")
_UNFIT = frozenset({"recur", "quote", "quasiquote"})  # in these a name is no use of it, or a place of its own


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
    bound = frozenset(_bound(body))
    names: dict[str, Any] = {}
    for parameter, symbol in zip(parameters, (Symbol(f"${number}"), ITEM, METADATA), strict=False):
        names[parameter.name] = symbol
    captures: dict[str, Any] = {}
    calls: dict[str, Literal] = {}
    for name, value in known.captures.items():
        marked = f"$c{number}.{name}"
        names[name] = _spelled(value, evaluator) or Symbol(marked)
        literal = literal_of(value, marked, evaluator) if name not in bound else None
        if literal is not None and not literal.used & bound:
            calls[marked] = literal
            captures.update(literal.captures)
        if names[name] == Symbol(marked):
            captures[marked] = value
    written = frozenset(symbol.name for symbol in symbols(body))
    used = written - names.keys() - bound
    for literal in calls.values():
        used |= literal.used
    wants = len(parameters) == 3 and parameters[2].name in written
    whole = inlined(_named(body, names, bound), calls)
    return _examined(number, whole, used)._replace(captures=captures, wants_metadata=wants)


def _named(body: Any, names: dict[str, Any], bound: frozenset[str]) -> Any:
    """The body with its free names renamed; a name that it binds itself is bound around it instead."""
    hidden = [name for name in names if name in bound]
    renamed = _renamed(body, {name: form for name, form in names.items() if name not in bound})
    return let([part for name in hidden for part in (Symbol(name), names[name])], renamed)


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


def _spelled(value: Any, evaluator: Evaluator) -> Symbol | None:
    name = evaluator.spelling(value)
    return None if name is None else Symbol(name)


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
    bound, own = frozenset(_bound(form[2])), evaluator.own_names(known.module)
    used = frozenset(symbol.name for symbol in symbols(form[2])) - names.keys() - bound
    if bound & names.keys() or any(name in own or name in _UNFIT for name in used):
        return None
    captures = {f"{marked}.{name}": captured for name, captured in known.captures.items()}
    return Literal(tuple(names[each.name] for each in form[1]), _renamed(form[2], names), used, captures)


def inlined(form: Any, calls: Mapping[str, Literal]) -> Any:
    """The form with calls of literals replaced by their bodies."""
    if type(form) is List and form:
        parts = [inlined(part, calls) for part in form]
        literal = calls.get(parts[0].name) if type(parts[0]) is Symbol else None
        if literal is None or len(literal.parameters) != len(parts) - 1:
            return List(parts)
        return let([part for pair in zip(literal.parameters, parts[1:], strict=True) for part in pair], literal.body)
    if type(form) is Map:
        return Map.of([(inlined(key, calls), inlined(value, calls)) for key, value in form.entries()])
    return vector([inlined(part, calls) for part in form]) if is_vector(form) else form


def _bound(form: Any) -> Iterator[str]:
    """Every name that may be bound in a form: whatever stands in the vector behind the head of a list."""
    if type(form) is List:
        if len(form) > 2 and is_vector(form[1]):
            binders = form[1] if form[0] == _FN else form[1][::2]
            yield from (symbol.name for symbol in symbols(vector(binders)))
        for part in form:
            yield from _bound(part)
    elif type(form) is Map:
        for key, value in form.entries():
            yield from _bound(key)
            yield from _bound(value)
    elif is_vector(form):
        for part in form:
            yield from _bound(part)


def _renamed(form: Any, names: Mapping[str, Any]) -> Any:
    if type(form) is Symbol:
        return names.get(form.name, form)
    if type(form) is List:
        return List([_renamed(part, names) for part in form])
    if type(form) is Map:
        return Map.of([(_renamed(key, names), _renamed(value, names)) for key, value in form.entries()])
    if is_vector(form):
        return vector([_renamed(part, names) for part in form])
    return form
