"""Lookup, sequence views and callable values (language.md §2.4, §4.1, §14.5)."""

from __future__ import annotations

from typing import Any

import pytest

from rtfs.eval.fault import translate
from rtfs.lang.access import callee, get, nth, sequence
from rtfs.lang.collections import EMPTY_MAP, List, Map, vector
from rtfs.lang.errors import EvaluationError, RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.values import ErrorValue

A = Keyword("a")
LONG = vector(range(100))
ERROR = ErrorValue(RtfsError("DivisionByZero", "Division by zero"))


@pytest.mark.parametrize(
    ("coll", "key", "found"),
    [
        (Map.of([(A, 1)]), A, 1),
        (Map.of([(A, None)]), A, None),
        (Map.of([(A, 1)]), "a", "none"),
        (Map.of([(1.0, "x")]), 1, "none"),
        ((5, 6), 1, 6),
        ((5, 6), -1, "none"),
        (List((5,)), 3, "none"),
        (LONG, 99, 99),
        ("xyz", 2, "z"),
        (None, A, "none"),
        (ERROR, Keyword("type"), Keyword("division-by-zero")),
    ],
)
def test_get_finds_what_is_there_or_gives_the_default(coll: Any, key: Any, found: Any) -> None:
    assert get(coll, key, "none") == found


@pytest.mark.parametrize(
    ("coll", "key", "message"),
    [
        ((1,), "0", "Type error in get: expected integer, got string"),
        ((1,), True, "Type error in get: expected integer, got boolean"),
        (7, 0, "Type error in get: expected collection, got integer"),
    ],
)
def test_get_refuses_other_kinds(coll: Any, key: Any, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        get(coll, key)
    assert caught.value.message == message


def test_nth_takes_from_every_sequence_view() -> None:
    assert [nth(coll, 1) for coll in ((4, 5), List((4, 5)), LONG, "xy", Map.of([(1, 2), (3, 4)]))] == [
        5,
        5,
        1,
        "y",
        (3, 4),
    ]


@pytest.mark.parametrize("coll", [(), None, "", List(), EMPTY_MAP])
def test_nth_outside_is_an_index_error_unless_there_is_a_default(coll: Any) -> None:
    assert nth(coll, 0, "d") == "d"
    with pytest.raises(EvaluationError, match=r"^Index out of bounds: index 0 is not in range \[0, 0\)$"):
        nth(coll, 0)


def test_a_negative_index_is_out_of_bounds() -> None:
    with pytest.raises(EvaluationError, match=r"^Index out of bounds: index -1 is not in range \[0, 2\)$"):
        nth((1, 2), -1)


@pytest.mark.parametrize(
    ("value", "items"),
    [
        ((1, 2), [1, 2]),
        (List((1, 2)), [1, 2]),
        (LONG, list(range(100))),
        ("añ", ["a", "ñ"]),
        (Map.of([(A, 1)]), [(A, 1)]),
        (None, []),
    ],
)
def test_a_sequence_view_has_length_items_and_slices(value: Any, items: list[Any]) -> None:
    view = sequence(value, "map")
    assert list(view) == items
    assert len(view) == len(items)
    assert list(view[1:]) == items[1:]


@pytest.mark.parametrize(("value", "kind"), [(1, "integer"), (A, "keyword"), (ERROR, "error"), (len, "object")])
def test_what_is_no_sequence_is_a_type_error(value: Any, kind: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        sequence(value, "map")
    assert caught.value.message == f"Type error in map: expected sequence, got {kind}"


def test_keywords_maps_and_vectors_look_up_when_called() -> None:
    assert callee(A)(Map.of([(A, 1)])) == 1
    assert callee(A)(None, 3) == 3
    assert callee(Keyword("code"))(ERROR) == "RTFS-E405"
    assert callee(Map.of([(A, None)]))(A, 9) is None
    assert callee((7, 8))(1) == 8
    assert callee(LONG)(200, "d") == "d"


@pytest.mark.parametrize(
    ("value", "args", "message"),
    [
        (A, (5,), "Type error in keyword lookup: expected map, got integer"),
        (EMPTY_MAP, (1, 2, 3), "Arity mismatch in map: expected 1 or 2, got 3"),
        ((1,), (), "Arity mismatch in vector: expected 1 or 2, got 0"),
        ((1,), (1,), "Index out of bounds: index 1 is not in range [0, 1)"),
        (LONG, ("x",), "Type error in nth: expected integer, got string"),
        (5, (1,), "Type error in function call: expected function, got integer"),
        (None, (), "Type error in function call: expected function, got nil"),
        (List((1,)), (0,), "Type error in function call: expected function, got list"),
    ],
)
def test_a_wrong_call_says_what_was_expected(value: Any, args: tuple[Any, ...], message: str) -> None:
    function = callee(value)
    with pytest.raises(EvaluationError) as caught:
        function(*args)
    assert caught.value.message == message


@pytest.mark.parametrize("args", [(), (1, 2, 3)])
def test_a_keyword_takes_one_or_two_arguments(args: tuple[Any, ...]) -> None:
    for call in (A, callee(A)):
        with pytest.raises((EvaluationError, TypeError)) as caught:
            call(*args)
        error = translate(caught.value)
        assert error is not None
        assert error.message == f"Arity mismatch in :a: expected 1 or 2, got {len(args)}"


def test_an_operation_refuses_what_cannot_be_called_before_it_starts() -> None:
    with pytest.raises(EvaluationError, match=r"^Type error in filter: expected function, got integer$"):
        callee(5, "filter")
