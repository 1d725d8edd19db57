"""Diagnostics as people and machines read them (experience.md §4)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.collections import Map
from rtfs.lang.diagnostic import as_data, render
from rtfs.lang.errors import NOTHING, ReadError, RtfsError, type_error
from rtfs.lang.names import Keyword
from rtfs.lang.source import Source, Span

WEATHER = Source("weather.rtfs", "\n" * 11 + "    total (+ sum (:temp chunk))\n(defn g []\n  (f 1\n     2))\n")


def span(source: Source, line: int, column: int, end_line: int, end_column: int) -> Span:
    return Span(source, line, column, end_line, end_column)


def failure(where: Span | None, *notes: str, trace: Any = (), subject: Any = NOTHING) -> RtfsError:
    error = type_error("+", "number", "string", notes=notes)
    error.span = where
    error.subject, error.exact = subject, True
    error.trace = list(trace)
    return error


def test_the_documented_example_renders_exactly() -> None:
    place = span(WEATHER, 12, 18, 12, 31)
    error = failure(
        place,
        "called for chunk 7 of stream weather-1",
        "(parse-float (:temp chunk))",
        trace=[("process-reading", place)],
        subject="21.5",
    )
    assert render(error) == (
        "error[RTFS-E403] TypeError: Type error in +: expected number, got string\n"
        "  ┌─ weather.rtfs:12:18\n"
        "12 │     total (+ sum (:temp chunk))\n"
        '   │                  ^^^^^^^^^^^^^ this is "21.5"\n'
        "   = in process-reading, called for chunk 7 of stream weather-1\n"
        "   = hint: (parse-float (:temp chunk))\n"
    )


def test_without_a_span_there_are_header_and_notes_only() -> None:
    error = failure(None, "rule: level pure", "called for chunk 1 of stream s", "did you mean `map`?")
    assert render(error) == (
        "error[RTFS-E403] TypeError: Type error in +: expected number, got string\n"
        "  = rule: level pure\n"
        "  = called for chunk 1 of stream s\n"
        "  = hint: did you mean `map`?\n"
    )


def test_the_chain_of_calls_is_innermost_first_and_counts_repetitions() -> None:
    here, there, top = (span(WEATHER, line, 3, line, 9) for line in (12, 14, 15))
    trace = [("inner", here), *[("again", there)] * 4, (None, top)]
    lines = render(failure(here, trace=trace)).splitlines()[4:]
    assert lines == [
        "   = in inner, called from weather.rtfs:14:3",
        "   = in again, called from weather.rtfs:14:3 (3 times)",
        "   = in again, called from weather.rtfs:15:3",
    ]


def test_a_long_chain_is_cut_in_the_middle() -> None:
    place = span(WEATHER, 12, 5, 12, 10)
    trace = [(f"f{n}", place) for n in range(30)]
    lines = render(failure(place, trace=trace)).splitlines()[4:]
    assert len(lines) == 10
    assert lines[6:8] == ["   = in f6, called from weather.rtfs:12:5", "   = … 21 more calls"]
    assert lines[-1] == "   = in f29"


def test_a_span_over_two_lines_marks_both() -> None:
    assert render(failure(span(WEATHER, 14, 3, 15, 8), subject=5)).splitlines()[1:] == [
        "  ┌─ weather.rtfs:14:3",
        "14 │   (f 1",
        "   │   ^^^^",
        "15 │      2))",
        "   │      ^^ this is 5",
    ]


def test_a_span_over_many_lines_shows_the_first_and_the_last() -> None:
    source = Source("a.rtfs", "(a\n b\n c\n d)")
    assert render(failure(span(source, 1, 1, 4, 4))).splitlines()[1:] == [
        " ┌─ a.rtfs:1:1",
        "1 │ (a",
        "  │ ^^",
        "  ⋮",
        "4 │  d)",
        "  │  ^^",
    ]


@pytest.mark.parametrize(
    ("line", "start", "end", "shown", "carets"),
    [
        ("(f x)", 4, 5, "(f x)", "   ^"),
        ("\t(f\tx)", 5, 6, "    (f  x)", "        ^"),
        ("(日本 x)", 2, 4, "(日本 x)", " ^^^^"),
        ("(日本 x)", 5, 6, "(日本 x)", "      ^"),
        ("(e\u0301 x)", 5, 6, "(e\u0301 x)", "   ^"),
        ("(f \x1b[31m)", 4, 5, "(f �[31m)", "   ^"),
        ("(f", 3, 3, "(f", "  ^"),
        ("(f", 9, 10, "(f", "        ^"),
        ("", 1, 1, "", "^"),
    ],
)
def test_carets_stand_under_the_span(line: str, start: int, end: int, shown: str, carets: str) -> None:
    source = Source("a.rtfs", line + "\n")
    lines = render(failure(span(source, 1, start, 1, end))).splitlines()[2:]
    assert lines == [f"1 │ {shown}".rstrip(), f"  │ {carets}"]


def test_a_very_long_line_is_cut_around_the_span() -> None:
    source = Source("a.rtfs", "x" * 5_000 + "(oops)" + "y" * 5_000)
    shown, carets = render(failure(span(source, 1, 5_001, 1, 5_007))).splitlines()[2:]
    assert len(shown) < 140 and shown.count("…") == 2
    assert shown[carets.index("^") : carets.rindex("^") + 1] == "(oops)"


def test_an_empty_source_has_no_excerpt() -> None:
    assert render(failure(span(Source("lost", ""), 3, 1, 3, 2))).splitlines()[1:] == [" ┌─ lost:3:1"]


def test_what_would_steer_a_terminal_is_escaped() -> None:
    error = RtfsError("ApplicationError", "\x1b[2Jgone\r", notes=("\x07",))
    assert render(error) == "error[RTFS-E409] ApplicationError: \\u{1b}[2Jgone\\u{d}\n  = hint: \\u{7}\n"


def test_several_syntax_errors_are_shown_in_one_go() -> None:
    source = Source("a.rtfs", ")\n]")
    errors = [ReadError(f"unexpected '{char}'", span=span(source, n, 1, n, 2)) for n, char in ((1, ")"), (2, "]"))]
    errors[0].errors = list(errors)
    assert errors[0].rendered() == (
        "error[RTFS-E101] ParseError: unexpected ')'\n ┌─ a.rtfs:1:1\n1 │ )\n  │ ^\n\n"
        "error[RTFS-E101] ParseError: unexpected ']'\n ┌─ a.rtfs:2:1\n2 │ ]\n  │ ^\n"
    )
    assert errors[1].rendered().count("ParseError") == 1


def test_colors_change_nothing_but_colors() -> None:
    import re

    error = failure(span(WEATHER, 12, 18, 12, 31), "a hint", trace=[("f", None)], subject=1)
    colored = render(error, color=True)
    assert colored != render(error)
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == render(error)


def test_the_same_as_data() -> None:
    place = span(WEATHER, 12, 18, 12, 31)
    error = failure(place, "a note", trace=[("f", place), (None, None)], subject="21.5")
    error.data = Map.of([(Keyword("value"), "x")])
    where = {"file": "weather.rtfs", "line": 12, "column": 18, "end_line": 12, "end_column": 31}
    assert as_data(error) == {
        "kind": "TypeError",
        "code": "RTFS-E403",
        "message": "Type error in +: expected number, got string",
        "type": "type-error",
        "span": where,
        "trace": [{"function": "f", "span": where}, {"function": None, "span": None}],
        "notes": ["a note"],
        "value": '"21.5"',
        "data": {"value": "x"},
    }


@given(st.text(), st.integers(1, 30), st.integers(1, 30), st.integers(0, 5), st.integers(1, 30))
def test_no_text_and_no_span_breaks_the_rendering(text: str, line: int, column: int, more: int, end: int) -> None:
    source = Source("a.rtfs", text)
    page = render(failure(span(source, line, column, line + more, end)))
    assert page.startswith("error[") and page.endswith("\n")
