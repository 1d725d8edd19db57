"""Whatever the text, reading ends soon with forms or with an error of the language."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.errors import LimitError, ReadError
from rtfs.lang.printer import show_form
from rtfs.lang.source import Source
from rtfs.parser.reader import incomplete, read
from tests.strategies import examples

ALPHABET = '()[]{}""\'`~@^#_%&:;|\\/.,+-=>!?*$<\n\r\t\f eExXunvVT0159azZλЖ\u00a0\ufeff\u2028\0\u0301😀²\ud800'
TOKENS = r"""
    ( ) [ ] { } #( #_ #| |# #{ #" ' ` ~ ~@ @ ^ ^:k ## # : :: :k x nil true % %1 %& & => / λ ; \ " \n \u{ \ud83d
    \ud83d\ude00 12 1.5 1e5 1e999 .5 5. 0x1F 007 -5 +a ##Inf ##NaN #inst #? #! resource:// resource://a a/b a//b
    com.acme:v1.2/api x:int x# x#y 2031-02-03T04:05:06Z 2031-02-30T00:00:00Z 0f8fad5b-d9cb-469f-a165-70867728950e
"""
PIECES = [*TOKENS.split(), " ", "\n", ",", '"a"', "\ufeff", "#!x\n", "9" * 700]
ROOT = Path(__file__).parent.parent.parent
SOURCES = [
    path.read_text(encoding="utf-8")
    for folder in ("tests", "stdlib", "examples")
    for path in sorted((ROOT / folder).rglob("*.rtfs"))
]


def outcome(text: str) -> list[str] | None:
    """The forms as text, or None. Checks what holds of every reading, right or wrong."""
    lines = text.split("\n")
    try:
        reading = read(Source("fuzz", text))
    except ReadError as error:
        assert error.errors[0] is error and 1 <= len(error.errors) <= 20
        places = []
        for each in error.errors:
            span = each.span
            assert span is not None and each.message and each.code.startswith("RTFS-E10")
            assert 1 <= span.line <= span.end_line <= len(lines)
            assert 1 <= span.column <= len(lines[span.line - 1]) + 1
            assert (span.line, span.column) <= (span.end_line, span.end_column)
            places.append((span.line, span.column))
        assert places == sorted(places)
        incomplete(text)
        return None
    except LimitError as error:
        assert error.kind == "MemoryLimitExceeded" and error.span is not None
        return None
    assert not incomplete(text)
    return [show_form(form) for form in reading.forms]


@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_a_text_read_twice_has_the_same_errors(pieces):
    def told(text):
        try:
            return [show_form(form) for form in read(Source("fuzz", text)).forms]
        except ReadError as error:
            return [(repr(each.span), each.code, each.message, each.notes) for each in error.errors]
        except LimitError as error:
            return [repr(error.span), error.message]

    text = " ".join(pieces)
    assert told(text) == told(text)


@examples(400)
@given(st.text(ALPHABET, max_size=60))
def test_any_text_reads_or_is_an_error(text):
    outcome(text)


@examples(400)
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_any_sequence_of_tokens_reads_or_is_an_error(pieces):
    outcome("".join(pieces))
    outcome(" ".join(pieces))


@given(st.text(max_size=100))
def test_any_unicode_reads_or_is_an_error(text):
    outcome(text)


@examples(200)
@given(st.sampled_from(SOURCES), st.randoms(use_true_random=False), st.integers(1, 6))
def test_a_damaged_source_reads_or_is_an_error(source, rng, times):
    begin = rng.randrange(len(source) + 1)
    text = source[begin : begin + 1500]
    for _ in range(times):
        text = damaged(text, rng)
    outcome(text)


def damaged(text: str, rng: random.Random) -> str:
    """A piece of the text is dropped, doubled, moved or replaced."""
    start = rng.randrange(len(text) + 1)
    end = min(len(text), start + rng.choice((0, 1, 1, 2, 5, 20)))
    piece = text[start:end]
    match rng.randrange(4):
        case 0:
            return text[:start] + text[end:]
        case 1:
            return text[:end] + piece + text[end:]
        case 2:
            return text[:start] + rng.choice(PIECES) + text[end:]
        case _:
            rest = text[:start] + text[end:]
            at = rng.randrange(len(rest) + 1)
            return rest[:at] + piece + rest[at:]


@given(st.lists(st.sampled_from([piece for piece in PIECES if piece != ":"]), max_size=30))
def test_forms_that_were_read_print_as_text_that_reads_the_same(pieces):
    printed = outcome(" ".join(pieces))
    if printed is not None:
        assert outcome("\n".join(printed)) == printed


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.integers(0, 200))
def test_the_beginning_of_a_right_text_is_whole_or_incomplete_at_every_line(pieces, cut):
    text = "\n".join(pieces)
    if outcome(text) is None:
        return
    beginning = "\n".join([*text.split("\n")[: cut % (len(pieces) + 1)], ""])  # the line has ended
    if outcome(beginning) is None:
        assert incomplete(beginning)


# What is repeated, what stands before it and what behind.
HOSTILE = [
    ('"', "", ""),
    ('\\"', '"', ""),
    ('"\\q"', "", ""),
    ("{", "", ""),
    ("@", "", ""),
    ("~@", "", ""),
    ("#(", "", ""),
    ("^{", "", ""),
    ("(] ", "", ""),
    ("1x ", "", ""),
    (" ", "", ""),
    ("\n", "", ""),
    (";", "", ""),
    ("\\n", '"', ""),
    ("a", '"', ""),
    ("#|", "", ""),
    ("#| |#", "", ""),
    ('"\\n"', "", ""),
    ("x : ", "", ""),
    ("a", "", ""),
    ("a:", "", ""),
    (":v1/", "a", ""),
    ("a/", "", ""),
    ("0", "1.", "x"),
    ("'", "", ""),
    ("(", "", ""),
    (")", "", ""),
    ("[]", "", ""),
    ("()", "(" * 499, ")" * 499),
    ("^:a", "", ""),
    ("#_", "", ""),
    ("#_a ", "", ""),
    ("0", "\\u{", ""),
    ("0", '"\\u{', '41}"'),
    ("\u00a0", "", ""),
    ("`{~@a}", "", ""),
    ("{~@a}", "", ""),
    ("#(%)", "", ""),
    ("%", "", ""),
    ("{:a 1}", "{1 ", "}"),
]


def seconds(text: str) -> float:
    begin = time.process_time()
    with contextlib.suppress(ReadError, LimitError):
        read(Source("fuzz", text))
    return time.process_time() - begin


@pytest.mark.parametrize(("unit", "before", "behind"), HOSTILE)
def test_reading_takes_time_in_proportion_to_the_text(unit, before, behind):
    short, long = (before + unit * (size // len(unit)) + behind for size in (10_000, 100_000))
    first = seconds(short)
    assert min(seconds(long), seconds(long)) < 40 * first + 0.1
