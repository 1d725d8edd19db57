"""Fused chains against the same chains with callbacks that nothing can look into: values, errors and their places."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.eval.runtime import again
from rtfs.lang.errors import LimitError

Shown = Callable[[str], str]
Failing = Callable[[str], rtfs.RtfsError]
Played = Callable[..., tuple[list[list[str]], str]]

SESSION = rtfs.Session(cache=False, limits=rtfs.Limits.unlimited())
MAPS = [
    "(fn [x] (* x x))",
    "inc",
    ":a",
    "(fn [x] [x (str x)])",
    "(fn [[a b]] (or b a))",
    "(fn [{:keys [a]}] a)",
    "first",
]
MAPS += ["(fn [x] (let [y (+ x 1)] (if (< y 3) {:a y} y)))", "(fn [x] (/ 6 x))", "(fn [x] free)", "str", "-"]
TESTS = [
    "(fn [y] (= 0 (mod y 2)))",
    "even?",
    ":a",
    "(fn [x] (and x (not= x 3)))",
    "(fn [x] (< x 2))",
    "some?",
    "string?",
]
FOLDS = [
    "+",
    "*",
    "(fn [t x] (+ t (* 2 x)))",
    "(fn [t x] (if (:a x) (assoc t :b (:a x)) t))",
    "str",
    "max",
    "(fn [t x] x)",
]
ELEMENTS = ["0", "1", "2", "3", "-7", "2.5", "nil", "true", '"a"', "{:a 1}", "{:a nil}", "[4 5]", "[]", "##NaN"]


def outcome(text: str) -> str:
    """The printed value of a program, or its error and where it is."""
    try:
        return rtfs.show(SESSION.run(text, name="chain.rtfs"))
    except rtfs.RtfsError as error:
        return f"{error.kind}: {error.message}"


@st.composite
def chains(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A chain with `{n}` for its callbacks, and these."""
    callbacks: list[str] = []
    chain = draw(st.sampled_from(["xs", "xs", "(rest xs)", "ys"]))
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(["map", "mapv", "filter", "remove"]))
        chain = f"({name} {{{len(callbacks)}}} {chain})"
        callbacks.append(draw(st.sampled_from(MAPS if name.startswith("map") else TESTS)))
    end = draw(st.sampled_from(["({0} 0 {1})", "({0} {1})", "({0} {{:b 1}} {1})", "(count {1})", "{1}"]))
    if "{0}" in end:
        end = end.replace("{0}", f"reduce {{{len(callbacks)}}}").replace("{{", "{{{{").replace("}}", "}}}}")
        callbacks.append(draw(st.sampled_from(FOLDS)))
        end = end.replace("{{{{:b 1}}}}", "b")
    return end.replace("{1}", chain), callbacks


@settings(max_examples=150, deadline=None)
@given(chains(), st.lists(st.sampled_from(ELEMENTS), max_size=5))
def test_a_fused_chain_means_what_the_chain_means(chain: tuple[str, list[str]], elements: list[str]) -> None:
    shape, callbacks = chain
    data = f"(def b {{:b 1}}) (def xs [{' '.join(elements)}]) (def ys (into xs (range 70)))"
    hidden = [f"(identity {callback})" for callback in callbacks]
    assert outcome(f"{data} {shape.format(*callbacks)}") == outcome(f"{data} {shape.format(*hidden)}")


@pytest.mark.parametrize("source", ["nil", "{:a 1 :b 2}", "(list 1 2)", '"abc"', "[]", "5", ":k", "(fn [] 1)"])
def test_a_fused_chain_walks_any_sequence(source: str) -> None:
    chain = "(count (map {0} (filter {0} {1})))"
    fused, plain = (chain.format(callback, source) for callback in ("(fn [x] (str x))", "(identity (fn [x] (str x)))"))
    assert outcome(fused) == outcome(plain)


# ---- which error comes first, and where it is


def test_the_first_error_is_the_one_of_the_earliest_stage(failing: Failing) -> None:
    error = failing('(reduce + 0 (filter (fn [y] (< y "a"))\n  (map (fn [x] (/ 6 x)) [1 0])))')
    assert error.span is not None
    assert (error.kind, error.span.line, error.span.column) == ("DivisionByZero", 2, 21)


def test_an_error_of_a_later_stage_is_where_its_callback_is_wrong(failing: Failing) -> None:
    error = failing('(filter (fn [y]\n  (< y "a")) (map (fn [x] (* x 6)) [1 2]))')
    assert error.span is not None
    assert (error.message, error.span.line) == ("Type error in <: expected comparable types, got string", 2)


def test_a_product_that_is_too_large_is_an_error_of_its_stage(failing: Failing) -> None:
    error = failing("(def big (pow 2 200000)) (count (filter even? (map (fn [x] (* x x)) [1 big])))")
    assert error.kind == "MemoryLimitExceeded"


def test_only_what_ends_the_run_is_not_tried_again() -> None:
    again(LimitError("MemoryLimitExceeded", "Memory limit exceeded"))
    for kind in ("DeadlineExceeded", "Cancelled", "StepLimitExceeded"):
        with pytest.raises(LimitError, match=kind):
            again(LimitError(kind, kind))


# ---- what is not fused


def test_host_calls_keep_the_order_of_the_text(played: Played) -> None:
    calls, value = played(
        "(filter (fn [y] (call :keep y)) (map (fn [x] (call :double x)) [1 2]))", 2, 4, True, False
    )  # fmt: skip
    assert (calls, value) == ([["double", "1"], ["double", "2"], ["keep", "2"], ["keep", "4"]], "[2]")


def test_so_do_host_calls_of_functions_that_a_callback_calls(played: Played) -> None:
    text = "(defn f [x] (call :f x)) (reduce + 0 (map (fn [x] (f x)) (filter (fn [x] (f x)) [1 2])))"
    calls, value = played(text, True, True, 5, 6)
    assert (calls, value) == ([["f", "1"], ["f", "2"], ["f", "1"], ["f", "2"]], "11")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(defn even? [x] true) (count (filter even? [1 2 3]))", "3"),
        ("(defn f [xs] (count (filter (fn [x] (even? x)) xs))) (defn even? [x] true) (f [1 2 3])", "3"),
        ("(let [inc dec] (reduce + 0 (map inc [1 2 3])))", "3"),
        ("(let [inc dec] (reduce + 0 (map (fn [x] (inc x)) [1 2 3])))", "3"),
        ("(reduce + 0 (map (fn [inc] (inc 1)) [inc dec]))", "2"),
        ("(reduce + 0 (map (fn [x] (let [inc dec] (inc x))) [1 2]))", "1"),
        ("(module m (:exports [+]) (defn + [a b] (* a b))) (import m :only [+]) (reduce + 1 (map inc [1 2]))", "6"),
        ("(defn map [f xs] [7]) (defmacro m [] `(reduce + 0 (map inc [1 2]))) (m)", "7"),
        ("(defn reduce [& xs] :mine) (reduce + 0 (map inc [1 2]))", ":mine"),
        ("(let [map (fn [f xs] [7])] (count (filter odd? (map inc [1 2]))))", "1"),
    ],
)
def test_what_shadows_a_builtin_takes_effect(shown: Shown, text: str, value: str) -> None:
    assert shown(text) == value


def test_a_callback_may_capture_what_is_around_it(shown: Shown) -> None:
    assert shown("(let [k 10] (reduce + 0 (map (fn [x] (+ x k)) (filter (fn [x] (< x k)) [1 20 2]))))") == "23"


def test_a_chain_inside_a_callback_is_fused_on_its_own(shown: Shown) -> None:
    assert shown("(map (fn [xs] (reduce + 0 (map inc (filter odd? xs)))) [[1 2 3] [] [5]])") == "[6 0 6]"


def test_what_a_fold_of_maps_gives_is_looked_up_afresh(shown: Shown) -> None:
    text = "(defn f [xs] (let [t (reduce (fn [m x] (assoc m :a (+ (:a m) x) :b (:b m))) {:a 0} xs)] [(:a t) (:b t)]))"
    assert shown(text + "(f [1 2 3])") == "[6 nil]"


def test_a_lookup_straight_into_a_fold_sees_its_last_value(shown: Shown) -> None:
    assert shown("(:a (reduce (fn [m x] (assoc m :a (+ (:a m) x) :b (:b m))) {:a 0} [1 2 3]))") == "6"
