"""RTFS values as JSON text (language.md §14.7).

The C encoder of the standard library writes what is small and shallow. Everything else, and what it refuses, goes
through the writer below, which does not recurse, stops at its limits and has the precise errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rtfs.lang.collections import Key, List, Map, PVector
from rtfs.lang.errors import json_error, memory_error, overflow
from rtfs.lang.integers import integer_text
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.signal import FLAG, METERS, visited
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid, type_name

NESTING_LIMIT = 10_000
CHARACTERS_LIMIT = 16_777_216
PORTION = 10_000

_QUOTED = {code: f"\\u{code:04x}" for code in range(0x20)}
_QUOTED.update({ord(char): f"\\{name}" for name, char in zip('"\\bfnrt', '"\\\b\f\n\r\t', strict=True)})


def _string(value: str) -> str:
    if value.isprintable() and '"' not in value and "\\" not in value:
        return f'"{value}"'
    return f'"{value.translate(_QUOTED)}"'


def _float(value: float) -> str:
    if value - value != 0.0:
        raise json_error(f"{show(value)} has no JSON")
    return repr(value)


_SCALARS: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "null",
    bool: lambda value: "true" if value else "false",
    int: integer_text,
    float: _float,
    str: _string,
    Keyword: lambda value: _string(value.name),
    Symbol: lambda value: _string(value.name),
    Timestamp: lambda value: _string(show(value)),
    Uuid: lambda value: _string(value.text),
    ResourceHandle: lambda value: _string(value.text),
}

_KEYS: dict[type, Callable[[Any], str]] = {
    str: _string,
    Keyword: _SCALARS[Keyword],
    Symbol: _SCALARS[Symbol],
    int: lambda value: f'"{integer_text(value)}"',
    float: lambda value: f'"{_float(value)}"',
    bool: lambda value: '"true"' if value else '"false"',
}

_ARRAYS = frozenset({tuple, PVector, List})


def to_json(value: Any, indent: int | None = None, *, limit: int | None = CHARACTERS_LIMIT) -> str:
    """JSON text of a value: compact, or with `indent` spaces per level. Map order and non-ASCII text are kept.

    JsonError for functions, errors, `##NaN`, infinities, keys that are collections or nil, and two keys of one text;
    MemoryLimitExceeded beyond `limit` characters, StackOverflow beyond 10,000 levels.
    """
    if indent is None and not METERS and _is_small(value):
        try:
            text = _encoded(value)
        except (ValueError, TypeError, RecursionError):
            pass  # the careful writer says what is wrong
        else:
            if limit is None or len(text) <= limit:
                return text
    writer = _Writer(indent, limit)
    writer.write(value)
    return "".join([*writer.portions, *writer.pieces])


# ---- through the C encoder

_SHALLOW = 100  # levels that the C encoder may recurse
_FEW = 100_000  # parts and characters, counted as often as they are written, that it may write in one go


def _is_small(value: Any) -> bool:
    """Values that share parts may be written larger than they are: every part counts on every path to it."""
    level = [value]
    size = 0
    for _ in range(_SHALLOW):
        inner: list[Any] = []
        for part in level:
            kind = type(part)
            if kind is Map:
                raw = part.raw
                if type(raw) is not dict:
                    return False
                size += sum([len(key) for key in raw if type(key) is str])
                inner.extend(raw.values())
            elif kind is str:
                size += len(part)
            elif kind in _ARRAYS:
                inner.extend(part)
        size += len(level)
        if size > _FEW:
            return False
        if not inner:
            return True
        level = inner
    return False


def _encoded(value: Any) -> str:
    global _encode
    if _encode is None:
        from json import JSONEncoder  # deferred: few programs write JSON

        separators = (",", ":")
        encoder = JSONEncoder(ensure_ascii=False, allow_nan=False, separators=separators, default=_plain)
        _encode = encoder.encode
    return _encode(value)


_encode: Callable[[Any], str] | None = None


def _plain(value: Any) -> Any:
    """What the C encoder knows how to write. TypeError for what has no JSON."""
    if type(value) is Map:
        raw = value.raw
        if set(map(type, raw)) == {str}:
            return raw
        names = {_NAMES[type(key)](key): part for key, part in raw.items()} if raw.keys() else {}
        if len(names) != len(raw):
            raise TypeError
        return names
    if type(value) is PVector:
        return list(value)
    name = _NAMES.get(type(value))
    if name is None:
        raise TypeError
    return name(value)


def _refused(value: Any) -> str:
    raise TypeError


_NAMES: dict[type, Callable[[Any], str]] = {
    str: str,
    int: integer_text,
    Key: _refused,
    Keyword: lambda value: str(value.name),
    Symbol: lambda value: str(value.name),
    Timestamp: show,
    Uuid: lambda value: str(value.text),
    ResourceHandle: lambda value: str(value.text),
}


class _Writer:
    """The pieces of a JSON text, and the collections that are not closed yet."""

    def __init__(self, indent: int | None, limit: int | None) -> None:
        self.indent = indent
        self.limit = limit
        self.pieces: list[str] = []
        self.portions: list[str] = []  # what is before the pieces
        self.size = 0
        self.open: list[tuple[Iterator[tuple[str, Any]], str]] = []
        self.colon = ":" if indent is None else ": "

    def write(self, value: Any) -> None:
        self.part("", value)
        while self.open:
            parts, closer = self.open[-1]
            for lead, part in parts:
                if self.part(lead, part):
                    break
            else:
                self.open.pop()
                self.add(self.line() + closer if self.pieces[-1] not in ("[", "{") else closer)

    def part(self, lead: str, value: Any) -> bool:
        """Writes a scalar, or the start of a collection (then True)."""
        comma = "" if not self.open or self.pieces[-1] in ("[", "{") else ","
        lead = comma + self.line() + lead if self.open else lead
        scalar = _SCALARS.get(type(value))
        if scalar is not None:
            self.add(lead + scalar(value))
            return False
        if type(value) is not Map and type(value) not in _ARRAYS:
            raise json_error(f"a value of kind {type_name(value)} has no JSON")
        if len(self.open) == NESTING_LIMIT:
            raise overflow("nesting", NESTING_LIMIT)
        if FLAG or METERS:
            visited(len(value))
        if lead:
            self.add(lead)
        self.add("{" if type(value) is Map else "[")
        parts = self.entries(value) if type(value) is Map else (("", item) for item in value)
        self.open.append((iter(parts), "}" if type(value) is Map else "]"))
        return True

    def entries(self, value: Map) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key, part in value.entries():
            text = _KEYS.get(type(key))
            if text is None:
                raise json_error(f"a key of kind {type_name(key)} has no JSON")
            name = text(key)
            if name in seen:
                raise json_error(f"two keys have the text {name}")
            seen.add(name)
            yield name + self.colon, part

    def line(self) -> str:
        return "" if self.indent is None else "\n" + " " * (self.indent * len(self.open))

    def add(self, piece: str) -> None:
        self.pieces.append(piece)
        self.size += len(piece)
        if len(self.pieces) > PORTION:  # pieces of one character take fifty times their place
            self.portions.append("".join(self.pieces[:-1]))
            del self.pieces[:-1]
        if self.limit is not None and self.size > self.limit:
            raise memory_error("characters", self.size, self.limit)
