"""One report lists everything that is wrong with a text (language.md §8.4)."""

from __future__ import annotations

import pytest

from rtfs.lang.errors import ReadError
from rtfs.lang.source import Source
from rtfs.parser.reader import read


def test_several_errors_are_reported_at_once_in_the_order_of_the_text(problems):
    text = '(let [x 12ab\n      y "\\q"]\n  {:a}\n  #{1})\n)\n::z ("'
    assert [problem.split(" | ")[0] for problem in problems(text)] == [
        "E103 1:9-1:13 bad number 12ab",
        "E104 2:10-2:12 bad escape \\q",
        "E105 3:3-3:7 map literal with an odd count",
        "E107 4:3-4:5 unsupported set literal #{…}",
        "E101 5:1-5:2 unexpected ')'",
        "E107 6:1-6:4 unsupported keyword ::z",
        "E102 6:6-6:7 unterminated string",
    ]


def test_the_first_error_is_raised_and_carries_all():
    with pytest.raises(ReadError) as caught:
        read(Source("test", ") ]"))
    assert caught.value.message == "unexpected ')'"
    assert [error.message for error in caught.value.errors] == ["unexpected ')'", "unexpected ']'"]
    assert caught.value.kind == "ParseError" and not caught.value.base
    assert caught.value.__cause__ is None and caught.value.__context__ is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (")", ["E101 1:1-1:2 unexpected ')' | nothing is open here"]),
        ("(* 4 4))", ["E101 1:8-1:9 unexpected ')' | nothing is open here"]),
        (
            "(a) ] (b) }",
            [
                "E101 1:5-1:6 unexpected ']' | nothing is open here",
                "E101 1:11-1:12 unexpected '}' | nothing is open here",
            ],
        ),
        ("(a ] b)", ["E101 1:4-1:5 unexpected ']' | '(' of 1:1 waits for ')'"]),
    ],
)
def test_a_bracket_that_closes_nothing_is_dropped(problems, text, expected):
    assert problems(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(f [x (g y))", ["E101 1:12-1:13 unexpected ')' | '[' of 1:4 waits for ']'"]),
        ("[(a]", ["E101 1:4-1:5 unexpected ']' | '(' of 1:2 waits for ')'"]),
        ("(a {:b [c) d", ["E101 1:10-1:11 unexpected ')' | '[' of 1:8 waits for ']'"]),
        ("#(a [b)", ["E101 1:7-1:8 unexpected ')' | '[' of 1:5 waits for ']'"]),
    ],
)
def test_a_bracket_that_closes_an_outer_collection_closes_the_inner_ones_too(problems, text, expected):
    assert problems(text) == expected


def test_a_prefix_without_a_form_does_not_spoil_what_follows(problems):
    assert problems("[(') #]") == [
        "E101 1:3-1:4 a form must follow '",
        "E101 1:6-1:7 unexpected '#' | `#` begins #( … ), #_ and #| … |#",
    ]
    assert problems("[`~@] {'}") == ["E101 1:3-1:5 a form must follow ~@", "E101 1:8-1:9 a form must follow '"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1 2", "E102 1:1-1:2 unterminated vector | '[' of 1:1 waits for ']'"),
        ("(a\n {:b", "E102 2:2-2:3 unterminated map | '{' of 2:2 waits for '}' | '(' of 1:1 waits for ')'"),
        ("#(a", "E102 1:1-1:3 unterminated anonymous function | '#(' of 1:1 waits for ')'"),
        ("(a '", "E102 1:4-1:5 a form must follow ' | '(' of 1:1 waits for ')'"),
        (
            "((((( a",
            "E102 1:5-1:6 unterminated list | '(' of 1:5 waits for ')' | '(' of 1:4 waits for ')' | "
            "'(' of 1:3 waits for ')' | and 2 more are open, the first since 1:1",
        ),
    ],
)
def test_an_unterminated_collection_is_reported_where_it_was_opened(problems, text, expected):
    assert problems(text) == [expected]


def test_a_form_in_the_first_column_tells_where_a_bracket_is_lost(problems):
    text = "(defn a [x]\n  (f x)\n\n(defn b [y]\n  (g y))\n\n(defn c [])\n"
    note = "a form begins in the first column of line 4: is a bracket missing before it?"
    assert problems(text) == [f"E102 1:1-1:2 unterminated list | '(' of 1:1 waits for ')' | {note}"]


def test_an_unterminated_string_is_not_also_an_unterminated_collection(problems):
    assert [problem.split(" | ")[0] for problem in problems('(a "b)')] == ["E102 1:4-1:5 unterminated string"]


def test_a_report_ends_after_20_errors(problems):
    assert len(problems(")" * 19)) == 19
    assert len(problems(")" * 1000)) == 20
    assert len(problems("1a " * 1000)) == 20


def test_errors_of_a_later_form_do_not_hide_those_of_an_earlier_one(problems):
    codes = [problem[:4] for problem in problems("{:a} (12ab {:b}) {:c}")]
    assert codes == ["E105", "E103", "E105", "E105"]
