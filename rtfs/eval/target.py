"""What is compiled, and for what: the module that code is compiled for, and the destination of the value of a form."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.eval.scope import Value
from rtfs.lang.source import Source

if TYPE_CHECKING:
    from rtfs.eval.step import Parts

MAX_BLOCKS = 15  # CPython allows 20 statically nested blocks


class Target:
    """What a piece of code is compiled for: module namespace knowledge and the unit that collects constants.

    `module`: its name. `shadowed(name)`: does the module define or import the name? `library(name)`: is it a library
    name? `home(name, module)`: where a template's symbol is found.
    """

    def __init__(self, module: str, source: Source, uid: str, *, variant: str = "plain") -> None:
        self.module = module
        self.source = source
        self.uid = uid
        self.variant = variant
        self.shared = False  # code of the library, which all sessions run
        self.level = "standard"
        self.constants: dict[str, Any] = {}
        self.shadowed: Callable[[str], bool] = lambda name: False
        self.library: Callable[[str], bool] = lambda name: False
        self.home: Callable[[str, str], str | None] = lambda name, module: None
        self.assumed: set[str] = set()  # library functions that inline code takes for granted
        self.used: set[str] = set()  # library names that the code refers to


class Dest:
    """What becomes of a value: returned, assigned to a Python local, or dropped; WANT (None) asks for an expression.

    `recur` is the target that a `recur` in this (tail) position goes to. `breaks`: leave the Python loop afterwards.
    `check` turns a returned value into one that is checked against the return type. `parts`: a returned result map is
    handed over in parts (step.py).
    """

    __slots__ = ("kind", "name", "recur", "breaks", "check", "kinds", "outer", "parts")

    def __init__(
        self,
        kind: str,
        name: str = "",
        *,
        recur: Any = None,
        breaks: bool = False,
        check: Callable[[Value], Value] | None = None,
        outer: Dest | None = None,
        parts: Parts | None = None,
    ) -> None:
        self.kind = kind
        self.name = name
        self.recur = recur
        self.breaks = breaks
        self.check = check
        self.kinds = 0  # what was delivered here so far
        self.outer = outer  # where what is delivered here goes as well
        self.parts = parts

    def note(self, kinds: int) -> None:
        """A value that may be of these kinds is delivered here."""
        dest: Dest | None = self
        while dest is not None:
            dest.kinds |= kinds
            dest = dest.outer

    def plain(self) -> Dest:
        """The same destination, no longer in tail position."""
        if self.recur is None:
            return self
        return Dest(self.kind, self.name, breaks=self.breaks, check=self.check, outer=self, parts=self.parts)


WANT = None
RETURN = Dest("return")
DISCARD = Dest("discard")
