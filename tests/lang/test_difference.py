"""Where two values differ."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

import rtfs
from rtfs.lang.access import get
from rtfs.lang.difference import ABSENT, differences
from rtfs.lang.equality import equal
from tests.strategies import values


@pytest.mark.parametrize(
    ("expected", "actual", "lines"),
    [
        ("1", "1", []),
        ("1", "2", ["expected 1, got 2"]),
        ("[1 2 3]", "[1 5 3]", ["at [1]: expected 2, got 5"]),
        ("[1 2]", "[1 2 3]", ["at [2]: expected nothing, got 3"]),
        ("[1 2 3 4]", "[1 3 4]", ["at [1]: expected 2, got nothing"]),
        ("[1 2]", "[]", ["expected [1 2], got []"]),
        ("[1]", "'(1)", ["expected [1], got (1)"]),
        ("{:a 1 :b 2}", "{:a 1 :c 2}", ["at [:b]: expected 2, got nothing", "at [:c]: expected nothing, got 2"]),
        ('{:a {"k" [1 {:x 1}]}}', '{:a {"k" [1 {:x 2}]}}', ['at [:a "k" 1 :x]: expected 1, got 2']),
        ("{:a 1}", "[1]", ["expected {:a 1}, got [1]"]),
        (
            f'"{"a" * 50}b"',
            f'"{"a" * 50}c"',
            [f'expected "{"a" * 50}b", got "{"a" * 50}c"; from character 50 on "b" and "c"'],
        ),
    ],
)
def test_only_what_differs_is_told(expected: str, actual: str, lines: list[str]) -> None:
    pair = [rtfs.evaluate(text) for text in (expected, actual)]
    assert [each.line() for each in differences(*pair)] == lines


def test_at_most_so_many_are_told() -> None:
    assert len(differences(tuple(range(60)), tuple(range(1, 61)))) == 20


def test_deep_values_are_walked_without_recursion() -> None:
    one, other = rtfs.evaluate("[(reduce (fn [v _] [v]) 1 (range 1500)) (reduce (fn [v _] [v]) 2 (range 1500))]")
    (found,) = differences(one, other)
    assert (len(found.path), found.expected, found.actual) == (1500, 1, 2)


@given(values(), values())
def test_values_without_differences_are_equal_and_a_difference_is_one(one: Any, other: Any) -> None:
    found = differences(one, other)
    assert bool(found) is not equal(one, other)
    for each in found:
        assert each.expected is ABSENT or each.actual is ABSENT or not equal(each.expected, each.actual)


@given(values())
def test_the_path_of_a_change_is_found(value: Any) -> None:
    first = rtfs.from_python({"k": [value, "before"]})
    second = rtfs.from_python({"k": [value, "after"]})
    (found,) = differences(first, second)
    assert (get(get(first, found.path[0]), found.path[1]), found.actual) == ("before", "after")
