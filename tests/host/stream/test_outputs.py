"""Reading outputs: rings, readers that hold a stream back, envelopes, and ends (streaming.md §3.1, §4.5)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.outputs import NEVER, Outputs
from rtfs.lang.collections import Map
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def echo(state: Any, chunk: Any) -> Map:
    return m(output=chunk)


async def numbers(ground: Any, count: int, **options: Any) -> Any:
    registry = ground.registry()
    registry.topics["numbers"] = Topic(range(count))
    return await registry.start("memory:numbers", processor=echo, **options)


async def test_a_ring_keeps_the_last_outputs_and_counts_what_nobody_read(ground: Any) -> None:
    stream = await numbers(ground, 1000, output_capacity=10)
    await stream.result()
    found = await stream.outputs()
    assert [entry[K("value")] for entry in found[K("outputs")]] == list(range(990, 1000))
    assert (found[K("next")], found[K("dropped")], found[K("end")]) == (1000, 990, True)
    assert stream.owner.outputs.dropped == 990


async def test_outputs_are_read_by_number_in_pages(ground: Any) -> None:
    stream = await numbers(ground, 25)
    await stream.result()
    first = await stream.outputs(limit=10)
    second = await stream.outputs(after=first[K("next")] - 1, limit=100)
    assert [entry[K("output-seq")] for entry in second[K("outputs")]] == list(range(10, 25))
    assert (first[K("end")], second[K("end")]) == (False, True)
    entry = second[K("outputs")][0]
    assert (entry[K("value")], entry[K("seq")], entry[K("time")]) == (10, 10, ground.clock.now_ms())


async def test_following_waits_for_the_next_output_or_the_end(ground: Any) -> None:
    stream = await ground.registry().start("gauge", processor=echo)
    waiting = asyncio.ensure_future(stream.outputs(follow=True))
    await stream.send(7, ack="processed")
    assert [entry[K("value")] for entry in (await waiting)[K("outputs")]] == [7]
    waiting = asyncio.ensure_future(stream.outputs(after=0, follow=True))
    await stream.cancel()
    assert (await waiting)[K("end")] is True


async def test_every_reader_gets_every_output_and_the_slowest_holds_the_stream(ground: Any) -> None:
    stream = await numbers(ground, 500, output_capacity=8)
    quick, slow = stream.reader("quick"), stream.reader("slow")
    got: dict[str, list[int]] = {"quick": [], "slow": []}

    async def read(reader: Any, most: int) -> None:
        while batch := await stream.read(reader, most):
            got[reader.id] += [output.value for output in batch]
            assert stream.owner.outputs.next - slow.cursor <= 8

    await asyncio.gather(read(quick, 100), read(slow, 1))
    assert got == {"quick": list(range(500)), "slow": list(range(500))}


async def test_block_without_a_reader_stops_until_somebody_reads(ground: Any) -> None:
    stream = await numbers(ground, 100, outputs=K("block"), output_capacity=5)
    await stream.until(lambda: stream.owner.outputs.next == 5)
    await ground.clock.advance(60)
    assert stream.owner.stats.processed == 5
    assert stream.inspect()[K("blocked-on")] == m(what=K("reader"), id=None)
    assert [value async for value in stream] == list(range(100))


async def test_none_only_counts(ground: Any) -> None:
    stream = await numbers(ground, 50, outputs=K("none"))
    await stream.result()
    assert (await stream.outputs())[K("outputs")] == ()
    assert stream.inspect()[K("output-seq")] == 50


async def test_next_gives_one_after_the_other_nil_on_timeout_and_nil_at_the_end(ground: Any) -> None:
    stream = await ground.registry().start("gauge", processor=echo)
    for n in range(3):
        await stream.send(n)
    assert [await stream.next() for _ in range(3)] == [0, 1, 2]
    waiting = asyncio.ensure_future(stream.next(500))
    await ground.clock.advance(0.4)
    assert not waiting.done()
    await ground.clock.advance(0.2)
    assert await waiting is None
    await stream.cancel()
    assert await stream.next(500) is None


async def test_next_with_max_gives_a_vector_and_after_moves_the_place(ground: Any) -> None:
    stream = await ground.registry().start("gauge", processor=echo)
    for n in range(6):
        await stream.send(n, ack="processed")
    assert await stream.next(most=4) == (0, 1, 2, 3)
    assert await stream.next(most=4) == (4, 5)
    assert await stream.next(after=1) == 2
    assert await stream.next() == 3


async def test_envelopes_tell_items_timeouts_ends_and_errors_apart(ground: Any) -> None:
    stream = await ground.registry().start("gauge", processor=lambda state, chunk: m(output=None if chunk else 1 // 0))
    await stream.send(1, ack="processed")
    found = await stream.next(envelope=True)
    assert (found[K("status")], found[K("item")], found[K("output-seq")]) == (K("item"), None, 0)
    assert found[K("meta")][K("seq")] == 0
    assert (await stream.next(0, envelope=True))[K("status")] is K("timeout")
    with pytest.raises(StreamError):
        await stream.send(0, ack="processed")
    found = await stream.next(envelope=True)
    assert (found[K("status")], found[K("error")][K("code")]) == (K("error"), "RTFS-S010")
    assert await stream.next() is None


async def test_an_envelope_tells_how_many_were_dropped(ground: Any) -> None:
    stream = await numbers(ground, 100, output_capacity=10)
    await stream.result()
    found = await stream.next(envelope=True)
    assert (found[K("item")], found[K("dropped")]) == (90, 90)


async def test_a38_a_reader_that_stops_reading_is_released_and_the_stream_goes_on(ground: Any) -> None:
    stream = await numbers(ground, 100, output_capacity=5, reader_timeout_ms=60_000)
    reader = stream.reader("forgetful")
    await stream.read(reader, 2)
    await ground.clock.advance(59)
    assert not stream.owner.terminal
    await ground.clock.advance(2)
    await stream.result()
    assert [event.data["reader"] for event in ground.named("reader-released")] == ["forgetful"]


async def test_a_program_that_awaits_does_not_wait_for_its_own_reading(ground: Any) -> None:
    stream = await numbers(ground, 100, output_capacity=5)
    assert await stream.next() == 0
    found = await stream.wait()
    assert (found[K("status")], found[K("processed-chunks")]) == (K("completed"), 100)
    assert found[K("outputs")] == (95, 96, 97, 98, 99)
    found = await stream.next(envelope=True)
    assert (found[K("item")], found[K("dropped")]) == (95, 94)


async def test_await_ends_at_a_count_at_a_status_and_after_its_time(ground: Any) -> None:
    stream = await ground.registry().start("gauge", processor=echo)
    waiting = asyncio.ensure_future(stream.wait(chunks=3))
    for n in range(3):
        await stream.send(n)
    assert (await waiting)[K("processed-chunks")] == 3
    waiting = asyncio.ensure_future(stream.wait(status=K("paused")))
    await stream.pause()
    assert (await waiting)[K("status")] is K("paused")
    waiting = asyncio.ensure_future(stream.wait(1000))
    await ground.clock.advance(1.1)
    assert (await waiting)[K("timed-out")] is True


async def test_iterating_a_stream_that_fails_raises_after_the_outputs(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["t"] = Topic([1, 2, 0, 3])
    stream = await registry.start("memory:t", processor=lambda state, chunk: m(output=2 // chunk))
    found = []
    with pytest.raises(StreamError, match="Processor invocation error"):
        async for value in stream:
            found.append(value)
    assert found == [2, 1]
    assert stream.owner.outputs.readers == {}


async def test_when_the_program_ends_its_readers_are_released(ground: Any) -> None:
    stream = await numbers(ground, 100, outputs=K("block"), output_capacity=5)
    registry = ground.registries[0]
    assert await stream.next() == 0
    unconnected = await registry.start("gauge")
    assert registry.program_ended() == [unconnected.id]
    assert await registry.join()
    assert stream.status is K("completed")


def test_a_ring_without_readers_never_limits_its_stream() -> None:
    outputs = Outputs("ring", 2)
    for n in range(5):
        outputs.push(n, n, 0)
    assert (outputs.limit, outputs.oldest, outputs.dropped) == (NEVER, 3, 3)


def test_a_step_with_many_outputs_loses_none_while_a_reader_holds() -> None:
    outputs = Outputs("ring", 2)
    reader = outputs.attach("r", 0.0)
    outputs.extend(range(7), 0, 0)
    assert outputs.next >= outputs.limit
    assert [output.value for output in outputs.take(reader, 100, 0.0)] == list(range(7))
    assert outputs.limit == 9
    assert len(outputs.since(0, 100)) == 2
