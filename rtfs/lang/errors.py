"""Everything that can go wrong, as one closed list of kinds.

    RtfsError
    ├── ReadError         E1xx  the text is not RTFS
    ├── ExpansionError    E2xx E3xx  macros, special forms, modules
    ├── EvaluationError   E4xx  the program
    ├── HostCallError     E5xx  the host's answer
    ├── StreamError       S0xx  streams
    ├── LimitError        E7xx  limits and cancellation: never catchable by a script
    └── InternalError     E9xx  a defect of rtfs itself

Rules: language.md §8.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from types import TracebackType
from typing import Any

from rtfs.lang.source import Span

# kind → (code, base kind); bases: R RuntimeError, V ValidationError, H HostError, "" only Exception, "!" not catchable
KINDS: dict[str, tuple[str, str]] = {
    "ParseError": ("RTFS-E101", ""),
    "MacroError": ("RTFS-E201", ""),
    "SyntaxError": ("RTFS-E301", ""),
    "ModuleError": ("RTFS-E302", ""),
    "ModuleNotFound": ("RTFS-E303", ""),
    "UndefinedSymbol": ("RTFS-E401", "RuntimeError"),
    "ArityMismatch": ("RTFS-E402", "RuntimeError"),
    "TypeError": ("RTFS-E403", "RuntimeError"),
    "TypeValidationError": ("RTFS-E404", "ValidationError"),
    "DivisionByZero": ("RTFS-E405", "RuntimeError"),
    "IndexOutOfBounds": ("RTFS-E406", "RuntimeError"),
    "InvalidArgument": ("RTFS-E407", "RuntimeError"),
    "MatchError": ("RTFS-E408", "RuntimeError"),
    "ApplicationError": ("RTFS-E409", "RuntimeError"),
    "AssertionError": ("RTFS-E410", "ValidationError"),
    "JsonError": ("RTFS-E411", "RuntimeError"),
    "Overflow": ("RTFS-E412", "RuntimeError"),
    "HostError": ("RTFS-E501", "HostError"),
    "UnknownCapability": ("RTFS-E502", "HostError"),
    "SecurityViolation": ("RTFS-E503", "HostError"),
    "ApprovalRequired": ("RTFS-E504", "HostError"),
    "BudgetExhausted": ("RTFS-E505", "HostError"),
    "ReplayMismatch": ("RTFS-E506", "!"),
    "StreamError": ("RTFS-S001", "HostError"),
    "StepLimitExceeded": ("RTFS-E701", "!"),
    "DeadlineExceeded": ("RTFS-E702", "!"),
    "StackOverflow": ("RTFS-E703", "!"),
    "MemoryLimitExceeded": ("RTFS-E704", "!"),
    "OutputLimitExceeded": ("RTFS-E705", "!"),
    "Cancelled": ("RTFS-E706", "!"),
    "InternalError": ("RTFS-E901", "!"),
}

TRACE_LIMIT = 50
NOTHING: Any = object()  # the subject of an error that is about no value
_READABLE = 10**30


@lru_cache(maxsize=256)
def kebab(name: str) -> str:
    """`DivisionByZero` → `division-by-zero`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


class RtfsError(Exception):
    """An error of the language. `kind` names it, `message` says it; notes are shown but never part of the message.

    Fields: kind, code (`RTFS-E405`), message, type (text of the `:type` keyword), data (an RTFS value), span, trace
    (innermost first: pairs of function name or None and span or None), notes (text lines), base (base kind or "").
    subject: the value that was wrong, or NOTHING. exact: is the span the expression that gave the subject?
    """

    __slots__ = ("kind", "_message", "data", "type", "code", "base", "_notes", "_span", "_trace")
    # What most errors do not have costs them nothing.
    adviser: Callable[[RtfsError], None] | None = None  # adds notes once somebody wants to read them
    located = False  # span and trace were looked for
    operand: tuple[str, int] | None = None  # (operation, argument number) that was wrong
    subject: Any = NOTHING
    _exact = False
    by_caller = False  # the function that raised it was called wrongly: the place is that of the call
    value: Callable[[], Any] | None = None  # a weak reference to the ErrorValue that a script sees, while it does
    _search: tuple[Locate, TracebackType] | None = None

    def __init__(
        self,
        kind: str,
        message: str | Callable[[], str],
        *,
        data: Any = None,
        type: str | None = None,
        code: str | None = None,
        span: Span | None = None,
        notes: tuple[str, ...] = (),
        base: str | None = None,
    ) -> None:
        default_code, default_base = KINDS[kind]
        self.kind = kind
        self._message = message
        self.data = data
        self.type = type if type is not None else kebab(kind)
        self.code = code or default_code
        self.base = default_base if base is None else base
        self._span = span
        self._trace: list[tuple[str | None, Span | None]] = []
        self._notes: list[str] = list(notes)

    # Most errors that a program catches are never asked what they say or where they came from.

    @property
    def message(self) -> str:
        if not isinstance(self._message, str):
            self._message = self._message()
        return self._message

    @message.setter
    def message(self, message: str) -> None:
        self._message = message

    def __str__(self) -> str:
        return self.message

    def locate_by(self, locate: Locate, traceback: TracebackType) -> None:
        """Find span and trace in a traceback when somebody wants to know."""
        self.located = True
        self._search = locate, traceback

    def _locate(self) -> None:
        if self._search is not None:
            (locate, traceback), self._search = self._search, None
            locate(self, traceback)

    @property
    def span(self) -> Span | None:
        self._locate()
        return self._span

    @span.setter
    def span(self, span: Span | None) -> None:
        self._locate()
        self._span = span

    @property
    def trace(self) -> list[tuple[str | None, Span | None]]:
        self._locate()
        return self._trace

    @trace.setter
    def trace(self, trace: list[tuple[str | None, Span | None]]) -> None:
        self._locate()
        self._trace = trace

    @property
    def exact(self) -> bool:
        self._locate()
        return self._exact

    @exact.setter
    def exact(self, exact: bool) -> None:
        self._exact = exact

    @property
    def notes(self) -> list[str]:
        """What else is worth saying, a line each: rules, macros around, hints."""
        adviser, self.adviser = self.adviser, None
        if adviser is not None:
            adviser(self)
        return self._notes

    def remark(self, line: str) -> None:
        """Add a note, without having the hints worked out."""
        self._notes.append(line)

    def stand_for(self, other: RtfsError) -> None:
        """Point where another error points and say what it says beside its message."""
        self.span, self.trace, self.located = other.span, other.trace, other.located
        self.subject, self.exact = other.subject, other.exact
        self.adviser = lambda error: error._notes.extend(other.notes)

    @property
    def catchable(self) -> bool:
        """May a script's `catch` see it? Limits, cancellation and defects never (language.md §8.3)."""
        return self.base != "!"

    def rendered(self, *, color: bool = False) -> str:
        """The whole diagnostic as people read it: header, source line with caret, notes (experience.md §4)."""
        from rtfs.lang.diagnostic import render  # deferred: most errors are caught, not shown

        return render(self, color=color)


Locate = Callable[[RtfsError, TracebackType], None]


class ReadError(RtfsError):
    """The text is not RTFS. `errors` holds every syntax error of the text, this one included, in order."""

    def __init__(
        self, message: str, *, code: str = "RTFS-E101", span: Span | None = None, notes: tuple[str, ...] = ()
    ) -> None:
        super().__init__("ParseError", message, code=code, span=span, notes=notes)
        self.errors: list[ReadError] = [self]


class ExpansionError(RtfsError):
    """A macro, special form or module is used wrongly: nothing of the form has run.

    For those who know where forms stand, part: the collection and the position in it of what is wrong; or name: what
    is wrong is this name.
    """

    part: tuple[Any, int] | None = None
    name: str | None = None


class EvaluationError(RtfsError):
    """The program did something it cannot do."""


class Thrown(EvaluationError):
    """What `throw` raises of a value that is no error: programs throw often, so it is made without ceremony."""

    def __init__(self, message: str | Callable[[], str], value: Any, type: str) -> None:
        self.kind, self._message, self.data, self.type = "ApplicationError", message, value, type
        self.code, self.base = KINDS["ApplicationError"]
        self._notes, self._trace, self._span = [], [], None


class HostCallError(RtfsError):
    """The host answered a call with a failure."""


class StreamError(HostCallError):
    """A stream error S0nn of the streaming catalogue."""

    def __init__(
        self, number: int, message: str, *, data: Any = None, span: Span | None = None, limit: bool = False
    ) -> None:
        kinds = {53: ("SecurityViolation", None), 60: ("SyntaxError", None)}
        kind, type = kinds.get(number, ("StreamError", "stream-error"))
        code = f"RTFS-S{number:03}"
        super().__init__(kind, message, code=code, type=type, data=data, span=span, base="!" if limit else None)


class LimitError(RtfsError):
    """A limit of the embedder or a cancellation; scripts can neither catch nor delay it."""


class InternalError(RtfsError):
    """A defect of rtfs; please report it."""

    def __init__(self, message: str, *, span: Span | None = None) -> None:
        super().__init__("InternalError", f"Internal error: {message}", span=span)


def type_error(operation: str, expected: str, actual: str, *, notes: tuple[str, ...] = ()) -> EvaluationError:
    """`actual` is a kind name of language.md §2.1, e.g. `type_name(value)`."""
    return EvaluationError("TypeError", f"Type error in {operation}: expected {expected}, got {actual}", notes=notes)


def arity_error(function: str, expected: str, count: int) -> EvaluationError:
    return EvaluationError("ArityMismatch", f"Arity mismatch in {function}: expected {expected}, got {count}")


def about(error: EvaluationError, subject: Any, operation: str = "", index: int | None = None) -> EvaluationError:
    """The error, now about a value: argument `index` of the operation, if that is known."""
    error.subject = subject
    if index is not None:
        error.operand = (operation, index)
    return error


def invalid_argument(text: str, subject: Any = NOTHING) -> EvaluationError:
    return about(EvaluationError("InvalidArgument", f"Invalid argument: {text}"), subject)


def index_error(index: int, length: int) -> EvaluationError:
    text = f"Index out of bounds: index {_digits(index)} is not in range [0, {length})"
    return about(EvaluationError("IndexOutOfBounds", text), index)


def division_by_zero(zero: Any = NOTHING, operation: str = "", index: int | None = None) -> EvaluationError:
    return about(EvaluationError("DivisionByZero", "Division by zero"), zero, operation, index)


def syntax_error(
    form: str,
    text: str,
    span: Span | None = None,
    *,
    part: tuple[Any, int] | None = None,
    notes: tuple[str, ...] = (),
) -> ExpansionError:
    error = ExpansionError("SyntaxError", f"{form}: {text}", span=span, notes=notes)
    error.part = part
    return error


def json_error(text: str) -> EvaluationError:
    return EvaluationError("JsonError", f"JSON error: {text}")


def memory_error(what: str, size: int, limit: int) -> LimitError:
    return LimitError("MemoryLimitExceeded", f"Memory limit exceeded: {what} of {_digits(size)} exceeds {limit}")


def _digits(number: int) -> str:
    """An integer for a message: Python refuses to print long ones, and nobody would read them."""
    if abs(number) < _READABLE:
        return str(number)
    return f"{'-' if number < 0 else ''}2^{number.bit_length() - 1}"


def overflow(what: str, limit: int) -> LimitError:
    """StackOverflow: `what` is `call depth` or `nesting`."""
    return LimitError("StackOverflow", f"Stack overflow: {what} exceeded {limit}")


def counted(number: int, noun: str) -> str:
    """`1 form`, `2 forms`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def arity_text(low: int, high: int | None) -> str:
    """`2`, `0 or 1`, `between 1 and 3`, `at least 1` (language.md §4.2)."""
    if high is None:
        return f"at least {low}"
    if low == high:
        return str(low)
    return f"{low} or {high}" if high == low + 1 else f"between {low} and {high}"
