"""The library as the `__builtins__` of every module's namespace, so that a name nobody redefined is found there.

Each library name has three entries: `:name` the value, `(name` what a call uses, `=name` the library's own whatever a
module defines. Builtins are imported topic by topic, when code that names them is loaded. What is written in RTFS
exists once per variant, and is shared by all sessions that run code of that variant.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rtfs.eval.runtime import HELPERS
from rtfs.lang.access import callee
from rtfs.lang.signal import show

# names of library functions written in RTFS, of library macros, and of builtins; filled as the library is loaded
NAMES: dict[str, str] = {}  # name → topic of a builtin or module of the bundled library


class Library:
    """One variant. `modules` and `macros`: of the bundled library, by name."""

    def __init__(self, variant: str) -> None:
        self.variant = variant
        self.globals: dict[str, Any] = dict(HELPERS)
        show(self.globals)
        self.modules: dict[str, Any] = {}
        self.macros: dict[str, Any] = {}
        self._topics: set[str] = set()

    def install(self, name: str, value: Any, home: str) -> None:
        """Make `name` a library name."""
        self.globals[f":{name}"] = value
        self.globals[f"({name}"] = self.globals[f"={name}"] = callee(value)
        NAMES[name] = home

    def load_topic(self, topic: str) -> None:
        """Import one topic of builtins."""
        from rtfs.eval import registry

        if topic in self._topics:
            return
        self._topics.add(topic)
        registry.load_topic(topic)
        for name, home in registry.TOPICS.items():
            if home == topic:
                self.install(name, registry.BUILTINS[name], topic)

    def load_builtins(self) -> None:
        """Import every topic; the compiler needs to know all names."""
        from rtfs.eval import registry

        registry.load_all()
        self.load_topics(set(registry.TOPICS.values()))

    def load_topics(self, topics: Iterable[str]) -> None:
        for topic in topics:
            self.load_topic(topic)

    def start(self) -> None:
        """What every compiled program needs: the arithmetic behind inline code."""
        self.load_topic("number")
        from rtfs.eval.builtins import number

        for short in ("add", "sub", "mul", "lt", "le", "gt", "ge"):
            self.globals[f"#{short}"] = getattr(number, f"{short}2")


_INTERRUPTIBLE, _METERED = Library("interruptible"), Library("metered")


def library_of(variant: str) -> Library:
    """The library for code of a variant; plain code calls interruptible library functions."""
    return _METERED if variant == "metered" else _INTERRUPTIBLE
