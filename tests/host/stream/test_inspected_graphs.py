"""What `inspect` and the metrics show of a running graph: its picture, stages, watermark and what holds it (§9.1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import rtfs
from rtfs.host.clock import VirtualClock
from rtfs.host.stream.dataflow import run
from rtfs.host.stream.description import Begun
from rtfs.host.stream.inspection import keyed as m
from rtfs.host.stream.meter import measured
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword as K


class Place:
    """A session on a virtual clock, and a graph that runs in it."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.session = rtfs.Session(
            limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full(), clock=self.clock
        )

    async def start(self, text: str, **options: Any) -> Any:
        node = await self.session.run_async(text)
        given = Map.of((K(name.replace("_", "-")), value) for name, value in options.items())
        return await run(self.session.host.streams, Begun(node, "user"), given)

    async def read(self, stream: Any, count: int) -> list[Any]:
        reader = stream.reader("test")
        found: list[Any] = []
        while len(found) < count:
            task = asyncio.ensure_future(stream.read(reader, 1))
            while not task.done():
                await self.clock.advance(0.01)
            found += [output.value for output in task.result()]
        return found


@pytest.fixture
async def place() -> Any:
    place = Place()
    yield place
    await place.session.host.streams.shutdown(strategy="immediate")


async def test_a_graph_is_shown_as_nodes_and_edges(place: Place) -> None:
    stream = await place.start("(-> [1 2] (stream.map inc) (stream.take 1))")
    graph = stream.inspect()[K("graph")]
    assert [node[K("label")] for node in graph[K("nodes")]] == ["from-collection", "map", "take"]
    assert list(graph[K("edges")]) == [m(**{"from": "n0", "to": "n1"}), m(**{"from": "n1", "to": "n2"})]


async def test_stages_tell_what_came_what_left_and_which_of_them_failed(place: Place) -> None:
    text = '(-> [1 0 2] (stream.map inc) (stream.map (fn [n] (/ 2 (dec n))) {:name "halves"}) (stream.filter int?))'
    stream = await place.start(text, on_error=K("skip"))
    assert await place.read(stream, 2) == [2, 1]
    shown = stream.inspect()[K("processor")][K("stages")]
    none: dict[str, Any] = {"busy_ms": None}
    assert list(shown) == [
        m(op=K("map"), name=None, **{"in": 3}, out=None, failed=0, **none),
        m(op=K("map"), name="halves", **{"in": None}, out=None, failed=1, **none),
        m(op=K("filter"), name=None, **{"in": None}, out=2, failed=0, **none),
    ]


@pytest.mark.parametrize(
    "operator",
    [
        "(stream.window 10 {:time-fn :at :allowed-lateness 0})",
        "(stream.sliding-window {:duration 10 :time-fn :at})",
        "(stream.session-window {:session-key :user :timeout 10 :time-fn :at})",
    ],
)
async def test_the_watermark_is_the_newest_time_seen(place: Place, operator: str) -> None:
    stream = await place.start(f"(-> [{{:at 3 :user 1}} {{:at 25 :user 1}} {{:at 21 :user 1}}] {operator})")
    meter = measured(place.session.host.streams)
    await place.read(stream, 1)
    assert stream.inspect()[K("watermark")] == 25
    assert stream.owner.capture().watermark == 25
    lag = meter.values()["watermark_lag_seconds"]
    assert list(lag.values()) == ([] if stream.owner.terminal else [(place.clock.now_ms() - 25) / 1000])


async def test_the_earliest_watermark_of_a_chain_counts(place: Place) -> None:
    text = """(-> [{:at 3} {:at 25}] (stream.window 10 {:time-fn :at :allowed-lateness 15})
                 (stream.window 100 {:time-fn :start}))"""
    stream = await place.start(text)
    await place.read(stream, 1)
    assert stream.inspect()[K("watermark")] == 10


async def test_a_stream_without_windows_has_no_watermark(place: Place) -> None:
    stream = await place.start("(stream.map [1] inc)")
    assert stream.inspect()[K("watermark")] is None


async def test_a_rate_limit_that_waits_says_so(place: Place) -> None:
    stream = await place.start('(stream.rate-limit [1 2 3] {:rate 1 :burst 1 :name "slow"})')
    assert await place.read(stream, 1) == [1]
    await asyncio.sleep(0.01)
    assert stream.inspect()[K("blocked-on")] == m(what=K("rate"), id="slow")


async def test_a_sink_that_does_not_answer_is_what_holds_its_run(place: Place) -> None:
    server = await asyncio.start_server(lambda *given: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    handle = await place.session.run_async(
        f'(call :stream.http.bulk-post "http://127.0.0.1:{port}" '
        "{:data-stream (stream.map (range 1000) inc) :batch-size 1 :output-capacity 32})"
    )
    stream = place.session.host.streams.find(handle[K("stream-id")])
    held = m(what=K("sink"), id="http.bulk-post")
    assert await asyncio.wait_for(stream.until(lambda: stream.inspect()[K("blocked-on")] == held), 20)
    server.close()
