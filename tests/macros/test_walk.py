"""Which parts of each special form are expanded, and where a name hides a macro (language.md §3.3, §5)."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("(m)", ":M"),
        ("[(m) {(m) (m)}]", "[:M {:M :M}]"),
        ("(f (m) [(m)])", "(f :M [:M])"),
        ("((m) (m))", "(:M :M)"),
        ("(:k (m))", "(:k :M)"),
        ("(if (m) (m) (m))", "(if :M :M :M)"),
        ("(do (m) (m))", "(do :M :M)"),
        ("(and (m) (or (m)))", "(and :M (or :M))"),
        ("(recur (m))", "(recur :M)"),
        ("(throw (m))", "(throw :M)"),
        ("(call (m) (m))", "(call :M :M)"),
        ("(context/get (m) (m))", "(context/get :M :M)"),
        ("(doc (m))", "(doc :M)"),
        ("(def x (m))", "(def x :M)"),
        ('(def x "text" :int (m))', '(def x "text" :int :M)'),
        ("(def x : (m) (m))", "(def x : (m) :M)"),
        ("(fn [x] (m) x)", "(fn [x] :M x)"),
        ("(fn f ([] (m)) ([x] (m)))", "(fn f ([] :M) ([x] :M))"),
        ("(λ [x : (m)] : (m) (m))", "(fn [x : (m)] : (m) :M)"),
        ("(lambda [{:keys [a] :or {a (m)}} & r] (m))", "(lambda [{:keys [a] :or {a :M}} & r] :M)"),
        ('(defn f "text" {:k (m)} [x] (m))', '(defn f "text" {:k :M} [x] :M)'),
        ("(defn- f ([x] (m)) ([x & y : (m)] (m)))", "(defn- f ([x] :M) ([x & y : (m)] :M))"),
        ('(defmacro n "text" [x] (m))', '(defmacro n "text" [x] :M)'),
        ("(let [a (m) b :int (m) c : (m) (m)] (m))", "(let [a :M b :int :M c : (m) :M] :M)"),
        ("(let [[a {:keys [b] :or {b (m)}}] (m)] (m))", "(let [[a {:keys [b] :or {b :M}}] :M] :M)"),
        ("(letrec [a (fn [] (m))] (m))", "(letrec [a (fn [] :M)] :M)"),
        ("(loop [i (m)] (recur (m)))", "(loop [i :M] (recur :M))"),
        (
            "(try (m) (catch TypeError e (m)) (catch e (m)) (finally (m)))",
            "(try :M (catch TypeError e :M) (catch e :M) (finally :M))",
        ),
        ("(match (m) (:type (m) [a]) (m) {:k b} when (m) (m))", "(match :M (:type (m) [a]) :M {:k b} when :M :M)"),
        ('(step "s" :params {"k" (m)} (m) (m))', '(step "s" :params {"k" :M} :M :M)'),
        ("(step-if (m) (m) (m))", "(step-if :M :M :M)"),
        ("(step-loop :expose-context (m) (m) (m))", "(step-loop :expose-context :M :M :M)"),
        ("(step-parallel (m) (m))", "(step-parallel :M :M)"),
        ('(plan "p" :goal (m) :body (m))', '(plan "p" :goal (m) :body :M)'),
        ('(capability "c" :language (m) :cost (m))', '(capability "c" :language (m) :cost :M)'),
        ("(intent :input-schema (m) :goal (m))", "(intent :input-schema (m) :goal :M)"),
        ("^{:runtime.learning.retry (m)} (f (m))", "^{:runtime.learning.retry :M} (f :M)"),
        ("(def ^{:doc (m)} x (m))", "(def ^{:doc :M} x :M)"),
        ("(defstruct ^{:doc (m)} P :x (m))", "(defstruct ^{:doc :M} P :x (m))"),
        ("(match 1 {:keys 5} (m))", "(match 1 {:keys 5} :M)"),
    ],
)
def test_expressions_are_expanded(workshop: Any, text: str, core: str) -> None:
    assert workshop.shown(text) == core


@pytest.mark.parametrize(
    "text",
    [
        "(quote (m))",
        "(unquote (m))",
        "(defstruct P :x (m))",
        "(deftype T (m))",
        "(import (m))",
        "(module n (m))",
        "(export (m))",
        "{(m) => (m)}",
        "(meta m)",
        "(doc m)",
        "(match 1 [(m) (:as m 1)] 2)",
        "(if)",
        "(let)",
        "(let [a] (m))",
        "(let (m) (m))",
        "(fn (m))",
        "(def m)",
        "(defn m)",
        "(catch)",
        "(quasiquote a b)",
        "(quote)",
        "()",
        "5",
        "x",
    ],
)
def test_data_and_malformed_forms_stay_the_same_object(workshop: Any, text: str) -> None:
    form = workshop.read(text)[0]
    assert workshop.expander.expand_top(form, "user", workshop.spans) is form


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("(let [m 1] (m))", "(let [m 1] (m))"),
        ("(let [a (m) m 1 b (m)] b)", "(let [a :M m 1 b (m)] b)"),
        ("(let [m (fn [] (m))] 1)", "(let [m (fn [] (m))] 1)"),
        ("(let [f (fn [] (m)) m (fn [] 1)] 1)", "(let [f (fn [] (m)) m (fn [] 1)] 1)"),
        ("(let [f (m) m (fn [] 1)] 1)", "(let [f :M m (fn [] 1)] 1)"),
        ("(let [[a & m] 1] (m))", "(let [[a & m] 1] (m))"),
        ("(let [{:keys [m]} 1] (m))", "(let [{:keys [m]} 1] (m))"),
        ("(let [{:keys [m a] :or {a (m)}} 1] a)", "(let [{:keys [m a] :or {a (m)}} 1] a)"),
        ("(let [{:keys [a m] :or {a (m)}} 1] a)", "(let [{:keys [a m] :or {a :M}} 1] a)"),
        ("(letrec [a (m) m 1] (m))", "(letrec [a (m) m 1] (m))"),
        ("(loop [m 1] (m))", "(loop [m 1] (m))"),
        ("(fn [m] (m))", "(fn [m] (m))"),
        ("(fn [& m] (m))", "(fn [& m] (m))"),
        ("(fn m [] (m))", "(fn m [] (m))"),
        ("(fn ([m] (m)) ([] (m)))", "(fn ([m] (m)) ([] :M))"),
        ("(try (m) (catch m (m)))", "(try :M (catch m (m)))"),
        ("(try 1 (catch :kind m (m)))", "(try 1 (catch :kind m (m)))"),
        ("(match 1 m (m) _ (m))", "(match 1 m (m) _ :M)"),
        ("(match 1 {:a [m]} when (m) (m))", "(match 1 {:a [m]} when (m) (m))"),
        ("(match 1 {:keys [m]} (m))", "(match 1 {:keys [m]} (m))"),
        ("(match 1 (:as m 2) (m) (:type m) (m))", "(match 1 (:as m 2) (m) (:type m) :M)"),
        ("(match 1 'm (m))", "(match 1 (quote m) :M)"),
        ("(fn [] (def m 1) (m))", "(fn [] (def m 1) (m))"),
        ("(fn [] (m) (def m 1))", "(fn [] :M (def m 1))"),
        ("(fn [] (defn f [] (m)) (defn m [] 1))", "(fn [] (defn f [] (m)) (defn m [] 1))"),
        ("(fn [] (do (if 1 (def m 1))) (m))", "(fn [] (do (if 1 (def m 1))) (m))"),
        ("(let [] (fn [] (def m 1)) (m))", "(let [] (fn [] (def m 1)) :M)"),
        ("(defn m [] (m))", "(defn m [] (m))"),
        ("(def m (fn [] (m)))", "(def m (fn [] (m)))"),
        ("(def m (m))", "(def m :M)"),
        ('(step "s" :params {"k" (f %params)} (f %params))', '(step "s" :params {"k" (f %params)} (f %params))'),
    ],
)
def test_bound_names_hide_a_macro(workshop: Any, text: str, core: str) -> None:
    assert workshop.shown(text) == core


def test_a_special_form_at_the_head_wins_over_a_macro_of_its_name(workshop: Any) -> None:
    workshop.define("if", lambda *forms: 0)
    assert workshop.shown("(if 1 2 3)") == "(if 1 2 3)"


def test_a_definition_in_a_scope_that_a_macro_makes_hides_a_macro_after_it(workshop: Any) -> None:
    (definition,) = workshop.read("(def m 1)")
    workshop.define("define-m", lambda: definition)
    assert workshop.shown("(fn [] (m) (define-m) (m))") == "(fn [] :M (def m 1) (m))"


def test_every_pair_of_a_map_form_is_expanded(workshop: Any) -> None:
    core = workshop.form("{:a (m) :a (f (m))}")
    assert [value for _, value in core.pairs] == [workshop.form("(m)"), workshop.form("(f (m))")]


def test_metadata_of_a_library_macro_is_a_constant(workshop: Any) -> None:
    def unless() -> None:
        """What it does."""

    workshop.define("unless", unless, "library", library=True)
    assert workshop.shown("[(doc unless) (meta unless)]") == '["What it does." (quote {:doc "What it does."})]'
    assert workshop.shown("(let [unless 1] (doc unless))") == "(let [unless 1] (doc unless))"
