"""Python objects and RTFS values (experience.md §5)."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import math
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang import convert
from rtfs.lang.collections import EMPTY_MAP, List, Map, PVector, vector
from rtfs.lang.convert import from_python, to_python
from rtfs.lang.equality import equal, same_key
from rtfs.lang.errors import EvaluationError, HostCallError, LimitError, RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid
from tests.strategies import values

INSTANT = datetime.datetime(2031, 2, 3, 4, 5, 6, 120_000, tzinfo=datetime.UTC)


class Level(enum.IntEnum):
    LOW = 1


class Word(str):
    pass


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        (None, "nil"),
        ({"a": [1, 2.5, (True, "x")], "b": {}}, '{"a" [1 2.5 [true "x"]] "b" {}}'),
        ({1: 1, 2.0: 2, None: 3, (1, 2): 4}, "{1 1 2.0 2 nil 3 [1 2] 4}"),
        (collections.OrderedDict(z=1, a=2), '{"z" 1 "a" 2}'),
        (collections.namedtuple("Point", "x y")(1, 2), "[1 2]"),
        (Level.LOW, "1"),
        (Word("w"), '"w"'),
        ([Keyword("k"), Symbol("s"), List((1,)), Map.of([(Keyword("a"), [1])])], "[:k s (1) {:a [1]}]"),
        (INSTANT, "2031-02-03T04:05:06.120Z"),
        (INSTANT.astimezone(datetime.timezone(datetime.timedelta(hours=-9))), "2031-02-03T04:05:06.120Z"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (math.sqrt, "#<function sqrt>"),
        (RtfsError("TypeError", "no"), '#<error :type-error "no">'),
    ],
)
def test_python_objects_become_values(given: Any, printed: str) -> None:
    assert show(from_python(given)) == printed


def test_long_sequences_become_long_vectors() -> None:
    assert type(from_python(list(range(65)))) is PVector
    assert type(from_python(tuple(range(65)))) is PVector
    assert type(from_python(tuple(range(64)))) is tuple


def test_a_wrapped_python_function_can_be_called() -> None:
    assert from_python(math.sqrt)(9.0) == 3.0
    assert from_python([1, 2].index)(2) == 1


@given(values(with_nan=True))
def test_values_stay_the_very_objects_they_are(value: Any) -> None:
    assert from_python(value) is value


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({1, 2}, "Type error in from_python: expected RTFS value, got Python set"),
        ([{"a": {"b": b"x"}}], "Type error in from_python: expected RTFS value at [0].a.b, got Python bytes"),
        ({"a": [0, object()]}, "Type error in from_python: expected RTFS value at .a[1], got Python object"),
        ({1.5: decimal.Decimal(1)}, "Type error in from_python: expected RTFS value at [1.5], got Python Decimal"),
        ({frozenset(): 1}, "Type error in from_python: expected RTFS value at {key}, got Python frozenset"),
        (Map.of([(Keyword("k"), 1j)]), "Type error in from_python: expected RTFS value at .k, got Python complex"),
        (datetime.datetime(2031, 1, 1), "Type error in from_python: expected RTFS value, got Python datetime"),
    ],
)
def test_an_object_without_counterpart_is_refused_with_its_place(given: Any, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        from_python(given)
    assert (caught.value.kind, caught.value.message) == ("TypeError", message)


@pytest.mark.parametrize("given", ["\ud800", ["a\udfff"], {"\ud800": 1}, Word("\ud800")])
def test_a_lone_surrogate_from_the_host_is_a_host_error(given: Any) -> None:
    with pytest.raises(HostCallError, match="lone surrogate") as caught:
        from_python(given)
    assert caught.value.kind == "HostError"


def test_a_list_that_holds_itself_is_a_stack_overflow() -> None:
    endless: list[Any] = []
    endless += [endless, endless]
    with pytest.raises(LimitError, match=r"^Stack overflow: nesting exceeded 10000$"):
        from_python(endless)


def test_nine_thousand_levels_convert_and_eleven_thousand_overflow() -> None:
    deep: Any = []
    for _ in range(8_999):
        deep = [deep]
    value = from_python(deep)
    assert show(value) == "[" * 9_000 + "]" * 9_000
    back = to_python(value)
    for _ in range(2_000):
        value = (value,)
        back = [back]
    for function, deep in ((from_python, back), (to_python, value)):
        with pytest.raises(LimitError, match=r"^Stack overflow: nesting exceeded 10000$"):
            function(deep)
    while back:  # Python's own teardown of deep lists is fine, but do not leave it to a traceback
        back = back.pop()


def test_shared_objects_are_converted_once() -> None:
    shared: Any = [1]
    for _ in range(3_000):
        shared = [shared, shared]
    value = from_python(shared)
    assert value[0] is value[1]


def test_values_become_plain_python_data() -> None:
    value = Map.of(
        [
            (Keyword("a"), (1, List((2,)), vector(range(70)))),
            ("b", Keyword("ns/k")),
            (Symbol("c"), Symbol("s")),
            (1.5, Timestamp(1_927_857_906_120_000)),
            ((1, (2,)), Uuid("00000000-0000-0000-0000-000000000001")),
            (None, ResourceHandle("resource://x")),
        ]
    )
    assert to_python(value) == {
        "a": [1, [2], list(range(70))],
        "b": "ns/k",
        "c": "s",
        1.5: INSTANT,
        (1, (2,)): uuid.UUID(int=1),
        None: "resource://x",
    }


def test_an_error_becomes_the_dict_of_its_keys() -> None:
    plain = to_python(ErrorValue(RtfsError("DivisionByZero", "Division by zero")))
    assert plain == {
        "type": "division-by-zero",
        "kind": "division-by-zero",
        "message": "Division by zero",
        "data": None,
        "code": "RTFS-E405",
        "span": None,
        "trace": [],
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Map.of([(Keyword("a"), 1), ("a", 2)]), 'Invalid argument: keys :a and "a" are the same in Python'),
        ((Map.of([(1, 1), (True, 2)]),), "Invalid argument: keys 1 and true are the same in Python"),
        (Map.of([(EMPTY_MAP, 1)]), "Invalid argument: a map as a key has no counterpart in Python"),
        (Timestamp(10**18), "Invalid argument: timestamp 33658-09-27T01:46:40Z is outside the years of datetime"),
    ],
)
def test_what_python_cannot_hold_is_refused(value: Any, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        to_python(value)
    assert caught.value.message == message


def test_a_small_value_of_enormous_extent_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "PARTS_LIMIT", 10_000)
    value: Any = 1
    for _ in range(60):
        value = (value, value)
    with pytest.raises(LimitError, match=r"^Memory limit exceeded: elements of"):
        to_python(value)


plain_data = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=("Cs",)))),
    lambda parts: st.one_of(st.lists(parts), st.dictionaries(st.text("abc"), parts)),
    max_leaves=30,
)


@given(plain_data)
def test_plain_data_survives_the_round_trip(data: Any) -> None:
    value = from_python(data)
    again = from_python(to_python(value))
    assert same_key(value, again)
    assert show(value) == show(again)
    if equal(value, value):
        assert to_python(value) == data
