"""Locals: what a name is known to be at a place, and whether anybody used it."""

from __future__ import annotations

from rtfs.check.kind import ANY
from rtfs.lang.source import Span
from rtfs.lang.types import Type


class Use:
    """A written binding. Macros may copy a form, so several locals can stand for one; a use of any of them counts.

    `must`: should it be used? Parameters need not be.
    """

    __slots__ = ("name", "span", "must", "used")

    def __init__(self, name: str, span: Span, *, must: bool) -> None:
        self.name = name
        self.span = span
        self.must = must
        self.used = False


class Scope:
    """Names visible at a place, a chain of small tables. `depth`: functions around it; `is_body`: `def` is local here.

    `future` holds names that only function literals may use before they are bound (language.md §5.2), `early` those
    that some did use.
    """

    __slots__ = ("parent", "depth", "is_body", "names", "future", "early")

    def __init__(self, parent: Scope | None = None, *, deeper: bool = False, is_body: bool = False) -> None:
        self.parent = parent
        self.depth: int = (0 if parent is None else parent.depth) + deeper
        self.is_body = is_body
        self.names: dict[str, tuple[Type, Use | None]] = {}
        self.future: dict[str, Type] = {}
        self.early: set[str] = set()

    def find(self, name: str) -> tuple[Type, Use | None] | None:
        """The type of a local and its written binding; None when no local has that name."""
        scope: Scope | None = self
        while scope is not None:
            if scope.future and scope.depth < self.depth and name in scope.future and name not in scope.names:
                scope.early.add(name)
                return scope.future[name], None
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.parent
        return None

    def bind(self, name: str, type: Type, use: Use | None = None) -> None:
        self.names[name] = (type, use)

    def narrowed(self, name: str, type: Type) -> Scope:
        """The same names, one of them known better."""
        found = self.find(name)
        inner = Scope(self)
        inner.names[name] = (type, None if found is None else found[1])
        return inner

    def body(self) -> Scope | None:
        """The innermost body scope, where `def` binds; None at top level."""
        scope: Scope | None = self
        while scope is not None and not scope.is_body:
            scope = scope.parent
        return scope

    def type(self, name: str) -> Type:
        found = self.find(name)
        return ANY if found is None else found[0]
