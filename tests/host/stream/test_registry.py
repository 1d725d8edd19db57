"""All streams of a host: lists, joins, shutdown, retention, progress, and the cost of an idle one (§4.6)."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from pathlib import Path
from typing import Any

from rtfs.host.stream.adapters.memory import PAUSE, Topic
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


async def test_join_waits_for_connected_streams_and_not_for_detached_and_unconnected_ones(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["short"] = Topic([1, PAUSE(5000), 2])
    registry.topics["endless"] = Topic([1, PAUSE(1e9), 2])
    stream = await registry.start("memory:short")
    detached = await registry.start("memory:endless", detached=True)
    await registry.start("gauge")
    joining = asyncio.ensure_future(registry.join())
    await ground.clock.advance(4)
    assert not joining.done()
    await ground.clock.advance(2)
    assert await joining is True
    assert (stream.status, detached.status) == (K("completed"), K("active"))


async def test_join_gives_up_after_its_time(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["endless"] = Topic([1, PAUSE(1e9)])
    await registry.start("memory:endless")
    joining = asyncio.ensure_future(registry.join(3))
    await ground.clock.advance(3.1)
    assert await joining is False


async def test_a37_what_is_queued_when_the_program_ends_is_processed(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["many"] = Topic(range(500))
    stream = await registry.start("memory:many", queue_capacity=600)
    registry.program_ended()
    await registry.join()
    assert stream.state == m(count=500)


async def test_shutdown_flushes_active_streams_and_leaves_paused_ones_as_they_are(ground: Any) -> None:
    def process(state: Any, chunk: Any, metadata: Map) -> Map:
        if metadata.get(K("control")) is K("flush"):
            return m(state="flushed")
        return m(state=chunk)

    registry = ground.registry()
    active = await registry.start("a", processor=process, control=(K("flush"),))
    paused = await registry.start("b", processor=process, control=(K("flush"),))
    await paused.pause()
    await active.send(1)
    await paused.send(1)
    await registry.shutdown()
    assert (active.status, active.state) == (K("stopped"), "flushed")
    assert (paused.status, paused.state, len(paused.owner.queue.items)) == (K("stopped"), EMPTY_MAP, 1)


async def test_shutdown_is_bounded_when_a_stream_cannot_drain(ground: Any) -> None:
    registry = ground.registry()
    stream = await registry.start("a", processor=lambda state, chunk: 1 // 0, on_error=m(retry=9, backoff_ms=3_600_000))
    await stream.send(1)
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(registry.shutdown(timeout=5))
    await ground.clock.advance(4)
    assert not closing.done()
    await ground.clock.advance(2)
    await closing
    assert stream.status is K("stopped")


async def test_terminal_streams_answer_for_their_retention_and_are_then_forgotten(ground: Any, tmp_path: Path) -> None:
    registry = ground.registry()
    stream = await registry.start("a", retain_ms=60_000)
    await stream.cancel()
    await ground.clock.advance(59)
    assert registry.find(stream.id) is stream
    await ground.clock.advance(2)
    assert stream.id not in registry.streams


async def test_old_terminal_streams_are_swept_from_the_store(ground: Any, tmp_path: Path) -> None:
    first = ground.registry(tmp_path)
    await (await first.start("a", stream_id="old")).cancel()
    await first.start("a", stream_id="kept")
    await first.shutdown()
    await ground.clock.advance(8 * 24 * 3600)
    second = ground.registry(tmp_path)
    stream = await second.start("a", stream_id="new")
    store = stream.owner.checkpoints.committer.store
    assert [head.stream_id for head in store.heads()] == ["kept", "new"]


async def test_lists_and_the_picture_of_all_streams(ground: Any) -> None:
    registry = ground.registry()
    for n in range(3):
        await registry.start("gauge", stream_id=f"s{n}")
        await ground.clock.advance(1)
    await registry.find("s1").pause()
    assert [entry[K("stream-id")] for entry in registry.listed()] == ["s0", "s1", "s2"]
    assert [entry[K("stream-id")] for entry in registry.listed(K("paused"))] == ["s1"]
    assert [entry[K("stream-id")] for entry in registry.listed(prefix="s2")] == ["s2"]
    seen = registry.inspect_all()
    assert (seen[K("total")], seen[K("by-status")]) == (3, Map.of([(K("active"), 2), (K("paused"), 1)]))


async def test_progress_gives_the_figures_of_a_live_line(ground: Any, tmp_path: Path) -> None:
    registry = ground.registry(tmp_path)
    stream = await registry.start("gauge", name="weather")
    await stream.send(1, ack="processed")
    await stream.checkpoint()
    await ground.clock.advance(2)
    (line,) = registry.progress()
    assert (line.name, line.received, line.outputs, line.depth, line.capacity) == ("weather", 1, 1, 0, 32)
    assert (line.status, line.transport, line.checkpoint_age_ms) == ("active", "closed", 2000)


async def test_events_of_one_name_are_limited_to_ten_a_second(ground: Any) -> None:
    registry = ground.registry()
    stream = await registry.start("gauge", processor=lambda state, chunk: 1 // 0, on_error=K("skip"))
    for _ in range(25):
        await stream.send(1, ack="processed")
    assert len(ground.named("chunk-skipped")) == 10
    await ground.clock.advance(1)
    await stream.send(1, ack="processed")
    assert ground.named("chunk-skipped")[-1].data["suppressed"] == 15


async def test_inspect_has_exactly_the_keys_of_the_specification(ground: Any) -> None:
    stream = await ground.registry().start("http://user:secret@example.org/mcp", auto_connect=False)
    seen = stream.inspect()
    assert [key.name for key in seen] == [
        "stream-id", "kind", "name", "endpoint", "adapter", "era", "guarantee", "status", "error", "reason",
        "transitions", "transport", "queue", "stats", "latency", "rates", "outputs", "checkpoint", "position", "seq",
        "output-seq", "watermark", "state", "initial-state", "processor", "graph", "started-at", "last-chunk-at",
        "observed-at", "duration-ms", "blocked-on",
    ]  # fmt: skip
    assert seen[K("endpoint")] == "http://example.org/mcp"


async def test_inspect_redacts_and_cuts(ground: Any) -> None:
    stream = await ground.registry().start("gauge", state=m(token="s3cret", list=("x" * 5000,)))
    seen = stream.inspect(redact=("tok.*",))
    assert "s3cret" not in str(seen[K("state")])
    assert len(seen[K("state")]) == 4000


async def test_ten_thousand_idle_streams_cost_at_most_ten_kilobytes_each(ground: Any) -> None:
    registry = ground.registry()
    await registry.start("warm")
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for n in range(1000):
            await registry.start("gauge", stream_id=f"s{n}", processor=COUNT)
        await asyncio.sleep(0)
        gc.collect()
        each = (tracemalloc.get_traced_memory()[0] - before) / 1000
    finally:
        tracemalloc.stop()
    assert each <= 10_240


COUNT = K("count")


async def test_waiting_for_what_a_stream_cannot_reach_any_more_ends_with_the_stream(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["short"] = Topic([1, 2])
    stream = await registry.start("memory:short")
    assert await asyncio.wait_for(stream.until(lambda: stream.owner.stats.processed >= 5), 30) is False
    assert await asyncio.wait_for(stream.until(lambda: stream.owner.stats.processed >= 5), 30) is False
    assert await stream.until(lambda: stream.owner.stats.processed == 2) is True


async def test_of_many_streams_progress_shows_those_that_run(ground: Any) -> None:
    registry = ground.registry()
    for number in range(5):
        stream = await registry.start("gauge", stream_id=f"g{number}")
        if number < 3:
            await stream.cancel()
    assert [figures.id for figures in registry.progress(3)] == ["g3", "g4", "g0"]
    assert registry.progress(0) == []
