"""What inference says of an expression is true of its value; what it says never happens does not happen."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.analysis import _surveyed, library
from rtfs.check.infer import Inference
from rtfs.check.kind import describe
from rtfs.check.program import Program
from rtfs.lang.conform import fits
from rtfs.lang.limits import Limits
from rtfs.lang.source import Source
from rtfs.lang.types import Type
from rtfs.loader import Texts
from rtfs.tools import deepen

deepen()  # before hypothesis looks at the recursion limit


def inferred(text: str) -> tuple[Type, Inference]:
    """The type of the last form of a program, and the inference that found it."""
    survey = _surveyed([Source("t.rtfs", text)], Texts({}), Limits.untrusted())
    survey.finish()
    assert survey.problems == []
    x = Inference(Program(survey.spaces, library(), ()))
    found = [x.run(part) for part in survey.spaces["user"].parts]
    return found[-1], x


# ---- expressions over a few names, each of which is bound around them

NAMES = ("x", "y", "zs", "m")
ATOMS = ("nil", "true", "false", "0", "1", "-2", "2.5", '""', '"ab"', ":a", ":b", "[]", "{}", "'(1 2)", "[1 2]", *NAMES)
TESTS = ("int?", "string?", "nil?", "vector?", "map?", "keyword?", "number?", "list?", "some?", "ifn?", "not", "empty?")
ONE = (
    "inc",
    "str",
    "count",
    "first",
    "rest",
    "keys",
    "vec",
    "abs",
    "identity",
    "seq",
    "reverse",
    "not-empty",
    "last",
    "sort",
)
TWO = (
    "+",
    "-",
    "*",
    "conj",
    "cons",
    "get",
    "=",
    "max",
    "nth",
    "map",
    "filter",
    "take",
    "concat",
    "merge",
    "mod",
    "into",
)


def _grown(e: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("[{} {}]".format, e, e),
        st.builds("{{:a {} :b {}}}".format, e, e),
        st.builds("({} {})".format, st.sampled_from(ONE), e),
        st.builds("({} {} {})".format, st.sampled_from(TWO), e, e),
        st.builds("({} {} {})".format, st.sampled_from(("map", "filter", "mapv", "some")), st.sampled_from(ONE), e),
        st.builds("(reduce {} {} {})".format, st.sampled_from(("+", "conj", "max", "merge")), e, e),
        st.builds("({} {})".format, st.sampled_from((":a", ":b")), e),
        st.builds("({} {} {})".format, st.sampled_from((":a", ":c")), e, e),
        st.builds("(if {} {} {})".format, e, e, e),
        st.builds("(if ({} {}) {} {})".format, st.sampled_from(TESTS), st.sampled_from(NAMES), e, e),
        st.builds("(when {} {})".format, e, e),
        st.builds("(and {} {})".format, e, e),
        st.builds("(or {} {})".format, e, e),
        st.builds("(let [{} {}] {})".format, st.sampled_from(NAMES), e, e),
        st.builds("(let [[x y] {}] {})".format, e, e),
        st.builds("(let [{{:keys [a b] :or {{b 1}}}} {}] [a b {}])".format, e, e),
        st.builds("((fn [x y] {}) {} {})".format, e, e, e),
        st.builds("(map (fn [x] {}) {})".format, e, e),
        st.builds("(for [x {} :when {}] {})".format, e, e, e),
        st.builds("(loop [x {} i 0] (if (< i 2) (recur {} (inc i)) [x {}]))".format, e, e, e),
        st.builds("(match {} [x & y] {} {{:a x}} {} x {})".format, e, e, e, e),
        st.builds("(match {} nil {} (:int x) {} (:or 0 :a) {} _ {})".format, e, e, e, e, e),
        st.builds("(try {} (catch TypeError e {}) (finally 1))".format, e, e),
        st.builds("(cond {} {} {} {} :else {})".format, e, e, e, e, e),
        st.builds("(case {} 1 {} :a {} {})".format, e, e, e, e),
        st.builds("(do (def x {}) {})".format, e, e),
        st.builds("(-> {} {} {})".format, e, st.sampled_from(ONE), st.sampled_from(ONE)),
    )


expressions = st.recursive(st.sampled_from(ATOMS), _grown, max_leaves=9)
AROUND = "(let [x {} y {} zs {} m {}] {})"


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(*[st.sampled_from(ATOMS[:15])] * 4, expressions)
def test_a_value_has_the_type_that_was_inferred(x: str, y: str, zs: str, m: str, expression: str) -> None:
    text = AROUND.format(x, y, zs, m, expression)
    found, _ = inferred(text)
    try:
        outcome = rtfs.Session(cache=False, limits=rtfs.Limits.untrusted(steps=200_000)).start(text)
    except rtfs.RtfsError:
        return
    assert isinstance(outcome, rtfs.Complete)
    assert fits(found, outcome.value), f"{text} gives {rtfs.show(outcome.value)}, which is no {describe(found)}"


patterns = st.recursive(
    st.sampled_from(["_", "p", "nil", "1", "2.5", '"a"', ":a", "(:int n)", "(:string)", "(:type :vector)", "{}", "[]"]),
    lambda p: st.one_of(
        st.builds("[{} {}]".format, p, p),
        st.builds("[{} & r]".format, p),
        st.builds("{{:a {}}}".format, p),
        st.builds("(:as w {})".format, p),
    ),
    max_leaves=3,
)
subjects = st.recursive(
    st.sampled_from(["nil", "1", "2", "2.5", '"a"', ":a", "[]", "{}", "'(1)", "(first [1])", "(str 1)", "(+ 1 2.5)"]),
    lambda s: st.one_of(
        st.builds("[{} {}]".format, s, s),
        st.builds("{{:a {} :b 1}}".format, s),
        st.builds("(list {})".format, s),
        st.builds("(if (first [nil]) {} {})".format, s, s),
    ),
    max_leaves=4,
)


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(subjects, st.lists(patterns, min_size=1, max_size=5))
def test_a_clause_that_is_chosen_was_never_called_unreachable(subject: str, given_patterns: list[str]) -> None:
    clauses = [f"{pattern} :c{number}" for number, pattern in enumerate(given_patterns)]
    text = f"(match {subject}\n{chr(10).join(clauses)})"
    _, x = inferred(text)
    unreachable = {each.span.line - 2 for each in x.findings if each.code == "RTFS-W201" and each.span is not None}
    try:
        outcome = rtfs.Session(cache=False).start(text)
    except rtfs.RtfsError:
        return
    assert isinstance(outcome, rtfs.Complete)
    assert int(outcome.value.name[1:]) not in unreachable, text


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("5", ":int"), ("(if x 1 2)", ":int"), ("(if x 1 2.5)", ":number"), ("(if x 1)", ":int?"),
        ("[1 2]", "[:vector :int]"),
        ('[1 "a"]', "[:vector [:union :int :string]]"), ("{:a 1}", "[:map [:a :int]]"), ("(:a {:a 1})", ":int"),
        ("(+ 1 2)", ":int"), ("(+ 1 2.5)", ":float"), ("(+ 1 x)", ":number"), ("(fn [a :int] a)", "[:fn [:int] :int]"),
        ("(fn [a] a)", "[:fn [:any] :any]"), ("(let [a 1 b a] b)", ":int"), ("(map inc [1 2])", "[:vector :int]"),
        ("(first [1 2])", ":int?"), ("(cond x 1 x :a :else nil)", "[:union :int :keyword :nil]"),
        ("(try 1 (catch e :a))", "[:union :int :keyword]"),
        ("(throw 1)", ":never"), ("(loop [i 0 acc []] (if (< i 3) (recur (inc i) (conj acc i)) acc))", ":vector"),
        ("(let [v (if x 1 nil)] (if v v 0))", ":int"), ("(let [v (if x 1 :a)] (if (int? v) v 0))", ":int"),
        ("(get {:a 1} :b)", ":nil"), ("(get {:a 1} :b 2)", ":int"), ("(match x 1 :a _ :b)", ":keyword"),
        ("()", "[:list :never]"),
        ("(group-by odd? [1 2])", "[:map-of :bool [:vector :int]]"), ("'(1 :a)", "[:list [:union :int :keyword]]"),
        ("(reduce + 0 [1 2])", ":number"), ("(comp inc dec)", ":fn"), ("(validate [:vector :int] x)", "[:vector :int]"),
    ],
)  # fmt: skip
def test_the_type_of_an_expression(text: str, type: str) -> None:
    found, _ = inferred(f"(def x nil) (def x 1) {text}")
    assert describe(found) == type


def test_the_type_of_a_recursive_function_is_not_known_without_its_return_type() -> None:
    program = "(defn f [n] (if (< n 2) 1 (* n (f (dec n))))) (defn g [n : :int] : :int (if (< n 2) 1 (g (dec n))))"
    from rtfs.check.examine import examine

    survey = _surveyed([Source("t.rtfs", program)], Texts({}), Limits.untrusted())
    survey.finish()
    examine(Program(survey.spaces, library(), ()))
    types = {name: describe(each.type) for name, each in survey.spaces["user"].definitions.items()}
    assert types == {"f": "[:fn [:any] :any]", "g": "[:fn [:int] :int]"}


def test_every_special_form_of_the_compiler_is_inferred() -> None:
    from rtfs.check.infer import FORMS
    from rtfs.eval.special import load

    assert set(load()) - set(FORMS) == set()
