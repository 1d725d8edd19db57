"""Where code stands in a text: the forms that the compiler compiles, whatever the checker thinks of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from rtfs.analysis import check
from rtfs.check.finding import Finding
from rtfs.eval import literal
from rtfs.eval.compiler import Compiler
from rtfs.host.marketplace import Marketplace
from rtfs.lang.collections import List, Map
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.source import Source, Span, SpanTable
from rtfs.loader import Texts
from tests.stdlib.test_table import ROWS

MARKETPLACE = Marketplace()
LIBRARY = {name: row for row in ROWS for name in row.names}


def findings(text: str, name: str) -> list[Finding]:
    return check(Source(name, text), Texts({}), predefined=("args",), marketplace=MARKETPLACE)


class Site(NamedTuple):
    """A form that is compiled. `kind`: `library` or `own` call by the name `head`, `special` form, `map` literal.

    `parts` are the places of all its parts; `form` is what was written there.
    """

    kind: str
    head: str
    span: Span
    parts: tuple[Span, ...]
    form: Any


@contextmanager
def noted() -> Iterator[list[tuple[Compiler, Any, Any]]]:
    """Every list and map literal that is compiled meanwhile, with its scope."""
    seen: list[tuple[Compiler, Any, Any]] = []
    lists, maps = Compiler._list, literal._map

    def note_list(self: Compiler, form: List, scope: Any, dest: Any) -> Any:
        seen.append((self, form, scope))
        return lists(self, form, scope, dest)

    def note_map(c: Compiler, form: Map, scope: Any) -> Any:
        seen.append((c, form, scope))
        return maps(c, form, scope)

    Compiler._list, literal._map = note_list, note_map  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        Compiler._list, literal._map = lists, maps  # type: ignore[method-assign]


def sites(text: str, name: str) -> list[Site]:
    """The forms of a text that are code, each once."""
    with noted() as seen:
        findings(text, name)
    found: dict[Span, Site] = {}
    for c, form, scope in seen:
        spans, source = c.spans, c.target.source
        if spans is None or source.name != name:
            continue
        span, parts = spans.of(form), _parts(form, spans)
        if span is None or parts is None or span in found or source.text != text:
            continue
        site = _site(c, form, scope, span, parts)
        if site is not None:
            found[span] = site
    return list(found.values())


def _parts(form: Any, spans: SpanTable) -> tuple[Span, ...] | None:
    """The places of the parts of a form as it was written; None for what a macro made."""
    count = 2 * len(map_pairs(form)) if type(form) is Map else len(form)
    parts = [spans.child(form, index) for index in range(count)]
    return None if None in parts else tuple(part for part in parts if part is not None)


def _site(c: Compiler, form: Any, scope: Any, span: Span, parts: tuple[Span, ...]) -> Site | None:
    if type(form) is Map:
        keys = [key for key, _ in map_pairs(form)]
        return Site("map", "", span, parts, form) if keys and all(type(key) is Keyword for key in keys) else None
    head = form[0]
    if type(head) is not Symbol or head.module is not None or head.span != parts[0] or not form:
        return None
    if head.name in c.special:
        return Site("special", head.name, span, parts, form)
    if scope.find(head.name, c.frame) is not None:
        return None
    if c.is_builtin(head, scope):
        return Site("library", head.name, span, parts, form) if head.name in LIBRARY else None
    return Site("own", head.name, span, parts, form)


def offsets(text: str, span: Span) -> tuple[int, int]:
    source = Source("", text)
    return source.offset(span.line, span.column), source.offset(span.end_line, span.end_column)


def place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")
