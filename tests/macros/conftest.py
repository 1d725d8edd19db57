"""An expander over macros written in Python: what it does without reader, compiler and library around it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rtfs.lang.collections import List, Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show_form
from rtfs.lang.source import Source, SpanTable
from rtfs.macros.expander import Expander
from rtfs.parser.reader import Reading, read


class Macro:
    """A macro whose function is Python's."""

    def __init__(self, name: str, function: Callable[..., Any], module: str = "user", *, library: bool = False) -> None:
        self.name = name
        self.module = module
        self.function = function
        self.library = library
        self.metadata = Map.of([(Keyword("doc"), function.__doc__)])
        code = function.__code__
        self.params = (code.co_argcount, None if code.co_flags & 4 else code.co_argcount)


class Modules:
    """Macros by module and name; library macros are seen everywhere."""

    def __init__(self) -> None:
        self.macros: dict[tuple[str, str], Macro] = {}
        self.functions: set[tuple[str, str]] = set()

    def add(self, macro: Macro) -> None:
        self.macros[(macro.module, macro.name)] = macro

    def macro(self, name: str, module: str) -> Macro | None:
        found = self.macros.get((module, name))
        if found is None and (module, name) not in self.functions:
            found = self.macros.get(("library", name))
        return found

    def home(self, name: str, module: str) -> str | None:
        return module if (module, name) in self.functions or (module, name) in self.macros else None


class Workshop:
    """Reads and expands texts; `define` makes macros."""

    def __init__(self) -> None:
        self.modules = Modules()
        self.expander = Expander(modules=self.modules, invoke=lambda function, args: function(*args))
        self.reading: Reading

    def define(self, name: str, function: Callable[..., Any], module: str = "user", *, library: bool = False) -> None:
        self.modules.add(Macro(name, function, module, library=library))

    def read(self, text: str) -> list[Any]:
        self.reading = read(Source("t.rtfs", text))
        return self.reading.forms

    @property
    def spans(self) -> SpanTable:
        return self.reading.spans

    def form(self, text: str, module: str = "user") -> Any:
        """The core form of the last form of a text."""
        form = self.read(text)[-1]
        return self.expander.expand_top(form, module, self.spans)

    def shown(self, text: str, module: str = "user") -> str:
        return show_form(self.form(text, module))

    def error(self, text: str, module: str = "user") -> RtfsError:
        with pytest.raises(RtfsError) as raised:
            self.form(text, module)
        return raised.value


@pytest.fixture
def workshop() -> Workshop:
    """With `(m …)`, which becomes `:M`, and `(twice x)`, which becomes `(+ x x)`."""
    made = Workshop()
    made.define("m", lambda *forms: Keyword("M"))
    made.define("twice", lambda form: List((Symbol("+"), form, form)))
    return made


@pytest.fixture(autouse=True)
def deep_recursion() -> Iterator[None]:
    """As a session does: RTFS code may nest deeper than Python's default limit."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    yield
    sys.setrecursionlimit(limit)
