"""A fused chain gives what its stages give one after the other: outputs, states and the place of an error (§6.10)."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import rtfs
from rtfs.evaluator import SessionEvaluator
from rtfs.host.stream.fuse import fuse
from rtfs.host.stream.fused import fused
from rtfs.host.stream.graph import Chain, Origin, chain_of
from rtfs.host.stream.processor import read, read_result
from rtfs.host.stream.stage import Collected, Line, Stage, StageError
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited())
SESSION.run("(defn mine [x] (* 2 x)) (defn pos? [x] (= x 4))")
EVALUATOR = SessionEvaluator(SESSION)


def chain(text: str) -> Chain:
    """The chain of `(-> [] …)` with these operators."""
    return chain_of(SESSION.run(f"(-> [] {text})"), EVALUATOR)


def plain(made: Chain, items: list[Any]) -> tuple[list[Any], list[Any], str | None]:
    """States, outputs and the error of the stages one after the other; a failed item changes nothing."""
    kept = [at for segment in fuse(made.stages, EVALUATOR) for at in segment.states]
    line, outputs, failure = Line(made.stages, EVALUATOR.pure, "chain", kept), [], None
    states = [stage.init for stage in made.stages]
    for number, item in enumerate(items):
        before, found = list(states), Collected()
        try:
            line.feed(states, 0, item, meta(number), found)
        except StageError as failed:
            return list(line.compact(before)), outputs, failed.error.code
        outputs += found.outputs
        if found.action is not None:
            break
    found = Collected()
    line.flush(states, meta(len(items)), found)
    return list(line.compact(states)), outputs + found.outputs, failure


def at_once(made: Chain, items: list[Any]) -> tuple[list[Any], list[Any], str | None]:
    """The same of the fused function."""
    processor, state = fused(made, EVALUATOR)
    outputs: list[Any] = []
    for number, item in enumerate(items):
        more = (meta(number),) if processor.wants_metadata else ()
        try:
            with EVALUATOR.stepping():
                state, produced, asked = read(processor.step(state, item, *more), state, "chain", 10_000)
        except Exception as raised:
            error = EVALUATOR.failure(raised)
            assert isinstance(error, rtfs.RtfsError)
            return list(state), outputs, error.code
        outputs += produced
        if asked is not None and asked.action is not None:
            break
    assert processor.control is not None
    flushing = Map.of([*meta(len(items)).entries(), (K("control"), K("flush"))])
    state, produced, *_ = read_result(processor.control(state, flushing), state, "chain", 10_000)
    return list(state), outputs + list(produced), None


def meta(number: int) -> Map:
    return Map.of([(K("time"), number * 100), (K("seq"), number)])


OPERATORS = [
    "(stream.map inc)",
    "(stream.map (fn [x] (* x x)))",
    "(stream.map (let [n 7] (fn [x] (mod x n))))",
    "(stream.map (fn [items] (let [size (count [items])] (+ items size))))",
    "(stream.map (fn [x] (mine x)))",
    "(stream.map (fn [state] (+ state 1)))",
    "(stream.filter (fn [count] (> count 3)))",
    "(stream.filter odd?)",
    "(stream.filter (fn [x] (pos? x)))",
    "(stream.filter (fn [x] (if (> x 2) true nil)))",
    "(stream.flat-map (fn [x] [x (inc x)]))",
    "(stream.flat-map (fn [x] (if (= 0 (mod x 3)) [] [x])))",
    "(stream.take 5)",
    "(stream.drop 2)",
    "(stream.distinct)",
    "(stream.distinct (fn [x] (mod x 4)) {:max-keys 3})",
    "(stream.distinct identity {:ttl-ms 250})",
    "(stream.stateful (fn [s x] [(+ s x) (if (odd? x) s nil)]) {:initial-state 0})",
    "(stream.reduce + {:emit :each})",
    "(stream.reduce (fn [a x] (max a x)) {:initial 3 :emit :each})",
    "(stream.validate-types :int {:invalid :drop})",
    "(stream.map ((fn [n none] (fn [x] (-> (if n x none) (or 3) (and (or none x))))) 0 nil))",
    "(stream.filter ((fn [a b] (fn [x] (and (or (nil? a) (>= x a)) (or (nil? b) (<= x b)) x))) 2 nil))",
    "(stream.map ((fn [k f] (fn [x] (cond f 0 (= k :b) 1 (and (not f) (= k :a)) (inc x) :else 3))) :a false))",
    "(stream.map (let [max 3] (fn [x] (if (> x max) x max))))",
    "(stream.group-by odd? {:every 3 :every-ms 300}) (stream.map count)",
    "(stream.window 200) (stream.map :count)",
    "(stream.window 200 {:key-fn odd? :time-fn (fn [x] (* x 30)) :allowed-lateness 150}) (stream.map :start)",
    "(stream.session-window odd? {:timeout 250}) (stream.map :count)",
    '(stream.map (fn [x] (if (= x 13) (throw "thirteen") x)))',
]
LAST = [
    "", "(stream.batch 3)", "(stream.batch 2 {:partial false})", "(stream.group-by odd?)",
    "(stream.group-by odd? {:every 3})",
    "(stream.sliding-window 3 {:slide 2})", "(stream.reduce +)", "(stream.window 300)",
    "(stream.window 300 {:key-fn odd?})", "(stream.session-window odd? {:timeout 150})",
    "(stream.batch 4 {:max-wait-ms 500})", "(stream.batch 4 {:max-bytes 30})",
    "(stream.group-by odd? {:every 7 :every-ms 300})", "(stream.flat-map (fn [x] [x x (inc x)]))",
    "(stream.window 300 {:time :event :allowed-lateness 200 :emit-empty true})",
]  # fmt: skip


@given(
    st.lists(st.sampled_from(OPERATORS), max_size=5),
    st.sampled_from(LAST),
    st.lists(st.integers(0, 20), max_size=30),
)
def test_a_fused_chain_is_its_stages_one_after_the_other(middle: list[str], last: str, items: list[int]) -> None:
    made = chain(" ".join([*middle, last]))
    assert at_once(made, items) == plain(made, items)


def test_no_map_is_built_where_a_stage_goes_on_to_the_next() -> None:
    made = chain("(stream.map inc) (stream.filter odd?) (stream.map (fn [x] (* x x))) (stream.batch 50)")
    (segment,) = fuse(made.stages, EVALUATOR)
    assert segment.text.count("{") == segment.text.count("{:state [$3]") == 3


def test_a_step_that_ends_in_something_else_ends_its_segment() -> None:
    made = chain("(stream.map inc) (stream.flat-map vector) (stream.map inc)")
    segments = fuse(made.stages, EVALUATOR)
    assert [(segment.first, segment.last) for segment in segments] == [(0, 2), (2, 3)]


def test_what_a_step_captured_is_settled_before_it_runs() -> None:
    """Nothing is asked per item that is known, and nobody stands in for a function that is written out."""
    made = chain("(stream.window 300 {:key-fn (fn [x] (mod x 7)) :time-fn identity :late :side})")
    (segment,) = fuse(made.stages, EVALUATOR)
    hot = segment.text.split(":watermark mark")[0]
    assert [name for name in segment.captures if name in hot] == []
    assert "cond" not in hot
    assert hot.count("{:rtfs/side :on-late :args [$x]}") == 1


def stages(*texts: str) -> Chain:
    """Stages with these steps."""
    made = [Stage("made", None, 0, SESSION.run(text), None, None) for text in texts]
    return Chain(Origin("", Map.of([])), tuple(made))


def test_a_name_that_a_step_binds_means_nothing_to_the_stage_behind_it() -> None:
    step = """((fn [f] (fn [s x m] (f s x)))
               (fn [state item] (let [inc 5 min 7] {:state (+ state inc min) :outputs [item]})))"""
    made = stages(step, "((fn [f] (fn [state item metadata] {:state state :outputs [(f item)]})) inc)")
    assert at_once(made, [1, 2]) == plain(made, [1, 2]) == ([24], [2, 3], None)


def test_what_a_step_says_beside_its_next_state_is_of_the_state_that_it_was_given() -> None:
    made = stages(
        "(fn [s x m] {:state (inc s) :outputs [[s x]] :wake-at s})",
        "(fn [s x m] {:state (+ 10 s) :outputs [(conj x s) s]})",
    )
    assert at_once(made, [1, 2]) == plain(made, [1, 2]) == ([2, 20], [(0, 1, 0), 0, (1, 2, 10), 10], None)


def test_the_earlier_of_two_times_is_asked_for_whether_or_not_both_ask() -> None:
    times = ["(if (odd? item) 500 nil)", "(if (< item 2) 400 nil)", "700"]
    made = stages(*(f"(fn [state item metadata] {{:state state :outputs [item] :wake-at {time}}})" for time in times))
    processor, state = fused(made, EVALUATOR)
    assert processor.batch is not None
    for items in ([0], [1], [2], [3], [0, 1, 2, 3], [2, 2], [2, 3]):
        found = Collected()
        for item in items:
            made_of = Line(made.stages, EVALUATOR.pure, "", [])
            made_of.feed([0, 0, 0], 0, item, meta(0), found)
            with EVALUATOR.stepping():
                reading = read(processor.step(state, item), state, "", 9)
        assert processor.batch.through(state, tuple(items), (), 9)[2] == found.wake_at  # type: ignore[index]
        assert reading[2] is not None and reading[2].config is not None
        if len(items) == 1:
            assert reading[2].config.get(K("wake-at")) == found.wake_at


@pytest.mark.parametrize("time", ['"soon"', "-1", "1.5", ":never"])
def test_a_time_that_is_none_sends_a_batch_back_to_single_steps(time: str) -> None:
    made = stages(f"(fn [state item metadata] {{:state state :outputs [item] :wake-at {time}}})")
    processor, state = fused(made, EVALUATOR)
    assert processor.batch is not None
    assert processor.batch.through(state, (1, 2), (), 9) is None
    several = stages(
        f"(fn [state item metadata] {{:state state :outputs [item item] :wake-at {time}}})", "(fn [s x m] 1)"
    )
    assert fused(several, EVALUATOR)[0].batch is None


def test_more_outputs_of_an_item_than_a_step_may_give_send_a_batch_back_to_single_steps() -> None:
    processor, state = fused(chain("(stream.flat-map range)"), EVALUATOR)
    assert processor.batch is not None
    assert processor.batch.spreads
    assert processor.batch.through(state, (3, 4, 0), (), 4) is not None
    assert processor.batch.through(state, (3, 4, 0), (), 3) is None


def test_what_a_program_redefines_does_not_change_the_library_within_a_chain() -> None:
    other = rtfs.Session(limits=rtfs.Limits.unlimited())
    node = other.run("(defn conj [& xs] :mine) (defn inc [x] :mine) (-> [] (stream.map dec) (stream.batch 2))")
    made = chain_of(node, SessionEvaluator(other))
    processor, state = fused(made, SessionEvaluator(other))
    assert read(processor.step(state, 5), state, "chain", 10)[0] == vector([(4,)])


def test_an_endless_row_of_operators_is_refused() -> None:
    node: Any = (1, 2)
    for _ in range(1_001):
        node = Map.of([(K("rtfs/node"), K("map")), (K("inputs"), (node,)), (K("params"), Map.of([]))])
    with pytest.raises(rtfs.RtfsError, match="graph: more than 1000 operators in a row held"):
        chain_of(node, EVALUATOR)


@given(
    st.lists(st.sampled_from(OPERATORS), max_size=5),
    st.sampled_from(LAST),
    st.lists(st.integers(0, 20), max_size=30),
    st.integers(1, 9),
)
def test_items_in_a_batch_give_what_they_give_one_by_one(
    middle: list[str], last: str, items: list[int], size: int
) -> None:
    processor, begin = fused(chain(" ".join([*middle, last])), EVALUATOR)
    assume(processor.batch is not None)
    assert processor.batch is not None
    state = single = begin
    for at in range(0, len(items), size):
        part = items[at : at + size]
        metadata = [meta(at + number) for number in range(len(part))]
        columns = [tuple(each.get(field) for each in metadata) for field in processor.batch.fields]
        made = processor.batch.through(state, tuple(part), columns, 10_000)
        found: Any = [], single, None
        for number, item in enumerate(part):
            more = (metadata[number],) if processor.wants_metadata else ()
            try:
                with EVALUATOR.stepping():
                    after, values, asked = read(processor.step(found[1], item, *more), found[1], "chain", 10_000)
            except rtfs.RtfsError:
                found = None
                break
            wake = None if asked is None or asked.config is None else asked.config.get(K("wake-at"))
            times = [time for time in (found[2], wake) if time is not None]
            found = [*found[0], *((number, value) for value in values)], after, min(times, default=None)
        assert (made is None) == (found is None)
        if made is None:
            return
        assert (list(made[1]), made[0], made[2]) == found
        state, single = made[0], found[1]


def test_chains_of_literals_run_where_steps_are_counted() -> None:
    limits = rtfs.Limits(steps=200_000, seconds=None)
    chain = "(stream.stateful (stream.map [1 2 3] f) (fn [n x] [(+ n x) (f n)]) {:initial-state 0})"
    text = f"(let [k 3 f (fn [x] (+ x k))] (call :stream.to-collection {chain}))"
    with closing(rtfs.Session(limits=limits, context=rtfs.RuntimeContext.full())) as session:
        assert list(session.run(text)) == [3, 7, 12]
        with pytest.raises(rtfs.RtfsError, match="Step"):
            session.run("(call :stream.to-collection (stream.map [1] (fn [x] (loop [i 0] (recur (inc i))))))")
