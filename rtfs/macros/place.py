"""Where forms stand while a text is expanded, and how many expansions led to them."""

from __future__ import annotations

from typing import Any

from rtfs.lang.collections import List, Map, map_form, vector
from rtfs.lang.names import Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.source import Span, SpanTable
from rtfs.lang.values import is_vector

# How many expansions led from a form of the text to here, and the names of the first three macros.
Trail = tuple[int, tuple[str, ...]]
NO_TRAIL: Trail = (0, ())


class Text:
    """The text whose forms are expanded: places, and what macros made of them.

    `made` holds forms that macros made and that have a place or are expanded apart, with the trail that led to them.
    """

    __slots__ = ("spans", "made")

    def __init__(self, spans: SpanTable | None) -> None:
        self.spans = spans
        self.made: dict[int, tuple[Any, Trail]] = {}

    def trail(self, form: Any) -> Trail:
        return self.made.get(id(form), (None, NO_TRAIL))[1]

    def written(self, form: Any) -> bool:
        """Was the form written in the text, rather than made by a macro?"""
        return self.spans is not None and self.spans.of(form) is not None and id(form) not in self.made

    def headed(self, head: Symbol) -> Span | None:
        """Where a list with this head was written: `(- 2)` of a `->` became `(- x 2)`, which was not."""
        if self.spans is None or head.span is None:
            return head.span
        return self.spans.opened_by(head.span) or head.span

    def threaded(self, head: Symbol, whole: Span | None) -> Span | None:
        """The same, if it was written inside `whole`, the form that is expanded, and not in the body of a macro."""
        span = None if head.span is None else self.headed(head)
        return span if span is not None and whole is not None and span.within(whole) else None

    def stand(self, form: Any, span: Span | None) -> Any:
        """A form that a macro built stands where the macro call stands."""
        kind = type(form)
        collection = kind is List or kind is Map or is_vector(form)
        if self.spans is None or span is None or not collection or (kind is tuple and not form):
            return form
        if id(form) in self.made:  # a constant of the macro, which stood somewhere else before
            form = List(form) if kind is List else map_form(map_pairs(form)) if kind is Map else vector(list(form))
        elif self.spans.of(form) is not None:
            return form
        self.spans.put(form, span, ())
        self.made[id(form)] = (form, NO_TRAIL)
        return form
