"""Values as text that the reader reads back (language.md §2.1). Tag for syntax shared with grammar and reader: LITERAL.

Every walk follows its own stack, stops at `NESTING_LIMIT` levels and, unless the limit is switched off for the host's
own codecs, at `OUTPUT_LIMIT` characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, NoneType
from typing import Any

from rtfs.lang.collections import SMALL, List, Map, PVector
from rtfs.lang.errors import LimitError, overflow
from rtfs.lang.integers import integer_text
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.signal import FLAG, METERS, poll, visited
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid, function_name

NESTING_LIMIT = 10_000
OUTPUT_LIMIT = 4_194_304


def show(value: Any, limit: int | None = OUTPUT_LIMIT) -> str:
    """The printed form. StackOverflow beyond 10,000 levels, OutputLimitExceeded beyond `limit` characters."""
    atom = _ATOMS.get(type(value))
    if atom is not None:
        return _within(atom(value), limit)
    if type(value) in _BRACKETS:
        flat = _show_flat(value)
        return _show_walk(value, limit, False) if flat is None else _within(flat, limit)
    return _show_other(value)


def show_form(form: Any, limit: int | None = OUTPUT_LIMIT) -> str:
    """Like `show`, but text that reads as the same *form*: repeated map keys and metadata are kept."""
    return _show_walk(form, limit, True) if type(form) in _BRACKETS else show(form, limit)


def text(value: Any, limit: int | None = OUTPUT_LIMIT) -> str:
    """What a value contributes to `str`: a string itself, nil nothing, everything else its printed form."""
    if type(value) is str:
        return _within(value, limit)
    return "" if value is None else show(value, limit)


def show_brief(value: Any, width: int = 200) -> str:
    """The printed form, cut after `width` characters: for messages."""
    printed = _show_walk(value, width, False, cut=True) if type(value) in _BRACKETS else show(value, None)
    return printed if len(printed) <= width else printed[:width] + "…"


def _within(printed: str, limit: int | None) -> str:
    if limit is not None and len(printed) > limit:
        raise output_error(limit)
    return printed


def output_error(limit: int) -> LimitError:
    return LimitError("OutputLimitExceeded", f"Output limit exceeded: {limit}")


# ---- atoms

_ESCAPES = {code: f"\\u{{{code:x}}}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPES.update({ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("\t"): "\\t", ord("\r"): "\\r"})


def show_string(value: str) -> str:
    """A string literal: quotes, backslashes and control characters are escaped."""
    if value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return f'"{value.translate(_ESCAPES)}"'


def show_float(value: float) -> str:
    """The shortest digits that read back, `##Inf`, `##-Inf` or `##NaN`."""
    if value - value == 0.0:
        return repr(value)
    return "##NaN" if value != value else "##Inf" if value > 0 else "##-Inf"


def show_timestamp(value: Timestamp) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ` with no, three or six digits of fraction, as many as needed."""
    seconds, micros = divmod(value.micros, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    year, month, day = _civil(days)
    fraction = "" if not micros else f".{micros // 1000:03}" if micros % 1000 == 0 else f".{micros:06}"
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    return f"{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}{fraction}Z"


def _civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a day number (0 is 1970-01-01): years are counted from March, in eras of 400 years."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return era * 400 + year_of_era + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1


def _show_bool(value: bool) -> str:
    return "true" if value else "false"


def _show_function(value: Any) -> str:
    name = function_name(value)
    return f"#<function {name}>" if name else "#<function>"


def _show_error(value: ErrorValue) -> str:
    return f"#<error :{value.error.type} {show_string(value.error.message)}>"


def _show_other(value: Any) -> str:
    return f"#<object {type(value).__name__}>"


def _name(value: Any) -> str:
    name: str = value.name
    return name


_ATOMS: dict[type, Callable[[Any], str]] = {
    NoneType: lambda value: "nil",
    bool: _show_bool,
    int: integer_text,
    float: show_float,
    str: show_string,
    Keyword: lambda value: ":" + value.name,
    Symbol: _name,
    Timestamp: show_timestamp,
    Uuid: lambda value: value.text,
    ResourceHandle: lambda value: value.text,
    FunctionType: _show_function,
    ErrorValue: _show_error,
}

# ---- collections

_BRACKETS: dict[type, tuple[str, str]] = {tuple: ("[", "]"), PVector: ("[", "]"), List: ("(", ")"), Map: ("{", "}")}


class _Out:
    """The pieces of a text and their total length."""

    __slots__ = ("pieces", "size", "limit")

    def __init__(self, limit: int | None) -> None:
        self.pieces: list[str] = []
        self.size = 0
        self.limit = limit

    def add(self, piece: str) -> None:
        self.pieces.append(piece)
        self.size += len(piece)
        if self.limit is not None and self.size > self.limit:
            raise output_error(self.limit)
        if FLAG:
            poll()


def _show_walk(root: Any, limit: int | None, forms: bool, *, cut: bool = False) -> str:
    out = _Out(limit)
    try:
        _show_parts(root, out, forms)
    except LimitError:
        if not cut or out.size <= (limit or 0):
            raise
    return "".join(out.pieces)


def _show_parts(root: Any, out: _Out, forms: bool) -> None:
    pending: list[tuple[Iterator[Any], str]] = [(iter((root,)), "")]  # parts still to print, and what closes them
    while pending:
        parts, close = pending[-1]
        for part in parts:
            atom = _ATOMS.get(type(part))
            if atom is not None:
                text = atom(part)
            elif type(part) not in _BRACKETS:
                text = _show_other(part)
            else:
                if type(part) is PVector and set(map(type, part)) <= _NUMBERS:
                    text = _show_numbers(part, out)
                elif forms or (flat := _show_flat(part)) is None:
                    _open(part, out, pending, forms)
                    break
                else:
                    text = flat
            out.add(text)
            out.pieces.append(" ")
            out.size += 1
        else:
            pending.pop()
            if out.pieces[-1] == " ":
                out.pieces.pop()
                out.size -= 1
            out.add(close)
            if len(pending) > 1:
                out.pieces.append(" ")
                out.size += 1


def _short_string(value: str) -> str:
    if len(value) > 1_000:
        raise KeyError
    return show_string(value)


_FLAT = {**_ATOMS, str: _short_string, Symbol: _name}


def _show_flat(value: Any) -> str | None:
    """A small collection without collections in it, in one go; None for others."""
    kind = type(value)
    if kind is PVector or len(value) > SMALL:
        return None
    if METERS:
        visited(len(value))
    opening, closing = _BRACKETS[kind]
    try:
        if kind is Map:
            pairs = [f"{_FLAT[type(key)](key)} {_FLAT[type(part)](part)}" for key, part in value.raw.items()]
            return opening + " ".join(pairs) + closing
        return opening + " ".join([_FLAT[type(part)](part) for part in value]) + closing
    except KeyError:
        return None


_NUMBERS = frozenset({int, float})


def _show_numbers(value: PVector, out: _Out) -> str:
    """A long vector of numbers, piece by piece; gives its end."""
    out.add("[")
    if METERS:
        visited(len(value))
    for start in range(0, len(value) - 1_000, 1_000):
        out.add(_numbers(value[start : start + 1_000]) + " ")
    rest = len(value) % 1_000 or 1_000
    return _numbers(value[len(value) - rest :]) + "]"


def _numbers(items: list[Any]) -> str:
    try:
        return " ".join([str(item) if type(item) is int else show_float(item) for item in items])
    except ValueError:  # more digits than this process lets `str` write
        return " ".join([_ATOMS[type(item)](item) for item in items])


def _open(value: Any, out: _Out, pending: list[tuple[Iterator[Any], str]], forms: bool) -> None:
    if len(pending) > NESTING_LIMIT:
        raise overflow("nesting", NESTING_LIMIT)
    if METERS:
        visited(len(value))
    opening, closing = _BRACKETS[type(value)]
    parts: Iterable[Any] = _parts(value, forms) if type(value) is Map else value
    if forms and type(value) is List and value and type(value[0]) is Symbol:
        if value[0].name == "rtfs/with-meta" and len(value) == 3:
            opening, closing, parts = "^", "", value[1:]
        elif value[0].name == "rtfs/map":
            opening, closing, parts = "{", "}", value[1:]
        elif value[0].name == "unquote-splicing" and len(value) == 2:  # in a map only `~@` itself splices
            opening, closing, parts = "~@", "", value[1:]
    out.add(opening)
    pending.append((iter(parts), closing))


def _parts(value: Map, forms: bool) -> Iterator[Any]:
    pairs = value.pairs if forms and value.pairs is not None else value.entries()
    return (part for pair in pairs for part in pair)


# ---- canonical text


def canonical(value: Any, limit: int | None = OUTPUT_LIMIT) -> str:
    """Like `show`, but equal values have equal text: the entries of maps are sorted, `-0.0` is `0.0`."""
    if type(value) not in _BRACKETS:
        return show(value + 0.0 if type(value) is float else value, limit)
    stack = [_Canonical(value)]
    size = 0
    while stack:
        frame = stack[-1]
        for part in frame.parts:
            size += 2  # at least its brackets, or itself and a space
            if type(part) in _BRACKETS:
                if len(stack) == NESTING_LIMIT:
                    raise overflow("nesting", NESTING_LIMIT)
                stack.append(_Canonical(part))
                break
            printed = show(part + 0.0 if type(part) is float else part, limit)
            frame.texts.append(printed)
            size += len(printed) - 1
            if limit is not None and size > limit + 1:
                raise output_error(limit)
        else:
            stack.pop()
            if stack:
                stack[-1].texts.append(frame.text())
        if limit is not None and size > limit + 1:
            raise output_error(limit)
    return _within(frame.text(), limit)


class _Canonical:
    """A collection and the texts of its parts so far."""

    __slots__ = ("value", "parts", "texts")

    def __init__(self, value: Any) -> None:
        if FLAG or METERS:
            visited(len(value))
        self.value = value
        self.parts: Iterator[Any] = _parts(value, False) if type(value) is Map else iter(value)
        self.texts: list[str] = []

    def text(self) -> str:
        opening, closing = _BRACKETS[type(self.value)]
        if type(self.value) is Map:
            pairs = sorted(zip(self.texts[::2], self.texts[1::2], strict=True))
            self.texts = [printed for pair in pairs for printed in pair]
        return opening + " ".join(self.texts) + closing
