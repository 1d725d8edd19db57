"""No script catches, delays or replaces what its embedder limits (language.md §8.3)."""

from __future__ import annotations

import pytest

import rtfs
from rtfs import Limits

STEPS = {
    "catch": "(try (loop [] (recur)) (catch e :caught))",
    "catch by kind": "(try (loop [] (recur)) (catch StepLimitExceeded e :caught) (catch _ e 2) (catch Throwable e 3))",
    "catch by keyword": "(try (loop [] (recur)) (catch :step-limit-exceeded e :caught) (catch :exception e 2))",
    "handlers in handlers": "(try (try (try (loop [] (recur)) (catch e 1)) (catch e 2)) (catch e 3))",
    "a handler's handler": "(try (throw 1) (catch e (try (loop [] (recur)) (catch e2 :caught))))",
    "finally that returns": "(try (loop [] (recur)) (finally :replaced))",
    "finally that throws": '(try (loop [] (recur)) (finally (throw "replaced")))',
    "finally that throws and is caught": '(try (try (loop [] (recur)) (finally (throw "x"))) (catch e :caught))',
    "finally that loops": "(try (loop [] (recur)) (finally (loop [] (recur))))",
    "finally in finally": "(try (loop [] (recur)) (finally (try (loop [] (recur)) (finally (loop [] (recur))))))",
    "finally that recurs": "(defn f [] (try (loop [] (recur)) (finally (f)))) (f)",
    "a finally for each of many calls": (
        "(defn f [n] (try (if (pos? n) (f (dec n)) (loop [] (recur))) (finally (loop [] (recur))))) (f 200)"
    ),
    "a callback of map": "(try (map (fn [x] (loop [] (recur))) [1 2]) (catch e :caught))",
    "a callback of sort": "(try (sort (fn [a b] (loop [] (recur))) [1 2 3]) (catch e :caught))",
    "a callback of sort-by": "(try (sort-by (fn [a] (loop [] (recur))) [1 2 3]) (catch e :caught))",
    "a callback of reduce": "(try (reduce (fn [a b] (loop [] (recur))) 0 [1]) (catch e :caught))",
    "a callback of apply": "(try (apply (fn [& xs] (loop [] (recur))) (range 20)) (catch e :caught))",
    "a handler in a callback": "(map (fn [x] (try (loop [] (recur)) (catch e :caught))) [1 2 3])",
    "a macro": "(defmacro m [] (try (loop [] (recur)) (catch e :caught))) (m)",
    "a step": '(try (step "s" (loop [] (recur))) (catch e :caught))',
    "with-resource": "(with-resource [r resource://x] (loop [] (recur)))",
    "is": "(deftest t (is (thrown? Exception (loop [] (recur))))) (t)",
}


@pytest.mark.parametrize("name", STEPS)
def test_the_step_limit_ends_every_program(name: str) -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.Session(limits=Limits(steps=20_000, seconds=20.0), cache=False).run(STEPS[name])
    assert raised.value.kind == "StepLimitExceeded"


@pytest.mark.parametrize(
    ("limits", "work", "kind"),
    [
        (Limits(cells=10_000), "(loop [v []] (recur (conj v v)))", "MemoryLimitExceeded"),
        (Limits(seconds=0.05), "(loop [] (recur))", "DeadlineExceeded"),
        (Limits(seconds=0.05, steps=10**12), "(loop [] (recur))", "DeadlineExceeded"),
        (Limits(), "(range 1e12)", "MemoryLimitExceeded"),
        (Limits(printed=100), "(str (range 1000))", "OutputLimitExceeded"),
        (Limits(), "((fn f [x] (inc (f x))) 1)", "StackOverflow"),
        (Limits(elements=100), "(vec (range 101))", "MemoryLimitExceeded"),
        (Limits(characters=600), '(string/repeat "a" 601)', "MemoryLimitExceeded"),
        (Limits(bits=2000), "(pow 2 2001)", "MemoryLimitExceeded"),
    ],
)
def test_no_limit_is_caught_or_replaced(limits: Limits, work: str, kind: str) -> None:
    text = f'(try (try {work} (catch e :caught) (finally (throw "replaced"))) (catch _ e :caught))'
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.Session(limits=limits, cache=False).run(text)
    assert raised.value.kind == kind


def steps_of(text: str) -> list[str]:
    """The names of the steps that a program which meets its limit still took."""
    seen: list[str] = []
    session = rtfs.Session(limits=Limits(steps=20_000), cache=False, on_step=lambda event: seen.append(event.name))
    with pytest.raises(rtfs.RtfsError) as raised:
        session.run(text)
    assert raised.value.kind == "StepLimitExceeded"
    return sorted(set(seen))


def test_all_finally_parts_share_a_grace_of_a_thousand_steps() -> None:
    work = '(loop [i 0] (if (< i {}) (recur (inc i)) (step "%s" 1)))'  # 3 ticks for each turn
    first = f"(try (loop [] (recur)) (finally {work % 'first'}))"
    both = f"(try {first} (finally {work % 'second'}))"
    assert steps_of(first.format(300)) == ["first"]
    assert steps_of(first.format(400)) == []
    assert steps_of(both.format(100, 100)) == ["first", "second"]
    assert steps_of(both.format(200, 200)) == ["first"]


def test_a_finally_that_met_its_limit_is_the_last() -> None:
    text = '(try (try (loop [] (recur)) (finally (loop [] (recur)))) (finally (step "outer" 1)))'
    assert steps_of(text) == []


def test_a_host_call_of_a_finally_may_only_close_a_resource() -> None:
    calls: list[str] = []
    session = rtfs.Session(
        limits=Limits(steps=20_000), cache=False, trace=lambda call: calls.append(call.capability_id)
    )
    text = "(try (loop [] (recur)) (finally (call :ccos.system.current-time)))"
    with pytest.raises(rtfs.RtfsError, match="Step limit exceeded"):
        session.run(text)
    assert calls == []


def test_a_session_works_on_after_a_limit() -> None:
    session = rtfs.Session(limits=Limits(steps=1_000, cells=1_000), cache=False)
    for _ in range(3):
        with pytest.raises(rtfs.RtfsError):
            session.run("(loop [] (recur))")
        with pytest.raises(rtfs.RtfsError):
            session.run("(loop [v []] (recur (conj v v)))")
        assert session.run("(reduce + (range 100))") == 4950


def test_each_run_has_the_whole_limit() -> None:
    session = rtfs.Session(limits=Limits(steps=1_000), cache=False)
    session.run("(defn work [] (loop [i 0] (if (< i 250) (recur (inc i)) i)))")
    for _ in range(5):
        assert session.run("(work)") == 250


def test_what_is_charged_before_a_host_call_is_settled_before_it() -> None:
    session = rtfs.Session(limits=Limits(steps=2), cache=False)
    with pytest.raises(rtfs.RtfsError, match="Step limit exceeded"):
        session.start("(do (inc 1) (inc 2) (inc 3) (call :a))")
