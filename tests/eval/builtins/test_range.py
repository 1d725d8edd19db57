"""Ranges and repetition (language.md §14.4)."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import assume, given
from hypothesis import strategies as st

from rtfs.eval.registry import BUILTINS, load_topic

load_topic("range")


def test_ranges_of_integers(agree: Callable[..., None]) -> None:
    agree(
        "(range 3) ;=> [0 1 2]",
        "(range 2 5) ;=> [2 3 4]",
        "(range 5 0 -2) ;=> [5 3 1]",
        "(range 0 7 3) ;=> [0 3 6]",
        "(range 0) ;=> []",
        "(range -3) ;=> []",
        "(range 5 2) ;=> []",
        "(range 2 5 -1) ;=> []",
        "(count (range 100)) ;=> 100",
    )


def test_ranges_may_use_floats(agree: Callable[..., None]) -> None:
    agree(
        "(range 0 1 0.25) ;=> [0 0.25 0.5 0.75]",
        "(range 1.5 4) ;=> [1.5 2.5 3.5]",
        "(range 2.5) ;=> [0 1 2]",
        "(range 1 0 -0.5) ;=> [1 0.5]",
        "(count (range 0 1 0.1)) ;=> 10",
        "(range ##Inf 5) ;=> []",
        "(range 0 ##NaN) ;=> []",
        "(range 0 5 ##Inf) ;=> [0]",
        "(range 0 5 ##NaN) ;=> []",
    )


def test_a_range_needs_a_step_and_numbers(agree: Callable[..., None]) -> None:
    agree(
        "(range 0 5 0) ;=> !InvalidArgument: Invalid argument: range step must not be zero",
        "(range 0 5 0.0) ;=> !InvalidArgument",
        '(range "5") ;=> !TypeError: Type error in range: expected number, got string',
        "(range 0 nil) ;=> !TypeError",
        "(range true) ;=> !TypeError",
        "(range 0.5 (pow 10 400)) ;=> !Overflow: Overflow in range: integer too large for a float",
    )


def test_enormous_requests_fail_at_once(agree: Callable[..., None]) -> None:
    for source in (
        "(range 0 1e12)",
        "(range 2000001)",
        "(range 0 (pow 10 5000))",
        "(range 0 ##Inf)",
        "(range 0 1 1e-300)",
        "(range 0 1e308 5e-324)",
        "(range ##-Inf 0)",
        "(numbers 1 2000001)",
        "(numbers 0 (pow 10 100))",
        "(repeat 1000000000 0)",
        "(repeatedly (pow 10 30) (fn [] 1))",
        "(iterate inc 0 3000000)",
    ):
        agree(f"{source} ;=> !MemoryLimitExceeded")


def test_numbers_include_both_ends(agree: Callable[..., None]) -> None:
    agree("(numbers 1 3) ;=> [1 2 3]", "(numbers 3 3) ;=> [3]", "(numbers 3 1) ;=> []", "(numbers -1 1) ;=> [-1 0 1]")
    agree("(numbers 1 2.0) ;=> !TypeError: Type error in numbers: expected integer, got float")


def test_repetition(agree: Callable[..., None]) -> None:
    agree(
        "(repeat 2 :a) ;=> [:a :a]",
        "(repeat 0 1) ;=> []",
        "(repeat -1 1) ;=> []",
        "(repeatedly 2 (fn [] [])) ;=> [[] []]",
        "(iterate #(* 2 %) 1 5) ;=> [1 2 4 8 16]",
        "(iterate inc 1 1) ;=> [1]",
        "(iterate inc 1 0) ;=> []",
        "(repeat :a 2) ;=> !TypeError: Type error in repeat: expected integer, got keyword",
        "(repeatedly 2 5) ;=> !TypeError: Type error in repeatedly: expected function, got integer",
        "(iterate 5 1 0) ;=> !TypeError: Type error in iterate: expected function, got integer",
    )


def test_the_function_of_iterate_is_called_once_less(agree: Callable[..., None]) -> None:
    agree("(iterate (fn [x] (if (= x 3) (throw x) (inc x))) 1 3) ;=> [1 2 3]")


@given(st.integers(-300, 300), st.integers(-300, 300), st.integers(-20, 20).filter(bool))
def test_ranges_of_integers_are_those_of_python(start: int, end: int, step: int) -> None:
    assert list(BUILTINS["range"](start, end, step)) == list(range(start, end, step))


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0.1, 5), st.booleans())
def test_ranges_of_floats_stay_before_the_end(start: float, end: float, step: float, down: bool) -> None:
    step = -step if down else step
    values = list(BUILTINS["range"](start, end, step))
    assume(abs(end - start) > 1e-6)
    assert all(value > end if down else value < end for value in values)
    assert values == [start + index * step for index in range(len(values))] or not values
    after = start + len(values) * step
    assert after <= end if down else after >= end
