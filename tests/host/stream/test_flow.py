"""Operators of the host: how fast, how often, under which care items go on, and what a restart keeps (§6.5–§6.9)."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K
from tests.host.stream.timed import Timed

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
INTEGERS = st.lists(st.integers(-20, 20), max_size=40)


def collect(text: str, **names: Any) -> list[Any]:
    """All items of the stream that a form describes; `names` are defined around it."""
    for name, value in names.items():
        SESSION.define(name, value if callable(value) else rtfs.from_python(value))
    return list(SESSION.run(f"(call :stream.to-collection {text})"))


def refused(text: str) -> str:
    with pytest.raises(rtfs.RtfsError) as caught:
        SESSION.run(f"(call :stream.to-collection {text})")
    return f"{caught.value.code[5:]} {caught.value.message}"


# ---- runs that read runs


def test_more_items_than_an_input_keeps_go_through_a_host_operator() -> None:
    assert len(collect("(stream.merge [(range 1000) (range 3)])")) == 1003
    assert collect("(stream.tap (stream.map (range 1000) inc) identity)") == list(range(1, 1001))


def test_what_a_run_says_of_errors_holds_for_what_it_reads_from() -> None:
    text = "(stream.tap (stream.map [1 0 2] (fn [x] (/ 4 x))) identity)"
    assert list(SESSION.run(f"(call :stream.to-collection {text} {{:on-error :skip}})")) == [4, 2]


GRAPHS = {
    "tap": "(stream.tap (stream.map (range 60) inc) identity)",
    "merge": "(stream.map (stream.merge {:a (range 30) :b (range 100 130)}) inc)",
    "fair": "(stream.merge {:a (range 20) :b (range 100 140)} {:strategy :fair :weights {:b 2}})",
    "priority": "(stream.merge [(range 30) (range 100 130)] {:strategy :priority})",
    "nested": "(stream.stateful (stream.tap (stream.merge [(range 20) (stream.batch (range 40) 2)]) identity)"
    " (fn [n x] [(inc n) [n x]]) {:initial-state 0})",
    "rate-limit": "(stream.rate-limit (range 60) 100000)",
    "with-cache": "(stream.with-cache (stream.map (range 60) (fn [n] (mod n 7))) str {:cache-key identity})",
    "dead-letter": "(stream.map (stream.with-dead-letter (stream.filter (range -9 50) (fn [n] (/ 1 n)))) inc)",
    "memory-efficient": "(stream.memory-efficient (range 60) 20)",
}


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_graph_that_is_stopped_after_some_outputs_goes_on_where_it_was(graph: str, tmp_path: Path) -> None:
    whole = collect(GRAPHS[graph])
    found: list[Any] = []
    for take in (2, 7, 16, 3, 1000):
        with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
            session.run(f'(def h (call :stream.create {GRAPHS[graph]} {{:stream-id "g" :outputs :durable}}))')
            while more := session.run(f"(call :stream.next h {{:max {take} :after {len(found) - 1}}})"):
                found += more
                if take < 1000:
                    break
    if graph == "priority":  # which input is ready first is not the graph's to say
        whole, found = sorted(whole), sorted(found)
    assert found == whole


# ---- rate-limit


def test_a51_two_hundred_items_at_a_hundred_a_second_end_after_nineteen_tenths_of_one() -> None:
    timed = Timed()
    timed.run("(call :stream.wait (call :stream.rate-limit (range 200) 100 {:burst 10 :on-item (fn [x] (tell x))}))")
    assert timed.values == list(range(200))
    assert [time for time, _ in timed.told[:10]] == [timed.told[0][0]] * 10
    assert timed.told[-1][0] - timed.told[0][0] == pytest.approx(1900, abs=20)


def test_each_key_has_a_rate_of_its_own() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.rate-limit [:a :b :c :a] {:rate 1 :burst 1 :key-fn identity
                                     :on-item (fn [x] (tell x))}))""")
    assert [time // 1000 for time, _ in timed.told] == [0, 0, 0, 1]


@settings(max_examples=20)
@given(INTEGERS, st.integers(1, 10))
def test_items_beyond_the_rate_are_dropped(items: list[int], burst: int) -> None:
    text = f"(stream.rate-limit xs {{:rate 0.001 :burst {burst} :mode :drop}})"
    assert collect(text, xs=items) == items[:burst]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(stream.rate-limit [1] 0)", "S003 Parameter 'rate': expected number above 0, got 0"),
        ("(stream.rate-limit [1] ##Inf)", "S003 Parameter 'rate': expected number above 0, got ##Inf"),
        ("(stream.rate-limit [1] 5 {:burst 0})", "S003 Parameter 'burst': expected integer >= 1, got 0"),
        (
            "(stream.with-cache [1] {:cache-key identity})",
            "S002 Missing required field 'compute-fn' of stream.with-cache",
        ),
        ("(stream.with-cache [1] inc)", "S002 Missing required field 'cache-key' of stream.with-cache"),
        ("(stream.debug [1] inc {:sample-rate 2})", "S003 Parameter 'sample-rate': expected number from 0 to 1, got 2"),
        (
            "(stream.with-dead-letter [1] {:max-retries -1})",
            "S003 Parameter 'max-retries': expected integer >= 0, got -1",
        ),
        (
            '(stream.memory-efficient [1] "lots")',
            'S003 Parameter \'max-memory\': expected size in bytes or a string such as "64MiB", got "lots"',
        ),
        ("(stream.tap (call :stream.generate (fn [n] [n n])) inc)", "S027 Source is not finite; give :limit"),
        ("(stream.tap [1] (fn [a b] a))", "S015 Callback 'fn' takes 2 arguments; :look gives 1"),
    ],
)
def test_bad_input_is_refused_by_name(text: str, message: str) -> None:
    assert refused(text) == message


def test_an_error_names_the_operator_and_its_node() -> None:
    with pytest.raises(rtfs.RtfsError) as caught:
        SESSION.run('(call :stream.to-collection (stream.tap [0] (fn [x] (/ 1 x)) {:name "checking"}))')
    assert any(note.startswith("in tap (checking) of ") for note in caught.value.notes)


def test_a_graph_that_is_drained_hands_on_what_is_on_its_way() -> None:
    timed = Timed()
    timed.run("""(let [h (call :stream.tap (stream.batch (stream.rate-limit (range 1000) {:rate 10 :burst 1}) 100)
                     identity {:on-item (fn [x] (tell x))})]
               (call :stream.wait h {:timeout-ms 1990})
               (call :stream.stop h {:drain true}))""")
    items = [item for batch in timed.values for item in batch]
    assert 20 <= len(items) < 1000
    assert items == list(range(len(items)))


# ---- pipeline


def test_a_pipeline_gives_the_one_value_of_its_reduction() -> None:
    told: list[Any] = []
    SESSION.define("tell", told.append)
    SESSION.run("""(call :stream.wait (call :stream.pipeline
      {:pipeline (-> (range 1000) (stream.map inc) (stream.filter odd?) (stream.batch 50) (stream.map count)
                     (stream.reduce + {:initial 0}))
       :on-result (fn [x] (tell x))
       :on-complete (fn [] (tell :done))}))""")
    assert told == [500, K("done")]


@pytest.mark.parametrize("arguments", ["", "{}", "[1] 5", "[1] {} {}", "{:pipeline [1]} [2]"])
def test_a_pipeline_without_a_stream_is_refused(arguments: str) -> None:
    with pytest.raises(rtfs.RtfsError, match=r"expects a map|Missing required field 'pipeline'"):
        SESSION.run(f"(call :stream.pipeline {arguments})")


# ---- with-cache


def test_a_key_is_computed_once_and_again_when_its_time_is_over() -> None:
    timed = Timed()
    timed.run("""(call :stream.wait (call :stream.with-cache (stream.rate-limit [:a :a :b :a] {:rate 1 :burst 1})
                   (fn [x] (do (tell [:compute x]) (str x)))
                   {:cache-key identity :cache-ttl 2500 :on-hit (fn [cached x] (tell [:hit cached x]))
                    :on-item (fn [x] (tell x))}))""")
    compute, hit = K("compute"), K("hit")
    assert timed.values == [
        (compute, K("a")), ":a", (hit, ":a", K("a")), ":a", (compute, K("b")), ":b", (compute, K("a")), ":a",
    ]  # fmt: skip


def test_keys_are_equal_by_value_and_a_miss_may_give_the_value() -> None:
    told: list[Any] = []
    SESSION.define("tell", lambda x: told.append(x) or len(told))
    assert collect("(stream.with-cache [[1] [1] 1 1.0] {:cache-key identity :on-miss (fn [x] (tell x))})") == [
        1, 1, 2, 3,
    ]  # fmt: skip


@settings(max_examples=20)
@given(INTEGERS, st.integers(1, 5))
def test_a_cache_of_any_size_changes_no_value(items: list[int], most: int) -> None:
    text = f"(stream.with-cache xs (fn [x] (* x x)) {{:cache-key identity :max-entries {most}}})"
    assert collect(text, xs=items) == [item * item for item in items]


def test_failures_and_nil_are_not_kept() -> None:
    told: list[Any] = []
    SESSION.define("tell", told.append)
    assert collect("(stream.with-cache [1 1] (fn [x] (tell x)) {:cache-key identity})") == [None, None]
    assert told == [1, 1]


# ---- debug


def test_a_tenth_of_the_items_is_shown_and_the_same_ones_twice() -> None:
    told: list[Any] = []
    SESSION.define("tell", told.append)
    text = """(stream.debug (range 10000) (fn [e] (tell (:seq e))) {:sample-rate 0.1})"""
    assert collect(text) == list(range(10_000))
    first, told[:] = list(told), []
    collect(text)
    assert first == told
    assert 900 <= len(first) <= 1100


def test_what_is_shown_can_be_hidden_in_part() -> None:
    told: list[Any] = []
    SESSION.define("tell", told.append)
    items = collect("""(stream.debug [{:user "ada" :key "secret"}] (fn [e] (tell e))
                         {:label :raw :log-level :info :redact (fn [m] (dissoc m :key))})""")
    assert rtfs.show(items[0]) == '{:user "ada" :key "secret"}'
    assert rtfs.show(told[0][K("item")]) == '{:user "ada"}'
    assert (told[0][K("label")], told[0][K("level")], told[0][K("seq")]) == (K("raw"), K("info"), 0)


# ---- with-dead-letter


def test_one_bad_item_of_a_hundred_is_a_letter_and_the_others_go_on() -> None:
    node = '(stream.with-dead-letter (stream.map (range 100) (fn [x] (/ 1 (- x 7)))) "sevens")'
    assert len(collect(node)) == 99
    (letter,) = SESSION.run('(call :stream.dead-letters {:queue "sevens"})')
    assert (letter[K("item")], letter[K("attempts")]) == (7, 4)


def test_letters_are_kept_for_what_is_upstream_only() -> None:
    with pytest.raises(rtfs.RtfsError, match="Division by zero"):
        collect("(stream.map (stream.with-dead-letter [1 0]) (fn [x] (/ 1 x)))")


def test_the_nearest_of_two_decides_where_letters_go() -> None:
    fails = "(stream.map [1 0] (fn [x] (/ 1 x)))"
    assert collect(f'(stream.with-dead-letter (stream.with-dead-letter {fails} "near") "far")') == [1]
    assert [len(SESSION.run(f'(call :stream.dead-letters {{:queue "{queue}"}})')) for queue in ("near", "far")] == [
        1,
        0,
    ]


# ---- memory-efficient


def test_items_wait_on_disk_in_their_order_and_nothing_is_left_there() -> None:
    assert collect('(stream.memory-efficient (stream.map (range 3000) (fn [n] [n "some text"])) 2000)') == [
        (n, "some text") for n in range(3000)
    ]


@settings(max_examples=20)
@given(INTEGERS, st.integers(1, 60), st.booleans())
def test_a_queue_of_any_size_keeps_items_and_order(items: list[int], size: int, spills: bool) -> None:
    text = f"(stream.memory-efficient xs {{:max-memory {size} :spill-to-disk {str(spills).lower()}}})"
    assert collect(text, xs=items) == items


# ---- killed


def test_a_graph_that_is_killed_again_and_again_gives_every_item_once_and_in_order(tmp_path: Path) -> None:
    program = tmp_path / "graph.rtfs"
    program.write_text(f"""
      (def graph (-> (stream.merge {{:a (range 2000) :b (range 5000 7000)}})
                     (stream.map inc)
                     (stream.with-cache (fn [x] (* 2 x)) {{:cache-key identity}})
                     (stream.tap println)))
      (call :stream.file.write "{tmp_path}/out" {{:data-source graph :mode :append :format :lines :stream-id "k"}})""")
    command = [sys.executable, "-m", "rtfs", "run", "--allow-all", "--quiet", "--state", str(tmp_path / "s"), program]
    for seen in (3, 300, 250):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(seen):
                if not process.stdout.readline():  # it was quicker than we
                    break
            process.kill()
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=120, check=True)
    pairs = zip(range(2000), range(5000, 7000), strict=True)
    expected = [2 * (item + 1) for pair in pairs for item in pair]
    assert [int(line) for line in (tmp_path / "out").read_text().split()] == expected


def test_hundreds_of_operators_of_the_host_stand_in_a_row() -> None:
    row = "(loop [left 400 row (range 5)] (if (= left 0) row (recur (dec left) (stream.tap row identity))))"
    assert collect(row) == list(range(5))
