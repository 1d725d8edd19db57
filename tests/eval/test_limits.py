"""Sizes before allocation, calls back from C (language.md §15)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rtfs.eval.limits import LIMITS, REENTRIES, check_bits, check_characters, check_elements, reentry
from rtfs.lang.errors import LimitError
from rtfs.lang.limits import Limits

CHECKS = [(check_elements, 2_000_000), (check_characters, 16_777_216), (check_bits, 262_144)]


@pytest.mark.parametrize(("check", "limit"), CHECKS)
def test_the_default_sizes_are_those_of_the_specification(check: Callable[..., None], limit: int) -> None:
    check(limit)
    with pytest.raises(LimitError) as raised:
        check(limit + 1, "thing")
    assert raised.value.kind == "MemoryLimitExceeded"
    assert raised.value.message == f"Memory limit exceeded: thing of {limit + 1} exceeds {limit}"
    assert not raised.value.catchable


@pytest.mark.parametrize(("check", "limit"), CHECKS)
def test_a_size_of_any_magnitude_can_be_refused(check: Callable[..., None], limit: int) -> None:
    with pytest.raises(LimitError) as raised:
        check(1 << 100_000, "thing")
    assert raised.value.message == f"Memory limit exceeded: thing of 2^100000 exceeds {limit}"


def test_a_run_has_limits_of_its_own() -> None:
    token = LIMITS.set(Limits(elements=100, characters=1000, bits=2000))
    try:
        for check, limit in ((check_elements, 100), (check_characters, 1000), (check_bits, 2000)):
            check(limit)
            with pytest.raises(LimitError):
                check(limit + 1)
    finally:
        LIMITS.reset(token)
    check_elements(101)


def nested(depth: int) -> int:
    if depth == 0:
        return 0
    with reentry():
        return 1 + nested(depth - 1)


def test_calls_back_from_c_nest_a_few_hundred_times() -> None:
    assert nested(REENTRIES) == REENTRIES
    with pytest.raises(LimitError) as raised:
        nested(REENTRIES + 1)
    assert raised.value.message == f"Stack overflow: call depth exceeded {REENTRIES}"


def test_calls_back_are_forgotten_when_they_end() -> None:
    for _ in range(3):
        with pytest.raises(ValueError, match="inside"), reentry():
            raise ValueError("inside")
    assert nested(REENTRIES) == REENTRIES


@pytest.mark.parametrize("name", ["steps", "cells", "elements", "characters", "bits", "printed"])
@pytest.mark.parametrize("count", [0, -1, 1.5, "9", True])
def test_a_limit_of_no_positive_number_is_refused(name: str, count: object) -> None:
    expected = "a positive whole number or None" if name in ("steps", "cells") else "a positive whole number"
    with pytest.raises(ValueError, match=rf"^{name} must be {expected}, got {count!r}$"):
        Limits(**{name: count})  # type: ignore[arg-type]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "9", True])
def test_a_time_of_no_positive_number_is_refused(seconds: object) -> None:
    with pytest.raises(ValueError, match=rf"^seconds must be a positive number or None, got {seconds!r}$"):
        Limits(seconds=seconds)  # type: ignore[arg-type]
