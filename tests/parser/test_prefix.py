"""Quote, templates, anonymous functions, context and metadata (language.md §1.6)."""

from __future__ import annotations

import pytest

from rtfs.lang.collections import List, Map
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.source import Source
from rtfs.parser.reader import read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'x", "(quote x)"),
        ("`x", "(quasiquote x)"),
        ("~x", "(unquote x)"),
        ("~@x", "~@x"),
        ("~ @x", '(unquote (context/get "x"))'),
        ("''x", "(quote (quote x))"),
        ("`(a ~b ~@c)", "(quasiquote (a (unquote b) ~@c))"),
        ("' x", "(quote x)"),
        ("'\n;c\n#|c|# x", "(quote x)"),
        ("'()", "(quote ())"),
        ("'nil", "(quote nil)"),
        ('\'"s"', '(quote "s")'),
    ],
)
def test_quotes_read_as_lists(shown, text, expected):
    assert shown(text) == expected


def test_a_splice_reads_as_unquote_splicing(only):
    assert only("~@x") == List((Symbol("unquote-splicing"), Symbol("x")))


@pytest.mark.parametrize("text", ["'", "(')", "['a `]", "{:a ~}", "(~@)", "'#_a", "(' #_ b)"])
def test_a_prefix_needs_a_form(problems, text):
    (problem,) = problems(text)
    assert " a form must follow " in problem
    assert problem.startswith("E102" if text[-1] in "'a" and "(" not in text else "E101")


# ---- #( … )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#(inc %)", "(fn [%1] (inc %1))"),
        ("#(- %2 %1)", "(fn [%1 %2] (- %2 %1))"),
        ("#(f %3)", "(fn [%1 %2 %3] (f %3))"),
        ("#(count %&)", "(fn [& %&] (count %&))"),
        ("#(f % %&)", "(fn [%1 & %&] (f %1 %&))"),
        ("#(apply + %&)", "(fn [& %&] (apply + %&))"),
        ("#(now)", "(fn [] (now))"),
        ("#()", "(fn [] ())"),
        ("#(f [% {:k %2 % 1}] '%3)", "(fn [%1 %2 %3] (f [%1 {:k %2 %1 1}] (quote %3)))"),
        ("#(% 1)", "(fn [%1] (%1 1))"),
        ("#(f %20)", "(fn [" + " ".join(f"%{n}" for n in range(1, 21)) + "] (f %20))"),
        ("#(f %params)", "(fn [] (f %params))"),
        ("#(f `(a ~%))", "(fn [%1] (f (quasiquote (a (unquote %1)))))"),
        ("#(f ^{:k %} x)", "(fn [%1] (f ^{:k %1} x))"),
    ],
)
def test_an_anonymous_function_takes_as_many_arguments_as_it_mentions(shown, text, expected):
    assert shown(text) == expected


def test_a_discarded_parameter_does_not_count(shown):
    assert shown("#(f % #_ %5)") == "(fn [%1] (f %1))"
    assert shown("#(f #_(g %5 %&) %2)") == "(fn [%1 %2] (f %2))"
    assert shown("#(f #_ #_ %5 %6 %)") == "(fn [%1] (f %1))"


def test_outside_an_anonymous_function_parameters_are_symbols(shown):
    assert shown("% %1 %params %& %99") == "% %1 %params %& %99"
    assert shown("(#(f %) %)") == "((fn [%1] (f %1)) %)"
    assert shown("#(f) %2") == "(fn [] (f)) %2"
    assert shown("[% #(f %2) %]") == "[% (fn [%1 %2] (f %2)) %]"


@pytest.mark.parametrize("name", ["%0", "%21", "%99", "%01", "%123456789"])
def test_there_are_twenty_parameters(problems, name):
    note = "the parameters of #(…) are %, %1 to %20 and %&"
    assert problems(f"#(f {name})") == [f"E103 1:5-1:{5 + len(name)} bad parameter {name} | {note}"]


def test_anonymous_functions_do_not_nest(problems):
    note = "write the inner function as (fn [x] …)"
    assert problems("#(map #(f %) %)") == [f"E107 1:7-1:9 nested #(…) | {note}"]
    assert problems("#(a [#(b) '#(c)])") == [
        f"E107 1:6-1:8 nested #(…) | {note}",
        f"E107 1:12-1:14 nested #(…) | {note}",
    ]


def test_anonymous_functions_stand_side_by_side(shown):
    assert shown("[#(f %2) #(g %)]") == "[(fn [%1 %2] (f %2)) (fn [%1] (g %1))]"


# ---- @


@pytest.mark.parametrize(
    ("text", "name"), [("@x", "x"), ("@:x", "x"), ('@"x y"', "x y"), ("@a/b", "a/b"), ("@:a/b", "a/b")]
)
def test_context(only, text, name):
    assert only(text) == List((Symbol("context/get"), name))


@pytest.mark.parametrize("text", ["@(a)", "@[a]", "@5", "@nil", "@'a", "@@a", "(@)", "@ 2031-02-03T04:05:06Z"])
def test_context_needs_a_name(problems, text):
    column = text.index("@") + 1
    expected = f'E101 1:{column}-1:{column + 1} a name must follow @ | write @name, @:name or @"name"'
    assert problems(text)[0] == expected


# ---- ^


def test_metadata_may_be_a_map_a_keyword_or_a_symbol(shown):
    assert shown("^{:a 1} x") == "^{:a 1} x"
    assert shown("^:private x") == "^{:private true} x"
    assert shown("^Item x") == "^{:tag Item} x"
    assert shown("^{} (f)") == "^{} (f)"


def test_metadata_reads_as_a_list_around_its_form(only):
    form = only("^:k (f)")
    assert form == List((Symbol("rtfs/with-meta"), Map.of([(Keyword("k"), True)]), List((Symbol("f"),))))


def test_metadata_stacks(shown):
    assert shown("^:a ^B ^{:c 1} x") == "^{:a true} ^{:tag B} ^{:c 1} x"


def test_metadata_stands_anywhere_a_form_does(shown):
    assert shown('(def ^{:doc "size"} n 3) [^:k a] {^:k a ^:k b}') == (
        '(def ^{:doc "size"} n 3) [^{:k true} a] {^{:k true} a ^{:k true} b}'
    )


@pytest.mark.parametrize("text", ['^"s" x', "^5 x", "^(f) x", "^[a] x", "^nil x", "^'a x", "(^)"])
def test_other_metadata_is_an_error(problems, text):
    column = text.index("^") + 1
    hint = "write ^{:key value} form, ^:key form or ^Name form"
    assert problems(text)[0] == f"E101 1:{column}-1:{column + 1} metadata must follow ^ | {hint}"


def test_metadata_needs_a_form(problems):
    assert problems("(a ^:k)") == ["E101 1:4-1:5 a form must follow metadata"]
    assert problems("^{:a 1}") == ["E102 1:1-1:2 a form must follow metadata"]


def test_a_clause_is_no_metadata(problems):
    assert problems("^{a => b} c") == ["E101 1:2-1:10 bad metadata | a consume clause is no metadata: write a map"]


def test_all_prefixes_together(shown):
    assert shown("'`~~@^:k #_x @y") == '(quote (quasiquote (unquote ~@^{:k true} (context/get "y"))))'
    assert len(read(Source("test", "'`~~@^:k #_x @y")).forms) == 1
