"""Bit operations."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.registry import BUILTINS, arity_of, load_topic
from rtfs.lang.errors import RtfsError

load_topic("bits")

integers = st.one_of(st.integers(-9, 9), st.integers())


def call(name: str, *args: Any) -> Any:
    return BUILTINS[name](*args)


def failure(name: str, *args: Any) -> tuple[str, str]:
    with pytest.raises(RtfsError) as raised:
        BUILTINS[name](*args)
    return raised.value.kind, raised.value.message


def test_operations_take_any_number_of_integers() -> None:
    assert call("bit-and", 15, 7, 5) == 5
    assert call("bit-or", 1, 2, 4) == 7
    assert call("bit-xor", 7, 2, 1) == 4
    assert call("bit-not", 5) == -6
    assert arity_of("bit-and") == (2, None)


@given(integers, integers)
def test_de_morgan(a: int, b: int) -> None:
    assert call("bit-not", call("bit-and", a, b)) == call("bit-or", call("bit-not", a), call("bit-not", b))


@given(integers, integers)
def test_xor_undoes_itself(a: int, b: int) -> None:
    assert call("bit-xor", call("bit-xor", a, b), b) == a


@given(integers, st.integers(0, 200))
def test_shifts_are_powers_of_two(a: int, n: int) -> None:
    assert call("bit-shift-left", a, n) == a * 2**n
    assert call("bit-shift-right", a, n) == a // 2**n
    assert call("bit-shift-right", call("bit-shift-left", a, n), n) == a


def test_a_shift_is_refused_before_it_is_made() -> None:
    assert failure("bit-shift-left", 1, 262_144)[0] == failure("bit-shift-left", -1, 10**40)[0] == "MemoryLimitExceeded"
    assert call("bit-shift-left", 1, 262_143).bit_length() == 262_144
    assert call("bit-shift-left", 0, 10**40) == 0


def test_a_shift_right_may_be_long() -> None:
    assert (call("bit-shift-right", 5, 10**40), call("bit-shift-right", -5, 10**40)) == (0, -1)


def test_shifts_by_negative_counts_are_invalid() -> None:
    for name in ("bit-shift-left", "bit-shift-right"):
        assert failure(name, 1, -1)[0] == "InvalidArgument"


@pytest.mark.parametrize("wrong", [True, 1.0, None, "1"])
def test_only_integers_have_bits(wrong: Any) -> None:
    for name in ("bit-and", "bit-or", "bit-xor", "bit-shift-left", "bit-shift-right"):
        assert failure(name, 1, wrong)[0] == failure(name, wrong, 1)[0] == "TypeError"
    assert failure("bit-not", wrong)[0] == "TypeError"
