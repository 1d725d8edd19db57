"""Templates: levels, splicing, fresh symbols, homes of symbols (language.md §9.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

import rtfs
from rtfs.eval.builtins import template
from rtfs.lang.collections import List, Map
from rtfs.lang.equality import same_key
from rtfs.lang.names import Symbol
from rtfs.lang.printer import show
from rtfs.macros.quasiquote import as_data, lower
from tests.strategies import values


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x", "(quote x)"),
        ("5", "5"),
        ("(a b)", "(quote (a b))"),
        ("[a {b 1}]", "(quote [a {b 1}])"),
        ("~x", "x"),
        ("(a ~x)", "(rtfs/list (quote a) x)"),
        ("[a (b c) ~x]", "(rtfs/vector (quote a) (quote (b c)) x)"),
        ("{:k ~x}", "(rtfs/map :k x)"),
        ("(a ~@x b c ~@y)", "(rtfs/concat (rtfs/list (quote a)) x (rtfs/list (quote b) (quote c)) y)"),
        ("[~@x]", "(rtfs/vector-of (rtfs/concat x))"),
        ("{:a ~@x}", "(rtfs/map-of (rtfs/concat (rtfs/list :a) x))"),
        ("(let [v# ~x] v#)", None),
        ("(a `(b ~x))", "(quote (a (quasiquote (b (unquote x)))))"),
        (
            "(a `(b ~~x))",
            "(rtfs/list (quote a) (rtfs/list (quote quasiquote) (rtfs/list (quote b) (rtfs/list (quote unquote) x))))",
        ),
        ("{a 1 a 2}", "(rtfs/map (quote a) 1 (quote a) 2)"),
    ],
)
def test_a_template_becomes_code(workshop: Any, text: str, code: str | None) -> None:
    form = workshop.read(f"`{text}")[0][1]
    shown = show(lower(form, "user"))
    if code is None:
        code = '(let [v#template (rtfs/gensym "v")] (rtfs/list (quote let) (rtfs/vector v#template x) v#template))'
    assert shown == code


def test_symbols_remember_the_module_of_the_template(workshop: Any) -> None:
    (form,) = workshop.read("(a ~b)")
    code = lower(form, "home")
    assert code[1][1].module == "home"
    assert code[2].module is None
    assert lower(Symbol("x", "first"), "second")[1].module == "first"


def test_a_constant_template_is_a_new_object_without_places(workshop: Any) -> None:
    form = workshop.read("`[a (b)]")[0][1]
    constant = lower(form, "user")[1]
    assert workshop.spans.of(form) is not None
    assert workshop.spans.of(constant) is None
    assert constant[0].span is None


def built(code: Any) -> Any:
    """The value of lowered code in which nothing but template builtins is called."""
    if type(code) is not List:
        return code
    if code[0].name == "quote":
        return code[1]
    builders: dict[str, Callable[..., Any]] = {
        "rtfs/list": template.make_list,
        "rtfs/vector": template.make_vector,
        "rtfs/map": template.make_map,
    }
    return builders[code[0].name](*map(built, code[1:]))


@given(values())
def test_a_template_without_unquotes_is_its_own_form(form: Any) -> None:
    assert same_key(built(lower(form, "user")), form)


@given(values())
def test_quoted_data_without_spliced_maps_is_left_alone(form: Any) -> None:
    assert as_data(form) is form


def test_a_quoted_map_with_a_splice_is_a_map() -> None:
    (quoted,) = rtfs.read("'(a {:b ~@c})")
    data = as_data(quoted[1])
    assert type(data[1]) is Map
    assert show(data) == "(a {:b (unquote-splicing c)})"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("(let [xs [1 2]] `(a ~(+ 1 1) ~@xs {:k ~xs}))", "(a 2 1 2 {:k [1 2]})"),
        ("(let [kvs [:b 2]] `{:a 1 ~@kvs})", "{:a 1 :b 2}"),
        ("(let [kvs '(:b)] `{~@kvs 2})", "{:b 2}"),
        ("`[~@nil ~@[1] ~@'(2)]", "[1 2]"),
        ("`(~@[1] . ~@nil)", "(1 .)"),
        ("(let [x 5] `(a `(b ~(c ~x))))", "(a (quasiquote (b (unquote (c 5)))))"),
        ("(let [x '(1 2)] `(a `(b ~(c ~@x))))", "(a (quasiquote (b (unquote (c 1 2)))))"),
        ("(let [x '(1 2)] `(a `(b ~~@x)))", "(a (quasiquote (b (unquote 1 2))))"),
        ("(let [x 1] `(a `(b `(c ~~~x))))", "(a (quasiquote (b (quasiquote (c (unquote (unquote 1)))))))"),
        ("(let [y 'q] `(a 'b '~y))", "(a (quote b) (quote q))"),
        ("(count `{:a 1 :a 2})", "1"),
        ("`()", "()"),
        ("`(f #(g %))", "(f (fn [%1] (g %1)))"),
        ("`~(+ 1 2)", "3"),
        ('`(1 2.5 "s" :k nil true)', '(1 2.5 "s" :k nil true)'),
        ("`(x# x# y#)", "(x__1 x__1 y__2)"),
        ("[`x# `x#]", "[x__1 x__2]"),
        ("`(x# `x#)", "(x__1 (quasiquote x#))"),
        ("`(x# `(~x#))", "(x__1 (quasiquote ((unquote x__1))))"),
        ("'x#", "x#"),
        ("(let [gensym 1 rtfs 2] `(x#))", "(x__1)"),
        ("(= `(a b) '(a b))", "true"),
        ("'`{:a ~@x}", "(quasiquote {:a (unquote-splicing x)})"),
        ("(defmacro m [a b] `{~a 1 ~b 2}) (m :k :k)", "{:k 2}"),
        ("(defmacro m [] ``(a ~'~'b)) (m)", "(a b)"),
    ],
)
def test_templates_build_data(text: str, printed: str) -> None:
    assert rtfs.show(rtfs.evaluate(text)) == printed


def test_a_map_form_of_a_template_keeps_every_pair() -> None:
    outcome = rtfs.Session().start("(defmacro m [a] `{:k ~a :k (call :y)}) (m (call :x))")
    asked = []
    while isinstance(outcome, rtfs.RequiresHost):
        asked.append(outcome.call.capability_id)
        outcome = outcome.resume(1)
    assert asked == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("~x", "unquote: outside a template"),
        ("`~@x", "unquote-splicing: there is nothing to splice into"),
        ("`(a (unquote))", "unquote: expected one form, got 0"),
        ("(let [kvs [:b]] `{:a 1 ~@kvs})", "map: expected keys and values in turn, got 3 forms"),
        ("'`{:a 1 ~@x}", "map: expected keys and values in turn, got 3 forms"),
        ("`(a `{:a 1 ~@x})", "map: expected keys and values in turn, got 3 forms"),
        ("(quasiquote a b)", "quasiquote: expected one form, got 2"),
    ],
)
def test_malformed_templates_are_syntax_errors(text: str, message: str) -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.evaluate(text)
    assert (raised.value.kind, raised.value.message) == ("SyntaxError", message)


def test_splicing_takes_vectors_lists_and_nil() -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.evaluate('`(a ~@"text")')
    assert raised.value.message == "Type error in unquote-splicing: expected vector, list or nil, got string"


def test_fresh_symbols_of_a_text_do_not_disturb_the_numbers_of_its_run() -> None:
    assert (
        rtfs.show(rtfs.evaluate("(defmacro m [x] `(let [v# ~x] v#)) [(m 1) (m 2) (gensym) `x#]")) == "[1 2 G__1 x__2]"
    )


def test_expansions_number_fresh_symbols_anew_in_each_text():
    session = rtfs.Session(cache=False)
    session.run("(defmacro fresh [] `(quote y#))")
    assert [rtfs.show(session.run("[(fresh) (fresh) (gensym)]")) for _ in range(2)] == ["[y__1 y__2 G__1]"] * 2
