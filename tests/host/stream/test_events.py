"""What a host tells of its streams: log, stream of events, journal, and inspection (streaming.md §9.1, §9.2)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.journal import Journal
from rtfs.host.stream.registry import StreamRegistry
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword as K
from rtfs.lang.outcome import RuntimeContext
from rtfs.session import Session


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    return m(state=chunk, output=chunk)


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session(context=RuntimeContext.full())
    yield session
    session.shutdown()


# ---- the log


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [json.loads(record.message) for record in caplog.records if record.name == "rtfs.stream"]


async def test_an_event_is_one_json_line_with_hyphenated_keys(
    registry: StreamRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rtfs.stream")
    stream = await registry.start("gauge", keep, stream_id="g")
    await stream.pause("tea")
    assert lines(caplog)[-1] == {
        "at": 1700000000000, "level": "info", "event": "paused", "stream-id": "g", "seq": 0, "status": "paused",
        "data": {"reason": "tea"},
    }  # fmt: skip


async def test_an_event_for_each_chunk_exists_at_debug_level_only(
    registry: StreamRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rtfs.stream")
    stream = await registry.start("gauge", lambda s, c: m(outputs=(1, 2), action=K("continue")), stream_id="g")
    await stream.send("a", ack="processed")
    assert not [line for line in lines(caplog) if line["event"] == "chunk"]
    caplog.set_level(logging.DEBUG, "rtfs.stream")
    await stream.send("b", ack="processed")
    (told,) = [line for line in lines(caplog) if line["event"] == "chunk"]
    assert (told["level"], told["data"]) == ("debug", {"at-seq": 1, "action": "continue", "outputs": 2})


async def test_gaps_are_told_once_a_second_and_other_events_ten_times(ground: Any) -> None:
    stream = await ground.registry().start("gauge", keep, queue_capacity=2, overflow=K("drop-oldest"))
    await stream.pause()
    for chunk in range(20):
        await stream.send(chunk)
    assert len(ground.named("gap")) == 1
    await ground.clock.advance(1.0)
    await stream.send(20)
    assert ground.named("gap")[-1].data["suppressed"] == 17


async def test_a_stored_snapshot_is_an_event(ground: Any, tmp_path: Path) -> None:
    stream = await ground.registry(tmp_path).start("gauge", keep, 0)
    await stream.checkpoint()
    assert [event.data["number"] for event in ground.named("checkpoint")] == [1, 2]


# ---- events as a stream


def test_the_events_of_a_host_are_a_stream_of_it(session: Session) -> None:
    session.run("""(defn keep [seen e] {:state (conj seen [(:event e) (:stream-id e) (:reason (:data e))])})
      (def events (call :mcp.stream.start {:endpoint "memory:rtfs.events" :processor keep :initial-state []}))
      (def s (call :mcp.stream.start {:endpoint "room" :stream-id "s"}))
      (call :mcp.stream.pause {:stream s :reason "tea"})
      (call :mcp.stream.await {:stream events :chunks 3 :timeout-ms 5000})""")
    state = session.run("(:state (call :mcp.stream.inspect events))")
    assert list(state) == [
        (K("started"), "s", None),
        (K("transition"), "s", None),
        (K("paused"), "s", "tea"),
    ]


async def test_a_stream_of_events_is_not_told_of_itself_and_not_waited_for(registry: StreamRegistry) -> None:
    one = await registry.start("memory:rtfs.events", keep)
    other = await registry.start("memory:rtfs.events", keep)
    await registry.start("gauge", keep, stream_id="g")
    await one.until(lambda: one.state != Map.of([]), 5000)
    assert await registry.join(5.0)
    assert (one.state[K("stream-id")], one.owner.stats.processed) == ("g", 1)
    assert other.owner.stats.processed == one.owner.stats.processed


# ---- the journal


def test_starts_and_transitions_are_in_the_journal_and_chunks_are_not() -> None:
    journal = Journal()
    session = Session(context=RuntimeContext.full(), journal=journal)
    session.run("""(defn odd [s n] (if (= n 3) 42 {:state n}))
      (def s (call :mcp.stream.start {:endpoint "room" :processor odd :stream-id "s"}))
      (call :mcp.stream.pause {:stream s :reason "tea"})
      (call :mcp.stream.resume s)
      (dotimes [n 2] (call :mcp.stream.send {:stream s :chunk n :ack :processed}))
      (try (call :mcp.stream.send {:stream s :chunk 3 :ack :processed}) (catch e nil))""")
    rows = journal.rows(type="stream-transition")
    assert [row["function"] for row in rows] == ["s"] * 4
    assert [json.loads(row["metadata"]) for row in rows] == [
        {"from": None, "to": "active"},
        {"from": "active", "to": "paused", "reason": "tea"},
        {"from": "paused", "to": "active", "reason": "tea"},
        {"from": "active", "to": "error", "reason": "tea"},
    ]
    assert rows[-1]["error"].startswith("RTFS-S011 ")
    assert {row["function"] for row in journal.rows(type="call")} >= {"mcp.stream.start", "mcp.stream.pause"}
    assert journal.verify().problem is None
    session.shutdown()


# ---- inspection


async def test_the_parts_of_inspect_have_exactly_the_keys_of_the_specification(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", keep, queue_capacity=4)
    await stream.pause()
    await stream.send(1)
    seen = stream.inspect()
    nested = {key.name: [inner.name for inner in value] for key, value in seen.entries() if type(value) is Map}
    assert {name: sorted(keys) for name, keys in nested.items() if name not in ("state", "initial-state")} == {
        name: sorted(keys.split())
        for name, keys in {
            "transport": "state intake attempt reconnects connected-at last-frame-at malformed-frames last-error "
            "progress-token auto-connect server-url",
            "queue": "depth bytes capacity high low overflow oldest-ms items",
            "stats": "received processed failed skipped ignored dropped-oldest dropped-newest discarded spilled "
            "dead-lettered retried outputs control-steps",
            "latency": "last-ms p50-ms p95-ms p99-ms",
            "rates": "in-per-s out-per-s",
            "outputs": "mode next oldest pending readers",
            "checkpoint": "store number epoch at age-ms every-chunks every-ms last-duration-ms survives error",
            "processor": "name hash arity control stages",
        }.items()
    }
    (item,) = seen[K("queue")][K("items")]
    assert sorted(key.name for key in item) == ["chunk", "seq", "waiting-ms"]


def test_inspect_cuts_at_max_chars_and_hides_what_is_asked(session: Session) -> None:
    session.run("""(def s (call :mcp.stream.start
      {:endpoint "room" :stream-id "s" :initial-state {:api-token "abc" :rows (vec (range 100))}}))""")
    text = session.run('(:state (call :mcp.stream.inspect {:stream s :max-chars 40 :redact ["token"]}))')
    assert text == '{:api-token "[redacted]" :rows [0 1 2 3…'
    with pytest.raises(RtfsError, match="Parameter 'redact': expected vector of regular expressions"):
        session.run('(call :mcp.stream.inspect {:stream s :redact ["("]})')


def test_no_pattern_of_a_script_stalls_the_host_and_lists_are_looked_into(session: Session) -> None:
    session.run(f"""(def s (call :mcp.stream.start
      {{:endpoint "room" :stream-id "s" :initial-state (list {{"{"a" * 40}!" 1 :token 2}})}}))""")
    found = session.run('(:state (call :mcp.stream.inspect {:stream s :redact ["(a+)+$" "(a|aa)+$" "tok"]}))')
    (entry,) = found
    assert entry == Map.of([("a" * 40 + "!", 1), (K("token"), "[redacted]")])


async def test_inspecting_a_huge_state_looks_only_at_its_beginning(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", keep, tuple(range(1_000_000)))
    seen = stream.inspect(max_chars=100)
    assert seen[K("state")] == f"[{' '.join(map(str, range(100)))}"[:99] + "…"


async def test_a_stream_held_back_by_a_reader_says_so(registry: StreamRegistry) -> None:
    stream = await registry.start("gauge", keep, outputs=K("block"), output_capacity=2, queue_capacity=8)
    reader = stream.reader("slow")
    for chunk in range(4):
        await stream.send(chunk)
    await stream.until(lambda: stream.owner.stats.processed == 2, 5000)
    assert stream.inspect()[K("blocked-on")] == m(what=K("reader"), id="slow")
    await stream.read(reader, 4)
    await stream.until(lambda: stream.owner.stats.processed == 4, 5000)
    await stream.read(reader, 4)
    assert stream.inspect()[K("blocked-on")] is None
