"""`:stream.resume-from-checkpoint`: stored graphs go on, with their sinks and callbacks, from any checkpoint (§6.7)."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K
from rtfs.session import Session
from tests.host.stream.copies import Copies, stored

FULL = rtfs.RuntimeContext.full()
ALONE = Session(context=FULL, limits=rtfs.Limits.unlimited())
"""Runs graphs uninterrupted."""


@contextmanager
def session(state_dir: Path | str | None, **names: Any) -> Iterator[Session]:
    """A session that leaves its streams in the store."""
    made = Session(
        context=FULL, limits=rtfs.Limits.unlimited(), state_dir=None if state_dir is None else str(state_dir)
    )
    for name, value in names.items():
        made.define(name, value)
    try:
        yield made
    finally:
        made.shutdown(timeout=5.0, strategy="immediate")


def refused(session: Session, text: str) -> str:
    with pytest.raises(rtfs.RtfsError) as found:
        session.run(text)
    return f"{found.value.code[5:]} {found.value.message}"


def everything(session: Session, id: str) -> list[Any]:
    """All outputs of a run with durable ones, from the first on."""
    found: list[Any] = []
    while more := session.run(f'(call :stream.next "{id}" {{:max 500 :after {len(found) - 1}}})'):
        found += more
    return found


# ---- what goes on


def test_a_sink_is_attached_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with session(tmp_path / "s") as first:
        first.run(f"""
          (def graph (let [times 2 double (fn [n] (* times n))]
            (-> (stream.merge [(range 200) (range 1000 1200)])
                (stream.map (fn [n] (inc (double n)))) (stream.tap inc))))
          (call :stream.file.write "{out}" {{:data-source graph :mode :append :format :lines :stream-id "k"}})
          (call :stream.wait "k" {{:chunks 50}})""")
    told: list[Any] = []
    with session(tmp_path / "s", tell=told.append) as second:
        handle = second.run("""(call :stream.resume-from-checkpoint "k" {:on-resumed (fn [info] (tell info))})""")
        assert (handle[K("resumed")], handle[K("status")]) == (True, K("active"))
        assert second.run('(:result (call :stream.wait "k"))') == 400
    pairs = zip(range(200), range(1000, 1200), strict=True)
    assert [int(line) for line in out.read_text().split()] == [2 * item + 1 for pair in pairs for item in pair]
    assert [info[K("stream-id")] for info in told] == ["k"]


@pytest.mark.parametrize("verb", ["resume", "resume-from-checkpoint"])
def test_callbacks_are_attached_again_and_get_each_item_at_least_once(verb: str, tmp_path: Path) -> None:
    before: list[Any] = []
    after: list[Any] = []
    with session(tmp_path, tell=before.append) as first:
        first.run("""(call :stream.map (call :stream.generate (fn [n] [n (inc n)]) {:initial-state 0 :limit 9000}) inc
                       {:stream-id "m" :on-chunk (fn [n] (tell n)) :on-complete (fn [] (tell :done))})
                     (call :stream.wait "m" {:chunks 100})""")
    with session(tmp_path, tell=after.append) as second:
        second.run(f'(call :stream.{verb} "m") (call :stream.wait "m")')
    assert after[-1] == K("done")
    assert before == list(range(1, len(before) + 1))
    assert after[:-1] == list(range(after[0], 9001))
    assert 1 <= after[0] <= len(before) + 1


def test_the_program_hears_of_it_once_and_before_the_first_item(tmp_path: Path) -> None:
    told: list[Any] = []
    with session(tmp_path, tell=told.append) as second:
        second.run("""
          (def node (stream.tap (range 3000) (fn [n] (tell n))))
          (call :stream.create node {:stream-id "t" :outputs :durable})
          (call :stream.next "t" {:max 30})""")
    before, told[:] = len(told), []
    with session(tmp_path, tell=told.append) as third:
        third.run("""(call :stream.resume-from-checkpoint {:stream-id "t" :on-resumed (fn [info] (tell (:seq info)))
                       :graph (stream.tap (range 3000) (fn [n] (tell n)))})""")
        assert everything(third, "t") == list(range(3000))
    assert told[0] <= before
    assert told[1:] == list(range(told[1], 3000))


def test_when_the_callback_fails_the_stream_stays_as_it_is(tmp_path: Path) -> None:
    with session(tmp_path) as first:
        first.run('(call :stream.create (stream.tap (range 9) inc) {:stream-id "n" :outputs :durable})')
    with session(tmp_path) as second:
        failing = '(call :stream.resume-from-checkpoint {:stream-id "n" :on-resumed (fn [info] (throw "not now"))})'
        assert refused(second, failing).startswith("S010 ")
    with session(tmp_path) as third:
        third.run('(call :stream.resume-from-checkpoint "n")')
        assert everything(third, "n") == list(range(9))


# ---- older checkpoints


SUMS = """(stream.with-checkpointing
            (stream.stateful {source} (fn [sum n] [(+ sum n) (+ sum n)]) {{:initial-state 0}}) 10
            {{:keep 30 :on-checkpoint (fn [state info] (tell [(:checkpoint-id info) (:output-seq info) state]))}})"""


@pytest.mark.parametrize("source", ["(range 60)", "(stream.tap (stream.merge [(range 30) (range 30 60)]) inc)"])
def test_an_older_checkpoint_takes_back_state_position_and_outputs(source: str, tmp_path: Path) -> None:
    told: list[Any] = []
    with session(tmp_path / "s", tell=told.append) as first:
        first.run(f'(call :stream.create {SUMS.format(source=source)} {{:stream-id "s" :outputs :durable}})')
        whole = everything(first, "s")
        assert len(whole) == 60
    kept = [entry for entry in told if entry[1] < 60][-3:]
    assert kept
    for id, outputs, state in kept:
        shutil.copytree(tmp_path / "s", tmp_path / id)
        with session(tmp_path / id, tell=told.append) as again:
            handle = again.run(f'(call :stream.resume-from-checkpoint {{:stream-id "s" :checkpoint-id "{id}"}})')
            assert handle[K("status")] is K("active")
            shown = again.run('(call :stream.inspect "s")')
            assert (shown[K("output-seq")], shown[K("state")]) == (outputs, state)
            stored = again.run(f'(count (:outputs (call :stream.outputs "s" {{:after {outputs - 1}}})))')
            assert stored == 0
            assert everything(again, "s") == whole
            assert again.run('(:status (call :stream.wait "s"))') is K("completed")


KEYED = {
    "group-by": "(stream.group-by {source} key {{:every 400}})",
    "distinct": "(stream.distinct {source} (fn [n] (mod (* n 7919) 601)) {{:max-keys 100}})",
    "session-window": "(stream.session-window {source} key {{:timeout 150 :time-fn identity}})",
    "keyed window": "(stream.window {source} 300 {{:time-fn identity :key-fn key}})",
    "window": "(stream.window {source} 300 {{:time-fn identity}})",
}


@pytest.mark.parametrize("operator", KEYED)
def test_what_is_kept_by_key_is_stored_by_partition_and_goes_on_from_there(operator: str, tmp_path: Path) -> None:
    """Also the order of the keys, in which groups are given and keys forgotten."""
    told: list[Any] = []
    graph = KEYED[operator].format(source="(range 1500)")
    text = f"""(let [key (fn [n] (mod (* n 7919) 101))] (stream.with-checkpointing {graph} 100
        {{:keep 30 :on-checkpoint (fn [state info] (tell (:checkpoint-id info)))}}))"""
    with session(tmp_path / "s", tell=told.append) as first:
        first.run(f'(call :stream.create {text} {{:stream-id "s" :outputs :durable}})')
        whole = everything(first, "s")
    with closing(sqlite3.connect(tmp_path / "s" / "streams.db")) as connection:
        found = connection.execute("SELECT partition, number FROM snapshot WHERE stream_id = 's'").fetchall()
    assert (len({partition for partition, _ in found}) > 10) == (operator != "window")
    for id in told[3:12:4]:
        shutil.copytree(tmp_path / "s", tmp_path / id)
        with session(tmp_path / id, tell=told.append) as again:
            again.run(f'(call :stream.resume-from-checkpoint {{:stream-id "s" :checkpoint-id "{id}"}})')
            assert rtfs.show(everything(again, "s")) == rtfs.show(whole)


def test_a_checkpoint_of_an_earlier_process_is_gone_back_to_with_all_that_the_graph_reads(tmp_path: Path) -> None:
    told: list[Any] = []
    numbers = "(call :stream.generate (fn [n] [n (inc n)]) {:initial-state 0 :limit 9000})"
    graph = f"""(stream.with-checkpointing (stream.map (stream.tap {numbers} identity) inc) 500
                  {{:keep 40 :on-checkpoint (fn [state info] (tell (:checkpoint-id info)))}})"""
    with session(tmp_path, tell=told.append) as first:
        first.run(f'(call :stream.create {graph} {{:stream-id "s" :outputs :durable}})')
        first.run('(call :stream.next "s" {:max 3000})')
    with session(tmp_path, tell=told.append) as second:
        second.run('(call :stream.resume "s")')
        assert everything(second, "s") == list(range(1, 9001))
    with session(tmp_path, tell=told.append) as third:
        third.run(f'(call :stream.resume-from-checkpoint {{:stream-id "s" :checkpoint-id "{told[0]}"}})')
        assert third.run('(:output-seq (call :stream.status "s"))') == 500
        assert everything(third, "s") == list(range(1, 9001))


def test_what_was_delivered_is_taken_back_only_by_force(tmp_path: Path) -> None:
    told: list[Any] = []
    out = tmp_path / "out"
    with session(tmp_path / "s", tell=told.append) as first:
        sums = SUMS.format(source="(range 60)")
        first.run(f"""(call :stream.wait
          (call :stream.file.write "{out}" {{:data-source {sums} :mode :append :format :lines :stream-id "s"}}))""")
    whole = out.read_text()
    id, *_ = next(entry for entry in told if 0 < entry[1] < 60)
    with session(tmp_path / "s", tell=told.append) as again:
        resume = f'(call :stream.resume-from-checkpoint {{:stream-id "s" :checkpoint-id "{id}" :force %s}})'
        assert refused(again, resume % "false") == (
            f"S003 Parameter 'force': expected true, as outputs after {id} were delivered to file.write, got nothing"
        )
        assert out.read_text() == whole
        again.run(resume % "true")
        assert again.run('(:result (call :stream.wait "s"))') == 60
    assert out.read_text() == whole


# ---- who may


def test_what_nobody_stored_is_refused(tmp_path: Path) -> None:
    resume = '(call :stream.resume-from-checkpoint {:stream-id "s" %s})'
    with session(tmp_path) as stored, session(None) as unstored:
        assert refused(stored, resume % "") == "S032 No persisted snapshot for stream: s"
        assert refused(unstored, resume % "") == "S030 Stream persistence backend not configured"
        stored.run('(call :stream.create [1 2] {:stream-id "s" :outputs :durable}) (call :stream.cancel "s")')
        assert refused(stored, resume % ':checkpoint-id "s@7.7"') == "S032 No persisted snapshot for stream: s (s@7.7)"
        assert refused(stored, resume % ":checkpoint-id 7") == (
            "S003 Parameter 'checkpoint-id': expected :latest or a checkpoint id, got 7"
        )
        assert refused(stored, resume % ":grap [1]") == (
            "S006 Unknown option ':grap' for stream.resume-from-checkpoint; did you mean ':graph'?"
        )
        assert refused(stored, resume % ":graph 7") == "S004 Not a stream: 7"
        assert refused(stored, resume % ":on-resumed (fn [a b] a)") == (
            "S015 Callback 'fn' takes 2 arguments; :on-resumed gives 1"
        )


@pytest.mark.parametrize("kind", ["redis", "postgresql"])
def test_a43_of_two_that_resume_one_goes_on(kind: str, services: Any) -> None:
    url = getattr(services, kind)()
    numbers = "(call :stream.generate (fn [n] [n (inc n)]) {:initial-state 1 :limit 4000})"
    node = f'(stream.with-checkpointing {numbers} {{:checkpoint-store "{url}"}})'
    with session(None) as first:
        id = first.run(f"(call :stream.create {node} {{:outputs :durable}})")
        first.run(f'(call :stream.next "{id}")')

    async def race(*contenders: Session) -> list[Any]:
        text = f'(:resumed (call :stream.resume-from-checkpoint {{:stream-id "{id}" :store "{url}"}}))'
        return list(await asyncio.gather(*(each.run_async(text) for each in contenders), return_exceptions=True))

    left, right = (Session(context=FULL, limits=rtfs.Limits.unlimited()) for _ in range(2))

    async def both() -> list[Any]:
        found = await race(left, right)
        for each, answer in zip((left, right), found, strict=True):
            if answer is True:
                read = await each.run_async(f'(call :stream.next "{id}" {{:max 100 :after -1}})')
                assert list(read) == list(range(1, 101))
        for each in (left, right):
            await each.host.shutdown(5.0, "immediate")
        return found

    found = asyncio.run(both())
    assert sorted(str(getattr(answer, "code", answer)) for answer in found) == ["RTFS-S040", "True"]


def test_in_one_process_a_run_that_lives_is_not_resumed(tmp_path: Path) -> None:
    with session(tmp_path) as one:
        one.run('(call :stream.create [1 2] {:stream-id "s" :outputs :durable})')
        assert (
            refused(one, '(call :stream.resume-from-checkpoint "s")') == "S040 Fenced: stream 's' is owned by epoch 1"
        )
        assert everything(one, "s") == [1, 2]


# ---- what is stored of a graph


def test_a_graph_that_is_not_stored_has_to_be_given(tmp_path: Path) -> None:
    with session(tmp_path) as first:
        first.run("""(def many (vec (range 20000)))
                     (call :stream.create (stream.map many inc) {:stream-id "s" :outputs :durable})
                     (call :stream.next "s")""")
    with session(tmp_path) as second:
        for verb in ("resume", "resume-from-checkpoint"):
            assert refused(second, f'(call :stream.{verb} "s")') == (
                "S002 Missing required field 'graph': the graph of stream s is not stored"
            )
        second.run('(call :stream.resume-from-checkpoint "s" {:graph (stream.map (vec (range 20000)) inc)})')
        assert everything(second, "s") == list(range(1, 20001))


def test_a_secret_of_a_graph_is_not_stored(tmp_path: Path) -> None:
    with session(tmp_path) as first:
        first.run("""(call :stream.create (call :stream.db.query "SELECT 1" {:connection "postgresql://me:hush@h/x"})
                       {:stream-id "a" :outputs :durable})
                     (call :stream.create (stream.with-checkpointing [1] {:checkpoint-store :sqlite})
                       {:stream-id "b" :outputs :durable :checkpoint {:every-ms 5}})
                     (call :stream.cancel "a")""")
    with closing(sqlite3.connect(tmp_path / "streams.db")) as connection:
        bodies = [body for (body,) in connection.execute("SELECT body FROM snapshot")]
    assert bodies
    assert not any("hush" in str(body) for body in bodies)


def test_another_graph_does_not_take_the_state_of_this_one(tmp_path: Path) -> None:
    with session(tmp_path) as first:
        first.run('(call :stream.create (stream.batch (range 9) 2) {:stream-id "s" :outputs :durable})')
    with session(tmp_path) as second:
        other = '(call :stream.resume-from-checkpoint "s" {:graph (stream.take (stream.batch (range 9) 2) 3)})'
        assert refused(second, other) == "S034 Processor changed since the snapshot: from-collection → batch → take"
        second.run('(call :stream.resume-from-checkpoint "s")')
        assert everything(second, "s") == [(0, 1), (2, 3), (4, 5), (6, 7), (8,)]


# ---- resume anywhere is the uninterrupted run

STAGES = st.sampled_from([
    "(stream.map {} (fn [x] [x]))", "(stream.filter {} some?)", "(stream.batch {} 3)", "(stream.distinct {})",
    "(stream.stateful {} (fn [n x] [(inc n) [n x]]) {{:initial-state 0}})", "(stream.take {} 30)", "(stream.drop {} 3)",
    "(stream.sliding-window {} 3 {{:slide 2}})", "(stream.flat-map {} (fn [x] [x x]))", "(stream.tap {} identity)",
    "(stream.debug {} identity {{:sample-rate 0.5}})", "(stream.with-dead-letter {})", "(stream.rate-limit {} 1000000)",
    "(stream.memory-efficient {} 30)", "(stream.with-checkpointing {} {{:every-chunks 7}})",
])  # fmt: skip
SOURCES = st.sampled_from([
    "(range 40)", "(range 100 170)", "[]", "(call :stream.from-collection (range 50) {:chunk-size 4})",
    "(call :stream.generate (fn [n] (if (> n 60) :done [n (inc n)])) {:initial-state 1 :limit 90})",
])  # fmt: skip
GRAPHS = st.recursive(
    SOURCES,
    lambda graphs: st.one_of(
        st.builds(lambda stage, graph: stage.format(graph), STAGES, graphs),
        st.builds(
            lambda left, right, how: f"(stream.merge {{:a {left} :b {right}}} {{:strategy {how} :skip-idle-ms nil}})",
            graphs, graphs, st.sampled_from([":round-robin", ":round-robin"]),
        ),
    ),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(GRAPHS, st.sets(st.integers(1, 25), min_size=1, max_size=3), st.integers(1, 40))
def test_a39_a_graph_that_is_killed_anywhere_gives_what_it_gives_uninterrupted(
    graph: str, kills: set[int], every: int
) -> None:
    whole = list(ALONE.run(f"(call :stream.to-collection {graph})"))
    with TemporaryDirectory() as folder:
        place = Path(folder) / "state"
        start = (
            f'(call :stream.create {graph} {{:stream-id "g" :outputs :durable :checkpoint {{:every-chunks {every}}}}})'
        )
        with session(place) as first, Copies(place, Path(folder), kills) as copies:
            first.run(start)
            assert everything(first, "g") == whole
        for copy in copies.made:
            with session(copy) as again:
                begun = stored(copy, "g")  # the runs that it reads are stored before it
                again.run('(call :stream.resume "g")' if begun and copy.name[-1] in "02468" else start)
                assert everything(again, "g") == whole


# ---- killed for good

PIPELINE = """
(def rows (call :stream.db.query "SELECT id FROM numbers" {{:connection "sqlite:{folder}/n.db" :key-column "id"}}))
(def lines (stream.map (call :stream.file.read "{folder}/in" {{:mode :lines}}) parse-int))
(def graph (-> (stream.merge {{:rows (stream.map rows :id) :lines lines}} {{:skip-idle-ms nil}})
               (stream.tap println)
               (stream.stateful (fn [sum n] [(+ sum n) [n (+ sum n)]]) {{:initial-state 0}})
               (stream.batch 7)
               (stream.with-checkpointing 20 {{:stream-id "pipe"}})
               (stream.tap identity)))
(call :stream.file.write "{folder}/out" {{:data-source graph :mode :append :format :json-lines}})"""


def test_a_whole_pipeline_that_is_killed_goes_on_by_its_id_alone(environment: dict[str, str], tmp_path: Path) -> None:
    count = 1500
    with closing(sqlite3.connect(tmp_path / "n.db")) as connection, connection:
        connection.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY)")
        connection.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in range(count)])
    (tmp_path / "in").write_text("".join(f"{n}\n" for n in range(10_000, 10_000 + count)))
    (tmp_path / "begin.rtfs").write_text(PIPELINE.format(folder=tmp_path))
    (tmp_path / "again.rtfs").write_text('(call :stream.resume-from-checkpoint "pipe")')
    command = [sys.executable, "-m", "rtfs", "run", "--allow-all", "--quiet", "--state", str(tmp_path / "state")]
    for program, seen in (("begin", 300), ("again", 700), ("again", 400)):
        run = [*command, str(tmp_path / f"{program}.rtfs")]
        with subprocess.Popen(run, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            for _ in range(seen):
                assert process.stdout.readline()
            process.kill()
    last = subprocess.run(
        [*command, str(tmp_path / "again.rtfs")], stdout=subprocess.DEVNULL, env=environment, timeout=120
    )
    assert last.returncode == 0
    pairs, total, expected = zip(range(count), range(10_000, 10_000 + count), strict=True), 0, []
    for item in (item for pair in pairs for item in pair):
        total += item
        expected.append([item, total])
    batches = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [entry for batch in batches for entry in batch] == expected
    assert {len(batch) for batch in batches[:-1]} == {7}
