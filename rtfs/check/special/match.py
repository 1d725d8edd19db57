"""`match`: what patterns bind, and which clauses can never be chosen (language.md §7)."""

from __future__ import annotations

from typing import Any, NamedTuple

from rtfs.check.bind import name, repeated
from rtfs.check.infer import Inference, Malformed, form
from rtfs.check.kind import (
    ANY,
    LIST,
    MAP,
    NEVER,
    SEQ,
    Constant,
    constant,
    describe,
    either,
    exact,
    is_any,
    is_never,
    kinds,
    literal,
    sequence,
    target,
    type_of,
)
from rtfs.check.overlap import FITS
from rtfs.check.report import Want
from rtfs.check.scope import Scope
from rtfs.check.signature import element
from rtfs.lang.collections import List, Map
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.printer import show_brief
from rtfs.lang.types import Field, Record, Tuple, Type
from rtfs.lang.values import is_vector

_KEYS, _WHEN = Keyword("keys"), Symbol("when")
_LITERALS = frozenset({bool, int, float, str, Keyword, type(None)})


class Fit(NamedTuple):
    """What is known of a pattern. `type`: every value it fits is of this type. `all`: it fits every value of that."""

    type: Type
    all: bool


_ANYTHING = Fit(ANY, True)


@form("match")
def match(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    if len(form) < 2:
        raise Malformed
    rest = x.sub(form, 1, scope)
    results: list[Type] = []
    seen: set[Any] = set()
    for pattern, guard, body in _clauses(form):
        inner = Scope(scope)
        outer, x.at = x.at, x.place(form[pattern], form, pattern)
        repeated(x, list(_names(form[pattern])))
        fit = _fit(x, form[pattern], rest, inner)
        _reachable(x, form[pattern], fit, rest, seen)
        x.at = outer
        if guard is None:
            rest = _without(x, rest, fit)
            if type(form[pattern]) in _LITERALS:
                seen.add((type(form[pattern]), form[pattern]))
        else:
            x.sub(form, guard, inner)
        results.append(x.sub(form, body, inner, want))
    return x.joining.all(results)


def _clauses(form: List) -> list[tuple[int, int | None, int]]:
    """Positions of pattern, guard (or None) and body of each clause."""
    clauses = []
    index = 2
    while index < len(form):
        guarded = index + 1 < len(form) and type(form[index + 1]) is Symbol and form[index + 1] == _WHEN
        body = index + 3 if guarded else index + 1
        if body >= len(form):
            raise Malformed
        clauses.append((index, index + 2 if guarded else None, body))
        index = body + 1
    return clauses


def _reachable(x: Inference, pattern: Any, fit: Fit, rest: Type, seen: set[Any]) -> None:
    if is_never(rest):
        x.report("RTFS-W201", "this clause is never chosen: the ones before fit every value")
    elif type(pattern) in _LITERALS and (type(pattern), pattern) in seen:
        x.report("RTFS-W201", "this clause is never chosen: an earlier one has the same pattern")
    elif x.overlap.disjoint(rest, fit.type):
        what = (
            f"{show_brief(rest.value, 60)} does not fit" if isinstance(rest, Constant) else f"no {describe(rest)} fits"
        )
        x.report("RTFS-W201", f"this clause is never chosen: {what} its pattern")


def _without(x: Inference, rest: Type, fit: Fit) -> Type:
    """What is left of the values when a clause without guard did not fit."""
    if not fit.all:
        return rest
    return NEVER if is_any(fit.type) else x.narrowing.without(rest, fit.type)


# ---- patterns


def _fit(x: Inference, pattern: Any, subject: Type, scope: Scope) -> Fit:
    """Bind what a pattern binds of a value of type `subject`."""
    kind = type(pattern)
    if kind is Symbol:
        if pattern.name != "_":
            name(x, pattern, subject, scope)
        return _ANYTHING
    if kind in _LITERALS:
        return Fit(type_of(pattern), True)
    if is_vector(pattern):
        return _fit_vector(x, pattern, subject, scope)
    if kind is Map:
        return _fit_map(x, pattern, subject, scope)
    if kind is List and pattern and type(pattern[0]) in (Symbol, Keyword):
        return _fit_list(x, pattern, subject, scope)
    raise Malformed


def _fit_vector(x: Inference, pattern: Any, subject: Type, scope: Scope) -> Fit:
    items, rest = list(pattern), None
    for position, item in enumerate(items):
        if type(item) is Symbol and item.name == "&":
            if position != len(items) - 2 or type(items[-1]) is not Symbol:
                raise Malformed
            items, rest = items[:position], items[-1]
            break
    known = _elements(x, subject, len(items), rest is None)
    fits = [_part(x, pattern, index, known[index], scope) for index in range(len(items))]
    if rest is not None:
        if rest.name != "_":
            below = element(subject, x.joining) if not is_any(subject) else ANY
            name(x, rest, LIST if is_any(below) else sequence("list", below), scope)
        return Fit(SEQ, not items)
    # a list fits as well, but a list of known elements is no tuple
    return Fit(either((exact(each.type for each in fits), LIST)), False)


def _elements(x: Inference, subject: Type, count: int, whole: bool) -> list[Type]:
    node = target(subject)
    if isinstance(node, Tuple) and (len(node.items) == count or (not whole and len(node.items) >= count)):
        return list(node.items[:count])
    below = ANY if is_any(node) else element(node, x.joining)
    return [ANY if is_never(below) else below] * count


def _part(x: Inference, pattern: Any, index: int, subject: Type, scope: Scope) -> Fit:
    outer, x.at = x.at, x.place(pattern[index], pattern, index)
    found = _fit(x, pattern[index], subject, scope)
    x.at = outer
    return found


def _fit_map(x: Inference, pattern: Map, subject: Type, scope: Scope) -> Fit:
    pairs = map_pairs(pattern)
    if not pairs:
        return Fit(literal(()), True)
    fields: list[Field] = []
    for index, (key, part) in enumerate(pairs):
        if key is _KEYS and is_vector(part):
            for each in part:
                if type(each) not in (Symbol, Keyword):
                    raise Malformed
                found = _under(x, subject, Keyword(each.name))
                local = Symbol(each.name.rpartition("/")[2] or each.name, span=getattr(each, "span", None))
                name(x, local, found, scope)
                fields.append(Field(Keyword(each.name), ANY, False))
        elif type(key) is Symbol and key.name == "&":
            if type(part) is Symbol and part.name != "_":
                name(x, part, MAP, scope)
        elif type(key) in (List, Symbol):
            raise Malformed
        else:
            outer, x.at = x.at, x.place(part, pattern, 2 * index + 1)
            fit = _fit(x, part, _under(x, subject, key), scope)
            x.at = outer
            if type(key) in (Keyword, str, int):
                fields.append(Field(key, fit.type, False))
    return Fit(Record(tuple(fields), None, None), False)


def _under(x: Inference, subject: Type, key: Any) -> Type:
    """What is under a key that is there."""
    if type(key) not in _LITERALS:
        return ANY
    found = x.calls.looked_up(subject, constant(key), NEVER)
    return ANY if is_never(found) else found


def _fit_list(x: Inference, pattern: List, subject: Type, scope: Scope) -> Fit:
    head = pattern[0].name
    if head == "quote" and len(pattern) == 2:
        return Fit(type_of(pattern[1]), False)
    if type(pattern[0]) is not Keyword:
        raise Malformed
    if head == "as" and len(pattern) == 3 and type(pattern[1]) is Symbol:
        name(x, pattern[1], subject, scope)
        return _part(x, pattern, 2, subject, scope)
    if head == "or" and len(pattern) > 1:
        fits = [_part(x, pattern, index, subject, scope) for index in range(1, len(pattern))]
        return Fit(either(each.type for each in fits), all(each.all for each in fits))
    at = 1 if head == "type" else 0
    if not at + 1 <= len(pattern) <= at + 2:
        raise Malformed
    named = x.annotation(pattern, at)
    if len(pattern) == at + 1:
        return Fit(named, True)
    fit = _part(x, pattern, at + 1, x.narrowing.within(subject, named), scope)
    if is_any(fit.type):
        return Fit(named, fit.all)
    return Fit(named, fit.all and x.overlap.verdict(named, fit.type) == FITS and kinds(named) is not None)


def _names(pattern: Any) -> list[Symbol]:
    """The names that a pattern binds one after the other; alternatives bind the same ones."""
    kind = type(pattern)
    if kind is Symbol:
        return [] if pattern.name in ("_", "&") else [pattern]
    if is_vector(pattern):
        return [symbol for part in pattern for symbol in _names(part)]
    if kind is Map:
        found: list[Symbol] = []
        for key, part in map_pairs(pattern):
            keys = key is _KEYS and is_vector(part)
            found += [each for each in part if type(each) is Symbol] if keys else _names(part)
        return found
    if kind is List and pattern and type(pattern[0]) is Keyword:
        head = pattern[0].name
        if head == "or":
            return _names(pattern[1]) if len(pattern) > 1 else []
        return [symbol for part in pattern[2 if head == "type" else 1 :] for symbol in _names(part)]
    return []
