"""Branches of a stream: who gets what, whose queue holds back, what a failure means, what a restart keeps (§6.5)."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K
from tests.host.stream.test_flow import INTEGERS, SESSION, Timed, collect, refused


class Told:
    """What branches told, by name."""

    def __init__(self, session: rtfs.Session) -> None:
        self.items: dict[str, list[Any]] = {}
        session.define("tell", lambda name, item: self.items.setdefault(name.name, []).append(item))


@pytest.fixture
def told() -> Told:
    return Told(SESSION)


def teller(name: str, work: str = "") -> str:
    return f"{{:name :{name} :processor (fn [x] (do {work} (tell :{name} x) x))}}"


def branched(source: str, branches: str, more: str = "") -> str:
    return f"(call :stream.branch {source} {{:branches [{branches}] {more}}})"


# ---- who gets what


@pytest.mark.parametrize("ending", ["(call :stream.wait h)", "(call :stream.stop h {:drain true})"])
def test_who_waits_for_the_end_does_not_wait_for_branches_that_nobody_reads(ending: str) -> None:
    text = f"(let [h {branched('(range 2000)', '{:name :a} {:name :b}')}] (:status {ending}))"

    async def within() -> Any:
        return await asyncio.wait_for(one.run_async(text), 30)

    with closing(rtfs.Session(context=rtfs.RuntimeContext.full())) as one:
        assert asyncio.run(within()) in (K("completed"), K("stopped"))


def test_branches_are_read_one_after_the_other_when_the_later_ones_spill() -> None:
    later = branched("(range 2000)", "{:name :a} {:name :b :overflow :spill}")
    text = f"(let [bs (:branches {later})] [(call :stream.to-collection (:a bs)) (call :stream.to-collection (:b bs))])"
    assert [list(found) for found in SESSION.run(text)] == [list(range(2000))] * 2


def test_every_branch_gets_every_item_in_order_at_the_pace_of_the_slowest() -> None:
    timed = Timed()
    told = Told(timed.session)
    slow = teller("slow", "(call :ccos.system.sleep-ms 10)").replace("}", " :queue-capacity 4}")
    timed.run(f"(call :stream.wait {branched('(range 1 601)', slow + teller('quick'))})")
    assert told.items["slow"] == told.items["quick"] == list(range(1, 601))


@settings(max_examples=20, deadline=None)
@given(INTEGERS, st.integers(1, 5), st.integers(1, 40))
def test_a_branch_has_the_items_for_which_its_condition_holds(items: list[int], part: int, capacity: int) -> None:
    text = f"""(let [h {
        branched(
            "xs",
            f"{{:name :a :queue-capacity {capacity} :when (fn [x] (= 0 (mod x {part})))}}"
            " {:name :b :processor (fn [x] (call :ccos.echo (* 2 x)))}",
        )
    }]
                 [(call :stream.to-collection (:a (:branches h)))
                  (do (call :stream.wait h) (call :stream.next (:b (:branches h)) {{:max 100}}))])"""
    SESSION.define("xs", rtfs.from_python(items))
    kept = [item for item in items if item % part == 0]
    first, second = SESSION.run(text)
    assert list(first) == kept
    assert list(second) == [2 * item for item in items]


def test_a_branch_is_a_stream_that_operators_read() -> None:
    assert SESSION.run(f"""(let [h {branched("(range 10)", "{:name :odd :when odd?}")}]
      (call :stream.to-collection (stream.map (:odd (:branches h)) inc)))""") == (2, 4, 6, 8, 10)


def test_a_node_gives_what_leaves_all_branches_and_names_them() -> None:
    node = "(stream.branch [1 2 3] [{:name :a :when odd?} {:name :b :processor (fn [x] (* 10 x))}])"
    assert sorted(collect(node)) == [1, 3, 10, 20, 30]
    sources = SESSION.run(f"""(let [h (call :stream.create {node})]
      (map (fn [n] (let [e (call :stream.next h {{:envelope true}})] [(:source (:meta e)) (:item e)])) (range 5)))""")
    assert {name.name: [item for each, item in sources if each is name] for name, _ in sources} == {
        "a": [1, 3], "b": [10, 20, 30],
    }  # fmt: skip


def test_the_source_runs_once_for_all_branches(told: Told) -> None:
    source = "(stream.tap [1 2] (fn [x] (tell :source x)))"
    SESSION.run(f"(call :stream.wait {branched(source, teller('a') + teller('b') + teller('c'))})")
    assert told.items == {"source": [1, 2], "a": [1, 2], "b": [1, 2], "c": [1, 2]}


def test_on_complete_comes_once_after_all_branches(told: Told) -> None:
    more = ":on-complete (fn [] (tell :end :of-all))"
    SESSION.run(f"(call :stream.wait {branched('(range 40)', teller('a') + teller('b'), more)})")
    assert told.items["end"] == [K("of-all")]
    assert list(told.items)[-1] == "end"


def test_a_full_queue_of_a_branch_drops_when_it_is_told_to() -> None:
    timed = Timed()
    told = Told(timed.session)
    slow = teller("slow", "(call :ccos.system.sleep-ms 10)").replace("}", " :queue-capacity 5 :overflow :drop-oldest}")
    timed.run(f"(call :stream.wait {branched('(range 1000)', slow + teller('quick'))})")
    assert told.items["quick"] == list(range(1000))
    assert len(told.items["slow"]) < 50
    assert told.items["slow"][-5:] == list(range(995, 1000))


# ---- failures and the end


FAILING = "{:name :bad :processor (fn [x] (do (tell :bad x) (/ 1 (- x 3))))%s}"


def test_a54_a_failing_branch_fails_all(told: Told) -> None:
    end = SESSION.run(f"(call :stream.wait {branched('(range 2000)', FAILING % '' + teller('good'))})")
    assert (end[K("status")], end[K("error")][K("code")]) == (K("error"), "RTFS-S010")
    assert len(told.items["good"]) < 2000


def test_a54_with_skip_the_other_branch_is_complete(told: Told) -> None:
    end = SESSION.run(f"(call :stream.wait {branched('(range 50)', FAILING % ' :on-error :skip' + teller('good'))})")
    assert end[K("status")] == K("completed")
    assert told.items["good"] == told.items["bad"] == list(range(50))


def test_a54_a_branch_that_cannot_go_on_ends_alone_under_skip() -> None:
    timed = Timed()
    told = Told(timed.session)
    full = teller("full", "(call :ccos.system.sleep-ms 1000)").replace(
        "}", " :queue-capacity 2 :overflow :error :on-error :skip}"
    )
    end = timed.run(f"(call :stream.wait {branched('(range 600)', full + teller('good'))})")
    assert end[K("status")] == K("completed")
    assert told.items["good"] == list(range(600))


def test_a_condition_that_fails_follows_on_error() -> None:
    fails = "{:name :a :when (fn [x] (odd? (/ 6 x)))%s}"
    assert refused(f"(stream.branch [6 0 2] [{fails % ''}])") == "S010 Processor invocation error: Division by zero"
    assert collect(f"(stream.branch [6 0 2] [{fails % ' :on-error :skip'}])") == [6, 2]


def test_all_of_it_is_cancelled_as_a_whole() -> None:
    timed = Timed()
    statuses = timed.run(f"""
      (let [h {branched("(call :stream.periodic 10)", "{:name :a :processor identity} {:name :b}")}]
        (call :stream.next (:b (:branches h)))
        (call :stream.cancel h)
        (call :stream.wait (:a (:branches h)))
        (call :ccos.system.sleep-ms 100)
        (map :status (call :stream.list)))""")
    assert set(statuses) == {K("cancelled")}
    assert len(statuses) == 5


def test_a_branch_that_ends_early_leaves_the_others_alone(told: Told) -> None:
    SESSION.run(f"""(let [h {branched("(range 300)", "{:name :a}" + teller("b"))}]
      (call :stream.cancel (:a (:branches h)))
      (call :stream.wait h))""")
    assert told.items["b"] == list(range(300))


# ---- durable runs


def test_a_branched_graph_that_is_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    node = """(stream.branch (range 300) [{:name :odd :when odd? :processor (fn [x] (call :ccos.echo x))}
                                          {:name :rare :when (fn [x] (= 0 (mod x 100)))}])"""
    found: list[int] = []
    for take in (3, 20, 2, 1000):
        with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
            session.run(f'(def h (call :stream.create {node} {{:stream-id "b" :outputs :durable}}))')
            read = f"(call :stream.next h {{:max {take} :timeout-ms 60000 :after %d}})"
            while more := session.run(read % (len(found) - 1)):
                found += more
                if take < 1000:
                    break
    assert [x for x in found if x % 2] == list(range(1, 300, 2))
    assert [x for x in found if x % 2 == 0] == [0, 100, 200]


def test_what_a_branch_has_worked_on_and_nobody_took_is_there_after_a_restart(tmp_path: Path) -> None:
    node = "(stream.branch (range 100) [{:name :odd :when odd? :processor (fn [x] (call :ccos.echo x))}])"
    create = f'(def h (call :stream.create {node} {{:stream-id "b" :outputs :durable :keep 4}}))'
    with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
        session.run(create)
        found = [session.run("(call :stream.next h {:timeout-ms 60000})")]
        session.run('(call :stream.wait "b/odd")')
    with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
        session.run(create)
        while more := session.run(f"(call :stream.next h {{:max 10 :timeout-ms 60000 :after {len(found) - 1}}})"):
            found += more
    assert found == list(range(1, 100, 2))


def test_a_branch_that_wants_next_to_nothing_does_not_hold_the_others(tmp_path: Path) -> None:
    with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
        told = Told(session)
        never = "{:name :never :when (fn [x] false)}"
        session.run(f"""(call :stream.wait {branched("(range 4000)", teller("all") + never, ':stream-id "n"')})""")
    assert told.items["all"] == list(range(4000))


# ---- bad input


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(stream.branch [1] 5)", "S003 Parameter 'branches': expected vector of at least one map, got 5"),
        ("(stream.branch [1] [])", "S003 Parameter 'branches': expected vector of at least one map, got []"),
        ("(stream.branch [1])", "S002 Missing required field 'branches' of stream.branch"),
        ("(stream.branch [1] [{:when odd?}])", "S002 Missing required field 'name' of :branches"),
        ("(stream.branch [1] [{:name :a} {:name :b} {:name :a}])",
         "S003 Parameter 'branches': expected one with :name :a, got two"),
        ("(stream.branch [1] [{:name :a :wen odd?}])",
         "S006 Unknown option ':wen' for :branches; did you mean ':when'?"),
        ("(stream.branch [1] [{:name :a :when 5}])", "S003 Parameter 'when': expected function, got 5"),
        ("(stream.branch [1] [{:name :a :queue-capacity 0}])",
         "S003 Parameter 'queue-capacity': expected integer >= 1, got 0"),
        ("(stream.branch [1] [{:name :a :processor (fn [a b c d] a)}])", "S010"),
        ("(stream.branch 5 [{:name :a}])", "S004 Not a stream: 5"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(text: str, message: str) -> None:
    assert refused(text).startswith(message)


def test_a_branch_can_be_inspected_and_drawn_while_it_runs() -> None:
    inspected, drawn = SESSION.run(f"""
      (let [h {branched("(stream.map (range 9) inc)", "{:name :odd :when odd? :processor identity} {:name :all}")}]
        (call :stream.to-collection (:all (:branches h)))
        (call :stream.wait h)
        [(call :stream.inspect (:odd (:branches h))) (call :stream.graph h {{:live true}})])""")
    assert inspected[K("stats")][K("outputs")] == 5
    assert [line.strip() for line in drawn.splitlines()[1:6]] == [
        'n0(["from-collection"])', 'n1["map<br/>completed in 9 out 9"]', 'n2["branch odd<br/>completed in 5 out 5"]',
        'n3["branch odd<br/>completed in 5 out 5"]', 'n4["branch all<br/>completed in 9 out 9"]',
    ]  # fmt: skip


def test_only_what_runs_is_drawn_live() -> None:
    with pytest.raises(rtfs.RtfsError, match="Parameter 'live': expected false, as the graph does not run, got true"):
        SESSION.run("(call :stream.graph [1] {:live true})")
