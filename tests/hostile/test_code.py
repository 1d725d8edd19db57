"""Programs that are deep, long or wide: they work, or are refused as the language says, whatever the stack (§15)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.hostile.conftest import Contained, Ending


def nested(form: str, times: int, inner: str = "1") -> str:
    before, after = form.split("…")
    return before * times + inner + after * times


def macro(form: str, times: int, inner: str = "1") -> str:
    """Forms nested by a macro: the reader would refuse so many."""
    return f"(defmacro m [] (reduce (fn [form i] {form}) {inner} (range {times}))) (m)"


def numbered(pattern: str, count: int) -> str:
    return " ".join(pattern.replace("#", str(number)) for number in range(count))


WIDE = {
    "cond": ("(cond " + numbered("false #", 5000) + " :else :last)", ":last"),
    "cond as a value": ("(inc (cond " + numbered("(= 1 2) #", 2500) + " :else 6))", "7"),
    "cond in a loop": ("(loop [i 0] (cond " + numbered("(= i -1) #", 2500) + " (< i 3) (recur (inc i)) :else i))", "3"),
    "case": ("(case 4999 " + numbered("# :k#", 5000) + ")", ":k4999"),
    "match": ("(match 1999 " + numbered("# :k#", 2000) + ")", ":k1999"),
    "and": ("(and " + numbered("#", 6_000) + ")", "5999"),
    "or": ("(or " + numbered("nil", 6_000) + " :last)", ":last"),
    "or in a condition": ("(if (or " + numbered("(= 1 0)", 3000) + ") 1 2)", "2"),
    "and in tail position": (
        "((fn [n] (and " + numbered("true", 100) + " (if (= n 0) :end (recur (dec n))))) 5)",
        ":end",
    ),
    "thread": ("(-> 0 " + numbered("inc", 3000) + ")", "3000"),
    "do": ("(do " + numbered("(inc #)", 5000) + ")", "5000"),
    "sum": ("(+ " + numbered("#", 20_000) + ")", "199990000"),
    "call": ("(count (list " + numbered("#", 20_000) + "))", "20000"),
    "str": ("(count (str " + numbered('"ab"', 20_000) + "))", "40000"),
    "vector": ("(count [" + numbered("#", 50_000) + "])", "50000"),
    "vector of calls": ("(count [" + numbered("(inc #)", 5000) + "])", "5000"),
    "map": ("(count {" + numbered(":k# (inc #)", 5000) + "})", "5000"),
    "let": ("(let [" + numbered("a# #", 3000) + "] a2999)", "2999"),
    "parameters": ("((fn [" + numbered("a#", 300) + "] a299) " + numbered("#", 300) + ")", "299"),
    "loop variables": ("(loop [" + numbered("a# #", 300) + "] a299)", "299"),
    "arities": ("((fn " + " ".join(f"([{numbered('a#', n)}] {n})" for n in range(60)) + ") 1 2)", "2"),
    "catch": ('(try (throw "x") ' + numbered("(catch :k# e #)", 300) + " (catch e :all))", ":all"),
    "definitions": (numbered("(def a# #)", 500) + " a499", "499"),
    "a long text": ('(count "' + "x" * 1_000_000 + '")', "1000000"),
}
FORMS = [
    "(if (pos? 1) … 2)", "(let [x …] x)", "(inc …)", "(do …)", "[…]", "{:a …}", "(and true …)", "(or nil …)",
    "(try … (catch e 1))", "(try … (finally 1))", "(when true …)", "(cond false 1 :else …)", "(match 1 1 …)",
    "(case 1 1 … 2)", "(str … 1)", "(-> … identity)", "(for [x [1]] …)", "(map (fn [x] …) [1])",
    "(reduce (fn [a b] …) 0 [1])", '(step "s" …)', "^{:runtime.timeout 5} (do …)", "(letrec [f (fn [] …)] (f))",
    "(as-> … v v)", "((fn [x] …) 1)",
]  # fmt: skip
DEEP = {
    "calls": (macro("(list 'inc form)", 3900), "3901"),
    "vectors": ("(defmacro m [] (reduce (fn [form i] [form '(inc 1)]) 1 (range 3900))) (count (m))", "2"),
    "let": (macro("(list 'let ['x form] '(inc x))", 1900), "1901"),
    "if": (macro("(list 'if '(pos? 1) form 2)", 900), "1"),
    "try": (macro("(list 'try form '(finally 1))", 300), "1"),
    "functions": (macro("(list (list 'fn ['x] form) 1)", 300), "1"),
    "too many calls": (macro("(list 'inc form)", 9000), "SyntaxError"),
    "too many branches": (macro("(list 'if '(pos? 1) form 2)", 3000), "SyntaxError"),
    "too many functions": (macro("(list (list 'fn ['x] form) 1)", 1000), "SyntaxError"),
    "far too many calls": (macro("(list 'inc form)", 30_000), "StackOverflow"),
    "a quoted value": ("(defmacro m [] (list 'quote (reduce (fn [a i] [a]) 1 (range 9000)))) (count (m))", "1"),
}


@pytest.mark.parametrize("name", WIDE)
def test_wide_code_works(name: str, ending: Ending) -> None:
    text, expected = WIDE[name]
    assert ending(text) == expected


@pytest.mark.parametrize("form", FORMS)
def test_forms_nest_as_deeply_as_they_can_be_read(form: str, ending: Ending) -> None:
    assert ending(nested(form, 90)) not in ("InternalError", "StackOverflow", "SyntaxError")
    assert ending(nested(form, 600)) == "ParseError"


@pytest.mark.fuzz
@pytest.mark.parametrize("place", ["main", "thread"])
def test_forms_that_macros_nest_work_or_are_refused(place: str, contained: Contained, fuzz: Any) -> None:
    endings = contained({name: text for name, (text, _) in DEEP.items()}, place=place)
    assert endings == {name: expected for name, (_, expected) in DEEP.items()}
