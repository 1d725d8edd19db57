"""A step that hands over the parts of its result says what it says as it is written (streaming.md §6.10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rtfs
from rtfs import Limits, RtfsError, Session
from rtfs.eval.meter import Allowance
from rtfs.evaluator import SessionEvaluator
from rtfs.host.stream.processor import read
from rtfs.lang.evaluator import whole

VARIANTS = {
    "plain": Limits.unlimited(),
    "interruptible": Limits(seconds=300.0),
    "metered": Limits.untrusted(seconds=300.0),
}
STATES = rtfs.evaluate('[0 5 {:n 1} {:n "x" :k 2} nil [1 2]]')
CHUNKS = rtfs.evaluate('[0 3 "text" {:n 4} {:n nil} []]')


class Place(NamedTuple):
    session: Session
    evaluator: SessionEvaluator


def place(variant: str) -> Place:
    session = Session(limits=VARIANTS[variant], cache=False)
    return Place(session, SessionEvaluator(session))


@pytest.fixture(scope="module", params=VARIANTS)
def at(request: pytest.FixtureRequest) -> Place:
    return place(request.param)


def outcome(at: Place, step: Callable[..., Any], *args: Any) -> tuple[Any, ...]:
    """What a step says or how it fails, and what it cost."""
    meter, allowance = at.session.world.meter, Allowance(10**9, 10**9)
    with at.evaluator.stepping():
        outer = meter.enter(allowance) if meter is not None else None
        try:
            parts = step(*args)
            if meter is not None:
                meter.enter(outer)
            state, outputs, asked = read(parts, args[0], "f", 3)
            said: tuple[Any, ...] = (rtfs.show(state), [rtfs.show(output) for output in outputs], str(asked))
        except Exception as raised:
            if meter is not None and meter.allowance is allowance:
                meter.enter(outer)
            error = at.evaluator.failure(raised)
            assert isinstance(error, RtfsError)
            said = (error.code, error.message, str(error.span), rtfs.show(error.data), [str(at) for at in error.trace])
    return (*said, allowance.ticks_left, allowance.cells_left)


def both(at: Place, text: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The step as it is written, and what a stream calls."""
    at.session.run(text)
    function = at.session.lookup("f")
    assert "rtfs_parts" in function.__dict__, text
    return whole(function, 2), function.__dict__["rtfs_parts"]


# ---- generated steps --------------------------------------------------------------------------------------------

VALUES = st.sampled_from(
    [
        "state", "chunk", "1", "nil", '"s"', "[]", "(:n state)", "(:n chunk)", "(inc chunk)", "(+ (:n state) chunk)",
        "{:n chunk}", "(assoc state :n 2)", "(throw {:at 1})", "(throw {:at 2})", "(count chunk)", "(helper chunk)",
        "(reduce + 0 (map (fn [x] (* x x)) chunk))", "(if (= chunk 3) (throw {:at 3}) chunk)", "(do (inc 1) state)",
    ]
)  # fmt: skip
VECTORS = st.lists(VALUES, max_size=3).map(lambda items: f"[{' '.join(items)}]")
ACTIONS = st.sampled_from([":pause", ":complete", ":none", "nil", '"x"', "(if (= chunk 0) :stop)", "(:n state)"])
ENTRIES = {
    ":state": VALUES,
    ":output": VALUES,
    ":outputs": VECTORS | VALUES | st.just("[chunk]") | st.just("nil"),
    ":action": ACTIONS | VALUES,
    ":config": st.sampled_from(["{:wake-at 5}", "nil", "chunk", "{:tick-ms (:n state)}", "7"]),
}


@st.composite
def results(draw: st.DrawFn) -> str:
    keys = draw(st.lists(st.sampled_from(list(ENTRIES)), min_size=1, unique=True))
    return "{" + " ".join(f"{key} {draw(ENTRIES[key])}" for key in keys) + "}"


OTHERS = st.sampled_from(
    [
        "nil", "7", "{}", "{:n 1}", "{:action :pause :n 1}", "{:state 1 :n 2}", "(merge {:state 1} {:output 2})",
        "chunk", "(throw {:at 4})", '{"state" 1}', "{:state 1 :state 2}", "(helper {:state 3})",
    ]
)  # fmt: skip
CONDITIONS = st.sampled_from(["(= chunk 3)", "(:n state)", "(map? chunk)", "(> chunk 1)", "true", "nil"])


def around(tails: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Every form whose tail forms may be tail forms of a step."""
    return st.one_of(
        st.tuples(CONDITIONS, tails, tails).map(lambda p: f"(if {p[0]} {p[1]} {p[2]})"),
        st.tuples(CONDITIONS, tails).map(lambda p: f"(when {p[0]} {p[1]})"),
        st.tuples(CONDITIONS, tails, CONDITIONS, tails).map(lambda p: f"(cond {' '.join(p)})"),
        st.tuples(CONDITIONS, tails, tails).map(lambda p: f"(cond {p[0]} {p[1]} :else {p[2]})"),
        st.tuples(VALUES, tails).map(lambda p: f"(let [state {p[0]}] {p[1]})"),
        st.tuples(VALUES, tails).map(lambda p: f"(let [g (fn [x] [x state]) chunk (g {p[0]})] {p[1]})"),
        st.tuples(VALUES, tails).map(lambda p: f"(do {p[0]} {p[1]})"),
        st.tuples(VALUES, tails, tails).map(lambda p: f"(match {p[0]} {{:n n}} {p[1]} _ {p[2]})"),
        st.tuples(VALUES, tails).map(lambda p: f"(match {p[0]} 1 {p[1]})"),
        st.tuples(tails, tails).map(lambda p: f"(try {p[0]} (catch e {p[1]}))"),
        st.tuples(tails, VALUES).map(lambda p: f"(try {p[0]} (finally {p[1]}))"),
        st.tuples(tails, tails).map(lambda p: f"(loop [i 0] (if (< i 3) (recur (inc i)) (if (= i 3) {p[0]} {p[1]})))"),
        st.tuples(CONDITIONS, tails).map(lambda p: f"(and {p[0]} {p[1]})"),
        st.tuples(CONDITIONS, tails).map(lambda p: f"(or {p[0]} {p[1]})"),
        tails.map(lambda tail: f"(let [h (fn [state chunk] {tail})] (h state chunk))"),
        tails.map(lambda tail: f"(letrec [h (fn [n] (if (= n 0) 0 (h (- n 1))))] (do (h 3) {tail}))"),
    )


TAILS = st.recursive(results() | OTHERS, around, max_leaves=5)
BODIES = st.tuples(results(), TAILS).map(lambda p: f"(cond (= chunk 0) {p[0]} (= chunk -1) {{:state 1}} :else {p[1]})")
STEPS = BODIES | BODIES.map(lambda body: f"(if (= chunk 3) (recur [state] nil) {body})")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=STEPS)
def test_parts_say_what_the_result_says(at: Place, body: str) -> None:
    text = f"(defn helper [x] (if (map? x) x (inc x)))\n(defn f [state chunk]\n  {body})"
    written, in_parts = both(at, text)
    for state in STATES:
        for chunk in CHUNKS:
            assert outcome(at, in_parts, state, chunk) == outcome(at, written, state, chunk), text


# ---- what has a second form, and what stays ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "has"),
    [
        ("(fn [s c] {:state s})", True),
        ("(fn [s c m] (when c {:output c}))", True),
        ("(fn [s c] (try {:state s} (catch e nil)))", True),
        ("(fn [s c] {:action :pause})", True),
        ('(fn [s c] {:action "buy"})', False),
        ("(fn [s c] {:state s :more 1})", False),
        ("(fn [s c] {})", False),
        ("(fn [s c] (merge {:state s} {}))", False),
        ("(fn [s] {:state s})", False),
        ("(fn [s c & more] {:state s})", False),
        ("(fn [s c] :map {:state s})", False),
        ("(fn ([s c] {:state s}) ([s] s))", False),
    ],
)
def test_a_function_has_a_second_form_if_a_tail_form_is_a_literal_result(form: str, has: bool) -> None:
    assert ("rtfs_parts" in rtfs.evaluate(form).__dict__) == has


def test_a_result_with_state_and_output_is_not_read_again() -> None:
    at = place("plain")
    _, step = both(at, "(defn f [state chunk] {:output chunk :state (inc state)})")
    assert step(1, 2) == (2, 2, None)


def test_closures_keep_what_they_captured(at: Place) -> None:
    at.session.run("(def steps (map (fn [k] (fn [s c] {:state (+ s k) :output (* c k)})) [1 10 100]))")
    steps = [at.evaluator.stepper(step, 2) for step in at.session.lookup("steps")]
    with at.evaluator.stepping():
        assert [step(1, 2) for step in steps] == [(2, 2, None), (11, 20, None), (101, 200, None)]


def test_a_library_function_that_is_defined_anew_is_meant_in_both_forms(at: Place) -> None:
    at.session.run(
        "(defn f [state chunk] (let [g (fn [x] (dec x))] {:state (inc state) :output (g chunk)}))"
        "(defn made [k] (fn [state chunk] {:state (inc k)})) (def g (made 5))"
    )
    written, step = both(at, "nil")
    closure = at.evaluator.stepper(at.session.lookup("g"), 2)
    with at.evaluator.stepping():
        assert (step(1, 2), closure(0, 0)[0]) == ((2, 1, None), 6)
        at.session.run("(defn inc [x] [:inc x]) (defn dec [x] [:dec x])")
        shown = [rtfs.show(part) for part in (*step(1, 2)[:2], closure(0, 0)[0])]
        assert shown == ["[:inc 1]", "[:dec 2]", "[:inc 5]"]
        assert rtfs.show(written(1, 2)[0]) == "{:state [:inc 1] :output [:dec 2]}"
