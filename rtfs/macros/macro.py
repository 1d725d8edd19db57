"""What expansion knows of macros and of the modules that they come from."""

from __future__ import annotations

from typing import Any, Protocol

from rtfs.lang.collections import Map
from rtfs.lang.errors import ExpansionError


class Macro(Protocol):
    """A macro: `function` takes forms and gives a form; `params` are the least and greatest count (None: any).

    `library`: is it of the bundled library, whose files are no modules of the program?
    """

    name: str
    module: str
    function: Any
    library: bool
    params: tuple[int, int | None]
    metadata: Map


class Modules(Protocol):
    """Where names mean something."""

    def macro(self, name: str, module: str) -> Macro | None:
        """The macro that a name means in a module: its own, an imported one (`a/m`), or one of the library."""

    def home(self, name: str, module: str) -> str | None:
        """Where a template's symbol is found first; None when its module knows no such name."""


class MalformedForm(ExpansionError):
    """What `(syntax-error form text code)` raises: it passes through the macros around it unchanged."""
