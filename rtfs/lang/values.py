"""The atoms of RTFS that Python lacks, and what kind each value is.

nil, booleans, integers, floats and strings are Python's own `None bool int float str`. Functions are plain Python
functions: calling one is a Python call and costs nothing extra.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any
from weakref import ref

from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.errors import EvaluationError, RtfsError, about, kebab, type_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Span

__all__ = [
    "ErrorValue",
    "Keyword",
    "List",
    "Map",
    "PVector",
    "ResourceHandle",
    "Symbol",
    "Timestamp",
    "Uuid",
    "function_name",
    "is_vector",
    "type_name",
    "wrong_kind",
]


class Timestamp:
    """An instant in microseconds since 1970-01-01T00:00:00Z."""

    __slots__ = ("micros",)

    def __init__(self, micros: int) -> None:
        self.micros = micros

    def __eq__(self, other: object) -> bool:
        return type(other) is Timestamp and self.micros == other.micros

    def __hash__(self) -> int:
        return hash((Timestamp, self.micros))

    def __repr__(self) -> str:
        from rtfs.lang.printer import show  # deferred: the printer knows every kind

        return show(self)


class Uuid:
    """A UUID as its canonical lower-case text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text.lower()

    def __eq__(self, other: object) -> bool:
        return type(other) is Uuid and self.text == other.text

    def __hash__(self) -> int:
        return hash((Uuid, self.text))

    def __repr__(self) -> str:
        return self.text


class ResourceHandle:
    """A handle `resource://…` that the host gave; `text` is the whole literal."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return type(other) is ResourceHandle and self.text == other.text

    def __hash__(self) -> int:
        return hash((ResourceHandle, self.text))

    def __repr__(self) -> str:
        return self.text


_ERROR_KEYS = ("type", "kind", "message", "data", "code", "span", "trace")


class ErrorValue:
    """What `catch` binds: a read-only, map-like view of an RtfsError; equal only to itself (language.md §8.1)."""

    __slots__ = ("error", "_map", "__weakref__")

    def __init__(self, error: RtfsError) -> None:
        self.error = error
        self._map: Map | None = None

    @staticmethod
    def of(error: RtfsError) -> ErrorValue:
        """The one value of this error."""
        known: ErrorValue | None = None if error.value is None else error.value()
        if known is not None:
            return known
        made = ErrorValue(error)
        error.value = ref(made)  # errors are freed at once as long as they are in no cycle
        return made

    def as_map(self) -> Map:
        """The seven keys as a map. Spans and trace are maps of plain values."""
        if self._map is None:
            error = self.error
            trace = [
                Map.of([(Keyword("fn"), name), (Keyword("span"), _span_map(span))]) for name, span in error.trace[:50]
            ]
            values = (
                Keyword(error.type),
                Keyword(kebab(error.kind)),
                error.message,
                error.data,
                error.code,
                _span_map(error.span),
                tuple(trace),
            )
            self._map = Map.of(list(zip(map(Keyword, _ERROR_KEYS), values, strict=True)))
        return self._map

    def get(self, key: Any, default: Any = None) -> Any:
        part = _PARTS.get(key) if type(key) is Keyword else None
        return self.as_map().get(key, default) if part is None else part(self.error)

    def __contains__(self, key: Any) -> bool:
        return key in self.as_map()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.as_map())

    def __len__(self) -> int:
        return len(_ERROR_KEYS)


# The keys whose values are at hand; to know the place of an error takes a search.
_PARTS: dict[Keyword, Callable[[RtfsError], Any]] = {
    Keyword("type"): lambda error: Keyword(error.type),
    Keyword("kind"): lambda error: Keyword(kebab(error.kind)),
    Keyword("message"): lambda error: error.message,
    Keyword("data"): lambda error: error.data,
    Keyword("code"): lambda error: error.code,
}


def _span_map(span: Span | None) -> Map | None:
    if span is None:
        return None
    names = ("source", "line", "column", "end-line", "end-column")
    values = (span.source.name, span.line, span.column, span.end_line, span.end_column)
    return Map.of(list(zip(map(Keyword, names), values, strict=True)))


_TYPE_NAMES: dict[type, str] = {
    type(None): "nil",
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    Keyword: "keyword",
    Symbol: "symbol",
    tuple: "vector",
    PVector: "vector",
    List: "list",
    Map: "map",
    FunctionType: "function",
    ErrorValue: "error",
    Timestamp: "timestamp",
    Uuid: "uuid",
    ResourceHandle: "resource-handle",
}


def type_name(value: object) -> str:
    """The kind of a value (language.md §2.1); `object` for a Python object that is no RTFS value."""
    return _TYPE_NAMES.get(type(value), "object")


def wrong_kind(operation: str, expected: str, value: Any, index: int | None = None) -> EvaluationError:
    """The TypeError of a value of another kind than expected; `index`: which argument of the operation it is."""
    return about(type_error(operation, expected, type_name(value)), value, operation, index)


def is_vector(value: object) -> bool:
    return type(value) is tuple or type(value) is PVector


def function_name(function: Any) -> str | None:
    """The RTFS name of a function, None when it is anonymous.

    Compiled code is called `name~unit:number` (nothing before the `~` when anonymous); builtins carry `rtfs_name`.
    """
    name: str | None = function.__dict__.get("rtfs_name") if function.__dict__ else None
    if name is None:
        name = function.__code__.co_name.partition("~")[0] if "~" in function.__code__.co_name else None
    return name or None
