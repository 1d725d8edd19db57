"""Arithmetic (language.md §14.1): exact integers, IEEE floats, and no silent mixing with booleans."""

from __future__ import annotations

import math
from typing import Any

from rtfs.eval.limits import check_bits
from rtfs.eval.registry import builtin, constant
from rtfs.lang.errors import EvaluationError, division_by_zero, invalid_argument, type_error
from rtfs.lang.values import type_name


def number(operation: str, value: Any, index: int = 0) -> Any:
    """The value, if it is a number."""
    if type(value) is int or type(value) is float:
        return value
    error = type_error(operation, "number", type_name(value))
    error.operand = (operation, index)
    raise error


def integer(operation: str, value: Any, index: int = 0) -> int:
    if type(value) is int:
        return value
    error = type_error(operation, "integer", type_name(value))
    error.operand = (operation, index)
    raise error


def too_large(operation: str) -> EvaluationError:
    return EvaluationError("Overflow", f"Overflow in {operation}: integer too large for a float")


def as_float(operation: str, value: Any) -> float:
    """A number as a float."""
    try:
        return float(number(operation, value))
    except OverflowError:
        raise too_large(operation) from None


# ---- the four operations ----------------------------------------------------------------------------------------


def add2(a: Any, b: Any) -> Any:
    number("+", a, 0), number("+", b, 1)
    try:
        return a + b
    except OverflowError:
        raise too_large("+") from None


def sub2(a: Any, b: Any) -> Any:
    number("-", a, 0), number("-", b, 1)
    try:
        return a - b
    except OverflowError:
        raise too_large("-") from None


def mul2(a: Any, b: Any) -> Any:
    number("*", a, 0), number("*", b, 1)
    if type(a) is int and type(b) is int:
        check_bits(a.bit_length() + b.bit_length() - 1)
    try:
        return a * b
    except OverflowError:
        raise too_large("*") from None


def div2(a: Any, b: Any) -> Any:
    """An integer when the division of integers is exact, otherwise the nearest float."""
    number("/", a, 0), number("/", b, 1)
    if b == 0:
        raise division_by_zero()
    try:
        if type(a) is int and type(b) is int:
            whole, rest = divmod(a, b)
            return whole if rest == 0 else a / b
        return a / b
    except OverflowError:
        raise too_large("/") from None


@builtin("+", doc="The sum of its arguments; 0 without any.", example=("(+ 1 2 3.5)", "6.5"))
def add(*numbers: Any) -> Any:
    total: Any = 0
    for index, value in enumerate(numbers):
        number("+", value, index)
        total = add2(total, value)
    return total


@builtin("*", doc="The product of its arguments; 1 without any.", example=("(* 2 3 4)", "24"))
def multiply(*numbers: Any) -> Any:
    total: Any = 1
    for index, value in enumerate(numbers):
        number("*", value, index)
        total = mul2(total, value)
    return total


@builtin("-", doc="The first argument less the others; the negation of a single one.", example=("(- 10 3 2)", "5"))
def subtract(first: Any, *others: Any) -> Any:
    number("-", first)
    if not others:
        return -first
    for index, value in enumerate(others):
        number("-", value, index + 1)
        first = sub2(first, value)
    return first


@builtin("/", doc="The first argument divided by the others; the reciprocal of a single one.", example=("(/ 7 2)", "3.5"))
def divide(first: Any, *others: Any) -> Any:
    number("/", first)
    if not others:
        return div2(1, first)
    for index, value in enumerate(others):
        number("/", value, index + 1)
        first = div2(first, value)
    return first


@builtin("inc", doc="One more.", example=("(inc 4)", "5"))
def inc(x: Any) -> Any:
    return number("inc", x) + 1


@builtin("dec", doc="One less.", example=("(dec 4)", "3"))
def dec(x: Any) -> Any:
    return number("dec", x) - 1


@builtin("mod", doc="The remainder with the sign of the divisor.", example=("(mod -7 3)", "2"))
def mod(a: Any, b: Any) -> Any:
    number("mod", a, 0), number("mod", b, 1)
    if b == 0:
        raise division_by_zero()
    try:
        return a % b
    except OverflowError:
        raise too_large("mod") from None


@builtin("rem", doc="The remainder with the sign of the dividend.", example=("(rem -7 3)", "-1"))
def rem(a: Any, b: Any) -> Any:
    number("rem", a, 0), number("rem", b, 1)
    if b == 0:
        raise division_by_zero()
    if type(a) is int and type(b) is int:
        rest = abs(a) % abs(b)
        return -rest if a < 0 else rest
    try:
        return math.nan if math.isinf(a) or math.isnan(a) or math.isnan(b) else math.fmod(a, b)
    except OverflowError:
        raise too_large("rem") from None


@builtin("quot", doc="The quotient, truncated towards zero.", example=("(quot -7 2)", "-3"))
def quot(a: Any, b: Any) -> Any:
    number("quot", a, 0), number("quot", b, 1)
    if b == 0:
        raise division_by_zero()
    if type(a) is int and type(b) is int:
        whole = abs(a) // abs(b)
        return whole if (a < 0) == (b < 0) else -whole
    try:
        ratio = a / b
    except OverflowError:
        raise too_large("quot") from None
    return ratio if math.isinf(ratio) or math.isnan(ratio) else float(math.trunc(ratio))


# ---- comparison -------------------------------------------------------------------------------------------------


def lt2(a: Any, b: Any) -> bool:
    return compared("<", a, b)


def le2(a: Any, b: Any) -> bool:
    return compared("<=", a, b)


def gt2(a: Any, b: Any) -> bool:
    return compared(">", a, b)


def ge2(a: Any, b: Any) -> bool:
    return compared(">=", a, b)


def compared(operation: str, a: Any, b: Any) -> bool:
    """Compare two numbers, strings or timestamps; anything else is a TypeError."""
    from rtfs.lang.values import Timestamp

    kind, other = type(a), type(b)
    if kind is Timestamp and other is Timestamp:
        a, b = a.micros, b.micros
    elif not ((kind is int or kind is float) and (other is int or other is float)) and not (kind is str and other is str):
        index = 1 if kind in (int, float, str, Timestamp) else 0
        error = type_error(operation, "comparable types", type_name(b if index else a))
        error.operand = (operation, index)
        raise error
    if operation == "<":
        return bool(a < b)
    if operation == "<=":
        return bool(a <= b)
    return bool(a > b) if operation == ">" else bool(a >= b)


# ---- extremes, powers, rounding ---------------------------------------------------------------------------------


def _extreme(operation: str, first: Any, others: tuple[Any, ...], better: Any) -> Any:
    best = number(operation, first)
    for index, value in enumerate(others):
        number(operation, value, index + 1)
        if best == best and (value != value or better(value, best)):
            best = value
    return best


@builtin("max", "math/max", doc="The greatest argument.", example=("(max 1 2.5)", "2.5"))
def maximum(first: Any, *others: Any) -> Any:
    return _extreme("max", first, others, lambda a, b: a > b)


@builtin("min", "math/min", doc="The least argument.", example=("(min 3 1 2)", "1"))
def minimum(first: Any, *others: Any) -> Any:
    return _extreme("min", first, others, lambda a, b: a < b)


@builtin("abs", "math/abs", doc="The distance from zero.", example=("(abs -3)", "3"))
def absolute(x: Any) -> Any:
    return abs(number("abs", x))


@builtin("sqrt", "math/sqrt", doc="The square root, a float.", example=("(sqrt 9)", "3.0"))
def sqrt(x: Any) -> float:
    if number("sqrt", x) < 0:
        raise invalid_argument("Cannot take square root of negative number")
    return math.sqrt(as_float("sqrt", x))


@builtin("pow", "math/pow", doc="The power; exact for integers.", example=("(pow 2 10)", "1024"))
def power(base: Any, exponent: Any) -> Any:
    number("pow", base, 0), number("pow", exponent, 1)
    if base == 0 and exponent < 0:
        raise division_by_zero()
    if type(base) is int and type(exponent) is int and exponent >= 0:
        if base not in (0, 1, -1):
            check_bits((base.bit_length() - 1) * exponent + 1 if abs(base) > 1 else 1)
        return base**exponent
    x, y = as_float("pow", base), as_float("pow", exponent)
    if x < 0 and not math.isinf(x) and y != math.floor(y) and not math.isinf(y) and y == y:
        raise invalid_argument("negative base with fractional exponent")
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ValueError:
        return math.inf


@builtin("factorial", doc="The product of the integers from 1 to n.", example=("(factorial 5)", "120"))
def factorial(n: Any) -> int:
    if integer("factorial", n) < 0:
        raise invalid_argument("factorial of a negative number")
    if n > 20:
        check_bits(int(math.lgamma(n + 1) / math.log(2)) if n < 10**15 else n)
    return math.factorial(n)


def _whole(operation: str, x: Any, convert: Any) -> int:
    number(operation, x)
    if type(x) is int:
        return x
    if math.isinf(x) or math.isnan(x):
        raise invalid_argument(f"{operation} of a number that is not finite")
    return int(convert(x))


@builtin("floor", "math/floor", doc="The greatest integer not above x.", example=("(floor 2.7)", "2"))
def floor(x: Any) -> int:
    return _whole("floor", x, math.floor)


@builtin("ceil", "math/ceil", doc="The least integer not below x.", example=("(ceil 2.1)", "3"))
def ceil(x: Any) -> int:
    return _whole("ceil", x, math.ceil)


@builtin("trunc", "math/trunc", doc="The integer part.", example=("(trunc -2.7)", "-2"))
def trunc(x: Any) -> int:
    return _whole("trunc", x, math.trunc)


@builtin("round", "math/round", doc="The nearest integer, halves away from zero; with digits a float.", example=("(round 2.5)", "3"))
def round_(x: Any, digits: Any = None) -> Any:
    number("round", x)
    if digits is None:
        return _whole("round", x, lambda value: math.copysign(math.floor(abs(value) + 0.5), value) if abs(value) < 2**52 else value)
    integer("round", digits, 1)
    value = as_float("round", x)
    if math.isinf(value) or math.isnan(value) or abs(digits) > 400:
        return value if digits >= 0 or value != value or math.isinf(value) else 0.0
    from decimal import ROUND_HALF_UP, Decimal, localcontext

    with localcontext() as context:
        context.prec = 1000
        return float(Decimal(value if type(x) is float else x).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP))


@builtin("gcd", "math/gcd", doc="The greatest common divisor.", example=("(gcd 12 18)", "6"))
def gcd(a: Any, b: Any, *others: Any) -> int:
    return math.gcd(*[integer("gcd", value, index) for index, value in enumerate((a, b, *others))])


@builtin("lcm", "math/lcm", doc="The least common multiple.", example=("(lcm 4 6)", "12"))
def lcm(a: Any, b: Any, *others: Any) -> int:
    total = 1
    for index, value in enumerate((a, b, *others)):
        check_bits(total.bit_length() + integer("lcm", value, index).bit_length() - 1)
        total = math.lcm(total, value)
    return total


# ---- functions of floats ----------------------------------------------------------------------------------------


def _float_function(name: str, function: Any, example: tuple[str, str], *aliases: str) -> None:
    def apply(x: Any) -> float:
        value = as_float(name, x)
        try:
            return float(function(value))
        except ValueError:
            raise invalid_argument(f"{name} of {value!r} is not defined") from None
        except OverflowError:
            return math.inf

    builtin(name, *aliases, doc=f"The function {name.removeprefix('math/')} of a number, a float.", example=example)(apply)


_float_function("exp", math.exp, ("(exp 0)", "1.0"), "math/exp")
_float_function("math/log", math.log, ("(math/log 1)", "0.0"))
_float_function("log10", math.log10, ("(log10 1000)", "3.0"), "math/log10")
_float_function("log2", math.log2, ("(log2 8)", "3.0"), "math/log2")
_float_function("sin", math.sin, ("(sin 0)", "0.0"), "math/sin")
_float_function("cos", math.cos, ("(cos 0)", "1.0"), "math/cos")
_float_function("tan", math.tan, ("(tan 0)", "0.0"), "math/tan")
_float_function("asin", math.asin, ("(asin 0)", "0.0"), "math/asin")
_float_function("acos", math.acos, ("(acos 1)", "0.0"), "math/acos")
_float_function("atan", math.atan, ("(atan 0)", "0.0"), "math/atan")


@builtin("atan2", "math/atan2", doc="The angle of the point (x, y), given y and x.", example=("(atan2 0 1)", "0.0"))
def atan2(y: Any, x: Any) -> float:
    return math.atan2(as_float("atan2", y), as_float("atan2", x))


@builtin("hypot", "math/hypot", doc="The length of the hypotenuse.", example=("(hypot 3 4)", "5.0"))
def hypot(x: Any, y: Any) -> float:
    return math.hypot(as_float("hypot", x), as_float("hypot", y))


constant("math/pi", math.pi, "number", doc="The circle's constant.", example=("(floor math/pi)", "3"))
constant("math/e", math.e, "number", doc="The base of natural logarithms.", example=("(floor math/e)", "2"))
