"""Equality and hashing of values (language.md §2.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

from rtfs.lang.collections import List, Map, vector
from rtfs.lang.equality import equal, hash_value, same_key
from rtfs.lang.errors import LimitError, RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source, Span
from rtfs.lang.values import ErrorValue, Timestamp
from tests.strategies import few_values, values

NAN = float("nan")

WRAPPERS: list[Callable[[Any], Any]] = [
    lambda value: (value,),
    lambda value: List((value,)),
    lambda value: Map.of([(Keyword("k"), value)]),
    lambda value: Map.of([(value, 1)]),
    lambda value: Map.of([(1.5, value)]),
    lambda value: vector([value, *range(70)]),
]


def nested(levels: int, wrap: Callable[[Any], Any], value: Any = 0) -> Any:
    for _ in range(levels):
        value = wrap(value)
    return value


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (None, False),
        ((1, 2), List((1, 2))),
        ((1,), (1.0,)),
        ((1,), (True,)),
        (Keyword("a"), "a"),
        (Keyword("a"), Symbol("a")),
        (Map.of([(1, 2)]), Map.of([(1.0, 2)])),
        (Map.of([("a", 1)]), Map.of([(Keyword("a"), 1)])),
        (vector(range(70)), vector([float(n) for n in range(70)])),
        (NAN, NAN),
        ((NAN,), (NAN,)),
        ((1, 2), (1, 2, 3)),
    ],
)
def test_values_of_different_kind_or_content_differ(a: Any, b: Any) -> None:
    assert not equal(a, b)
    assert not equal(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0.0, -0.0),
        (Symbol("a", "home"), Symbol("a", None, Span(Source("f", "a"), 1, 1, 1, 2))),
        (Timestamp(5), Timestamp(5)),
        (Map.of([(1, 2), (3, 4)]), Map.of([(3, 4), (1, 2)])),
        (Map.of([((1, 2), 2), (1.5, 4)]), Map.of([(1.5, 4), ((1, 2), 2)])),
        (vector(range(100)), vector(range(100))),
        (Map.of([(n, n) for n in range(100)]), Map.of([(n, n) for n in reversed(range(100))])),
        (Map.of([((n,), n) for n in range(100)]), Map.of([((n,), n) for n in reversed(range(100))])),
    ],
)
def test_equal_values_are_equal_and_hash_alike(a: Any, b: Any) -> None:
    assert equal(a, b)
    assert equal(b, a)
    assert hash_value(a) == hash_value(b)


def test_nan_is_the_same_key_as_nan_also_inside_a_collection() -> None:
    other = float("nan")
    assert same_key(NAN, other)
    assert same_key((1, (NAN,)), (1, (other,)))
    assert hash_value((NAN,)) == hash_value((other,))
    assert Map.of([(NAN, 1), (other, 2)]).entries() == [(NAN, 2)]


def test_functions_and_errors_equal_only_themselves() -> None:
    def one() -> int:
        return 1

    error = ErrorValue(RtfsError("TypeError", "x"))
    assert equal(one, one) and equal((one,), (one,)) and equal(error, error)
    assert not equal(one, lambda: 1)
    assert not equal(error, ErrorValue(error.error))


@given(few_values(), few_values(), few_values())
def test_being_the_same_key_is_an_equivalence_that_hashing_respects(a: Any, b: Any, c: Any) -> None:
    assert same_key(a, a)
    assert same_key(a, b) == same_key(b, a)
    if same_key(a, b):
        assert hash_value(a) == hash_value(b)
        assert same_key(b, c) == same_key(a, c)


@given(values())
def test_a_value_without_nan_equals_a_copy_of_itself(value: Any) -> None:
    assert equal(value, value)
    assert equal((value,), (value,))


@given(few_values(), few_values())
def test_equality_without_nan_is_being_the_same_key(a: Any, b: Any) -> None:
    if equal(a, a) and equal(b, b):
        assert equal(a, b) == same_key(a, b)


@given(few_values(), few_values())
def test_a_map_finds_a_key_exactly_when_it_is_the_same(a: Any, b: Any) -> None:
    assert (a in Map.of([(b, 1)])) == same_key(a, b)


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_nine_thousand_levels_compare_and_hash(wrap: Callable[[Any], Any]) -> None:
    a, b, c = nested(9_000, wrap), nested(9_000, wrap), nested(9_000, wrap, 1)
    assert equal(a, b) and not equal(a, c)
    assert same_key(a, b) and not same_key(a, c)
    assert hash_value(a) == hash_value(b)


@pytest.mark.parametrize("wrap", WRAPPERS)
@pytest.mark.parametrize("use", [lambda a, b: equal(a, b), lambda a, b: hash_value(a)])
def test_eleven_thousand_levels_overflow(wrap: Callable[[Any], Any], use: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(LimitError, match=r"^Stack overflow: nesting exceeded 10000$"):
        use(nested(11_000, wrap), nested(11_000, wrap))


def test_ten_thousand_levels_are_the_limit() -> None:
    assert equal(nested(10_000, WRAPPERS[0]), nested(10_000, WRAPPERS[0]))
    with pytest.raises(LimitError):
        equal(nested(10_001, WRAPPERS[0]), nested(10_001, WRAPPERS[0]))


@pytest.mark.parametrize("wrap", [lambda v: (v, v), lambda v: Map.of([(1, v), (2, v)]), lambda v: Map.of([(v, v)])])
def test_shared_parts_are_not_walked_once_per_path(wrap: Callable[[Any], Any]) -> None:
    a, b = nested(500, wrap), nested(500, wrap)
    assert equal(a, b)
    assert hash_value(a) == hash_value(b)


def test_keys_that_collide_are_told_apart() -> None:
    prime = (1 << 61) - 1  # integers that differ by it hash alike
    colliding = [(n * prime,) for n in range(20)]
    a = Map.of([(key, n) for n, key in enumerate(colliding)])
    b = Map.of([(key, n) for n, key in reversed(list(enumerate(colliding)))])
    assert equal(a, b)
    assert not equal(a, b.assoc((0,), 1))
    assert len({hash_value(key) for key in colliding}) == 1
