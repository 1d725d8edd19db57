"""Sizes that are checked before anything is allocated, and calls back from C that are counted (language.md §15)."""

from __future__ import annotations

from contextvars import ContextVar, Token

from rtfs.lang.errors import memory_error, overflow
from rtfs.lang.limits import Limits
from rtfs.lang.signal import METERS, charge, met

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


# ---- what builtins say about the work they do; without a metered run each costs one test of truth ----------------


def built(count: int, what: str = "collection") -> None:
    """A collection of that many elements is about to be made: if it is not too large, metered code pays for it."""
    if count > 64:
        check_elements(count, what)
    if METERS:
        charge(count >> 4, count)


def walked(count: int) -> None:
    """That many elements are about to be looked at."""
    if METERS and count > 15:
        charge(count >> 4)


def called(count: int) -> None:
    """A function is about to be called for each of that many elements, which are looked at, too."""
    if METERS:
        charge(count + (count >> 4))


def each() -> None:
    """A function is about to be called for one more element."""
    charge(1)


def wrote(count: int, what: str = "string") -> None:
    """A string of that many characters is about to be made."""
    if count > 512:
        check_characters(count, what)
    if METERS and count > 7:
        charge(count >> 7, count >> 3)


def looked(count: int) -> None:
    """That many characters are about to be looked at."""
    if METERS and count > 127:
        charge(count >> 7)


def weighed(number: int, other: int = 0, what: str = "integer") -> int:
    """The result of arithmetic that makes integers large, refused if it is too large; `other` as for `paid`."""
    check_bits(number.bit_length(), what)
    return paid(number, other)


def paid(number: int, other: int = 0) -> int:
    """The result of integer arithmetic, charged by its size times that of its other operand in bits."""
    bits = number.bit_length()
    if bits > 1023:
        met(number)
        if METERS:
            charge((bits >> 10) * ((other >> 10) + 1), bits >> 6)
    return number


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
