"""Integers as two's complement bits without end (language.md §14.1)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.limits import check_bits, paid, weighed
from rtfs.eval.registry import builtin
from rtfs.lang.errors import invalid_argument
from rtfs.lang.values import wrong_kind


def _integers(operation: str, *values: Any) -> None:
    for index, value in enumerate(values):
        if type(value) is not int:
            raise wrong_kind(operation, "integer", value, index)


@builtin(
    "bit-and", doc="The bits set in all integers.", type="[:int :int & :int] :int", example=("(bit-and 12 10)", "8")
)
def bit_and(a: Any, b: Any, *others: Any) -> int:
    _integers("bit-and", a, b, *others)
    result: int = a & b
    for other in others:
        result &= other
    return paid(result)


@builtin(
    "bit-or", doc="The bits set in some integer.", type="[:int :int & :int] :int", example=("(bit-or 12 10)", "14")
)
def bit_or(a: Any, b: Any, *others: Any) -> int:
    _integers("bit-or", a, b, *others)
    result: int = a | b
    for other in others:
        result |= other
    return paid(result)


@builtin(
    "bit-xor",
    doc="The bits set in an odd number of integers.",
    type="[:int :int & :int] :int",
    example=("(bit-xor 12 10)", "6"),
)
def bit_xor(a: Any, b: Any, *others: Any) -> int:
    _integers("bit-xor", a, b, *others)
    result: int = a ^ b
    for other in others:
        result ^= other
    return paid(result)


@builtin("bit-not", doc="All bits inverted.", type="[:int] :int", example=("(bit-not 5)", "-6"))
def bit_not(a: Any) -> int:
    _integers("bit-not", a)
    return paid(~int(a))


def _distance(operation: str, a: Any, n: Any) -> None:
    _integers(operation, a, n)
    if n < 0:
        raise invalid_argument(f"{operation} by a negative number of bits", n)


@builtin(
    "bit-shift-left",
    doc="(bit-shift-left a n): a times 2 to the n.",
    type="[:int :int] :int",
    example=("(bit-shift-left 3 4)", "48"),
)
def bit_shift_left(a: Any, n: Any) -> int:
    _distance("bit-shift-left", a, n)
    if a == 0:
        return 0
    check_bits(a.bit_length() + n, "bit-shift-left")
    return weighed(a << n)


@builtin(
    "bit-shift-right",
    doc="(bit-shift-right a n): the floor of a over 2 to the n.",
    type="[:int :int] :int",
    example=("(bit-shift-right -5 1)", "-3"),
)
def bit_shift_right(a: Any, n: Any) -> int:
    _distance("bit-shift-right", a, n)
    if n >= a.bit_length():
        return -1 if a < 0 else 0
    return paid(a >> n)
