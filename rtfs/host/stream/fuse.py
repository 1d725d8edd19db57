"""Fusion: the stages of a chain become one function, in which no map is built per item (streaming.md §6.10).

The function is an ordinary processor of source text: each tail of a step, a literal result map, goes on with the body
of the next step. The state is the vector of the stages' states, `$0` … in the text; `$x` is the item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, NamedTuple

from rtfs.host.stream.stage import K_ACTION, K_OUTPUTS, K_STATE, K_WAKE, Stage
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.evaluator import Evaluator
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.values import is_vector

K_CONFIG, K_OUTPUT = Keyword("config"), Keyword("output")
COPIES = 8  # how often the code behind a stage with several tails may stand in the text
_RESULT = frozenset({K_STATE, K_OUTPUTS, K_ACTION, K_WAKE})
_FN, _LET, _IF, _COND, _DO = map(Symbol, ("fn", "let", "if", "cond", "do"))
_UNFIT = frozenset({"recur", "quote", "quasiquote"})  # in these a name is no use of it, or a place of its own
_METADATA, _ITEM = Symbol("$metadata"), Symbol("$x")
_ITEMS, _COUNT, _AT, _OUT = map(Symbol, ("$items", "$count", "$at", "$out"))


class Segment(NamedTuple):
    """Stages `first` … `last` - 1 as one function of [states item metadata?]: its text, and what its `$` names hold.

    states: the stages among them that have a state; the others keep what they begin with. batch: the same for a vector
    of items, as a function of [states items] that gives [states outputs], each output as [number-of-item value]; None
    where a stage asks for metadata, an action or a time, or gives more than one output.
    """

    first: int
    last: int
    states: tuple[int, ...]
    text: str
    captures: dict[str, Any]
    wants_metadata: bool
    batch: str | None


class Opaque(Exception):
    """A step whose results cannot be taken apart in its text."""


class Body(NamedTuple):
    """A step as text: its form in terms of `$` names, the names it binds and uses, its tails that give an output."""

    form: Any
    bound: frozenset[str]
    used: frozenset[str]
    emitting: int
    stateful: bool
    asking: bool  # for an action, or to be woken
    open: bool  # may something follow? every tail is a literal result map with a literal vector of at most one output
    captures: dict[str, Any]
    wants_metadata: bool


def fuse(stages: Sequence[Stage], evaluator: Evaluator) -> list[Segment]:
    """As few segments as can be."""
    bodies = [_body(number, stage.step, evaluator) for number, stage in enumerate(stages)]
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
    kept = tuple(number for number in range(first, last) if bodies[number].stateful)
    states = [Symbol(f"${number}") for number in kept]
    wants = any(body.wants_metadata for body in bodies[first:last])
    parameters = vector([vector(states), _ITEM, *([_METADATA] if wants else [])])
    form = List([_FN, parameters, _Writer(bodies, last, kept).stage(first, states, {})])
    captures = {name: value for body in bodies[first:last] for name, value in body.captures.items()}
    return Segment(first, last, kept, show(form), captures, wants, _batch(bodies, first, last, kept))


def _batch(bodies: list[Body], first: int, last: int, kept: tuple[int, ...]) -> str | None:
    """The text of the segment as a loop over items."""
    if any(not body.open or body.asking or body.wants_metadata for body in bodies[first:last]):
        return None
    states = [Symbol(f"${number}") for number in kept]
    body = _BatchWriter(bodies, last, kept).stage(first, states, {})
    turn = List([_IF, List([Symbol("<"), _AT, _COUNT]), _let([_ITEM, List([Symbol("nth"), _ITEMS, _AT])], body),
                 vector([vector(states), _OUT])])  # fmt: skip
    begin = [_AT, 0, _OUT, vector([]), *(part for state in states for part in (state, state))]
    whole = _let([_COUNT, List([Symbol("count"), _ITEMS])], List([Symbol("loop"), vector(begin), turn]))
    return show(List([_FN, vector([vector(states), _ITEMS]), whole]))


class _Writer:
    """Writes the stages of one segment into each other."""

    def __init__(self, bodies: list[Body], last: int, kept: tuple[int, ...]) -> None:
        self.bodies, self.last, self.kept = bodies, last, kept

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
        bindings, asked = self.bindings(at, result, asked)
        outputs = result.get(K_OUTPUTS, ())
        if len(outputs) and at + 1 < self.last:
            if outputs[0] != _ITEM:
                bindings += [_ITEM, outputs[0]]
            return _let(bindings, self.stage(at + 1, states, asked))
        return _let(bindings, self.result(states, vector(outputs), asked))

    def result(self, states: list[Symbol], outputs: Any, asked: dict[Keyword, Symbol]) -> Any:
        """What the function gives in the end."""
        return _result(states, outputs, asked)

    def last_tail(self, at: int, result: Map, states: list[Symbol], asked: dict[Keyword, Symbol]) -> Any:
        """The result of the last step, whose outputs may be anything."""
        bindings, asked = self.bindings(at, result, asked)
        return _let(bindings, _result(states, result.get(K_OUTPUTS), asked))

    def bindings(self, at: int, result: Map, asked: dict[Keyword, Symbol]) -> tuple[list[Any], dict[Keyword, Symbol]]:
        """The parts of a result but its outputs, under names."""
        bindings: list[Any] = []
        asked, own = dict(asked), Symbol(f"${at}")
        if at in self.kept and result.get(K_STATE) != own:
            bindings += [own, result.get(K_STATE)]
        for key, mark in ((K_ACTION, "$action"), (K_WAKE, "$wake")):
            if key in result:
                name, value = Symbol(f"{mark}{at}"), result.get(key)
                if key is K_WAKE and key in asked:
                    value = List([Symbol("min"), asked[key], value])
                bindings += [name, value]
                asked[key] = name
        return bindings, asked

    def taken_apart(self, at: int, form: Any, states: list[Symbol], asked: dict[Keyword, Symbol]) -> Any:
        """The last step when nobody knows how its result is made."""
        name = Symbol(f"$r{at}")
        parts = Map.of([(key, List([key, name])) for key in (K_STATE, K_OUTPUTS, K_ACTION, K_WAKE)])
        return _let([name, form], self.last_tail(at, parts, states, asked))


class _BatchWriter(_Writer):
    """Writes the turn of a loop: the end of one item is the beginning of the next."""

    def result(self, states: list[Symbol], outputs: Any, asked: dict[Keyword, Symbol]) -> Any:
        out = List([Symbol("conj"), _OUT, vector([_AT, outputs[0]])]) if len(outputs) else _OUT
        return List([Symbol("recur"), List([Symbol("inc"), _AT]), out, *states])


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


def _body(number: int, step: Any, evaluator: Evaluator) -> Body:
    """The step of a stage, its parameters and captures under `$` names."""
    known = evaluator.identity(step)
    form = evaluator.form(known.text)
    parameters, body = form[1], form[2]
    bound = frozenset(_bound(body))
    names: dict[str, Any] = {}
    for parameter, symbol in zip(parameters, (Symbol(f"${number}"), _ITEM, _METADATA), strict=False):
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
    written = frozenset(symbol.name for symbol in _symbols(body))
    used = written - names.keys() - bound
    for literal in calls.values():
        used |= literal.used
    wants = len(parameters) == 3 and parameters[2].name in written
    return _examined(number, inlined(_named(body, names, bound), calls), bound, used)._replace(
        captures=captures, wants_metadata=wants
    )


def _named(body: Any, names: dict[str, Any], bound: frozenset[str]) -> Any:
    """The body with its free names renamed; a name that it binds itself is bound around it instead."""
    hidden = [name for name in names if name in bound]
    renamed = _renamed(body, {name: form for name, form in names.items() if name not in bound})
    return _let([part for name in hidden for part in (Symbol(name), names[name])], renamed)


def _examined(number: int, form: Any, bound: frozenset[str], used: frozenset[str]) -> Body:
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
    asking = any(K_ACTION in result or K_WAKE in result for result in found)
    return Body(form, bound, used, emitting, stateful, asking, whole, {}, wants_metadata=False)


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
    used = frozenset(symbol.name for symbol in _symbols(form[2])) - names.keys() - bound
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
        return _let([part for pair in zip(literal.parameters, parts[1:], strict=True) for part in pair], literal.body)
    if type(form) is Map:
        return Map.of([(inlined(key, calls), inlined(value, calls)) for key, value in form.entries()])
    return vector([inlined(part, calls) for part in form]) if is_vector(form) else form


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
