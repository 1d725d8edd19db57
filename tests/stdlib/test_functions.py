"""Functions of the library that are written in the language (language.md §14)."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("[(sum []) (sum nil) (sum [1 2 3]) (sum '(1 2.5)) (product []) (product [2 3.0])]", "[0 0 6 3.5 1 6.0]"),
        ("[(avg []) (avg nil) (avg [1 2]) (avg [1 3]) (mean [2.0 4])]", "[nil nil 1.5 2 3.0]"),
        ("[(median []) (median [3]) (median [3 1 2]) (median [4 1 2 3]) (median '(5 1))]", "[nil 3 2 2.5 3]"),
        ("[(clamp 5 0 10) (clamp -1 0 10) (clamp 11 0 10) (clamp 5 5.0 6) (clamp 5.5 1 6)]", "[5 0 10 5 5.5]"),
        ("(map pos-int? [1 0 -1 1.0 nil true])", "[true false false false false false]"),
        ("(map neg-int? [1 0 -1 -1.0 nil])", "[false false true false false]"),
        ("(map nat-int? [1 0 -1 0.0 nil])", "[true true false false false]"),
        (
            '[(pad-left "7" 3) (pad-left "7" 3 "0") (pad-left "777" 2) (pad-left "" 5 "ab")]',
            '["  7" "007" "777" "ababa"]',
        ),
        (
            '[(pad-right "7" 3) (pad-right "7" 3 "0") (string/pad-right "x" 4 "-+") (string/pad-left "x" 2)]',
            '["7  " "700" "x-+-" " x"]',
        ),
        (
            "[(find-first even? [1 4 6]) (find-first even? [1]) (find-first nil? [nil]) (find-first :a [{:a 1}])]",
            "[4 nil nil {:a 1}]",
        ),
        ("[(union [1 1 2] '(2 3)) (union [1]) (union nil) (union [1] [1.0])]", "[[1 2 3] [1] [] [1 1.0]]"),
        (
            "[(intersection [3 1 1 2] [1 3]) (intersection [1 1]) (intersection [1 2] [2] [1])]",
            "[[3 1] [1] []]",
        ),
        (
            "[(difference [1 2 2 3] [3] [1]) (difference [1 1]) (difference nil [1]) (difference [1] [1.0])]",
            "[[2] [1] [] [1]]",
        ),
        ("[(doall '(1)) (doall nil) (dorun [1]) (run! inc [1 2])]", "[(1) nil nil nil]"),
        ("(tree-seq vector? identity [1 [2 [3]] 4])", "[[1 [2 [3]] 4] 1 [2 [3]] 2 [3] 3 4]"),
        ("(map :v (tree-seq :c :c {:v 1 :c [{:v 2 :c '({:v 3})} {:v 4}]}))", "[1 2 3 4]"),
        ("(tree-seq list? identity 1)", "[1]"),
        (
            "[(filter-vals even? {:a 1 :b 2 nil 4}) (filter-vals even? nil) (filter-keys nil? {nil 1 :a 2})]",
            "[{:b 2 nil 4} {} {nil 1}]",
        ),
        ("[(map-invert {:a 1 :b 2 :c 1}) (map-invert nil)]", "[{1 :c 2 :b} {}]"),
        (
            "[((every-pred int? even?) 2 4) ((every-pred int?) 2 :a) ((every-pred int?)) ((every-pred :a) {:a 5})]",
            "[true false true true]",
        ),
        ("[((some-fn :a :b) {:b 2}) ((some-fn even?) 1 2) ((some-fn even?) 1) ((some-fn :a))]", "[2 true nil nil]"),
    ],
)
def test_value(shown: Any, text: str, printed: str) -> None:
    assert shown(text) == printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('(sum ["a"])', "TypeError: Type error in +: expected number, got string"),
        ("(sum 5)", "TypeError: Type error in sum: expected sequence, got integer"),
        ("(sum)", "ArityMismatch: Arity mismatch in sum: expected 1, got 0"),
        ('(median ["a"])', "TypeError: Type error in median: expected number, got string"),
        ('(clamp "b" "a" "c")', "TypeError: Type error in clamp: expected number, got string"),
        ("(pad-left 7 3)", "TypeError: Type error in pad-left: expected string, got integer"),
        ('(pad-left "7" 3 "")', "InvalidArgument: Invalid argument: pad-left needs a text to pad with"),
        (
            '(pad-right "7" 1000000000000)',
            "MemoryLimitExceeded: Memory limit exceeded: string/repeat of 1000000000000 exceeds 16777216",
        ),
        ("(filter-vals even? [1])", "TypeError: Type error in filter-vals: expected map, got vector"),
        ("(run! 5 [1])", "TypeError: Type error in run!: expected function, got integer"),
        ("(doall 5)", "TypeError: Type error in doall: expected sequence, got integer"),
        ("(every-pred)", "ArityMismatch: Arity mismatch in every-pred: expected at least 1, got 0"),
    ],
)
def test_error(played: Any, text: str, message: str) -> None:
    assert played(text) == ([], message)


def test_find_first_stops_at_the_element_it_finds(played: Any) -> None:
    assert played("(find-first (fn [x] (call :test x)) [1 2 3])", False, True) == (["test 1", "test 2"], "2")


def test_a_deep_tree_needs_no_stack(shown: Any) -> None:
    assert shown("(count (tree-seq vector? identity (reduce (fn [t i] [t i]) [] (range 5000))))") == "10001"


def test_pmap_makes_one_call_of_functions(played: Any) -> None:
    assert played("(pmap inc [1 2])", [2, 3]) == (["ccos.concurrent/parallel #<function> #<function>"], "[2 3]")
    assert played("(pmap inc nil)", []) == (["ccos.concurrent/parallel"], "[]")
    wrong = "TypeError: Type error in pmap: expected vector of 1 values, got nil"
    assert played("(pmap inc [1])", None)[1] == wrong
