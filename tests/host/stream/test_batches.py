"""Items that a chain takes at once: as many as single steps would have taken, with the same failures (§6.10)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

import rtfs
from rtfs.host.stream.dataflow import run
from rtfs.host.stream.description import Begun
from rtfs.host.stream.turns import BATCH_OUTPUTS
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword as K


@pytest.fixture
async def session() -> Any:
    session = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
    yield session
    await session.host.streams.shutdown(strategy="immediate")


async def started(session: rtfs.Session, text: str, **options: Any) -> Any:
    node = await session.run_async(text)
    given = Map.of((K(name.replace("_", "-")), value) for name, value in options.items())
    return await run(session.host.streams, Begun(node, "user"), given)


async def held(stream: Any) -> list[int]:
    """How many outputs wait at each turn of a stream that is read one by one."""
    reader, found = stream.reader("test"), []
    outputs = stream.owner.outputs
    with suppress(rtfs.RtfsError):
        while True:
            for _ in range(5):  # it goes on as far as it may
                await asyncio.sleep(0)
            found.append(outputs.next - outputs.oldest)
            if not await stream.read(reader, 1):
                return found
    return found


async def test_outputs_that_wait_are_no_more_than_one_item_beyond_what_may_wait(session: rtfs.Session) -> None:
    text = "(-> (range 60) (stream.flat-map (fn [x] (range (mod x 9)))) (stream.map inc))"
    stream = await started(session, text, outputs=K("block"), output_capacity=6)
    found = await held(stream)
    assert stream.owner.processor.batch is not None
    assert len(found) > 200
    assert max(found) <= 6 + 7


async def test_a_turn_goes_on_only_as_long_as_its_outputs_are_not_many(session: rtfs.Session) -> None:
    stream = await started(session, "(-> (range 300) (stream.flat-map (fn [x] (range 1000))))", outputs=K("none"))
    outputs, most = stream.owner.outputs, 0
    stream.open()
    while not stream.owner.terminal:
        before = outputs.next
        await asyncio.sleep(0)
        most = max(most, outputs.next - before)
    assert outputs.next == 300_000
    assert most <= 2 * BATCH_OUTPUTS


async def test_an_item_that_gives_too_much_fails_by_itself(session: rtfs.Session) -> None:
    text = "(-> [2 1 5 3] (stream.flat-map (fn [x] (range x))))"
    stream = await started(session, text, outputs=K("ring"), max_outputs=4)
    stream.open()
    await stream.until(lambda: stream.owner.terminal)
    assert [output.value for output in stream.owner.outputs.since(0, 100)] == [0, 1, 0]
    assert stream.owner.error.get(K("code")) == "RTFS-S018"


async def test_a_failing_item_within_windows_leaves_those_before_it_as_they_were(session: rtfs.Session) -> None:
    text = """(-> [1 2 :no 3 12] (stream.window 10 {:time-fn (fn [x] (if (int? x) x (throw "no time")))})
                (stream.map :items))"""
    stream = await started(session, text, outputs=K("ring"), on_error=K("skip"))
    stream.open()
    await stream.until(lambda: stream.owner.terminal)
    assert [list(output.value) for output in stream.owner.outputs.since(0, 100)] == [[1, 2, 3], [12]]
    assert stream.owner.stats.skipped == 1
