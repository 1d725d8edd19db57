"""What the forms of a whole file become, its modules and macros included, without running it."""

from __future__ import annotations

from typing import Any, NamedTuple

from rtfs.analysis import surveyed
from rtfs.lang.collections import List
from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.source import Source
from rtfs.listing import python_of
from rtfs.loader import Lookup
from rtfs.survey import Survey
from rtfs.text import Text
from rtfs.tools import deepen


class Translated(NamedTuple):
    """One top-level form. line: where it was written; core: with all macros expanded; python: None for no code."""

    module: str
    line: int
    core: Any
    python: str | None


def translate(source: Source, lookup: Lookup, variant: str = "plain") -> tuple[list[Translated], list[RtfsError]]:
    """The forms of a file in order, and what is wrong with it. variant: of the Python, see Limits.variant."""
    deepen()
    translation = _Translation(source, lookup, variant)
    surveyed(translation, [source], lookup, Limits.untrusted())
    return translation.found, translation.problems


class _Translation(Survey):
    """A survey that keeps what it sees of one text."""

    def __init__(self, source: Source, lookup: Lookup, variant: str) -> None:
        self.found: list[Translated] = []
        self._source = source
        self._shown = variant
        super().__init__(lookup)

    def _run_form(self, core: Any, text: Text, module: Any) -> None:
        super()._run_form(core, text, module)
        part = self.spaces[module.name].parts[-1]
        if text.source is self._source:
            self._keep(core, text, module, code=not part.broken)

    def _define_macro(self, form: List, text: Text, module: Any) -> None:
        super()._define_macro(form, text, module)
        if text.source is self._source:
            self._keep(self.spaces[module.name].parts[-1].form, text, module, code=True)

    def _import(self, form: List, text: Text, module: Any) -> None:
        super()._import(form, text, module)
        self._declaration(form, text, module)

    def _export(self, form: List, text: Text, module: Any) -> None:
        super()._export(form, text, module)
        self._declaration(form, text, module)

    def _declaration(self, form: List, text: Text, module: Any) -> None:
        if text.source is self._source:
            self._keep(form, text, module, code=False)

    def _keep(self, core: Any, text: Text, module: Any, *, code: bool) -> None:
        span = text.span(self._raw)
        assert text.spans is not None
        where = (self, module, text.source, len(self.found))
        python = python_of(core, text.spans, where, self._shown) if code else None
        self.found.append(Translated(module.name, 0 if span is None else span.line, core, python))
