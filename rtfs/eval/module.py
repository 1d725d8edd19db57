"""Modules at run time: a namespace of Python globals over the library, its exports, and what it imported."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from rtfs.eval.library import NAMES, Library
from rtfs.eval.meter import Meter
from rtfs.eval.registry import DOCS
from rtfs.lang.access import callee
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.errors import ExpansionError
from rtfs.lang.names import Keyword

_PRIVATE, _NAME, _DOC, _PARAMS = Keyword("private"), Keyword("name"), Keyword("doc"), Keyword("params")


def module_error(text: str, name: str | None = None) -> ExpansionError:
    """`name`: the one that is wrong."""
    error = ExpansionError("ModuleError", f"Module error: {text}")
    error.name = name
    return error


class Module:
    """One namespace. `globals` is what compiled code runs in; `definitions` name → metadata of what it defines.

    `library`: what it falls back to; `meter`: what metered code of its session counts down.
    """

    def __init__(self, name: str, library: Library, meter: Meter | None = None) -> None:
        self.name = name
        self.globals: dict[str, Any] = {
            "#define": self.define,
            "#deftype": self.define_type,
            "#meta_of": self.metadata_of,
            "#doc_of": self.documentation_of,
        }
        self.stand_on(library, meter)
        self.definitions: dict[str, Map] = {}
        self.imported: dict[str, tuple[Module, str]] = {}  # visible name → where it comes from
        self.macros: dict[str, Any] = {}
        self.types: dict[str, Any] = {}
        self.exported: list[str] | None = None
        self.documentation: str | None = None
        self.units: list[Any] = []  # keeps the sources of loaded code alive
        self.texts: list[Any] = []  # what was compiled in it
        self.hides: Callable[[str], None] | None = None  # told before a name of the library means something else

    def stand_on(self, library: Library, meter: Meter | None) -> None:
        """What its code falls back to, and counts down: to be said before any code is compiled in it."""
        self.library = library
        self.meter = meter
        self.globals["__builtins__"] = library.globals
        if meter is not None:
            self.globals.update({"#over": meter.over, "#full": meter.full})

    def _hide(self, name: str) -> None:
        if self.hides is not None and name in NAMES and not self.shadows(name):
            self.hides(name)

    def define(self, name: str, value: Any, metadata: Map | None = None) -> Any:
        """Create or replace a definition; gives its value."""
        self._hide(name)
        self.globals[f":{name}"] = value
        self.globals[f"({name}"] = callee(value)
        self.definitions[name] = EMPTY_MAP if metadata is None else metadata
        self.macros.pop(name, None)
        return value

    def define_macro(self, name: str, macro: Any, metadata: Map | None = None) -> None:
        self.macros[name] = macro
        self.definitions[name] = EMPTY_MAP if metadata is None else metadata

    def define_type(self, name: str, reference: Any) -> None:
        self.types[name] = reference

    def find_type(self, name: str) -> Any:
        """The form of a named type of this module or of what it imported; None when there is none."""
        found = self.types.get(name)
        if found is None and name in self.imported:
            home, original = self.imported[name]
            found = home.types.get(original)
        return None if found is None else found.form

    def shadows(self, name: str) -> bool:
        """Does the name mean something else here than in the library?"""
        return name in self.definitions or name in self.imported

    def metadata_of(self, name: str) -> Any:
        """`(meta name)`: of the definition, else of the function value."""
        home, original = self.imported.get(name, (self, name)) if name not in self.definitions else (self, name)
        metadata = home.definitions.get(original)
        if f":{name}" in self.globals:
            of_function = function_metadata(self.globals[f":{name}"])
            return metadata or None if of_function is None else of_function.merge(metadata or EMPTY_MAP)
        if f":{name}" in self.library.globals:
            return function_metadata(self.library.globals[f":{name}"])
        if metadata is not None:
            return metadata or None
        raise NameError(f"name ':{name}' is not defined", name=f":{name}")

    def documentation_of(self, name: str) -> Any:
        metadata = self.metadata_of(name)
        return None if metadata is None else metadata.get(_DOC)

    # ---- exports and imports ------------------------------------------------------------------------------------

    def exports(self) -> list[str]:
        """The names others may use, in order of definition."""
        if self.exported is not None:
            return self.exported
        public = [name for name, metadata in self.definitions.items() if not metadata.get(_PRIVATE)]
        return public + [name for name in self.types if name not in self.definitions]

    def check_exports(self) -> None:
        for name in self.exported or ():
            if name not in self.definitions and name not in self.types:
                raise module_error(f"exported name '{name}' is not defined in module '{self.name}'", name)

    def bring(self, home: Module, name: str, visible: str) -> None:
        """Make an exported name of another module visible here; own definitions win."""
        if visible in self.definitions:
            return
        self._hide(visible)
        self.imported[visible] = (home, name)
        if f":{name}" in home.globals:
            self.globals[f":{visible}"] = home.globals[f":{name}"]
            self.globals[f"({visible}"] = home.globals[f"({name}"]

    def import_all(self, home: Module, prefix: str, alias: str | None, only: list[str] | None) -> None:
        """`(import prefix :as alias :only [names])`"""
        exports = home.exports()
        for name in only or ():
            if name not in exports:
                raise module_error(f"symbol '{name}' not exported by module '{home.name}'", name)
            self.bring(home, name, name)
        for before in dict.fromkeys((prefix, alias or prefix)):
            for name in exports:
                self.bring(home, name, f"{before}/{name}")

    def macro(self, name: str) -> Any:
        """The macro that a name means here, None when it is none."""
        if name in self.definitions:
            return self.macros.get(name)
        if name in self.imported:
            home, original = self.imported[name]
            return home.macros.get(original)
        return None


def function_metadata(value: Any) -> Any:
    """Metadata of a function value: at least `:name` and `:params`; None for other values."""
    from rtfs.lang.names import Symbol
    from rtfs.lang.values import function_name

    if type(value) is not FunctionType:
        return None
    given = value.__dict__.get("rtfs_meta", EMPTY_MAP)
    written = value.__dict__.get("rtfs_params")
    if written is not None:
        return Map.of([(_NAME, function_name(value) or "fn"), (_PARAMS, written)]).merge(given)
    code = value.__code__
    names = [name.partition("~")[0] for name in code.co_varnames[: code.co_argcount]]
    params = [Symbol(name) for name in names]
    if code.co_flags & 4:
        params += [Symbol("&"), Symbol(code.co_varnames[code.co_argcount].partition("~")[0])]
    basic = Map.of([(_NAME, function_name(value) or "fn"), (_PARAMS, tuple(params))])
    documentation = DOCS.get(value.__dict__.get("rtfs_name", ""))
    if documentation is not None:
        basic = basic.assoc(_DOC, documentation[0])
    return basic.merge(given)
