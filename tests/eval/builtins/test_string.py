"""Functions of strings, called as compiled code calls them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.limits import LIMITS
from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show

load_topic("string")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
short = st.text("ab ,\n", max_size=12)
parts = st.text("ab ,\n", min_size=1, max_size=3)


def call(name: str, *args: Any) -> Any:
    return BUILTINS[name](*args)


def failure(name: str, *args: Any) -> tuple[str, str]:
    with pytest.raises(RtfsError) as raised:
        BUILTINS[name](*args)
    return raised.value.kind, raised.value.message


@contextmanager
def limited(**sizes: int) -> Iterator[None]:
    token = LIMITS.set(Limits(**sizes))
    try:
        yield
    finally:
        LIMITS.reset(token)


def test_str_joins_texts_and_nil_adds_nothing() -> None:
    assert call("str", "n=", 4, None, Keyword("k"), (1, "a", None)) == 'n=4:k[1 "a" nil]'
    assert call("str") == ""


def test_pr_str_shows_every_argument() -> None:
    assert call("pr-str", "a", None) == '"a" nil'
    assert call("pr-str") == ""


@given(st.lists(st.one_of(texts, st.integers(), st.none()), max_size=5))
def test_str_is_join_without_a_separator(values: list[Any]) -> None:
    assert call("str", *values) == call("join", vector(values)) == call("join", "", List(values))


def test_join_takes_every_sequence() -> None:
    assert call("join", "/", (1, None, Keyword("a"))) == "1//:a"
    assert call("join", "-", "abc") == "a-b-c"
    assert call("string-join", ",", Map.of([(1, 2)])) == "[1 2]"
    assert call("string/join", ",", None) == ""
    assert failure("join", 1, ())[0] == failure("join", ",", 1)[0] == "TypeError"


@given(short, parts)
def test_split_is_undone_by_join(s: str, separator: str) -> None:
    assert call("join", separator, call("split", s, separator)) == s


@given(short, st.one_of(parts, st.just("")), st.integers(1, 6))
def test_split_gives_at_most_the_wanted_parts(s: str, separator: str, most: int) -> None:
    found = call("split", s, separator, most)
    assert len(found) <= most
    assert separator.join(found) == s


def test_split_keeps_empty_parts_and_splits_into_characters() -> None:
    assert call("split", "a::b:", ":") == ("a", "", "b", "")
    assert call("split", "", ":") == ("",)
    assert call("split", "äbc", "") == ("ä", "b", "c")
    assert call("split", "", "") == ()
    assert failure("split", "a", ":", 0)[0] == "InvalidArgument"
    assert failure("split", "a", ":", None)[0] == "TypeError"


def test_lines_ignore_the_final_newline() -> None:
    assert call("lines", "a\n\nb\n") == ("a", "", "b")
    assert call("split-lines", "a\n\n") == ("a", "")
    assert call("string/split-lines", "") == ()


def test_words_stand_between_whitespace() -> None:
    assert call("words", " a\t\u2003b\n") == ("a", "b")
    assert call("words", "  ") == ()


def test_many_parts_make_a_long_vector() -> None:
    assert show(call("split", "x," * 99, ",")) == "[" + '"x" ' * 99 + '""]'
    assert len(call("chars", "é" * 100)) == 100


def test_length_counts_characters_and_elements() -> None:
    assert call("string-length", "añ😀") == 3
    assert [call("length", value) for value in ("ab", (1,), List([1, 2]), Map.of([(1, 2)]))] == [2, 1, 2, 1]
    assert failure("string-length", (1,)) == ("TypeError", "Type error in string-length: expected string, got vector")
    assert failure("length", None)[0] == "TypeError"


@given(texts, st.integers(0, 30), st.integers(0, 30))
def test_substring_takes_what_lies_between(s: str, start: int, end: int) -> None:
    if start <= end <= len(s):
        found = call("substring", s, start, end)
        assert call("str", call("subs", s, 0, start), found, call("subs", s, end)) == s
    else:
        assert failure("substring", s, start, end)[0] == "IndexOutOfBounds"


def test_substring_names_the_index_that_is_wrong() -> None:
    assert failure("substring", "abc", 1, 9)[1] == "Index out of bounds: index 9 is not in range [0, 3)"
    assert failure("substring", "abc", -1)[1] == "Index out of bounds: index -1 is not in range [0, 3)"
    assert failure("substring", "abc", 0, None)[0] == failure("substring", "abc", True)[0] == "TypeError"


def test_index_of_finds_parts_and_elements() -> None:
    assert call("index-of", "hello", "l") == 2
    assert call("index-of", "hello", "l", 4) is None
    assert call("index-of", "hello", "h", -3) == 0
    assert call("index-of", "", "") == 0
    assert call("index-of", "ab", "", 3) is None
    assert call("index-of", (1, 1.0, True, (2,)), (2,)) == 3
    assert call("index-of", List([1, 2, 1]), 1, 1) == 2
    assert call("index-of", (1,), True) is None
    assert failure("index-of", "a", 1)[0] == failure("index-of", None, "a")[0] == "TypeError"


def test_last_index_of_starts_no_later_than_asked() -> None:
    assert call("last-index-of", "hello", "l") == 3
    assert call("last-index-of", "hello", "l", 2) == 2
    assert call("last-index-of", "hello", "l", 1) is None
    assert call("last-index-of", "hello", "h", -1) is None
    assert call("last-index-of", "ab", "") == 2


@given(short, parts)
def test_searches_agree(s: str, part: str) -> None:
    first, last = call("index-of", s, part), call("last-index-of", s, part)
    assert call("includes?", s, part) == (first is not None) == (last is not None)
    assert call("starts-with?", s, part) == (first == 0)
    assert call("ends-with?", s, part) == (last is not None and last == len(s) - len(part))


def test_case_changes() -> None:
    assert call("upper", "straße") == "STRASSE"
    assert call("string/lower-case", "ÄB") == "äb"
    assert call("capitalize", "hELLO wORLD") == "Hello world"
    assert call("capitalize", "") == ""
    assert failure("upper-case", 3) == ("TypeError", "Type error in string-upper: expected string, got integer")


def test_trimming_knows_unicode_whitespace() -> None:
    s = "\u2003 a \n"
    assert call("trim", s) == "a"
    assert call("triml", s) == "a \n"
    assert call("trimr", s) == "\u2003 a"
    assert call("trim-newline", "a \r\n\n") == "a "


@given(texts)
def test_trimming_both_ends_is_trimming_each(s: str) -> None:
    assert call("string-trim", s) == call("trim-left", call("trim-right", s))
    assert call("blank?", s) == (call("trim", s) == "")


def test_nil_is_blank() -> None:
    assert call("blank?", None) is True
    assert failure("blank?", 1)[0] == "TypeError"


def test_replacement_is_literal() -> None:
    assert call("replace", "a.b.c", ".", "-") == "a-b-c"
    assert call("replace-first", "a.b.c", ".", "") == "ab.c"
    assert call("replace", "aaa", "aa", "$1") == "$1a"
    assert failure("replace", "a", "", "b")[0] == failure("replace-first", "a", "", "b")[0] == "InvalidArgument"
    assert failure("replace", "a", "a", None) == ("TypeError", "Type error in replace: expected string, got nil")


@given(short, parts, short)
def test_replacement_is_split_and_join(s: str, old: str, new: str) -> None:
    assert call("string/replace", s, old, new) == call("join", new, call("split", s, old))


@given(texts)
def test_reversing_twice_changes_nothing(s: str) -> None:
    assert call("string/reverse", call("string/reverse", s)) == s


@given(short, st.integers(-2, 5))
def test_repeat_repeats(s: str, n: int) -> None:
    assert call("string/repeat", s, n) == s * n


def test_sizes_are_refused_before_anything_is_built() -> None:
    assert failure("string/repeat", "ab", 10**12)[0] == "MemoryLimitExceeded"
    assert call("string/repeat", "", 10**30) == ""
    big = call("string/repeat", "a", 10_000_000)
    assert failure("str", big, big)[0] == "MemoryLimitExceeded"
    assert failure("join", big, (1, 2, 3))[0] == "MemoryLimitExceeded"
    assert failure("replace", big, "a", "bb")[0] == "MemoryLimitExceeded"


def test_limits_of_the_embedder_hold() -> None:
    with limited(characters=1000, elements=100):
        assert call("str", "a" * 1000) == "a" * 1000
        assert failure("str", "a" * 1000, 1)[0] == "MemoryLimitExceeded"
        assert failure("pr-str", "a" * 999)[0] == "MemoryLimitExceeded"
        assert failure("upper", "ß" * 600)[0] == "MemoryLimitExceeded"
        for name, *rest in (("chars",), ("words",), ("lines",), ("split", " "), ("split", "")):
            assert failure(name, "a \n" * 101, *rest)[0] == "MemoryLimitExceeded"
        assert len(call("split", "a " * 200, " ", 100)) == 100


def test_printing_one_value_has_a_limit() -> None:
    with limited(printed=10):
        assert failure("str", tuple(range(9)))[0] == "OutputLimitExceeded"
        assert call("str", "a" * 99) == "a" * 99


def test_errors_say_which_argument_was_wrong() -> None:
    with pytest.raises(RtfsError) as raised:
        call("replace", "a", "b", 3)
    assert raised.value.operand == ("replace", 2)


def test_every_promised_name_exists() -> None:
    plain = "upper upper-case lower lower-case capitalize trim triml trimr split split-lines join replace replace-first"
    more = "includes? contains? starts-with? ends-with? index-of last-index-of blank? reverse length substring repeat"
    for name in f"{plain} {more}".split():
        assert f"string/{name}" in BUILTINS
    for name in plain.split():
        assert BUILTINS[name] is BUILTINS[f"string/{name}"]


def test_what_is_searched_is_checked_wherever_the_search_starts(agree) -> None:  # type: ignore[no-untyped-def]
    agree('(index-of "a" 0 2) ;=> !TypeError: Type error in index-of: expected string, got integer')
