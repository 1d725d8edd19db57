"""Names as values: interned keywords and symbols that remember where they came from."""

from __future__ import annotations

from typing import Any

from rtfs.lang.source import Span


class Keyword:
    """An interned name that evaluates to itself; equal means identical. `name` has no colon."""

    __slots__ = ("name", "__weakref__")
    name: str

    def __new__(cls, name: str) -> Keyword:
        found = _KEYWORDS.get(name)
        if found is None:
            found = object.__new__(cls)
            object.__setattr__(found, "name", name)
            found = _KEYWORDS.setdefault(name, found)  # atomic: two threads get one object
        return found

    def __setattr__(self, key: str, value: object) -> None:
        raise AttributeError("keywords are immutable")

    def __call__(self, *args: Any) -> Any:
        """`(:k m default?)`: lookup in a map or error; on nil the default (language.md §4.1)."""
        from rtfs.lang.access import call_keyword  # deferred: lookup knows maps, which know keywords

        return call_keyword(self, *args)

    def __reduce__(self) -> tuple[type[Keyword], tuple[str]]:
        return (Keyword, (self.name,))

    def __repr__(self) -> str:
        return f":{self.name}"


# Held for ever: a keyword of a hostile script costs no more than the text that named it.
_KEYWORDS: dict[str, Keyword] = {}


class Symbol:
    """A name as data. Symbols are equal by name; `module`: home of a macro template's symbol; `span`: its place."""

    __slots__ = ("name", "module", "span")

    def __init__(self, name: str, module: str | None = None, span: Span | None = None) -> None:
        self.name = name
        self.module = module
        self.span = span

    def __eq__(self, other: object) -> bool:
        return type(other) is Symbol and self.name == other.name

    def __hash__(self) -> int:
        return hash((Symbol, self.name))

    def __repr__(self) -> str:
        return self.name
