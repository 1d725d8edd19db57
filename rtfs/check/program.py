"""A program as the checker sees it: modules, what they define and import, and the core forms of their texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from rtfs.check.kind import ANY
from rtfs.lang.collections import MISSING, List, Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.schema import parse_type
from rtfs.lang.source import Span, SpanTable
from rtfs.lang.types import Named, Type
from rtfs.lang.values import is_vector


class Part:
    """One top-level form: what was written, and the core form it became. `number`: its place in the module."""

    __slots__ = ("broken", "form", "module", "number", "raw", "spans")

    def __init__(self, raw: Any, form: Any, module: str, number: int, spans: SpanTable) -> None:
        self.broken = False  # it does not compile: that was reported, and nothing else is looked for
        self.raw = raw
        self.form = form
        self.module = module
        self.number = number
        self.spans = spans


class Definition:
    """A name that a module defines. `form`: the defining form if it is a whole top-level form, else MISSING.

    `type` is known after inference; until then, and for what is defined more than once, anything.
    """

    __slots__ = ("form", "module", "name", "part", "private", "recursive", "type")

    def __init__(self, name: str, part: Part, form: Any, *, private: bool) -> None:
        self.name = name
        self.part = part
        self.module = part.module
        self.form = form
        self.private = private
        self.type: Type = ANY
        self.recursive = False


class Import(NamedTuple):
    """One import: its place, the prefixes it makes visible, the bare names with their places."""

    module: str
    span: Span | None
    prefixes: frozenset[str]
    only: tuple[tuple[str, Span | None], ...]


class Space:
    """A module. `imported`: visible name → (module, name there). `macros`: names of its own macros.

    `opaque`: names and prefixes of which nothing is known, because their module or form could not be expanded.
    `export_spans`: where exported names are listed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts: list[Part] = []
        self.definitions: dict[str, Definition] = {}
        self.imported: dict[str, tuple[str, str]] = {}
        self.imports: list[Import] = []
        self.macros: set[str] = set()
        self.types: dict[str, Any] = {}
        self.opaque: set[str] = set()
        self.unreadable = False
        self.export_spans: dict[str, Span] = {}
        self.used: set[str] = set()  # visible names of imports that macros used

    def is_opaque(self, name: str) -> bool:
        return name in self.opaque or f"{name.rpartition('/')[0]}/" in self.opaque


class Library(NamedTuple):
    """What the checker is told of the library and the host.

    `type(name)`: the declared type of a library function; `capability(id)`: what a host call takes and gives, None when
    that is not known. Without `capabilities`, none is said to be unknown.
    """

    type: Callable[[str], Type | None]
    names: frozenset[str]  # functions, constants and macros
    special: frozenset[str]
    capabilities: frozenset[str] = frozenset()
    capability: Callable[[str], Type | None] = lambda id: None


class Program:
    """All modules of a program. `predefined`: names that whoever runs it defines, such as `args` of a script."""

    def __init__(self, spaces: Mapping[str, Space], library: Library, predefined: Iterable[str] = ()) -> None:
        self.spaces = spaces
        self.library = library
        self.predefined = frozenset(predefined)
        self._types: dict[tuple[str, str], Type | None] = {}

    def meaning(self, symbol: Symbol, module: str) -> tuple[str, Any]:
        """What a global name means: `definition`, `library`, `unknown` (it exists), `macro` or `nothing`."""
        name, home = symbol.name, symbol.module
        if home is not None and home != module:
            if home not in self.spaces:
                if name in self.library.names:
                    return "library", name
            else:
                found = self._own(self.spaces[home], name)
                if found is not None:
                    return found
        space = self.spaces[module]
        found = self._own(space, name)
        if found is not None:
            return found
        if name in self.library.names:
            return "library", name
        known = name in self.predefined or space.is_opaque(name)
        return ("unknown", None) if known else ("nothing", None)

    def _own(self, space: Space, name: str) -> tuple[str, Any] | None:
        """A name that the module defines or imports."""
        definition = space.definitions.get(name)
        if definition is not None:
            return "definition", definition
        if name in space.macros:
            return "macro", None
        if name in space.imported:
            home, original = space.imported[name]
            found = self.spaces.get(home)
            return ("unknown", None) if found is None else self._own(found, original) or ("unknown", None)
        return None

    # ---- types by name

    def named_type(self, name: str, module: str) -> Type | None:
        """The `defstruct` or `deftype` of that name that a module sees, None when there is none."""
        space = self.spaces.get(module)
        if space is None:
            return None
        if name not in space.types and name in space.imported:
            home, original = space.imported[name]
            return self.named_type(original, home) if home != module or original != name else None
        if name not in space.types:
            return None
        key = (module, name)
        if key not in self._types:
            node = Named(name, Symbol(name))
            self._types[key] = node  # a recursive type leads back here
            try:
                node.target = parse_type(space.types[name], lambda other: self.named_type(other, module))
            except RtfsError:
                node.target = ANY  # the compiler said what is wrong with it
        return self._types[key]

    def type(self, form: Any, module: str) -> Type:
        """The type that a form says in a module. SyntaxError for a malformed one."""
        return parse_type(form, lambda name: self.named_type(name, module))


# ---- what forms define

_FUNCTIONS = frozenset({"defn", "defn-"})
_SCOPES = frozenset(
    {"fn", "lambda", "λ", "let", "letrec", "loop", "catch", "step", "step-if", "step-loop", "step-parallel"}
    | {"rtfs/rounds", "rtfs/macro", "quote"}
)
_PRIVATE, _META = Keyword("private"), "rtfs/with-meta"


def head(form: Any) -> str:
    """The name that a list begins with, empty for other forms."""
    return form[0].name if type(form) is List and form and type(form[0]) is Symbol else ""


def is_literal(form: Any) -> bool:
    """Is it a function literal?"""
    return head(form) in ("fn", "lambda", "λ")


def stripped(form: Any) -> Any:
    """A form without the metadata before it."""
    while head(form) == _META and len(form) == 3:
        form = form[2]
    return form


def definitions(form: Any) -> list[tuple[Symbol, Any, bool]]:
    """What a top-level form defines in its module: the name, the form if it is that definition, and is it private?"""
    whole = stripped(form)
    found: list[tuple[Symbol, Any, bool]] = []
    pending = [form]
    while pending:
        part = pending.pop()
        name = head(part)
        if name in ("def", "defstruct") or name in _FUNCTIONS:
            symbol = stripped(part[1]) if len(part) > 1 else None
            if type(symbol) is Symbol:
                private = name == "defn-" or _is_private(part) or (part is whole and _is_private(form))
                found.append((symbol, part if part is whole else MISSING, private))
            pending.extend(part[2:] if name == "def" else ())
        elif type(part) is Map:
            pending.extend(each for pair in map_pairs(part) for each in pair)
        elif is_vector(part) or (type(part) is List and name not in _SCOPES):
            pending.extend(reversed(part))
        elif name in ("let", "letrec", "loop") and len(part) > 1:
            pending.append(part[1])  # its values belong to the scope around
    return found


def _is_private(form: Any) -> bool:
    """Does metadata before the form, before its name or after it say so?"""
    metadata: list[Any] = []
    for start in (form, *form[1:2]):
        while head(start) == _META and len(start) == 3:
            metadata.append(start[1])
            start = start[2]
    if head(form) in _FUNCTIONS:
        metadata += [part for part in form[2:4] if hasattr(part, "entries")]
    return any(key is _PRIVATE and value is True for pairs in metadata for key, value in map_pairs(pairs))


def type_definitions(form: Any) -> list[tuple[str, Any]]:
    """The types that a form defines, wherever in it: names and type forms."""
    found: list[tuple[str, Any]] = []
    pending = [form]
    while pending:
        part = pending.pop()
        name = head(part)
        if name == "deftype" and len(part) == 3 and type(part[1]) is Symbol:
            found.append((part[1].name, part[2]))
        elif name == "defstruct" and len(part) > 1 and len(part) % 2 == 0:
            symbol = stripped(part[1])
            if type(symbol) is Symbol:
                fields = zip(part[2::2], part[3::2], strict=True)
                found.append((symbol.name, (Keyword("map"), *((key, each) for key, each in fields))))
        elif type(part) is List and name != "quote":
            pending.extend(part)
    return found
