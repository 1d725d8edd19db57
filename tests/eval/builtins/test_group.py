"""Equal elements, groups and parts (language.md §14.4)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.collections import List, vector

load_topic("group")

items = st.lists(st.integers(-5, 5), max_size=90)


def test_distinct_keeps_first_occurrences(agree: Callable[..., None]) -> None:
    agree(
        "(distinct [3 1 3 2 1]) ;=> [3 1 2]",
        "(distinct '(1 1.0 true 1)) ;=> [1 1.0 true]",
        "(distinct [##NaN ##NaN 0.0 -0.0]) ;=> [##NaN 0.0]",
        '(distinct "abca") ;=> ["a" "b" "c"]',
        "(set [1 2 1]) ;=> [1 2]",
        "(distinct [[1] [1] '(1)]) ;=> [[1] (1)]",
        "(distinct nil) ;=> []",
        "(distinct 5) ;=> !TypeError: Type error in distinct: expected sequence, got integer",
    )


def test_distinct_by_compares_values_of_a_function(agree: Callable[..., None]) -> None:
    agree("(distinct-by abs [1 -1 2 -2]) ;=> [1 2]", "(distinct-by :k [{:k 1 :v 1} {:k 1 :v 2}]) ;=> [{:k 1 :v 1}]")


def test_dedupe_drops_repetitions_in_a_row(agree: Callable[..., None]) -> None:
    agree(
        "(dedupe [1 1 2 2 1]) ;=> [1 2 1]",
        "(dedupe [1 1.0]) ;=> [1 1.0]",
        "(dedupe [##NaN ##NaN]) ;=> [##NaN]",
        "(dedupe nil) ;=> []",
    )


def test_frequencies_and_groups_are_in_order_of_first_appearance(agree: Callable[..., None]) -> None:
    agree(
        "(frequencies [:b :a :b]) ;=> {:b 2 :a 1}",
        '(frequencies "aba") ;=> {"a" 2 "b" 1}',
        "(frequencies nil) ;=> {}",
        "(group-by odd? [2 1 3]) ;=> {false [2] true [1 3]}",
        "(group-by count '([1] [2 3] [4])) ;=> {1 [[1] [4]] 2 [[2 3]]}",
        "(group-by (fn [x] nil) [1 2]) ;=> {nil [1 2]}",
        "(count (frequencies (range 100))) ;=> 100",
    )


def test_partition_drops_an_incomplete_part(agree: Callable[..., None]) -> None:
    agree(
        "(partition 2 [1 2 3]) ;=> [[1 2]]",
        "(partition 2 1 [1 2 3]) ;=> [[1 2] [2 3]]",
        "(partition 2 3 [1 2 3 4 5]) ;=> [[1 2] [4 5]]",
        "(partition 3 [1 2]) ;=> []",
        '(partition 2 "abcd") ;=> [["a" "b"] ["c" "d"]]',
        "(partition 1 nil) ;=> []",
        "(partition (pow 10 40) [1]) ;=> []",
    )


def test_partition_pads_the_last_part(agree: Callable[..., None]) -> None:
    agree(
        "(partition 2 2 [:x :y] [1 2 3]) ;=> [[1 2] [3 :x]]",
        "(partition 4 4 [:x] [1 2]) ;=> [[1 2 :x]]",
        "(partition 3 1 nil [1 2 3 4]) ;=> [[1 2 3] [2 3 4] [3 4]]",
        "(partition 2 2 [0] [1 2]) ;=> [[1 2]]",
    )


def test_partition_all_keeps_the_short_part(agree: Callable[..., None]) -> None:
    agree(
        "(partition-all 2 [1 2 3]) ;=> [[1 2] [3]]",
        "(chunk 2 '(1 2 3)) ;=> [[1 2] [3]]",
        "(partition-all 2 1 [1 2 3]) ;=> [[1 2] [2 3] [3]]",
        "(partition-all 2 3 [1 2 3 4]) ;=> [[1 2] [4]]",
        "(partition-all 2 nil) ;=> []",
    )


@pytest.mark.parametrize("name", ["partition", "partition-all"])
def test_sizes_and_steps_are_at_least_one(name: str, agree: Callable[..., None]) -> None:
    agree(
        f"({name} 0 [1]) ;=> !InvalidArgument: Invalid argument: {name} needs a size of at least 1",
        f"({name} 2 0 [1]) ;=> !InvalidArgument: Invalid argument: {name} needs a step of at least 1",
        f"({name} 2.0 [1]) ;=> !TypeError: Type error in {name}: expected integer, got float",
        f"({name} 2 5) ;=> !TypeError: Type error in {name}: expected sequence, got integer",
    )


@pytest.mark.parametrize("name", ["partition", "partition-all"])
def test_overlapping_parts_are_counted_before_they_are_built(name: str, agree: Callable[..., None]) -> None:
    agree(f"({name} 50000 1 (range 100000)) ;=> !MemoryLimitExceeded")


def test_partition_by_starts_a_part_when_the_value_changes(agree: Callable[..., None]) -> None:
    agree(
        "(partition-by odd? [1 3 2 4 5]) ;=> [[1 3] [2 4] [5]]",
        "(partition-by identity [1 1.0 nil nil]) ;=> [[1] [1.0] [nil nil]]",
        "(partition-by odd? nil) ;=> []",
        "(partition-by 5 [1]) ;=> !TypeError: Type error in partition-by: expected function, got integer",
    )


# ---- laws -------------------------------------------------------------------------------------------------------


def lists(value: Any) -> list[list[int]]:
    return [list(part) for part in value]


@given(items, st.integers(1, 80), st.integers(1, 80))
def test_partition_is_the_complete_parts_of_partition_all(values: list[int], n: int, step: int) -> None:
    every = lists(BUILTINS["partition-all"](n, step, vector(values)))
    assert every == [values[start : start + n] for start in range(0, len(values), step)]
    whole = lists(BUILTINS["partition"](n, step, List(values)))
    assert whole == [part for part in every if len(part) == n]
    padded = lists(BUILTINS["partition"](n, step, vector([0] * n), vector(values)))
    assert all(len(part) == n for part in padded)
    assert padded[: len(whole)] == whole
    assert len(padded) <= len(whole) + 1


@given(items)
def test_parts_joined_are_the_whole(values: list[int]) -> None:
    def odd(x: int) -> bool:
        return x % 2 == 1

    parts = lists(BUILTINS["partition-by"](odd, vector(values)))
    assert parts == [list(part) for _, part in groupby(values, odd)]
    groups = BUILTINS["group-by"](odd, vector(values))
    assert {key: list(part) for key, part in groups.entries()} == {
        key: [x for x in values if odd(x) is key] for key in map(odd, values)
    }
    assert list(BUILTINS["distinct"](vector(values))) == list(dict.fromkeys(values))
    assert list(BUILTINS["dedupe"](vector(values))) == [key for key, _ in groupby(values)]
    assert sum(BUILTINS["frequencies"](vector(values)).values()) == len(values)


def test_padding_of_a_wrong_kind_is_refused_even_when_nothing_is_padded(agree: Callable[..., None]) -> None:
    agree("(partition 1 1 0 nil) ;=> !TypeError: Type error in partition: expected sequence, got integer")
