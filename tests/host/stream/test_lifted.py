"""Lifted slots: functions of operators that may call the host, as `:effects` says (streaming.md §0, §6, §6.10)."""

from __future__ import annotations

import gc
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K
from tests.host.stream.test_flow import INTEGERS, SESSION, Timed, collect, refused

OPERATORS = {
    "map": "(stream.map xs (fn [x] (* 2 x)) OPTIONS)",
    "filter": "(stream.filter xs odd? OPTIONS)",
    "flat-map": "(stream.flat-map xs (fn [x] (vec (range (mod x 4)))) OPTIONS)",
    "distinct": "(stream.distinct xs (fn [x] (mod x 5)) OPTIONS)",
    "reduce": "(stream.reduce xs + {:initial 3 MORE})",
    "group-by": "(stream.group-by xs odd? {:every 3 MORE})",
    "stateful": "(stream.stateful xs (fn [n x] [(+ n x) [n x]]) {:initial-state 0 MORE})",
    "window": "(stream.window xs 5 {:time-fn identity :allowed-lateness 50 MORE})",
    "sliding-window": "(stream.sliding-window xs {:duration 10 :slide-ms 5 :time-fn identity MORE})",
    "session-window": "(stream.session-window xs odd? {:timeout 3 :time-fn identity :processor :items MORE})",
    "take behind": "(stream.take (stream.map xs inc OPTIONS) 3)",
    "two": "(stream.map (stream.filter (stream.map xs inc) even? OPTIONS) str OPTIONS)",
}


def graph(name: str, options: str) -> str:
    return OPERATORS[name].replace("OPTIONS", f"{{{options}}}").replace("MORE", options)


@pytest.mark.parametrize("name", OPERATORS)
@settings(max_examples=8, deadline=None)
@given(items=INTEGERS)
def test_a_lifted_operator_gives_what_the_pure_one_does(name: str, items: list[int]) -> None:
    items = sorted(items) if "window" in name else items
    pure = rtfs.show(rtfs.from_python(collect(graph(name, ""), xs=items)))
    assert rtfs.show(rtfs.from_python(collect(graph(name, ":effects []"), xs=items))) == pure


@settings(max_examples=15, deadline=None)
@given(INTEGERS, st.integers(1, 9))
def test_results_leave_in_the_order_of_items_however_many_are_worked_on(items: list[int], wide: int) -> None:
    call = f"(stream.map xs (fn [x] (call :ccos.echo (* 2 x))) {{:effects [] :concurrency {wide}}})"
    assert collect(call, xs=items) == [2 * item for item in items]


# ---- calls of the host


def test_a_transform_may_call_the_host_when_its_operator_says_so() -> None:
    assert collect("(stream.map [1 2] (fn [x] (call :ccos.echo [x])) {:effects [:console]})") == [(1,), (2,)]


def test_a_transform_that_calls_the_host_without_saying_so_is_told_how() -> None:
    with pytest.raises(rtfs.RtfsError) as caught:
        collect("(stream.map [1 2] (fn [x] (call :ccos.echo x)))")
    assert (caught.value.code, caught.value.message) == (
        "RTFS-S017", "Processor 'map' is not pure: it called ccos.echo",
    )  # fmt: skip
    assert "hint: with `:effects [:network …]` the functions of an operator may call the host" in caught.value.notes


SLOW = """(call :stream.wait (call :stream.map [50 10 40 20]
            (fn [x] (do (call :ccos.system.sleep-ms x) (tell [:end x]) x))
            {:effects [:clock] :concurrency %d :ordered %s :on-chunk (fn [x] (tell x))}))"""


@pytest.mark.parametrize(
    ("wide", "ordered", "left"),
    [(1, "true", [50, 10, 40, 20]), (3, "true", [50, 10, 40, 20]), (4, "false", [10, 20, 40, 50])],
)
def test_items_are_worked_on_beside_each_other(wide: int, ordered: str, left: list[int]) -> None:
    timed = Timed()
    timed.run(SLOW % (wide, ordered))
    assert [value for value in timed.values if type(value) is int] == left
    ended = {value[1]: time for time, value in timed.told if type(value) is tuple}
    expected = {1: [50, 60, 100, 120], 3: [50, 10, 40, 70], 4: [50, 10, 40, 20]}[wide]
    begun = ended[50] - 50
    assert [ended[x] - begun for x in (50, 10, 40, 20)] == pytest.approx(expected, abs=11 if wide == 1 else 10)


def test_no_more_items_are_worked_on_at_once_than_allowed() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.map (range 10)
                   (fn [x] (do (tell 1) (call :ccos.system.sleep-ms 30) (tell -1)))
                   {:effects [:clock] :concurrency 3 :ordered false :on-chunk identity}))""")
    running, most = 0, 0
    for change in timed.values:
        running += change
        most = max(most, running)
    assert (running, most) == (0, 3)


def test_a_lifted_window_closes_when_it_is_quiet() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.window (stream.merge [[1] (call :stream.periodic 9000 {:limit 1})])
                   1000 {:key-fn (fn [x] (call :ccos.echo x)) :effects []
                         :on-window (fn [items info] (tell [items (:reason info)]))}))""")
    assert timed.values == [((1,), K("idle")), ((0,), K("end"))]
    assert timed.told[0][0] < 3000


# ---- failures


FAILS = "(stream.map [1 0 2] (fn [x] (call :ccos.echo (/ 4 x))) {:effects []})"


def test_a_failing_call_fails_the_run_and_says_where() -> None:
    assert refused(FAILS) == "S010 Processor invocation error: Division by zero"


def test_on_error_holds_for_lifted_functions() -> None:
    assert list(SESSION.run(f"(call :stream.to-collection {FAILS} {{:on-error :skip}})")) == [4, 2]
    assert collect(f'(stream.with-dead-letter {FAILS} "lifted")') == [4, 2]
    (letter,) = SESSION.run('(call :stream.dead-letters {:queue "lifted"})')
    assert (letter[K("item")], letter[K("attempts")], letter[K("error")][K("code")]) == (0, 4, "RTFS-S010")


def test_a_call_is_tried_again_as_the_run_says() -> None:
    tried: list[int] = []

    def shaky(value: int) -> int:
        tried.append(value)
        if len(tried) < 3:
            raise ValueError("not yet")
        return value

    SESSION.define("shaky", shaky)
    text = "(stream.map [7 8] (fn [x] (shaky x)) {:effects []})"
    assert list(SESSION.run(f"(call :stream.to-collection {text} {{:on-error {{:retry 5}}}})")) == [7, 8]
    assert tried == [7, 7, 7, 8]


def test_a60_effects_that_the_context_denies_are_refused_before_anything_runs() -> None:
    context = rtfs.RuntimeContext.controlled(["stream.*", "ccos.*"], effects=[":streaming", ":console"])
    with closing(rtfs.Session(context=context)) as session:
        text = "(call :stream.to-collection (stream.map [1] (fn [x] (call :ccos.echo x)) {:effects [%s]}))"
        assert list(session.run(text % ":console")) == [1]
        with pytest.raises(rtfs.RtfsError, match=r"Effect :network denied for stream\.map"):
            session.run(text % ":console :network")


# ---- durable runs


@pytest.mark.parametrize(
    "options", [":effects []", ":effects [] :concurrency 4", ":effects [] :concurrency 3 :ordered false"]
)
def test_a_lifted_graph_that_is_stopped_goes_on_where_it_was(options: str, tmp_path: Path) -> None:
    text = f"""(stream.filter (stream.map (range 60) (fn [x] (call :ccos.echo (inc x))) {{{options}}})
                 (fn [x] (call :ccos.echo (odd? x))) {{:effects []}})"""
    found: list[Any] = []
    for take in (2, 7, 11, 1000):
        with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
            session.run(f'(def h (call :stream.create {text} {{:stream-id "g" :outputs :durable}}))')
            while more := session.run(f"(call :stream.next h {{:max {take} :after {len(found) - 1}}})"):
                found += more
                if take < 1000:
                    break
    assert (sorted(found) if "false" in options else found) == list(range(1, 61, 2))


def test_a_state_that_lifted_functions_made_is_kept(tmp_path: Path) -> None:
    text = "(stream.reduce (range 40) (fn [n x] (call :ccos.echo (+ n x))) {:initial 0 :emit :each :effects []})"
    found: list[int] = []
    for take in (5, 1000):
        with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
            session.run(f'(def h (call :stream.create {text} {{:stream-id "g" :outputs :durable}}))')
            found += session.run(f"(call :stream.next h {{:max {take} :after {len(found) - 1}}})")
    assert found == [sum(range(n + 1)) for n in range(len(found))]
    assert len(found) > 5


def test_answers_are_remembered_in_a_durable_run(tmp_path: Path) -> None:
    paid: list[int] = []
    first, copy = tmp_path / "first", tmp_path / "copy"
    market = rtfs.Marketplace()

    def pay(value: int) -> int:
        paid.append(value)
        if len(paid) == 12:  # as it would be found after a crash here
            shutil.copytree(first, copy)
        return value

    market.capability("test.pay", effects=[":none"], idempotent=False)(pay)
    text = """(call :stream.wait (call :stream.flat-map (range 20) (fn [x] [(call :test.pay x) x x])
                {:effects [] :stream-id "p" :journal true :outputs :durable :on-chunk identity
                 :checkpoint {:every-chunks 4}}))"""
    first.mkdir()
    for folder in (first, copy):
        with closing(
            rtfs.Session(context=rtfs.RuntimeContext.full(), marketplace=market, state_dir=str(folder))
        ) as session:
            session.run(text)
    assert paid == [*range(20), *range(11, 20)]  # what was not answered there was asked again


# ---- bad input


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "(stream.map [1] inc {:effects :network})",
            "S003 Parameter 'effects': expected vector of effect labels such as :network, got :network",
        ),
        (
            "(stream.map [1] inc {:effects [] :concurrency 0})",
            "S003 Parameter 'concurrency': expected integer >= 1, got 0",
        ),
        (
            "(stream.reduce [1] + {:effects [] :concurrency 2})",
            "S003 Parameter 'concurrency': expected 1, as reduce goes on from one item to the next, got 2",
        ),
        (
            "(stream.batch [1] 2 {:effects []})",
            "S006 Unknown option ':effects' for stream.batch; did you mean ':max-bytes'?",
        ),
    ],
)
def test_bad_input_is_refused_by_name(text: str, message: str) -> None:
    assert refused(text) == message


# ---- operators of the host


def test_keys_of_rates_and_caches_may_come_from_the_host() -> None:
    cached = (
        "(stream.with-cache [1 2 3 4] (fn [x] (* 10 x)) {:cache-key (fn [x] (call :ccos.echo (mod x 2))) :effects []})"
    )
    assert collect(cached) == [10, 20, 10, 20]
    asks = "(fn [x] (call :ccos.echo (mod x 2)))"
    limited = f"(stream.rate-limit [1 2 3 4] {{:rate 0.001 :burst 1 :mode :drop :key-fn {asks} %s}})"
    assert collect(limited % ":effects []") == [1, 2]
    assert refused(limited % "").startswith("S017")


def test_a_node_of_the_host_that_is_written_by_hand_is_checked() -> None:
    node = "{:rtfs/node :rate-limit :inputs [[1]] :params {%s}}"
    assert collect(node % ":rate 1000") == [1]
    assert refused(node % ":rate -1") == "S003 Parameter 'rate': expected number above 0, got -1"
    assert refused(node % ":rat 1") == "S006 Unknown option ':rat' for stream.rate-limit; did you mean ':rate'?"


@pytest.mark.parametrize("more", ["", ":slot-timeout-ms 600000"])
def test_that_a_call_is_cancelled_with_its_session_is_nobodys_failure(
    more: str, caplog: pytest.LogCaptureFixture
) -> None:
    graph = "(stream.map (range 9) (fn [x] (do (call :ccos.system.sleep-ms (* x 60000)) x)) {:effects [:time]})"
    with closing(rtfs.Session(context=rtfs.RuntimeContext.full())) as session:
        session.run(f'(call :stream.create {graph} {{:stream-id "k" {more}}})')
        assert session.run('(call :stream.next "k" {:timeout-ms 60000})') == 0
        assert session.run('(:status (call :stream.status "k"))') is K("active")
    gc.collect()  # what failed, and nobody asked about, is told then
    assert [record.getMessage() for record in caplog.records] == []
