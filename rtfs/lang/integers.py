"""Integers of any size as text and back, whatever limit this process sets on `int(text)`."""

from __future__ import annotations

from rtfs.lang.errors import memory_error
from rtfs.lang.signal import met

INTEGER_BITS = 262_144  # language.md §15
_SAFE_BITS = 2_000  # 603 digits: below the smallest limit a process can set (640)
_SAFE_DIGITS = 600
_LONGEST = 78_914  # digits of 2 ** 262144


def integer_text(number: int) -> str:
    """The decimal digits of an integer of any size."""
    if -_SMALL < number < _SMALL or number.bit_length() <= _SAFE_BITS:
        return str(number)
    if number < 0:
        return "-" + integer_text(-number)
    powers = [10**_SAFE_DIGITS]
    while powers[-1] <= number:
        powers.append(powers[-1] * powers[-1])
    return _digits(number, len(powers) - 1, powers).lstrip("0")


_SMALL = 1 << 63


def _digits(number: int, level: int, powers: list[int]) -> str:
    """The digits of a number below `powers[level]`, with leading zeros."""
    if level == 0:
        return str(number).rjust(_SAFE_DIGITS, "0")
    high, low = divmod(number, powers[level - 1])
    return _digits(high, level - 1, powers) + _digits(low, level - 1, powers)


def parse_integer(text: str) -> int:
    """The integer that `[+-]?digits` (ASCII) says. MemoryLimitExceeded beyond 262,144 bits."""
    if len(text) <= 300:
        return int(text)
    if len(text) <= _SAFE_DIGITS:
        return met(int(text))
    sign, digits = (text[0], text[1:]) if text[0] in "+-" else ("", text)
    digits = digits.lstrip("0")
    if len(digits) > _LONGEST:
        raise memory_error("integer bits", len(digits) * 3, INTEGER_BITS)
    number = _number(digits)
    if number.bit_length() > INTEGER_BITS:
        raise memory_error("integer bits", number.bit_length(), INTEGER_BITS)
    return met(-number if sign == "-" else number)


def _number(digits: str) -> int:
    if len(digits) <= _SAFE_DIGITS:
        return int(digits or "0")
    half = len(digits) // 2
    shift: int = 10**half
    return _number(digits[:-half]) * shift + _number(digits[-half:])
