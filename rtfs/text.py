"""A text on its way to code, and the macros it may define."""

from __future__ import annotations

from typing import Any

from rtfs.eval.fault import Unit
from rtfs.lang.collections import Map
from rtfs.lang.source import Source, SpanTable
from rtfs.linker import Dependencies

Operation = tuple[Any, ...]


class Macro:
    """A macro as the expander calls it: a function over forms, its home, its arity and what is said about it."""

    __slots__ = ("name", "module", "function", "library", "params", "metadata")

    def __init__(self, name: str, module: str, function: Any, *, library: bool, metadata: Map) -> None:
        self.name = name
        self.module = module
        self.function = function
        self.library = library
        self.metadata = metadata
        code = function.__code__
        self.params = (code.co_argcount, None if code.co_flags & 4 else code.co_argcount)


class Text:
    """One source on its way to code: its forms' places, its unit, and the operations recorded so far.

    `needs`: the files it was compiled against, None once it cannot be stored; `inline`: the modules it defines itself;
    `results`: the values of its forms, if somebody wants to have them all.
    """

    __slots__ = (
        "source", "spans", "unit", "uid", "operations", "forms", "needs", "inline", "used", "assumed", "defined",
        "results", "is_file", "renewals", "renewed",
    )  # fmt: skip

    def __init__(self, source: Source, uid: str, *, is_library: bool, results: list[Any] | None = None) -> None:
        self.source = source
        self.spans: SpanTable | None = None
        self.uid = uid
        filename = f"<rtfs:{uid}:{source.name}>".replace("\0", "\\0")  # which Python refuses in the name of a file
        self.unit = Unit(filename, source, library=is_library)
        self.operations: list[Operation] = []
        self.forms = 0  # compiled so far: each has names of its own
        self.needs: Dependencies | None = {}
        self.inline: set[str] = set()
        self.used: set[str] = set()
        self.assumed: set[str] = set()  # library functions whose calls are inline
        self.defined: frozenset[str] = frozenset()
        self.results = results
        self.is_file = False
        self.renewals = 0  # how often it was compiled again
        self.renewed: dict[str, Any] = {}  # place of a function → the code it got then

    def gave(self, value: Any) -> Any:
        """A form gave this value."""
        if self.results is not None:
            self.results.append(value)
        return value

    def span(self, form: Any) -> Any:
        return None if self.spans is None else self.spans.of(form)
