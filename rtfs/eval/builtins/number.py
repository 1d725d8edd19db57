"""Arithmetic (language.md §14.1): exact integers, IEEE floats, and no silent mixing with booleans.

The functions that end in 2 take exactly two operands; compiled code calls them when its own quick tests do not hold.
"""

from __future__ import annotations

from math import fmod, nan
from typing import Any

from rtfs.eval.limits import check_bits, weighed
from rtfs.eval.registry import builtin
from rtfs.lang.errors import EvaluationError, division_by_zero
from rtfs.lang.signal import METERS, charge, met
from rtfs.lang.values import Timestamp, wrong_kind

NUMBERS = frozenset({int, float})
_SMALL = 1 << 256


def number(operation: str, value: Any, index: int = 0) -> Any:
    """The value, if it is a number; otherwise a TypeError about argument `index`."""
    if type(value) is int or type(value) is float:
        return value
    raise wrong_kind(operation, "number", value, index)


def integer(operation: str, value: Any, index: int = 0) -> int:
    """The value, if it is an integer; otherwise a TypeError about argument `index`."""
    if type(value) is int:
        return value
    raise wrong_kind(operation, "integer", value, index)


def _numbers(operation: str, *values: Any) -> None:
    for index, value in enumerate(values):
        if type(value) not in NUMBERS:
            number(operation, value, index)


def too_large(operation: str) -> EvaluationError:
    return EvaluationError("Overflow", f"Overflow in {operation}: integer too large for a float")


def as_float(operation: str, value: Any, index: int = 0) -> float:
    """A number as a float. Overflow for an integer beyond the range of floats."""
    try:
        return float(number(operation, value, index))
    except OverflowError:
        raise too_large(operation) from None


def _weighed(number: Any) -> Any:
    """A sum: an integer is charged by its size, and may be of any size (language.md §15)."""
    if type(number) is int and not -LARGE < number < LARGE:
        met(number)
        charge(number.bit_length() >> 10, number.bit_length() >> 6)
    return number


LARGE = 1 << 1023


def divided(a: Any, b: Any) -> None:
    """A division is about to take place: it is charged by the product of the sizes."""
    if METERS and type(a) is int and type(b) is int and not -LARGE < a < LARGE:
        charge((a.bit_length() >> 10) * ((b.bit_length() >> 10) + 1), a.bit_length() >> 6)


# ---- two operands -----------------------------------------------------------------------------------------------


def _refused(operation: str, a: Any, b: Any) -> EvaluationError:
    """The TypeError of two operands that are not both numbers."""
    return _of_two(operation, "number", a, b, type(a) in NUMBERS)


def _of_two(operation: str, expected: str, a: Any, b: Any, first_fits: bool) -> EvaluationError:
    return wrong_kind(operation, expected, b, 1) if first_fits else wrong_kind(operation, expected, a, 0)


def add2(a: Any, b: Any) -> Any:
    if type(a) in NUMBERS and type(b) in NUMBERS:
        try:
            return a + b if not METERS else _weighed(a + b)
        except OverflowError:
            raise too_large("+") from None
    raise _refused("+", a, b)


def sub2(a: Any, b: Any) -> Any:
    if type(a) in NUMBERS and type(b) in NUMBERS:
        try:
            return a - b if not METERS else _weighed(a - b)
        except OverflowError:
            raise too_large("-") from None
    raise _refused("-", a, b)


def mul2(a: Any, b: Any) -> Any:
    if type(a) in NUMBERS and type(b) in NUMBERS:
        if type(a) is type(b) is int and not (-_SMALL < a < _SMALL and -_SMALL < b < _SMALL):
            return product(a, b)
        try:
            return a * b
        except OverflowError:
            raise too_large("*") from None
    raise _refused("*", a, b)


def product(a: int, b: int) -> int:
    """The product of two integers, refused before it is computed if it would be too large."""
    if a and b:
        check_bits(a.bit_length() + b.bit_length() - 1)  # or one bit more
    return weighed(a * b, min(a.bit_length(), b.bit_length()))


def div2(a: Any, b: Any) -> Any:
    """An integer when the division of integers is exact, otherwise the nearest float."""
    if not (type(a) in NUMBERS and type(b) in NUMBERS):
        raise _refused("/", a, b)
    if b == 0:
        raise division_by_zero(b, "/", 1)
    try:
        if type(a) is int and type(b) is int:
            divided(a, b)
            whole, rest = divmod(a, b)
            return whole if rest == 0 else a / b
        return a / b
    except OverflowError:
        raise too_large("/") from None


# ---- comparison -------------------------------------------------------------------------------------------------

_COMPARABLE = frozenset({int, float, str, Timestamp})


def comparable(operation: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Two numbers, strings or timestamps as what Python orders in the same way; anything else is a TypeError."""
    kind = type(a)
    if kind is Timestamp and type(b) is Timestamp:
        return a.micros, b.micros
    if kind in NUMBERS and type(b) in NUMBERS:
        return a, b
    if kind is str and type(b) is str:
        if METERS:
            charge(min(len(a), len(b)) >> 7)
        return a, b
    raise _of_two(operation, "comparable types", a, b, kind in _COMPARABLE)


def lt2(a: Any, b: Any) -> bool:
    a, b = comparable("<", a, b)
    return bool(a < b)


def le2(a: Any, b: Any) -> bool:
    a, b = comparable("<=", a, b)
    return bool(a <= b)


def gt2(a: Any, b: Any) -> bool:
    a, b = comparable(">", a, b)
    return bool(a > b)


def ge2(a: Any, b: Any) -> bool:
    a, b = comparable(">=", a, b)
    return bool(a >= b)


# ---- any number of operands -------------------------------------------------------------------------------------


@builtin(
    "+",
    doc="The sum of its arguments; 0 without any.",
    type="[& :int] :int [& :float] :float [& :number] :number",
    example=("(+ 1 2 3.5)", "6.5"),
)
def add(*numbers: Any) -> Any:
    if len(numbers) == 2:
        return add2(numbers[0], numbers[1])
    _numbers("+", *numbers)
    if not numbers:
        return 0
    total = numbers[0]
    for index in range(1, len(numbers)):
        total = add2(total, numbers[index])
    return total


@builtin(
    "*",
    doc="The product of its arguments; 1 without any.",
    type="[& :int] :int [& :float] :float [& :number] :number",
    example=("(* 2 3 4)", "24"),
)
def multiply(*numbers: Any) -> Any:
    if len(numbers) == 2:
        return mul2(numbers[0], numbers[1])
    _numbers("*", *numbers)
    if not numbers:
        return 1
    total = numbers[0]
    for index in range(1, len(numbers)):
        total = mul2(total, numbers[index])
    return total


@builtin(
    "-",
    doc="The first argument less the others; the negation of a single one.",
    type="[:int & :int] :int [:float & :float] :float [:number & :number] :number",
    example=("[(- 10 3 2) (- 4)]", "[5 -4]"),
)
def subtract(x: Any, *others: Any) -> Any:
    if len(others) == 1:
        return sub2(x, others[0])
    _numbers("-", x, *others)
    if not others:
        return _weighed(-x)
    for other in others:
        x = sub2(x, other)
    return x


@builtin(
    "/",
    doc="The first argument divided by the others, an integer when exact; the reciprocal of a single one.",
    type="[:number & :number] :number",
    example=("[(/ 7 2) (/ 6 3) (/ 4)]", "[3.5 2 0.25]"),
)
def divide(x: Any, *others: Any) -> Any:
    if len(others) == 1:
        return div2(x, others[0])
    _numbers("/", x, *others)
    if not others:
        return div2(1, x)
    for other in others:
        x = div2(x, other)
    return x


@builtin("inc", doc="One more.", type="[:int] :int [:float] :float [:number] :number", example=("(inc 4)", "5"))
def inc(x: Any) -> Any:
    more = number("inc", x) + 1
    return more if not METERS else _weighed(more)


@builtin("dec", doc="One less.", type="[:int] :int [:float] :float [:number] :number", example=("(dec 4)", "3"))
def dec(x: Any) -> Any:
    less = number("dec", x) - 1
    return less if not METERS else _weighed(less)


# ---- remainders -------------------------------------------------------------------------------------------------


def _divisible(operation: str, a: Any, b: Any) -> None:
    _numbers(operation, a, b)
    if b == 0:
        raise division_by_zero(b, operation, 1)


@builtin(
    "mod",
    doc="The remainder with the sign of the divisor.",
    type="[:int :int] :int [:float :float] :float [:number :number] :number",
    example=("[(mod -7 3) (mod 7 -3)]", "[2 -2]"),
)
def mod(a: Any, b: Any) -> Any:
    _divisible("mod", a, b)
    divided(a, b)
    try:
        return a % b
    except OverflowError:
        raise too_large("mod") from None


@builtin(
    "rem",
    doc="The remainder with the sign of the dividend.",
    type="[:int :int] :int [:float :float] :float [:number :number] :number",
    example=("(rem -7 3)", "-1"),
)
def rem(a: Any, b: Any) -> Any:
    _divisible("rem", a, b)
    divided(a, b)
    if type(a) is int and type(b) is int:
        rest = abs(a) % abs(b)
        return -rest if a < 0 else rest
    x, y = as_float("rem", a), as_float("rem", b)
    return fmod(x, y) if x - x == 0.0 else nan  # fmod of an infinity raises


@builtin(
    "quot",
    doc="The quotient, truncated towards zero.",
    type="[:int :int] :int [:float :float] :float [:number :number] :number",
    example=("[(quot -7 2) (quot 7.5 2)]", "[-3 3.0]"),
)
def quot(a: Any, b: Any) -> Any:
    _divisible("quot", a, b)
    divided(a, b)
    if type(a) is int and type(b) is int:
        whole = abs(a) // abs(b)
        return whole if (a < 0) == (b < 0) else -whole
    x, y = as_float("quot", a), as_float("quot", b)
    ratio = x / y
    if ratio - ratio != 0.0:
        return ratio
    size = abs(x) // abs(y)  # exact, where the rounded ratio of 1.0 and 0.1 would be 10.0
    return -size if (x < 0) != (y < 0) else size


# ---- extremes ---------------------------------------------------------------------------------------------------


@builtin(
    "max",
    "math/max",
    doc="The greatest argument, unchanged; ##NaN if any is.",
    type="[:int & :int] :int [:float & :float] :float [:number & :number] :number",
    example=("(max 1 2.5)", "2.5"),
)
def maximum(x: Any, *others: Any) -> Any:
    _numbers("max", x, *others)
    for other in others:
        if other > x or other != other:
            x = other
    return x


@builtin(
    "min",
    "math/min",
    doc="The least argument, unchanged; ##NaN if any is.",
    type="[:int & :int] :int [:float & :float] :float [:number & :number] :number",
    example=("(min 3 1 2)", "1"),
)
def minimum(x: Any, *others: Any) -> Any:
    _numbers("min", x, *others)
    for other in others:
        if other < x or other != other:
            x = other
    return x


@builtin(
    "abs",
    "math/abs",
    doc="The distance from zero, in the same kind.",
    type="[:int] :int [:float] :float [:number] :number",
    example=("(abs -3)", "3"),
)
def absolute(x: Any) -> Any:
    return abs(number("abs", x))
