"""Where an error says it came from, however late it is asked."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

import rtfs

Shown = Callable[[str], str]
DEFINED = "(defn f [] (throw {:a 1}))\n(defn g [] (f))\n"


def test_the_trace_is_that_of_the_catch_also_when_it_is_asked_for_later(shown: Shown) -> None:
    names = "(map (fn [part] [(:fn part) (:line (:span part))]) (:trace {}))"
    at_once = shown(f"{DEFINED}(defn h [] (try (g) (catch e {names.format('e')}))) (h)")
    later = shown(f"{DEFINED}(defn h [] (try (g) (catch e e)))\n(def kept (h))\n{names.format('kept')}")
    assert at_once == later == '[["f" 1] ["g" 2] ["h" 3]]'


def test_an_error_that_is_thrown_again_keeps_its_place(shown: Shown) -> None:
    text = f"{DEFINED}(defn again [e] (throw e))\n(try (try (g) (catch e (again e))) (catch e [(:fn (first (:trace e)))"
    assert shown(f"{text} (:line (:span e)) (count (:trace e))]))") == '["f" 1 3]'


def test_an_error_is_one_value_however_often_it_is_caught(shown: Shown) -> None:
    text = f"{DEFINED}(def a (try (g) (catch e e))) (def b (try (throw a) (catch e e)))"
    assert shown(f"{text} [(= a b) (= a (try (g) (catch e e)))]") == "[true false]"


def test_the_place_is_known_when_the_session_is_gone() -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.Session(cache=False).run(DEFINED + "(g)", name="gone.rtfs")
    error = raised.value
    gc.collect()
    assert error.span is not None
    assert (repr(error.span), [name for name, _ in error.trace]) == ("gone.rtfs:1:12-1:26", ["f", "g", None])


def test_the_message_of_a_thrown_value_is_its_printed_form(failing: Callable[[str], rtfs.RtfsError]) -> None:
    assert failing("(throw {:n [1 nil]})").message == "{:n [1 nil]}"
    assert str(failing("(throw 42)")) == "42"


def test_the_message_of_an_enormous_value_is_cut(failing: Callable[[str], rtfs.RtfsError]) -> None:
    error = failing('(throw (vec (repeat 100000 "0123456789012345678901234567890123456789012345")))')
    assert (error.kind, len(error.message)) == ("ApplicationError", 201)


def test_what_is_caught_is_freed_at_once() -> None:
    session = rtfs.Session(cache=False)
    function = session.run("(fn [n] (loop [i 0] (if (< i n) (do (try (throw {:i i}) (catch e 1)) (recur (inc i))))))")

    def alive() -> int:
        return sum(isinstance(found, rtfs.RtfsError) for found in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = alive()
        session.call(function, 100)
        after = alive()
    finally:
        gc.enable()
    assert after - before <= 1
