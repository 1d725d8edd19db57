"""Inlined builtins against the same functions called as values, which nothing inlines: results, errors and places."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

import rtfs
from rtfs.lang.collections import Map

Shown = Callable[[str], str]
Failing = Callable[[str], rtfs.RtfsError]
Played = Callable[..., tuple[list[list[str]], str]]

BIG = "115792089237316195423570985008687907853269984665640564039457584007913129639936"  # 2^256
NUMBERS = f"0 1 -3 7 0.0 -2.5 1.0 ##NaN ##Inf {BIG} -{BIG} 1e300"
VALUES = f'[{NUMBERS} nil true false "a" :k [1] (list 1) {{:a 1}}]'
FEW = '[0 1 -3 2.0 ##NaN true nil "a"]'


@pytest.fixture(scope="module")
def session() -> rtfs.Session:
    return rtfs.Session(cache=False, limits=rtfs.Limits.unlimited())


def result(session: rtfs.Session, function: Any, arguments: tuple[Any, ...]) -> str:
    """What a call gives: its printed value, or the text of its error."""
    try:
        return rtfs.show(session.call(function, *arguments))
    except rtfs.RtfsError as error:
        return f"{error.kind}: {error.message}"


def check_alike(session: rtfs.Session, inlined: str, reference: str, values: str) -> None:
    """Two function texts of the same parameters must give the same for all values."""
    one, other = session.run(inlined), session.run(reference)
    for arguments in product(session.run(values), repeat=one.__code__.co_argcount):
        found, expected = (result(session, function, arguments) for function in (one, other))
        assert found == expected, f"{inlined} of {', '.join(map(rtfs.show, arguments))}"


def check_call(session: rtfs.Session, name: str, shapes: list[str], values: str) -> None:
    """A name at the head of calls, `{}` in the shapes, and a value of the same meaning must give the same."""
    for shape in shapes:
        parameters = "[a b c]" if " c" in shape else "[a b]" if " b" in shape else "[a]"
        texts = [f"(fn {parameters} ({shape.replace('{}', head)}))" for head in (name, f"(identity {name})")]
        check_alike(session, texts[0], texts[1], values)


@pytest.mark.parametrize("name", ["+", "-", "*", "<", "<=", ">", ">=", "=", "!=", "mod", "max", "min"])
def test_an_inlined_operator_means_what_the_function_means(session: rtfs.Session, name: str) -> None:
    check_call(session, name, ["{} a b"], VALUES)
    check_call(
        session, name, ["{} a a", "{} a 7", "{} 7 a", "{} a 0", "{} a 0.5", "{} -0.5 a", f"{{}} {BIG} a"], VALUES
    )
    check_call(session, name, ['{} a "a"', "{} :k a", "{} nil a", "{} a true", "{} a b 1"], FEW)


@pytest.mark.parametrize("name", ["+", "-", "*", "<", "=", "max", "min"])
def test_so_it_does_with_three_operands(session: rtfs.Session, name: str) -> None:
    check_call(session, name, ["{} a b c"], FEW)


ONE = "inc dec even? odd? zero? pos? neg? not nil? true? false? some? identity int? float? number? string? map? vector?"
MORE = "list? keyword? boolean? fn? count str keys vector list - + * = abs first rest empty? char-code from-char-code"


@pytest.mark.parametrize("name", [*ONE.split(), *MORE.split()])
def test_an_inlined_function_of_one_argument_means_what_the_function_means(session: rtfs.Session, name: str) -> None:
    check_call(session, name, ["{} a", "if ({} a) 1 2", "= ({} a) a"], VALUES)


@pytest.mark.parametrize("name", ["+", "*", "<", "mod", "max", "min"])
def test_an_operator_wants_its_kinds_also_when_it_is_nested_in_another(session: rtfs.Session, name: str) -> None:
    shapes = ["= 0 ({} a b)", "if ({} a b) (* a b) 0", "+ ({} a b) a", "* 2 ({} b a)", "< ({} a b) ({} b a)"]
    check_call(session, name, [*shapes, "let [c ({} a b)] (if (= 0 c) (inc c) [a b])"], FEW)


COLLS = (
    '[[] [1] [1 2 3] (vec (range 64)) (vec (range 65)) (list 1 2) "" "a" "aé" nil {:a 1} 5 :k 55296 233 -1 1.5 true]'
)


@pytest.mark.parametrize(
    "name", ["first", "last", "rest", "empty?", "count", "nth", "conj", "get", "char-code", "from-char-code", "str"]
)
def test_an_inlined_function_of_collections_means_what_the_function_means(session: rtfs.Session, name: str) -> None:
    check_call(
        session, name, ["{} a", "{} a 0", "{} a 2", "{} a :x", "{} [1 2] a", "{} a nil", "{} nil", "{} 5"], COLLS
    )
    check_call(session, name, ["{} a b"], COLLS)


def test_texts_are_joined_however_long_they_are(session: rtfs.Session) -> None:
    values = '["a" 1 nil :k 1.5 [1 "x"] (string/repeat "ab" 150) (string/repeat "z" 401) 99999999999999999999 true]'
    check_call(session, "str", ["{} a b", '{} "n=" a " " b 4 nil :k', "{} a a a a", '{} "" a'], values)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_an_error_in_a_long_text_is_that_of_the_function(session: rtfs.Session, size: int) -> None:
    check_call(session, "str", ["{} " + "a " * size], '[(string/repeat "x" 6000000) (string/repeat "y" 3)]')


# ---- maps

TARGETS = '[{} {:a 1} {:a nil :b 2} {"a" 1} nil [1 2] (list 1) "ab" 5 :k (ex-info "m" {:x 1})]'
LARGE = "(reduce (fn [m i] (assoc m i i)) {} (range 63))"


@pytest.mark.parametrize("call", [":a", "get"])
def test_an_inlined_lookup_means_what_the_function_means(session: rtfs.Session, call: str) -> None:
    shapes = ["{} a", "{} a 9", "vector ({} a) ({} a 1) (:b a)"]
    if call == "get":
        shapes = ["{} a :a", "{} a :a 9", '{} a "a"', "{} a :data nil", "vector ({} a :a) ({} a :b)"]
    check_call(session, call, shapes, TARGETS)


@pytest.mark.parametrize("pairs", [":a 5", ':a 5 "b" 6', ":z 1 :a 2 :y 3", ":z (:a a) :b (:b a)"])
def test_an_inlined_assoc_means_what_the_function_means(session: rtfs.Session, pairs: str) -> None:
    targets = f"(into {TARGETS} [{LARGE} (assoc {LARGE} 63 63) (assoc {LARGE} 63 63 64 64)])"
    check_call(session, "assoc", [f"{{}} a {pairs}"], targets)


KEYED = '[{} {:a 1} {1 2 1.0 3 true 4} {"a" {:b 1}} nil [1 2] [] (list 1) "ab" 5 :k (ex-info "m" {:x 1})]'
KEYS = '[:a "a" 0 1 1.0 true nil [1] 2 -1 :k]'


ACCESSES = [
    *("get a b", "get a b :none", "assoc a b 7", "get-in a [b]", "get-in a [b :b]", "assoc-in a [b] 7"),
    *(
        "assoc-in a [:a b] 7",
        "update a b (fn [old] [old])",
        "update a b inc",
        "update a b + 5",
        "update a b vector 1 2",
    ),
    *("update-in a [b] (fn [old] [old])", "update-in a [b :b] inc", 'update-in a ["a" b] str "!"', "update a b a"),
]


@pytest.mark.parametrize("call", ACCESSES)
def test_inlined_access_by_any_key_means_what_the_function_means(session: rtfs.Session, call: str) -> None:
    name, _, rest = call.partition(" ")
    inlined, called = (session.run(f"(fn [a b] ({head} {rest}))") for head in (name, f"(identity {name})"))
    for coll in [*session.run(KEYED), *session.run(f"[{LARGE} (assoc {LARGE} 63 63) (assoc {LARGE} 63 63 64 64)]")]:
        for key in session.run(KEYS):
            found, expected = (result(session, function, (coll, key)) for function in (inlined, called))
            assert found == expected, f"{call} of {rtfs.show(coll)} and {rtfs.show(key)}"


@pytest.mark.parametrize(
    "call", ["update m (k) inc", "update-in m [(k) :b] inc", "assoc-in m [(k) :b] (v)", "get m (k) (v)"]
)
def test_what_is_inlined_evaluates_its_arguments_in_order(played: Played, call: str) -> None:
    text = f"(defn m [] (call :m)) (defn k [] (call :k)) (defn v [] (call :v)) ({call.replace(' m ', ' (m) ')})"
    calls, _ = played(text, None, rtfs.Keyword("a"), 3)
    assert [name for name, *_ in calls] == ["m", "k", "v"][: len(calls)]


def test_a_callback_of_update_that_is_inlined_may_call_the_host(played: Played) -> None:
    assert played("(update {:a 1} :a (fn [old] (call :next old)))", 5) == ([["next", "1"]], "{:a 5}")
    assert played("(update-in {} [:a :b] (fn [old] (call :next old)))", 5) == ([["next", "nil"]], "{:a {:b 5}}")


@pytest.mark.parametrize("size", [62, 63, 64, 65])
def test_a_map_means_the_same_however_it_outgrew_its_dict(session: rtfs.Session, size: int) -> None:
    pairs = [(number, number) for number in range(size)]
    grown = session.call(session.run("(fn [m] (assoc m :a 1 :b 2 0 :zero))"), rtfs.from_python(dict(pairs)))
    built = Map.of([*pairs, (rtfs.Keyword("a"), 1), (rtfs.Keyword("b"), 2), (0, rtfs.Keyword("zero"))])
    assert (grown, hash(grown), rtfs.show(grown)) == (built, hash(built), rtfs.show(built))
    assert grown.dissoc(0).assoc(0, 0).entries() == built.dissoc(0).assoc(0, 0).entries()


def test_assoc_leaves_the_map_it_changes_alone(shown: Shown) -> None:
    assert shown("(let [m {:a 1} n (assoc m :a 2 :b 3)] [m n])") == "[{:a 1} {:a 2 :b 3}]"


def test_the_values_of_assoc_are_evaluated_before_its_target_is_tested(played: Played) -> None:
    text = "(assoc (call :target) :a (call :a) :b (call :b))"
    assert played(text, 5, 1, 2) == (
        [["target"], ["a"], ["b"]],
        "TypeError: Type error in assoc: expected map or vector, got integer",
    )


# ---- literals that are made once


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(defn f [] {:a [1 {:b nil}]}) [(f) (assoc (f) :a 2) (f)]", "[{:a [1 {:b nil}]} {:a 2} {:a [1 {:b nil}]}]"),
        ("(defn f [] [1 2 3]) [(conj (f) 4) (f)]", "[[1 2 3 4] [1 2 3]]"),
        ("{:a 1 :b 2 :a 3}", "{:a 3 :b 2}"),
        ("(loop [i 0 v [:x]] (if (= i 2) v (recur (inc i) (conj v {:k [i]}))))", "[:x {:k [0]} {:k [1]}]"),
        ("[{} [] () {[] {}}]", "[{} [] () {[] {}}]"),
        ("(let [x 1] {:a {:b x} :c {:d 2}})", "{:a {:b 1} :c {:d 2}}"),
        ("{1 :i 1.0 :f true :b}", "{1 :i 1.0 :f true :b}"),
    ],
)
def test_a_constant_collection_is_a_value_like_any_other(shown: Shown, text: str, value: str) -> None:
    assert shown(text) == value


def test_growing_a_large_literal_leaves_the_next_turn_a_literal_of_its_own(shown: Shown) -> None:
    literal = "[" + " ".join(map(str, range(70))) + "]"
    assert shown(f"(defn f [] {literal}) (conj (f) :x) [(count (f)) (last (f))]") == "[70 69]"


@pytest.mark.parametrize(
    "text",
    [
        "(defn f [m] (assoc m :a 1)) (defn assoc [& xs] :mine) (f {})",
        "(let [assoc (fn [& xs] :mine)] (assoc {} :a 1))",
        "(module other (:exports [assoc]) (defn assoc [& xs] :mine)) (import other :only [assoc]) (assoc {} :a 1)",
        "(defn assoc [& xs] :mine) (defmacro m [] `(assoc {} :a 1)) (m)",
    ],
)
def test_a_redefined_assoc_takes_effect(shown: Shown, text: str) -> None:
    assert shown(text) == ":mine"


def test_a_template_of_the_library_means_the_library_whatever_the_program_defines(shown: Shown) -> None:
    assert shown("(defn not [x] :mine) (if-not nil 1 2)") == "1"


def test_the_error_of_an_inlined_call_is_where_its_text_is_wrong(failing: Failing) -> None:
    error = failing("(defn f [m]\n  [(assoc m :a 1)])\n(f 5)")
    assert error.span is not None
    assert (error.span.line, error.span.column, error.span.end_column) == (2, 11, 12)  # the operand that is wrong


# ---- what a loop computes once


@pytest.mark.parametrize("limit", ["2", "2.5", '"b"', "nil", "true", "[1]", "##NaN"])
@pytest.mark.parametrize("items", ["[1 2 3]", '["a" "c"]', "[1 2.5 nil]", "[]", "[true]", "(range 70)"])
def test_what_is_the_same_in_all_turns_may_be_of_any_kind(session: rtfs.Session, limit: str, items: str) -> None:
    callbacks = [
        "(fn [x] (< x y))",
        "(fn [x] (+ y x))",
        "(fn [x] (* x y y))",
        "(fn [x] (- 1 y))",
        "(fn [x] (if x y x))",
    ]
    for callback in callbacks:
        for shape in ("(map {} xs)", "(filter {} xs)", "(reduce (fn [t x] ({} x)) 0 xs)"):
            texts = [f"(fn [y xs] {shape.format(one)})" for one in (callback, f"(identity {callback})")]
            values = tuple(session.run(f"[{limit} {items}]"))
            found = [result(session, session.run(text), values) for text in texts]
            assert found[0] == found[1], f"{texts[0]} of {limit} {items}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(letrec [a (map (fn [x] (< x b)) []) b 5] a)", "[]"),
        ("(reduce (fn [t x] (let [y (+ t x)] (+ y t))) 1 [1 2.5])", "8.5"),
        ("(loop [i 0 n 3 out []] (if (< i 3) (recur (inc i) (+ n 0.5) (conj out (map (fn [x] (+ x n)) [1]))) out))",
         "[[4] [4.5] [5.0]]"),
        ("((fn [n] (map (fn [x] (map (fn [y] (+ x y n)) [1 2])) [10 0.5])) 100)", "[[111 112] [101.5 102.5]]"),
    ],
)  # fmt: skip
def test_what_changes_between_turns_is_looked_at_in_each(shown: Shown, text: str, value: str) -> None:
    assert shown(text) == value
