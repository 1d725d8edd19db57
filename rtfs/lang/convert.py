"""Python objects ↔ RTFS values, both ways without recursion (experience.md §5)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, NoneType
from typing import Any

from rtfs.lang.collections import MISSING, SMALL, List, Map, PVector, vector
from rtfs.lang.errors import EvaluationError, HostCallError, RtfsError, memory_error, overflow
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.signal import met
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid

NESTING_LIMIT = 10_000
PARTS_LIMIT = 16_777_216  # a small value that shares its parts can be an enormous Python object
SHARING = 1_000

_AS_THEY_ARE = frozenset(
    {NoneType, bool, float, Keyword, Symbol, Timestamp, Uuid, ResourceHandle, ErrorValue, FunctionType}
)
_SEQUENCES = frozenset({list, tuple, PVector, List})


def from_python(value: Any) -> Any:
    """The RTFS value of a Python object.

    RTFS values stay what they are. dict and other mappings become maps (string keys stay strings), list and tuple
    vectors, datetime (with a time zone) a timestamp, UUID a uuid, an RtfsError an error value, functions functions.
    TypeError (the RTFS kind) that names the place for everything else, sets included; HostError for a lone surrogate.
    """
    found = _scalar(value)
    if found is MISSING:
        return _import(value)
    return found


def _scalar(value: Any) -> Any:
    """The value of an object that has no parts, or MISSING."""
    kind = type(value)
    if kind is int:
        return value if value.bit_length() < 1024 else met(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is str:
        return value if value.isascii() or _is_text(value) else MISSING
    if kind in _SEQUENCES or kind is dict or kind is Map:
        return MISSING
    return _foreign(value)


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _foreign(value: Any) -> Any:
    """Objects of other Python classes: subclasses of what RTFS has, and what has an RTFS counterpart."""
    if isinstance(value, str):
        text = str.__str__(value)
        return text if _is_text(text) else MISSING
    if isinstance(value, int):
        return met(int(value))
    if isinstance(value, float):
        return float(value)
    if isinstance(value, RtfsError):
        return ErrorValue.of(value)
    if isinstance(value, (BuiltinFunctionType, MethodType)):
        return _function(value)
    return _instant_or_uuid(value)


def _function(value: Any) -> Any:
    """RTFS functions are plain Python functions: anything else that Python defines as one is wrapped."""

    def call(*args: Any) -> Any:
        return value(*args)

    call.rtfs_name = value.__name__  # type: ignore[attr-defined]
    return call


def _instant_or_uuid(value: Any) -> Any:
    dates, uuids = sys.modules.get("datetime"), sys.modules.get("uuid")  # not imported: it cannot be one
    if dates is not None and isinstance(value, dates.datetime) and value.tzinfo is not None:
        since = value - dates.datetime(1970, 1, 1, tzinfo=dates.timezone.utc)
        return Timestamp(since // dates.timedelta(microseconds=1))
    if uuids is not None and isinstance(value, uuids.UUID):
        return Uuid(str(value))
    return MISSING


def _import(root: Any) -> Any:
    frames = [_Import(root, [])]
    known: dict[int, tuple[Any, Any]] = {}  # id → (the object, kept alive, and its value)
    visits = 0
    while True:
        frame = frames[-1]
        for part in frame.parts:
            found = _scalar(part)
            if found is MISSING:
                found = known.get(id(part), (None, MISSING))[1]
            if found is MISSING:
                if len(frames) == NESTING_LIMIT:
                    raise overflow("nesting", NESTING_LIMIT)
                frames.append(_Import(part, frames))
                break
            frame.done.append(found)
        else:
            frames.pop()
            value = frame.value()
            visits += 1
            if visits > SHARING:
                known[id(frame.source)] = (frame.source, value)
            if not frames:
                return value
            frames[-1].done.append(value)


def _flat(pairs: Iterable[tuple[Any, Any]]) -> Iterator[Any]:
    return (part for pair in pairs for part in pair)


class _Import:
    """A Python collection being converted: what is left of its parts, and those that are done."""

    __slots__ = ("done", "parts", "source")

    def __init__(self, source: Any, frames: list[_Import]) -> None:
        self.source = source
        self.done: list[Any] = []
        self.parts: Iterator[Any]
        if type(source) is Map:
            self.parts = _flat(source.entries())
        elif isinstance(source, (list, tuple, PVector)):
            self.parts = iter(source)
        elif isinstance(source, Mapping):
            self.parts = _flat(source.items())
        else:
            raise _refusal(source, frames)

    def value(self) -> Any:
        kind = type(self.source)
        if kind is Map:
            return self.source if self.unchanged(_flat(self.source.entries())) else self.map()
        if kind is tuple or kind is PVector or kind is List:
            kept = (kind is not tuple or len(self.source) <= SMALL) and self.unchanged(iter(self.source))
            return self.source if kept else List(self.done) if kind is List else vector(self.done)
        return self.map() if isinstance(self.source, Mapping) else vector(self.done)

    def unchanged(self, parts: Iterator[Any]) -> bool:
        return all(part is done for part, done in zip(parts, self.done, strict=True))

    def map(self) -> Map:
        return Map.of(zip(self.done[::2], self.done[1::2], strict=True))

    def place(self) -> str:
        count = len(self.done)
        if not isinstance(self.source, Mapping):
            return f"[{count}]"
        if count % 2 == 0:
            return "{key}"
        key = self.done[-1]
        return f".{key}" if type(key) is str else f".{key.name}" if type(key) is Keyword else f"[{show(key)}]"


def _refusal(value: Any, frames: list[_Import]) -> RtfsError:
    path = "".join(frame.place() for frame in frames)
    at = f" at {path}" if path else ""
    if isinstance(value, str):
        return HostCallError("HostError", f"a string from the host holds a lone surrogate{at}")
    kind = type(value).__name__
    hints = {
        "set": "pass sorted(…) or list(…)",
        "frozenset": "pass sorted(…) or list(…)",
        "bytes": "decode it, or pass list(…) of its bytes",
        "datetime": "give it a time zone",
        "Decimal": "pass float(…) or str(…)",
    }
    notes = (hints[kind],) if kind in hints else ()
    return EvaluationError(
        "TypeError", f"Type error in from_python: expected RTFS value{at}, got Python {kind}", notes=notes
    )


def to_python(value: Any) -> Any:
    """Plain Python data for an RTFS value.

    Maps become dicts, vectors and lists lists, keywords and symbols their text (as keys too), timestamps aware
    datetimes, uuids UUIDs, handles their text, errors the dict of their keys. Vectors as keys become tuples.
    InvalidArgument for keys that Python cannot tell apart or cannot hold, and for instants outside the years 1 to 9999.
    """
    return _plain(value) if _is_atom(value) else _export(value)


def _is_atom(value: Any) -> bool:
    kind = type(value)
    return kind is not Map and kind is not ErrorValue and kind not in _SEQUENCES


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is Keyword or kind is Symbol:
        return value.name
    if kind is Timestamp:
        return _datetime(value)
    if kind is Uuid:
        import uuid  # deferred: few programs hold one

        return uuid.UUID(value.text)
    return value.text if kind is ResourceHandle else value


def _datetime(value: Timestamp) -> Any:
    import datetime  # deferred: few programs hold a timestamp

    try:
        start = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        return start + datetime.timedelta(microseconds=value.micros)
    except OverflowError:
        text = f"Invalid argument: timestamp {show(value)} is outside the years of datetime"
        raise EvaluationError("InvalidArgument", text) from None


def _export(root: Any) -> Any:
    frames = [_Export(root, False)]
    parts = 0
    while True:
        frame = frames[-1]
        for part in frame.parts:
            parts += 1
            if not _is_atom(part):
                if len(frames) == NESTING_LIMIT:
                    raise overflow("nesting", NESTING_LIMIT)
                frames.append(_Export(part, frame.makes_key()))
                break
            frame.done.append(_plain(part))
        else:
            frames.pop()
            value = frame.value()
            if not frames:
                return value
            frames[-1].done.append(value)
        if parts > PARTS_LIMIT:
            raise memory_error("elements", parts, PARTS_LIMIT)


class _Export:
    """An RTFS collection being converted; `key`: the result must be hashable."""

    __slots__ = ("done", "is_map", "key", "parts", "source")

    def __init__(self, source: Any, key: bool) -> None:
        self.source = source.as_map() if type(source) is ErrorValue else source
        self.is_map = type(self.source) is Map
        if self.is_map and key:
            raise EvaluationError("InvalidArgument", "Invalid argument: a map as a key has no counterpart in Python")
        self.key = key
        self.done: list[Any] = []
        self.parts: Iterator[Any] = _flat(self.source.entries()) if self.is_map else iter(self.source)

    def makes_key(self) -> bool:
        return self.key or (self.is_map and len(self.done) % 2 == 0)

    def value(self) -> Any:
        if not self.is_map:
            return tuple(self.done) if self.key else self.done
        made = dict(zip(self.done[::2], self.done[1::2], strict=True))
        if len(made) * 2 != len(self.done):
            raise EvaluationError("InvalidArgument", f"Invalid argument: {self.twice()}")
        return made

    def twice(self) -> str:
        """Names two keys that are one in Python, such as `:a` and `"a"` or `1` and `1.0`."""
        seen: dict[Any, Any] = {}
        for key, plain in zip(self.source, self.done[::2], strict=True):
            if plain in seen:
                return f"keys {show(seen[plain])} and {show(key)} are the same in Python"
            seen[plain] = key
        return "keys are the same in Python"
