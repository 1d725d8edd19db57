"""The bundled library: `stdlib/*.rtfs` compiled once per variant, visible in every module.

A compiled program loads only the files whose functions it names; compiling needs everything, macros included.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from rtfs import __version__, compiled, program
from rtfs.eval import code as coding
from rtfs.eval.library import NAMES, Library
from rtfs.eval.machine import RUN, Run
from rtfs.eval.module import Module
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import RuntimeContext
from rtfs.lang.source import Source
from rtfs.loader import Cache, Texts, cache_key, read_source
from rtfs.loader import library as library_folder
from rtfs.text import Text

_FIRST = "core"  # its macros are used by every other file
OPERATORS = "stream"  # the folder of stream operators
_PREFIX = "stdlib:"
_bundles: dict[str, Bundle] = {}  # variant → what is loaded of it


def load_all(library: Library) -> None:
    """Everything: builtins, functions and macros."""
    _bundle(library).load_all()


def load_parts(library: Library, topics: list[str], homes: list[str]) -> None:
    """What a compiled program names, and what that needs."""
    _bundle(library).load_parts(topics, homes)


def operator(library: Library, name: str) -> Module | None:
    """The module of a stream operator, which has its `table` and its `stage`; None when there is no such operator."""
    home = f"{_PREFIX}{OPERATORS}/{name}"
    if home not in library.modules:
        if name not in operators():
            return None
        load_parts(library, [], [home])
    found: Module = library.modules[home]
    return found


def operators() -> list[str]:
    """The names of all stream operators."""
    return _names(os.path.join(library_folder(), OPERATORS))


def _bundle(library: Library) -> Bundle:
    found = _bundles.get(library.variant)
    if found is None:
        found = _bundles[library.variant] = Bundle(library)
    return found


class Bundle:
    """The files of the library on their way into one variant of it. `entry`: all of them compiled."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.cache = Cache()
        self.loaded: set[str] = set()
        self.complete = False
        self.entry: dict[str, Any] | None = None

    def load_all(self) -> None:
        if self.complete:
            return
        self.library.start()
        self.library.load_builtins()
        entry = self.stored() or self.compile()
        for name in entry["order"]:
            self.play(name, entry)
        self.complete = True

    def load_parts(self, topics: list[str], homes: list[str]) -> None:
        if self.complete:
            return
        self.library.start()
        self.library.load_topics(topics)
        waiting = [name for home in homes if (name := home[len(_PREFIX) :]) not in self.loaded]
        entry = self.stored() if waiting else None
        if waiting and entry is None:
            self.load_all()
            return
        while waiting and entry is not None:
            name = waiting.pop()
            if name in self.loaded:
                continue
            needed_topics, needed_homes = entry["needs"][name]
            self.library.load_topics(needed_topics)
            waiting.extend([home[len(_PREFIX) :] for home in needed_homes])
            self.play(name, entry)

    def key(self) -> str:
        texts = [source.text for source in _files().values()]
        return cache_key("library", __version__, compiled.build(), self.library.variant, *texts)

    def stored(self) -> dict[str, Any] | None:
        if self.entry is None:
            payload = self.cache.load(self.key())
            if payload is not None:
                self.entry = coding.load(payload)
        return self.entry

    def play(self, name: str, entry: dict[str, Any]) -> None:
        """Run the compiled operations of one file and publish what it defines."""
        if name in self.loaded:
            return
        self.loaded.add(name)
        uid, operations = entry["files"][name]
        world = self.world()
        text = Text(Source(f"stdlib/{name}.rtfs", entry["texts"][name]), uid, is_library=True)
        module = self.module(name, text)
        _quiet(lambda: world._play(operations, text, module))
        self.publish(name, module)

    def compile(self) -> dict[str, Any]:
        """Compile the library from its sources, each file seeing the ones before it."""
        files = _files()
        entry: dict[str, Any] = {"order": list(files), "files": {}, "needs": {}, "texts": {}}
        world = self.world()
        for name, source in files.items():
            text = Text(source, cache_key("library", source.text)[:12], is_library=True)
            module = self.module(name, text)
            _quiet(lambda: world.compile_library(text, module))  # noqa: B023
            self.publish(name, module)
            self.loaded.add(name)
            homes = {NAMES[used] for used in text.used if used in NAMES} - {_PREFIX + name}
            topics = sorted(home for home in homes if not home.startswith(_PREFIX))
            entry["needs"][name] = (topics, sorted(home for home in homes if home.startswith(_PREFIX)))
            entry["files"][name] = (text.uid, text.operations)
            entry["texts"][name] = source.text
        self.cache.store(self.key(), coding.dump(entry))
        self.entry = entry
        return entry

    def world(self) -> program.World:
        return program.World(Texts({}), None, is_library=True, variant=self.library.variant)

    def module(self, name: str, text: Text) -> Module:
        module = Module(_PREFIX + name, self.library)  # a name that no module of a program can have
        module.units.append(text.unit)
        self.library.modules[module.name] = module
        return module

    def publish(self, name: str, module: Module) -> None:
        private = Keyword("private")
        for defined, metadata in module.definitions.items():
            if metadata.get(private):
                continue
            if defined in module.macros:
                self.library.macros[defined] = module.macros[defined]
            else:
                self.library.install(defined, module.globals[f":{defined}"], _PREFIX + name)


def _files() -> dict[str, Source]:
    """Name → source of every file of the library and of every stream operator, in loading order."""
    folder = library_folder()
    names = [_FIRST, *(name for name in _names(folder) if name != _FIRST)]
    names += [f"{OPERATORS}/{name}" for name in _names(os.path.join(folder, OPERATORS))]
    return {name: read_source(os.path.join(folder, f"{name}.rtfs"), f"stdlib/{name}.rtfs") for name in names}


def _names(folder: str) -> list[str]:
    return sorted(name[: -len(".rtfs")] for name in os.listdir(folder) if name.endswith(".rtfs"))


def _quiet(action: Callable[[], Any]) -> None:
    """Run library code: it defines functions and does nothing else."""
    token = RUN.set(Run(program.refuse_call, RuntimeContext.pure()))
    try:
        action()
    finally:
        RUN.reset(token)


__all__ = ["load_all", "load_parts"]
