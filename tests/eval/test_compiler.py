"""What compiled code computes: scope, order of evaluation, loops and closures, patterns, errors and their places."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import rtfs

Shown = Callable[[str], str]
Failing = Callable[[str], rtfs.RtfsError]

VALUES = [
    # calls
    ("((if true + *) 4 5)", "9"),
    ("((do inc) 9)", "10"),
    ("({:q 9} :q)", "9"),
    ("([4 5 6] 1)", "5"),
    ("(:k nil :d)", ":d"),
    ("(:k {:k nil} :d)", "nil"),
    ("(let [v [7 8]] (v 1))", "8"),
    ("(def v [1 2]) (v 0)", "1"),
    ("(.count [1 2])", "2"),
    ("(defn f [] (g)) (defn g [] 7) (f)", "7"),
    ('(defn hi "greets" ([] (hi "you")) ([n] (str "hi " n))) (hi)', '"hi you"'),
    ("((fn [a b & r] [a b r]) 1 2 3 4)", "[1 2 (3 4)]"),
    (
        "(defn f ([] 0) ([a b] [a b])) [(f) (f 1 2) (try (f 1) (catch e (ex-message e)))]",
        '[0 [1 2] "Arity mismatch in f: expected 0 or 2, got 1"]',
    ),
    (
        "(defn f ([] 0) ([a b] 2)) [(try (f 1 2 3) (catch e (ex-message e)))]",
        '["Arity mismatch in f: expected 0 or 2, got 3"]',
    ),
    (
        "(defn f ([a] [a]) ([a & r] [a r])) [(f 1) (f 1 2) (try (f) (catch e (ex-message e)))]",
        '[[1] [1 (2)] "Arity mismatch in f: expected at least 1, got 0"]',
    ),
    (
        "(defn f ([n] (if (> n 2) n (recur (inc n)))) ([n m] (if (> n m) [n m] (recur (inc n) m)))) [(f 0) (f 0 1)]",
        "[3 [2 1]]",
    ),
    ("(defn f ([n] (map (fn [g] (g)) (list (fn [] n)))) ([n m] (fn [] [n m]))) [(f 1) ((f 1 2))]", "[[1] [1 2]]"),
    ("(defn f ([] (f 1)) ([a] a) ([a b & c] [a b c])) [(f) (f 2) (f 1 2 3)]", "[1 2 [1 2 (3)]]"),
    ("(defn k [] :const) (k)", ":const"),
    # rest arguments are a list wherever one can tell
    (
        "((fn [a & xs] [(reduce + a xs) (count xs) (map inc xs) (apply + xs) (first xs) (empty? xs)]) 1 2 3)",
        "[6 2 [3 4] 5 2 false]",
    ),
    ("((fn [& xs] [(count xs) xs (rest xs)]) 1 2)", "[2 (1 2) (2)]"),
    ("[((fn [& xs] (let [count vector] (count xs))) 1) ((fn [map & xs] (map 7 xs)) vector 1)]", "[[(1)] [7 (1)]]"),
    (
        "[((fn [& xs] (let [ys xs] ys)) 1) ((fn [& xs] (map (fn [x] xs) xs)) 1) (((fn [& xs] (fn [] xs)) 1))]",
        "[(1) [(1)] (1)]",
    ),
    (
        "(try ((fn [& xs] (xs 0)) 1) (catch e (ex-message e)))",
        '"Type error in function call: expected function, got list"',
    ),
    # scope
    ("(let [x 1] (let [x (+ x 10)] x))", "11"),
    ("(let [x 1] (let [x 2] x) x)", "1"),
    ("(let [f 1 f (fn [] f)] (f))", "1"),
    ("(let [ev (fn [n] (if (= n 0) true (od (- n 1)))) od (fn [n] (if (= n 0) false (ev (- n 1))))] (ev 6))", "true"),
    ("(letrec [a (fn [] b) b 5] (a))", "5"),
    ("(defn total [x] (def tmp 1) (+ x tmp)) (total 4)", "5"),
    ("(let [x 1] (def x (+ x 1)) x)", "2"),
    ("(let [v 42] (defn helper [x] (+ x v)) (helper 8))", "50"),
    ("(let [k 3] (defn up [n] (if (> n k) n (down n))) (defn down [n] (up (inc n))) (up 1))", "4"),
    ("(let [step 2] (* step 3))", "6"),
    # a function is called what somebody bound it to, not what a macro did
    (
        "[(let [f (fn [] 1)] f) (if-let [f (fn [] 1)] f) (some-> (fn [] 1) identity)]",
        "[#<function f> #<function> #<function>]",
    ),
    # a redefined builtin takes effect, before and after the definition
    ("(defn inc [x] 42) (inc 5)", "42"),
    ("(defn f [a b] (+ a b)) (def + -) (f 5 3)", "2"),
    ("(let [+ -] (+ 5 3))", "2"),
    # loops and what their closures capture
    ("(loop [i 0 acc []] (if (= i 3) acc (recur (inc i) (conj acc i))))", "[0 1 2]"),
    ("(loop [a 1 b 2 n 0] (if (= n 3) [a b] (recur b a (inc n))))", "[2 1]"),
    ("(map (fn [f] (f 1)) (loop [i 0 fs []] (if (= i 3) fs (recur (inc i) (conj fs (fn [x] (+ x i)))))))", "[1 2 3]"),
    ("(loop [i 0] (let [g (fn [x] (if (= x 0) i (g (- x 1))))] (if (< i 3) (recur (+ i 1)) (g 2))))", "3"),
    ("((fn [n acc] (if (zero? n) acc (recur (dec n) (* acc n)))) 5 1)", "120"),
    ("((fn [n & r] (if (zero? n) r (recur (dec n) (list n)))) 2 9)", "(1)"),
    ("(loop [[a & more] [1 2 3] n 0] (if (nil? a) n (recur more (+ n a))))", "6"),
    ("(+ 1 (loop [i 0] (if (< i 4) (recur (inc i)) i)))", "5"),
    ('(loop [x 1 n 0] (if (= n 2) x (recur (str "s" x) (inc n))))', '"ss1"'),
    (
        "(loop [i 0 t 0] (if (= i 3) t (recur (inc i) (+ t (loop [j 0 u 0] (if (= j 3) u (recur (inc j) (+ u j))))))))",
        "9",
    ),
    # conditions
    ("(and 1 false 3)", "false"),
    ("(or nil 5)", "5"),
    ("(let [a 1] (and a (let [b 2] b) (or nil a)))", "1"),
    ("(if (and true (let [a 1] (= a 1))) :y :n)", ":y"),
    ("(if (or false (let [a nil] a)) :y :n)", ":n"),
    ('[(if 0 1 2) (if "" 1 2) (if [] 1 2) (if nil 1 2) (if false 1 2)]', "[1 1 1 2 2]"),
    ("(if (not (nil? 1)) :some :none)", ":some"),
    ("[(if (+ 1 1) :y :n) (if (- 5) :y :n) (some? (* 2 3)) (when [(+ 1 1)] :y)]", "[:y :y true :y]"),
    # arithmetic keeps kinds apart
    ("(+ 1 2.5 3)", "6.5"),
    ("(= 1 1.0)", "false"),
    ("(let [f (fn [x] (= x 1))] [(f 1) (f 1.0) (f true)])", "[true false false]"),
    ("(let [f (fn [x] (+ x x))] [(f 1) (f 1.5)])", "[2 3.0]"),
    ('(let [f (fn [a b] (< a b))] [(f 1 2) (f 1.5 1) (f "a" "b")])', "[true false true]"),
    ("[(reduce (fn [a x] a) 1 [1 2]) (reduce (fn [a _] a) [] nil) (reduce (fn [a x] x) nil [1 2])]", "[1 [] 2]"),
    # the type of the result is checked after what computes it
    ("(defn f [x] :int (try x (catch e 0))) [(f 1) (try (f :k) (catch TypeValidationError e :late))]", "[1 :late]"),
    ("(defn f [n] :int (try (if (> n 0) n (throw n)) (catch e (recur (+ n 1))))) (f -2)", "1"),
    (
        "(defn f [x] :int (loop [i 0] (try (if (< i 2) (/ i 0) x) (catch e 7)))) [(f 1) (try (f :k) (catch e 9))]",
        "[7 7]",
    ),
    # what is known of a value is known of all the ways it may come
    ("(let [x (loop [] (try false (catch e 1)))] (= x 1))", "false"),
    ("(let [x (loop [i 0] (if (> i 0) 5 (loop [j 0] :k)))] [(= x 5) (if x x)])", "[false :k]"),
    ("(let [x (loop [i 0] (if (> i 0) 5 (try 1.5 (catch e 1) (finally 2))))] (= x 1.5))", "true"),
    ("(let [x (loop [i 0] (match i 0 nil _ 3))] (if x 1 2))", "2"),
    # destructuring and match
    ("(let [[a [b c] & r :as w] [1 [2 3] 4 5]] [a b c r w])", "[1 2 3 (4 5) [1 [2 3] 4 5]]"),
    ("(let [{:keys [a b] :or {b (* a 10)}} {:a 2}] b)", "20"),
    ("(let [{:keys [a] :or {a 1}} {:a nil}] a)", "nil"),
    ("(let [{:keys [a] & o} {:a 1 :b 2}] o)", "{:b 2}"),
    ("(match [1 2 3] [h & t] t)", "(2 3)"),
    ("(match {:a 1} {} :e _ :n)", ":n"),
    # clauses of one shape share what they find out, unless it was found on one way only
    (
        "(map (fn [v] (match v [0 x] x [x 0] [x] [x y] (+ x y) [x y z] z _ :no)) [[0 1] [1 0] [2 3] [1 2 3] '(0 9)])",
        "[1 [1] 5 3 9]",
    ),
    (
        "(map (fn [v] (match v (:list [a b]) [:list b] [a b] [:vector b] _ :no)) ['(1 2) [1 2] 3])",
        "[[:list 2] [:vector 2] :no]",
    ),
    (
        "(map (fn [v] (match v (:or [1 a] [a 1 2]) when (> a 5) a [x y z] z [x y] y)) [[1 9] [9 1 2] [1 2] [2 1 2]])",
        "[9 9 2 2]",
    ),
    ("(map (fn [v] (+ 1 (match v [1 a] when (> a 5) a [b c] c))) [[1 9] [1 2]])", "[10 3]"),
    ("(match 7 n when (> n 10) :big _ :small)", ":small"),
    ("(match 4 (:string s) s (:int n) (* n n))", "16"),
    ("(match 2 (:or 1 2 3) :low _ :high)", ":low"),
    ("(match [1 [2 3]] [a [b c]] when (= (+ a b) c) :sum _ :other)", ":sum"),
    ("(loop [xs [3 :stop 4] n 0] (match xs [:stop & _] n [x & more] (recur more (+ n x))))", "3"),
    # errors
    ("(try (/ 1 0) (catch TypeError e 1) (catch RuntimeError e (:type e)))", ":division-by-zero"),
    ("(try (throw 42) (catch e (:data e)) (finally 9))", "42"),
    ("(try (try (/ 1 0) (catch e (throw e))) (catch DivisionByZero e :same))", ":same"),
    ("(try (throw {:type :no-stock :sku 9}) (catch :no-stock e (:sku (ex-data e))))", "9"),
    ("(defn f [x] x) (try (f) (catch ArityMismatch e (ex-message e)))", '"Arity mismatch in f: expected 1, got 0"'),
    ("(map (fn [x] (try (/ 6 x) (catch e (:type e)))) [0 2])", "[:division-by-zero 3]"),
    # data
    ("{1 :i 1.0 :f true :b}", "{1 :i 1.0 :f true :b}"),
    ('(plan :name "p" :language rtfs20 :body (+ 1 2))', "3"),
    ('(:since (meta (do (defn f "adds" {:since 2} [x] (inc x)) f)))', "2"),
    ('(defn f "adds" {:since 2} [x] (inc x)) [(doc f) (:since (meta f)) (:params (meta f))]', '["adds" 2 [x]]'),
    ("(defn named [x] x) [named (fn [] 1) inc]", "[#<function named> #<function> #<function inc>]"),
]


@pytest.mark.parametrize(("text", "expected"), VALUES)
def test_a_program_has_the_value_the_language_gives_it(text: str, expected: str, shown: Shown) -> None:
    assert shown(text) == expected


FAILURES = [
    ('(+ 1 (+ 2 "x"))', "TypeError", "Type error in +: expected number, got string", "t.rtfs:1:11-1:14"),
    ("(defn f [x] x) (f 1 2)", "ArityMismatch", "Arity mismatch in f: expected 1, got 2", "t.rtfs:1:16-1:23"),
    ("((fn [] 1) 2)", "ArityMismatch", "Arity mismatch in fn: expected 0, got 1", "t.rtfs:1:1-1:14"),
    (
        "(+ #| 1 ) |# 'a #_(b) ; c (\n ^{:x 1} [2])",
        "TypeError",
        "Type error in +: expected number, got symbol",
        "t.rtfs:1:14-1:16",
    ),
    (
        "(+ 1 #| 1 ) |# #_(b) ; c (\n ^{:x 1} [2])",
        "TypeError",
        "Type error in +: expected number, got vector",
        "t.rtfs:2:2-2:13",
    ),
    (
        "(fn [x] x)((fn [a b :int] a) 1 :k)",
        "TypeValidationError",
        "Type validation error: param b of fn: Type mismatch: expected :int, got keyword",
        "t.rtfs:1:19-1:25",
    ),
    ("(#(- 2 %1 1) nil)", "TypeError", "Type error in -: expected number, got nil", "t.rtfs:1:8-1:10"),
    ("(#(- %1 %1 1) nil)", "TypeError", "Type error in -: expected number, got nil", "t.rtfs:1:6-1:8"),
    (
        "(reduce #(+ %1 1 %2 0) [1 nil])",
        "TypeError",
        "Type error in +: expected number, got nil",
        "t.rtfs:1:18-1:20",
    ),
    ("(inc)", "ArityMismatch", "Arity mismatch in inc: expected 1, got 0", "t.rtfs:1:1-1:6"),
    (
        "(defn f ([] 1) ([x] x)) (f 1 2)",
        "ArityMismatch",
        "Arity mismatch in f: expected 0 or 1, got 2",
        "t.rtfs:1:25-1:32",
    ),
    (
        "(let [a 1 b :int nil] a)",
        "TypeValidationError",
        "Type validation error: let b: Type mismatch: expected :int, got nil",
        "t.rtfs:1:18-1:21",
    ),
    ("(foo 1)", "UndefinedSymbol", "Undefined symbol: foo", "t.rtfs:1:2-1:5"),
    ("(let [{a :a :or {a foo}} {}] a)", "UndefinedSymbol", "Undefined symbol: foo", "t.rtfs:1:20-1:23"),
    ("(letrec [a b b 5] a)", "UndefinedSymbol", "Undefined symbol: b", "t.rtfs:1:12-1:13"),
    ("(5 1)", "TypeError", "Type error in function call: expected function, got integer", "t.rtfs:1:2-1:3"),
    ("(match 6 4 :a)", "MatchError", "Match error: No matching clause for 6", "t.rtfs:1:8-1:9"),
    ("(+ 1 (recur 2))", "SyntaxError", "recur: not in tail position of a loop or function", "t.rtfs:1:6-1:15"),
    (
        "(if true 1 2 3)",
        "SyntaxError",
        "if: expected a condition, a branch and an optional other branch, got 4 forms",
        "t.rtfs:1:1-1:16",
    ),
    ("(throw 42)", "ApplicationError", "42", "t.rtfs:1:1-1:11"),
    (
        "(defn f [n] (+ 1 (f n))) (f 0)",
        "StackOverflow",
        "Stack overflow: call depth exceeded 50000",
        "t.rtfs:1:18-1:23",
    ),
]


@pytest.mark.parametrize(("text", "kind", "message", "span"), FAILURES)
def test_an_error_names_its_kind_its_text_and_the_exact_place(
    text: str, kind: str, message: str, span: str, failing: Failing
) -> None:
    error = failing(text)
    assert (error.kind, error.message, repr(error.span)) == (kind, message, span)


def test_the_trace_lists_the_calls_innermost_first(failing: Failing) -> None:
    error = failing("(defn g [x] (+ x nil)) (defn h [y] (g y)) (h 5)")
    assert [name for name, _ in error.trace] == ["g", "h", None]


def test_a_limit_error_is_not_caught_and_finally_still_runs(failing: Failing) -> None:
    assert failing("(defn f [n] (+ 1 (f n))) (try (f 0) (catch e 1) (finally 2))").kind == "StackOverflow"


def test_ten_thousand_nested_calls_are_fine(shown: Shown) -> None:
    assert shown("(defn down [n] (if (= n 0) 0 (+ 1 (down (- n 1))))) (down 10000)") == "10000"
    assert shown("(defn deep [n] (if (= n 0) [0] (map (fn [x] x) (deep (- n 1))))) (deep 10000)") == "[0]"


def test_operands_are_evaluated_before_any_is_checked(played: Callable[..., tuple[list[list[str]], str]]) -> None:
    calls, end = played('(+ "x" (call :y))', 1)
    assert calls == [["y"]]
    assert end == "TypeError: Type error in +: expected number, got string"


def test_host_calls_happen_from_left_to_right_also_when_an_operand_needs_statements(
    played: Callable[..., tuple[list[list[str]], str]],
) -> None:
    text = """[(call :a) (let [x (call :b)] (loop [i 0] (if (< i 1) (recur (inc i)) x)))
               {(call :c) (call :d)} (- (call :e) (call :f))]"""
    calls, end = played(text, 1, 2, 3, 4, 6, 5)
    assert [name for name, *_ in calls] == ["a", "b", "c", "d", "e", "f"]
    assert end == "[1 2 {3 4} 1]"


def test_what_is_called_is_read_before_anything_that_an_argument_does(
    played: Callable[..., tuple[list[list[str]], str]],
) -> None:
    assert played("(none (try (call :a) (catch e 1)))") == ([], "UndefinedSymbol: Undefined symbol: none")
    text = "(defn f [x] :old) [(f (try (def f (fn [x] :new)) (catch e 1))) (f 1)]"
    assert played(text) == ([], "[:old :new]")


def test_metadata_is_evaluated_from_left_to_right_just_before_its_form(
    played: Callable[..., tuple[list[list[str]], str]],
) -> None:
    two = "{:a (call :a) :runtime.b (call :b) :c (try (call :c) (finally 1))}"
    for text, last in (
        (f"^{two} (do (call :d))", "1"),
        (f"^{two} (def x (call :d))", "1"),
        (f"(def ^{two} x (call :d))", "1"),
        (f"(def y (do ^{two} (fn [] 1) (call :d)))", "1"),
        (f"^{two} (def x (do (def y 2) (call :d) (:a (meta y))))", "nil"),
    ):
        calls, end = played(text, 1, 1, 1, 1)
        assert [name for name, *_ in calls] == ["a", "b", "c", "d"]
        assert end == last


def test_a_map_form_evaluates_every_pair_and_the_later_equal_key_wins(
    played: Callable[..., tuple[list[list[str]], str]],
) -> None:
    assert played("{(call :k) 1 (call :k) 2}", rtfs.Keyword("a"), rtfs.Keyword("a")) == ([["k"], ["k"]], "{:a 2}")


def test_hints_and_step_path_reach_the_host() -> None:
    text = (
        '(step "outer" ^{:runtime.learning.timeout {:absolute-ms 50}} (map (fn [x] (call :slow x)) [1])) (call :plain)'
    )
    outcome = rtfs.Session(cache=False).start(text)
    assert isinstance(outcome, rtfs.RequiresHost)
    assert list(outcome.call.metadata.hints) == ["runtime.learning.timeout"]
    assert outcome.call.step_path == ("outer",)
    assert repr(outcome.call.span) == "<text>:1:75-1:89"
    after = outcome.resume(1)
    assert isinstance(after, rtfs.RequiresHost)
    assert (after.call.metadata.hints, after.call.step_path, after.call.seq) == ({}, (), 1)


def test_an_outcome_is_answered_once() -> None:
    outcome = rtfs.Session(cache=False).start("(call :a)")
    assert isinstance(outcome, rtfs.RequiresHost)
    outcome.resume(1)
    with pytest.raises(rtfs.RtfsError, match="one-shot"):
        outcome.resume(2)


def test_a_loop_that_never_ends_meets_its_deadline() -> None:
    session = rtfs.Session(cache=False, limits=rtfs.Limits(seconds=0.05))
    with pytest.raises(rtfs.RtfsError) as raised:
        session.run("(loop [] (recur))")
    assert raised.value.kind == "DeadlineExceeded"
