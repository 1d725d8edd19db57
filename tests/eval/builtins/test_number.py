"""Arithmetic (language.md §14.1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rtfs.eval.builtins import number
from rtfs.eval.registry import BUILTINS
from rtfs.lang.errors import RtfsError

integers = st.one_of(st.integers(-9, 9), st.integers(), st.integers(-(1 << 2000), 1 << 2000))
floats = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 0.5, 1.0, -1.0, 1e308]))
finite = floats.filter(math.isfinite)
numbers = st.one_of(integers, finite)


def test_integers_are_exact_at_any_size(agree: Callable[..., None]) -> None:
    agree(
        "(+ 9223372036854775807 1) ;=> 9223372036854775808",
        "(* 99999999999 99999999999) ;=> 9999999999800000000001",
        "(- (pow 10 30) 1) ;=> 999999999999999999999999999999",
    )


def test_any_float_operand_makes_the_result_a_float(agree: Callable[..., None]) -> None:
    agree("(+ 1 2.0) ;=> 3.0", "(* 2 0.5) ;=> 1.0", "(- 3 1.0) ;=> 2.0", "(inc 1.5) ;=> 2.5", "(dec 1.0) ;=> 0.0")


def test_no_or_one_operand(agree: Callable[..., None]) -> None:
    agree("(+) ;=> 0", "(*) ;=> 1", "(+ 5) ;=> 5", "(* 5) ;=> 5", "(- 5) ;=> -5", "(- 0.0) ;=> -0.0", "(/ 4) ;=> 0.25")
    agree("(+ -0.0) ;=> -0.0", "(* -0.0) ;=> -0.0", "(/ 0.5) ;=> 2.0", "(/ 1) ;=> 1")


def test_many_operands_are_taken_from_the_left(agree: Callable[..., None]) -> None:
    agree("(- 10 3 2 1) ;=> 4", "(/ 60 3 4) ;=> 5", "(/ 7 2 2) ;=> 1.75", "(apply - [10 3 2]) ;=> 5")


def test_division_of_integers_is_an_integer_when_exact(agree: Callable[..., None]) -> None:
    agree("(/ 6 3) ;=> 2", "(/ 7 2) ;=> 3.5", "(/ -9 2) ;=> -4.5", "(/ 6.0 3) ;=> 2.0", "(/ 9 3.0) ;=> 3.0")


def test_a_zero_divisor_of_any_kind_is_division_by_zero(agree: Callable[..., None]) -> None:
    sources = "(/ 5 0) (/ 5 0.0) (/ 5.0 -0.0) (/ 0) (/ 10 5 0) (mod 1 0) (mod 1.5 0.0) (rem 1 0) (quot 1 0.0)"
    for source in sources.replace(") (", ")|(").split("|"):
        agree(f"{source} ;=> !DivisionByZero: Division by zero")


def test_mod_has_the_sign_of_the_divisor(agree: Callable[..., None]) -> None:
    agree("(mod -7 3) ;=> 2", "(mod 7 -3) ;=> -2", "(mod 5.5 2) ;=> 1.5", "(mod -5.5 2) ;=> 0.5", "(mod 9 3) ;=> 0")


def test_rem_and_quot_truncate(agree: Callable[..., None]) -> None:
    agree("(rem -7 3) ;=> -1", "(rem 7 -3) ;=> 1", "(rem -5.5 2) ;=> -1.5")
    agree("(quot -7 2) ;=> -3", "(quot 7 -2) ;=> -3", "(quot 7.5 2) ;=> 3.0", "(quot -7.5 2) ;=> -3.0")


def test_extremes_are_the_first_extreme_argument_unchanged(agree: Callable[..., None]) -> None:
    agree("(max 1 2.5) ;=> 2.5", "(max 2 2.0) ;=> 2", "(max 2.0 2) ;=> 2.0", "(min 3 1 2) ;=> 1", "(min 1.0 1) ;=> 1.0")
    agree("(max 5) ;=> 5", "(math/max 1 2) ;=> 2", "(math/min 1 2) ;=> 1")


def test_extremes_with_nan_are_nan(agree: Callable[..., None]) -> None:
    agree("(max 1 ##NaN 3) ;=> ##NaN", "(max ##NaN 3) ;=> ##NaN", "(min 3 ##NaN) ;=> ##NaN", "(min ##NaN 1) ;=> ##NaN")


def test_abs_keeps_the_kind(agree: Callable[..., None]) -> None:
    agree("(abs -12) ;=> 12", "(abs -0.5) ;=> 0.5", "(abs -0.0) ;=> 0.0", "(abs ##-Inf) ;=> ##Inf")


def test_float_arithmetic_follows_ieee(agree: Callable[..., None]) -> None:
    agree("(* 1e308 10) ;=> ##Inf", "(- ##Inf ##Inf) ;=> ##NaN", "(/ 1e308 1e-10) ;=> ##Inf", "(+ ##-Inf 1) ;=> ##-Inf")
    agree("(mod ##Inf 3) ;=> ##NaN", "(rem ##Inf 3) ;=> ##NaN", "(quot ##Inf 3) ;=> ##Inf", "(rem 5 ##Inf) ;=> 5.0")


def test_an_integer_too_large_for_a_float_is_an_overflow(agree: Callable[..., None]) -> None:
    for name in ("+", "-", "*", "/"):
        agree(f"(apply {name} [(pow 10 400) 0.5]) ;=> !Overflow: Overflow in {name}: integer too large for a float")
        agree(f"({name} 0.5 (pow 10 400)) ;=> !Overflow", f"({name} (pow 10 400) 0.5) ;=> !Overflow")
    agree(
        "(mod (pow 10 400) 0.5) ;=> !Overflow: Overflow in mod: integer too large for a float",
        "(quot (pow 10 400) 0.5) ;=> !Overflow: Overflow in quot: integer too large for a float",
        "(rem (pow 10 400) 0.5) ;=> !Overflow: Overflow in rem: integer too large for a float",
        "(/ (inc (pow 10 400)) 10) ;=> !Overflow: Overflow in /: integer too large for a float",
    )


@pytest.mark.parametrize("name", ["+", "-", "*", "/", "inc", "dec", "mod", "rem", "quot", "max", "min", "abs"])
@pytest.mark.parametrize("bad", ["nil", "true", '"1"', ":k", "[1]", "{}"])
def test_only_numbers_take_part_in_arithmetic(name: str, bad: str, agree: Callable[..., None]) -> None:
    kind = {"nil": "nil", "true": "boolean", '"1"': "string", ":k": "keyword", "[1]": "vector", "{}": "map"}[bad]
    error = f"!TypeError: Type error in {name}: expected number, got {kind}"
    if name in ("inc", "dec", "abs"):
        agree(f"({name} {bad}) ;=> {error}")
    else:
        agree(f"({name} {bad} 2) ;=> {error}", f"({name} 2 {bad}) ;=> {error}")
    if name in ("+", "-", "*", "max"):
        agree(
            f"({name} 1 2 {bad}) ;=> {error}",
            f"(apply {name} [1 2 {bad} 3]) ;=> {error}",
            f"({name} {bad}) ;=> {error}",
        )


def test_a_product_is_refused_before_it_is_computed(agree: Callable[..., None]) -> None:
    agree(
        "(let [x (pow 2 262000)] (* x x)) ;=> "
        "!MemoryLimitExceeded: Memory limit exceeded: integer of 524001 exceeds 262144",
        "(let [x (pow 2 262143)] (* x 2)) ;=> !MemoryLimitExceeded",
        "(let [x (pow 2 131071)] (count (str (* x x 2)))) ;=> 78913",
        "(let [x (pow 2 262143)] (* 0 (+ x x x x))) ;=> 0",
    )


def test_sums_are_exempt_from_the_size_of_integers(agree: Callable[..., None]) -> None:
    agree("(let [x (pow 2 262143)] (= (- (+ x x x) x x) x)) ;=> true")


def test_the_wrong_operand_is_pointed_at() -> None:
    for name, args, place in (("+", (1, "a"), 1), ("+", ("a", 1), 0), ("+", (1, 2, "a"), 2), ("max", (1, None), 1)):
        with pytest.raises(RtfsError) as raised:
            BUILTINS[name](*args)
        assert raised.value.operand == (name, place)


# ---- laws -------------------------------------------------------------------------------------------------------

PAIRS = [("+", number.add2), ("-", number.sub2), ("*", number.mul2), ("/", number.div2)]


def outcome(function: Callable[..., Any], *args: Any) -> Any:
    try:
        value = function(*args)
    except RtfsError as error:
        return error.kind, error.message
    return type(value), repr(value)


@given(st.sampled_from(PAIRS), numbers, numbers)
def test_two_operands_give_what_many_give(pair: tuple[str, Any], a: Any, b: Any) -> None:
    assert outcome(BUILTINS[pair[0]], a, b) == outcome(pair[1], a, b)


@given(integers, integers)
def test_integer_arithmetic_is_that_of_rationals(a: int, b: int) -> None:
    assert number.add2(a, b) == Fraction(a) + b
    assert number.sub2(a, b) == Fraction(a) - b
    assert number.mul2(a, b) == Fraction(a) * b
    if b and a % b == 0:
        assert type(number.div2(a, b)) is int
        assert number.div2(a, b) == Fraction(a, b)


@given(integers, integers.filter(bool))
def test_quotient_and_remainder_of_integers_belong_together(a: int, b: int) -> None:
    quotient, rest = BUILTINS["quot"](a, b), BUILTINS["rem"](a, b)
    assert quotient * b + rest == a
    assert abs(rest) < abs(b)
    assert rest == 0 or (rest < 0) == (a < 0)
    assert quotient == math.trunc(Fraction(a, b))
    left = BUILTINS["mod"](a, b)
    assert (a - left) % b == 0
    assert left == 0 or (left < 0) == (b < 0)


@given(finite, finite.filter(lambda x: x != 0))
def test_the_quotient_of_floats_is_the_truncated_exact_one(a: float, b: float) -> None:
    assume(abs(a / b) < 2**50)
    assert BUILTINS["quot"](a, b) == math.trunc(Fraction(a) / Fraction(b))
    assert BUILTINS["rem"](a, b) == math.fmod(a, b)


@given(st.lists(numbers, min_size=1, max_size=6))
def test_extremes_are_first_extreme_elements(values: list[Any]) -> None:
    assert BUILTINS["max"](*values) is max(values)
    assert BUILTINS["min"](*values) is min(values)
