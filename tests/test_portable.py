"""Functions in another process: their texts, what they captured, and what they name of their module (§10.1, §10.2)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

import rtfs
from rtfs.lang.evaluator import NotPortable
from rtfs.portable import limits_of, pack, unpack
from tests.strategies import values

PROGRAM = """
(def base 10)
(def table {:f (fn [x] (* base x)) :k 3})
(defmacro twice [x] `(* 2 ~x))
(defn even-ish [n] (if (= n 0) true (odd-ish (dec n))))
(defn odd-ish [n] (if (= n 0) false (even-ish (dec n))))
(defn inc "Not the library's." [x] (+ x 100))
(def adder (let [z 9] (fn [x] (+ z x))))
(defn all [x] [(twice x) (even-ish x) (inc x) (adder x) ((:f table) x) (:k table) (string/upper-case "a")])
"""


def session() -> rtfs.Session:
    made = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
    made.run(PROGRAM)
    return made


def elsewhere(packed: str) -> Any:
    return unpack(rtfs.Session(limits=limits_of(packed), context=rtfs.RuntimeContext.pure()), packed)


def test_a_function_goes_with_all_that_it_names() -> None:
    here = session()
    function = here.run("all")
    assert elsewhere(pack(here, function))(4) == function(4) == (8, True, 104, 13, 40, 3, "A")


def test_a_closure_goes_with_what_it_captured() -> None:
    here = session()
    function = here.run(
        "(let [k 5 f (fn [y] (+ y k (base-of 1)))] (fn [x] (f (twice x))))".replace("(base-of 1)", "base")
    )
    assert elsewhere(pack(here, function))(3) == function(3) == 21


@pytest.mark.parametrize(
    "definition",
    [
        "(def f (fn [n] (* 3 n)))",
        "(def f #(* 3 %))",
        "(def f (fn [n] (if (= n 0) 0 (+ 3 (f (dec n))))))",
        "(def f (fn own [n] (if (= n 0) 0 (+ 3 (own (dec n))))))",
        "(defn g [n] (* 3 n)) (def f g)",
        "(defn g [n] (* 3 n)) (def f (fn [n] (g n)))",
        "(def f (let [k 3] (fn [n] (* k n))))",
        "(def later 3) (def f (fn [n] (* n (later-on)))) (defn later-on [] later)",
    ],
)
@pytest.mark.parametrize("use", ["(fn [n] (f n))", "[f]", "(let [g f] (fn [n] (g n)))"])
def test_a_function_goes_however_it_got_its_name(definition: str, use: str) -> None:
    here = rtfs.Session(limits=rtfs.Limits.unlimited())
    here.run(definition)
    value = elsewhere(pack(here, here.run(use)))
    assert (value[0] if type(value) is tuple else value)(4) == 12


def test_functions_go_inside_of_values_and_one_stays_one() -> None:
    here = session()
    first, same = elsewhere(pack(here, here.run("(let [f (fn [x] (inc x))] [{:f f} [f]])")))
    assert first[rtfs.Keyword("f")](1) == 101
    assert first[rtfs.Keyword("f")] is same[0]


def test_what_is_imported_goes_too(tmp_path: Path) -> None:
    (tmp_path / "tools.rtfs").write_text("""(module tools (:exports [half thrice])
      (def two 2)
      (defn half [x] (/ x two))
      (defmacro thrice [x] `(* 3 ~x)))""")
    here = rtfs.Session(limits=rtfs.Limits.unlimited(), folder=str(tmp_path))
    function = here.run("(import tools)\n(import tools :as t)\n(fn [x] [(tools/half x) (t/half 8) (t/thrice x)])")
    assert elsewhere(pack(here, function))(6) == function(6) == (3, 4, 18)


@settings(max_examples=60, deadline=None)
@given(values())
def test_values_arrive_as_they_were(value: Any) -> None:
    found = elsewhere(pack(SESSION, value))
    assert rtfs.show(found) == rtfs.show(value)


SESSION = session()


def test_a_function_that_calls_itself_goes_and_two_that_call_each_other_stay() -> None:
    goes = "(let [k 1] (letrec [f (fn [n] (if (= n 0) k (f (dec n))))] (fn [n] (f n))))"
    assert elsewhere(pack(SESSION, SESSION.run(goes)))(4) == 1
    stays = "(letrec [a (fn [n] (if (= n 0) 0 (b (dec n)))) b (fn [n] (if (= n 0) 1 (a (dec n))))] a)"
    with pytest.raises(NotPortable, match="captures itself"):
        pack(SESSION, SESSION.run(stays))


@pytest.mark.parametrize(
    "text", ["note", "(fn [x] (note x))", "[1 {:f note}]", "(let [g note] (fn [x] (g x)))"]
)  # fmt: skip
def test_a_function_in_python_stays_here(text: str) -> None:
    SESSION.define("note", lambda x: x)
    with pytest.raises(NotPortable, match="has no text that another process could read"):
        pack(SESSION, SESSION.run(text))


def test_a_worker_that_is_told_nonsense_ends() -> None:
    command = [sys.executable, "-c", "from rtfs.worker import main; main()"]
    done = subprocess.run(command, input=b"\0" * 4, capture_output=True, env=os.environ, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"")
