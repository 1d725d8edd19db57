"""String literals (language.md §1.3)."""

from __future__ import annotations

import pytest

from rtfs.lang.errors import LimitError
from rtfs.lang.source import Source
from rtfs.parser import lexer
from rtfs.parser.reader import read

KNOWN = r"the escapes are \n \t \r \\ \" \0 \b \f \/ \uXXXX \u{X…}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('""', ""),
        ('"plum tart"', "plum tart"),
        ('"a\\nb\\tc"', "a\nb\tc"),
        (r'"\n\t\r\\\"\0\b\f\/"', '\n\t\r\\"\0\b\f/'),
        (r'"\u00e9\u{e9}\u{1F600}\u{000041}"', "éé😀A"),
        (r'"\ud83d\ude00"', "😀"),
        (r'"\uD83D\uDE00!"', "😀!"),
        (r'"\\u0041"', "\\u0041"),
        (r'"\012"', "\x0012"),
        (r'"back\\slash\\"', "back\\slash\\"),
        ('"λ ж 漢 😀"', "λ ж 漢 😀"),
        ('"two\nlines\r\n"', "two\nlines\r\n"),
        ('"; no comment #| [ "', "; no comment #| [ "),
        ('"a, \t b"', "a, \t b"),
    ],
)
def test_strings_hold_any_text(only, text, value):
    assert only(text) == value


def test_the_example_counts_three_characters(only):
    assert len(only('"a\\u{e9}\\n"')) == 3


@pytest.mark.parametrize(
    ("escape", "message", "note"),
    [
        ("\\q", "bad escape \\q", KNOWN),
        ("\\x41", "bad escape \\x", "write \\u{…} with the hexadecimal code"),
        ("\\a", "bad escape \\a", "write \\u{7}"),
        ("\\'", "bad escape \\'", "an apostrophe needs no backslash"),
        ("\\d", "bad escape \\d", "a backslash of a regex is written twice: \\\\d"),
        ("\\u12", "bad escape \\u", "four hexadecimal digits follow \\u, or a code in braces: \\u{e9}"),
        ("\\u{}", "bad escape \\u{…}", "between the braces stands a hexadecimal code from 0 to 10FFFF"),
        ("\\u{110000}", "bad escape \\u{…}", "between the braces stands a hexadecimal code from 0 to 10FFFF"),
        ("\\u{xyz}", "bad escape \\u{…}", "between the braces stands a hexadecimal code from 0 to 10FFFF"),
    ],
)
def test_any_other_escape_is_an_error_at_its_place(problems, escape, message, note):
    width = {"\\x41": 2, "\\u12": 2}.get(escape, len(escape))
    assert problems(f'["ab{escape}c"]') == [f"E104 1:5-1:{5 + width} {message} | {note}"]


@pytest.mark.parametrize(
    "half", ["\\ud83d", "\\ude00", "\\u{d83d}", "\\ude00\\ud83d", "\\u{d83d}\\u{de00}", "\\ud83dx"]
)
def test_half_of_a_surrogate_pair_is_an_error(problems, half):
    found = problems(f'"{half}"')
    note = "half of a surrogate pair is no character: write both halves as \\uXXXX\\uXXXX, or \\u{X…}"
    assert found and all(problem.startswith("E104") and problem.endswith(note) for problem in found)


def test_every_bad_escape_of_a_string_is_reported_where_it_stands(problems):
    assert [problem.split(" | ")[0] for problem in problems('"\\q\n  \\w" "\\k"')] == [
        "E104 1:2-1:4 bad escape \\q",
        "E104 2:3-2:5 bad escape \\w",
        "E104 2:8-2:10 bad escape \\k",
    ]


@pytest.mark.parametrize("text", ['"abc', '"', '"abc\\"', '"a\n b', '"\\q', '(a "b)'])
def test_an_unterminated_string_is_reported_at_its_beginning(problems, text):
    column = text.index('"') + 1
    note = f"it begins at 1:{column}"
    assert problems(text) == [f"E102 1:{column}-1:{column + 1} unterminated string | {note}"]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("\\a", 'a character is a string of length 1: write "a"'),
        ("\\newline", 'a character is a string of length 1: write "\\n"'),
        ("\\(", 'a character is a string of length 1: write "("'),
        ('\\"', 'a character is a string of length 1: write "\\""'),
        ("\\u0041", 'a character is a string of length 1: write "a"'),
    ],
)
def test_there_are_no_characters(problems, text, note):
    name = text[1:]
    assert problems(text) == [f"E107 1:1-1:{len(text) + 1} unsupported character literal \\{name} | {note}"]


def test_a_backslash_alone_is_an_error(problems):
    assert problems("(a \\ b)") == ["E101 1:4-1:5 unexpected '\\'"]


def test_there_are_no_regex_literals(problems):
    note = 'a regex is a string whose backslashes are doubled, as in "\\\\d+"'
    assert problems('(re-find #"\\d+\n" x)') == [f'E107 1:10-1:12 unsupported regex literal #"…" | {note}']


def test_a_string_of_too_many_characters_is_beyond_the_memory_limit(monkeypatch):
    monkeypatch.setattr(lexer, "CHARACTERS", 5)
    assert read(Source("test", '"abcde"')).forms == ["abcde"]
    for text in ('"abcdef"', '"abcde\\n"', '"abc\n\n\n"'):
        with pytest.raises(LimitError) as caught:
            read(Source("test", text))
        assert caught.value.message == "Memory limit exceeded: string of 6 exceeds 5"
        assert caught.value.span.line == 1
