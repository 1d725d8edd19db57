"""Fusion: the stages of a chain become one function, in which no map is built per item (streaming.md §6.10).

The function is an ordinary processor of source text: each tail of a step, a literal result map, goes on with the body
of the next step. The state is the vector of the stages' states, `$0` … in the text; `$x` is the item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from rtfs.host.stream.stage import K_ACTION, K_OUTPUTS, K_STATE, K_WAKE, Stage
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.evaluator import FunctionIdentity
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.values import is_vector

K_CONFIG, K_OUTPUT = Keyword("config"), Keyword("output")
COPIES = 8  # how often the code behind a stage with several tails may stand in the text
_RESULT = frozenset({K_STATE, K_OUTPUTS, K_ACTION, K_WAKE})
_FN, _LET, _IF, _COND, _DO = map(Symbol, ("fn", "let", "if", "cond", "do"))
_METADATA, _ITEM = Symbol("$metadata"), Symbol("$x")


class Segment(NamedTuple):
    """Stages `first` … `last` - 1 as one function of [states item metadata?]: its text, and what its `$` names hold."""

    first: int
    last: int
    text: str
    captures: dict[str, Any]
    wants_metadata: bool


class Opaque(Exception):
    """A step whose results cannot be taken apart in its text."""


class Body(NamedTuple):
    """A step as text: its form in terms of `$` names, the names it binds and uses, its tails that give an output."""

    form: Any
    bound: frozenset[str]
    used: frozenset[str]
    emitting: int
    open: bool  # may something follow? every tail is a literal result map with a literal vector of at most one output
    captures: dict[str, Any]
    wants_metadata: bool


def fuse(
    stages: Sequence[Stage], identity: Callable[[Any], FunctionIdentity], read: Callable[[str], Any]
) -> list[Segment]:
    """As few segments as can be. identity: what a step is made of; read: a text as the form in it."""
    bodies = [_body(number, identity(stage.step), read) for number, stage in enumerate(stages)]
    segments, first = [], 0
    while first < len(bodies):
        last = _end(bodies, first)
        segments.append(_segment(bodies, first, last))
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


def _segment(bodies: list[Body], first: int, last: int) -> Segment:
    states = [Symbol(f"${number}") for number in range(first, last)]
    wants = any(body.wants_metadata for body in bodies[first:last])
    parameters = vector([vector(states), _ITEM, *([_METADATA] if wants else [])])
    form = List([_FN, parameters, _Writer(bodies, first, last).stage(first, states, {})])
    captures = {name: value for body in bodies[first:last] for name, value in body.captures.items()}
    return Segment(first, last, show(form), captures, wants)


class _Writer:
    """Writes the stages of one segment into each other."""

    def __init__(self, bodies: list[Body], first: int, last: int) -> None:
        self.bodies, self.first, self.last = bodies, first, last

    def stage(self, at: int, states: list[Symbol], asked: dict[Keyword, Symbol]) -> Any:
        """What happens from stage `at` on. asked: what stages before it asked for."""
        body = self.bodies[at]
        if body.open:
            return tails(body.form, lambda result: self.tail(at, result, states, asked))
        try:
            return tails(body.form, lambda result: self.last_tail(at, result, states, asked))
        except Opaque:
            return self.taken_apart(at, body.form, states, asked)

    def tail(self, at: int, result: Map, states: list[Symbol], asked: dict[Keyword, Symbol]) -> Any:
        """The result of a step, and what follows on it."""
        bindings, states, asked = self.bindings(at, result, states, asked)
        outputs = result.get(K_OUTPUTS, ())
        if len(outputs) and at + 1 < self.last:
            bindings += [_ITEM, outputs[0]]
            return _let(bindings, self.stage(at + 1, states, asked))
        return _let(bindings, _result(states, vector(outputs), asked))

    def last_tail(self, at: int, result: Map, states: list[Symbol], asked: dict[Keyword, Symbol]) -> Any:
        """The result of the last step, whose outputs may be anything."""
        bindings, states, asked = self.bindings(at, result, states, asked)
        return _let(bindings, _result(states, result.get(K_OUTPUTS), asked))

    def bindings(
        self, at: int, result: Map, states: list[Symbol], asked: dict[Keyword, Symbol]
    ) -> tuple[list[Any], list[Symbol], dict[Keyword, Symbol]]:
        """The parts of a result but its outputs, under names."""
        bindings: list[Any] = []
        states, asked, place = list(states), dict(asked), at - self.first
        if result.get(K_STATE) != states[place]:
            bindings += [states[place], result.get(K_STATE)]
        for key, mark in ((K_ACTION, "$action"), (K_WAKE, "$wake")):
            if key in result:
                name, value = Symbol(f"{mark}{at}"), result.get(key)
                if key is K_WAKE and key in asked:
                    value = List([Symbol("min"), asked[key], value])
                bindings += [name, value]
                asked[key] = name
        return bindings, states, asked

    def taken_apart(self, at: int, form: Any, states: list[Symbol], asked: dict[Keyword, Symbol]) -> Any:
        """The last step when nobody knows how its result is made."""
        name = Symbol(f"$r{at}")
        parts = Map.of([(key, List([key, name])) for key in (K_STATE, K_OUTPUTS, K_ACTION, K_WAKE)])
        return _let([name, form], self.last_tail(at, parts, states, asked))


def _result(states: list[Symbol], outputs: Any, asked: dict[Keyword, Symbol]) -> Map:
    entries: list[tuple[Any, Any]] = [(K_STATE, vector(states))]
    if is_vector(outputs) and len(outputs) == 1:
        entries.append((K_OUTPUT, outputs[0]))
    elif not (is_vector(outputs) and len(outputs) == 0):
        entries.append((K_OUTPUTS, outputs))
    if K_ACTION in asked:
        entries.append((K_ACTION, asked[K_ACTION]))
    if K_WAKE in asked:
        entries.append((K_CONFIG, Map.of([(K_WAKE, asked[K_WAKE])])))
    return Map.of(entries)


def _let(bindings: list[Any], body: Any) -> Any:
    return List([_LET, vector(bindings), body]) if bindings else body


# ---- a step as text


def _body(number: int, known: FunctionIdentity, read: Callable[[str], Any]) -> Body:
    """The step of a stage, its parameters and captures under `$` names."""
    form = read(known.text)
    parameters, body = form[1], form[2]
    bound = frozenset(_bound(body))
    names: dict[str, Symbol] = {f"{name}": Symbol(f"$c{number}.{name}") for name in known.captures}
    for parameter, symbol in zip(parameters, (Symbol(f"${number}"), _ITEM, _METADATA), strict=False):
        names[parameter.name] = symbol
    written = frozenset(symbol.name for symbol in _symbols(body))
    hidden = [name for name in names if name in bound]
    renamed = _renamed(body, {name: symbol for name, symbol in names.items() if name not in bound})
    renamed = _let([part for name in hidden for part in (Symbol(name), names[name])], renamed)
    found: list[Map] = []
    try:
        tails(renamed, found.append)
    except Opaque:
        found = []
    whole = bool(found) and all(
        is_vector(result.get(K_OUTPUTS, ())) and len(result.get(K_OUTPUTS, ())) <= 1 for result in found
    )
    emitting = sum(whole and len(result.get(K_OUTPUTS, ())) == 1 for result in found)
    captures = {f"$c{number}.{name}": value for name, value in known.captures.items()}
    wants = len(parameters) == 3 and parameters[2].name in written
    return Body(renamed, bound, written - names.keys() - bound, emitting, whole, captures, wants)


def tails(form: Any, put: Callable[[Map], Any]) -> Any:
    """The form with each of its tails replaced. Opaque when a tail is no literal result map."""
    if type(form) is Map and form.keys() <= _RESULT and K_STATE in form:
        return put(form)
    head = form[0] if type(form) is List and form else None
    if head == _IF and len(form) == 4:
        return List([head, form[1], tails(form[2], put), tails(form[3], put)])
    if head in (_LET, _DO) and len(form) > 2:
        return List([*form[:-1], tails(form[-1], put)])
    if head == _COND and len(form) % 2 == 1 and len(form) > 2 and form[-2] in (Keyword("else"), True):
        parts = [tails(part, put) if place % 2 == 0 else part for place, part in enumerate(form[1:], 1)]
        return List([head, *parts])
    raise Opaque


def _symbols(form: Any) -> Iterator[Symbol]:
    if type(form) is Symbol:
        yield form
    elif type(form) is Map:
        for key, value in form.entries():
            yield from _symbols(key)
            yield from _symbols(value)
    elif type(form) is List or is_vector(form):
        for part in form:
            yield from _symbols(part)


def _bound(form: Any) -> Iterator[str]:
    """Every name that may be bound in a form: whatever stands in the vector behind the head of a list."""
    if type(form) is List:
        if len(form) > 2 and is_vector(form[1]):
            binders = form[1] if form[0] == _FN else form[1][::2]
            yield from (symbol.name for symbol in _symbols(vector(binders)))
        for part in form:
            yield from _bound(part)
    elif type(form) is Map:
        for key, value in form.entries():
            yield from _bound(key)
            yield from _bound(value)
    elif is_vector(form):
        for part in form:
            yield from _bound(part)


def _renamed(form: Any, names: dict[str, Symbol]) -> Any:
    if type(form) is Symbol:
        return names.get(form.name, form)
    if type(form) is List:
        return List([_renamed(part, names) for part in form])
    if type(form) is Map:
        return Map.of([(_renamed(key, names), _renamed(value, names)) for key, value in form.entries()])
    if is_vector(form):
        return vector([_renamed(part, names) for part in form])
    return form
