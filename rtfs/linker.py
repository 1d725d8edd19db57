"""Module names to modules (language.md §10): those that ran, those whose body is running, and files of the others."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator
from contextlib import contextmanager

from rtfs.eval.machine import RUN
from rtfs.eval.module import Module, module_error
from rtfs.lang.errors import ExpansionError
from rtfs.lang.source import Source
from rtfs.loader import Lookup, cache_key
from rtfs.toplevel import dotted

# What code was compiled against: each module of a file, directly or through others, and the digest of its text.
Dependencies = dict[str, str]


class Linker:
    """The modules of one session, found by either spelling of their name.

    `make(name)` gives an empty module. `load(source, module)` runs the text of a file as the body of a module and gives
    what its code depends on, None when that is more than files can say. Of programs that run at the same time each
    loads for itself what has not run yet.
    """

    def __init__(
        self, lookup: Lookup, make: Callable[[str], Module], load: Callable[[Source, Module], Dependencies | None]
    ) -> None:
        self.lookup = lookup
        self._make = make
        self._load = load
        self.user = make("user")
        self._ran: dict[str, Module] = {"user": self.user}
        self._files: dict[str, Dependencies | None] = {}  # modules that came from files

    def get(self, name: str) -> Module | None:
        """The module of that name that ran, or whose body the current run is in."""
        name = dotted(name)
        for module in reversed(_loading()):
            if module.name == name:
                return module
        return self._ran.get(name)

    def __getitem__(self, name: str) -> Module:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def items(self) -> ItemsView[str, Module]:
        """Names and modules, those that the current run is in included."""
        return (self._ran | {module.name: module for module in _loading()}).items()

    def add(self, module: Module) -> None:
        self._ran[module.name] = module

    @contextmanager
    def body(self, module: Module) -> Iterator[None]:
        """While the body of a module runs. Only a body that ends well makes, or replaces, the module for imports."""
        loading = _loading()
        _refuse_cycle([*loading, module])
        loading.append(module)
        try:
            yield
            module.check_exports()
        finally:
            loading.pop()
        self._files.pop(module.name, None)
        self.add(module)

    def module(self, name: str) -> Module:
        """The module to import: one that ran, else that of a file, which runs now. ModuleNotFound if there is none."""
        loading = _loading()
        known = next((module for module in loading if module.name == dotted(name)), None)
        if known is not None or dotted(name) == "user":
            _refuse_cycle([*loading, known or self.user])
        found = self._ran.get(dotted(name))
        if found is not None:
            return found
        source = self.lookup.find(name)
        if source is None:
            error = ExpansionError("ModuleNotFound", f"Module not found: {name}")
            error.name = name
            raise error
        module = self._make(dotted(name))
        with self.body(module):
            needs = self._load(source, module)
        self._files[module.name] = None if needs is None else {module.name: cache_key(source.text), **needs}
        return module

    def dependencies(self, module: Module) -> Dependencies | None:
        """The files that a module's text and macros come from; None when it did not come from files alone."""
        return self._files.get(module.name)

    def surroundings(self, module: Module) -> list[str] | None:
        """What code compiled in a module depends on besides its text; None when it is more than can be told.

        Macros of the module itself may do anything that functions defined so far do.
        """
        if module.macros:
            return None
        parts = [module.name, *sorted(module.definitions), "types", *sorted(module.types)]
        for visible, (home, name) in sorted(module.imported.items()):
            needs = self.dependencies(home)
            if needs is None:
                return None
            parts += [f"{visible} = {home.name} {name}", *needs.values()]
        return parts

    def current(self, dependencies: Dependencies) -> bool:
        """Are these the modules that importing would give now?"""
        return all(self._digest(name) == digest for name, digest in dependencies.items())

    def _digest(self, name: str) -> str | None:
        if name in self._ran:
            return (self._files.get(name) or {}).get(name)
        source = self.lookup.find(name)
        return None if source is None else cache_key(source.text)


def _loading() -> list[Module]:
    """The modules whose body the current run is in, outermost first."""
    run = RUN.get(None)
    return [] if run is None else run.loading


def _refuse_cycle(modules: list[Module]) -> None:
    """ModuleError if the last of the modules is being loaded already."""
    names = [module.name for module in modules]
    last = names.pop()
    if last == "user":
        names.insert(0, last)
    if last in names:
        raise module_error(f"import cycle: {' -> '.join([*names[names.index(last) :], last])}")
