"""Functions and errors of a recording, which have no text: each is known by where the session met it first."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.lang.codec import Unreadable
from rtfs.lang.collections import List, Map, PVector, vector
from rtfs.lang.names import Keyword
from rtfs.lang.values import ErrorValue, function_name

if TYPE_CHECKING:
    from rtfs.session import Session

_COLLECTIONS = frozenset({tuple, PVector, List, Map})


class Reference(NamedTuple):
    """Where a value was met: in the arguments of a call, in the result of a program, or under a name."""

    kind: str  # `argument`, `result`, `global` or `library`
    home: Any  # number of the program, or name of the module
    name: Any  # number of the call in it, or name of the global
    place: int = 0  # among the functions and errors there

    def data(self) -> Any:
        """The reference as a storable value."""
        return vector((Keyword(self.kind), self.home, self.name, self.place))

    @classmethod
    def read(cls, stored: Any) -> Reference:
        """The reference that `data` gave; Unreadable for anything else."""
        if type(stored) is not tuple or len(stored) != 4 or type(stored[0]) is not Keyword:
            raise Unreadable("no reference")
        kind, home, name, place = stored[0].name, *stored[1:]
        texts, numbers = kind in ("global", "library"), kind in ("argument", "result")
        fits = all(type(part) is (str if texts else int) for part in (home, name)) and type(place) is int
        if not (texts or numbers) or not fits or place < 0:
            raise Unreadable("no reference")
        return cls(kind, home, name, place)


class References:
    """The functions and errors that the programs of a session have met so far, and where."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._met: dict[int, tuple[Any, Reference]] = {}  # by identity, which the value beside it keeps its own

    def meet(self, value: Any, at: Reference) -> None:
        """From here on the functions and errors in a value are known."""
        for place, found in enumerate(opaques(value)):
            self._met.setdefault(id(found), (found, at._replace(place=place)))

    def find(self, value: Any) -> Reference | None:
        """Where a value was met, or the name it goes by; None for one that the session does not know."""
        if id(value) in self._met:
            return self._met[id(value)][1]
        if type(value) is not FunctionType:
            return None
        for module, home in self._session.world.modules.items():
            for name, held in home.globals.items():
                if held is value and name[:1] == ":":
                    return Reference("global", module, name[1:])
        called = function_name(value)
        try:
            return Reference("library", "", called) if called and self._session.lookup(called) is value else None
        except KeyError:
            return None


def opaques(value: Any) -> list[Any]:
    """The functions and errors in a value, in the order of its text."""
    found: list[Any] = []
    pending = [value]
    while pending:
        part = pending.pop()
        kind = type(part)
        if kind is FunctionType or kind is ErrorValue:
            found.append(part)
        elif kind is Map:
            pending.extend(piece for entry in reversed(list(part.entries())) for piece in reversed(entry))
        elif kind in _COLLECTIONS:
            pending.extend(reversed(part))
    return found
