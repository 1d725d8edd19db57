"""Powers, rounding, divisors, functions of floats (language.md §14.1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.registry import BUILTINS, load_topic

load_topic("math")

finite = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.5, -0.5, 2.5, 0.49999999999999994])
)


def test_square_roots_are_floats(agree: Callable[..., None]) -> None:
    agree(
        "(sqrt 9) ;=> 3.0",
        "(sqrt 2.25) ;=> 1.5",
        "(sqrt 0) ;=> 0.0",
        "(sqrt ##Inf) ;=> ##Inf",
        "(sqrt ##NaN) ;=> ##NaN",
    )
    agree("(math/sqrt 16) ;=> 4.0")


def test_negative_numbers_have_no_square_root(agree: Callable[..., None]) -> None:
    error = "!InvalidArgument: Invalid argument: Cannot take square root of negative number"
    agree(f"(sqrt -4) ;=> {error}", f"(sqrt -0.5) ;=> {error}", f"(sqrt ##-Inf) ;=> {error}", "(sqrt -0.0) ;=> -0.0")


def test_powers_of_integers_are_exact(agree: Callable[..., None]) -> None:
    agree("(pow 3 4) ;=> 81", "(pow 2 100) ;=> 1267650600228229401496703205376", "(pow 0 0) ;=> 1", "(pow -2 3) ;=> -8")
    agree("(pow 1 (pow 10 50)) ;=> 1", "(pow -1 (inc (pow 10 50))) ;=> -1", "(pow 0 (pow 10 50)) ;=> 0")


def test_other_powers_are_floats(agree: Callable[..., None]) -> None:
    agree("(pow 2 -2) ;=> 0.25", "(pow 6.25 0.5) ;=> 2.5", "(pow 2.0 3) ;=> 8.0", "(pow 2 0.5) ;=> 1.4142135623730951")
    agree(
        "(pow 10.0 400) ;=> ##Inf", "(pow -10.0 401) ;=> ##-Inf", "(pow 10 -400) ;=> 0.0", "(pow -2.0 ##Inf) ;=> ##Inf"
    )


def test_powers_outside_the_domain(agree: Callable[..., None]) -> None:
    agree(
        "(pow 0 -1) ;=> !DivisionByZero",
        "(pow 0.0 -1.5) ;=> !DivisionByZero",
        "(pow -8 0.5) ;=> !InvalidArgument: Invalid argument: negative base with fractional exponent",
        "(pow -8.0 -0.5) ;=> !InvalidArgument",
        "(pow 2.0 (pow 10 400)) ;=> !Overflow: Overflow in pow: integer too large for a float",
    )


def test_powers_are_refused_before_they_are_computed(agree: Callable[..., None]) -> None:
    agree("(pow 10 10000000) ;=> !MemoryLimitExceeded", "(pow 2 262144) ;=> !MemoryLimitExceeded")
    agree("(pow 2 (pow 10 1000)) ;=> !MemoryLimitExceeded", "(pow 3 200000) ;=> !MemoryLimitExceeded")
    agree("(= (pow 2 262143) (* 2 (pow 2 262142))) ;=> true", "(pow -3 (pow 2 100)) ;=> !MemoryLimitExceeded")


def test_factorials(agree: Callable[..., None]) -> None:
    agree("(factorial 0) ;=> 1", "(factorial 5) ;=> 120", "(factorial 21) ;=> 51090942171709440000")
    agree("(factorial -1) ;=> !InvalidArgument", "(factorial 2.0) ;=> !TypeError", "(factorial nil) ;=> !TypeError")


def test_factorials_are_refused_before_they_are_computed(agree: Callable[..., None]) -> None:
    agree("(factorial 1000000) ;=> !MemoryLimitExceeded", "(factorial (pow 10 1000)) ;=> !MemoryLimitExceeded")
    agree("(factorial 30000) ;=> !MemoryLimitExceeded", "(count (str (factorial 20000))) ;=> 77338")


def test_floor_ceil_and_trunc_give_integers(agree: Callable[..., None]) -> None:
    agree("(floor 2.7) ;=> 2", "(floor -2.1) ;=> -3", "(ceil 2.1) ;=> 3", "(ceil -2.7) ;=> -2", "(trunc -2.7) ;=> -2")
    agree("(floor 1e20) ;=> 100000000000000000000", "(floor 7) ;=> 7", "(ceil -0.5) ;=> 0", "(math/trunc 2.5) ;=> 2")


def test_infinite_numbers_cannot_be_rounded(agree: Callable[..., None]) -> None:
    for name in ("floor", "ceil", "trunc", "round"):
        agree(f"({name} ##Inf) ;=> !InvalidArgument: Invalid argument: {name} of ##Inf")
        agree(f"({name} ##NaN) ;=> !InvalidArgument", f'({name} "1") ;=> !TypeError', f"({name} nil) ;=> !TypeError")


def test_round_takes_halves_away_from_zero(agree: Callable[..., None]) -> None:
    agree("(round 2.5) ;=> 3", "(round -2.5) ;=> -3", "(round 0.5) ;=> 1", "(round 1.5) ;=> 2", "(round 7) ;=> 7")
    agree("(round 0.49999999999999994) ;=> 0", "(round 4503599627370497.5) ;=> 4503599627370498", "(round -0.2) ;=> 0")


def test_round_with_places_gives_a_float(agree: Callable[..., None]) -> None:
    agree("(round 2.345 1) ;=> 2.3", "(round 0.125 2) ;=> 0.13", "(round -0.125 2) ;=> -0.13", "(round 5 2) ;=> 5.0")
    agree(
        "(round 1234.5 -2) ;=> 1200.0", "(round 150 -2) ;=> 200.0", "(round 2.5 0) ;=> 3.0", "(round ##Inf 2) ;=> ##Inf"
    )
    agree("(round 1.5 1000) ;=> 1.5", "(round 1.5 -1000) ;=> 0.0", "(round 1.5 0.5) ;=> !TypeError")
    agree("(round (pow 10 400) 2) ;=> !Overflow", "(round 1.7976931348623157e308 -308) ;=> ##Inf")


def test_divisors_and_multiples(agree: Callable[..., None]) -> None:
    agree("(gcd 12 18) ;=> 6", "(gcd 0 0) ;=> 0", "(gcd -4 6) ;=> 2", "(gcd 12 18 8) ;=> 2", "(math/gcd 3 5) ;=> 1")
    agree(
        "(lcm 4 6) ;=> 12", "(lcm -4 6) ;=> 12", "(lcm 0 3) ;=> 0", "(lcm 2 3 4) ;=> 12", "(lcm 1 2.0) ;=> !TypeError"
    )
    agree("(lcm (pow 2 200000) (pow 3 100000)) ;=> !MemoryLimitExceeded")


def test_functions_of_floats(agree: Callable[..., None]) -> None:
    agree("(exp 0) ;=> 1.0", "(exp 1000) ;=> ##Inf", "(math/log 1) ;=> 0.0", "(log10 1000) ;=> 3.0", "(log2 8) ;=> 3.0")
    agree("(sin 0) ;=> 0.0", "(cos 0) ;=> 1.0", "(atan2 1 1) ;=> 0.7853981633974483", "(hypot 3 4) ;=> 5.0")
    agree("(math/cos math/pi) ;=> -1.0", "(math/log math/e) ;=> 1.0", "(sin ##NaN) ;=> ##NaN")


@pytest.mark.parametrize("source", ["(math/log 0)", "(log10 -1)", "(log2 0)", "(asin 2)", "(acos -2)", "(sin ##Inf)"])
def test_outside_the_domain_is_an_invalid_argument(source: str, agree: Callable[..., None]) -> None:
    agree(f"{source} ;=> !InvalidArgument")


def test_functions_of_floats_take_numbers_only(agree: Callable[..., None]) -> None:
    agree(
        '(sin "1") ;=> !TypeError: Type error in sin: expected number, got string',
        "(hypot 1 nil) ;=> !TypeError: Type error in hypot: expected number, got nil",
        "(exp (pow 10 400)) ;=> !Overflow: Overflow in exp: integer too large for a float",
        "(math/log true) ;=> !TypeError: Type error in math/log: expected number, got boolean",
    )


# ---- laws -------------------------------------------------------------------------------------------------------


@given(finite)
def test_rounding_agrees_with_exact_arithmetic(x: float) -> None:
    exact = Fraction(x)
    assert BUILTINS["floor"](x) == exact.__floor__()
    assert BUILTINS["ceil"](x) == exact.__ceil__()
    assert BUILTINS["trunc"](x) == exact.__trunc__()
    half_up = (abs(exact) + Fraction(1, 2)).__floor__()
    assert BUILTINS["round"](x) == (half_up if exact >= 0 else -half_up)


@given(finite.filter(lambda x: abs(x) < 1e100), st.integers(-20, 20))
def test_rounding_to_places_agrees_with_decimal_arithmetic(x: float, places: int) -> None:
    context = Context(prec=1200)
    rounded = Decimal(x).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, context)
    assert BUILTINS["round"](x, places) == float(rounded)


@given(st.integers(-50, 50), st.integers(0, 60))
def test_integer_powers_multiply(base: int, exponent: int) -> None:
    assert BUILTINS["pow"](base, exponent) == math.prod([base] * exponent)


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=4))
def test_divisors_agree_with_the_reference(values: list[int]) -> None:
    assert BUILTINS["gcd"](*values) == math.gcd(*values)
    assert BUILTINS["lcm"](*values) == math.lcm(*values)
