"""The bundled library: `stdlib/*.rtfs` compiled once, its functions and macros visible in every module.

A compiled program loads only the files whose functions it names; compiling needs everything, macros included.
"""

from __future__ import annotations

import os
from typing import Any

from rtfs import __version__, program
from rtfs.eval import code as coding
from rtfs.eval import library
from rtfs.eval.machine import RUN, Run
from rtfs.eval.module import Module
from rtfs.lang.collections import EMPTY_MAP
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import RuntimeContext
from rtfs.lang.source import Source
from rtfs.loader import Cache, Texts, cache_key, read_source
from rtfs.loader import library as library_folder

_FIRST = "core"  # its macros are used by every other file
_PREFIX = "stdlib:"
_loaded: set[str] = set()
_complete = False
_entry: dict[str, Any] | None = None


def _files() -> dict[str, Source]:
    """Name → source of every top-level file of the library, in loading order."""
    folder = library_folder()
    names = sorted(name[: -len(".rtfs")] for name in os.listdir(folder) if name.endswith(".rtfs"))
    names.sort(key=lambda name: name != _FIRST)
    return {name: read_source(os.path.join(folder, f"{name}.rtfs"), f"stdlib/{name}.rtfs") for name in names}


def load_all(cache: Cache | None = None) -> None:
    """Everything: builtins, functions and macros."""
    global _complete
    if _complete:
        return
    library.start()
    library.load_builtins()
    entry = _stored(cache or Cache())
    if entry is None:
        entry = _compile(cache or Cache())
    for name in entry["order"]:
        _play(name, entry)
    _complete = True


def load_parts(topics: list[str], homes: list[str]) -> None:
    """What a compiled program names, and what that needs."""
    if _complete:
        return
    library.start()
    library.load_topics(topics)
    waiting = [home for home in homes if home not in _loaded]
    if not waiting:
        return
    entry = _stored(Cache())
    if entry is None:
        load_all()
        return
    while waiting:
        home = waiting.pop()
        name = home[len(_PREFIX) :]
        if name in _loaded:
            continue
        needed_topics, needed_homes = entry["needs"][name]
        library.load_topics(needed_topics)
        waiting.extend(needed_homes)
        _play(name, entry)


def _key() -> str:
    return cache_key("library", __version__, program.build(), *(source.text for source in _files().values()))


def _stored(cache: Cache) -> dict[str, Any] | None:
    global _entry
    if _entry is None:
        payload = cache.load(_key())
        if payload is not None:
            _entry = coding.load(payload)
    return _entry


def _play(name: str, entry: dict[str, Any]) -> None:
    """Run the compiled operations of one file and publish what it defines."""
    if name in _loaded:
        return
    _loaded.add(name)
    uid, operations = entry["files"][name]
    world = _world()
    text = program.Text(Source(f"stdlib/{name}.rtfs", entry["texts"][name]), uid, is_library=True)
    module = _module(name, text)
    _quiet(lambda: world._play(operations, text, module))
    _publish(name, module)


def _compile(cache: Cache) -> dict[str, Any]:
    """Compile the library from its sources, each file seeing the ones before it."""
    global _entry
    files = _files()
    entry: dict[str, Any] = {"order": list(files), "files": {}, "needs": {}, "texts": {}}
    world = _world()
    for name, source in files.items():
        text = program.Text(source, cache_key("library", source.text)[:12], is_library=True)
        module = _module(name, text)
        _quiet(lambda: world.compile_library(text, module))  # noqa: B023
        _publish(name, module)
        _loaded.add(name)
        homes = {library.NAMES[used] for used in text.used if used in library.NAMES} - {_PREFIX + name}
        topics = sorted(home for home in homes if not home.startswith(_PREFIX))
        entry["needs"][name] = (topics, sorted(home for home in homes if home.startswith(_PREFIX)))
        entry["files"][name] = (text.uid, text.operations)
        entry["texts"][name] = source.text
    cache.store(_key(), coding.dump(entry))
    _entry = entry
    return entry


def _world() -> program.World:
    return program.World(Texts({}), None, is_library=True, variant="interruptible")


def _module(name: str, text: program.Text) -> Module:
    module = Module(_PREFIX + name)  # a name that no module of a program can have
    module.units.append(text.unit)
    program.LIBRARY_MODULES[module.name] = module
    return module


def _publish(name: str, module: Module) -> None:
    private = Keyword("private")
    for defined, metadata in module.definitions.items():
        if metadata.get(private):
            continue
        if defined in module.macros:
            program.LIBRARY_MACROS[defined] = module.macros[defined]
        else:
            library.install(defined, module.globals[f":{defined}"], _PREFIX + name)


def _quiet(action: Any) -> None:
    """Run library code: it defines functions and does nothing else."""
    token = RUN.set(Run(program.refuse_call, RuntimeContext.pure()))
    try:
        action()
    finally:
        RUN.reset(token)


__all__ = ["EMPTY_MAP", "load_all", "load_parts"]
