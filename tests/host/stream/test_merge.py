"""Several streams as one: which input is next, what of an item goes on with it, what a restart keeps (§6.5)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K
from tests.host.stream.test_flow import Timed, collect, refused

STRATEGIES = ("round-robin", "priority", "fair", "arrival", "event-time")
INPUTS = st.lists(st.lists(st.integers(0, 50), max_size=12), min_size=1, max_size=4)
SLOW = "(stream.rate-limit {} {{:rate 1 :burst 1}})"


def merged(inputs: str, options: str) -> list[Any]:
    return collect(f"(stream.merge {inputs} {options})")


# ---- A53: the order of each strategy


def test_a53_round_robin_takes_one_of_each_in_turn() -> None:
    assert merged("[[1 2 3] [:a] [:x :y]]", "{}") == [1, K("a"), K("x"), 2, K("y"), 3]


def test_a53_priority_takes_the_first_ready_input_of_the_order() -> None:
    timed = Timed()
    timed.run(f"""(call :stream.wait (call :stream.merge {{:low {SLOW.format("[:a :b :c]")} :high [1 2 3] :mid [:m]}}
                    {{:strategy :priority :priorities [:high :mid :low] :on-merged (fn [x] (tell x))}}))""")
    values = timed.values
    assert [value for value in values if type(value) is int] == [1, 2, 3]
    assert values[-2:] == [K("b"), K("c")]  # what was not ready had to come later
    assert values.index(K("m")) > values.index(2)


def test_a53_fair_serves_by_weight() -> None:
    found = merged("{:a (range 100 130) :b (range 60)}", "{:strategy :fair :weights {:a 1 :b 2}}")
    served = [("a" if item >= 100 else "b") for item in found[:60]]
    assert served.count("b") == pytest.approx(40, abs=2)
    assert sorted(found) == sorted([*range(100, 130), *range(60)])


def test_a53_arrival_keeps_the_order_of_time() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.merge [(call :stream.periodic 300 {:limit 3})
                                                         (call :stream.periodic 400 {:limit 2})]
                   {:strategy :arrival :on-merged (fn [x] (tell x))}))""")
    assert [round(time, -2) for time, _ in timed.told] == [300, 400, 600, 800, 900]
    assert timed.values == [0, 0, 1, 1, 2]


def test_a53_event_time_takes_the_earliest_item() -> None:
    assert merged("[[1 4 9] [2 3] [0 5 7]]", "{:strategy :event-time :time-fn identity}") == [0, 1, 2, 3, 4, 5, 7, 9]


def test_event_time_is_what_the_sources_say_where_no_function_does() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.merge
                   [(call :stream.periodic 300 {:limit 3 :generator (fn [n] [:a n])})
                    (stream.map (call :stream.periodic 200 {:limit 4}) identity)]
                   {:strategy :event-time :on-merged (fn [x] (tell x))}))""")
    assert timed.values == [0, (K("a"), 0), 1, (K("a"), 1), 2, 3, (K("a"), 2)]


@settings(max_examples=25, deadline=None)
@given(INPUTS, st.sampled_from(STRATEGIES))
def test_every_item_comes_once_and_each_input_in_its_order(inputs: list[list[int]], strategy: str) -> None:
    tagged = [[(number, item) for item in items] for number, items in enumerate(inputs)]
    found = collect(f"(stream.merge xs {{:strategy :{strategy}}})", xs=tagged)
    assert [[pair for pair in found if pair[0] == number] for number in range(len(inputs))] == tagged


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a53_a_merge_that_is_stopped_goes_on_in_its_order(strategy: str, tmp_path: Path) -> None:
    options = f"{{:strategy :{strategy} :weights {{:b 2}} :priorities [:b :a :c] :time-fn identity}}"
    graph = f"(stream.merge {{:a (range 0 60 3) :b (range 1 60 3) :c (range 2 60 3)}} {options})"
    whole, found = collect(graph), []
    for take in (5, 11, 2, 1000):
        with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
            session.run(f'(def h (call :stream.create {graph} {{:stream-id "m" :outputs :durable}}))')
            while more := session.run(f"(call :stream.next h {{:max {take} :after {len(found) - 1}}})"):
                found += more
                if take < 1000:
                    break
    if strategy in ("priority", "fair", "arrival"):  # which input is ready is not the merge's to say
        assert [[x for x in found if x % 3 == part] for part in range(3)] == [list(range(p, 60, 3)) for p in range(3)]
    else:
        assert found == whole


def test_the_positions_of_all_inputs_are_in_one_snapshot(tmp_path: Path) -> None:
    with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
        position = session.run("""(let [h (call :stream.create (stream.merge [(range 5) [:a] [:x :y]])
                                            {:stream-id "p" :outputs :durable})]
                                    (call :stream.next h {:max 100})
                                    (call :stream.wait h)
                                    (:position (call :stream.inspect h)))""")
    assert position == (5, 1, 2)


# ---- silent and failing inputs


@pytest.mark.parametrize("strategy", ["round-robin", "event-time"])
def test_a_silent_input_is_waited_for_so_long_and_not_longer(strategy: str) -> None:
    timed = Timed()
    timed.run(f"""(call :stream.wait (call :stream.merge [(call :stream.periodic 5000 {{:limit 1}}) [:a :b]]
                    {{:strategy :{strategy} :skip-idle-ms 700 :on-merged (fn [x] (tell x))}}))""")
    assert timed.values == [K("a"), K("b"), 0]
    assert [round(time, -1) for time, _ in timed.told] == pytest.approx([700, 700, 5000], abs=60)


def test_without_a_limit_a_silent_input_is_waited_for() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.merge [(call :stream.periodic 5000 {:limit 1}) [:a :b]]
                   {:skip-idle-ms nil :on-merged (fn [x] (tell x))}))""")
    assert timed.values == [0, K("a"), K("b")]


FAILS = "(stream.map [1 0 5] (fn [x] (/ 10 x)))"


def test_the_failure_of_one_input_fails_the_merge() -> None:
    assert refused(f"(stream.merge [{FAILS} [7 8 9]])").startswith("S010")


def test_an_input_that_fails_can_be_dropped() -> None:
    assert merged(f"[{FAILS} [7 8 9]]", "{:on-input-error :drop}") == [10, 7, 8, 9]


# ---- metadata


def test_metadata_names_the_input_and_keeps_what_the_items_had() -> None:
    timed = Timed()
    source = "(call :stream.periodic 1000 {:limit 1})"
    graph = f"(-> (stream.merge {{:north {source}}}) (stream.tap identity) (stream.rate-limit 100)"
    graph += " (stream.with-cache identity {:cache-key identity}) (stream.memory-efficient 1000))"
    meta = timed.run(f"""(let [h (call :stream.create {graph})]
                           (:meta (call :stream.next h {{:envelope true :timeout-ms 5000}})))""")
    assert meta[K("source")] == K("north")
    assert meta[K("event-time")] == pytest.approx(timed.clock.now_ms(), abs=1100)


def test_metadata_of_stored_outputs_is_stored(tmp_path: Path) -> None:
    graph = '(call :stream.create (stream.merge {:a [1 2] :b [3]}) {:stream-id "s" :outputs :durable})'
    for _ in range(2):
        with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
            read = f"""(let [h {graph}]
                         (map (fn [n] (:source (:meta (call :stream.next h {{:after (dec n) :envelope true}}))))
                              (range 3)))"""
            assert list(session.run(read)) == [K("a"), K("b"), K("a")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "(stream.merge [[1]] {:strategy :best})",
            "S003 Parameter 'strategy': expected one of :round-robin :priority :fair :arrival :event-time, got :best",
        ),
        ("(stream.merge [[1]] {:skip-idle-ms 0})", "S003 Parameter 'skip-idle-ms': expected integer >= 1, got 0"),
        ("(stream.merge 5)", "S003 Parameter 'streams': expected vector of streams or map of them, got 5"),
        ("(stream.merge [5])", "S004 Not a stream: 5"),
        (
            "(stream.merge {:a [1] :b [2]} {:strategy :priority :priorities [:a]})",
            "S003 Parameter 'priorities': expected vector of all names of the inputs, :a :b, got [:a]",
        ),
        (
            "(stream.merge {:a [1]} {:strategy :fair :weights {:a 0}})",
            "S003 Parameter 'weights': expected map from names of inputs to numbers above 0, got {:a 0}",
        ),
    ],
)
def test_bad_input_is_refused_by_name(text: str, message: str) -> None:
    assert refused(text) == message
