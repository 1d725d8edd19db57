"""What waits on disk: order, bounds, and that nothing is left of it (streaming.md §4.1, §4.2)."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.queue import Bounds, Queue
from rtfs.host.stream.spill import BATCH, NoDisk, Spill
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def tally(state: Any, chunk: Any) -> Map:
    """State: how many came, and how many of them did not follow the one before."""
    count, last, wrong = state
    return m(state=(count + 1, chunk, wrong + (chunk != last + 1)))


def keep(state: Any, chunk: Any) -> Map:
    return m(state=vector([*state, chunk]), output=chunk)


def open_files() -> list[str]:
    """Files of spilled chunks that this process has open."""
    held = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            held.append(os.readlink(f"/proc/self/fd/{entry}"))
        except OSError:
            continue
    return [name for name in held if "rtfs-spill-" in name]


async def paused(ground: Any, folder: Path | None = None, **options: Any) -> Any:
    options = {"processor": tally, "state": (0, -1, 0), "overflow": K("spill"), **options}
    stream = await ground.registry(folder).start("gauge", **options)
    await stream.pause()
    return stream


async def test_a36_a_hundred_thousand_chunks_wait_on_disk_and_come_back_in_order(ground: Any) -> None:
    stream = await paused(ground)
    for number in range(100_000):
        await stream.send(number)
    queue = stream.inspect()[K("queue")]
    assert (queue[K("depth")], len(stream.owner.queue.items)) == (100_000, 32)
    assert stream.inspect()[K("stats")][K("spilled")] == 100_000 - 32
    assert queue[K("bytes")] > 1_000_000
    assert len(open_files()) == 1
    await stream.resume(drained=True)
    assert stream.state == (100_000, 99_999, 0)
    assert open_files() == []
    assert len(ground.named("spill")) == 1


async def test_the_file_is_in_the_state_directory_and_has_no_name_there(ground: Any, tmp_path: Path) -> None:
    stream = await paused(ground, tmp_path)
    for number in range(100):
        await stream.send(number)
    (file,) = open_files()
    assert file.startswith(f"{tmp_path}{os.sep}rtfs-spill-")
    assert not [name for name in os.listdir(tmp_path) if "spill" in name]


async def test_chunks_that_come_while_others_are_fetched_stay_behind_them(ground: Any) -> None:
    stream = await paused(ground, processor=keep, state=(), queue_capacity=4)
    for number in range(50):
        await stream.send(number)
    await stream.resume()
    for number in range(50, 200):
        await stream.send(number)
    await stream.until(lambda: not stream.owner.queue.items)
    assert tuple(stream.state) == tuple(range(200))


async def test_a_full_disk_refuses_injection_until_there_is_room(ground: Any) -> None:
    stream = await paused(ground, spill_max_bytes=5_000, queue_capacity=4)
    sent = 0
    with pytest.raises(StreamError, match="Stream queue is full"):
        while True:
            await stream.send(sent)
            sent += 1
    assert sent > 50
    waiting = asyncio.ensure_future(stream.send(sent, timeout_ms=10_000))
    await asyncio.sleep(0)
    assert not waiting.done()
    await stream.resume()
    assert (await waiting)[K("accepted")] is True
    await stream.until(lambda: not stream.owner.queue.items)
    assert stream.state == (sent + 1, sent, 0)


async def test_a_full_disk_holds_a_source_back(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["t"] = Topic(range(3_000))
    stream = await registry.start("memory:t", processor=tally, state=(0, -1, 0), overflow=K("spill"),
                                  spill_max_bytes=20_000, outputs=K("block"), queue_capacity=8)  # fmt: skip
    await stream.pause()
    await stream.until(lambda: stream.owner.queue.disk_full)
    await ground.clock.advance(1)
    assert stream.owner.queue.depth < 1_000
    await stream.resume()
    await stream.result()
    assert stream.state == (3_000, 2_999, 0)


async def test_a_sender_waiting_for_its_step_gets_the_answer_of_a_spilled_chunk(ground: Any) -> None:
    stream = await ground.registry().start("gauge", processor=keep, state=(), overflow=K("spill"), queue_capacity=1)
    answers = await asyncio.gather(*(stream.send(number, ack="processed") for number in range(20)))
    assert [answer[K("seq")] for answer in answers] == list(range(20))
    assert stream.state == tuple(range(20))


async def test_values_without_a_text_wait_in_memory_in_their_place(ground: Any) -> None:
    stream = await paused(ground, processor=keep, state=(), queue_capacity=1)
    marker = object()
    for item in (1, 2, marker, 3):
        await stream.send(item)
    await stream.resume(drained=True)
    assert stream.state == (1, 2, marker, 3)


async def test_cancel_counts_what_is_on_disk_and_gives_it_back(ground: Any) -> None:
    stream = await paused(ground)
    for number in range(1_000):
        await stream.send(number)
    await stream.cancel()
    seen = stream.inspect()
    assert (seen[K("queue")][K("depth")], seen[K("stats")][K("discarded")]) == (0, 1_000)
    assert open_files() == []


async def test_metadata_and_directives_survive_the_disk(ground: Any) -> None:
    def process(state: Any, chunk: Any, metadata: Map) -> Map:
        return m(state=vector([*state, (chunk, metadata[K("seq")], metadata.get(K("lane")))]))

    stream = await paused(ground, processor=process, state=(), queue_capacity=1)
    await stream.send("a", m(lane=1))
    await stream.send("b", m(lane=2))
    await stream.send(m(action=K("complete"), last=True))
    await stream.send("never")
    await stream.resume()
    await stream.result()
    assert stream.state == (("a", 0, 1), ("b", 1, 2), (m(action=K("complete"), last=True), 2, None))


async def test_without_a_folder_to_write_in_the_injection_fails_and_says_why(ground: Any, monkeypatch: Any) -> None:
    stream = await paused(ground, queue_capacity=1)
    monkeypatch.setattr(stream.owner.services, "work_folder", lambda: "/nowhere")
    await stream.send(0)
    with pytest.raises(StreamError, match="Stream queue is full") as caught:
        await stream.send(1)
    assert "/nowhere" in caught.value.data[K("why")]


# ---- bytes


async def test_queue_bytes_bound_what_is_injected(ground: Any) -> None:
    stream = await paused(ground, overflow=K("block"), queue_bytes=1_000)
    for _ in range(5):
        await stream.send("x" * 198)
    with pytest.raises(StreamError, match="Stream queue is full"):
        await stream.send("y")


async def test_one_chunk_above_the_bound_enters_an_empty_queue(ground: Any) -> None:
    stream = await ground.registry().start("gauge", processor=keep, state=(), queue_bytes=10)
    await stream.send("x" * 100, ack="processed")
    await stream.send("y" * 100, ack="processed")
    assert stream.state == ("x" * 100, "y" * 100)


async def test_queue_bytes_hold_a_source_back(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["t"] = Topic(["z" * 98] * 500)
    stream = await registry.start("memory:t", processor=keep, state=(), queue_bytes=1_000, queue_capacity=400)
    await stream.pause()
    await ground.clock.advance(1)
    assert stream.owner.queue.depth <= 11
    await stream.resume()
    await stream.result()
    assert len(stream.state) == 500


async def test_queue_bytes_send_the_rest_to_disk(ground: Any) -> None:
    stream = await paused(ground, processor=keep, state=(), queue_bytes=1_000, queue_capacity=1_000)
    for number in range(100):
        await stream.send(f"{number:098}")
    assert len(stream.owner.queue.items) == 10
    await stream.resume(drained=True)
    assert tuple(stream.state) == tuple(f"{number:098}" for number in range(100))


# ---- the parts


@given(
    st.lists(st.one_of(st.integers(1, 400).map(lambda n: ("put", n)), st.integers(1, 900).map(lambda n: ("take", n))))
)
def test_a_spill_is_first_in_first_out_however_it_is_used(acts: list[tuple[str, int]]) -> None:
    spill = Spill("/tmp", 2**30)
    put = taken = 0
    try:
        for act, count in acts:
            if act == "put":
                for _ in range(count):
                    spill.append((put, (put, "text"), 0, None, None))
                    put += 1
            else:
                found = spill.take(count)
                assert [chunk[0] for chunk in found] == list(range(taken, taken + len(found)))
                assert found or taken == put
                taken += len(found)
            assert len(spill) == put - taken
            assert (spill.bytes == 0) == (put == taken)
    finally:
        spill.close()


def test_a_disk_that_fills_keeps_the_last_batch_in_memory_and_takes_no_more(tmp_path: Path) -> None:
    spill = Spill(str(tmp_path), 2**30)
    spill._connection.execute("PRAGMA max_page_count = 8")
    for number in range(20 * BATCH):
        if spill.full:
            break
        spill.append((number, "x" * 100, 0, None, None))
    assert "full" in (spill.problem or "")
    count, seen = len(spill), []
    while chunks := spill.take(100):
        seen += [chunk[0] for chunk in chunks]
    assert seen == list(range(count))
    assert len(spill) == 0 and not spill.full
    spill.close()


def test_a_spill_needs_a_folder() -> None:
    with pytest.raises(NoDisk, match="/nowhere"):
        Spill("/nowhere", 1)


def test_a_queue_under_random_use_keeps_the_order(tmp_path: Path) -> None:
    chance = random.Random(7)
    queue = Queue(Bounds(5, policy="spill"), lambda: Spill(str(tmp_path), 2**30))
    put = taken = 0
    for _ in range(3_000):
        if chance.random() < 0.55:
            queue.push((put, put, 0, None, None))
            put += 1
        for _ in range(chance.randrange(3)):
            if queue.items:
                assert queue.items.popleft()[0] == taken
                taken += 1
        queue.adjust()
        assert queue.depth == put - taken
        assert len(queue.items) <= 5
        assert bool(queue.items) == (put > taken)
    queue.close()


def test_sqlite_sees_no_file_behind_a_closed_spill(tmp_path: Path) -> None:
    spill = Spill(str(tmp_path), 1)
    spill.close()
    with pytest.raises(sqlite3.ProgrammingError):
        spill._connection.execute("SELECT 1")
    assert list(tmp_path.iterdir()) == []
