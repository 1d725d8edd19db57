"""`try throw`: what clauses catch, and which can never be chosen (language.md §8.3)."""

from __future__ import annotations

from typing import Any

from rtfs.check.bind import name
from rtfs.check.infer import Inference, Malformed, form
from rtfs.check.kind import ERROR, NEVER, NIL
from rtfs.check.program import head
from rtfs.check.report import Want
from rtfs.check.scope import Scope
from rtfs.check.special.binding import body
from rtfs.lang.collections import List
from rtfs.lang.errors import KINDS, kebab
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.types import Type

_ALL = "Exception"
_EVERYTHING = frozenset({"Exception", "Throwable", "_"})
_BASES = frozenset({"RuntimeError", "HostError", "ValidationError"})
_OF_KEYWORD = {kebab(kind): kind for kind in (*KINDS, *_BASES)}


@form("throw")
def throw(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    if len(form) != 2:
        raise Malformed
    x.sub(form, 1, scope)
    return NEVER


@form("catch", "finally")
def stray(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    raise Malformed


@form("try")
def try_(x: Inference, form: List, scope: Scope, want: Want | None) -> Type:
    end = next((i for i in range(1, len(form)) if head(form[i]) in ("catch", "finally")), len(form))
    if end == len(form):
        raise Malformed
    clauses = [index for index in range(end, len(form)) if head(form[index]) == "catch"]
    caught = [_kind(form[index]) for index in clauses]
    outer, x.tolerated = x.tolerated, x.tolerated | {kind for kind in caught if kind in KINDS or kind in _BASES}
    result = NIL if end == 1 else NEVER
    for index in range(1, end):
        result = x.sub(form, index, scope, want if index == end - 1 else None)
    if end == 1:
        x.wanted(NIL, want)
    x.tolerated = outer
    _unreachable(x, form, clauses, caught)
    for index in clauses:
        result = x.joining.join(result, _clause(x, form, index, scope, want))
    if head(form[-1]) == "finally":
        outer_at, x.at = x.at, x.place(form[-1], form, len(form) - 1)
        x.body(form[-1], 1, scope)
        x.at = outer_at
    return result


def _is_kind(clause: List) -> bool:
    """Does the clause name what it catches? (Otherwise its first element is the name for the error.)"""
    if len(clause) < 3 or type(clause[2]) is not Symbol:
        return False
    first = clause[1]
    return type(first) is Keyword or (type(first) is Symbol and (first.name == "_" or first.name[:1].isupper()))


def _kind(clause: List) -> str:
    """What a clause catches: a kind by its name, `Exception` for everything, another `:type` as it is written."""
    if not _is_kind(clause):
        return _ALL
    if type(clause[1]) is Keyword:
        return _OF_KEYWORD.get(clause[1].name, f":{clause[1].name}")
    shown: str = clause[1].name
    return _ALL if shown in _EVERYTHING else shown


def _unreachable(x: Inference, form: List, clauses: list[int], caught: list[str]) -> None:
    """Clauses after one that catches all that they would catch."""
    before: set[str] = set()
    for index, kind in zip(clauses, caught, strict=True):
        wider = next((each for each in (_ALL, kind, KINDS.get(kind, ("", ""))[1]) if each and each in before), None)
        if wider is not None:
            what = "everything" if wider == _ALL else wider
            text = f"this clause is never chosen: {what} is caught before"
            x.report("RTFS-W202", text, x.place(form[index], form, index))
        before.add(kind)


def _clause(x: Inference, form: List, index: int, scope: Scope, want: Want | None) -> Type:
    clause: Any = form[index]
    start = 3 if _is_kind(clause) else 2
    inner = Scope(scope, is_body=True)
    outer, x.at = x.at, x.place(clause, form, index)
    if len(clause) >= start and type(clause[start - 1]) is Symbol:
        name(x, clause[start - 1], ERROR, inner, "parameter")
    result = body(x, clause, start, inner, want)
    x.at = outer
    return result
