"""`let letrec loop recur def`, and bodies with local definitions."""

from __future__ import annotations

from typing import Any, NamedTuple

from rtfs.check.bind import bind, hides, name
from rtfs.check.infer import Inference, Malformed, form
from rtfs.check.kind import ANY, BOOL, FUNCTION, LIST, MAP, NEVER, NIL, NUMBER, STRING, VECTOR, is_any, kinds
from rtfs.check.overlap import FITS
from rtfs.check.program import definitions, is_literal, stripped
from rtfs.check.report import Want
from rtfs.check.scope import Scope
from rtfs.lang.collections import MISSING, List
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import Binding, split_bindings
from rtfs.lang.types import Type

_WIDE = (NUMBER, STRING, BOOL, VECTOR, LIST, MAP, FUNCTION)
_SPECULATIVE = 3  # nested loops whose variables are guessed; inside of those, anything goes


class Target(NamedTuple):
    """What `recur` goes to: what each variable must be (None: nothing is said) and what is assumed of it so far."""

    wants: list[Want | None]
    assumed: list[Type]
    given: list[Type]


def bindings_of(form: List) -> list[Binding]:
    if len(form) < 3:
        raise Malformed
    return split_bindings(form[1], form[0].name)


def body(x: Inference, form: Any, start: int, scope: Scope, want: Want | None) -> Type:
    """A body scope: function literals in it see what it defines, whatever comes first."""
    for symbol, whole, _ in [each for part in form[start:] for each in definitions(part)]:
        scope.future.setdefault(symbol.name, ANY if whole is MISSING else _header(x, whole))
    return x.body(form, start, scope, want)


def _header(x: Inference, form: Any) -> Type:
    from rtfs.check.special.function import header  # deferred: functions have bodies

    return header(x, form)


def value(x: Inference, vector: Any, one: Binding, scope: Scope, what: str) -> Type:
    """The type of a bound value: what is annotated, else what is inferred."""
    if one.type is MISSING:
        return x.sub(vector, one.value_index, scope)
    assert one.type_index is not None
    annotated = x.annotation(vector, one.type_index)
    x.expect(vector, one.value_index, scope, Want(annotated, f"{what} {_title(one.pattern)}"))
    return annotated


def _title(pattern: Any) -> str:
    return pattern.name if type(pattern) is Symbol else "pattern"


def _bound(x: Inference, vector: Any, one: Binding, found: Type, scope: Scope) -> None:
    outer, x.at = x.at, x.place(one.pattern, vector, one.pattern_index)
    bind(x, one.pattern, found, scope)
    x.at = outer


@form("let")
def let(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    bindings = bindings_of(form)
    group = Scope(scope)
    for one in bindings:
        if type(one.pattern) is Symbol and is_literal(one.value):
            group.future.setdefault(one.pattern.name, _header(x, one.value))
    inner = group
    for one in bindings:
        found = value(x, form[1], one, inner, "let")
        inner = Scope(inner)
        _bound(x, form[1], one, found, inner)
        if type(one.pattern) is Symbol:
            used_early(one.pattern.name, inner, group)
    return body(x, form, 2, Scope(inner, is_body=True), want)


def used_early(name: str, scope: Scope, ahead: Scope) -> None:
    """What a function literal uses before it is bound is used."""
    use = scope.names.get(name, (ANY, None))[1]
    if use is not None and name in ahead.early:
        use.used = True


@form("letrec")
def letrec(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    inner = Scope(scope)
    bindings = bindings_of(form)
    for one in bindings:
        if type(one.pattern) is not Symbol:
            raise Malformed
        inner.bind(one.pattern.name, _header(x, one.value) if is_literal(one.value) else ANY)
    for one in bindings:
        found = value(x, form[1], one, inner, "letrec")
        hides(x, one.pattern)
        inner.bind(one.pattern.name, found)
    return body(x, form, 2, Scope(inner, is_body=True), want)


# ---- loops


@form("loop")
def loop(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    """Variables without annotation are guessed by the kind of their first value; a `recur` may prove that wrong."""
    bindings = bindings_of(form)
    inner = Scope(scope, is_body=True)
    firsts: list[Type] = []
    for one in bindings:
        firsts.append(value(x, form[1], one, inner, "loop"))
        _bound(x, form[1], one, firsts[-1], inner)
    wants = [
        None if one.type is MISSING else Want(found, f"loop {_title(one.pattern)}")
        for one, found in zip(bindings, firsts, strict=True)
    ]
    guesses = [found if want_ is not None else _guess(x, found) for found, want_ in zip(firsts, wants, strict=True)]
    if x.loops < _SPECULATIVE and not all(map(is_any, guesses)):
        x.loops += 1
        with x.speculation() as found:
            result, target = _turn(x, form, bindings, scope, (wants, guesses, want))
        x.loops -= 1
        if all(x.overlap.verdict(given, guess) == FITS for given, guess in zip(target.given, guesses, strict=True)):
            x.findings.extend(found)
            return result
    free = [given if one is not None else ANY for given, one in zip(guesses, wants, strict=True)]
    return _turn(x, form, bindings, scope, (wants, free, want))[0]


def _guess(x: Inference, first: Type) -> Type:
    """What a loop variable probably is on every turn."""
    mine = kinds(first)
    if mine is None or not mine or mine <= (kinds(NIL) or frozenset()):
        return ANY
    return next((wide for wide in _WIDE if x.overlap.strict.holds(first, wide)), ANY)


def _turn(
    x: Inference,
    form: List,
    bindings: list[Binding],
    scope: Scope,
    how: tuple[list[Want | None], list[Type], Want | None],
) -> tuple[Type, Target]:
    """The body with its variables of the assumed types; the target tells what `recur` gives them."""
    wants, assumed, want = how
    inner = Scope(scope, is_body=True)
    for one, found in zip(bindings, assumed, strict=True):
        _bound(x, form[1], one, found, inner)
    target = Target(wants, assumed, [NEVER] * len(assumed))
    x.targets.append(target)
    result = body(x, form, 2, inner, want)
    x.targets.pop()
    return result, target


@form("recur")
def recur(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    target = x.targets[-1] if x.targets else None
    for index in range(1, len(form)):
        want_ = target.wants[index - 1] if target is not None and index <= len(target.wants) else None
        if want_ is None:
            found = x.sub(form, index, scope)
        else:
            found = x.expect(form, index, scope, Want(want_.type, want_.where))
        if target is not None and index <= len(target.given):
            target.given[index - 1] = x.joining.join(target.given[index - 1], found)
    return NEVER


# ---- def


@form("def")
def def_(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    if len(form) < 3:
        raise Malformed
    x.metadata(form[1], scope)
    symbol = stripped(form[1])
    index = 3 if len(form) > 3 and type(form[2]) is str else 2
    annotated: Type | None = None
    if len(form) == index + 3 and form[index] == Symbol(":"):
        annotated, index = x.annotation(form, index + 1), index + 2
    elif len(form) == index + 2 and type(form[index]) is Keyword:
        annotated, index = x.annotation(form, index), index + 1
    if type(symbol) is not Symbol or len(form) != index + 1:
        raise Malformed
    if annotated is None:
        found = x.sub(form, index, scope)
    else:
        x.expect(form, index, scope, Want(annotated, f"def {symbol.name}"))
        found = annotated
    return x.wanted(define(x, symbol, found, scope), want)


def define(x: Inference, symbol: Symbol, found: Type, scope: Scope) -> Type:
    """Bind a definition in the body scope around it; those of modules are bound already."""
    inner = scope.body()
    if inner is None:
        hides(x, symbol)
    else:
        name(x, symbol, found, inner)
        used_early(symbol.name, inner, inner)
        if symbol.name in inner.future:
            inner.future[symbol.name] = found
    return found
