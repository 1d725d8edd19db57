"""Sizes that are checked before anything is allocated, and calls back from C that are counted (language.md §15)."""

from __future__ import annotations

from contextvars import ContextVar, Token

from rtfs.lang.errors import memory_error, overflow
from rtfs.lang.limits import Limits

REENTRIES = 400

LIMITS: ContextVar[Limits] = ContextVar("rtfs_limits", default=Limits())  # noqa: B039  # never changed in place
_reentries: ContextVar[int] = ContextVar("rtfs_reentries", default=0)


def check_elements(count: int, what: str = "collection") -> None:
    """Refuse a collection of that many elements if it is too large."""
    if count > 64:
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


class reentry:
    """`with reentry():` around calls back into RTFS from C: nested too deeply they would exhaust the C stack."""

    __slots__ = ("_token",)
    _token: Token[int]

    def __enter__(self) -> None:
        depth = _reentries.get()
        if depth >= REENTRIES:
            raise overflow("call depth", REENTRIES)
        self._token = _reentries.set(depth + 1)

    def __exit__(self, *raised: object) -> None:
        _reentries.reset(self._token)
