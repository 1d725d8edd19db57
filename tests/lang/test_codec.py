"""The text in which the host stores values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from rtfs.lang.codec import NotStorable, Unreadable, decode, encode
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.equality import same_key
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.values import ErrorValue
from rtfs.session import read_forms
from tests.strategies import values

read_forms("1")  # reading once before hypothesis looks at the recursion limit


@given(values(with_nan=True))
def test_every_value_reads_back_as_itself(value: Any) -> None:
    assert same_key(decode(encode(value)), value)


@given(values())
def test_the_reader_reads_the_text_as_the_same_value(value: Any) -> None:
    (form,) = read_forms(encode(value))
    assert same_key(form, value) or "%" in encode(value)


@pytest.mark.parametrize("name", ["a b", "", "nil(", "x:y", "a//b", "/a", "a/", "-5x", "true", "+1", "λ", "ä b\n"])
def test_names_that_no_text_could_say_survive(name: str) -> None:
    for value in (Keyword(name), Symbol(name), vector([Keyword(name), Symbol(name), 1])):
        assert same_key(decode(encode(value)), value)


def test_a_list_that_looks_like_the_tag_of_a_name_survives() -> None:
    value = List((Symbol("rtfs/keyword"), "a b"))
    assert decode(encode(value)) == value
    assert decode(encode(List((Symbol("rtfs/list"), value)))) == List((Symbol("rtfs/list"), value))


def test_maps_keep_their_order() -> None:
    value = Map.of([(n * 37 % 101, n) for n in range(101)])
    assert list(decode(encode(value))) == list(value)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = (value,)
    return value


def test_nine_thousand_levels_are_stored_and_more_than_ten_thousand_refused() -> None:
    deep = nested(9_000)
    assert encode(decode(encode(deep))) == encode(deep)
    with pytest.raises(NotStorable) as caught:
        encode(nested(10_001))
    assert caught.value.kind == "a value nested deeper than 10,000"


def test_what_cannot_be_stored_is_named_with_its_path() -> None:
    value = Map.of([(Keyword("a"), vector([1, Map.of([("f", len.__class__)])]))])
    with pytest.raises(NotStorable) as caught:
        encode(value)
    assert (caught.value.path, caught.value.kind) == ((Keyword("a"), 1, "f"), "object")
    with pytest.raises(NotStorable) as caught:
        encode(ErrorValue.of(RtfsError("TypeError", "x")))
    assert (caught.value.path, caught.value.kind) == ((), "error")


def test_a_key_that_cannot_be_stored_is_named() -> None:
    value = Map.holding({Keyword("k"): Map.of([(lambda: 1, 2)])})
    with pytest.raises(NotStorable) as caught:
        encode(value)
    assert caught.value.kind == "a key of kind function"


@pytest.mark.parametrize("text", ["", "(", ")", "[1 2", "{:a}", '"x', "1 2", "[1)", "#<function f>", "{:a 1 :b}", "~x"])
def test_text_that_nobody_wrote_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        decode(text)


def test_whoever_stores_a_value_says_what_stands_for_its_functions_and_errors() -> None:
    functions = [len, max]
    value = vector([Map.of([(max, (len, 1))]), List((Symbol("rtfs/opaque"), 2))])

    def stand_in(function: Any) -> int:
        if function not in functions:
            raise KeyError
        return functions.index(function)

    text = encode(value, stand_in)
    assert text == "[{(rtfs/opaque 1) [(rtfs/opaque 0) 1]} (rtfs/list rtfs/opaque 2)]"
    assert decode(text, functions.__getitem__) == value
    assert decode(encode(len, stand_in), functions.__getitem__) is len
    with pytest.raises(NotStorable) as caught:
        encode(vector([len, Map.of([(Keyword("k"), min)])]), stand_in)
    assert (caught.value.path, caught.value.kind) == ((1, Keyword("k")), "object")


@pytest.mark.parametrize("text", ["(rtfs/opaque 1)", "(rtfs/keyword 1)", '(rtfs/symbol "a" 2)', "(rtfs/symbol nil)"])
def test_a_tag_of_anything_else_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        decode(text)
