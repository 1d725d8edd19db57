"""Where a compiler stands in the source: places of forms, spans and errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rtfs.eval.emit import Place
from rtfs.eval.target import Target
from rtfs.lang.errors import ExpansionError, syntax_error
from rtfs.lang.source import Span, SpanTable


class Places:
    """`at` is the place of the form that is being compiled. spans: where the reader found the forms, None for none."""

    def __init__(self, target: Target, spans: SpanTable | None) -> None:
        self.target = target
        self.spans = spans
        self.at: Place = (1, 0, 1, 0)

    def place_of(self, form: Any, parent: Any = None, index: int = 0) -> Place:
        """Where a form stands in this unit's source; the current place when it has none of its own."""
        spans = self.spans
        if spans is None:
            return self.at
        span = spans.of(form)
        if span is None and parent is not None:
            span = spans.child(parent, index)
        if span is None or span.source is not self.target.source:
            return self.at
        return (span.line, span.column - 1, span.end_line, span.end_column - 1)

    @contextmanager
    def standing_at(self, parent: Any, index: int, last: int | None = None) -> Iterator[None]:
        """Compile at the place of the n-th part of a form, or of the parts from there to the last."""
        outer, place = self.at, self.place_of(parent[index], parent, index)
        if last is not None:
            place = (*place[:2], *self.place_of(parent[last], parent, last)[2:])
        self.at = place
        yield  # after an error the place stays: it is where the error is
        self.at = outer

    def span(self, form: Any = None) -> Span:
        line, column, end_line, end_column = self.at if form is None else self.place_of(form)
        return Span(self.target.source, line, column + 1, end_line, end_column + 1)

    def fail(self, name: str, text: str, form: Any = None) -> ExpansionError:
        """A SyntaxError at a form (or at the current place)."""
        return syntax_error(name, text, self.span(form))

    def wrong_part(self, error: ExpansionError) -> Span:
        """Where the part of a form stands that an error is about; where compilation is, if it does not say."""
        if error.part is None:
            return self.span()
        parent, index = error.part
        line, column, end_line, end_column = self.place_of(parent[index], parent, index)
        return Span(self.target.source, line, column + 1, end_line, end_column + 1)
