"""What the compiler knows about names: where a local lives, what kinds it may hold, which function captured it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtfs.eval.step import Parts

# The kinds a value may have, as bits. Static knowledge is a set of kinds that only ever shrinks on a path.
INT, FLOAT, BOOL, STR, NIL, FUNCTION, VECTOR, MAP, KEYWORD, OTHER = (1 << n for n in range(10))
NUMBER = INT | FLOAT
ANY = (1 << 10) - 1


class Value:
    """An expression: its Python node, the kinds it may give, and whether it may be read again, later and for free.

    `choice`: the node is `fast if test else slow`, and more is known of either than of both.
    """

    __slots__ = ("node", "kind", "stable", "choice")

    def __init__(
        self,
        node: ast.expr,
        kind: int = ANY,
        stable: bool = False,
        choice: tuple[ast.expr, Value, Value] | None = None,
    ) -> None:
        self.node = node
        self.kind = kind
        self.stable = stable
        self.choice = choice


class Binding:
    """A local: its RTFS name, its unique Python name, the frame that owns it.

    `loops` tells the loop regions around its assignment: a closure made in a loop would see a later turn's value of
    such a local, so it is given the value through a factory. `function` marks a local that is known to be a function. A
    `boxed` local may be captured before it has its value inside a loop: it lives in a one-item list, new on every turn.
    `container`: the local holds the list or dict that a `vector` or `map` is being collected in (builder.py).
    """

    __slots__ = ("name", "python", "frame", "loops", "function", "boxed", "container")

    def __init__(self, name: str, python: str, frame: Frame, loops: int, function: bool = False) -> None:
        self.name = name
        self.python = python
        self.frame = frame
        self.loops = loops
        self.function = function
        self.boxed = False
        self.container: str | None = None


class Scope:
    """Names visible at a place: a chain of small dicts.

    In a body scope `def` is local; `future` holds the names the body will define, which only function literals in the
    body may see before they are defined (language.md §5.2).
    """

    __slots__ = ("parent", "names", "future", "frame", "is_body")

    def __init__(self, parent: Scope | None = None, *, frame: Frame, is_body: bool = False) -> None:
        self.parent = parent
        self.frame = frame
        self.names: dict[str, Binding] = {}
        self.future: dict[str, Binding] = {}
        self.is_body = is_body

    def find(self, name: str, frame: Frame) -> Binding | None:
        """The local that `name` means for code of `frame`."""
        scope: Scope | None = self
        while scope is not None:
            if scope.future and scope.frame is not frame:
                binding = scope.future.get(name)
                if binding is not None:
                    return binding
            binding = scope.names.get(name)
            if binding is not None:
                return binding
            scope = scope.parent
        return None

    def body(self) -> Scope | None:
        """The innermost body scope around, None at top level."""
        scope: Scope | None = self
        while scope is not None and not scope.is_body:
            scope = scope.parent
        return scope


class Frame:
    """One Python function under construction: its captured locals, its loop depth, what is known of its locals."""

    __slots__ = ("parent", "captured", "loops", "blocks", "facts", "storage", "name", "loop", "late", "parts")

    def __init__(self, parent: Frame | None, name: str | None) -> None:
        self.parent = parent
        self.name = name
        self.captured: dict[str, Binding] = {}  # python name → binding of an outer frame
        self.loops = 0  # depth of loop regions around the current place
        self.blocks = 0  # statically nested blocks: CPython allows 20
        self.facts: dict[str, int] = {}  # python name → kinds it may have here
        self.loop: Loop | None = None  # the innermost loop over a sequence
        self.late: set[str] = set()  # locals that may have no value yet
        self.parts: Parts | None = None  # of the second form of a step (step.py)
        self.storage: dict[str, str] = {}  # python name of a local that may be a map → local that holds its storage


class Loop:
    """A loop over a sequence: which locals its turns change, and what is computed before the first one.

    `start` is the number of the newest Python name made before it.
    """

    __slots__ = ("start", "varying", "prelude", "kinds")

    def __init__(self, start: int, varying: tuple[str, ...]) -> None:
        self.start = start
        self.varying = frozenset(varying)
        self.prelude: list[ast.stmt] = []
        self.kinds: dict[str, str] = {}  # python name → local with its type, if that is a type of numbers

    def keeps(self, python: str) -> bool:
        """Has this local its value before the loop, and in every turn the same?"""
        number = python.rpartition("~")[2].partition(":")[0]
        return python not in self.varying and number.isdecimal() and int(number) <= self.start


class RecurTarget:
    """Where `recur` goes: the Python locals it rebinds, what follows, the kinds assumed at the loop's head."""

    __slots__ = ("names", "what", "rest", "rebind", "assumed", "seen")

    def __init__(self, names: list[str], what: str, *, rest: bool = False) -> None:
        self.names = names
        self.what = what
        self.rest = rest
        self.rebind: list[Callable[[], None]] = []
        self.assumed: list[int] = [ANY] * len(names)
        self.seen: list[int] = [0] * len(names)
