"""Equality, order and logic (language.md §2.3, §14.2)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.builtins import comparison, number
from rtfs.eval.registry import BUILTINS

assert comparison

finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(
    st.integers(), st.integers(-(1 << 1100), 1 << 1100), finite, st.sampled_from([2**53, 2.0**53, 2**53 + 1])
)


def test_equality_is_strict_about_kinds(agree: Callable[..., None]) -> None:
    agree("(= 1 1.0) ;=> false", "(= [1 2] '(1 2)) ;=> false", '(= :a "a") ;=> false', "(= 1 true) ;=> false")
    agree("(= [1 {:a [2]}] [1 {:a [2]}]) ;=> true", "(= {:a 1 :b 2} {:b 2 :a 1}) ;=> true", "(= nil false) ;=> false")


def test_equality_of_special_floats(agree: Callable[..., None]) -> None:
    agree(
        "(= ##NaN ##NaN) ;=> false", "(= 0.0 -0.0) ;=> true", "(= [0.0] [-0.0]) ;=> true", "(!= ##NaN ##NaN) ;=> true"
    )


def test_equality_takes_one_or_more_arguments(agree: Callable[..., None]) -> None:
    agree(
        "(= 1) ;=> true", "(= 2 2 2) ;=> true", "(= 2 2 3) ;=> false", "(= 3 2 2) ;=> false", "(=) ;=> !ArityMismatch"
    )
    agree("(!= 1) ;=> false", "(not= 1 1 2) ;=> true", "(not= 1 1 1) ;=> false")


def test_functions_and_errors_are_equal_to_themselves_only(agree: Callable[..., None]) -> None:
    agree("(= inc inc) ;=> true", "(= (fn [] 1) (fn [] 1)) ;=> false", '(let [e (ex-info "a")] (= e e)) ;=> true')
    agree('(= (ex-info "a") (ex-info "a")) ;=> false')


def test_numbers_are_equal_by_value_across_kinds(agree: Callable[..., None]) -> None:
    agree("(== 1 1.0 1) ;=> true", "(== 1 2) ;=> false", "(== 9007199254740993 9007199254740992.0) ;=> false")
    agree("(== 1) ;=> true", "(== ##NaN ##NaN) ;=> false")


def test_value_equality_is_about_numbers_only(agree: Callable[..., None]) -> None:
    agree('(== 1 2 "x") ;=> !TypeError: Type error in ==: expected number, got string', "(== nil) ;=> !TypeError")


def test_neighbours_are_compared_until_one_fails(agree: Callable[..., None]) -> None:
    agree("(< 1 2 2) ;=> false", "(<= 1 2 2) ;=> true", "(> 3 2 1) ;=> true", "(>= 3 3 4) ;=> false", "(< 1) ;=> true")
    agree('(< 2 1 "x") ;=> false', '(< 1 2 "x") ;=> !TypeError')


def test_strings_compare_by_code_point_and_timestamps_by_instant(agree: Callable[..., None]) -> None:
    agree(
        '(< "apple" "banana") ;=> true',
        '(< "Z" "a") ;=> true',
        '(>= "b" "a" "a") ;=> true',
        '(< "\u00ff" "𝔞") ;=> true',
    )
    agree(
        "(< 2031-02-03T04:05:06Z 2031-02-03T04:05:06.5Z) ;=> true",
        "(>= 2031-02-03T04:05:06Z 2031-02-03T04:05:06.000Z) ;=> true",
    )


@pytest.mark.parametrize("name", ["<", "<=", ">", ">="])
def test_only_numbers_strings_and_timestamps_of_one_sort_compare(name: str, agree: Callable[..., None]) -> None:
    error = f"!TypeError: Type error in {name}: expected comparable types, got"
    agree(
        f'({name} 1 "2") ;=> {error} string', f"({name} nil 1) ;=> {error} nil", f"({name} 1 true) ;=> {error} boolean"
    )
    agree(
        f'({name} "a" 1) ;=> {error} integer',
        f"({name} [1] [2]) ;=> {error} vector",
        f"({name} :a) ;=> {error} keyword",
    )
    agree(f"(apply {name} [1 2.0 nil]) ;=> " + (f"{error} nil" if name in ("<", "<=") else "false"))


def test_nan_is_neither_before_nor_after(agree: Callable[..., None]) -> None:
    agree("(< ##NaN 1) ;=> false", "(>= ##NaN 1) ;=> false", "(<= ##NaN ##NaN) ;=> false", "(> ##Inf 1000000) ;=> true")


def test_the_total_order_of_kinds(agree: Callable[..., None]) -> None:
    agree(
        '(sort [{} \'() [] \'a :a "a" ##NaN 1 true nil]) ;=> [nil true 1 ##NaN "a" :a a [] () {}]',
        "(compare 1 1.0) ;=> -1",
        "(compare 1.0 1) ;=> 1",
        "(compare [1 2] [1 2]) ;=> 0",
        "(compare nil false) ;=> -1",
        '(compare "b" "a") ;=> 1',
    )


def test_and_and_or_as_functions_are_eager(agree: Callable[..., None]) -> None:
    agree(
        "(reduce and true [1 2]) ;=> 2",
        "(reduce or nil [nil false 7]) ;=> 7",
        "(apply and []) ;=> true",
        "(apply or []) ;=> nil",
    )
    agree("(apply and [1 nil false]) ;=> nil", "(apply or [nil false]) ;=> false", "(apply or [false nil]) ;=> nil")


def test_only_nil_and_false_are_falsy(agree: Callable[..., None]) -> None:
    agree('(map not [nil false 0 "" [] ##NaN true]) ;=> [true true false false false false false]')
    agree('(map boolean [nil false 0 "" [] ##NaN true]) ;=> [false false true true true true true]')


def test_identity_gives_its_argument(agree: Callable[..., None]) -> None:
    agree("(identity nil) ;=> nil", "(map identity '(1 2)) ;=> [1 2]")


@given(
    st.sampled_from([("<", operator.lt), ("<=", operator.le), (">", operator.gt), (">=", operator.ge)]),
    numbers,
    numbers,
)
def test_numbers_compare_exactly_across_kinds(pair: tuple[str, Any], a: Any, b: Any) -> None:
    expected = pair[1](Fraction(a), Fraction(b))
    assert BUILTINS[pair[0]](a, b) is expected
    two = {"<": number.lt2, "<=": number.le2, ">": number.gt2, ">=": number.ge2}[pair[0]]
    assert two(a, b) is expected
    assert BUILTINS["=="](a, b) is (Fraction(a) == Fraction(b))
