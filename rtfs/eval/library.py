"""The library dict: the `__builtins__` of every module's namespace, so that a name nobody redefined is found there.

Each library name has three entries: `:name` the value, `(name` what a call uses, `=name` the library's own whatever a
module defines. Builtins are imported topic by topic, when code that names them is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rtfs.eval.runtime import HELPERS
from rtfs.lang.access import callee

LIBRARY: dict[str, Any] = dict(HELPERS)

# names of library functions written in RTFS, of library macros, and of builtins; filled as the library is loaded
NAMES: dict[str, str] = {}  # name → topic of a builtin or module of the bundled library


def install(name: str, value: Any, home: str) -> None:
    """Make `name` a library name."""
    LIBRARY[f":{name}"] = value
    LIBRARY[f"({name}"] = LIBRARY[f"={name}"] = callee(value)
    NAMES[name] = home


def load_topic(topic: str) -> None:
    """Import one topic of builtins."""
    from rtfs.eval import registry

    if topic in _loaded:
        return
    _loaded.add(topic)
    registry.load_topic(topic)
    for name, home in registry.TOPICS.items():
        if home == topic:
            install(name, registry.BUILTINS[name], topic)


def load_builtins() -> None:
    """Import every topic; the compiler needs to know all names."""
    from rtfs.eval import registry

    registry.load_all()
    for topic in set(registry.TOPICS.values()):
        load_topic(topic)


def load_topics(topics: Iterable[str]) -> None:
    for topic in topics:
        load_topic(topic)


def start() -> None:
    """What every compiled program needs: the arithmetic behind inline code."""
    load_topic("number")
    from rtfs.eval.builtins import number

    for short in ("add", "sub", "mul", "lt", "le", "gt", "ge"):
        LIBRARY[f"#{short}"] = getattr(number, f"{short}2")


_loaded: set[str] = set()
