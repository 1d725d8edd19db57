"""Source texts and the spans that point into them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Source:
    """A named text. `name` is what errors show (a file name, `<repl>` …)."""

    __slots__ = ("name", "text", "memo", "_lines", "_starts")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.memo: dict[Any, Any] = {}  # what was found out about places of the text
        self._lines: list[str] | None = None
        self._starts: list[int] | None = None

    def line(self, number: int) -> str:
        """The text of line `number` (from 1) without its terminator; empty past the end."""
        if self._lines is None:
            self._lines = self.text.split("\n")
        return self._lines[number - 1].rstrip("\r") if 0 < number <= len(self._lines) else ""

    def offset(self, line: int, column: int) -> int:
        """The place in the text of a line and column, which count from 1."""
        starts = self._line_starts()
        return starts[line - 1] + column - 1 if line <= len(starts) else len(self.text)

    def span(self, begin: int, end: int) -> Span:
        """The span of a stretch of the text."""
        from bisect import bisect_right  # deferred: only errors ask

        starts = self._line_starts()
        first, last = bisect_right(starts, begin), bisect_right(starts, end)
        return Span(self, first, begin - starts[first - 1] + 1, last, end - starts[last - 1] + 1)

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            self._starts = [0]
            for line in self.text.split("\n")[:-1]:
                self._starts.append(self._starts[-1] + len(line) + 1)
        return self._starts

    def __repr__(self) -> str:
        return f"Source({self.name!r})"


_new = object.__new__  # readers make a span for every form: a constructor of ours would take the longest of all


class Span:
    """A stretch of a source: lines and columns count from 1, in characters; the end is exclusive."""

    __slots__ = ("source", "line", "column", "end_line", "end_column")

    def __init__(self, source: Source, line: int, column: int, end_line: int, end_column: int) -> None:
        self.source = source
        self.line = line
        self.column = column
        self.end_line = end_line
        self.end_column = end_column

    def to(self, end: Span) -> Span:
        """The span from the start of this one to the end of another of the same source."""
        made: Span = _new(Span)
        made.source, made.line, made.column = self.source, self.line, self.column
        made.end_line, made.end_column = end.end_line, end.end_column
        return made

    def text(self) -> str:
        """What stands there."""
        source = self.source
        return source.text[source.offset(self.line, self.column) : source.offset(self.end_line, self.end_column)]

    def within(self, other: Span) -> bool:
        """Does it lie inside the other span of the same source?"""
        begin, end = (self.line, self.column), (self.end_line, self.end_column)
        return (
            self.source is other.source
            and begin >= (other.line, other.column)
            and end <= (other.end_line, other.end_column)
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, int, int, int, int]:
        return (self.source.name, self.line, self.column, self.end_line, self.end_column)

    def __repr__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}-{self.end_line}:{self.end_column}"


class SpanTable:
    """Where each form of a text stands.

    Forms are plain values, so a span cannot hang on them. Collections are found by identity (the table keeps them
    alive); an atom is found as the n-th child of its collection. A map's children are key, value, key, value …
    """

    __slots__ = ("source", "_places", "_heads")

    def __init__(self, source: Source) -> None:
        self.source = source
        self._places: dict[int, tuple[object, Span, Sequence[Span]]] = {}
        self._heads: dict[tuple[int, int], Span] | None = None

    def put(self, form: object, span: Span, children: Sequence[Span]) -> None:
        """Record a collection that was read at `span`, with the spans of its parts."""
        self._places[id(form)] = (form, span, children)

    def copy(self, form: object, new: object) -> None:
        """Record `new`, which has as many parts as `form`, where `form` stands; nothing when that is unknown."""
        place = self._places.get(id(form))
        if place is not None:
            self._places[id(new)] = (new, place[1], place[2])

    def of(self, form: object) -> Span | None:
        """The span of a collection read from this text, or of a symbol; None for other forms."""
        place = self._places.get(id(form))
        if place is not None:
            return place[1]
        span = getattr(form, "span", None)
        return span if isinstance(span, Span) else None

    def opened_by(self, head: Span) -> Span | None:
        """The span of the collection that was read with its first part at this span."""
        if self._heads is None:
            read = ((span, parts[0]) for _, span, parts in self._places.values() if parts)
            self._heads = {(first.line, first.column): span for span, first in read}
        return self._heads.get((head.line, head.column))

    def child(self, form: object, index: int) -> Span | None:
        """The span of the n-th part of a collection, if the collection was read from this text."""
        place = self._places.get(id(form))
        if place is None or index >= len(place[2]):
            return None
        return place[2][index]
