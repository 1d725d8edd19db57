"""What the reader takes without tokens, against the same text taken token by token: forms, places, errors."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from rtfs.lang.errors import LimitError, ReadError
from rtfs.lang.printer import show_form
from rtfs.lang.source import Source
from rtfs.parser.automaton import Automaton
from rtfs.parser.reader import read

PIECES = ["(", ")", "[", "]", "{", "}", "#(", "'", "`", "~", "~@", "@", "^", "#_", '"s"', '"a\\n"', '"two\nlines"', '"']
PIECES += [
    "a",
    ":k",
    "1",
    "-2.5",
    "12ab",
    "%",
    "%2",
    "%&",
    "nil",
    "=>",
    "x:int",
    ":",
    "::k",
    "\\c",
    "#{",
    "##Inf",
    "é",
    "λ",
]
PIECES += [
    " ",
    " ",
    " ",
    "\n",
    "\r\n",
    ",",
    "; note\n",
    "#| b #| c |# |#",
    "#|",
    "007",
    "99999999999999999999",
    "(a b)",
]


def outcome(text: str) -> Any:
    """What reading gives: every form with all places in it, or every error with its place."""
    try:
        reading = read(Source("quick.rtfs", text))
    except ReadError as error:
        return [(each.message, each.code, repr(each.span), each.notes) for each in error.errors]
    except LimitError as error:
        return error.message, repr(error.span)
    places = [(repr(span), [repr(child) for child in children]) for _, span, children in reading.spans._places.values()]
    return [show_form(form) for form in reading.forms], places


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example("(" * 499 + ")" * 499)
@example("[" * 502)
@example('(a\n  {:k [1 "s" \'q]}\n  #(+ % %2))\n')
@example("{:a} [1 2) (x")
@example("^{:a 1} (f) #_ (a (b)) {~@x}")
def test_reading_quickly_gives_what_reading_by_tokens_gives(text: str) -> None:
    quick = outcome(text)
    with patch.object(Automaton, "openers", lambda self: None):
        assert quick == outcome(text)
