"""Circuits: when they open, what waits meanwhile, and how they close again (streaming.md §6.9)."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.host.stream.circuit import CLOSED, HALF_OPEN, OPEN, Circuit, Rules
from rtfs.host.stream.meter import measured
from rtfs.lang.names import Keyword as K
from tests.host.stream.timed import Timed

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
PLACES = {
    "stage": '(stream.map (range 40) (fn [n] (if (fails n) (throw "busy") n)))',
    "operator": '(stream.tap (range 40) (fn [n] (if (busy n) (throw "busy") n)))',
    "lifted": '(stream.map (range 40) (fn [n] (if (busy n) (throw "busy") n)) {:effects [:network]})',
    "several at once": '(stream.map (range 40) (fn [n] (if (busy n) (throw "busy") n))'
    " {:effects [:network] :concurrency 3})",
    "partition": """(stream.parallel (range 40) {:parallelism 1 :processor (fn [s]
      (stream.map s (fn [n] (if (busy n) (throw "busy") n))))})""",
}


# ---- the machine


def by_the_book(rules: Rules, outcomes: list[tuple[bool, int]]) -> list[int]:
    """The state before each call that is made one after the other, `wait` ms after the one before; 2 when none is."""
    states, last, opened, probes, now = [], [], None, 0, 0
    for good, wait in outcomes:
        now += wait
        if opened is not None and now - opened < rules.recovery_ms:
            states.append(OPEN)
            continue
        states.append(CLOSED if opened is None else HALF_OPEN)
        if opened is None:
            last = [*last, good][-rules.window :]
            if len(last) >= rules.least and last.count(False) / len(last) >= rules.threshold:
                opened, probes = now, 0
        elif not good:
            opened, probes = now, 0
        else:
            probes += 1
            if probes == rules.probes:
                opened, last = None, []
    return states


@given(
    st.builds(
        Rules, st.sampled_from([0.25, 0.5, 1.0]), st.integers(3, 6), st.integers(1, 3), st.just(100), st.integers(1, 3)
    ),
    st.lists(st.tuples(st.booleans(), st.sampled_from([0, 30, 100])), max_size=40),
)
def test_a_circuit_goes_by_the_book(rules: Rules, outcomes: list[tuple[bool, int]]) -> None:
    now, changes, states = [0.0], [], []
    circuit = Circuit("c", rules, lambda: now[0], lambda circuit: changes.append(circuit.state))
    for good, wait in outcomes:
        now[0] += wait / 1000
        states.append(circuit.state)
        if circuit.lets:
            circuit.end(circuit.begin(), good=good)
    assert states == by_the_book(rules, outcomes)
    assert all(state != HALF_OPEN for state in changes)
    assert changes[:1] in ([], [OPEN])


def test_a_trial_lets_no_more_calls_begin_than_it_has_and_late_outcomes_mean_nothing() -> None:
    now = [0.0]
    circuit = Circuit("c", Rules(0.5, 4, 2, 100, 2), lambda: now[0], lambda circuit: None)
    late = circuit.begin()
    for _ in range(2):
        circuit.end(circuit.begin(), good=False)
    assert (circuit.state, circuit.lets) == (OPEN, False)
    now[0] = 0.1
    first, second = circuit.begin() if circuit.lets else None, circuit.begin() if circuit.lets else None
    assert first is not None and second is not None and not circuit.lets
    circuit.end(late, good=False)
    circuit.end(first, good=True)
    assert (circuit.state, circuit.lets) == (HALF_OPEN, False)
    circuit.end(second, good=True)
    assert circuit.state == CLOSED


# ---- in a graph


@pytest.mark.parametrize("place", PLACES)
def test_a56_a_circuit_opens_holds_fails_its_trial_and_recovers_and_nothing_is_lost(place: str) -> None:
    """A56: ten of twenty fail, the circuit holds for a minute; the first trial fails, the second succeeds."""
    timed = Timed()
    failing = set(range(10, 21))
    timed.session.define("busy", lambda n: n in failing)
    timed.session.run(f"(def fails (fn [n] (<= 10 n 20))) (def graph {PLACES[place]})")
    timed.run(
        """(def run (call :stream.with-circuit-breaker graph
             {:on-open (fn [info] (tell [:open (:opened info)])) :on-close (fn [info] (tell [:closed (:opened info)]))
              :on-error :skip :on-item (fn [n] (tell n))}))
           (call :stream.wait run {:timeout-ms 59000})
           (tell (first (filter some? (map (fn [s] (:blocked-on (call :stream.inspect s))) (call :stream.list)))))
           (call :stream.wait run)""",
        seconds=200,
        step=0.25,
    )
    items = [value for value in timed.values if type(value) is int]
    assert items == [n for n in range(40) if n not in failing]
    changes = [(round(time / 1000), value) for time, value in timed.told if type(value) is tuple]
    assert changes == [(0, (K("open"), 1)), (60, (K("open"), 2)), (120, (K("closed"), 2))]
    (blocked,) = [value for value in timed.values if isinstance(value, rtfs.lang.collections.Map)]
    assert blocked[K("what")] is K("breaker")
    assert [round(time / 1000) for time, value in timed.told if value == 21] == [120]


@settings(max_examples=15, deadline=None)
@given(
    st.sets(st.integers(0, 29)), st.sampled_from(["stage", "operator", "several at once", "partition"]),
    st.sampled_from([0.2, 0.5, 1.0]), st.integers(1, 8), st.integers(1, 3),
)  # fmt: skip
def test_what_leaves_does_not_depend_on_the_circuit(
    failing: set[int], place: str, threshold: float, window: int, probes: int
) -> None:
    timed = Timed()
    timed.session.define("busy", lambda n: n in failing)
    timed.session.define("bad", rtfs.from_python(sorted(failing)))
    timed.session.run(f"(def fails (fn [n] (some (fn [x] (= x n)) bad))) (def graph {PLACES[place]})")
    found = timed.run(
        f"""(call :stream.to-collection (stream.with-circuit-breaker graph {threshold}
              {{:window {window} :recovery-timeout 20 :probes {probes}}}) {{:on-error :skip}})"""
    )
    assert list(found) == [n for n in range(40) if n not in failing]


@pytest.mark.parametrize("place", PLACES)
def test_items_fail_at_once_or_become_letters_while_it_is_open(place: str) -> None:
    for mode, codes in ("fail", ["RTFS-S010"] * 10), ("dead-letter", ["RTFS-S010"] * 10 + ["RTFS-S042"] * 20):
        timed = Timed()
        timed.session.define("busy", lambda n: n >= 10)
        timed.session.run(f"(def fails (fn [n] (>= n 10))) (def graph {PLACES[place]})")
        found, letters = timed.run(
            f"""(let [found (call :stream.to-collection (stream.with-circuit-breaker
                  (stream.pipeline-with-recovery graph
                    (fn [error n] (do (tell (:code error)) (if (= (:code error) "RTFS-S042") :skip :dead-letter))))
                  {{:when-open :{mode}}}) {{:dead-letter-queue "shut"}})]
                [found (call :stream.dead-letters {{:queue "shut"}})])"""
        )
        assert list(found) == list(range(10))
        assert timed.values.count("RTFS-S010") == 10
        assert timed.values.count("RTFS-S042") == (20 if mode == "fail" else 0)
        assert sorted(letter[K("error")][K("code")] for letter in letters) == codes
        shut = [letter for letter in letters if letter[K("error")][K("code")] == "RTFS-S042"]
        assert all(letter[K("error")][K("message")].startswith("Circuit open for '") for letter in shut)


def test_partitions_in_other_processes_share_a_circuit_and_nothing_is_lost() -> None:
    opened: list[int] = []
    context = rtfs.RuntimeContext.full()
    with closing(rtfs.Session(limits=rtfs.Limits.unlimited(), context=context)) as session:
        session.define("opened", opened.append)
        found = session.run("""(call :stream.to-collection (stream.with-circuit-breaker
          (stream.parallel (range 400) {:parallelism 2 :partition-fn identity
                                        :processor (fn [s] (stream.map s (fn [n] (if (< 99 n 200) (throw "busy") n))))})
          {:recovery-timeout 1 :probes 3 :on-open (fn [info] (opened (:opened info)))}) {:on-error :skip})""")
    assert sorted(found) == [n for n in range(400) if not 99 < n < 200]
    assert opened == list(range(1, len(opened) + 1))
    assert len(opened) > 5  # ten fail until it opens, then each trial ends with the first that fails


def test_a_value_stands_for_an_item_that_an_open_circuit_refuses_and_no_function_is_called() -> None:
    timed = Timed()
    found = timed.run("""(call :stream.to-collection (stream.with-circuit-breaker
      (stream.pipeline-with-recovery
        (stream.map (stream.stateful (range 4) (fn [n x] [(inc n) n]) {:initial-state 0}) (fn [n] (/ 1 (dec n))))
        (fn [error n] {:replace [n (:code error)]}))
      {:window 2 :when-open :fail}))""")
    assert rtfs.show(rtfs.from_python(found)) == '[-1 [1 "RTFS-S010"] [2 "RTFS-S042"] [3 "RTFS-S042"]]'


def test_a_failing_item_that_is_tried_again_is_its_own_trial() -> None:
    timed = Timed()
    tries = []

    def try_it(n: int) -> int:
        tries.append(n)
        return len(tries)

    timed.session.define("try-it", try_it)
    timed.run("""(call :stream.wait (call :stream.with-circuit-breaker
                   (stream.tap [1 2] (fn [n] (if (< (try-it n) 4) (throw "busy"))))
                   {:window 1 :recovery-timeout 5000 :on-error {:retry 9} :on-item (fn [n] (tell n))}))""")
    assert tries == [1, 1, 1, 1, 2]
    assert [(round(time / 1000), n) for time, n in timed.told] == [(15, 1), (15, 2)]


def test_metrics_show_the_state_of_the_circuit() -> None:
    timed = Timed()
    meter = measured(timed.session.host.streams)
    timed.session.define("state", lambda: tuple(meter.values()["breaker_state"].items()))
    timed.run("""(def run (call :stream.with-circuit-breaker
                   (stream.map (range 9) (fn [n] (if (= n 0) (throw "busy") n)) {:name "odd"})
                   {:window 1 :recovery-timeout 1000 :name "mine" :on-error :skip :on-item (fn [n] n)}))
                 (call :stream.wait run {:timeout-ms 500})
                 (tell (state))""")
    assert timed.values == [((("dataflow", "mine: odd"), 2),)]


def test_a_run_with_an_open_circuit_can_be_cancelled_and_stopped() -> None:
    timed = Timed()
    for verb in ("cancel", "stop"):
        status = timed.run(f"""
          (def run (call :stream.with-circuit-breaker (stream.map (range 9) (fn [n] (throw "busy")))
                         {{:window 1 :on-error :skip :on-item (fn [n] n)}}))
          (call :stream.wait run {{:timeout-ms 500}})
          (call :stream.{verb} run)
          (map :status (call :stream.list))""")
        assert K("paused") not in status
    assert timed.clock.monotonic() < 2


def test_the_nearest_breaker_covers() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.with-circuit-breaker
                   (stream.with-circuit-breaker (stream.map (range 3) (fn [n] (if (= n 0) (throw "busy") n)))
                     {:window 1 :recovery-timeout 1000 :on-open (fn [info] (tell :near))})
                   {:window 1 :on-open (fn [info] (tell :far)) :on-error :skip :on-item (fn [n] (tell n))}))""")
    assert timed.values == [K("near"), 1, 2]


def test_a_failing_callback_is_an_event_and_the_run_goes_on() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.with-circuit-breaker
                   (stream.map (range 3) (fn [n] (if (= n 0) (throw "busy") n)))
                   {:window 1 :recovery-timeout 1000 :on-open (fn [info] (throw "no phone"))
                    :on-error :skip :on-item (fn [n] (tell n))}))""")
    assert timed.values == [1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("0", "S003 Parameter 'failure-threshold': expected number above 0, got 0"),
        ("{:window 0}", "S003 Parameter 'window': expected integer >= 1, got 0"),
        ("{:window 5 :min-calls 6}", "S003 Parameter 'min-calls': expected integer up to the window of 5, got 6"),
        ("{:when-open :wait}", "S003 Parameter 'when-open': expected one of :hold :fail :dead-letter, got :wait"),
        ("{:recovery-timeout 0}", "S003 Parameter 'recovery-timeout': expected integer >= 1, got 0"),
        ("{:on-open (fn [a b] a)}", "S015 Callback 'fn' takes 2 arguments; :on-open gives 1"),
    ],
)
def test_bad_input_is_refused_by_name(options: str, message: str) -> None:
    with closing(rtfs.Session(context=rtfs.RuntimeContext.full())) as session, pytest.raises(rtfs.RtfsError) as caught:
        session.run(f"(call :stream.to-collection (stream.with-circuit-breaker [1] {options}))")
    assert f"{caught.value.code[5:]} {caught.value.message}" == message
