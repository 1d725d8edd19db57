"""Errors as plain values and back, for whoever stores what a host call answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.lang import errors
from rtfs.lang.codec import Unreadable
from rtfs.lang.errors import KINDS, TRACE_LIMIT, RtfsError
from rtfs.lang.source import Source, Span

_CLASSES = {
    cls.__name__: cls
    for cls in (
        errors.ReadError,
        errors.ExpansionError,
        errors.EvaluationError,
        errors.HostCallError,
        errors.StreamError,
        errors.LimitError,
        errors.InternalError,
        errors.RtfsError,
    )
}
_LINES = 100_000  # of one expression
_FIELDS = ("kind", "message", "type", "code", "base")


def error_data(error: RtfsError) -> tuple[Any, ...]:
    """Class, kind, message, type, code, base, data, notes, located, span and trace of an error."""
    trace = tuple((name, _place(span)) for name, span in error.trace[:TRACE_LIMIT])
    return (
        type(error).__name__,
        *(getattr(error, name) for name in _FIELDS),
        error.data,
        tuple(error.notes),
        error.located,
        _place(error.span),
        trace,
    )


def _place(span: Span | None) -> tuple[Any, ...] | None:
    return None if span is None else (span.source.name, span.line, span.column, span.end_line, span.end_column)


def error_from(stored: Any, source: Callable[[str], Source]) -> RtfsError:
    """The error that `error_data` described. source: the text of a name, for places. Unreadable for anything else."""
    if type(stored) is not tuple or len(stored) != 11 or stored[0] not in _CLASSES or stored[1] not in KINDS:
        raise Unreadable("no error")
    name, kind, message, type_, code, base, data, notes, located, span, trace = stored
    if not all(type(text) is str for text in (message, type_, code, base)) or type(located) is not bool:
        raise Unreadable("no error")
    cls = _CLASSES[name]
    error = cls.__new__(cls)
    kept = tuple(note for note in _sequence(notes) if type(note) is str)
    RtfsError.__init__(error, kind, message, data=data, type=type_, code=code, base=base, notes=kept)
    error.located = located
    error.span = _span(span, source)
    for entry in _sequence(trace):
        function, place = entry if type(entry) is tuple and len(entry) == 2 else (None, None)
        error.trace.append((function if type(function) is str else None, _span(place, source)))
    if isinstance(error, errors.ReadError):
        error.errors = [error]
    return error


def _sequence(value: Any) -> Any:
    if type(value) is not tuple:
        raise Unreadable("no error")
    return value


def _span(place: Any, source: Callable[[str], Source]) -> Span | None:
    if place is None:
        return None
    if type(place) is not tuple or len(place) != 5 or type(place[0]) is not str:
        raise Unreadable("no place")
    if not all(type(number) is int and 0 <= number < 1 << 31 for number in place[1:]):
        raise Unreadable("no place")
    if place[3] - place[1] > _LINES:
        raise Unreadable("no place")
    return Span(source(place[0]), *place[1:])
