"""What is printed reads back as the same value (language.md §2.1)."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.collections import List, Map, vector
from rtfs.lang.equality import equal, same_key
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import canonical, show, show_form
from rtfs.lang.source import Source
from rtfs.parser.reader import read

sys.path.insert(0, str(Path(__file__).parent.parent))
try:
    import strategies
finally:
    sys.path.pop(0)

WEATHER = (Path(__file__).parent / "weather.rtfs").read_text(encoding="utf-8")


def forms(text):
    return read(Source("test", text)).forms


@given(strategies.values())
def test_a_printed_value_reads_as_the_same_value(value):
    (form,) = forms(show(value))
    assert equal(form, value)
    assert show(form) == show(value)


@given(strategies.values(with_nan=True))
def test_a_printed_value_with_nan_reads_as_the_same_key(value):
    (form,) = forms(show(value))
    assert same_key(form, value)


@given(strategies.values())
def test_canonical_text_reads_as_an_equal_value(value):
    (form,) = forms(canonical(value))
    assert equal(form, value)


@given(
    st.lists(strategies.values(), max_size=5), st.sampled_from([" ", "\n", ",\t", " ;x\n", ' #|"|# ', " #_(a {:b 1}) "])
)
def test_any_white_space_separates_printed_values(values, space):
    assert equal(vector(forms(space.join(show(value) for value in values))), vector(values))


@given(st.text())
def test_any_string_reads_back(text):
    assert forms(show(text)) == [text]


@given(st.integers() | st.floats(allow_nan=False))
def test_any_number_reads_back(number):
    (form,) = forms(show(number))
    assert repr(form) == repr(number)


@pytest.mark.parametrize("depth", [1, 499])
@pytest.mark.parametrize(
    "wrap", [lambda x: List((x,)), lambda x: (x,), lambda x: Map.of([(x, x)]), lambda x: Map.of([(1, x)])]
)
def test_values_nested_to_the_limit_read_back(depth, wrap):
    value = Keyword("a")
    for _ in range(depth if wrap(1) != Map.of([(1, 1)]) else min(depth, 10)):
        value = wrap(value)
    (form,) = forms(show(value))
    assert show(form) == show(value)


def kept(form):
    """A form as text that shows everything: repeated keys, metadata, kinds."""
    return show_form(form)


@pytest.mark.parametrize("text", [WEATHER, "{:a 1 :a 2}", "`{~@a :b ~@c}", "^:k ^{:a 1 :a 2} x", "{a => {b => c}}"])
def test_printed_forms_read_as_the_same_forms(text):
    first = forms(text)
    again = forms("\n".join(map(kept, first)))
    assert list(map(kept, again)) == list(map(kept, first))
    assert equal(vector(again), vector(first))


def test_names_read_back_as_they_are():
    for name in ("a/b", "x#", "a'", "a@", "com.x:v1.2/y", "=>", "&", "%&", "/", ".a", "-.5", "<p>"):
        assert forms(show(Symbol(name))) == [Symbol(name)]
        assert forms(show(Keyword(name))) == [Keyword(name)]
