"""The dialect of patterns (language.md §14.3)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang import regex
from rtfs.lang.regex import compile_regex, plain_regex


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"(?P<n>b)(?<m>c)", "abc", "bc"),
        (r"\pL+", "1äλ2", "äλ"),
        (r"(?i)ab", "xAB", "AB"),
        (r"a$", "ba", "a"),
        (r"\Q\C\E", r"x\C", r"\C"),
        (r"\\C", r"\C", r"\C"),
    ],
)
def test_the_dialect_finds(pattern: str, text: str, found: str) -> None:
    assert compile_regex(pattern).search(text).group() == found


@pytest.mark.parametrize(("pattern", "text"), [("a$", "a\n"), (r"\d", "٣"), (r"\w", "ä")])
def test_the_end_is_the_very_end_and_classes_are_ascii(pattern: str, text: str) -> None:
    assert compile_regex(pattern).search(text) is None


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(a", "Invalid regex pattern '(a': missing ): (a"),
        ("(?=a)", "Invalid regex pattern '(?=a)': invalid perl operator: (?="),
        (r"(a)\1", r"Invalid regex pattern '(a)\1': invalid escape sequence: \1"),
        ("a{1001}", "Invalid regex pattern 'a{1001}': invalid repetition size: {1001}"),
        (r"\C", r"Invalid regex pattern '\C': invalid escape sequence: \C"),
        ("a" * 5_000, f"Invalid regex pattern '{'a' * 40}…': 5000 characters, at most 4096 are allowed"),
    ],
)
def test_what_the_dialect_lacks_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        compile_regex(pattern)


def test_few_compiled_patterns_are_kept() -> None:
    for n in range(100):
        compile_regex(f"kept{n}")
    assert len(regex._compiled) <= regex.KEPT
    assert compile_regex("kept99") is compile_regex("kept99")


# ---- plain patterns

PIECES = [
    "a",
    "b",
    "1",
    " ",
    "_",
    "-",
    ".",
    "\\.",
    "\\d",
    "\\w",
    "[a-c]",
    "[^b]",
    "[0-9_]",
    "[.+*]",
    "[^a ]",
    "x",
    "&",
    "/",
]
TEXTS = st.text(alphabet="ab1 _-.\n\t/x&", max_size=30)


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", "", "", "?", "*", "+"])), max_size=5), TEXTS)
def test_a_plain_pattern_finds_what_re2_finds(parts: list[tuple[str, str]], text: str) -> None:
    pattern = "".join(piece + mark for piece, mark in parts)
    plain = plain_regex(pattern)
    assert (plain is not None) == (sum(mark in ("*", "+") for _, mark in parts) <= 1)
    if plain is not None:
        assert [match.span() for match in plain.finditer(text.encode())] == spans(compile_regex(pattern), text)


def spans(regex: Any, text: str) -> list[tuple[int, int]]:
    """All matches that do not overlap, one search after the other."""
    found, at = [], 0
    while at <= len(text):
        match = regex.search(text, at)
        if match is None:
            break
        found.append(match.span())
        at = match.end() + (match.start() == match.end())
    return found


OTHERS = [
    "(a)",
    "a|b",
    "a*b*",
    "a+?",
    "a{2}",
    "^a",
    "a$",
    "\\s",
    "\\b",
    "(?i)a",
    "[[:alpha:]]",
    "[a&&b]",
    "[a--b]",
    "é",
]


@pytest.mark.parametrize("pattern", [*OTHERS, "é", "[\\d]", "a\\Z", "a??", "[]a]", "[z-a]"])
def test_other_patterns_are_for_re2(pattern: str) -> None:
    assert plain_regex(pattern) is None
