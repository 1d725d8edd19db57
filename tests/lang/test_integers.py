"""Integers of any size as text, whatever the process allows `int(text)`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.errors import LimitError
from rtfs.lang.integers import integer_text, parse_integer


@pytest.fixture(autouse=True, scope="module")
def smallest_limit_of_the_process() -> Iterator[None]:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    yield
    sys.set_int_max_str_digits(before)


@given(st.one_of(st.integers(), st.integers(-(1 << 9000), 1 << 9000)))
def test_text_and_back_is_the_same_integer(number: int) -> None:
    assert parse_integer(integer_text(number)) == number


@pytest.mark.parametrize("power", [599, 600, 601, 1199, 1200, 1201, 2400, 78_913])
def test_powers_of_ten_keep_their_zeros(power: int) -> None:
    assert integer_text(10**power) == "1" + "0" * power
    assert integer_text(-(10**power) + 1) == "-" + "9" * power
    assert parse_integer("1" + "0" * power) == 10**power


def test_signs_and_leading_zeros_are_read() -> None:
    zeros = "0" * 100_000
    assert [parse_integer(t) for t in ("+7", "-007", zeros + "5", "-" + zeros + "5")] == [7, -7, 5, -5]


def test_the_largest_integer_is_read_and_the_next_bit_is_too_much() -> None:
    largest = (1 << 262_144) - 1
    assert parse_integer(integer_text(largest)) == largest
    with pytest.raises(LimitError, match=r"^Memory limit exceeded: integer bits of 262145 exceeds 262144$"):
        parse_integer(integer_text(largest + 1))


def test_absurdly_many_digits_are_refused_without_converting_them() -> None:
    with pytest.raises(LimitError, match=r"^Memory limit exceeded: integer bits of"):
        parse_integer("9" * 10_000_000)
