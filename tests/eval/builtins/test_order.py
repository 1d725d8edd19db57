"""Sorting (language.md §2.3, §14.4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.collections import List, vector
from rtfs.lang.names import Keyword
from rtfs.lang.order import compare

load_topic("order")

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, 2.0]),
    st.text(max_size=2),
    st.sampled_from("abc").map(Keyword),
    st.lists(st.integers(0, 2), max_size=2).map(vector),
)
homogeneous = st.one_of(
    st.lists(st.integers(-5, 5)),
    st.lists(st.floats()),
    st.lists(st.text(max_size=2)),
    st.lists(st.booleans()),
    st.lists(st.sampled_from("abc").map(Keyword)),
    st.lists(st.one_of(st.integers(-3, 3), st.sampled_from([0.0, -0.0, 1.0, 2.0, 0.5]))),
)


def test_sorting_gives_a_vector(agree: Callable[..., None]) -> None:
    agree(
        "(sort '(3 1 2)) ;=> [1 2 3]",
        '(sort "cab") ;=> ["a" "b" "c"]',
        "(sort {:b 1 :a 2}) ;=> [[:a 2] [:b 1]]",
        "(sort nil) ;=> []",
        "(sort 5) ;=> !TypeError: Type error in sort: expected sequence, got integer",
    )


def test_the_default_order_is_total(agree: Callable[..., None]) -> None:
    agree(
        '(sort [:a "a" 1 nil true [1] {} \'b ##NaN -1.5]) ;=> [nil true -1.5 1 ##NaN "a" :a b [1] {}]',
        "(sort [1.0 1 2 2.0 0.5]) ;=> [0.5 1 1.0 2 2.0]",
        "(sort [[2] [1 9] [1]]) ;=> [[1] [1 9] [2]]",
        "(sort [##NaN 1.5 ##-Inf]) ;=> [##-Inf 1.5 ##NaN]",
    )


def test_a_comparison_answers_a_boolean_or_a_number(agree: Callable[..., None]) -> None:
    agree(
        "(sort > [1 3 2]) ;=> [3 2 1]",
        "(sort - [3 1 2]) ;=> [1 2 3]",
        "(sort (fn [a b] (- b a)) [1 3 2]) ;=> [3 2 1]",
        "(sort compare [3 1 2]) ;=> [1 2 3]",
        "(sort (fn [a b] nil) [3 1 2]) ;=> [3 1 2]",
        "(sort (fn [a b] -0.5) [1 2]) ;=> [2 1]",
        '(sort < [1 "a"]) ;=> !TypeError',
        "(sort 5 [1]) ;=> !TypeError: Type error in sort: expected function, got integer",
    )


def test_sorting_is_stable(agree: Callable[..., None]) -> None:
    agree(
        '(sort-by count ["bb" "a" "cc" "d"]) ;=> ["a" "d" "bb" "cc"]',
        '(sort-by count > ["bb" "a" "cc" "d"]) ;=> ["bb" "cc" "a" "d"]',
        "(sort (fn [a b] (< (first a) (first b))) [[1 :x] [0 :y] [1 :z] [0 :w]]) ;=> [[0 :y] [0 :w] [1 :x] [1 :z]]",
    )


def test_sorting_by_a_key(agree: Callable[..., None]) -> None:
    agree(
        "(sort-by :n [{:n 2} {:n 1} {}]) ;=> [{} {:n 1} {:n 2}]",
        "(sort-by second {:a 2 :b 1}) ;=> [[:b 1] [:a 2]]",
        "(sort-by - compare '(1 3 2)) ;=> [3 2 1]",
        "(sort-by 5 [1]) ;=> !TypeError: Type error in sort-by: expected function, got integer",
        "(sort-by inc 5 [1]) ;=> !TypeError: Type error in sort-by: expected function, got integer",
    )


def test_errors_of_a_comparison_go_through(agree: Callable[..., None]) -> None:
    agree("(try (sort (fn [a b] (throw 7)) [1 2]) (catch e (ex-data e))) ;=> 7")


def test_comparisons_may_sort_themselves(agree: Callable[..., None]) -> None:
    agree("(do (defn d [n] (if (= n 0) 0 (inc (first (sort (fn [a b] (d (dec n))) [(dec n) 7]))))) (d 400)) ;=> 400")


def test_a_comparison_that_makes_no_sense_still_ends(agree: Callable[..., None]) -> None:
    agree("(count (sort (fn [a b] true) (range 100))) ;=> 100", "(sort (fn [a b] ##NaN) [2 1]) ;=> [2 1]")


# ---- laws -------------------------------------------------------------------------------------------------------


def identical(a: Any, b: list[Any]) -> bool:
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))


@given(st.one_of(homogeneous, st.lists(values)))
def test_sorting_is_pythons_by_the_total_order(given_values: list[Any]) -> None:
    expected = sorted(given_values, key=cmp_to_key(compare))
    assert identical(BUILTINS["sort"](vector(given_values)), expected)
    assert identical(BUILTINS["sort"](compare_values, List(given_values)), expected)
    assert identical(BUILTINS["sort-by"](same, vector(given_values)), expected)


def compare_values(a: Any, b: Any) -> int:
    return compare(a, b)


def same(x: Any) -> Any:
    return x


@given(st.lists(st.tuples(st.integers(0, 5), st.integers()), max_size=100))
def test_sorting_by_key_keeps_the_order_of_equal_keys(pairs: list[tuple[int, int]]) -> None:
    def key(pair: Any) -> Any:
        return pair[0]

    def before(a: Any, b: Any) -> bool:
        return bool(a < b)

    expected = sorted(pairs, key=key)
    assert list(BUILTINS["sort-by"](key, vector(pairs))) == expected
    assert list(BUILTINS["sort-by"](key, before, vector(pairs))) == expected
    assert list(BUILTINS["sort-by"](key, lambda a, b: a > b, vector(pairs))) == sorted(pairs, key=lambda pair: -pair[0])
