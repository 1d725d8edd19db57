"""`:outputs :durable`: outputs are seen once they are stored, and kept until whoever marks them has got them (§5.4)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.clock import Clock
from rtfs.host.stream.adapters.memory import Topic
from rtfs.lang.collections import Map
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def tenfold(state: Any, chunk: Any) -> Map:
    return m(state=state + chunk, output=chunk * 10)


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def url(request: pytest.FixtureRequest, store_place: Any) -> str:
    """A store of each kind that lasts."""
    place: str = store_place(request.param)
    return place


async def life(
    ground: Any, url: str, endpoint: str = "gauge", items: Any = (), clock: Any = None, **options: Any
) -> Any:
    """A new process, as far as streams can tell, with stream `s` of durable outputs in it."""
    registry = ground.registry(clock=clock)
    registry.topics["t"] = Topic(items)
    options = {"outputs": K("durable"), "processor": tenfold, "state": 0, "checkpoint": m(store=url), **options}
    return await registry.start(endpoint, stream_id="s", **options)


async def end(ground: Any, *, abrupt: bool = False) -> None:
    """End the process; `abrupt`: without writing anything more."""
    for registry in ground.registries:
        for stream in registry.streams.values():
            if abrupt:
                stream.owner.checkpoints.close(gone=True)
        await registry.shutdown(strategy="immediate")
    ground.registries.clear()


def values(found: Any) -> list[tuple[int, Any]]:
    return [(output.output_seq, output.value) for output in found]


async def test_an_output_is_seen_once_it_is_stored(url: str, ground: Any) -> None:
    stream = await life(ground, url)
    reader = stream.reader("r")
    await stream.send(1, ack="processed")
    assert stream.owner.outputs.next == 1
    assert (await stream.outputs())[K("outputs")] == ()
    assert await stream.read(reader, 10, timeout_ms=0) == []
    await stream.checkpoint()
    assert values(await stream.read(reader, 10)) == [(0, 10)]


async def test_a_waiting_reader_makes_the_commit_come_at_once(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}", checkpoint=m(store=f"sqlite:{tmp_path}", every_ms=60_000))
    reading = asyncio.ensure_future(stream.read(stream.reader("r"), 10))
    await asyncio.sleep(0)
    await stream.send(1, ack="processed")
    await ground.clock.advance(0.02)
    assert values(await reading) == [(0, 10)]


async def test_a_sink_gets_after_a_crash_what_it_had_not_marked_under_the_same_numbers(url: str, ground: Any) -> None:
    stream = await life(ground, url)
    sink = stream.reader("file", lasting=True)
    for chunk in range(1, 6):
        await stream.send(chunk, ack="durable")
    found = values(await stream.read(sink, 100))
    assert found == [(0, 10), (1, 20), (2, 30), (3, 40), (4, 50)]
    stream.owner.outputs.finished(sink, upto=1 + 1)
    await stream.checkpoint()
    stream.owner.outputs.finished(sink, upto=2 + 1)  # not stored any more
    await end(ground, abrupt=True)
    stream = await life(ground, url)
    assert values(await stream.read(stream.reader("file", lasting=True), 100)) == found[2:]
    assert stream.state == 15


async def test_a_sink_that_never_marked_anything_gets_everything_after_a_crash(url: str, ground: Any) -> None:
    stream = await life(ground, url)
    stream.reader("file", lasting=True)
    await stream.send(1, ack="durable")
    await end(ground, abrupt=True)
    stream = await life(ground, url)
    assert values(await stream.read(stream.reader("file", lasting=True), 100)) == [(0, 10)]


async def test_marks_are_stored_in_batches_without_a_snapshot(url: str, ground: Any) -> None:
    stream = await life(ground, url)
    sink = stream.reader("file", lasting=True)
    await stream.send(1, ack="durable")
    number = stream.owner.checkpoints.number
    stream.owner.outputs.finished(sink, upto=0 + 1)
    await ground.clock.advance(0.2)
    await stream.owner.checkpoints.written()
    assert stream.owner.checkpoints.number == number
    assert stream.owner.checkpoints.committer.store.marks("s") == {"file": 0}


async def test_outputs_of_a_crashed_step_were_never_seen(url: str, ground: Any) -> None:
    stream = await life(ground, url, "memory:t", range(1, 4), checkpoint=m(store=url, every_ms=60_000))
    await stream.pause()
    stored = stream.owner.outputs.committed
    await end(ground, abrupt=True)
    stream = await life(ground, url, "memory:t", range(1, 4))
    assert stream.owner.outputs.next == stored
    await stream.resume()
    await stream.result()
    found = await stream.outputs(limit=1000)
    assert [entry[K("value")] for entry in found[K("outputs")]] == [10, 20, 30]
    assert (found[K("next")], found[K("end")]) == (3, True)


async def test_outputs_by_number_go_back_to_the_last_trim_and_over_restarts(url: str, ground: Any) -> None:
    for first in (0, 500, 1000):
        stream = await life(ground, url, output_capacity=10, keep=700, queue_capacity=500)
        for number in range(first, min(first + 500, 1000)):
            await stream.send(number)
        await ground.until(stream, lambda stream=stream: not stream.owner.queue.items)
        if first < 1000:
            await end(ground)
    found = await stream.outputs(after=-1, limit=1000)
    numbers = [entry[K("output-seq")] for entry in found[K("outputs")]]
    assert numbers == list(range(numbers[0], 1000))
    assert numbers[0] == 300
    assert found[K("dropped")] == numbers[0]
    page = await stream.outputs(after=600, limit=3)
    assert [entry[K("value")] for entry in page[K("outputs")]] == [6010, 6020, 6030]
    assert page[K("next")] == 604


async def test_nothing_is_trimmed_that_a_sink_has_not_marked_and_the_stream_waits_for_it(
    ground: Any, tmp_path: Path
) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}", "memory:t", range(1000), Clock(), keep=50, output_capacity=8)
    sink = stream.reader("slow", lasting=True)
    got: list[int] = []
    while batch := await stream.read(sink, 7):
        got += [output.output_seq for output in batch]
        assert stream.owner.outputs.next <= got[0] + 1000
        assert stream.owner.outputs.next - sink.wants <= 50
        stream.owner.outputs.finished(sink, upto=batch[-1].output_seq + 1)
    assert got == list(range(1000))


async def test_a_sink_that_is_not_back_is_waited_for_until_the_reader_timeout(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}", keep=5)
    stream.reader("lost", lasting=True)
    await stream.send(1, ack="durable")
    await end(ground)
    stream = await life(ground, f"sqlite:{tmp_path}", "memory:t", range(100), keep=5, reader_timeout_ms=60_000)
    await ground.clock.advance(1)
    assert stream.owner.outputs.next == 5
    assert stream.inspect()[K("blocked-on")] == m(what=K("reader"), id="lost")
    await ground.clock.advance(61)
    await ground.until(stream, lambda: stream.owner.terminal)
    assert [event.data["reader"] for event in ground.named("reader-released")] == ["lost"]


async def test_a_stream_ends_when_its_sink_has_everything_even_over_a_crash(url: str, ground: Any) -> None:
    stream = await life(ground, url, "memory:t", range(1, 4))
    stream.reader("file", lasting=True)
    await stream.until(lambda: stream.owner.stats.processed == 3)
    await stream.checkpoint()
    await end(ground, abrupt=True)
    stream = await life(ground, url, "memory:t", range(1, 4))
    assert (stream.status, stream.handle()[K("resumed")]) == (K("active"), True)
    sink = stream.reader("file", lasting=True)
    assert values(await stream.read(sink, 100)) == [(0, 10), (1, 20), (2, 30)]
    stream.owner.outputs.finished(sink)
    assert await stream.result() == 6
    await end(ground)
    stream = await life(ground, url, "memory:t", range(1, 4))
    assert stream.owner.resumed is False


async def test_a_program_reading_on_gets_what_an_earlier_process_left(url: str, ground: Any) -> None:
    stream = await life(ground, url)
    await stream.send(1, ack="durable")
    await end(ground)
    stream = await life(ground, url)
    assert await stream.next() == 10


async def test_an_output_that_has_no_text_fails_the_stream_and_names_it(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}", processor=lambda state, chunk: m(output=m(f=tenfold)))
    await stream.send(1)
    await ground.clock.advance(1)
    assert stream.owner.error[K("code")] == "RTFS-S031"
    assert stream.owner.error[K("message")] == "State is not storable: [:outputs :0 0 :f] holds function"
    assert await stream.read(stream.reader("r"), 5) == []


async def test_durable_outputs_need_a_store_that_lasts(ground: Any) -> None:
    with pytest.raises(StreamError, match="Stream persistence backend not configured") as caught:
        await ground.registry().start("gauge", outputs=K("durable"))
    assert (caught.value.code, caught.value.data) == ("RTFS-S030", m(option="outputs"))


async def test_a_fenced_stream_shows_no_output_that_was_not_stored(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}")
    reader = stream.reader("r")
    stream.owner.checkpoints.committer.store.claim("s", 1, "another")
    await stream.send(1)
    await ground.clock.advance(1)
    assert stream.owner.error[K("code")] == "RTFS-S040"
    assert await stream.read(reader, 5) == []


async def test_a_store_that_refuses_shows_no_outputs_until_it_works_again(ground: Any, tmp_path: Path) -> None:
    stream = await life(ground, f"sqlite:{tmp_path}")
    store = stream.owner.checkpoints.committer.store
    write = store.commit

    def refuse(rows: Any) -> Any:
        raise OSError("gone")

    store.commit = refuse
    await stream.send(1, ack="processed")
    await ground.clock.advance(2)
    reader = stream.reader("r")
    assert await stream.read(reader, 5, timeout_ms=0) == []
    store.commit = write
    await ground.clock.advance(6)
    assert values(await stream.read(reader, 5)) == [(0, 10)]


# ---- going back


async def two_checkpoints(ground: Any, url: str, *, deliver: int) -> tuple[str, Any]:
    """An earlier process: a checkpoint after one chunk, then two more, of which a sink has got `deliver` outputs."""
    stream = await life(ground, url)
    sink = stream.reader("file", lasting=True)
    await stream.send(1, ack="processed")
    kept = (await stream.checkpoint())[K("checkpoint-id")]
    await stream.send(2, ack="processed")
    await stream.send(3, ack="processed")
    stream.owner.outputs.finished(sink, upto=deliver - 1 + 1)
    await stream.checkpoint()
    await end(ground)
    return kept, m(stream_id="s", checkpoint_id=kept, processor=tenfold, checkpoint=m(store=url))


async def test_going_back_to_an_older_checkpoint_takes_later_outputs_back(url: str, ground: Any) -> None:
    _, request = await two_checkpoints(ground, url, deliver=1)
    stream = await ground.registry().resume_stored(request)
    assert stream.state == 1
    await stream.send(7, ack="durable")
    await end(ground)
    stream = await life(ground, url)
    assert stream.state == 8
    assert values(await stream.read(stream.reader("file", lasting=True), 100)) == [(1, 70)]


async def test_going_back_behind_delivered_outputs_has_to_be_forced(url: str, ground: Any) -> None:
    kept, request = await two_checkpoints(ground, url, deliver=2)
    registry = ground.registry()
    with pytest.raises(StreamError, match=f"true, as outputs after {kept} were delivered to file") as caught:
        await registry.resume_stored(request)
    assert caught.value.code == "RTFS-S003"
    stream = await registry.resume_stored(request.assoc(K("force"), True))
    await stream.send(7, ack="durable")
    assert values(await stream.read(stream.reader("file", lasting=True), 100)) == [(1, 70)]
