"""The library macros: what they mean, that they evaluate once and in order, and how they refuse (language.md §5)."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("[(when 1 2 3) (when nil 2) (when 1)]", "[3 nil nil]"),
        ("[(when-not 1 2) (when-not nil 2 3) (unless false 4) (unless 1 5)]", "[nil 3 4 nil]"),
        ("[(if-not 1 2 3) (if-not nil 2 3) (if-not 1 2)]", "[3 2 nil]"),
        ("(if-let [{:keys [n]} {:n 4}] n :none)", "4"),
        ("(let [x 1] (if-let [x nil] x x))", "1"),
        (
            "[(if-let [x 5] x) (if-let [x false] x) (if-some [x false] x :none) (if-some [x nil] x :none)]",
            "[5 nil false :none]",
        ),
        ("[(when-let [[a b] [1 2]] a b) (when-let [x nil] 1) (when-let [x 1])]", "[2 nil nil]"),
        ("[(when-some [x false] 1 x) (when-some [x nil] 1)]", "[false nil]"),
        ("(cond false 1 nil 2 :else 3)", "3"),
        ("[(cond) (cond nil 1) (cond 1 2) (cond nil 1 false 2)]", "[nil nil 2 nil]"),
        ("(cond :first 1 :else 2)", "1"),
        (
            "[(condp < 5 9 :a 3 :b) (condp = 1 2 :a :default) (condp (fn [a b] (= a (inc b))) 1 2 :hit)]",
            "[:b :default :hit]",
        ),
        ("(case 5 (1 3 5) :odd (2 4) :even)", ":odd"),
        ("(case (first '([1 a])) [1 a] 1 b 2)", "1"),
        (
            '[(case "x" "x" 1) (case (conj [1] 2) [1 2] 2) (case nil nil 3) (case 1.0 1 :int 1.0 :f) (case 7 1 1 :d)]',
            "[1 2 3 :f :d]",
        ),
        ("(case {:a 1} {:a 1} :map)", ":map"),
        ("(case 1 () :never :default)", ":default"),
        ("(-> 5 (- 2) (* 10))", "30"),
        ("(->> [1 2 3] (map inc) (reduce +))", "9"),
        ("(-> {:a {:b 7}} :a :b)", "7"),
        ('[(-> 5) (-> 5 inc) (-> 5 (fn [x] (* x 2))) (->> 5 #(* % 3)) (-> " a" .trim)]', '[5 6 10 15 "a"]'),
        (
            "[(some-> {:a nil} :a inc) (some-> {:a 1} :a inc) (some->> [1] (map inc) first) (some-> nil inc)]",
            "[nil 2 2 nil]",
        ),
        ("(cond-> 1 true inc false (* 9))", "2"),
        ("(cond->> [1 2] true (map inc) nil (filter odd?))", "[2 3]"),
        ("[(as-> 3 v (* v v) (- v 1)) (as-> 1 v)]", "[8 1]"),
        ("(when 1 (def x 5)) x", "5"),
        ("[(declare a b) (comment (undefined) 1)]", "[nil nil]"),
        ('[(assert 1) (assert 1 "text")]', "[nil nil]"),
        ("(for [x [1 2] y (range x)] [x y])", "[[1 0] [2 0] [2 1]]"),
        ("(for [[k v] {:a 1 :b 2} :when (odd? v)] k)", "[:a]"),
        ("(for [x [1 2 9 1] :while (< x 5) :let [y (* x x)]] y)", "[1 4]"),
        ("(for [x [1 2 3] :when (odd? x) y [x 9] :while (< y 5) :let [z (+ x y)]] z)", "[2 6]"),
        ('[(for [c "ab"] c) (for [x nil] x) (for [x \'(1)] x) (for [x []] x)]', '[["a" "b"] [] [1] []]'),
        ("(for [x (range 100)] x)", "[" + " ".join(map(str, range(100))) + "]"),
        ("(for [{:keys [a] :or {a 7}} [{:a 1} {}]] a)", "[1 7]"),
        ("(map (fn [f] (f)) (for [x [1 2] :when true] (fn [] x)))", "[1 2]"),
        ("(map (fn [f] (f)) (for [x [1 2] :while true] (fn [] x)))", "[1 2]"),
        ("[(doseq [x [1 2]] x) (dotimes [i 3] i) (dotimes [i 0]) (doseq [x [1]])]", "[nil nil nil nil]"),
        ("(let [f (fn [] (dotimes [i 2] (def z i)) 1)] (f))", "1"),
    ],
)
def test_value(shown: Any, text: str, printed: str) -> None:
    assert shown(text) == printed


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("(if-let [x (call :a)] x (call :b))", ["a"]),
        ("(case (call :a) 1 2 3)", ["a"]),
        ("(condp (do (call :a) =) (call :b) (call :c) 1 (call :d) 2 3)", ["a", "b", "c", "d"]),
        ("(doseq [x [1 2] :when (call :w x) y [3]] (call :b x y))", ["w 1", "b 1 3", "w 2", "b 2 3"]),
        ("(for [x [1 2] :when (call :w x)] (call :b x))", ["w 1", "b 1", "w 2", "b 2"]),
        ("(for [x (call :xs) :while (call :w x)] (call :b x))", ["xs", "w 1", "b 1"]),
        ("(dotimes [i (call :n)] (call :b i))", ["n", "b 0", "b 1"]),
        ("(some-> (call :a) (call (call :c)))", ["a"]),
        ("(cond-> (call :a) (call :c) (+ (call :b)))", ["a", "c", "b"]),
    ],
)
def test_everything_is_evaluated_once_and_in_order(played: Any, text: str, calls: list[str]) -> None:
    answers = {"a": 1, "xs": (1,), "n": 2, "c": 2, "d": 2, "w": True, "b": 1}
    answers["a"] = None if "some->" in text else 1
    assert played(text, *[answers[call.partition(" ")[0]] for call in calls])[0] == calls


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(case 9 1 :a)", "MatchError: Match error: No matching clause for 9"),
        ("(case 9)", "MatchError: Match error: No matching clause for 9"),
        ('(condp = "x" 1 :a)', 'MatchError: Match error: No matching clause for "x"'),
        ("(assert (= 1 2))", "AssertionError: Assertion failed: (= 1 2)"),
        ('(assert nil (str "a" "b"))', "AssertionError: Assertion failed: ab"),
        ("(for [x 5] x)", "TypeError: Type error in for: expected sequence, got integer"),
        ("(doseq [x :k] x)", "TypeError: Type error in doseq: expected sequence, got keyword"),
        ("(for [x 5 :while true] x)", "TypeError: Type error in for: expected sequence, got integer"),
        ("(dotimes [i 2.0] i)", "TypeError: Type error in dotimes: expected integer, got float"),
        ("(when)", "SyntaxError: when: expected at least 1 argument, got 0"),
        ("(if-not 1)", "SyntaxError: if-not: expected at least 2 arguments, got 1"),
        ("(if-not 1 2 3 4)", "SyntaxError: if-not: expected a condition and one or two branches"),
        ("(if-let [x] 1)", "SyntaxError: if-let: expected a vector of one pattern and one value"),
        ("(if-let [x 1] 2 3 4)", "SyntaxError: if-let: expected a binding and one or two branches"),
        ("(when-let (x 1) 2)", "SyntaxError: when-let: expected a vector of one pattern and one value"),
        ("(if-some [x 1 y 2] 1)", "SyntaxError: if-some: expected a vector of one pattern and one value"),
        ("(when-some 5)", "SyntaxError: when-some: expected a vector of one pattern and one value"),
        ("(cond 1)", "SyntaxError: cond: expected forms in pairs, got 1"),
        ("(condp =)", "SyntaxError: condp: expected at least 2 arguments, got 1"),
        ("(case)", "SyntaxError: case: expected at least 1 argument, got 0"),
        ("(for [x [1]])", "SyntaxError: for: expected 2 arguments, got 1"),
        ("(for [x [1]] 1 2)", "SyntaxError: for: expected 2 arguments, got 3"),
        ("(for [] 1)", "SyntaxError: for: expected a vector of patterns and collections"),
        ("(for [x] 1)", "SyntaxError: for: expected a vector of patterns and collections"),
        ("(doseq x 1)", "SyntaxError: doseq: expected a vector of patterns and collections"),
        ("(for [:when 1 x [1]] 1)", "SyntaxError: for: :when before the first binding"),
        ("(for [x [1] :unless 1] 1)", "SyntaxError: for: unknown modifier :unless; expected :when, :while or :let"),
        ("(for [1 [1]] 1)", "SyntaxError: for: expected a name or pattern, got 1"),
        ("(dotimes [i] 1)", "SyntaxError: dotimes: expected a vector of a name and a count"),
        ("(dotimes [[a] 1] 1)", "SyntaxError: dotimes: expected a name"),
        ("(->)", "SyntaxError: ->: expected at least 1 argument, got 0"),
        ("(-> 1 ())", "SyntaxError: ->: () is no step"),
        ("(some->> 1 ())", "SyntaxError: some->>: () is no step"),
        ("(cond-> 1 2)", "SyntaxError: cond->: expected forms in pairs, got 1"),
        ("(as-> 1 2 3)", "SyntaxError: as->: expected a name after the value"),
        ("(declare 1)", "SyntaxError: declare: expected names"),
        ("(assert)", "SyntaxError: assert: expected at least 1 argument, got 0"),
        ("(assert 1 2 3)", "SyntaxError: assert: expected a condition and perhaps a message"),
        ("(parallel [a])", "SyntaxError: parallel: expected forms in pairs, got 1"),
        ("(parallel a)", "SyntaxError: parallel: expected a vector of names and expressions"),
        ("(parallel [1 2])", "SyntaxError: parallel: expected a name before each expression"),
        ("(with-resource [a] 1)", "SyntaxError: with-resource: binding a has no value"),
        ("(with-resource [a 1])", "SyntaxError: with-resource: expected a body"),
        ("(with-resource a 1)", "SyntaxError: with-resource: expected a binding vector, got a"),
        ("(with-resource [[a] 1] a)", "SyntaxError: with-resource: expected a name"),
        ("(llm-execute 1)", "SyntaxError: llm-execute: expected a model and a prompt, or keywords and values"),
        ("(llm-execute :model)", "SyntaxError: llm-execute: expected forms in pairs, got 1"),
        ('(llm-execute :model "m" "p" 1)', "SyntaxError: llm-execute: expected keywords and values"),
        ("(map -> [1])", "SyntaxError: ->: macro used as a value"),
    ],
)
def test_error(played: Any, text: str, message: str) -> None:
    assert played(text) == ([], message)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("(for [x [1] :unless 1] 1)", "t.rtfs:1:13-1:20"),
        ("(list\n (when))", "t.rtfs:2:2-2:8"),
        ("(if-let (a 1) 2)", "t.rtfs:1:9-1:14"),
        ('(-> 1\n (+ 2)\n (+ "x")\n inc)', "t.rtfs:3:5-3:8"),
        ("(case 9\n 1 :a)", "t.rtfs:1:7-1:8"),
        ("(cond\n (+ nil 1) 2)", "t.rtfs:2:5-2:8"),
    ],
)
def test_an_error_stands_where_it_was_written(failing: Any, text: str, place: str) -> None:
    assert str(failing(text).span) == place


HIDDEN = "(let [inc 1 < 2 = 3 nth 4 conj 5 mapv 6 reduce 7 nil? 8 count 9 first 1 not 2 list 3 when 4 if-let 5] "


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("(for [x [1 2]] x)", "[1 2]"),
        ("(for [x [1 2] y [3]] [x y])", "[[1 3] [2 3]]"),
        ("(for [x [1 2] :while (odd? x)] x)", "[1]"),
        ("(doseq [x [1]] x)", "nil"),
        ("(dotimes [i 2] i)", "nil"),
        ("(if-some [x 1] x)", "1"),
        ("(some-> 1 (str 2))", '"12"'),
        ("(case 2 (1 2) :hit)", ":hit"),
        ("(condp str 2 1 :hit)", ":hit"),
        ("(is (odd? 1))", "true"),
        ("(cond-> 1 true (str))", '"1"'),
    ],
)
def test_no_local_and_no_definition_of_the_program_changes_an_expansion(shown: Any, text: str, printed: str) -> None:
    assert shown(f"{HIDDEN} {text})") == printed
    assert (
        shown(f"(defn nth [] 1) (defn conj [] 2) (defn mapv [] 3) (defn reduce [] 4) (defn inc [] 5) {text}") == printed
    )


def test_a_function_of_a_macros_name_can_call_itself(shown: Any) -> None:
    assert shown("(defn is [n] (if (= n 0) :done (is (dec n)))) (is 3)") == ":done"
    assert shown("(defmacro when [a] a) (when 5)") == "5"


def test_parallel_makes_one_call_of_functions(played: Any) -> None:
    calls, value = played("(parallel [a (call :x) b 2])", [1, 2])
    assert calls == ["ccos.concurrent/parallel #<function> #<function>"]
    assert value == "{:a 1 :b 2}"
    expected = "TypeError: Type error in parallel: expected vector of 1 values, got vector of 2"
    assert played("(parallel [a 1])", [1, 2])[1] == expected
    assert (
        played("(parallel [a 1])", 5)[1]
        == "TypeError: Type error in parallel: expected vector of 1 values, got integer"
    )


def test_with_resource_closes_last_first_however_the_body_ends(played: Any) -> None:
    text = '(with-resource [a "A" b :string "B" c : [:vector :int] [1]] (call :use a b c) (/ 1 0))'
    calls, value = played(text, 1, None, None, None)
    assert calls == ['use "A" "B" [1]', "ccos.resource.close [1]", 'ccos.resource.close "B"', 'ccos.resource.close "A"']
    assert value == "DivisionByZero: Division by zero"
    assert played("(with-resource [a 1] (def y a) (+ y 1))", None) == (["ccos.resource.close 1"], "2")
    assert played("(with-resource [a :string 1] a)") == (
        [],
        "TypeValidationError: Type validation error: let a: Type mismatch: expected :string, got integer",
    )


def test_llm_execute_takes_a_model_and_a_prompt_or_keywords(played: Any) -> None:
    assert played('(llm-execute "m" "p")', "ok") == (['ccos.ai.llm-execute {:model "m" :prompt "p"}'], '"ok"')
    text = '(llm-execute :prompt (str "a" 1) :model "m" :system "s")'
    assert played(text, "ok")[0] == ['ccos.ai.llm-execute {:prompt "a1" :model "m" :system "s"}']
