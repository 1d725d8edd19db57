"""Sources of data: nodes of a graph without an input, one file each (streaming.md §6.2).

A file `from_collection.py` offers `SOURCE`, the capability `:stream.from-collection`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from rtfs.lang.collections import Map

if TYPE_CHECKING:
    from rtfs.host.stream.adapters import Adapter
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings


class SourceKind(NamedTuple):
    """A source. table: its parameters, as of an operator (`rtfs.lang.operator`); main: what its first argument is.

    open: the adapter that brings its items; finite: will they end by themselves? effects: what it needs.
    """

    table: Map
    open: Callable[[Settings, Map, Services], Adapter]
    finite: Callable[[Map], bool]
    effects: tuple[str, ...]
    doc: str
    examples: tuple[tuple[str, str], ...]


def names() -> list[str]:
    """The names of all sources, as in `:stream.NAME`."""
    return [module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)]


def find(name: str) -> SourceKind | None:
    """The source of a name; None when there is none."""
    if name not in names():
        return None
    found: SourceKind = import_module(f"{__name__}.{name.replace('-', '_')}").SOURCE
    return found
