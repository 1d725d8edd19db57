"""Calls of library functions of which more is known than their types say."""

from __future__ import annotations

from typing import Any

from rtfs.check.call import Fault, Outcome
from rtfs.check.finding import of_error
from rtfs.check.infer import Inference, native
from rtfs.check.kind import ANY, FUNCTION, NIL, Constant, Exact
from rtfs.check.overlap import NEVER
from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.types import Type


@native("get")
def get(x: Inference, form: List, arguments: list[Type]) -> Outcome | None:
    """What is under a constant key of a record; with one keyword, of the host's context."""
    if len(arguments) == 1:
        key = arguments[0]
        return Outcome(ANY) if isinstance(key, Constant) and type(key.value) is Keyword else None
    if len(arguments) not in (2, 3) or not isinstance(arguments[1], Constant) or type(arguments[1].value) is int:
        return None
    outcome = x.calls.call(x.program.library.type("get") or ANY, arguments)
    if outcome.faults:
        return outcome
    return Outcome(x.calls.looked_up(arguments[0], arguments[1], arguments[2] if len(arguments) == 3 else NIL))


@native("apply")
def apply(x: Inference, form: List, arguments: list[Type]) -> Outcome | None:
    """A literal vector as last argument tells which arguments the function gets."""
    if len(arguments) < 2 or not isinstance(arguments[-1], Exact):
        return None
    inner = x.calls.call(arguments[0], [*arguments[1:-1], *arguments[-1].items])
    return Outcome(inner.result, tuple(_moved(x, form, fault, len(arguments) - 1) for fault in inner.faults))


def _moved(x: Inference, form: List, fault: Fault, last: int) -> Fault:
    """A fault of the inner call as one of `apply`: what is spread stands in the last argument."""
    if fault.kind == "argument":
        return fault._replace(place=min(fault.place + 1, last))
    if fault.kind == "callee":
        return Fault("argument", fault.certain, 0, FUNCTION, fault.actual)
    return fault._replace(name=form[1].name if type(form[1]) is Symbol else "function")


@native("validate", "valid?", "explain")
def validate(x: Inference, form: List, arguments: list[Type]) -> Outcome | None:
    """A type that is written down is read now; what it is asked of is known better afterwards."""
    if len(arguments) != 2 or not _is_data(form[1]):
        return None
    written = (Keyword("map"), form[1]) if type(form[1]) is Map else form[1]
    try:
        wanted = x.program.type(written, x.module)
    except RtfsError as error:
        error.span = x.place(form[1], form, 1)
        x.findings.append(of_error(error))
        return Outcome(ANY)
    if form[0].name != "validate":
        return None
    if x.overlap.verdict(arguments[1], wanted) == NEVER:
        return Outcome(wanted, (Fault("argument", True, 1, wanted, arguments[1]),))
    return Outcome(wanted)


def _is_data(form: Any) -> bool:
    """Is it the same as a value as it is as a form? (Names would be looked up, lists called.)"""
    kind = type(form)
    if kind is tuple or kind is PVector:
        return all(map(_is_data, form))
    if kind is Map:
        return form.pairs is None and all(_is_data(each) for pair in map_pairs(form) for each in pair)
    return kind in (Keyword, str, int, float, bool, type(None))
