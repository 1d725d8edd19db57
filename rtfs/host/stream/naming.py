"""File names of sources, sinks and operators, and the capabilities that they are (streaming.md §6)."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable

FAMILIES = frozenset({"file", "http", "ws", "db", "queue"})


def capability(module: str) -> str:
    """What `:stream.` is followed by: `from_collection` is `from-collection`, `file_read` is `file.read`."""
    family, _, rest = module.partition("_")
    if family in FAMILIES and rest:
        return f"{family}.{rest.replace('_', '-')}"
    return module.replace("_", "-")


def module(name: str) -> str:
    """The file of such a name."""
    return name.replace(".", "_").replace("-", "_")


def capabilities(path: Iterable[str]) -> list[str]:
    """The names of all files in a folder."""
    return [capability(found.name) for found in pkgutil.iter_modules(list(path))]
