"""Capabilities by id: registered ones, then the built-in families, loaded when first asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

from rtfs.host.provider import Provider
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword

_ID = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_-]+)+")
_FAMILIES = "rtfs.host.providers"


class Marketplace:
    """The capabilities a host offers.

    `generation` grows with every change, so that hosts notice.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._registered: dict[str, Provider] = {}

    def find(self, id: str) -> Provider | None:
        """The capability of this id, registered or built in."""
        return self._registered.get(id) or built_in(id)

    def require(self, id: str) -> Provider:
        """The capability of this id, or UnknownCapability with suggestions."""
        found = self.find(id)
        if found is None:
            data = Map.of([(Keyword("capability"), id)])
            raise HostCallError("UnknownCapability", f"Unknown capability: {id}", data=data)
        return found

    def add(self, provider: Provider) -> Provider:
        if not _ID.fullmatch(provider.id):
            raise ValueError(f"a capability id looks like a.b.c or a.b/c, got {provider.id!r}")
        self._registered[provider.id] = provider
        self.generation += 1
        return provider

    def capability(self, id: str, **facts: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a Python function: `@market.capability("weather.now", input="[:map [:city :string]]")`."""

        def enter(function: Callable[..., Any]) -> Callable[..., Any]:
            self.add(Provider(id, function, **facts))
            return function

        return enter


def built_in(id: str) -> Provider | None:
    """A capability of the folder: `ccos.state.kv.get` is in `ccos_state_kv`, else in `ccos_state`, else in `ccos`."""
    if len(id) > 200 or not _ID.fullmatch(id):
        return None
    parts = re.split(r"[./]", id.replace("-", "_"))
    for length in range(len(parts) - 1, 0, -1):
        name = f"{_FAMILIES}.{'_'.join(parts[:length])}"
        try:
            module = import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            continue
        found: Provider | None = module.PROVIDERS.get(id)
        if found is not None:
            return found
    return None
