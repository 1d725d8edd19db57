"""The total order of values (language.md §2.3)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.collections import EMPTY_MAP, List, Map, vector
from rtfs.lang.equality import compare, same_key
from rtfs.lang.errors import LimitError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.order import sort_values
from rtfs.lang.values import Timestamp, Uuid
from tests.strategies import few_values, values

NAN = float("nan")
INF = float("inf")


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def test_kinds_follow_each_other_in_the_documented_order() -> None:
    in_order = [
        *(None, False, True, -INF, -1, 0, 0.0, 1, 1.0, 1.5, 2, INF, NAN),
        *(
            "",
            "a",
            "b",
            Keyword("a"),
            Keyword("b"),
            Symbol("a"),
            (),
            (1,),
            List(),
            List((1,)),
            EMPTY_MAP,
            Map.of([(1, 1)]),
        ),
        Uuid("00000000-0000-0000-0000-000000000000"),
    ]
    for i, a in enumerate(in_order):
        for j, b in enumerate(in_order):
            assert compare(a, b) == sign(i - j), (a, b)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ((1, 2), (2,)),
        ((1,), (1, 0)),
        ((1, "b"), (1.0, "a")),
        (2**53, 2.0**53),
        (2.0**53, 2**53 + 1),
        (Map.of([("a", 1)]), Map.of([("b", 0)])),
        (Map.of([("b", 2), ("a", 2)]), Map.of([("a", 10), ("b", 1)])),
        (Map.of([("a", 1)]), Map.of([("a", 1), ("b", 1)])),
        (Timestamp(6_000_000), Timestamp(6_500_000)),
        (vector(range(70)), vector([*range(69), 70])),
    ],
)
def test_the_smaller_value_comes_first(small: Any, large: Any) -> None:
    assert compare(small, large) == -1
    assert compare(large, small) == 1


@given(few_values(), few_values(), few_values())
def test_compare_is_a_total_order(a: Any, b: Any, c: Any) -> None:
    assert compare(a, b) == -compare(b, a)
    assert compare(a, a) == 0
    if compare(a, b) <= 0 and compare(b, c) <= 0:
        assert compare(a, c) <= 0


@given(few_values(), few_values())
def test_only_the_same_values_compare_as_equal(a: Any, b: Any) -> None:
    assert (compare(a, b) == 0) == same_key(a, b)


@given(st.lists(st.one_of(values(with_nan=True), st.integers(0, 3), st.sampled_from([1.0, 2.0, NAN]))))
def test_sorting_puts_every_value_before_the_greater_ones(items: list[Any]) -> None:
    ordered = sort_values(items)
    assert all(compare(a, b) <= 0 for a, b in pairwise(ordered))


@pytest.mark.parametrize("kind", [int, str, float, bool, Keyword, Symbol])
def test_sorting_one_kind_gives_what_compare_gives(kind: Callable[[Any], Any]) -> None:
    made = [kind(str(n) if kind in (Keyword, Symbol) else n) for n in (5, 3, 9, 1, 7, 0, 3)]
    ordered = sort_values(made)
    assert [compare(a, b) <= 0 for a, b in pairwise(ordered)] == [True] * 6


def nested(levels: int, wrap: Callable[[Any], Any], value: Any = 0) -> Any:
    for _ in range(levels):
        value = wrap(value)
    return value


WRAPPERS: list[Callable[[Any], Any]] = [
    lambda value: (value,),
    lambda value: List((value,)),
    lambda value: Map.of([(Keyword("k"), value)]),
]


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_nine_thousand_levels_compare(wrap: Callable[[Any], Any]) -> None:
    assert compare(nested(9_000, wrap), nested(9_000, wrap)) == 0
    assert compare(nested(9_000, wrap), nested(9_000, wrap, 1)) == -1


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_eleven_thousand_levels_overflow(wrap: Callable[[Any], Any]) -> None:
    with pytest.raises(LimitError, match=r"^Stack overflow: nesting exceeded 10000$"):
        compare(nested(11_000, wrap), nested(11_000, wrap))


def test_keys_nested_in_keys_are_ordered_however_deep() -> None:
    def one(value: Any) -> Any:
        return Map.of([((value,), 1), (0.5, 1)])

    def two(value: Any) -> Any:
        return Map.of([((value,), 1), ((value, 1), 1)])

    for levels, wrap in ((3, one), (20, one), (4_000, one), (2, two), (3, two), (13, two)):
        assert compare(nested(levels, wrap), nested(levels, wrap)) == 0
        assert compare(nested(levels, wrap), nested(levels, wrap, 1)) == -1


@pytest.mark.parametrize("wrap", [lambda v: (v, v), lambda v: Map.of([(1, v), (2, v)])])
def test_shared_parts_are_not_walked_once_per_path(wrap: Callable[[Any], Any]) -> None:
    assert compare(nested(500, wrap), nested(500, wrap)) == 0
