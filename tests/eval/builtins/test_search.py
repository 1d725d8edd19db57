"""Whether elements satisfy a function, and extremes (language.md §14.4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.collections import vector

load_topic("search")


def test_some_gives_the_first_truthy_value(agree: Callable[..., None]) -> None:
    agree(
        "(some #(when (> % 2) (* % 10)) [1 3 5]) ;=> 30",
        "(some even? [1 3]) ;=> nil",
        "(some {2 false 3 0} [1 2 3]) ;=> 0",
        "(some inc nil) ;=> nil",
        '(some #(= % "b") "abc") ;=> true',
    )


def test_quantifiers_are_booleans(agree: Callable[..., None]) -> None:
    agree(
        "(map #(% even? [2 4]) [every? any? not-any? not-every?]) ;=> [true true false false]",
        "(map #(% even? [2 3]) [every? any? not-any? not-every?]) ;=> [false true false true]",
        "(map #(% even? [1 3]) [every? any? not-any? not-every?]) ;=> [false false true true]",
        "(map #(% identity [1 nil]) [every? any? not-any? not-every?]) ;=> [false true false true]",
    )


def test_quantifiers_of_nothing(agree: Callable[..., None]) -> None:
    agree(
        "(map #(% even? []) [every? any? not-any? not-every?]) ;=> [true false true false]",
        "(map #(% even? nil) [every? any? not-any? not-every?]) ;=> [true false true false]",
    )


@pytest.mark.parametrize("name", ["some", "every?", "any?", "not-any?", "not-every?"])
def test_the_search_stops_when_it_is_decided(name: str, agree: Callable[..., None]) -> None:
    decided = "false" if name in ("every?", "not-every?") else "true"
    agree(
        f"({name} (fn [x] (if (= x 2) (throw 9) {decided})) [1 2]) ;=> "
        + {"some": "true", "every?": "false", "any?": "true", "not-any?": "false", "not-every?": "true"}[name]
    )
    agree(f"({name} 5 [1]) ;=> !TypeError: Type error in {name}: expected function, got integer")
    agree(f"({name} inc 5) ;=> !TypeError: Type error in {name}: expected sequence, got integer")


def test_extremes_by_a_function_are_the_first_on_ties(agree: Callable[..., None]) -> None:
    agree(
        '(min-by count ["aa" "b" "c"]) ;=> "b"',
        '(max-by count ["aa" "b" "cc"]) ;=> "aa"',
        "(min-by abs []) ;=> nil",
        "(max-by abs nil) ;=> nil",
        "(max-by second {:a 1 :b 2}) ;=> [:b 2]",
        "(min-by identity [nil 1]) ;=> nil",
    )


def test_extremes_of_arguments(agree: Callable[..., None]) -> None:
    agree(
        "(min-key abs -3 2 -2) ;=> 2",
        "(max-key abs -3 2 3) ;=> -3",
        "(max-key count [1] [1 2]) ;=> [1 2]",
        "(min-key abs 5) ;=> 5",
        "(min-key 3 5) ;=> !TypeError: Type error in min-key: expected function, got integer",
    )


@given(st.lists(st.integers(-9, 9), min_size=1))
def test_extremes_agree_with_python(values: list[int]) -> None:
    def size(x: int) -> int:
        return abs(x)

    assert BUILTINS["min-by"](size, vector(values)) == min(values, key=abs)
    assert BUILTINS["max-by"](size, vector(values)) == max(values, key=abs)
    assert BUILTINS["min-key"](size, *values) == min(values, key=abs)
