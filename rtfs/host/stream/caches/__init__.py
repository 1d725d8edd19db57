"""Where `:stream.with-cache` keeps values, one file each, named like the scheme of its URL (streaming.md §6.6).

A file offers `open_cache(place, name, bounds) -> Cache` and passes `tests/contracts/test_cache.py`.
"""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.options import shown
from rtfs.lang.codec import NotStorable, encode
from rtfs.lang.printer import canonical


class Bounds(NamedTuple):
    """most: values that are kept, the least recently used one goes; ttl_ms: how long one is good for, None for ever.

    now_ms: the host's clock, by which they get old.
    """

    most: int
    ttl_ms: int | None
    now_ms: Callable[[], int]

    def fresh(self, at: int) -> bool:
        """Is a value of that time still good?"""
        return self.ttl_ms is None or self.now_ms() - at < self.ttl_ms


class Cache(Protocol):
    """Values by key, equal keys by value. failures: what its methods may raise when the place cannot be reached."""

    failures: tuple[type[Exception], ...]

    async def get(self, key: Any) -> Any:
        """The value of a key, MISSING when there is none that is still good. It counts as used."""
        ...

    async def put(self, key: Any, value: Any) -> None:
        """Keep a value."""
        ...

    async def close(self) -> None:
        """Let go of the place; what lasts stays there."""
        ...


def check(url: str, name: str | None) -> None:
    """May there be a cache of that name at that URL? S003; S002 when it lasts and has no name."""
    scheme = url.partition(":")[0]
    known = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if scheme not in known:
        raise fault(3, p="store", kind=f"URL with one of the schemes {' '.join(known)}", value=f"{scheme}:…")
    if name is None and scheme != "memory":
        error = fault(2, field="name")
        error.remark("a cache that lasts belongs to the :name of its node, or to the :stream-id of its run")
        raise error


def open_cache(url: str, name: str | None, bounds: Bounds) -> Cache:
    """The cache of that name at a URL such as `sqlite:path`. S003, S007."""
    scheme, _, place = url.partition(":")
    cache: Cache = importlib.import_module(f"{__name__}.{scheme}").open_cache(place, name, bounds)
    return cache


def key_text(key: Any) -> str:
    """One text for all equal keys. S003 for one that only this process has."""
    try:
        encode(key)
    except NotStorable as problem:
        raise _unstored("cache-key", "key", problem, key) from None
    return hashlib.blake2b(canonical(key, None).encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()


def value_text(value: Any) -> str:
    """The text of a value. S003 for one that only this process has."""
    try:
        return encode(value)
    except NotStorable as problem:
        raise _unstored("compute-fn", "value", problem, value) from None


def _unstored(slot: str, what: str, problem: NotStorable, value: Any) -> Exception:
    return fault(
        3, p=slot, kind=f"{what} that has a text, for a :store that lasts", value=f"{problem.kind} {shown(value)}"
    )
