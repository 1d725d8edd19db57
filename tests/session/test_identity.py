"""What makes a function the same after a restart: its text and what it captures (streaming.md §5.6)."""

from __future__ import annotations

from pathlib import Path

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


@pytest.mark.parametrize("value", ["0", "nil", '"a"', "[1]", "(fn [a] a)", "(inc 1)"])
@pytest.mark.parametrize(
    "body", ["(if n x 5)", "(when n x)", "(not n)", "(do n x)", "(cond n x :else 4)", "(fn [y] (if n x y))"]
)
def test_a_capture_whose_truth_is_known_is_one(value: str, body: str) -> None:
    for limits in (rtfs.Limits(), rtfs.Limits(steps=100_000), rtfs.Limits.unlimited()):
        session = rtfs.Session(cache=False, limits=limits)
        function = session.run(f"(let [n {value}] (fn [x] {body}))")
        known = identity_of(session, function)
        assert list(known.captures) == ["n"]
        again = identity_of(session, function_from(session, known.text, known.module, known.captures))
        assert (again.text, list(again.captures)) == (known.text, ["n"])


def test_a_stored_processor_whose_captures_were_known_is_the_same_when_it_goes_on(tmp_path: Path) -> None:
    texts = (
        """(let [n 1] (call :mcp.stream.start
             {:endpoint "memory:x" :auto-connect false :stream-id "u" :initial-state 0 :on-processor-change :reject
              :processor (fn [state chunk] {:state (+ state n (if n 1 2))})}))
           (call :mcp.stream.send "u" 5 {:ack :durable})""",
        '(call :mcp.stream.resume "u") (call :mcp.stream.send "u" 5 {:ack :processed})'
        ' (:state (call :mcp.stream.inspect "u"))',
    )
    for text in texts:
        session = rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))
        found = session.run(text)
        session.shutdown(timeout=5.0, strategy="immediate")
    assert found == 4
