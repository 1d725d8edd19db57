"""Sources of data: nodes of a graph without an input, one file each (streaming.md §6.2).

A file `from_collection.py` offers `SOURCE`, the capability `:stream.from-collection`; `file_read.py` is
`:stream.file.read`. Each passes `tests/contracts/test_source.py`, which has a world for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from rtfs.host.stream import naming
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream import guard
    from rtfs.host.stream.adapters import Adapter
    from rtfs.host.stream.endpoint import Directory
    from rtfs.host.stream.operators import Around, HostOperator
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings
    from rtfs.host.stream.transports import Target


class SourceKind(NamedTuple):
    """A source. table: its parameters, as of an operator (`rtfs.lang.operator`); main: what its first argument is.

    open: the adapter that brings its items; finite: will they end by themselves? effects: labels of what it needs;
    needs: the same of one with its parameters, with paths and hosts, which is asked before anything opens;
    calls: instead of `open`, that of a source with effect slots of its own; server: where one connects to over the
    network, which may fill in settings of its run; fed: the parameter that may be a stream, and what it is then.
    """

    table: Map
    open: Callable[[Settings, Map, Services], Adapter] | None
    finite: Callable[[Map], bool]
    effects: tuple[str, ...]
    doc: str
    examples: tuple[tuple[str, str], ...]
    needs: Callable[[Map], tuple[guard.Need, ...]] | None = None
    calls: Callable[[Settings, Map, Around], Adapter] | None = None
    server: Callable[[Settings, Map, Directory], Target] | None = None
    fed: tuple[Keyword, HostOperator] | None = None


AUTH_ROW = {"kind": "any", "text": '`{:bearer s}`, `{:header "Name: value"}`, `{:env "VAR"}` or `:none`'}


def server_at(scheme: str, url_of: Callable[[Map], str]) -> Callable[[Settings, Map, Directory], Target]:
    """The `server` of a source that has a URL; its `:headers` and `:auth` become settings of its run."""

    def server(settings: Settings, params: Map, directory: Directory) -> Target:
        for name in ("headers", "auth"):
            if params.get(Keyword(name)) is not None:
                settings[name] = params.get(Keyword(name))
        return directory.page(scheme, url_of(params), settings)

    return server


def names() -> list[str]:
    """The names of all sources, as in `:stream.NAME`."""
    return naming.capabilities(__path__)


@cache
def find(name: str) -> SourceKind | None:
    """The source of a name; None when there is none."""
    if name not in names():
        return None
    found: SourceKind = import_module(f"{__name__}.{naming.module(name)}").SOURCE
    return found
