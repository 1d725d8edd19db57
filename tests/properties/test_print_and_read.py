"""Printing and reading back is identity (language.md §2.1)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import rtfs
from rtfs.lang.equality import equal
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import canonical, show
from rtfs.lang.source import Source
from rtfs.lang.spelling import spells_keyword, spells_symbol
from rtfs.parser.reader import read
from tests.strategies import values

SESSION = rtfs.Session(cache=False)
READ, PRINT = SESSION.lookup("read-string"), SESSION.lookup("pr-str")


def read_all(text: str) -> list[Any]:
    return list(read(Source("printed", text)).forms)


@given(values())
def test_what_is_printed_reads_back_as_the_same_value(value: Any) -> None:
    printed = show(value)
    (again,) = read_all(printed)
    assert equal(again, value)
    assert show(again) == printed


@given(values())
def test_a_program_reads_back_what_it_prints(value: Any) -> None:
    again = SESSION.call(READ, SESSION.call(PRINT, value))
    assert equal(again, value)


@given(values())
def test_canonical_text_reads_back_as_an_equal_value(value: Any) -> None:
    (again,) = read_all(canonical(value))
    assert equal(again, value)


@given(st.text("ab/.:v1#&%'@-+éλ²<>", max_size=7))
def test_a_name_spells_a_symbol_or_keyword_exactly_if_it_reads_back(name: str) -> None:
    for kind, spells in ((Symbol, spells_symbol), (Keyword, spells_keyword)):
        try:
            forms = read_all(show(kind(name)))
        except RtfsError:
            forms = []
        reads_back = len(forms) == 1 and type(forms[0]) is kind and forms[0].name == name
        assert spells(name) == reads_back
