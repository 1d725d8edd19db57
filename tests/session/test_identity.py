"""What makes a function the same after a restart: its text and what it captures (streaming.md §5.6)."""

from __future__ import annotations

import pytest

import rtfs
from rtfs.identity import description_of, function_from, identity_of


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("(fn [x] (+ x 1))", "(fn [x] (+ x 1))"),
        ("(def f (map (fn [a] a) [1])) (fn named [x] x)", "(fn named [x] x)"),
        ("(first [(fn [] 1) (fn [] 2)])", "(fn [] 1)"),
        ("((fn [y] (fn [x]\n  (+ x y))) 3)", "(fn [x]\n  (+ x y))"),
        ("(defn f [a] (fn [b] (+ a b))) (f 3)", "(fn [b] (+ a b))"),
        ("(defn f [a] a) f", "(defn f [a] a)"),
        ("(let [f #(+ % 1)] f)", "#(+ % 1)"),
        ("(defmacro m [x] `(fn [y#] ~x)) (m 3)", "(m 3)"),
        ("inc", ""),
    ],
)
def test_the_text_of_a_function_is_the_form_that_made_it(program: str, text: str) -> None:
    for limits in (rtfs.Limits(), rtfs.Limits(steps=100_000), rtfs.Limits.unlimited()):
        session = rtfs.Session(cache=False, limits=limits)
        assert description_of(session, session.run(program))[2] == text


@pytest.mark.parametrize(
    ("program", "text"),
    [
        ("(letrec [f (fn [n] (if (= n 0) 7 (f (dec n))))] f)", "(letrec [f (fn [n] (if (= n 0) 7 (f (dec n))))] f)"),
        ("(letrec [f #(if (= % 0) 7 (f (dec %)))] f)", "(letrec [f #(if (= % 0) 7 (f (dec %)))] f)"),
        ("(let [k 7] (letrec [f? (fn [n] (if (= n 0) k (f? (dec n))))] f?))",
         "(letrec [f? (fn [n] (if (= n 0) k (f? (dec n))))] f?)"),
        ("(let [k 7] (fn f [n] (if (= n 0) k (f (dec n)))))", "(fn f [n] (if (= n 0) k (f (dec n))))"),
    ],
)  # fmt: skip
def test_a_literal_that_calls_itself_is_made_again_with_its_name(program: str, text: str) -> None:
    session = rtfs.Session(cache=False)
    known = identity_of(session, session.run(program))
    assert known.text == text
    again = function_from(session, known.text, known.module, known.captures)
    assert again(3) == 7
    known_again = identity_of(session, again)
    assert (known_again.text, known_again.digest) == (known.text, known.digest)


def test_layout_and_remarks_do_not_count() -> None:
    session = rtfs.Session(cache=False)
    digests = [
        identity_of(session, session.run(text)).digest
        for text in ("(fn [x] (+ x 1))", "\n;a\n  (fn [x]\n (+ x 1))", "(fn [x] (+ x 2))")
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_literal_is_made_again_from_its_text_and_what_it_captured() -> None:
    session = rtfs.Session(cache=False)
    identity = identity_of(session, session.run("(defn adder [a] (fn [b] (+ a b))) (adder 3)"))
    again = function_from(rtfs.Session(cache=False), identity.text, identity.module, identity.captures)
    assert again(4) == 7
