"""Sizes that are checked before anything is allocated, and calls back from C that are counted (language.md §15)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from rtfs.lang.errors import memory_error, overflow
from rtfs.lang.limits import Limits

ELEMENTS = 2_000_000
CHARACTERS = 16_777_216
BITS = 262_144
REENTRIES = 400

LIMITS: ContextVar[Limits] = ContextVar("rtfs_limits", default=Limits())  # noqa: B039  # never changed in place
_reentries: ContextVar[int] = ContextVar("rtfs_reentries", default=0)


def check_elements(count: int, what: str = "collection") -> None:
    """Refuse a collection of that many elements if it is too large."""
    if count > ELEMENTS or count > 64:
        limit = LIMITS.get().elements
        if count > limit:
            raise memory_error(what, count, limit)


def check_characters(count: int, what: str = "string") -> None:
    """Refuse a string of that many characters if it is too long."""
    if count > 512:
        limit = LIMITS.get().characters
        if count > limit:
            raise memory_error(what, count, limit)


def check_bits(bits: int, what: str = "integer") -> None:
    """Refuse an integer of that many bits if it is too large."""
    if bits > 1024:
        limit = LIMITS.get().bits
        if bits > limit:
            raise memory_error(what, bits, limit)


@contextmanager
def reentry() -> Iterator[None]:
    """Around code that calls back into RTFS from C: nested too deeply it would exhaust the C stack."""
    depth = _reentries.get()
    if depth >= REENTRIES:
        raise overflow("call depth", REENTRIES)
    token = _reentries.set(depth + 1)
    try:
        yield
    finally:
        _reentries.reset(token)
