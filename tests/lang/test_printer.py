"""The printed form of values (language.md §2.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.collections import EMPTY_MAP, List, Map, map_form, vector
from rtfs.lang.equality import equal
from rtfs.lang.errors import LimitError, RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import canonical, show, show_form, text
from rtfs.lang.values import ErrorValue, ResourceHandle, Timestamp, Uuid
from tests.strategies import few_values, keys, values

A = Keyword("a")


def builtin(x: Any) -> Any:
    return x


builtin.rtfs_name = "inc"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (None, "nil"),
        (True, "true"),
        (False, "false"),
        (-12, "-12"),
        (3.0, "3.0"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (1e20, "1e+20"),
        (1e-07, "1e-07"),
        (float("inf"), "##Inf"),
        (float("-inf"), "##-Inf"),
        (float("nan"), "##NaN"),
        ('a"b\\c\n\t\r', r'"a\"b\\c\n\t\r"'),
        ("\0\x01\x7f\x9f", r'"\u{0}\u{1}\u{7f}\u{9f}"'),
        ("é λ 😀", '"é λ 😀"'),
        (Keyword("ns/k"), ":ns/k"),
        (Symbol("s"), "s"),
        ((), "[]"),
        (List(), "()"),
        (EMPTY_MAP, "{}"),
        ((1, (2, List((3,))), "x"), '[1 [2 (3)] "x"]'),
        (Map.of([(A, 1), ("b", (2, {}))]), '{:a 1 "b" [2 #<object dict>]}'),
        (Map.of([((1, 2), Map.of([(None, None)]))]), "{[1 2] {nil nil}}"),
        (Timestamp(0), "1970-01-01T00:00:00Z"),
        (Timestamp(120_000), "1970-01-01T00:00:00.120Z"),
        (Timestamp(120_001), "1970-01-01T00:00:00.120001Z"),
        (Timestamp(-1), "1969-12-31T23:59:59.999999Z"),
        (Timestamp(951_782_400_000_000), "2000-02-29T00:00:00Z"),
        (Uuid("ABCDEF00-0000-0000-0000-00000000000F"), "abcdef00-0000-0000-0000-00000000000f"),
        (ResourceHandle("resource://db/main"), "resource://db/main"),
        (ErrorValue(RtfsError("DivisionByZero", "Division by zero")), '#<error :division-by-zero "Division by zero">'),
        (builtin, "#<function inc>"),
        (lambda: 1, "#<function>"),
        (object(), "#<object object>"),
        ((object(), builtin), "[#<object object> #<function inc>]"),
    ],
)
def test_every_kind_prints_as_documented(value: Any, printed: str) -> None:
    assert show(value) == printed
    assert show((value,)) == f"[{printed}]"


def test_str_takes_strings_as_they_are_and_nothing_of_nil() -> None:
    assert [text(v) for v in ("a", None, Keyword("k"), (1, "a", None), 3.0)] == ["a", "", ":k", '[1 "a" nil]', "3.0"]


def test_a_form_keeps_repeated_keys_and_metadata() -> None:
    repeated = map_form([(A, 1), (A, 2)])
    assert show(repeated) == "{:a 2}"
    assert show_form(List((Symbol("f"), repeated))) == "(f {:a 1 :a 2})"
    assert show_form(List((Symbol("rtfs/with-meta"), Map.of([(A, True)]), (1,)))) == "^{:a true} [1]"
    assert show_form(List((Symbol("rtfs/map"), A, List((Symbol("unquote-splicing"), Symbol("x")))))) == ("{:a ~@x}")


@pytest.mark.parametrize("printer", [show, canonical, show_form])
def test_printing_stops_at_the_limit(printer: Callable[..., str]) -> None:
    for value in ("x" * 8, ("abc", "de"), vector(range(100)), Map.of([(A, (1, 2, 3))])):
        size = len(printer(value))
        assert len(printer(value, size)) == size
        with pytest.raises(LimitError, match=rf"^Output limit exceeded: {size - 1}$"):
            printer(value, size - 1)


def test_the_default_limit_is_four_million_characters_and_can_be_switched_off() -> None:
    assert len(show("x" * 4_194_302)) == 4_194_304
    with pytest.raises(LimitError, match=r"^Output limit exceeded: 4194304$"):
        show("x" * 4_194_303)
    with pytest.raises(LimitError, match=r"^Output limit exceeded: 4194304$"):
        text("x" * 4_194_305)
    assert len(show("x" * 5_000_000, None)) == 5_000_002


WRAPPERS: list[Callable[[Any], Any]] = [
    lambda value: (value,),
    lambda value: List((value,)),
    lambda value: Map.of([(A, value)]),
    lambda value: Map.of([(value, 1)]),
]


def nested(levels: int, wrap: Callable[[Any], Any]) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = wrap(value)
    return value


@pytest.mark.parametrize("printer", [show, canonical, show_form])
@pytest.mark.parametrize("wrap", WRAPPERS)
def test_nine_thousand_levels_print_and_eleven_thousand_overflow(
    printer: Callable[[Any], str], wrap: Callable[[Any], Any]
) -> None:
    printed = printer(nested(9_000, wrap))
    assert sum(printed.count(bracket) for bracket in "[({") == 9_000
    with pytest.raises(LimitError, match=r"^Stack overflow: nesting exceeded 10000$"):
        printer(nested(11_000, wrap))


@pytest.mark.parametrize("printer", [show, canonical])
def test_a_value_of_shared_parts_runs_into_the_output_limit(printer: Callable[[Any], str]) -> None:
    with pytest.raises(LimitError, match=r"^Output limit exceeded"):
        printer(nested(100, lambda value: (value, value)))


@given(st.lists(st.tuples(keys, values()), max_size=8), st.randoms(use_true_random=False))
def test_canonical_text_ignores_the_order_of_maps(pairs: list[tuple[Any, Any]], random: Any) -> None:
    entries = Map.of(pairs).entries()
    shuffled = list(entries)
    random.shuffle(shuffled)
    assert canonical(Map.of(entries)) == canonical(Map.of(shuffled))


@given(few_values(), few_values())
def test_canonical_text_is_equal_for_equal_values_only(a: Any, b: Any) -> None:
    if equal(a, a) and equal(b, b):
        assert (canonical(a) == canonical(b)) == equal(a, b)
