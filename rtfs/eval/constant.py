"""Constants of compiled code that Python code objects cannot hold, and that loading fills in."""

from __future__ import annotations

from typing import Any

from rtfs.lang.source import Span


class CallSite:
    """Where a host call stands: its place in the source and its module."""

    __slots__ = ("module", "place", "source")

    def __init__(self, place: tuple[int, int, int, int], module: str, source: Any = None) -> None:
        self.place = place
        self.module = module
        self.source = source

    @property
    def span(self) -> Span | None:
        if self.source is None:
            return None
        line, column, end_line, end_column = self.place
        return Span(self.source, line, column + 1, end_line, end_column + 1)


class TypeRef:
    """A type expression in code: parsed when first needed, names resolved in its module."""

    __slots__ = ("form", "level", "module", "parsed")

    def __init__(self, form: Any, level: str, module: Any = None) -> None:
        self.form = form
        self.level = level
        self.module = module
        self.parsed: Any = None


class ModuleGlobals:
    """Stands for the globals of a module, filled in when code is loaded."""

    __slots__ = ("module",)

    def __init__(self, module: str) -> None:
        self.module = module
