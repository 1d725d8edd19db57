"""Could more lines complete a text? (experience.md §3: the prompt goes on until a form is whole.)"""

from __future__ import annotations

import pytest

from rtfs.parser.reader import incomplete


@pytest.mark.parametrize(
    "text",
    [
        "(",
        "[1 2",
        "{:a",
        "{:a 1",
        '"abc',
        "#| x",
        "#|#||#",
        "'",
        "(a '",
        "`(~",
        "#_",
        "^:k",
        "^",
        "@",
        "(fn [x :",
        "#(f %",
        '"a\\',
        "(a ; )",
        "{p =>",
    ],
)
def test_a_text_that_ends_too_early_is_incomplete(text):
    assert incomplete(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1",
        "(a)",
        "a b c",
        "; x",
        ")",
        "(a]",
        "(a ))",
        "12ab (",
        "{:a}",
        "(a \\q",
        "#{1",
        "::x (",
        "'" * 501,
        "9" * 90_000,
    ],
)
def test_a_text_that_is_whole_or_cannot_become_right_is_not(text):
    assert not incomplete(text)
