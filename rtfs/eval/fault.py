"""Whatever Python raises inside compiled code becomes an RTFS error with the exact place and the chain of calls."""

from __future__ import annotations

import re
from collections import deque
from itertools import islice
from types import TracebackType
from weakref import WeakValueDictionary

from rtfs.lang.errors import (
    TRACE_LIMIT,
    EvaluationError,
    InternalError,
    LimitError,
    RtfsError,
    arity_error,
    arity_text,
    division_by_zero,
    overflow,
)
from rtfs.lang.source import Source, Span

DEPTH = 50_000  # Python frames below one program; a call through `map` takes three

# compiled file name → source; entries live as long as some code of the unit does
UNITS: WeakValueDictionary[str, Unit] = WeakValueDictionary()


class Unit:
    """A compiled text: what tracebacks need to show it. `library` marks the bundled library."""

    __slots__ = ("filename", "source", "library", "__weakref__")

    def __init__(self, filename: str, source: Source, *, library: bool = False) -> None:
        self.filename = filename
        self.source = source
        self.library = library
        UNITS[filename] = self


_TAKES = re.compile(r"^(?P<name>.*)\(\) takes .*?(?P<given>\d+) (?:was|were) given$", re.DOTALL)
_MISSING = re.compile(r"^(?P<name>.*)\(\) missing (?P<missing>\d+) required positional argument", re.DOTALL)
_QUOTED = re.compile(r"'([^']*)'")


def translate(raised: BaseException) -> RtfsError | None:
    """The RTFS error of an exception, with span and trace; None for what is no error of the program (Ctrl-C, exit)."""
    if isinstance(raised, RtfsError):
        error = raised
    elif isinstance(raised, Exception):
        known: RtfsError | None = getattr(raised, "rtfs_error", None)
        error = known or _translated(raised)
        raised.rtfs_error = error  # type: ignore[attr-defined]
        error.__cause__ = raised
    else:
        return None
    if not error.located and raised.__traceback__ is not None and _compiled(raised.__traceback__):
        error.locate_by(locate, raised.__traceback__)
    return error


def _compiled(traceback: TracebackType | None) -> bool:
    """Did the exception pass through compiled code?"""
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename.startswith("<rtfs:"):
            return True
        traceback = traceback.tb_next
    return False


def _translated(raised: Exception) -> RtfsError:
    if isinstance(raised, RecursionError):
        return overflow("call depth", DEPTH)
    if isinstance(raised, ZeroDivisionError):
        return division_by_zero(0, "mod", 1)  # the only one that compiled code does by itself
    if isinstance(raised, NameError):
        found = _QUOTED.search(str(raised))
        name = raised.name or (found.group(1) if found else "?")
        return _undefined(name) if name[0] in ":(=" or "~" in name else _defect(raised)
    if isinstance(raised, KeyError) and raised.args and isinstance(raised.args[0], str) and raised.args[0][:1] in ":(":
        return _undefined(raised.args[0])
    if isinstance(raised, TypeError):
        return _arity(str(raised)) or _defect(raised)
    if isinstance(raised, OverflowError):
        return EvaluationError("Overflow", f"Overflow in {_operator(raised)}: integer too large for a float")
    if isinstance(raised, MemoryError):
        return LimitError("MemoryLimitExceeded", "Memory limit exceeded: the process has no more memory")
    return _defect(raised)


_OPERATORS = {"+": "+", "-": "-", "*": "*", "/": "/", "%": "mod"}


def _operator(raised: Exception) -> str:
    """The function that inline code computed when it raised."""
    place = raised.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return "arithmetic"
    from dis import get_instructions  # deferred: an integer beyond all floats is rare

    found = (one.argrepr for one in get_instructions(place.tb_frame.f_code) if one.offset == place.tb_lasti)
    return _OPERATORS.get(next(found, "").rstrip("="), "arithmetic")


def _undefined(python: str) -> RtfsError:
    name = python[1:] if python[:1] in (":", "(", "=") else python.partition("~")[0]
    return EvaluationError("UndefinedSymbol", f"Undefined symbol: {name}")


def _defect(raised: Exception) -> RtfsError:
    return InternalError(f"{type(raised).__name__}: {raised}")


def _arity(message: str) -> RtfsError | None:
    """Python's own complaint about a call, as ArityMismatch. The callee's name tells what it expected."""
    takes, missing = _TAKES.match(message), _MISSING.match(message)
    found = takes or missing
    if found is None:
        return None
    title = found.group("name").rpartition(".<locals>.")[2]
    shape = shape_of(title)
    if shape is None:
        return None
    name, low, high = shape
    given = int(takes.group("given")) if takes else low - int(found.group("missing"))
    return arity_error(name, arity_text(low, high), given)


def shape_of(title: str) -> tuple[str, int, int | None] | None:
    """Shown name and arity of a function by its Python title: `name~7:2+` of compiled code, a builtin's name."""
    if "~" in title:
        name, _, rest = title.partition("~")
        counts = rest.partition(":")[2]
        variadic = counts.endswith("+")
        numbers = [int(text) for text in counts.rstrip("+").split(",")]
        return name or "fn", numbers[0], None if variadic else numbers[-1]
    from rtfs.eval.registry import arity_of

    try:
        low, high = arity_of(title)
    except KeyError:
        return None
    return title, low, high


def locate(error: RtfsError, start: TracebackType) -> None:
    """Give an error its span and trace from the compiled frames of a traceback, unless it has them."""
    frames: deque[tuple[Unit, TracebackType]] = deque(maxlen=4 * TRACE_LIMIT)
    traceback: TracebackType | None = start
    while traceback is not None:
        unit = UNITS.get(traceback.tb_frame.f_code.co_filename)
        if unit is not None:
            frames.append((unit, traceback))
        traceback = traceback.tb_next
    if error.by_caller and frames:
        frames.pop()
    own = [frame for frame in frames if not frame[0].library]  # how the library does it is not the program's concern
    if not own:
        return
    trace = []
    for unit, place in reversed(own):
        name = place.tb_frame.f_code.co_name
        shown = None if name.startswith("#") else name.partition("~")[0] or "fn"
        trace.append((shown, _span(unit, place)))
    if not error.trace:
        error.trace = trace[:TRACE_LIMIT]
    span = trace[0][1]
    if error.span is None and span is not None:
        from rtfs.eval.operand import point  # deferred: most programs end without an error

        error.span = point(error, span, own[-1][1].tb_next)


def span_of_place(place: TracebackType) -> Span | None:
    """Where the code of a frame was; None for code that is not of a known text."""
    unit = UNITS.get(place.tb_frame.f_code.co_filename)
    return None if unit is None else _span(unit, place)


def _span(unit: Unit, place: TracebackType) -> Span | None:
    positions = place.tb_frame.f_code.co_positions()
    found = next(islice(positions, place.tb_lasti // 2, None), None)
    if found is None or None in found:
        return None
    line, end_line, column, end_column = found
    assert line is not None and column is not None and end_line is not None and end_column is not None
    return Span(unit.source, line, column + 1, end_line, end_column + 1)
