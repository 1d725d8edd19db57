"""Powers, rounding, divisors and the functions of floats (language.md §14.1)."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from rtfs.eval.builtins.number import as_float, divided, integer, number, product, too_large
from rtfs.eval.limits import check_bits, weighed
from rtfs.eval.registry import builtin, constant
from rtfs.lang.collections import MISSING
from rtfs.lang.errors import division_by_zero, invalid_argument
from rtfs.lang.printer import show
from rtfs.lang.signal import met

# ---- powers -----------------------------------------------------------------------------------------------------


@builtin("sqrt", "math/sqrt", doc="The square root, a float.", type="[:number] :float", example=("(sqrt 9)", "3.0"))
def sqrt(x: Any) -> float:
    if number("sqrt", x) < 0:
        raise invalid_argument("Cannot take square root of negative number", x)
    return math.sqrt(as_float("sqrt", x))


@builtin(
    "pow",
    "math/pow",
    doc="The first argument to the power of the second; exact for an integer and an exponent of at least 0.",
    type="[:number :number] :number",
    example=("[(pow 2 10) (pow 2 -2)]", "[1024 0.25]"),
)
def power(base: Any, exponent: Any) -> Any:
    number("pow", base, 0), number("pow", exponent, 1)
    if base == 0 and exponent < 0:
        raise division_by_zero(base, "pow", 0)
    if type(base) is int and type(exponent) is int and exponent >= 0:
        return _integer_power(base, exponent)
    x, y = as_float("pow", base, 0), as_float("pow", exponent, 1)
    if x < 0 and x - x == 0.0 and y - y == 0.0 and y != math.floor(y):
        raise invalid_argument("negative base with fractional exponent", base)
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf


def _integer_power(base: int, exponent: int) -> int:
    if abs(base) > 1:
        check_bits((abs(base).bit_length() - 1) * exponent + 1)  # or more, but less than twice as many
    result: int = base ** (exponent if abs(base) > 1 else min(exponent, 2 + exponent % 2))
    return weighed(result, result.bit_length())


_FACTORIAL_LIMIT = 1 << 20  # its factorial is beyond every limit of bits that makes sense


@builtin(
    "factorial", doc="The product of the integers from 1 to n.", type="[:int] :int", example=("(factorial 5)", "120")
)
def factorial(n: Any) -> int:
    if integer("factorial", n) < 0:
        raise invalid_argument("factorial of a negative number", n)
    if n > 20:
        check_bits(n * n.bit_length() if n > _FACTORIAL_LIMIT else int(math.lgamma(n + 1) / math.log(2) * 0.999))
    result = math.factorial(n)
    return weighed(result, result.bit_length())


# ---- divisors ---------------------------------------------------------------------------------------------------


@builtin(
    "gcd",
    "math/gcd",
    doc="The greatest common divisor, at least 0.",
    type="[:int :int & :int] :int",
    example=("(gcd 12 18)", "6"),
)
def gcd(a: Any, b: Any, *others: Any) -> int:
    numbers = [integer("gcd", value, index) for index, value in enumerate((a, b, *others))]
    for one, other in pairwise(numbers):
        divided(one, other)
    return math.gcd(*numbers)


@builtin(
    "lcm",
    "math/lcm",
    doc="The least common multiple, at least 0.",
    type="[:int :int & :int] :int",
    example=("(lcm 4 6)", "12"),
)
def lcm(a: Any, b: Any, *others: Any) -> int:
    numbers = [abs(integer("lcm", value, index)) for index, value in enumerate((a, b, *others))]
    total = 1
    for value in numbers:
        if not value:
            return 0
        total = product(total // math.gcd(total, value), value)
    return total


# ---- rounding ---------------------------------------------------------------------------------------------------


def _finite(operation: str, x: float) -> float:
    if x - x != 0.0:
        raise invalid_argument(f"{operation} of {show(x)}", x)
    return x


@builtin(
    "floor",
    "math/floor",
    doc="The greatest integer not above x.",
    type="[:number] :int",
    example=("(floor -2.5)", "-3"),
)
def floor(x: Any) -> int:
    return x if type(x) is int else met(math.floor(_finite("floor", number("floor", x))))


@builtin("ceil", "math/ceil", doc="The least integer not below x.", type="[:number] :int", example=("(ceil 2.1)", "3"))
def ceil(x: Any) -> int:
    return x if type(x) is int else met(math.ceil(_finite("ceil", number("ceil", x))))


@builtin("trunc", "math/trunc", doc="The integer part.", type="[:number] :int", example=("(trunc -2.7)", "-2"))
def trunc(x: Any) -> int:
    return x if type(x) is int else met(math.trunc(_finite("trunc", number("trunc", x))))


@builtin(
    "round",
    "math/round",
    doc="The nearest integer, halves away from zero; with a number of decimal places, a float.",
    type="[:number] :int [:number :int] :float",
    example=("[(round 2.5) (round 2.345 1)]", "[3 2.3]"),
)
def round_(x: Any, digits: Any = MISSING) -> Any:
    number("round", x)
    if digits is not MISSING:
        return _round_places(x, integer("round", digits, 1))
    if type(x) is int:
        return x
    size = abs(_finite("round", x))
    whole = math.floor(size)
    if size - whole >= 0.5:
        whole += 1
    return met(whole if x > 0 else -whole)


_PLACES = 400  # more than a float has before or after its point


def _round_places(x: Any, places: int) -> float:
    """The float nearest to `x` rounded, exactly and with halves away from zero, to so many decimal places."""
    value = as_float("round", x)
    if value - value != 0.0 or places > _PLACES:
        return value
    if places < -_PLACES:
        return 0.0 * value
    top, bottom = abs(x).as_integer_ratio()
    if places >= 0:
        top *= 10**places
    else:
        bottom *= 10**-places
    whole, rest = divmod(top, bottom)
    whole += 2 * rest >= bottom
    try:
        size = whole / 10**places if places >= 0 else float(whole * 10**-places)
    except OverflowError:
        if type(x) is int:
            raise too_large("round") from None
        size = math.inf
    return math.copysign(size, value)


# ---- functions of floats ----------------------------------------------------------------------------------------


def _float_function(names: str, what: str, function: Any, example: tuple[str, str]) -> None:
    """A function of one float; the first of the names is the one errors show."""
    primary, *aliases = names.split()

    def apply(x: Any) -> float:
        value = as_float(primary, x)
        try:
            return float(function(value))
        except ValueError:
            raise invalid_argument(f"{primary} of {show(value)} is not defined", value) from None
        except OverflowError:
            return math.inf

    builtin(primary, *aliases, doc=f"{what} of a number, a float.", type="[:number] :float", example=example)(apply)


_float_function("exp math/exp", "The exponential", math.exp, ("(exp 0)", "1.0"))
_float_function("math/log", "The natural logarithm", math.log, ("(math/log 1)", "0.0"))
_float_function("log10 math/log10", "The decimal logarithm", math.log10, ("(log10 1000)", "3.0"))
_float_function("log2 math/log2", "The binary logarithm", math.log2, ("(log2 8)", "3.0"))
_float_function("sin math/sin", "The sine", math.sin, ("(sin 0)", "0.0"))
_float_function("cos math/cos", "The cosine", math.cos, ("(cos 0)", "1.0"))
_float_function("tan math/tan", "The tangent", math.tan, ("(tan 0)", "0.0"))
_float_function("asin math/asin", "The arc sine", math.asin, ("(asin 0)", "0.0"))
_float_function("acos math/acos", "The arc cosine", math.acos, ("(acos 1)", "0.0"))
_float_function("atan math/atan", "The arc tangent", math.atan, ("(atan 0)", "0.0"))


@builtin(
    "atan2",
    "math/atan2",
    doc="The angle of the point (x, y), given y and x.",
    type="[:number :number] :float",
    example=("(atan2 0 1)", "0.0"),
)
def atan2(y: Any, x: Any) -> float:
    return math.atan2(as_float("atan2", y), as_float("atan2", x, 1))


@builtin(
    "hypot",
    "math/hypot",
    doc="The length of the hypotenuse.",
    type="[:number :number] :float",
    example=("(hypot 3 4)", "5.0"),
)
def hypot(x: Any, y: Any) -> float:
    return math.hypot(as_float("hypot", x), as_float("hypot", y, 1))


constant(
    "math/pi",
    math.pi,
    "math",
    doc="The ratio of circumference to diameter.",
    type=":float",
    example=("(floor math/pi)", "3"),
)
constant(
    "math/e", math.e, "math", doc="The base of natural logarithms.", type=":float", example=("(floor math/e)", "2")
)
