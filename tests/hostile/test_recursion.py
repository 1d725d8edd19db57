"""Recursion of every kind ends in StackOverflow, wherever the program runs (language.md §15)."""

from __future__ import annotations

from typing import Any

import pytest

import rtfs
from rtfs import Limits
from tests.hostile.conftest import Contained

# A function that calls itself through …
ENDLESS = {
    "a plain call": "(defn f [x] (inc (f x))) (f 1)",
    "two functions": "(defn g [x] (inc (f x))) (defn f [x] (inc (g x))) (f 1)",
    "map": "(defn f [x] (map f [x])) (f 1)",
    "filter": "(defn f [x] (filter f [x])) (f 1)",
    "reduce": "(defn f [a x] (reduce f 0 [1])) (f 1 1)",
    "sort": "(defn f [a b] (sort f [1 2])) (f 1 2)",
    "sort-by": "(defn f [x] (sort-by f [1 2])) (f 1)",
    "group-by": "(defn f [x] (group-by f [1])) (f 1)",
    "apply": "(defn f [x] (apply f [1])) (f 1)",
    "apply with many arguments": "(defn f [& xs] (apply f [1 2 3 4 5 6])) (f 1)",
    "comp": "(defn f [x] ((comp f inc) x)) (f 1)",
    "partial": "(defn f [x y] ((partial f 1) 2)) (f 1 2)",
    "partial with many arguments": "(defn f [& xs] ((partial f 1 2 3 4 5 6) 2)) (f 1)",
    "juxt": "(defn f [x] ((juxt f f) x)) (f 1)",
    "complement": "(defn f [x] ((complement f) x)) (f 1)",
    "fnil": "(defn f [x] ((fnil f 1) nil)) (f 1)",
    "every-pred": "(defn f [x] ((every-pred f f) x)) (f 1)",
    "update": "(defn f [x] (update {:a 1} :a f)) (f 1)",
    "update-in": "(defn f [x] (update-in {:a {:b 1}} [:a :b] f)) (f 1)",
    "update-vals": "(defn f [x] (update-vals {:a 1} f)) (f 1)",
    "merge-with": "(defn f [x y] (merge-with f {:a 1} {:a 2})) (f 1 2)",
    "iterate": "(defn f [x] (iterate f 1 3)) (f 1)",
    "repeatedly": "(defn f [] (repeatedly 2 f)) (f)",
    "some": "(defn f [x] (some f [1])) (f 1)",
    "min-by": "(defn f [x] (min-by f [1 2])) (f 1)",
    "reduce-kv": "(defn f [a k v] (reduce-kv f 0 {:a 1})) (f 1 2 3)",
    "find-first": "(defn f [x] (find-first f [1])) (f 1)",
    "a default of destructuring": "(defn f [{:keys [a] :or {a (f {})}}] a) (f {})",
    "a condition": "(defn f [x] (if (f x) 1 2)) (f 1)",
    "match": "(defn f [x] (match (f x) 1 2 _ 3)) (f 1)",
    "a guard of match": "(defn f [x] (match x y when (f y) 1)) (f 1)",
    "try": "(defn f [x] (try (f x) (catch TypeError e 1))) (f 1)",
    "catch": "(defn f [x] (try (throw 1) (catch e (inc (f x))))) (f 1)",
    "finally": "(defn f [x] (try 1 (finally (f x)))) (f 1)",
    "a body with finally": "(defn f [x] (try (f x) (finally 1))) (f 1)",
    "a loop": "(defn f [x] (loop [i 0] (if (< i 2) (recur (f i)) i))) (f 1)",
    "for": "(defn f [x] (for [y [x]] (f y))) (f 1)",
    "a step": '(defn f [x] (step "s" (f x))) (f 1)',
    "a vector literal": "(defn f [x] [(f x)]) (f 1)",
    "a map literal": "(defn f [x] {:a (f x)}) (f 1)",
    "a closure": "(defn f [x] ((fn [] (inc (f x))))) (f 1)",
    "a macro's function": "(defmacro m [x] (do (defn f [y] (inc (f y))) (f x))) (m 1)",
}
DEEP = "(reduce (fn [a i] [a]) [] (range 30000))"
WALKS = {
    "printing": f"(str {DEEP})",
    "equality": f"(= {DEEP} {DEEP})",
    "hashing": f"(count {{{DEEP} 1}})",
    "ordering": f"(compare {DEEP} {DEEP})",
    "sorting": f"(count (sort [{DEEP} {DEEP}]))",
    "JSON": f"(serialize-json {DEEP})",
    "flattening": f"(flatten {DEEP})",
    "the result": DEEP,
    "a path": "(str (assoc-in {} (range 30000) 1))",
    "a chain of functions": "((reduce (fn [f i] (comp inc f)) inc (range 60000)) 1)",
    "a form that a macro makes": "(defmacro m [] (reduce (fn [a i] (list 'inc a)) 1 (range 30000))) (m)",
}
OVERFLOWS = {**ENDLESS, **WALKS}


FEW = ("a plain call", "catch", "printing")
PLACES = [("thread", "interruptible"), ("greenlet", "interruptible"), ("loop", "interruptible")]
VARIANTS = [("main", "plain"), ("main", "metered")]


@pytest.mark.fuzz
@pytest.mark.parametrize(("place", "variant"), [("main", "interruptible"), *PLACES, *VARIANTS])
def test_recursion_of_every_kind_is_a_stack_overflow(place: str, variant: str, contained: Contained, fuzz: Any) -> None:
    """In the suite every third kind on the main thread, and a few elsewhere; in `make fuzz` all kinds everywhere."""
    usual = (place, variant) == ("main", "interruptible")
    chosen = list(OVERFLOWS) if fuzz.long else list(OVERFLOWS)[::3] if usual else FEW
    endings = contained({name: OVERFLOWS[name] for name in chosen}, place=place, variant=variant, memory=1500)
    assert {name: found for name, found in endings.items() if found != "StackOverflow"} == {}


@pytest.mark.parametrize("limits", [Limits.unlimited(), Limits(), Limits.untrusted()])
def test_ten_thousand_nested_calls_succeed_and_sixty_thousand_do_not(limits: Limits) -> None:
    session = rtfs.Session(limits=limits, cache=False)
    session.run("(defn down [n] (if (zero? n) 0 (inc (down (dec n)))))")
    session.run("(defn deep [n] (if (zero? n) 0 (inc (first (map deep [(dec n)])))))")
    assert session.run("(down 10000)") == 10_000
    assert session.run("(deep 10000)") == 10_000
    with pytest.raises(rtfs.RtfsError, match="Stack overflow: call depth exceeded"):
        session.run("(down 60000)")


def test_a_session_works_on_after_an_overflow() -> None:
    session = rtfs.Session(cache=False)
    for _ in range(3):
        with pytest.raises(rtfs.RtfsError, match="Stack overflow"):
            session.run("(defn f [x] (inc (f x))) (f 1)")
    assert session.run("(+ 1 2)") == 3


def test_values_nested_within_the_limit_are_walked() -> None:
    session = rtfs.Session(cache=False)
    session.run("(def a (reduce (fn [a i] [a]) [] (range 9000))) (def b (reduce (fn [a i] [a]) [] (range 9000)))")
    text = "[(= a b) (= (count (str a)) 18002) (count {a 1 b 2}) (compare a b) (count (flatten a))]"
    assert rtfs.show(session.run(text)) == "[true true 1 0 0]"
