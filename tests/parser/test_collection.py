"""Vectors, lists and maps (language.md §1.6)."""

from __future__ import annotations

import pytest

from rtfs.lang.collections import SMALL, List, Map, PVector
from rtfs.lang.errors import LimitError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source
from rtfs.parser import form as rules
from rtfs.parser.reader import read

A, B = Keyword("a"), Keyword("b")


def test_lists_vectors_and_maps(only):
    assert only("(a 1)") == List((Symbol("a"), 1)) and type(only("(a 1)")) is List
    assert only("[a 1]") == (Symbol("a"), 1) and type(only("[a 1]")) is tuple
    assert only("{:a 1}") == Map.of([(A, 1)]) and type(only("{:a 1}")) is Map


def test_empty_collections(only):
    assert type(only("()")) is List and len(only("()")) == 0
    assert only("[]") == () and type(only("[]")) is tuple
    assert type(only("{}")) is Map and len(only("{}")) == 0


def test_a_vector_of_more_than_64_forms_is_a_persistent_one(only):
    assert type(only("[" + "1 " * SMALL + "]")) is tuple
    long = only("[" + "1 " * (SMALL + 1) + "]")
    assert type(long) is PVector and len(long) == SMALL + 1


def test_long_lists_and_maps(only):
    assert len(only("(" + "x " * 1000 + ")")) == 1000
    form = only("{" + " ".join(f":k{n} {n}" for n in range(500)) + "}")
    assert form.pairs is None and [value for _, value in form.entries()] == list(range(500))


def test_examples(shown):
    assert shown("'(a [b] {:c d})") == "(quote (a [b] {:c d}))"
    assert shown("() '() (quote x)") == "() (quote ()) (quote x)"
    assert shown("'{x => y} '{x => y z}") == "(quote (=> x y)) (quote {x => y z})"
    assert shown('["q" :w nil true 2.5]') == '["q" :w nil true 2.5]'


# ---- maps


def test_a_map_keeps_the_order_of_its_keys(shown):
    assert shown('{:b 1 :a 2 "c" 3 4 4 nil 5}') == '{:b 1 :a 2 "c" 3 4 4 nil 5}'


def test_keys_of_different_kinds_are_different(only):
    form = only("{1 :i 1.0 :f true :b}")
    assert form.pairs is None and len(form) == 3


def test_a_repeated_key_keeps_every_pair_and_the_later_value(shown, only):
    form = only("{:a 1 :b 2 :a 3}")
    assert form.pairs == ((A, 1), (B, 2), (A, 3))
    assert form == Map.of([(A, 3), (B, 2)])
    assert shown("{(call :k) 1 (call :k) 2}") == "{(call :k) 1 (call :k) 2}"


def test_a_map_without_repeated_keys_has_no_pairs_of_its_own(only):
    assert only("{:a 1 :b 2}").pairs is None


@pytest.mark.parametrize(("text", "at"), [("{:lonely}", "1:2"), ("{:a 1 :b}", "1:7"), ("{a\n b\n c}", "3:2")])
def test_a_map_of_an_odd_count_is_an_error(problems, text, at):
    (problem,) = problems(text)
    assert problem.startswith("E105 1:1-")
    assert problem.endswith(f"map literal with an odd count | the last key, at {at}, has no value")


def test_a_map_whose_forms_are_wrong_is_not_called_odd_as_well(problems):
    assert [problem[:4] for problem in problems("{:a 12ab} {:a #} {:a ::x}")] == ["E103", "E101", "E107"]


def test_there_are_no_sets(problems):
    note = "write a vector, as in [1 2 3]"
    assert problems("(f #{1 2 3} x)") == [f"E107 1:4-1:6 unsupported set literal #{{…}} | {note}"]


# ---- clauses


def test_a_brace_form_of_three_forms_around_an_arrow_is_a_clause(only):
    form = only("{p => (e)}")
    assert type(form) is List and [str(part) for part in form] == ["=>", "p", "(e)"]


@pytest.mark.parametrize("text", ["{=> a}", "{a =>}", "{a => b c}", "{a b => c}", "{=> => a b}"])
def test_every_other_brace_form_stays_a_map(only, text):
    assert type(only(text)) is Map


@pytest.mark.parametrize("text", ["{=>}", "{=> a b}", "{a b =>}", "{a :=> b}", '{a "=>" b}'])
def test_an_arrow_elsewhere_makes_no_clause(problems, text):
    assert problems(text)[0].startswith("E105")


def test_a_clause_may_hold_anything(shown):
    assert shown("{{:keys [a]} => {p => e}}") == "(=> {:keys [a]} (=> p e))"
    assert shown("{=> => =>}") == "(=> => =>)"


# ---- maps of templates


def test_a_map_that_splices_keeps_its_forms_in_order(only):
    form = only("`{:a 1 ~@kvs}")[1]
    assert type(form) is List
    assert form[:3] == (Symbol("rtfs/map"), A, 1) and form[3] == List((Symbol("unquote-splicing"), Symbol("kvs")))


@pytest.mark.parametrize(
    "text", ["`{~@a}", "`{~@a ~@b :c}", "`(x {:a 1 ~@a})", "`{:k ~(f `{~@a})}", "(quasiquote {~@a})"]
)
def test_inside_a_template_a_map_that_splices_may_have_any_count(only, text):
    assert only(text)


@pytest.mark.parametrize(
    "text", ["{~@a}", "(f {:a 1 ~@b})", "`(a ~{~@b})", "`~{~@b}", "[{:k {~@a}}]", "(unquote `~{~@b})"]
)
def test_outside_a_template_it_may_not(problems, text):
    (problem,) = problems(text)
    assert problem.startswith("E105")
    assert problem.endswith("map literal with an odd count | only inside a template may ~@ complete a map")


def test_outside_a_template_an_even_count_is_left_to_expansion(shown):
    assert shown("{:a ~@b}") == "{:a ~@b}"
    assert shown("#_{~@a} {:a ~@b}") == "{:a ~@b}"


def test_only_a_splice_that_is_written_as_one_makes_a_map_splice(only):
    assert type(only("{(unquote-splicing a) 1}")) is Map
    assert type(only("`{:a [~@b]}")[1]) is Map


def test_a_clause_of_a_template_may_splice(shown):
    assert shown("`{p => ~@e}") == "(quasiquote (=> p ~@e))"


def test_a_collection_of_too_many_forms_is_beyond_the_memory_limit(monkeypatch):
    monkeypatch.setattr(rules, "ELEMENTS", 100)
    for text in ("(" + "1 " * 100 + ")", "[" + "1 " * 100 + "]", "{" + "1 " * 200 + "}"):
        assert read(Source("test", text)).forms
    for text in (" (" + "1 " * 101 + ")", " [" + "1 " * 101 + "]", " {" + "1 " * 202 + "}"):
        with pytest.raises(LimitError) as caught:
            read(Source("test", text))
        assert caught.value.message == "Memory limit exceeded: collection of 101 exceeds 100"
        assert repr(caught.value.span) == "test:1:2-1:3"
