"""Streams from real MCP servers: what becomes a chunk, and what happens when the transport goes (streaming.md §3)."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp_types import ReadResourceResult, TextResourceContents

from rtfs.host.clock import Clock
from rtfs.host.stream.adapters.memory import ABORT, EOF, MALFORMED, PAUSE, Topic
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K

SERVER = Path(__file__).parent / "programs" / "server.py"
sys.path.insert(0, str(SERVER.parent))

from server import build  # noqa: E402

DYING = Map.of([("count", 100), ("die_after", 40)])


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    return m(state=vector([*state, chunk]))


def keep_all(state: Any, chunk: Any, metadata: Map) -> Map:
    return m(state=vector([*state, (chunk, metadata)]))


async def awkward(ground: Any, tool: str, *, clock: Clock | None = None, **options: Any) -> Any:
    """A stream from the awkward server of this process."""
    registry = ground.registry(clock=clock)
    registry.servers["awkward"] = build()
    options.setdefault("processor", keep)
    return await registry.start("memory:awkward", state=(), tool=tool, **options)


def child(folder: Path) -> str:
    return f"stdio:{sys.executable} {SERVER} {folder}"


# ---- progress


async def test_a21_two_thousand_notes_arrive_in_order_and_the_result_is_last(ground: Any) -> None:
    depths = []

    def process(state: Any, chunk: Any, metadata: Map) -> Map:
        depths.append(metadata[K("queue-depth")])
        return m(state=vector([*state, chunk]))

    stream = await awkward(ground, "once", processor=process, args=m(count=2000))
    chunks = list(await asyncio.wait_for(stream.result(), 60))
    assert chunks == [m(n=n) for n in range(1, 2001)] + [m(result="2000")]
    assert max(depths) <= 4 * 32


async def test_notes_that_are_no_objects_become_maps_of_their_numbers(ground: Any) -> None:
    stream = await awkward(ground, "plain", processor=keep_all)
    chunks = list(await stream.result())
    assert [data for data, _ in chunks] == [
        m(progress=0.5, total=2, message="half"),
        (1, 2),
        m(progress=2, total=None, message="42"),
        m(progress=3, total=None, message=None),
        Map.of([(K("done"), True), ("no keyword", 1)]),
    ]
    assert chunks[1][1][K("ext")] == m(progress=1, total=None)
    assert [metadata.get(K("event")) for _, metadata in chunks] == [None] * 4 + ["result"]


async def test_keys_stay_strings_when_the_stream_asks_for_it(ground: Any) -> None:
    stream = await awkward(ground, "once", args=m(count=1), key_style=K("string"))
    assert (await stream.result())[0] == Map.of([("n", 1)])


async def test_a_result_that_is_an_error_fails_the_stream_after_its_notes(ground: Any) -> None:
    stream = await awkward(ground, "fails")
    with pytest.raises(StreamError, match=r"Tool 'fails' failed: .*the sensor is wet") as caught:
        await stream.result()
    assert caught.value.code == "RTFS-S019"


async def test_a_tool_that_is_not_there_is_named(ground: Any) -> None:
    stream = await awkward(ground, "nothing")
    with pytest.raises(StreamError, match="cannot serve memory:awkward: the server has no tool 'nothing'") as caught:
        await stream.result()
    assert caught.value.code == "RTFS-S024"


async def test_a_command_that_is_not_there_is_named(ground: Any) -> None:
    stream = await ground.registry().start("stdio:/no/such/command", tool="x")
    with pytest.raises(StreamError, match=r"cannot serve .*: the command cannot be started") as caught:
        await stream.result()
    assert caught.value.code == "RTFS-S024"


async def test_the_config_of_a_stream_is_its_arguments_and_reaches_the_processor(ground: Any) -> None:
    stream = await awkward(ground, "once", processor=keep_all, config=m(count=1), args=m(count=2))
    chunks = list(await stream.result())
    assert len(chunks) == 3
    assert chunks[0][1][K("ext")] == m(config=m(count=1), progress=1, total=2)


async def test_a_message_over_the_limit_fails_the_stream_or_is_skipped(ground: Any) -> None:
    stream = await awkward(ground, "large", args=m(size=5000), max_message_bytes="1KB")
    with pytest.raises(StreamError, match="Message of 5020 bytes exceeds the limit of 1000") as caught:
        await stream.result()
    assert caught.value.code == "RTFS-S025"
    stream = await awkward(ground, "large", args=m(size=5000), max_message_bytes="1KB", on_error=K("skip"))
    assert [chunk.get(K("n")) for chunk in await stream.result()] == [2, None]


async def test_a22_a_server_that_dies_in_mid_call_fails_the_stream_at_once(ground: Any, tmp_path: Path) -> None:
    registry = ground.registry()  # its clock stands still: nothing that ends the stream is a time that runs out
    stream = await registry.start(child(tmp_path), processor=keep, state=(), tool="once", args=DYING)
    await ground.until(stream, lambda: len(stream.state) == 40)
    with pytest.raises(StreamError, match=r"Transport failed after 1 attempts: .*losed") as caught:
        await asyncio.wait_for(stream.result(), 30)
    assert (caught.value.code, len(stream.state)) == ("RTFS-S023", 40)
    await registry.shutdown()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a23_an_idempotent_call_is_made_again_and_repeats_are_dropped(ground: Any, tmp_path: Path) -> None:
    stream = await ground.registry(clock=Clock()).start(
        child(tmp_path), processor=keep_all, state=(), tool="once", args=DYING,
        reissue=True, dedupe_path=("n",), retry=m(base_ms=1),
    )  # fmt: skip
    chunks = list(await asyncio.wait_for(stream.result(), 60))
    assert [chunk.get(K("n")) for chunk, _ in chunks] == [*range(1, 101), None]
    attempts = [metadata[K("attempt")] for _, metadata in chunks]
    assert attempts == [1] * 40 + [2] * 61
    assert stream.inspect()[K("transport")][K("reconnects")] == 1


async def test_a_call_with_since_goes_on_where_the_stream_stood(ground: Any, tmp_path: Path, weather_url: str) -> None:
    asked = m(limit=30)
    stream = await ground.registry(clock=Clock()).start(
        weather_url, processor=keep, state=(), tool="watch", args=asked, since_arg="since", since_path=("n",)
    )
    chunks = list(await asyncio.wait_for(stream.result(), 60))
    assert [chunk.get(K("n")) for chunk in chunks] == [*range(1, 31), None]
    assert stream.owner.position == m(since=30, end=True)


async def test_a32_a_silent_connection_is_closed_and_tried_again(ground: Any) -> None:
    twice = m(max_attempts=2, base_ms=1000, cap_ms=1000, stable_ms=100_000)
    stream = await awkward(ground, "silent", idle_timeout_ms=60_000, retry=twice)
    await ground.until(stream, lambda: len(stream.state) == 1)
    await ground.clock.advance(59)
    assert ground.named("retrying") == []
    await ground.clock.advance(2)
    (event,) = await ground.happened("retrying")
    assert event.data["problem"] == "no message for 60000 ms"
    await ground.clock.advance(1)
    await ground.happened("reconnected")
    await ground.until(stream, lambda: len(stream.state) == 2)
    await ground.clock.advance(61)
    with pytest.raises(StreamError, match="Transport failed after 2 attempts: no message for 60000 ms"):
        await stream.result()


async def test_a_connection_that_was_stable_starts_the_count_of_attempts_anew(ground: Any) -> None:
    stream = await awkward(ground, "silent", idle_timeout_ms=60_000, retry=m(max_attempts=2, base_ms=0))
    for count in range(1, 6):
        await ground.until(stream, lambda count=count: len(stream.state) == count)
        await ground.clock.advance(61)
        await ground.happened("retrying", count)
    assert stream.status is K("active")


async def test_notes_beyond_four_times_the_capacity_wait_on_disk(ground: Any) -> None:
    stream = await awkward(
        ground, "once", args=m(count=2000), queue_capacity=4, outputs=K("block"), output_capacity=1, processor="",
        mode="legacy",
    )  # fmt: skip
    reader = stream.reader("slow")
    await ground.happened("spill")
    assert len(stream.owner.queue.items) == 16
    while await stream.read(reader, 10):
        pass
    await stream.result()
    stats = stream.inspect()[K("stats")]
    assert stats[K("processed")] == 2001 and stats[K("spilled")] > 1_000
    assert stream.owner.queue.spill is None


async def test_notes_beyond_the_bound_of_the_disk_fail_visibly(ground: Any) -> None:
    stream = await awkward(
        ground, "once", args=m(count=2000), queue_capacity=4, outputs=K("block"), output_capacity=1, processor="",
        mode="legacy", spill_max_bytes=1000,
    )  # fmt: skip
    with pytest.raises(StreamError, match=r"the stream cannot keep up with tool 'once': \d+ chunks") as caught:
        reader = stream.reader("slow")
        await ground.happened("overflow")
        while await stream.read(reader, 10):
            pass
        await stream.result()
    assert caught.value.code == "RTFS-S023"
    stats = stream.inspect()[K("stats")]
    assert stats[K("processed")] == 16 + stats[K("spilled")] + 1


# ---- poll


async def test_a_poll_without_cursor_gives_each_new_item_once(ground: Any) -> None:
    stream = await awkward(
        ground, "readings", adapter=K("poll"), items_path=("result",), interval_ms=1000, max_chunks=4
    )
    for count in range(1, 5):
        await ground.until(stream, lambda count=count: len(stream.state) == count)
        await ground.clock.advance(1)
    assert list(await stream.result()) == [m(n=n) for n in range(1, 5)]


async def test_a_poll_pages_at_once_while_there_is_more_and_then_waits(ground: Any, weather_url: str) -> None:
    stream = await ground.registry().start(
        weather_url, processor=keep, state=(), tool="page", args=m(limit=200), cursor_arg="cursor",
        cursor_path=("next",), items_path=("items",), interval_ms=5000, queue_capacity=16,
    )  # fmt: skip
    await ground.until(stream, lambda: len(stream.state) == 504)
    assert stream.owner.position == m(cursor="400", index=104)
    await ground.clock.advance(20)
    assert len(stream.state) == 504


async def test_a34_a_slow_stream_holds_its_source_back_and_loses_nothing(ground: Any) -> None:
    depths = set()

    def process(state: Any, chunk: Any, metadata: Map) -> Map:
        depths.add(metadata[K("queue-depth")])
        return m(state=vector([*state, chunk]), output=chunk)

    registry = ground.registry()
    registry.topics["numbers"] = Topic(range(10_000))
    stream = await registry.start("memory:numbers", processor=process, state=(), queue_capacity=10)
    reader = stream.reader("slow")
    found = []
    while batch := await stream.read(reader, 7):
        found += [output.value for output in batch]
        await asyncio.sleep(0)
    assert found == list(range(10_000))
    assert max(depths) < 10


async def test_a_source_is_not_held_back_when_old_chunks_may_be_dropped(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["numbers"] = Topic(range(100))
    stream = await registry.start(
        "memory:numbers", processor=keep, state=(), queue_capacity=10, overflow=K("drop-oldest"), outputs=K("block"),
        output_capacity=1,
    )  # fmt: skip
    await stream.pause()
    await ground.until(stream, lambda: stream.owner.intake.seq == 100)
    await stream.resume()
    assert list(await stream.result())[-10:] == list(range(90, 100))
    assert stream.inspect()[K("stats")][K("dropped-oldest")] == 90


async def test_a_source_that_meets_a_full_queue_under_the_error_policy_fails_the_stream(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["numbers"] = Topic(range(100))
    stream = await registry.start("memory:numbers", processor=keep, state=(), queue_capacity=10, overflow=K("error"))
    with pytest.raises(StreamError, match="Stream queue is full"):
        await stream.result()


# ---- listen and resource


class Changing:
    """A server with one resource whose subscription can be dropped."""

    def __init__(self) -> None:
        self.value = 0
        self.reads = 0
        self.bus = InMemorySubscriptionBus()
        self.handler = ListenHandler(self.bus)
        self.server: Server[Any] = Server("changing", on_read_resource=self._read, on_subscriptions_listen=self.handler)

    async def _read(self, ctx: Any, params: Any) -> ReadResourceResult:
        self.reads += 1
        text = f'{{"value": {self.value}}}'
        return ReadResourceResult(
            contents=[TextResourceContents(uri=params.uri, text=text, mime_type="application/json")]
        )

    async def change(self, value: int) -> None:
        self.value = value
        await self.bus.publish(ResourceUpdated(uri="test://value"))


def values(stream: Any) -> list[Any]:
    return [chunk[K("contents")][K("value")] for chunk in stream.state]


async def test_a24_after_a_dropped_subscription_the_final_content_comes_once(ground: Any) -> None:
    changing, registry = Changing(), ground.registry()
    registry.servers["changing"] = changing.server
    stream = await registry.start("memory:changing", processor=keep, state=(), resource="test://value")
    await ground.until(stream, lambda: values(stream) == [0])
    await changing.change(1)
    await ground.until(stream, lambda: values(stream) == [0, 1])
    changing.handler.close()
    (event,) = await ground.happened("retrying")
    assert event.data["wait_ms"] >= 250
    await changing.change(2)
    await changing.change(3)
    await ground.clock.advance(6)
    await ground.happened("reconnected")
    await ground.until(stream, lambda: values(stream) == [0, 1, 3])
    assert [chunk[K("cue")] for chunk in stream.state] == [K("open"), K("updated"), K("open")]
    await changing.change(3)
    await changing.change(4)
    await ground.until(stream, lambda: values(stream)[-1] == 4)
    assert values(stream) == [0, 1, 3, 4]


async def test_a_resource_is_read_at_intervals_and_told_when_it_changed(ground: Any) -> None:
    changing, registry = Changing(), ground.registry()
    registry.servers["changing"] = changing.server
    stream = await registry.start(
        "memory:changing", processor=keep, state=(), resource="test://value", adapter=K("resource"), interval_ms=1000
    )
    await ground.until(stream, lambda: values(stream) == [0])
    for seconds in range(1, 4):
        reads = changing.reads
        await ground.clock.advance(1)
        assert changing.reads == reads + 1, seconds
    changing.value = 5
    await ground.clock.advance(1)
    await ground.until(stream, lambda: values(stream) == [0, 5])


async def test_listening_to_an_old_server_is_refused_when_it_was_asked_for_by_name(ground: Any) -> None:
    changing, registry = Changing(), ground.registry()
    registry.servers["changing"] = changing.server
    stream = await registry.start(
        "memory:changing", processor=keep, state=(), resource="test://value", mode="legacy", adapter=K("listen")
    )
    with pytest.raises(StreamError, match=r"Adapter :listen cannot serve memory:changing: .*2026-07-28") as caught:
        await asyncio.wait_for(stream.result(), 30)
    assert caught.value.code == "RTFS-S024"


async def test_listening_to_an_old_server_becomes_reading_when_nothing_was_asked_for(ground: Any) -> None:
    changing, registry = Changing(), ground.registry()
    registry.servers["changing"] = changing.server
    stream = await registry.start("memory:changing", processor=keep, state=(), resource="test://value", mode="legacy")
    await ground.until(stream, lambda: values(stream) == [0])
    changing.value = 1
    await ground.clock.advance(5)
    await ground.until(stream, lambda: values(stream) == [0, 1])


# ---- retry


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def local(answer: Serve) -> tuple[asyncio.Server, str]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"


async def slam(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_a30_a_server_that_closes_at_once_gets_three_attempts_with_jitter(ground: Any) -> None:
    server, url = await local(slam)
    async with server:
        stream = await ground.registry().start(url, tool="x", retry=m(base_ms=1000, cap_ms=1500))
        waits = []
        for count in (1, 2):
            events = await ground.happened("retrying", count)
            waits.append(events[-1].data["wait_ms"])
            await ground.clock.advance(waits[-1] / 1000 + 0.001)
        with pytest.raises(StreamError, match="Transport failed after 3 attempts") as caught:
            await asyncio.wait_for(stream.result(), 30)
    assert caught.value.code == "RTFS-S023"
    assert 0 <= waits[0] <= 1000
    assert 0 <= waits[1] <= 1500


def refuse(head: str) -> Serve:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    return answer


async def test_a31_a_server_that_asks_for_seven_seconds_gets_them(ground: Any) -> None:
    server, url = await local(refuse("429 Too Many Requests\r\nRetry-After: 7"))
    async with server:
        stream = await ground.registry().start(url, tool="x")
        (event,) = await ground.happened("retrying")
        assert event.data["wait_ms"] == 7000
        await ground.clock.advance(6.9)
        assert stream.inspect()[K("transport")][K("attempt")] == 1
        await ground.clock.advance(0.2)
        assert stream.inspect()[K("transport")][K("attempt")] == 2
        await stream.cancel()


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_status_that_will_not_change_is_not_tried_again(ground: Any, status: int) -> None:
    server, url = await local(refuse(f"{status} No"))
    async with server:
        stream = await ground.registry().start(url, tool="x")
        with pytest.raises(StreamError, match=f"cannot serve {url}: HTTP status {status}") as caught:
            await asyncio.wait_for(stream.result(), 30)
    assert caught.value.code == "RTFS-S024"
    assert ground.named("retrying") == []


async def test_refused_credentials_are_tried_once_more(ground: Any) -> None:
    server, url = await local(refuse("401 No"))
    async with server:
        stream = await ground.registry().start(url, tool="x", auth=m(bearer="t"), retry=m(max_attempts=9, base_ms=0))
        await ground.happened("retrying")
        await ground.clock.advance(1)
        with pytest.raises(StreamError, match="Transport failed after 2 attempts: HTTP status 401"):
            await asyncio.wait_for(stream.result(), 30)


async def test_cancelling_does_not_wait_for_the_server(ground: Any, tmp_path: Path) -> None:
    stream = await ground.registry(clock=Clock()).start(child(tmp_path), processor=keep, state=(), tool="silent")
    await ground.until(stream, lambda: len(stream.state) == 1)
    started = asyncio.get_running_loop().time()
    await stream.cancel()
    assert asyncio.get_running_loop().time() - started < 0.5
    assert stream.status is K("cancelled")


async def test_two_streams_on_one_server_share_the_connection_and_it_closes_after_the_last(
    ground: Any, tmp_path: Path
) -> None:
    registry = ground.registry()
    streams = [await registry.start(child(tmp_path), processor=keep, state=(), tool="silent") for _ in range(2)]
    for stream in streams:
        await ground.until(stream, lambda stream=stream: len(stream.state) == 1)
    pid = int((tmp_path / "pid").read_text())
    await streams[0].cancel()
    await ground.clock.advance(10)
    os.kill(pid, 0)
    await streams[1].cancel()
    await registry.pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_child_gets_only_harmless_variables(
    ground: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    stream = await ground.registry(clock=Clock()).start(child(tmp_path), processor=keep, state=(), tool="environment")
    (variables,) = await asyncio.wait_for(stream.result(), 30)
    assert "SECRET_TOKEN" not in variables
    assert K("SECRET_TOKEN") not in variables


# ---- memory


async def test_a_source_of_this_process_ends_aborts_pauses_and_stumbles(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["t"] = Topic([1, PAUSE(1000), 2, MALFORMED, 3, ABORT, 4, EOF, 5])
    stream = await registry.start("memory:t", processor=keep, state=(), retry=m(base_ms=0))
    await ground.until(stream, lambda: stream.state == (1,))
    await ground.clock.advance(1)
    await ground.happened("retrying")
    await ground.clock.advance(1)
    assert await stream.result() == (1, 2, 3, 4)
    transport = stream.inspect()[K("transport")]
    assert (transport[K("malformed-frames")], transport[K("reconnects")]) == (1, 1)


async def test_an_async_iterator_is_a_source_too(ground: Any) -> None:
    async def items(start: int) -> Any:
        for n in range(start, 50):
            yield n

    registry = ground.registry()
    registry.topics["t"] = Topic(items)
    stream = await registry.start("memory:t", processor=keep, state=(), queue_capacity=4)
    assert list(await stream.result()) == list(range(50))


async def test_a_source_that_breaks_while_it_is_closed_is_not_opened_again(ground: Any) -> None:
    opened = []

    async def items(start: int) -> Any:
        opened.append(start)
        yield 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("broken pipe") from None

    registry = ground.registry()
    registry.topics["t"] = Topic(items)
    stream = await registry.start("memory:t", processor=keep, state=(), retry=m(base_ms=0, max_attempts=9))
    await ground.until(stream, lambda: stream.state == (1,))
    await stream.cancel()
    await asyncio.wait_for(stream.owner.source.closed(), 10)
    assert (opened, stream.state) == ([0], (1,))


async def test_too_many_malformed_frames_in_a_row_fail_the_stream(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["t"] = Topic([1, *[MALFORMED] * 3, 2, *[MALFORMED] * 4, 3])
    stream = await registry.start("memory:t", processor=keep, state=(), max_malformed=3)
    with pytest.raises(StreamError, match="Malformed frame") as caught:
        await stream.result()
    assert (caught.value.code, stream.state) == ("RTFS-S026", (1, 2))


async def test_directives_of_the_wire_act_only_when_the_stream_allows_it(ground: Any) -> None:
    pause = Map.of([(K("rtfs/action"), "pause"), (K("n"), 1)])
    for allowed, status in ((True, "paused"), (False, "completed")):
        registry = ground.registry()
        registry.topics["t"] = Topic([pause, 2])
        stream = await registry.start("memory:t", processor=keep, state=(), in_band_directives=allowed)
        await ground.until(stream, lambda stream=stream, status=status: stream.status is K(status))
        assert stream.state[0] == pause
