"""Values in memory, gone with their run."""

from __future__ import annotations

from typing import Any

from rtfs.host.stream.caches import Bounds
from rtfs.lang.collections import MISSING, stored_key


class MemoryCache:
    """Values with the time they were kept at; the least recently used one comes first."""

    failures: tuple[type[Exception], ...] = ()

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._values: dict[Any, tuple[Any, int]] = {}

    async def get(self, key: Any) -> Any:
        own = stored_key(key)
        value, at = self._values.pop(own, (MISSING, 0))
        if value is MISSING or not self._bounds.fresh(at):
            return MISSING
        self._values[own] = (value, at)
        return value

    async def put(self, key: Any, value: Any) -> None:
        own = stored_key(key)
        self._values.pop(own, None)
        self._values[own] = (value, self._bounds.now_ms())
        while len(self._values) > self._bounds.most:
            del self._values[next(iter(self._values))]

    async def close(self) -> None:
        """What the run may still ask for stays until it is gone."""


def open_cache(place: str, name: str | None, bounds: Bounds) -> MemoryCache:
    return MemoryCache(bounds)
