"""A library function that is defined anew means the new one, also in functions compiled before (language.md §3.4)."""

from __future__ import annotations

import pytest

import rtfs
from rtfs import Limits
from rtfs.loader import Texts

VARIANTS = [Limits.unlimited(), Limits(), Limits.untrusted()]


@pytest.fixture(params=VARIANTS, ids=["plain", "interruptible", "metered"])
def session(request: pytest.FixtureRequest) -> rtfs.Session:
    return rtfs.Session(limits=request.param, cache=False)


def shown(session: rtfs.Session, text: str) -> str:
    return rtfs.show(session.run(text))


def test_a_function_of_an_earlier_input_calls_the_new_one(session: rtfs.Session) -> None:
    assert shown(session, "(defn f [x] (inc x)) (f 1)") == "2"
    session.run("(defn inc [x] :mine)")
    assert shown(session, "(f 1)") == ":mine"


def test_before_the_definition_the_old_one_is_called(session: rtfs.Session) -> None:
    session.run("(defn f [x] (inc x))")
    assert shown(session, "(def before (f 1)) (defn inc [x] :mine) [before (f 1)]") == "[2 :mine]"


def test_closures_that_exist_call_the_new_one(session: rtfs.Session) -> None:
    session.run("(defn adder [n m] (fn [x] (+ n (* m x)))) (def add (adder 10 2))")
    assert shown(session, "(add 1)") == "12"
    session.run("(defn + [a b] [a b])")
    assert shown(session, "[(add 1) ((adder 3 4) 1)]") == "[[10 2] [3 4]]"


def test_several_names_are_redefined_one_after_the_other(session: rtfs.Session) -> None:
    session.run("(defn f [x] [(inc x) (dec x) (count [x]) (map (fn [y] (- y)) [x])])")
    assert shown(session, "(f 5)") == "[6 4 1 [-5]]"
    session.run("(defn inc [x] :inc)")
    session.run("(defn count [x] :count)")
    assert shown(session, "(f 5)") == "[:inc 4 :count [-5]]"
    session.run("(defn map [g xs] (g 9)) (defn - [x] [:minus x])")
    assert shown(session, "(f 5)") == "[:inc 4 :count [:minus 9]]"


def test_a_definition_of_the_embedder_counts(session: rtfs.Session) -> None:
    session.run("(defn f [x] (first x))")
    session.define("first", lambda x: 7)
    assert shown(session, "(f [1])") == "7"


def test_a_redefinition_may_be_redefined(session: rtfs.Session) -> None:
    session.run("(defn f [x] (inc x))")
    for number in (1, 2, 3):
        session.run(f"(defn inc [x] {number})")
        assert shown(session, "(f 0)") == str(number)


def test_the_functions_of_macros_call_the_new_one(session: rtfs.Session) -> None:
    session.run("(defmacro m [x] (inc x))")
    session.run("(defn inc [x] 100)")
    assert shown(session, "(m 1)") == "100"


def test_other_modules_keep_the_library_s_own() -> None:
    lookup = Texts({"other": "(defn g [x] (inc x))"})
    session = rtfs.Session(lookup=lookup, cache=False)
    session.run("(import other) (defn f [x] (inc x))")
    session.run("(defn inc [x] :mine)")
    assert shown(session, "[(f 1) (other/g 1) (map (fn [x] (dec x)) [1])]") == "[:mine 2 [0]]"


def test_an_import_hides_the_library_s_own() -> None:
    lookup = Texts({"other": "(defn inc [x] :theirs)"})
    session = rtfs.Session(lookup=lookup, cache=False)
    session.run("(defn f [x] (inc x))")
    session.run("(import other :only [inc])")
    assert shown(session, "(f 1)") == ":theirs"


def test_a_function_s_identity_and_place_stay(session: rtfs.Session) -> None:
    session.run("(defn f [x] (inc x)) (def kept f)")
    session.run('(defn inc [x] (throw "mine"))')
    assert shown(session, "(= f kept)") == "true"
    with pytest.raises(rtfs.RtfsError, match="mine") as raised:
        session.run("(kept 1)")
    assert [name for name, _ in raised.value.trace] == ["inc", "f", None]


def test_it_works_for_texts_that_were_compiled_before() -> None:
    for _ in range(2):
        session = rtfs.Session()
        session.run("(defn f [x] (inc x)) (f 1)", name="first.rtfs")
        session.run("(defn inc [x] :mine)", name="second.rtfs")
        assert shown(session, "(f 1)") == ":mine"


def test_sessions_do_not_see_each_other_s_redefinitions() -> None:
    one, two = rtfs.Session(cache=False), rtfs.Session(cache=False)
    for session in (one, two):
        session.run("(defn f [x] [:k (inc x) '(a b)])", name="same.rtfs")
    one.run("(defn inc [x] :mine)")
    assert (shown(one, "(f 1)"), shown(two, "(f 1)")) == ("[:k :mine (a b)]", "[:k 2 (a b)]")


def test_a_running_recursion_goes_on_with_the_new_one(session: rtfs.Session) -> None:
    session.run("(defn f [n] (if (zero? n) [] (conj (f (dec n)) (inc n))))")
    session.run("(defn inc [x] :mine)")
    assert shown(session, "(f 3)") == "[:mine :mine :mine]"
