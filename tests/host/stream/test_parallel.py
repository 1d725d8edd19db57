"""Partitions of a stream in processes: what leaves, in which order, and what a killed worker costs (§6.6, §10.1)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.host.stream.graph import stages_of
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.partition import Item, Plan, examined
from rtfs.host.stream.rounds import dealt
from rtfs.host.stream.runners import Runner
from rtfs.host.stream.runners.local import Local
from rtfs.host.stream.runners.procs import Procs
from rtfs.lang.collections import vector
from rtfs.lang.names import Keyword as K
from tests.host.stream.test_flow import SESSION, Timed, collect, refused


def parallel(source: str, processor: str, more: str = "", count: int = 3) -> str:
    return f"(stream.parallel {source} {{:parallelism {count} :processor (fn [s] {processor}) {more}}})"


# ---- what leaves


def test_sums_of_four_partitions_are_the_sum_of_all() -> None:
    more = ":partition-fn (fn [x] (mod x 4)) :combiner (fn [sums] [sums (reduce + sums)])"
    text = parallel("(range 1000)", "(stream.reduce s + {:initial 0})", more, count=4)
    ((sums, whole),) = collect(text)
    assert list(sums) == [sum(range(rest, 1000, 4)) for rest in range(4)]
    assert whole == sum(range(1000))


def test_a_combiner_gets_the_outputs_of_partitions_that_do_not_reduce() -> None:
    text = parallel("(range 7)", "(stream.filter s odd?)", ":combiner identity")
    assert collect(text) == [((3,), (1,), (5,))]


def test_a_key_is_in_one_partition_and_its_items_keep_their_order() -> None:
    words = [f"{word}{turn}" for turn in range(20) for word in ("ada", "bob", "cyd", "dan", "eve")]
    text = parallel("xs", "(stream.stateful s (fn [seen x] [(conj seen x) [seen x]]) {:initial-state []})",
                    ":partition-fn (fn [word] (subs word 0 3))")  # fmt: skip
    found = collect(text, xs=words)
    assert sorted(word for _, word in found) == sorted(words)
    for name in ("ada", "bob", "cyd", "dan", "eve"):
        own = [(before, word) for before, word in found if word.startswith(name)]
        assert [word for _, word in own] == [word for word in words if word.startswith(name)]
        assert all([each for each in before if each.startswith(name)] == [w for _, w in own[:at]]
                   for at, (before, _) in enumerate(own))  # fmt: skip


@settings(max_examples=3, deadline=None)
@given(st.lists(st.integers(-50, 50), max_size=60), st.integers(1, 5), st.sampled_from(["", ":partition-fn str"]))
def test_the_same_leaves_as_from_one_partition(items: list[int], count: int, more: str) -> None:
    processor = "(stream.flat-map (stream.filter s odd?) (fn [x] [x (* 2 x)]))"
    whole = collect(f"(let [s xs] {processor})", xs=items)
    assert collect(parallel("xs", processor, f"{more} :ordered true", count), xs=items) == whole
    assert sorted(collect(parallel("xs", processor, more, count), xs=items)) == sorted(whole)


def test_where_items_go_is_the_same_in_every_process() -> None:
    text = """from tests.host.stream.test_parallel import places; print(places())"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", text], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == f"{places()}\n".encode()


def places() -> list[int]:
    """The partitions of some keys."""

    class Pure:
        pure = staticmethod(lambda name, function, value: value)

    keys = ["ada", 17, -3, K("a"), rtfs.from_python({"b": 1, "a": [2.0, None]}), True, vector([])]
    return [dealt(object(), Output(0, key, 0, 0), 7, Pure()) for key in keys]  # type: ignore[arg-type]


def test_equal_keys_go_together_however_they_are_written() -> None:
    class Pure:
        pure = staticmethod(lambda name, function, value: value)

    pairs = [({"a": 1, "b": 2}, {"b": 2, "a": 1}), (0.0, -0.0)]
    for first, second in pairs:
        keys = (rtfs.from_python(each) for each in (first, second))
        one, other = (dealt(object(), Output(0, key, 0, 0), 256, Pure()) for key in keys)  # type: ignore[arg-type]
        assert one == other


def test_a_quiet_partition_closes_its_windows() -> None:
    timed = Timed()  # `tell` is of this process, so that its clock is the one that counts
    source = "(stream.merge [[1 2] (call :stream.periodic 9000 {:limit 1})] {:strategy :arrival})"
    text = parallel(source, "(stream.map (stream.window s 1000) (fn [w] (tell (:items w))))", ":partition-fn abs", 1)
    timed.run(f"(call :stream.to-collection {text})")
    assert timed.values == [(1, 2), (0,)]
    assert timed.told[0][0] < 3000


def test_partitions_that_take_no_more_end_the_run_and_its_source() -> None:
    timed = Timed()
    text = parallel("(call :stream.periodic 10)", "(stream.take (stream.map s (fn [x] (tell x))) 2)", "", 2)
    end = timed.run(f"(call :stream.wait (call :stream.pipeline {text} {{:on-result (fn [x] x)}}))")
    assert end[K("status")] == K("completed")
    assert sorted(timed.values) == [0, 1, 2, 3]


# ---- one contract for every runner


def plan_of(processor: str, count: int) -> Plan:
    node = SESSION.run(f"(fn [s] {processor})")
    stream = rtfs.lang.operator.node(K("partition"), vector([]), rtfs.from_python({}))
    stages = stages_of(evaluator().pure(node, stream), evaluator())
    assert stages is not None
    return Plan(vector([vector(stages)] * count))


def evaluator() -> Any:
    return SESSION.host.evaluator


def runners(plan: Plan) -> Iterator[Runner]:
    facts = examined(plan, evaluator())
    yield Local(plan, facts.begin, evaluator())
    yield Procs(plan, facts.begin, evaluator(), facts, durable=True)


BATCHES = st.lists(st.tuples(st.integers(0, 1), st.lists(st.integers(-5, 5), max_size=6)), max_size=6)


@pytest.mark.parametrize(
    "processor",
    [
        "(stream.stateful (stream.map s inc) (fn [n x] [(+ n x) (/ 100 (+ n x))]) {:initial-state 7})",
        "(stream.take (stream.filter s odd?) 4)",
        "(stream.batch s 3)",
    ],
)
def test_all_runners_answer_alike(processor: str) -> None:
    plan = plan_of(processor, 2)

    async def told(runner: Runner, batches: list[tuple[int, list[int]]]) -> list[str]:
        found = []
        for at, values in batches:
            reply = await runner.work(at, [Item(number, value) for number, value in enumerate(values)])
            failed = None if reply.failed is None else (reply.failed[0], reply.failed[1].message)
            found.append(f"{reply.outputs} {rtfs.show(reply.state)} {reply.over} {failed}")
        for at in range(2):
            found.append(str((await runner.control(at, "flush", 0)).outputs))
        return found

    @settings(max_examples=2, deadline=None)
    @given(BATCHES)
    def compare(batches: list[tuple[int, list[int]]]) -> None:
        async def both() -> list[list[str]]:
            made = list(runners(plan))
            try:
                return [await told(runner, batches) for runner in made]
            finally:
                for runner in made:
                    runner.close()

        here, there = asyncio.run(both())
        assert here == there

    compare()


# ---- who works


def running(session: rtfs.Session, id: str) -> Any:
    return session.host.streams.streams[id].owner.source.adapter


def test_pure_partitions_are_worked_on_by_other_processes_that_end_with_the_run() -> None:
    SESSION.run(f"""(call :stream.create {parallel("(range 5000)", "(stream.map s inc)")} {{:stream-id "who"}})
                    (call :stream.next "who")""")
    joint = running(SESSION, "who")
    pids = joint._runner.processes
    assert joint.runner == "procs"
    assert pids
    assert os.getpid() not in pids
    SESSION.run('(call :stream.cancel "who") (call :ccos.system.sleep-ms 1)')
    assert until(lambda: not any(alive(pid) for pid in pids))


def until(due: Any, seconds: float = 30) -> bool:
    import time

    end = time.monotonic() + seconds
    while not due() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(due())


def alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize(
    "processor",
    ["(stream.map s (fn [x] (call :ccos.echo x)) {:effects []})", "(stream.tap s identity)",
     "(stream.merge [s (stream.map s inc)])"],
)  # fmt: skip
def test_partitions_that_need_the_host_stay_here(processor: str) -> None:
    text = parallel("(range 6)", processor, ":partition-fn (fn [x] x)")
    SESSION.run(f'(call :stream.create {text} {{:stream-id "here"}}) (call :stream.next "here")')
    assert running(SESSION, "here").name == "parallel"
    assert not hasattr(running(SESSION, "here"), "runner")
    SESSION.run('(call :stream.cancel "here") (call :stream.wait "here") (call :stream.delete "here")')
    expected = [*range(6), *range(1, 7)] if "merge" in processor else list(range(6))
    assert sorted(collect(text)) == sorted(expected)
    (combined,) = collect(parallel("(range 6)", processor, ":combiner identity"))
    assert sorted(item for part in combined for item in part) == sorted(expected)


def test_a_function_that_no_other_process_has_stays_here() -> None:
    seen: list[int] = []
    SESSION.define("note", lambda x: seen.append(x) or x)
    assert sorted(collect(parallel("(range 6)", "(stream.map s (fn [x] (note x)))"))) == list(range(6))
    assert sorted(seen) == list(range(6))


def test_a_worker_has_no_host() -> None:
    assert refused(parallel("[1]", "(stream.map s (fn [x] (call :ccos.echo x)))")) == (
        "S017 Processor 'map' is not pure: it called ccos.echo"
    )


def test_the_input_is_not_read_far_ahead_of_who_reads_the_results() -> None:
    taken: list[int] = []
    SESSION.define("take-note", taken.append)
    text = parallel("(stream.tap (range 100000) (fn [x] (take-note x)))", "(stream.map s inc)")
    SESSION.run(f"""(call :stream.create {text} {{:stream-id "slow"}}) (call :stream.next "slow")
                    (call :ccos.system.sleep-ms 300) (call :stream.cancel "slow")""")
    assert 0 < len(taken) < 20_000


# ---- failures


FAILS = "(stream.map s (fn [x] (/ 60 (- x 7))))"


def test_an_item_that_fails_fails_the_run_and_says_where() -> None:
    with pytest.raises(rtfs.RtfsError) as caught:
        collect(parallel("(range 20)", FAILS))
    assert (caught.value.code, caught.value.message) == ("RTFS-S010", "Processor invocation error: Division by zero")
    assert any(note.startswith("in stage 0 (map) of partition ") for note in caught.value.notes)


def test_on_error_holds_in_partitions() -> None:
    text = parallel("(range 20)", FAILS, ":ordered true")
    whole = list(SESSION.run(f"(call :stream.to-collection (let [s (range 20)] {FAILS}) {{:on-error :skip}})"))
    assert list(SESSION.run(f"(call :stream.to-collection {text} {{:on-error :skip}})")) == whole
    assert collect(f'(stream.with-dead-letter {text} "parted")') == whole
    (letter,) = SESSION.run('(call :stream.dead-letters {:queue "parted"})')
    assert (letter[K("item")], letter[K("attempts")]) == (7, 4)


@pytest.mark.parametrize("durable", [False, True])
def test_a_killed_worker_costs_no_item_and_doubles_none(durable: bool, tmp_path: Path) -> None:
    state = str(tmp_path) if durable else None
    with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=state)) as session:
        text = parallel("(range 3000)", "(stream.reduce s (fn [n x] (+ n x)) {:initial 0 :emit :each})",
                        ":partition-fn (fn [x] x) :ordered true")  # fmt: skip
        session.run(f'(call :stream.create {text} {{:stream-id "k"}})')
        found: list[int] = []
        for _ in range(3):
            found += session.run('(call :stream.next "k" {:max 200 :timeout-ms 30000})')
            for pid in running(session, "k")._runner.processes:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        while more := session.run('(call :stream.next "k" {:max 500 :timeout-ms 30000})'):
            found += more
    sums = [0, 0, 0]
    expected = []
    for item in range(3000):
        sums[item % 3] += item
        expected.append(sums[item % 3])
    assert found == expected


def test_workers_that_end_again_and_again_are_an_error() -> None:
    plan = plan_of("(stream.map s (fn [x] (loop [i 0] (if (< i 100000000) (recur (inc i)) i))))", 1)

    async def work() -> str:
        facts = examined(plan, evaluator())
        runner = Procs(plan, facts.begin, evaluator(), facts, durable=False)
        asked = asyncio.ensure_future(runner.work(0, [Item(0, 1)]))
        while not asked.done():
            for pid in runner.processes:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.01)
        with pytest.raises(rtfs.RtfsError) as caught:
            await asked
        runner.close()
        return caught.value.message

    assert asyncio.run(work()) == (
        "Processor invocation error: 3 workers of partition 0 ended over one batch, the last by signal 9"
    )


def test_workers_end_when_their_run_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "long.rtfs"
    program.write_text(f"""(call :stream.create {parallel("(range 1000000)", "(stream.map s inc)")} {{:stream-id "p"}})
      (call :stream.next "p") (println "running") (call :ccos.system.sleep-ms 60000)""")
    command = [sys.executable, "-m", "rtfs", "run", "--allow-all", "--quiet", str(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
    assert children
    assert until(lambda: not any(alive(int(pid)) for pid in children))


# ---- durable runs


@pytest.mark.parametrize("ordered", ["true", "false"])
def test_a_parallel_graph_that_is_stopped_goes_on_with_the_states_of_all_partitions(
    ordered: str, tmp_path: Path
) -> None:
    text = parallel("(range 900)", "(stream.stateful s (fn [n x] [(inc n) [x n]]) {:initial-state 0})",
                    f":partition-fn (fn [x] (mod x 3)) :ordered {ordered}")  # fmt: skip
    found: list[Any] = []
    for take in (3, 150, 2, 1000):
        with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
            session.run(f'(def h (call :stream.create {text} {{:stream-id "g" :outputs :durable}}))')
            read = f"(call :stream.next h {{:max {take} :timeout-ms 30000 :after %d}})"
            while more := session.run(read % (len(found) - 1)):
                found += more
                if take < 1000:
                    break
    assert sorted(found) == [(item, item // 3) for item in range(900)]
    assert ordered == "false" or found == sorted(found)


# ---- bad input


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(stream.parallel [1] {:processor identity})", "S002 Missing required field 'parallelism' of stream.parallel"),
        ("(stream.parallel [1] {:parallelism 2})", "S002 Missing required field 'processor' of stream.parallel"),
        ("(stream.parallel [1] {:parallelism 0 :processor identity})",
         "S003 Parameter 'parallelism': expected integer from 1 to 256, got 0"),
        ("(stream.parallel [1] {:parallelism 2 :processor (fn [s] 5)})", "S004 Not a stream: 5"),
        ("(stream.parallel [1] {:parallelism 2 :processor (fn [s] (+ s 1))})", "S010 Processor invocation error: "),
        ("(stream.parallel [1] {:parallelism 2 :ordered true :processor (fn [s] (stream.tap s inc))})",
         "S003 Parameter 'ordered': expected false, as partitions with operators of the host have no common order"),
        ("(stream.parallel [1] {:parallelism 2 :partition-fn (fn [x] (/ 1 0)) :processor identity})",
         "S010 Processor invocation error: Division by zero"),
        ("(stream.parallel [1] {:parallelism 2 :combiner (fn [x] (/ 1 0)) :processor identity})",
         "S010 Processor invocation error: Division by zero"),
        ("(stream.parallel [inc] {:parallelism 2 :processor identity})",
         "a function cannot go from one partition's process to another as an item"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(text: str, message: str) -> None:
    assert message in refused(text)


def test_what_partitions_need_is_asked_before_anything_opens(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    context = rtfs.RuntimeContext.controlled(["stream.*"], effects=[":streaming"])
    with closing(rtfs.Session(context=context)) as session:
        for made, label in (
            ("(stream.map s identity {:effects [:network]})", ":network"),
            (
                f'(stream.merge [s {{:rtfs/node :file.read :inputs [] :params {{:path "{tmp_path}/secret"}}}}])',
                ":filesystem",
            ),
        ):
            with pytest.raises(rtfs.RtfsError) as caught:
                session.run(f"(call :stream.to-collection {parallel('[1]', made)})")
            assert caught.value.code == "RTFS-S053", caught.value.message
            assert label in caught.value.message


def killed_behind(program: Path, state: Path, *lines: int) -> None:
    """Run a program that is killed each time behind so many lines of output, and at last to its end."""
    command = [sys.executable, "-m", "rtfs", "run", "--allow-all", "--quiet", "--state", str(state), str(program)]
    for seen in lines:
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            for _ in range(seen):
                assert process.stdout.readline()
            process.kill()
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=120, check=True)


def test_partitions_of_a_run_that_is_killed_go_on_where_they_were(tmp_path: Path) -> None:
    program = tmp_path / "graph.rtfs"
    graph = parallel(
        "(range 6000)", "(stream.reduce s + {:initial 0 :emit :each})", ":partition-fn identity :ordered true"
    )
    program.write_text(f"""
      (call :stream.file.write "{tmp_path}/out" {{:data-source (stream.tap {graph} println) :mode :append :format :lines
                                                 :stream-id "k"}})""")
    killed_behind(program, tmp_path / "s", 3, 1500)
    sums, expected = [0, 0, 0], []
    for item in range(6000):
        sums[item % 3] += item
        expected.append(sums[item % 3])
    assert [int(line) for line in (tmp_path / "out").read_text().split()] == expected


def test_an_item_that_a_killed_run_takes_again_leaves_one_letter(tmp_path: Path) -> None:
    program = tmp_path / "graph.rtfs"
    graph = parallel("(range 2400)", '(stream.map s (fn [n] (if (= 0 (mod n 50)) (throw "no") n)))', ":ordered true")
    program.write_text(f"""
      (call :stream.file.write "{tmp_path}/out" {{:data-source (stream.tap {graph} println) :mode :append :format :lines
                                                 :stream-id "k" :on-error :dead-letter :dead-letter-queue "q"}})""")
    killed_behind(program, tmp_path / "s", 1, 500, 900)
    with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path / "s"))) as session:
        items = session.run('(map :item (call :stream.dead-letters {:queue "q" :limit 1000}))')
    assert sorted(items) == list(range(0, 2400, 50))


def test_what_waits_for_the_combiner_is_kept_over_a_restart(tmp_path: Path) -> None:
    source = "(stream.tap (range 3000) identity)"
    text = parallel(source, "(stream.filter s odd?)", ":combiner (fn [parts] (reduce + (map count parts)))")
    for last in (False, True):
        with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
            session.run(f'(call :stream.create {text} {{:stream-id "c" :outputs :durable}})')
            found = session.run(f'(call :stream.next "c" {{:timeout-ms {30000 if last else 700}}})')
    assert found == 1500


def test_where_steps_are_counted_all_stays_in_this_process() -> None:
    limits = rtfs.Limits(steps=5_000_000, seconds=None)
    with closing(rtfs.Session(limits=limits, context=rtfs.RuntimeContext.full())) as session:
        text = parallel("(range 900)", "(stream.map s inc)")
        session.run(f'(call :stream.create {text} {{:stream-id "few"}}) (call :stream.next "few")')
        assert running(session, "few").runner == "local"
