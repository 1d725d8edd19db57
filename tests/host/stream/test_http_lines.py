"""`:http-lines` against a server that misbehaves (streaming.md §3.5, §3.8)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.host.stream.split import Splitter
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K
from tests.host.stream.unruly import Peer, unruly

BODY = b'{"n": 1}\n\n[2]\r\nthree \xe2\x82\xac\n"four"\n5'
VALUES = [Map.of([(K("n"), 1)]), (2,), "three €", "four", 5]
TAG = '"v1"'


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    return m(state=vector([*state, chunk]))


LINES = {"adapter": K("http-lines"), "processor": keep, "state": ()}


async def failure(stream: Any) -> StreamError:
    with pytest.raises(StreamError) as caught:
        await asyncio.wait_for(stream.result(), 30)
    return caught.value


async def test_each_line_is_a_chunk_and_the_end_of_the_answer_is_the_end(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(200, BODY)

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, **LINES)
        assert list(await asyncio.wait_for(stream.result(), 30)) == VALUES
        assert stream.status is K("completed")
        assert stream.owner.position is None


def ranged(drop_at: int, tag: Callable[[int], str] = lambda number: TAG) -> Callable[[Peer], Awaitable[None]]:
    """A server of the body that honours ranges and drops its first connection after `drop_at` bytes."""

    async def script(peer: Peer) -> None:
        first = int(peer.headers.get("range", "bytes=0-")[6:-1])
        status, common = 200, {"etag": tag(peer.number), "accept_ranges": "bytes", "connection": "close"}
        if "range" in peer.headers and peer.headers["if-range"] == tag(peer.number):
            status = 206
            common["content_range"] = f"bytes {first}-{len(BODY) - 1}/{len(BODY)}"
        rest = BODY[first:] if status == 206 else BODY
        await peer.head(status, content_length=len(rest), **common)
        await peer.raw(rest[: drop_at - first] if peer.number == 1 else rest)

    return script


@pytest.mark.parametrize("drop_at", [0, 5, 9, 10, 14, len(BODY) - 1])
async def test_a_broken_answer_goes_on_at_the_byte_after_the_last_line(ground: Any, drop_at: int) -> None:
    async with unruly(ranged(drop_at)) as server:
        stream = await ground.registry().start(server.url, retry=m(base_ms=0), **LINES)
        await ground.happened("retrying")
        await ground.clock.advance(1)
        assert list(await asyncio.wait_for(stream.result(), 30)) == VALUES
        asked = server.peers[1].headers.get("range")
        assert asked == {0: None, 5: None, 9: "bytes=9-"}.get(drop_at, asked)
        assert stream.inspect()[K("guarantee")] is K("at-least-once")


async def test_what_has_changed_meanwhile_is_not_taken_for_the_rest(ground: Any) -> None:
    async with unruly(ranged(10, tag=lambda number: f'"v{number}"')) as server:
        stream = await ground.registry().start(server.url, retry=m(base_ms=0), **LINES)
        await ground.happened("retrying")
        await ground.clock.advance(1)
        error = await failure(stream)
        assert (error.code, list(stream.state)) == ("RTFS-S024", VALUES[:1])
        assert error.message.endswith("it cannot go on at byte 10: it has changed since it was read")


async def test_a_server_that_ignores_the_range_is_read_past_what_is_known(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.head(200, etag=TAG, accept_ranges="bytes", content_length=len(BODY), connection="close")
        await peer.raw(BODY[:14] if peer.number == 1 else BODY)

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, retry=m(base_ms=0), **LINES)
        await ground.happened("retrying")
        await ground.clock.advance(1)
        assert list(await asyncio.wait_for(stream.result(), 30)) == VALUES


async def test_a_position_at_the_end_is_the_end(ground: Any) -> None:
    body = b"1\n2\n"

    async def script(peer: Peer) -> None:
        if "range" in peer.headers:
            await peer.answer(416, content_range="bytes */4")
        else:
            await peer.head(200, etag=TAG, accept_ranges="bytes", content_length=5, connection="close")
            await peer.raw(body)

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, retry=m(base_ms=0), **LINES)
        await ground.happened("retrying")
        await ground.clock.advance(1)
        assert await asyncio.wait_for(stream.result(), 30) == (1, 2)


@pytest.mark.parametrize("etag", ["", 'W/"v1"', "v1"])
async def test_a_whole_file_without_strong_tag_does_not_go_on_after_a_break(ground: Any, etag: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.head(200, etag=etag, accept_ranges="bytes", content_length=len(BODY), connection="close")
        await peer.raw(BODY[:14])

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, retry=m(base_ms=0), **LINES)
        await ground.happened("retrying")
        await ground.clock.advance(1)
        error = await failure(stream)
        assert (error.code, len(server.peers)) == ("RTFS-S024", 1)
        assert "without ranges and a strong entity tag the rest cannot be asked for" in error.message


async def test_an_endless_answer_that_breaks_goes_on_with_what_comes_then(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.head(200, transfer_encoding="chunked")
        await peer.part(b"%d\n" % peer.number)
        if peer.number == 2:
            await peer.raw(b"0\r\n\r\n")

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, retry=m(base_ms=0), **LINES)
        await ground.happened("retrying")
        await ground.clock.advance(1)
        assert await asyncio.wait_for(stream.result(), 30) == (1, 2)
        assert stream.inspect()[K("guarantee")] is K("at-most-once")


async def test_lines_too_long_or_not_utf8_are_told_and_dropped(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.head(200, connection="close")
        await peer.raw(b"1\n" + b"x" * 1_001 + b"\n\xff\n" + b"y" * 1_000 + b"\n")
        for _ in range(64):
            await peer.raw(b"z" * 2**20)

    async with unruly(script) as server:
        options = {**LINES, "max_message_bytes": 1_000, "on_error": K("skip")}
        stream = await ground.registry().start(server.url, **options)
        state = await asyncio.wait_for(stream.result(), 60)
        assert (state[0], len(state[1]), len(state)) == (1, 1_000, 2)
        inspected = stream.inspect()
        assert (inspected[K("stats")][K("skipped")], inspected[K("transport")][K("malformed-frames")]) == (2, 1)


async def test_a34_a_slow_consumer_holds_the_lines_back_and_loses_nothing(ground: Any) -> None:
    count = 10_000
    depths: list[int] = []

    def slow(state: Any, chunk: Any, metadata: Map) -> Map:
        depths.append(metadata[K("queue-depth")])
        return m(state=state + 1 if chunk == state else "lost", output=chunk)

    async def script(peer: Peer) -> None:
        await peer.head(200, connection="close")
        for n in range(count):
            await peer.raw(b"%900d\n" % n)

    async with unruly(script) as server:
        options = {**LINES, "processor": slow, "state": 0, "outputs": K("block"), "queue_capacity": 8}
        stream = await ground.registry().start(server.url, output_capacity=4, **options)
        reader = stream.reader("test")
        await ground.happened("gate-shut")
        await ground.clock.advance(500)  # the watchdog rests while the gate is shut
        assert server.peers[0].sent < count * 901
        while await stream.read(reader, 100):
            pass
        assert (stream.state, max(depths) <= 8, len(server.peers)) == (count, True, 1)


@given(st.binary(max_size=200).map(lambda data: data.replace(b"x", b"\n")), st.lists(st.integers(0, 200)))
def test_lines_are_the_same_however_the_bytes_are_cut(data: bytes, cuts: list[int]) -> None:
    splitter = Splitter(20)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    found = [line for a, b in pairwise(places) for line in splitter.feed(data[a:b])]
    last = splitter.rest()
    found += [] if last is None else [last]
    whole = [line for line in found if line.content is not None]
    assert [line.content for line in whole] == [
        line for line in data.split(b"\n")[:-1] + ([data.split(b"\n")[-1]] if data.split(b"\n")[-1] else [])
        if len(line) <= 20
    ]  # fmt: skip
    assert all(data[: line.end].removesuffix(b"\n").endswith(line.content or b"") for line in whole)
    assert len(found) - len(whole) == sum(len(line) > 20 for line in data.split(b"\n"))
