"""The scanner of texts finds the parts of forms where the reader finds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang import scan
from rtfs.lang.printer import show
from rtfs.lang.source import Source, Span
from rtfs.parser.reader import read
from tests.strategies import values

ROOT = Path(__file__).resolve().parents[2]
FILES = [*ROOT.glob("stdlib/*.rtfs"), *ROOT.glob("examples/*.rtfs"), *ROOT.glob("tests/parser/*.rtfs")]

ODD = [
    "(f ; (\n x)",
    "(f #| ) #| ( |# |# x)",
    "(f #_ (g 1) x #_ #_ y z w)",
    '(f \'(a b) `(c ~d ~@e) @k @"t")',
    "(f ^{:a (b)} x ^:k y #(+ % 1))",
    '(f "a)\\"" resource://db/x) (g)',
    "(f 2031-02-03T04:05:06Z x:int com.acme:v1.2/api :a/b ##Inf -5)",
    "{:a [1, 2] :b {:c ()}}",
    "\ufeff#!/usr/bin/env rtfs (\n(f 1)",
    '(日本 (größe 1) "😀" λ)',
]


def check(text: str) -> None:
    """Every collection that the reader finds has its parts where the scanner finds them."""
    source = Source("t", text)
    reading = read(source)
    for form, span, children in reading.spans._places.values():
        if form is reading.forms:
            continue
        begin, end = (source.offset(*at) for at in ((span.line, span.column), (span.end_line, span.end_column)))
        if not children or text[begin] not in "([{" or children[0].text() == "{":  # a map with ~@ inside
            continue
        assert scan.form_end(text, begin) == end
        if children[0].text() == "=>":  # `{x => body}` is read as a list that begins with the arrow
            children = [children[1], children[0], *children[2:]]
        assert [source.span(*part) for part in scan.parts(text, begin)] == list(children)
        inside = source.offset(children[0].line, children[0].column)
        if "#_" not in text:  # what is discarded never runs
            assert scan.around(text, inside) == begin


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_parts_of_a_file_are_those_of_the_reader(path: Path) -> None:
    check(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", ODD)
def test_the_parts_of_odd_texts_are_those_of_the_reader(text: str) -> None:
    check(text)


@given(st.lists(values(), min_size=1, max_size=4))
def test_the_parts_of_printed_values_are_those_of_the_reader(forms: list[object]) -> None:
    check("\n".join(show(form) for form in forms))


@given(st.text("()[]{}\"\\;#|_'`~@^:a1 \n"), st.integers(0, 20))
def test_no_text_breaks_the_scanner(text: str, place: int) -> None:
    place = min(place, max(len(text) - 1, 0))
    if text:
        assert place < scan.form_end(text, place) <= len(text) or text[place] in ")]}" or scan.skip(text, place) > place
        scan.parts(text, place)
        scan.around(text, place)


def test_a_span_knows_its_text() -> None:
    source = Source("t", "(a\r\n  bc)")
    assert Span(source, 2, 3, 2, 5).text() == "bc"
    assert source.span(0, len(source.text)).text() == source.text
    assert source.offset(9, 1) == len(source.text)
