"""Regular expressions."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.eval.limits import LIMITS
from rtfs.eval.machine import RUN
from rtfs.eval.registry import BUILTINS, load_topic
from rtfs.lang.errors import LimitError, RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.signal import FLAG

load_topic("regex")

texts = st.text("abé1 ,\n$\\.", max_size=20)
# patterns for which RE2 and Python's re agree
patterns = st.sampled_from(
    ["a", "a+", "a*", "a|b", "(a)(b)?", "[^a]", "é*", ",\\s*", "\\b", "a*?", "(?:ab)*", "", "(?m)^", "$"]
)


def call(name: str, *args: Any) -> Any:
    return BUILTINS[name](*args)


def failure(name: str, *args: Any) -> tuple[str, str]:
    with pytest.raises(RtfsError) as raised:
        BUILTINS[name](*args)
    return raised.value.kind, raised.value.message


def test_re_matches_needs_the_whole_text() -> None:
    assert call("re-matches", "[a-z]+", "abc") == "abc"
    assert call("re-matches", "[a-z]+", "abc1") is None
    assert call("re-matches", "a|ab", "ab") == "ab"


def test_re_find_gives_the_first_match() -> None:
    assert call("re-find", "[0-9]+", "é12b3") == "12"
    assert call("re-find", "z+", "abc") is None


def test_re_groups_gives_nil_for_unused_groups() -> None:
    assert call("re-groups", "(a)|(b)", "xb") == ("b", None, "b")
    assert call("re-groups", "(?<y>[0-9]+)-(?P<m>[0-9]+)", "on 2024-05") == ("2024-05", "2024", "05")
    assert call("re-groups", "q", "abc") is None


def test_re_seq_gives_all_texts() -> None:
    assert call("re-seq", "\\pL+", "äb, cd") == ("äb", "cd")
    assert call("re-seq", "(a)b", "abab") == ("ab", "ab")
    assert call("re-seq", "q", "abc") == ()
    assert call("re-seq", "", "é") == ("", "")


def test_an_empty_match_is_found_once() -> None:
    assert call("re-replace", "\\b", " ab é", "|") == " |ab| é"
    assert call("re-replace", "$", "é", "!") == "é!"


@given(patterns.filter(lambda pattern: pattern not in ("$", "\\b", "a*?")), texts)
def test_matches_are_those_of_other_engines(pattern: str, s: str) -> None:
    expected = [found.group() for found in re.finditer(pattern, s, re.ASCII)]
    assert list(call("re-seq", pattern, s)) == expected
    assert call("re-find", pattern, s) == (expected[0] if expected else None)


def test_re_replace_knows_groups_and_dollars() -> None:
    assert call("re-replace", "(a)|(b)", "abc", "[$1$2$0$$]") == "[aa$][bb$]c"
    assert call("re-replace", "(\\w)=(\\w)", "a=1 é b=2", "$2:$1") == "1:a é 2:b"
    assert call("re-replace", "a", "a", "$x$") == "$x$"
    assert call("re-replace", "a", "aa", "\\1") == "\\1\\1"
    assert failure("re-replace", "(a)", "a", "$2")[0] == "InvalidArgument"


@given(patterns, texts)
def test_replacing_a_match_by_itself_changes_nothing(pattern: str, s: str) -> None:
    assert call("re-replace", pattern, s, "$0") == s


@given(texts, texts)
def test_a_quoted_text_matches_only_itself(s: str, other: str) -> None:
    assert call("re-matches", call("re-quote", s), s) == s
    assert call("re-matches", call("re-quote", s), other) == (other if s == other else None)


@given(texts)
def test_a_quoted_dollar_replaces_literally(s: str) -> None:
    assert call("re-replace", "x", "axb", s.replace("$", "$$")) == f"a{s}b"


def test_re_split_keeps_empty_parts() -> None:
    assert call("re-split", ",\\s*", "a, é,,c,") == ("a", "é", "", "c", "")
    assert call("re-split", "(,)", "a,b") == ("a", "b")
    assert call("re-split", ",", "a,b,c", 2) == ("a", "b,c")
    assert call("re-split", ",", "a,b", 1) == ("a,b",)
    assert call("re-split", ",", "") == ("",)


def test_an_empty_match_splits_between_characters() -> None:
    assert call("re-split", "", "aéc") == ("a", "é", "c")
    assert call("re-split", "x*", "axxb") == ("a", "b")


@given(st.text("ab,é", max_size=20))
def test_re_split_by_a_literal_is_split(s: str) -> None:
    assert call("re-split", ",", s) == BUILTINS["split"](s, ",")


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "a**", "(?=a)", "(?<!a)b", "(a)\\1", "a{1001}", "\\Z", "\\C", "a\\\\\\C", "(?>a)"]
)
def test_what_the_dialect_lacks_is_an_invalid_argument(pattern: str, capfd: pytest.CaptureFixture[str]) -> None:
    kind, message = failure("re-find", pattern, "a")
    assert kind == "InvalidArgument"
    assert message.startswith(f"Invalid argument: Invalid regex pattern '{pattern}': ")
    assert capfd.readouterr().err == ""


def test_escaped_backslashes_before_c_are_no_escape() -> None:
    assert call("re-find", "\\\\C", "a\\C") == "\\C"
    assert call("re-find", "\\Q\\C\\E", "a\\C") == "\\C"


def test_a_long_pattern_is_refused() -> None:
    assert call("re-find", "a" * 4096, "") is None
    assert failure("re-find", "a" * 4097, "")[0] == "InvalidArgument"


def test_classes_are_ascii_and_the_end_is_the_very_end() -> None:
    assert call("re-find", "\\d", "٣") is None
    assert call("re-matches", "\\w", "é") is None
    assert call("re-find", "a$", "a\n") is None
    assert call("re-find", "(?m)a$", "a\n") == "a"
    assert call("re-find", "(?i)É", "é") == "é"
    assert call("re-find", "(?s)a.", "a\n") == "a\n"


def test_nested_repetition_takes_linear_time() -> None:
    assert call("re-matches", "(a+)+b", "a" * 100_000) is None


def test_other_kinds_are_refused() -> None:
    for name in ("re-find", "re-matches", "re-seq", "re-groups", "re-split"):
        assert failure(name, 1, "a")[0] == failure(name, "a", None)[0] == "TypeError"
    assert failure("re-replace", "a", "a", None)[0] == failure("re-quote", None)[0] == "TypeError"
    assert failure("re-split", ",", "a", 0)[0] == "InvalidArgument"


def test_results_have_a_size() -> None:
    token = LIMITS.set(Limits(characters=1000, elements=100))
    try:
        for name in ("re-seq", "re-split"):
            assert failure(name, "a", "a" * 101)[0] == "MemoryLimitExceeded"
        assert call("re-replace", "a", "a" * 500, "bb") == "b" * 1000
        assert failure("re-replace", "a", "a" * 501, "bb")[0] == "MemoryLimitExceeded"
        assert failure("re-replace", "^", "a" * 600, "b" * 600)[0] == "MemoryLimitExceeded"
        assert failure("re-quote", "." * 501)[0] == "MemoryLimitExceeded"
    finally:
        LIMITS.reset(token)


def test_a_long_search_can_be_interrupted() -> None:
    class Told:
        def poll(self) -> None:
            raise LimitError("Cancelled", "Cancelled")

    token = RUN.set(cast(Any, Told()))
    FLAG.append(None)
    try:
        assert failure("re-seq", "a", "a")[0] == "Cancelled"
    finally:
        FLAG.remove(None)
        RUN.reset(token)
