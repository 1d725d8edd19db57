"""The function `format`."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.limits import LIMITS
from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword

load_topic("format")


def call(*args: Any) -> str:
    return str(BUILTINS["format"](*args))


def failure(*args: Any) -> tuple[str, str]:
    with pytest.raises(RtfsError) as raised:
        BUILTINS["format"](*args)
    return raised.value.kind, raised.value.message


@pytest.mark.parametrize(
    ("template", "args", "expected"),
    [
        ("%s-%03d", ("x", 7), "x-007"),
        ("100%%", (), "100%"),
        ("%s %s %s", (None, Keyword("a"), ("b", 1)), ' :a ["b" 1]'),
        ("[%5s][%-5s][%.2s]", ("ab", "ab", "abc"), "[   ab][ab   ][ab]"),
        ("%d %+d %5d %-5d| %05d", (-3, 3, 3, 3, -3), "-3 +3     3 3    | -0003"),
        ("%,d %,d %,d", (999, -1000, 1234567), "999 -1,000 1,234,567"),
        ("%f %.0f %.2f %+.1f", (1.5, 2, -3.14159, 0.25), "1.500000 2 -3.14 +0.2"),
        ("%,.2f %08.2f", (1234567.891, -3.5), "1,234,567.89 -0003.50"),
        ("%.3e %e", (12345.678, 0), "1.235e+04 0.000000e+00"),
        ("%x %X %o %b %04x", (255, 255, 8, 5, -10), "ff FF 10 101 -00a"),
        ("%c%c", ("é", 128512), "é😀"),
        ("%f %5e", (float("inf"), float("nan")), "##Inf ##NaN"),
        ("%.1f", (-0.0,), "0.0"),
        ("%.2f", (10**400,), "1" + "0" * 400 + ".00"),
    ],
)
def test_directives(template: str, args: tuple[Any, ...], expected: str) -> None:
    assert call(template, *args) == expected


@pytest.mark.parametrize(
    ("template", "args"),
    [
        ("%d", (1.0,)),
        ("%d", (True,)),
        ("%d", ("1",)),
        ("%f", ("1",)),
        ("%x", (1.5,)),
        ("%c", ("ab",)),
        ("%c", (0xD800,)),
        ("%c", (-1,)),
        ("%s", ()),
        ("%s %s", (1,)),
        ("%q", (1,)),
        ("%", ()),
        ("%5%", ()),
        ("%5", (1,)),
        ("%.d", (1,)),
        ("%.2d", (1,)),
        ("%+s", ("a",)),
        ("%,x", (1,)),
        ("%10001d", (1,)),
        ("%.10001f", (1.0,)),
        ("%" + "9" * 5000 + "d", (1,)),
    ],
)
def test_what_makes_no_sense_is_an_invalid_argument(template: str, args: tuple[Any, ...]) -> None:
    assert failure(template, *args)[0] == "InvalidArgument"


def test_the_message_names_the_directive_and_the_kind() -> None:
    assert failure("a %5d", "x")[1] == "Invalid argument: format directive %5d expects an integer, got string"


def test_the_template_is_a_string() -> None:
    assert failure(None)[0] == failure(1, 2)[0] == "TypeError"


def test_an_integer_too_large_for_an_exponent_overflows() -> None:
    assert failure("%e", 10**400)[0] == "Overflow"


integers = st.one_of(st.integers(), st.integers(-(10**700), 10**700))
widths = st.integers(1, 40)


@given(integers, widths, st.sampled_from(["", "-", "0", "+", "+0", ",", "+,"]))
def test_an_integer_reads_back_whatever_its_flags(number: int, width: int, flags: str) -> None:
    shown = call(f"%{flags}{width}d", number)
    assert len(shown) >= width
    assert int(shown.replace(",", "")) == number


@given(integers)
def test_bases_read_back(number: int) -> None:
    for letter, base in (("x", 16), ("X", 16), ("o", 8), ("b", 2)):
        assert int(call(f"%{letter}", number), base) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_an_exponent_of_17_digits_reads_back(number: float) -> None:
    assert float(call("%.16e", number)) == number


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="%"), max_size=20), st.text("ab%", max_size=5)
)
def test_text_outside_directives_stays(plain: str, value: str) -> None:
    assert call(plain + "%s" + plain + "%%", value) == plain + value + plain + "%"


def test_the_result_has_a_size() -> None:
    token = LIMITS.set(Limits(characters=1000, printed=15))
    try:
        assert failure("%600s%600d", 1, 1)[0] == "MemoryLimitExceeded"
        assert failure("a" * 1001)[0] == "MemoryLimitExceeded"
        assert failure("%s", tuple(range(10)))[0] == "OutputLimitExceeded"
    finally:
        LIMITS.reset(token)
