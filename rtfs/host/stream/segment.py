"""The text of a segment of a fused chain: the bodies of its steps written into each other (streaming.md §6.10).

Each tail of a step, a literal result map, goes on with the body of the next step. The states are `$0` … in the text,
`$x` is the item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from rtfs.host.stream.chunk import K_EVENT_TIME, K_SEQ, K_TIME
from rtfs.host.stream.forms import renamed, symbols
from rtfs.host.stream.stage import K_ACTION, K_OUTPUTS, K_STATE, K_WAKE
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.values import is_vector

K_CONFIG, K_OUTPUT = Keyword("config"), Keyword("output")
FIELDS = (K_TIME, K_EVENT_TIME, K_SEQ)  # what metadata says of a chunk whatever became of those before it
ITEM, METADATA = Symbol("$x"), Symbol("$metadata")
_RESULT = frozenset({K_STATE, K_OUTPUTS, K_ACTION, K_WAKE})
_FN, _LET, _IF, _COND, _DO, _LOOP, _RECUR = map(Symbol, ("fn", "let", "if", "cond", "do", "loop", "recur"))
_ITEMS, _COUNT, _AT, _OUT, _EACH, _GIVEN, _WAKE = map(
    Symbol, ("$items", "$count", "$at", "$out", "$each", "$given", "$wake")
)
_REFUSE = Symbol("rtfs/refuse")  # which gives nothing back
HELPERS = frozenset(
    ("nil?", "min", "nth", "<", "inc", "count", "conj", "empty?", "vector?", "into", "map")
)  # what the text of a segment uses of the library beside what its steps do


class Segment(NamedTuple):
    """Stages `first` … `last` - 1 as one function of [states items metadata?]: its text, and what its `$` names hold.

    states: the stages among them that have a state; the others keep what they begin with. batch: the same for several
    items; None where a stage asks for an action, or for all metadata.
    """

    first: int
    last: int
    states: tuple[int, ...]
    text: str
    captures: dict[str, Any]
    wants_metadata: bool
    batch: Batch | None


class Batch(NamedTuple):
    """A function of [states items] and a vector of each of `fields`, the entries of the metadata of the items.

    It gives [states outputs wake-at], each output as [number-of-item value], and the earliest time that was asked for.
    spreads: may an item give more than one output?
    """

    text: str
    fields: tuple[Keyword, ...]
    spreads: bool


class Opaque(Exception):
    """A step whose results cannot be taken apart in its text, or metadata that is used as a whole."""


class Body(NamedTuple):
    """A step as text: its form in terms of `$` names, the names it binds around its tails, those it uses, how many of
    its tails give an output."""

    form: Any
    bound: frozenset[str]
    used: frozenset[str]
    emitting: int
    stateful: bool
    acting: bool  # may it ask for an action?
    waking: bool
    open: bool  # may something follow? every tail is a literal result map with a literal vector of at most one output
    captures: dict[str, Any]
    wants_metadata: bool


def segment(bodies: list[Body], first: int, last: int) -> Segment:
    """The bodies from `first` to before `last`, which go on into each other."""
    kept = tuple(number for number in range(first, last) if bodies[number].stateful)
    states = [Symbol(f"${number}") for number in kept]
    wants = any(body.wants_metadata for body in bodies[first:last])
    parameters = vector([vector(states), ITEM, *([METADATA] if wants else [])])
    form = List([_FN, parameters, _Writer(bodies, last, kept).stage(first, states, {})])
    captures = {name: value for body in bodies[first:last] for name, value in body.captures.items()}
    return Segment(first, last, kept, show(form), captures, wants, _batch(bodies, first, last, kept))


def _batch(bodies: list[Body], first: int, last: int, kept: tuple[int, ...]) -> Batch | None:
    """The segment as a loop over items."""
    if any(body.acting or body.bound & HELPERS for body in bodies[first:last]):
        return None
    states, waking = [Symbol(f"${number}") for number in kept], any(body.waking for body in bodies[first:last])
    fields: list[Keyword] = []
    try:
        body = narrowed(_BatchWriter(bodies, last, kept, waking).stage(first, states, {}), fields)
    except Opaque:
        return None
    columns = [_column(field) for field in fields]
    item = [part for field in fields for part in (_field(field), _call("nth", _column(field), _AT))]
    begin = [_AT, 0, _OUT, vector([]), *((_WAKE, None) if waking else ())]
    begin += [part for state in states for part in (state, state)]
    end = vector([vector(states), _OUT, _WAKE if waking else None])
    turn = _if(_call("<", _AT, _COUNT), let([ITEM, _call("nth", _ITEMS, _AT), *item], body), end)
    whole = let([_COUNT, _call("count", _ITEMS)], List([_LOOP, vector(begin), turn]))
    text = show(List([_FN, vector([vector(states), _ITEMS, *columns]), whole]))
    return Batch(text, tuple(fields), not bodies[last - 1].open)


def _field(field: Keyword) -> Symbol:
    return Symbol(f"$metadata.{field.name}")


def _column(field: Keyword) -> Symbol:
    return Symbol(f"$metadata.{field.name}s")


def narrowed(form: Any, fields: list[Keyword]) -> Any:
    """The form with a name in place of each entry of the metadata that it asks for. Opaque for any other use of it."""
    if form == METADATA:
        raise Opaque
    if type(form) is List:
        if len(form) == 2 and form[1] == METADATA and form[0] in FIELDS:
            if form[0] not in fields:
                fields.append(form[0])
            return _field(form[0])
        return List([narrowed(part, fields) for part in form])
    if type(form) is Map:
        return Map.of([(narrowed(key, fields), narrowed(value, fields)) for key, value in form.entries()])
    return vector([narrowed(part, fields) for part in form]) if is_vector(form) else form


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
        bindings, result, asked = self.bindings(at, result, asked)
        outputs = result.get(K_OUTPUTS, ())
        if len(outputs) and at + 1 < self.last:
            if outputs[0] != ITEM:
                bindings += [ITEM, outputs[0]]
            return let(bindings, self.stage(at + 1, states, asked))
        return let(bindings, self.result(states, vector(outputs), asked))

    def last_tail(self, at: int, result: Map, states: list[Symbol], asked: dict[Keyword, Symbol]) -> Any:
        """The result of the last step, whose outputs may be anything."""
        bindings, result, asked = self.bindings(at, result, asked)
        return let(bindings, self.result(states, result.get(K_OUTPUTS), asked))

    def result(self, states: list[Symbol], outputs: Any, asked: dict[Keyword, Symbol]) -> Any:
        """What the function gives in the end."""
        return _result(states, outputs, asked)

    def bindings(
        self, at: int, result: Map, asked: dict[Keyword, Symbol]
    ) -> tuple[list[Any], Map, dict[Keyword, Symbol]]:
        """The parts of a result but its outputs, under names, and the result as what comes behind them means it."""
        bindings: list[Any] = []
        asked, own, before = dict(asked), Symbol(f"${at}"), Symbol(f"$before{at}")
        if at in self.kept and result.get(K_STATE) != own:
            state, result = result.get(K_STATE), result.dissoc(K_STATE)
            if own in symbols(result):  # the state that the step was given
                bindings, result = [before, own], renamed(result, {own.name: before})
            bindings += [own, state]
        for key, mark in ((K_ACTION, "$action"), (K_WAKE, "$wake")):
            if key in result:
                name = Symbol(f"{mark}{at}")
                bindings += [name, result.get(key)]
                if key is K_WAKE and key in asked:
                    bindings += [name, _earlier(asked[key], name)]
                asked[key] = name
        return bindings, result, asked

    def taken_apart(self, at: int, form: Any, states: list[Symbol], asked: dict[Keyword, Symbol]) -> Any:
        """The last step when nobody knows how its result is made."""
        name = Symbol(f"$r{at}")
        parts = Map.of([(key, List([key, name])) for key in (K_STATE, K_OUTPUTS, K_ACTION, K_WAKE)])
        return let([name, form], self.last_tail(at, parts, states, asked))


class _BatchWriter(_Writer):
    """Writes the turn of a loop: the end of one item is the beginning of the next."""

    def __init__(self, bodies: list[Body], last: int, kept: tuple[int, ...], waking: bool) -> None:
        super().__init__(bodies, last, kept)
        self._waking = waking

    def result(self, states: list[Symbol], outputs: Any, asked: dict[Keyword, Symbol]) -> Any:
        wake = [_earlier(_WAKE, asked[K_WAKE])] if K_WAKE in asked else [_WAKE] if self._waking else []
        if is_vector(outputs):
            return _turn(_given(outputs), wake, states)
        pair = List([_FN, vector([_EACH]), vector([_AT, _EACH])])
        made = _if(_call("empty?", _GIVEN), _OUT, _call("into", _OUT, _call("map", pair, _GIVEN)))
        # what is no vector is refused in other words where the item is taken by itself
        sound = _if(_call("vector?", _GIVEN), _turn(made, wake, states), List([_REFUSE, 3, "", _GIVEN]))
        return let([_GIVEN, outputs, _GIVEN, _if(_call("nil?", _GIVEN), vector([]), _GIVEN)], sound)


def _given(outputs: Any) -> Any:
    """All outputs with those of a literal vector beside them."""
    return _call("conj", _OUT, *(vector([_AT, each]) for each in outputs)) if len(outputs) else _OUT


def _turn(out: Any, wake: list[Any], states: list[Symbol]) -> Any:
    return List([_RECUR, _call("inc", _AT), out, *wake, *states])


def _earlier(one: Symbol, other: Symbol) -> Any:
    """The earlier of two times, each of which may be nil."""
    return _if(_call("nil?", one), other, _if(_call("nil?", other), one, _call("min", one, other)))


def _if(test: Any, one: Any, other: Any) -> List:
    return List([_IF, test, one, other])


def _call(name: str, *arguments: Any) -> List:
    """A call of one of the functions of HELPERS."""
    return List([Symbol(name), *arguments])


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


def around(form: Any) -> set[str]:
    """The names that a form binds around its tails."""
    head = form[0] if type(form) is List and form else None
    if head == _LET and len(form) > 2:
        return {symbol.name for symbol in symbols(vector(form[1][::2]))} | around(form[-1])
    if head in (_IF, _COND):
        return set().union(*map(around, form[2:]))
    return around(form[-1]) if head == _DO else set()


def let(bindings: list[Any], body: Any) -> Any:
    """The body with names bound around it."""
    return List([_LET, vector(bindings), body]) if bindings else body


def tails(form: Any, put: Callable[[Map], Any]) -> Any:
    """The form with each of its tails replaced. Opaque when a tail is no literal result map; a refusal may be one."""
    if type(form) is Map and form.keys() <= _RESULT and K_STATE in form:
        return put(form)
    head = form[0] if type(form) is List and form else None
    if head == _REFUSE:
        return form
    if head == _IF and len(form) == 4:
        return List([head, form[1], tails(form[2], put), tails(form[3], put)])
    if head in (_LET, _DO) and len(form) > 2:
        return List([*form[:-1], tails(form[-1], put)])
    if head == _COND and len(form) % 2 == 1 and len(form) > 2 and form[-2] in (Keyword("else"), True):
        parts = [tails(part, put) if place % 2 == 0 else part for place, part in enumerate(form[1:], 1)]
        return List([head, *parts])
    raise Opaque
