"""Tests in the language: what holds, what fails with which text (language.md §14.9)."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_test_is_a_function_with_metadata(shown: Any) -> None:
    text = '(deftest adds (testing "small numbers" (is (= 4 (+ 2 2))) (is (thrown? TypeError (+ 1 "x")) "no text")))'
    assert shown(f"{text} [(adds) (:test (meta adds)) (:params (meta adds))]") == "[true true []]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(is (= 4 (+ 2 3)))", "expected (= 4 (+ 2 3)), got (not (= 4 5))"),
        ("(is (< 1 2 2))", "expected (< 1 2 2), got (not (< 1 2 2))"),
        ("(is (not 5))", "expected (not 5), got (not (not 5))"),
        ("(is (odd? 2))", "expected (odd? 2), got false"),
        ("(is nil)", "expected nil, got nil"),
        ('(is (odd? 2) "two")', "two: expected (odd? 2), got false"),
        ('(is (odd? 2) (str "t" 1))', "t1: expected (odd? 2), got false"),
        ("(is (thrown? TypeError (+ 1 1)))", "expected (thrown? TypeError (+ 1 1)), got 2"),
        ("(is (thrown? :mine nil) 5)", "5: expected (thrown? :mine nil), got nil"),
        ('(testing "a" (testing "b" (is false)))', "a: b: expected false, got false"),
        ('(testing "a" (assert false))', "a: false"),
    ],
)
def test_a_failed_test_tells_expected_and_actual(played: Any, text: str, message: str) -> None:
    assert played(text) == ([], f"AssertionError: Assertion failed: {message}")


def test_the_details_of_a_failure_are_data(shown: Any) -> None:
    text = '(try (is (= 1 2) "t") (catch AssertionError e (:data e)))'
    assert shown(text) == '{:expected (= 1 2) :actual (not (= 1 2)) :text "t"}'


def test_operands_are_evaluated_once_and_the_text_only_when_needed(played: Any) -> None:
    assert played("(is (= (call :a) (call :b)) (call :c))", 1, 1) == (["a", "b"], "true")
    assert played("(is (call :a) (call :c))", False, "t")[1].startswith("AssertionError: Assertion failed: t: ")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('(is (thrown? RuntimeError (+ 1 "x")))', "true"),
        ("(is (thrown? :no-stock (throw {:type :no-stock})))", "true"),
        ("(is (thrown? TypeError (/ 1 0)))", "DivisionByZero: Division by zero"),
        ('(testing "a" (/ 1 0))', "DivisionByZero: Division by zero"),
        ('(testing "a" 1 2)', "2"),
    ],
)
def test_other_errors_pass(played: Any, text: str, result: str) -> None:
    assert played(text) == ([], result)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(deftest 5 1)", "deftest: expected a name"),
        ("(deftest a)", "deftest: expected a body"),
        ('(testing "a")', "testing: expected a body"),
        ("(is 1 2 3)", "is: expected an expression and perhaps a text"),
        ("(is (thrown? TypeError))", "is: expected (thrown? Kind expression)"),
        ("(deftest-stream 5 {})", "deftest-stream: expected a name"),
        ("(deftest-stream a 5)", "deftest-stream: expected a map of :processor, :chunks and :expect"),
        ("(deftest-stream a {:chunks []})", "deftest-stream: expected a map of :processor, :chunks and :expect"),
    ],
)
def test_a_malformed_test_is_a_syntax_error(played: Any, text: str, message: str) -> None:
    assert played(text) == ([], f"SyntaxError: {message}")


STREAM = """(deftest-stream counts {:processor (fn [n c] {:state (inc n) :output c}) :state 0
                                    :chunks [:a :crash :b :eof] :expect {:outputs [:a :b] :state 2}}) (counts)"""


def test_a_stream_test_asks_the_host_to_run_the_stream(played: Any) -> None:
    calls, value = played(STREAM, {"outputs": None})
    assert calls == ["rtfs.test.stream {:processor #<function> :state 0 :chunks [:a :crash :b :eof]}"]
    assert value.startswith("AssertionError: Assertion failed: stream :outputs: expected (= [:a :b] (:outputs ")


def test_a_stream_test_compares_the_keys_it_names(played: Any) -> None:
    import rtfs

    (answer,) = rtfs.read("{:outputs [:a :b] :state 2 :status :completed :divergent []}")
    assert played(STREAM, answer)[1] == "true"
    named = "(defn p [s c] s) (deftest-stream t {:processor p :chunks [] :expect {:status :x}}) (t)"
    assert played(named, answer)[0] == ["rtfs.test.stream {:processor p :state {} :chunks []}"]
