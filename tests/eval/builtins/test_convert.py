"""Conversions between kinds."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.limits import LIMITS
from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.errors import RtfsError
from rtfs.lang.integers import integer_text
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show
from tests.strategies import keywords, symbols

load_topic("convert")


def call(name: str, *args: Any) -> Any:
    return BUILTINS[name](*args)


def failure(name: str, *args: Any) -> tuple[str, str]:
    with pytest.raises(RtfsError) as raised:
        BUILTINS[name](*args)
    return raised.value.kind, raised.value.message


def kinds(name: str, *values: Any) -> list[str]:
    return [show(call(name, value)) for value in values]


def test_int_truncates_parses_and_counts() -> None:
    assert kinds("int", 7, -2.9, 1e20, " -42\n", "+7", True, False, None) == [
        *("7", "-2", "100000000000000000000", "-42", "7", "1", "0", "0")
    ]
    assert kinds("long", "x", "3.7", "", "1_000", "٣", "--1") == ["0"] * 6


def test_int_of_what_is_not_finite_is_invalid() -> None:
    for value in (math.inf, -math.inf, math.nan):
        assert failure("int", value)[0] == "InvalidArgument"
    assert failure("int", ())[0] == failure("float", Keyword("a"))[0] == "TypeError"


def test_float_converts_likewise() -> None:
    assert kinds("float", 2, 2.5, " 1e3 ", "-.5", "5.", True, None, False) == [
        *("2.0", "2.5", "1000.0", "-0.5", "5.0", "1.0", "0.0", "0.0")
    ]
    assert kinds("double", "x", "inf", "nan", "1e", "0x1", "1_0", ".") == ["0.0"] * 7
    assert failure("float", 10**400) == ("Overflow", "Overflow in float: integer too large for a float")


def test_parsing_what_is_no_number_gives_nil() -> None:
    assert kinds("parse-int", " -7 ", 7, 7.9, -7.9) == ["-7", "7", "7", "-7"]
    assert kinds("parse-long", "7x", "", "3.7", None, True, math.nan, (), "1 2") == ["nil"] * 8
    assert kinds("parse-float", " 2.5e3 ", "-7", 7, 2.5) == ["2500.0", "-7.0", "7.0", "2.5"]
    assert kinds("parse-double", "x", "", None, False, "1e5x", "infinity") == ["nil"] * 6


def test_booleans_parse_from_two_texts_only() -> None:
    assert kinds("parse-bool", "true", "false", "True", " true", None, 1) == ["true", "false", *["nil"] * 4]
    assert call("parse-boolean", "true") is True


@given(st.one_of(st.integers(), st.integers(-(10**900), 10**900)))
def test_integers_come_back_from_their_text(number: int) -> None:
    assert call("parse-int", integer_text(number)) == call("int", f" {integer_text(number)}\t") == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_come_back_from_their_text(number: float) -> None:
    assert call("parse-float", repr(number)) == call("float", repr(number)) == number


def test_enormous_integers_are_refused() -> None:
    assert failure("parse-int", "9" * 100_000)[0] == failure("int", "9" * 100_000)[0] == "MemoryLimitExceeded"
    token = LIMITS.set(Limits(bits=2000))
    try:
        assert failure("parse-int", integer_text(1 << 2000))[0] == "MemoryLimitExceeded"
        assert call("parse-int", integer_text((1 << 2000) - 1)) == (1 << 2000) - 1
    finally:
        LIMITS.reset(token)


@given(st.characters(exclude_categories=["Cs"]))
def test_characters_come_back_from_their_codes(char: str) -> None:
    assert call("from-char-code", call("char-code", char)) == char


def test_only_characters_have_codes() -> None:
    for code in (-1, 0x110000, 0xD800, 0xDFFF, 10**5000):
        assert failure("from-char-code", code)[0] == "InvalidArgument"
    assert failure("char-code", "")[0] == failure("char-code", "ab")[0] == "InvalidArgument"
    assert failure("char-code", 1)[0] == failure("from-char-code", "a")[0] == "TypeError"


def test_names_stand_after_the_last_slash() -> None:
    assert [call("name", value) for value in (Keyword("x/y/z"), Symbol("s"), "a/b")] == ["z", "s", "a/b"]
    assert [call("namespace", value) for value in (Keyword("x/y/z"), Symbol("s"), "a/b")] == ["x/y", None, None]
    assert (call("name", Symbol("/")), call("namespace", Symbol("/"))) == ("/", None)
    assert failure("name", None)[0] == failure("namespace", 1)[0] == "TypeError"


def test_keywords_and_symbols_are_made_of_text_and_names() -> None:
    assert [call("keyword", value) for value in ("a", Symbol("a"), Keyword("a"))] == [Keyword("a")] * 3
    assert call("keyword", "a", "b") is Keyword("a/b")
    assert call("symbol", Keyword("a"), "b") == Symbol("a/b")
    assert failure("keyword", None) == (
        "TypeError",
        "Type error in keyword: expected string, keyword or symbol, got nil",
    )


def test_a_symbol_stays_the_one_it_is() -> None:
    given_symbol = Symbol("a", "home")
    assert call("symbol", given_symbol) is given_symbol


@pytest.mark.parametrize("text", ["", "a b", ":a", "a/", "/a", "(", '"', "a,b", "a\n"])
def test_text_that_would_not_read_back_is_no_name(text: str) -> None:
    assert failure("keyword", text)[0] == failure("symbol", text)[0] == "InvalidArgument"


@pytest.mark.parametrize("text", ["1", "-1", "nil", "true"])
def test_what_reads_as_another_value_is_no_symbol(text: str) -> None:
    assert failure("symbol", text)[0] == "InvalidArgument"


@given(st.one_of(keywords, symbols))
def test_a_name_is_made_of_its_parts(value: Any) -> None:
    make = "keyword" if type(value) is Keyword else "symbol"
    parts = [call("namespace", value), call("name", value)]
    assert call(make, *[part for part in parts if part is not None]) == value
