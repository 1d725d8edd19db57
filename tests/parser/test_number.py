"""Number literals (language.md §1.2)."""

from __future__ import annotations

import sys

import pytest

from rtfs.lang.errors import LimitError
from rtfs.lang.source import Source
from rtfs.parser.reader import read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("+8", 8),
        ("-12", -12),
        ("-0", 0),
        ("9223372036854775806", 9223372036854775806),
        ("99999999999999999999", 99999999999999999999),
        ("-170141183460469231731687303715884105729", -170141183460469231731687303715884105729),
    ],
)
def test_integers_have_any_size_and_leading_zeros(only, text, value):
    assert type(only(text)) is int and only(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2.75", 2.75),
        ("-0.0", -0.0),
        ("+1.50", 1.5),
        ("6.5e2", 650.0),
        ("2.5E-3", 0.0025),
        ("1e5", 100000.0),
        ("1e20", 1e20),
        ("1E+2", 100.0),
        ("00.5", 0.5),
        ("1e-400", 0.0),
        ("1e400", float("inf")),
        ("##Inf", float("inf")),
        ("##-Inf", float("-inf")),
    ],
)
def test_a_point_or_an_exponent_makes_a_float(only, text, value):
    assert type(only(text)) is float and repr(only(text)) == repr(value)


def test_not_a_number_has_a_literal(only):
    assert type(only("##NaN")) is float and only("##NaN") != only("##NaN")


def test_a_sign_belongs_to_a_number_only_when_digits_follow_at_once(shown):
    assert shown("-5") == "-5"
    assert shown("- 5") == "- 5"
    assert shown("(+ 1 -2) (+1) +a -a -.5 - +") == "(+ 1 -2) (1) +a -a -.5 - +"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("12ab", "a name cannot start with a digit"),
        (".5", "digits must stand before the point: write 0.5"),
        (".5e3", "digits must stand before the point: write 0.5e3"),
        ("5.", "digits must follow the point: write 5.0"),
        ("-5.", "digits must follow the point: write -5.0"),
        ("1/2", "there are no fractions: write a division, as in (/ 1 2)"),
        ("0x1F", "numbers are written in decimal digits"),
        ("0b101", "numbers are written in decimal digits"),
        ("16rFF", "numbers are written in decimal digits"),
        ("1_000", "digits are written without separators"),
        ("3N", "integers have any size: leave the suffix out"),
        ("1.5M", "leave the suffix out"),
        ("2031-02-03", "a timestamp has a time as well: write 2031-02-03T00:00:00Z"),
        ("5:int", "put a space before the colon"),
        ("1.2.3", "a name cannot start with a digit"),
        ("1e", "a name cannot start with a digit"),
        ("1e5.0", "a name cannot start with a digit"),
        ("+1a", "a name cannot start with a digit"),
        ("١", None),
    ],
)
def test_what_is_no_number_is_told_how_to_be_written(problems, text, note):
    expected = f"E103 1:1-1:{len(text) + 1} bad number {text} | {note}"
    if note is None:
        expected = f"E101 1:1-1:2 bad symbol {text} | a name cannot contain `{text}` (U+0661)"
    assert problems(text) == [expected]


def test_other_special_floats_are_an_error(problems):
    assert problems("##Infinity") == ["E103 1:1-1:11 bad literal ##Infinity | write ##Inf, ##-Inf or ##NaN"]


def test_an_integer_may_have_262144_bits(only):
    largest = (1 << 262_144) - 1
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    text = str(largest)
    sys.set_int_max_str_digits(limit)
    assert only(text) == largest
    assert only("-000" + text) == -largest


def test_a_larger_integer_is_beyond_the_memory_limit():
    with pytest.raises(LimitError, match="Memory limit exceeded: integer") as caught:
        read(Source("test", "\n [1 " + "9" * 80_000 + "]"))
    assert caught.value.kind == "MemoryLimitExceeded"
    assert repr(caught.value.span) == "test:2:5-2:80005"


def test_the_size_of_integers_does_not_depend_on_the_limit_of_the_process(only):
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        assert only("1" + "0" * 5_000) == 10**5_000
    finally:
        sys.set_int_max_str_digits(limit)


def test_a_float_may_have_many_digits(only):
    assert only("0." + "3" * 100_000) == 1 / 3
