"""Snapshots on disk: what they hold, who may write them, and how a stream goes on from them (streaming.md §5)."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.snapshot import SCHEMA, checksum
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    return m(state=vector([*state, chunk]), output=chunk)


async def life(ground: Any, folder: Path, *, end: str = "immediate", **options: Any) -> Any:
    """A new process, as far as streams can tell, with stream `s` in it; `close` ends it."""
    registry = ground.registry(folder)
    options.setdefault("processor", keep)
    options.setdefault("state", ())
    return await registry.start("gauge", stream_id="s", **options)


async def close(ground: Any, strategy: str = "immediate") -> None:
    for registry in ground.registries:
        await registry.shutdown(strategy=strategy)
    ground.registries.clear()


def database(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(folder / "streams.db", isolation_level=None)


async def test_a_stream_goes_on_with_its_state_after_a_shutdown(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    await stream.send(1, ack="processed")
    await close(ground)
    stream = await life(ground, tmp_path)
    assert stream.handle()[K("resumed")] is True
    await stream.send(2, ack="processed")
    assert (stream.state, stream.owner.epoch) == ((1, 2), 2)
    assert [event.data["checkpoint"] for event in ground.named("resumed-from")] == ["s@1.2"]


async def test_numbers_of_chunks_and_outputs_go_on(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    await stream.send("a", ack="processed")
    await close(ground)
    stream = await life(ground, tmp_path, processor=lambda state, chunk, meta: m(state=meta[K("seq")], output=chunk))
    await stream.send("b", ack="processed")
    (output,) = (await stream.outputs())[K("outputs")]
    assert (stream.state, output[K("output-seq")]) == (1, 1)


async def test_a11_a12_an_error_is_still_there_in_a_new_process(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path, processor=lambda state, chunk: 42)
    with pytest.raises(StreamError, match="invalid shape"):
        await stream.send(1, ack="processed")
    await close(ground)
    stream = await ground.registry(tmp_path).resume_stored(m(stream_id="s"))
    error = stream.inspect()[K("error")]
    assert (stream.status, error[K("code")], stream.state) == (K("error"), "RTFS-S011", ())
    assert await stream.resume() is False


async def test_a_new_stream_starts_over_a_terminal_snapshot(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    await stream.send(1, ack="processed")
    await stream.cancel()
    await close(ground)
    stream = await life(ground, tmp_path)
    assert (stream.state, stream.owner.resumed, stream.owner.epoch) == ((), False, 2)


async def test_if_exists_error_refuses_and_replace_starts_anew(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    await stream.send(1, ack="processed")
    await close(ground)
    with pytest.raises(StreamError, match="Stream 's' already exists"):
        await life(ground, tmp_path, if_exists=K("error"))
    await close(ground)
    stream = await life(ground, tmp_path, if_exists=K("replace"))
    assert (stream.state, stream.owner.resumed) == ((), False)


async def test_an_explicit_id_that_lives_here_is_refused_with_its_owner(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    registry = ground.registries[0]
    with pytest.raises(StreamError, match="Stream 's' already exists") as caught:
        await registry.start("gauge", stream_id="s")
    assert caught.value.data[K("owner")] == registry.identity
    assert stream.status is K("active")


async def test_a43_against_a_live_owner_resume_is_fenced_start_is_refused_and_neither_writes(
    ground: Any, tmp_path: Path
) -> None:
    winner = await life(ground, tmp_path)
    loser = ground.registry(tmp_path)
    with pytest.raises(StreamError, match="Fenced: stream 's' is owned by epoch 1") as caught:
        await loser.resume_stored(m(stream_id="s"))
    assert caught.value.code == "RTFS-S040"
    with pytest.raises(StreamError, match="Stream 's' already exists") as caught:
        await loser.start("gauge", stream_id="s")
    assert caught.value.code == "RTFS-S008"
    with pytest.raises(StreamError, match="is in use by another process") as caught:
        await loser.start("gauge", stream_id="another")
    assert caught.value.code == "RTFS-S035"
    await winner.send(1, ack="durable")
    with database(tmp_path) as rows:
        assert rows.execute("SELECT DISTINCT stream_id, epoch FROM snapshot").fetchall() == [("s", 1)]


async def test_a_stale_owner_is_fenced_at_its_next_commit_and_writes_nothing(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    with database(tmp_path) as rows:
        rows.execute("UPDATE stream SET epoch = 7")
    before = database(tmp_path).execute("SELECT count(*), max(number) FROM snapshot").fetchone()
    await stream.send(1)
    await ground.clock.advance(1)
    assert (stream.status, stream.owner.error[K("code")]) == (K("error"), "RTFS-S040")
    assert "owned by epoch 7" in stream.owner.error[K("message")]
    assert database(tmp_path).execute("SELECT count(*), max(number) FROM snapshot").fetchone() == before


async def test_a47_a_paused_stream_with_seven_queued_survives_its_process(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path, queue_capacity=9)
    await stream.send("first", ack="processed")
    await stream.pause("lunch")
    for n in range(7):
        await stream.send(m(n=n), m(event_time=n))
    await close(ground)
    stream = await life(ground, tmp_path, queue_capacity=9)
    seen = stream.inspect()
    assert (stream.status, seen[K("reason")]) == (K("paused"), "lunch")
    assert (seen[K("queue")][K("depth")], seen[K("queue")][K("capacity")]) == (7, 9)
    assert (seen[K("stats")][K("received")], seen[K("stats")][K("processed")]) == (8, 1)
    await stream.resume(drained=True)
    assert stream.state == ("first", *(m(n=n) for n in range(7)))


async def test_capacity_that_a_result_changed_is_kept_unless_the_program_says_another_one(
    ground: Any, tmp_path: Path
) -> None:
    def process(state: Any, chunk: Any) -> Map:
        return m(config=m(queue_capacity=5))

    stream = await life(ground, tmp_path, processor=process)
    await stream.send(1, ack="processed")
    await close(ground)
    stream = await life(ground, tmp_path, processor=process)
    assert stream.owner.queue.capacity == 5
    await close(ground)
    stream = await life(ground, tmp_path, processor=process, queue_capacity=11)
    assert stream.owner.queue.capacity == 11


async def test_a42_a_damaged_snapshot_gives_way_to_the_one_before_it(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    for n in range(3):
        await stream.send(n, ack="durable")
    await close(ground)
    with database(tmp_path) as rows:
        newest = rows.execute("SELECT max(number) FROM snapshot").fetchone()[0]
        rows.execute("UPDATE snapshot SET body = replace(body, ':state', ':stale') WHERE number = ?", (newest,))
    stream = await life(ground, tmp_path)
    assert stream.state == (0, 1, 2)
    assert [event.data for event in ground.named("snapshot-skipped")] == [
        {"problem": f"number {newest}: checksum does not match", "lost": 0}
    ]


async def test_what_nobody_sends_again_is_counted_when_a_damaged_snapshot_had_it(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    for n in range(3):
        await stream.send(n, ack="processed")
    await stream.checkpoint()
    for n in range(4):
        await stream.send(n, ack="processed")
    await close(ground)
    with database(tmp_path) as rows:
        numbers = [row[0] for row in rows.execute("SELECT number FROM snapshot WHERE body LIKE '% :seq 7 %'")]
        rows.execute("UPDATE snapshot SET checksum = 'x' WHERE body LIKE '% :seq 7 %'")
    stream = await life(ground, tmp_path)
    assert stream.state == (0, 1, 2)
    assert [event.data for event in ground.named("snapshot-skipped")] == [
        {"problem": f"number {number}: checksum does not match", "lost": 4} for number in reversed(numbers)
    ]


async def test_a42_when_all_snapshots_are_damaged_nothing_starts(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    await stream.send(1, ack="durable")
    await close(ground)
    with database(tmp_path) as rows:
        rows.execute("UPDATE snapshot SET checksum = 'x'")
    with pytest.raises(StreamError, match="Failed to load snapshot: number") as caught:
        await life(ground, tmp_path)
    assert caught.value.code == "RTFS-S033"


async def test_a_snapshot_of_a_newer_rtfs_is_refused_with_both_numbers_and_nothing_is_written(
    ground: Any, tmp_path: Path
) -> None:
    await life(ground, tmp_path)
    await close(ground)
    with database(tmp_path) as rows:
        ((number, body),) = rows.execute("SELECT number, body FROM snapshot ORDER BY number DESC LIMIT 1")
        newer = body.replace(f":schema {SCHEMA}", f":schema {SCHEMA + 1}")
        rows.execute("UPDATE snapshot SET body = ?, checksum = ? WHERE number = ?", (newer, checksum(newer), number))
    with pytest.raises(StreamError, match=f"format {SCHEMA + 1} is newer than {SCHEMA}") as caught:
        await life(ground, tmp_path)
    assert caught.value.code == "RTFS-S033"
    assert database(tmp_path).execute("SELECT epoch FROM stream").fetchone() == (1,)


async def test_a45_a_changed_processor_is_accepted_with_an_event(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    await stream.send(1, ack="processed")
    await close(ground)
    stream = await life(ground, tmp_path, processor=lambda state, chunk: m(state=("new", state)))
    await stream.send(2, ack="processed")
    assert stream.state == ("new", (1,))
    assert len(ground.named("processor-changed")) == 1


async def test_a45_a_changed_processor_can_be_rejected(ground: Any, tmp_path: Path) -> None:
    await life(ground, tmp_path)
    await close(ground)
    with pytest.raises(StreamError, match="Processor changed since the snapshot") as caught:
        await life(ground, tmp_path, processor=lambda state, chunk: m(state=7), on_processor_change=K("reject"))
    assert caught.value.code == "RTFS-S034"


async def test_a45_a_higher_state_version_migrates_the_state_and_needs_to_be_told_how(
    ground: Any, tmp_path: Path
) -> None:
    stream = await life(ground, tmp_path, state_version=1)
    await stream.send(1, ack="processed")
    await close(ground)
    with pytest.raises(StreamError, match="Missing required string field 'migrate'"):
        await life(ground, tmp_path, state_version=2)
    await close(ground)
    stream = await life(
        ground, tmp_path, state_version=2, migrate=lambda old, version: vector([f"from {version}", *old])
    )
    assert stream.state == ("from 1", 1)
    await close(ground)
    stream = await life(ground, tmp_path, state_version=2)
    assert stream.state == ("from 1", 1)


async def test_a46_a_function_in_the_state_fails_a_durable_stream(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path, processor=lambda state, chunk: m(state=m(a=vector([1, lambda: 1]))))
    await stream.send(1)
    await ground.clock.advance(1)
    error = stream.owner.error
    assert (stream.status, error[K("code")]) == (K("error"), "RTFS-S031")
    assert error[K("message")] == "State is not storable: [:a 1] holds function"
    await close(ground)
    stream = await ground.registry(tmp_path).resume_stored(m(stream_id="s"))
    assert (stream.status, stream.state) == (K("error"), ())


async def test_a46_an_initial_state_that_cannot_be_stored_is_refused_at_start(ground: Any, tmp_path: Path) -> None:
    with pytest.raises(StreamError, match="State is not storable"):
        await life(ground, tmp_path, state=lambda: 1)


async def test_a46_a_memory_stream_may_hold_functions(ground: Any) -> None:
    stream = await ground.registry().start("gauge", processor=lambda state, chunk: m(state=m(f=keep)))
    await stream.send(1, ack="processed")
    await stream.pause()
    assert stream.status is K("paused")


async def test_a46_a_memory_stream_may_nest_deeper_than_a_store_could(ground: Any) -> None:
    def deeper(state: Any, chunk: Any) -> Map:
        for _ in range(chunk):
            state = (state,)
        return m(state=state)

    stream = await ground.registry().start("gauge", processor=deeper, state=0)
    await stream.send(12_000, ack="processed")
    await stream.pause()  # which is a checkpoint
    assert (stream.status, stream.owner.error) == (K("paused"), None)


async def test_a46_nine_thousand_levels_are_stored_and_resumed(ground: Any, tmp_path: Path) -> None:
    def deeper(state: Any, chunk: Any) -> Map:
        for _ in range(chunk):
            state = (state,)
        return m(state=state)

    stream = await life(ground, tmp_path, processor=deeper, state=0)
    await stream.send(9_000, ack="durable")
    await close(ground)
    stream = await life(ground, tmp_path, processor=deeper, state=0)
    value, levels = stream.state, 0
    while type(value) is tuple:
        (value,), levels = value, levels + 1
    assert levels == 9_000
    await stream.send(1_001)
    for _ in range(1_000):  # the walk of 10,000 levels takes real time on another thread
        await ground.clock.advance(1)
        if stream.owner.error is not None:
            break
        await asyncio.to_thread(list)
    assert stream.owner.error is not None
    assert stream.owner.error[K("code")] == "RTFS-S031"
    assert stream.owner.error[K("message")].startswith("State is not storable: [0 0 0")
    assert "nested deeper than 10,000" in stream.owner.error[K("message")]


async def test_resume_by_id_finds_the_processor_by_its_name(ground: Any, tmp_path: Path) -> None:
    ground.evaluator.globals["keep"] = keep
    stream = await life(ground, tmp_path, processor="keep")
    await stream.send(1, ack="processed")
    await stream.pause()
    await close(ground)
    stream = await ground.registry(tmp_path).resume_stored(m(stream_id="s"))
    assert (stream.status, stream.handle()[K("resumed")]) == (K("paused"), True)
    await stream.resume()
    await stream.send(2, ack="processed")
    assert stream.state == (1, 2)


async def test_resume_by_id_of_a_processor_that_is_gone_is_s014(ground: Any, tmp_path: Path) -> None:
    ground.evaluator.globals["keep"] = keep
    await life(ground, tmp_path, processor="keep")
    await close(ground)
    del ground.evaluator.globals["keep"]
    with pytest.raises(StreamError, match="Processor 'keep' is not defined"):
        await ground.registry(tmp_path).resume_stored(m(stream_id="s"))


async def test_resume_by_id_compiles_a_stored_literal(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)  # `keep` has no global name here, so its text is stored
    await stream.send(1, ack="processed")
    await close(ground)
    ground.evaluator.globals["keep"] = keep  # what the evaluator's `compile` gives for that text
    stream = await ground.registry(tmp_path).resume_stored(m(stream_id="s"))
    await stream.send(2, ack="processed")
    assert stream.state == (1, 2)


async def test_resume_from_an_older_checkpoint_and_from_one_that_is_not_there(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    await stream.send(1, ack="processed")
    kept = await stream.checkpoint()
    await stream.send(2, ack="durable")
    await close(ground)
    registry = ground.registry(tmp_path)
    with pytest.raises(StreamError, match="No persisted snapshot for stream"):
        await registry.resume_stored(m(stream_id="s", checkpoint_id="s@9.9"))
    stream = await registry.resume_stored(m(stream_id="s", checkpoint_id=kept[K("checkpoint-id")], processor=keep))
    assert stream.state == (1,)


async def test_resume_of_an_unknown_id_and_without_a_store(ground: Any, tmp_path: Path) -> None:
    with pytest.raises(StreamError, match="No persisted snapshot for stream: nobody"):
        await ground.registry(tmp_path).resume_stored(m(stream_id="nobody"))
    with pytest.raises(StreamError, match="Stream persistence backend not configured"):
        await ground.registry().resume_stored(m(stream_id="nobody"))


async def test_idle_streams_write_nothing(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    number = stream.owner.checkpoints.number
    await ground.clock.advance(60)
    assert stream.owner.checkpoints.number == number
    await stream.send(1)
    await ground.clock.advance(60)
    assert stream.owner.checkpoints.number == number + 1


async def test_a_chunk_is_stored_within_a_hundred_milliseconds(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    number = stream.owner.checkpoints.number
    await stream.send(1, ack="processed")
    await ground.clock.advance(0.090)
    assert stream.owner.checkpoints.number == number
    window = 2 * stream.owner.checkpoints.last_duration_ms  # others may come along for so long, if that is over 5 ms
    await ground.clock.advance(0.020 + window / 1000)
    assert stream.owner.checkpoints.number == number + 1


async def test_streams_that_are_due_together_share_one_transaction(ground: Any, tmp_path: Path) -> None:
    registry = ground.registry(tmp_path)
    streams = [await registry.start("gauge", stream_id=f"s{n}", processor=keep, state=()) for n in range(5)]
    commits = []
    store = streams[0].owner.checkpoints.committer.store
    write, store.commit = store.commit, lambda rows: commits.append(len(rows)) or write(rows)
    for stream in streams:
        await stream.send(1, ack="processed")
    await ground.clock.advance(1)
    assert sum(commits) == 5 and len(commits) < 5  # one, unless the machine takes five ms to encode them


async def test_a_store_that_refuses_pauses_the_stream_until_it_works_again(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    store = stream.owner.checkpoints.committer.store
    write = store.commit

    def full(rows: Any) -> Any:
        raise sqlite3.OperationalError("database or disk is full")

    store.commit = full
    await stream.send(1, ack="processed")
    await ground.clock.advance(2)
    assert stream.status is K("paused")
    seen = stream.inspect()
    assert "disk is full" in seen[K("checkpoint")][K("error")]
    assert seen[K("blocked-on")][K("what")] is K("checkpoint")
    assert len(ground.named("checkpoint-failed")) == 1
    store.commit = write
    await ground.clock.advance(6)
    assert (stream.status, stream.inspect()[K("checkpoint")][K("error")]) == (K("active"), None)
    await stream.send(2, ack="durable")
    assert stream.state == (1, 2)


async def test_a_replayable_source_goes_on_after_the_last_processed_chunk(ground: Any, tmp_path: Path) -> None:
    async def begin() -> Any:
        registry = ground.registry(tmp_path)
        registry.topics["t"] = Topic(range(100))
        return await registry.start("memory:t", processor=pause_at_40, state=(), stream_id="s")

    def pause_at_40(state: Any, chunk: Any) -> Map:
        return m(state=vector([*state, chunk]), action=K("pause") if chunk == 40 else None)

    stream = await begin()
    await stream.until(lambda: stream.status is K("paused"))
    assert len(stream.owner.queue.items) > 0
    await close(ground)
    with database(tmp_path) as rows:
        body = rows.execute("SELECT body FROM snapshot ORDER BY number DESC LIMIT 1").fetchone()[0]
    assert ":queue []" in body  # the source can send them again
    stream = await begin()
    await stream.resume()
    assert tuple(await stream.result()) == tuple(range(100))


async def test_the_queue_of_a_source_that_cannot_replay_is_stored(ground: Any, tmp_path: Path) -> None:
    async def begin(items: Any) -> Any:
        registry = ground.registry(tmp_path)
        registry.topics["t"] = Topic(items, replayable=False)
        return await registry.start("memory:t", processor=keep, state=(), stream_id="s", outputs=K("block"),
                                    output_capacity=2)  # fmt: skip

    stream = await begin(range(10))
    await stream.until(lambda: len(stream.state) == 2)
    await close(ground)
    stream = await begin([])
    reader = stream.reader("r")
    while await stream.read(reader, 100):
        pass
    assert stream.state == tuple(range(10))


async def test_shutdown_processes_what_is_queued_and_leaves_the_stream_resumable(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    for n in range(5):
        await stream.send(n)
    await close(ground, "drain")
    assert (stream.status, stream.state) == (K("stopped"), (0, 1, 2, 3, 4))
    stream = await life(ground, tmp_path)
    assert (stream.status, stream.state, stream.owner.resumed) == (K("active"), (0, 1, 2, 3, 4), True)


async def test_closing_without_a_loop_stores_every_stream_as_it_stands(ground: Any, tmp_path: Path) -> None:
    registry = ground.registry(tmp_path)
    for n in range(30):
        stream = await registry.start("gauge", stream_id=f"s{n}", processor=keep, state=vector(range(3000)))
        await stream.send(n, ack="processed")
    ground.registries.clear()
    registry.close()
    after = ground.registry(tmp_path)
    for n in range(30):
        stream = await after.start("gauge", stream_id=f"s{n}", processor=keep)
        assert stream.state[-1] == n


async def test_checkpoint_answers_its_id_and_needs_a_store_that_lasts(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    assert (await stream.checkpoint())[K("checkpoint-id")] == "s@1.2"
    with pytest.raises(StreamError, match="Stream persistence backend not configured"):
        await (await ground.registry().start("gauge")).checkpoint()


async def test_delete_removes_a_terminal_stream_from_the_store(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, tmp_path)
    registry = ground.registries[0]
    with pytest.raises(StreamError, match="expected terminal stream"):
        registry.delete("s")
    await stream.cancel()
    registry.delete("s")
    with pytest.raises(StreamError, match="No stream with id: s"):
        registry.find("s")
    assert database(tmp_path).execute("SELECT count(*) FROM snapshot").fetchone() == (0,)


async def test_secrets_and_functions_are_not_in_the_snapshot(ground: Any, tmp_path: Path) -> None:
    await life(ground, tmp_path, auth=m(bearer="s3cret"), headers=m(authorization="s3cret"), auto_connect=False)
    body = database(tmp_path).execute("SELECT body FROM snapshot").fetchone()[0]
    assert "s3cret" not in body
    assert ":auto-connect false" in body
