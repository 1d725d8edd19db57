"""`:durable-intake`, `:ack :durable` and spilled chunks: what was accepted outlives the process (streaming.md §5.5)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.stream.adapters.memory import Topic
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import HostCallError, StreamError
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    return m(state=vector([*state, chunk]))


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def url(request: pytest.FixtureRequest, store_place: Any) -> str:
    """A store of each kind that lasts."""
    place: str = store_place(request.param)
    return place


async def life(ground: Any, url: str, **options: Any) -> Any:
    options = {"processor": keep, "state": (), "checkpoint": m(store=url), "queue_capacity": 50, **options}
    return await ground.registry().start("gauge", stream_id="s", **options)


async def kill(ground: Any) -> None:
    """End the process without writing anything more."""
    for registry in ground.registries:
        for stream in registry.streams.values():
            stream.owner.checkpoints.close(gone=True)
        await registry.shutdown(strategy="immediate")
    ground.registries.clear()


async def test_what_was_accepted_with_durable_intake_is_processed_after_a_crash(url: str, ground: Any) -> None:
    stream = await life(ground, url, durable_intake=True)
    await stream.pause()
    for number in range(5):
        await stream.send(number, m(lane=number))
    await kill(ground)
    stream = await life(ground, url, durable_intake=True)
    assert (stream.owner.queue.depth, stream.owner.intake.seq) == (5, 5)
    await stream.resume(drained=True)
    assert stream.state == (0, 1, 2, 3, 4)
    await stream.checkpoint()
    await kill(ground)
    stream = await life(ground, url, durable_intake=True)
    assert (stream.state, stream.owner.queue.depth) == ((0, 1, 2, 3, 4), 0)


async def test_without_it_what_no_snapshot_has_is_lost_and_nothing_else(url: str, ground: Any) -> None:
    stream = await life(ground, url)
    await stream.send(1, ack="durable")
    await stream.send(2, ack="processed")
    await kill(ground)
    assert (await life(ground, url)).state == (1,)


async def test_senders_that_come_together_share_a_commit_without_a_snapshot(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}", durable_intake=True)
    await stream.pause()
    store, rows = stream.owner.checkpoints.committer.store, []
    write = store.commit
    store.commit = lambda batch: rows.extend(batch) or write(batch)
    await asyncio.gather(*(stream.send(number) for number in range(20)))
    assert [(row.body, len(row.changes.intake)) for row in rows] == [(None, 20)]


async def test_a_store_that_refuses_refuses_the_sender(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}", durable_intake=True)

    def refuse(rows: Any) -> Any:
        raise OSError("disk gone")

    stream.owner.checkpoints.committer.store.commit = refuse
    with pytest.raises(HostCallError, match="Checkpoint failed: OSError: disk gone"):
        await stream.send(1)


async def test_the_intake_outlives_a_damaged_snapshot(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}", durable_intake=True)
    for number in range(6):
        await stream.send(number, ack="durable")
    connection = stream.owner.checkpoints.committer.store._connection
    await kill_after(ground, lambda: connection.execute(
        "UPDATE snapshot SET checksum = 'x' WHERE number = (SELECT max(number) FROM snapshot)"))  # fmt: skip
    stream = await life(ground, f"sqlite:{tmp_path}", durable_intake=True)
    await stream.until(lambda: not stream.owner.queue.items)
    assert stream.state == (0, 1, 2, 3, 4, 5)
    assert len(ground.named("snapshot-skipped")) == 1


async def kill_after(ground: Any, act: Any) -> None:
    act()
    await kill(ground)


async def test_the_same_holds_for_chunks_sent_with_ack_durable(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}")
    for number in range(3):
        await stream.send(number, ack="durable")
    connection = stream.owner.checkpoints.committer.store._connection
    await kill_after(ground, lambda: connection.execute(
        "UPDATE snapshot SET checksum = 'x' WHERE number = (SELECT max(number) FROM snapshot)"))  # fmt: skip
    stream = await life(ground, f"sqlite:{tmp_path}")
    await stream.until(lambda: not stream.owner.queue.items)
    assert stream.state == (0, 1, 2)


async def test_the_intake_is_trimmed_behind_the_oldest_snapshot_kept(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}", durable_intake=True)
    for number in range(20):
        await stream.send(number, ack="durable")
    store = stream.owner.checkpoints.committer.store
    assert [entry.number for entry in store.entries("intake", "s", 0, 100)] == [18, 19]


async def test_switching_durable_intake_on_keeps_the_queue_of_before(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}")
    await stream.pause()
    for number in range(3):
        await stream.send(number)
    await stream.checkpoint()
    await kill(ground)
    for intake in (True, False):
        await life(ground, f"sqlite:{tmp_path}", durable_intake=intake)
        await kill(ground)
    stream = await life(ground, f"sqlite:{tmp_path}")
    await stream.resume(drained=True)
    assert stream.state == (0, 1, 2)


async def test_spilled_chunks_of_a_durable_stream_survive_its_process_in_order(url: str, ground: Any) -> None:
    stream = await life(ground, url, overflow=K("spill"), queue_capacity=4)
    await stream.pause()
    for number in range(3_000):
        await stream.send(number)
    await stream.checkpoint()
    await kill(ground)
    stream = await life(ground, url, overflow=K("spill"), queue_capacity=4)
    assert (stream.owner.queue.depth, len(stream.owner.queue.items)) == (3_000, 4)
    await stream.resume(drained=True)
    assert tuple(stream.state) == tuple(range(3_000))


async def test_a_source_that_can_send_again_writes_no_intake(ground: Any, tmp_path: Path) -> None:
    registry = ground.registry(tmp_path)
    registry.topics["t"] = Topic(range(10))
    stream = await registry.start("memory:t", processor=keep, state=(), stream_id="s", durable_intake=True)
    await stream.result()
    store = stream.owner.checkpoints.committer.store
    assert store.entries("intake", "s", 0, 100) == []


async def test_a_chunk_without_a_text_is_refused_and_the_stream_goes_on(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}", durable_intake=True)
    with pytest.raises(StreamError, match=r"State is not storable: \[:chunk :data\] holds"):
        await stream.send(keep)
    await stream.send(1, ack="durable")
    assert stream.state == (1,)


async def test_durable_intake_needs_a_store_that_lasts(ground: Any) -> None:
    with pytest.raises(StreamError, match="Stream persistence backend not configured"):
        await ground.registry().start("gauge", durable_intake=True)
