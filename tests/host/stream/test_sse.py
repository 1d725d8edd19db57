"""`:sse` against a server that misbehaves (streaming.md §3.5, §3.7, §3.8)."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest

from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K
from tests.host.stream.unruly import Peer, unruly


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    return m(state=vector([*state, chunk]))


def keep_all(state: Any, chunk: Any, metadata: Map) -> Map:
    return m(state=vector([*state, (chunk, metadata[K("event")], metadata[K("offset")])]))


SSE = {"adapter": K("sse"), "processor": keep, "state": ()}


async def failure(stream: Any) -> StreamError:
    with pytest.raises(StreamError) as caught:
        await asyncio.wait_for(stream.result(), 30)
    return caught.value


async def test_a29_comments_and_empty_data_are_no_chunks_text_stays_text_and_a_huge_event_meets_the_policy(
    ground: Any,
) -> None:
    text = ': hello\n\ndata:\n\ndata: {"n": 1}\n\ndata: not json\n\nevent: big\ndata: ' + "x" * 2**21 + "\n\n"
    text += 'id: 7\nevent: tick\ndata: {"n":\ndata: 2}\n\n: bye\n\n'

    async def script(peer: Peer) -> None:
        await peer.events(text)
        await peer.gone()

    async with unruly(script) as server:
        options = {**SSE, "processor": keep_all, "on_error": K("skip")}
        stream = await ground.registry().start(server.url, **options)
        await ground.until(stream, lambda: len(stream.state) == 3)
        assert list(stream.state) == [
            (m(n=1), "message", None),
            ("not json", "message", None),
            (m(n=2), "tick", "7"),
        ]
        stats = stream.inspect()[K("stats")]
        assert (stats[K("received")], stats[K("failed")], stats[K("skipped")]) == (3, 1, 1)
        assert len(server.peers) == 1
        await stream.cancel()
        strict = await ground.registry().start(server.url, **SSE)
        error = await failure(strict)
        assert (error.code, strict.state) == ("RTFS-S025", (m(n=1), "not json"))
        assert "exceeds the limit of 1048576" in error.message


async def test_a_lost_connection_goes_on_after_the_last_id_and_obeys_retry(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        last = int(peer.headers.get("last-event-id", "0"))
        await peer.events("retry: 9000\n\n")
        for n in range(last + 1, last + 4):
            await peer.raw(f"id: {n}\ndata: {n}\n\n".encode())
        if peer.number == 3:
            await peer.gone()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, retry=m(max_attempts=9), **SSE)
        for attempt in (1, 2):
            waiting = (await ground.happened("retrying", attempt))[-1].data["wait_ms"]
            assert waiting >= 9000
            await ground.clock.advance(8.9)
            assert len(server.peers) == attempt
            await ground.clock.advance(waiting / 1000 - 8.9)
        await ground.until(stream, lambda: len(stream.state) == 9)
        assert list(stream.state) == list(range(1, 10))
        assert [peer.headers.get("last-event-id") for peer in server.peers] == [None, "3", "6"]
        assert stream.inspect()[K("guarantee")] is K("at-least-once")
        assert stream.owner.position == "9"


async def test_a30_a_server_that_accepts_and_closes_at_once_is_given_up_after_three_attempts(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.events()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, **SSE)
        for attempt, most in ((1, 250), (2, 500)):
            event = (await ground.happened("retrying", attempt))[-1]
            assert 250 <= event.data["wait_ms"] <= most
            await ground.clock.advance(0.248)
            assert len(server.peers) == attempt
            await ground.clock.advance(event.data["wait_ms"] / 1000 - 0.247)
        error = await failure(stream)
        assert (error.code, len(server.peers)) == ("RTFS-S023", 3)
        assert error.message == "Transport failed after 3 attempts: the server ended the stream"


async def test_a31_a_server_that_asks_for_peace_gets_it(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.answer(429, retry_after=7)
        else:
            await peer.events("data: 1\n\n")
            await peer.gone()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, **SSE)
        await ground.happened("retrying")
        await ground.clock.advance(6.999)
        assert len(server.peers) == 1
        await ground.clock.advance(0.001)
        await ground.until(stream, lambda: stream.state == (1,))
        assert len(server.peers) == 2


async def test_a32_a_silent_connection_is_closed_and_opened_again(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.events(f"data: {peer.number}\n\n")
        await peer.gone()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, idle_timeout_ms=60_000, retry=m(base_ms=0), **SSE)
        await ground.until(stream, lambda: stream.state == (1,))
        await ground.clock.advance(59.9)
        assert ground.named("retrying") == []
        await ground.clock.advance(0.2)
        (event,) = await ground.happened("retrying")
        assert event.data["problem"] == "no message for 60000 ms"
        await ground.clock.advance(1)
        await ground.until(stream, lambda: stream.state == (1, 2))
        await asyncio.wait_for(server.peers[0].gone(), 10)


async def test_a_keep_alive_is_no_chunk_but_a_sign_of_life(ground: Any) -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.events("data: 1\n\n")
        await go.wait()
        await peer.raw(b": still here\n\n")
        await peer.gone()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, idle_timeout_ms=60_000, **SSE)
        await ground.until(stream, lambda: stream.state == (1,))
        await ground.clock.advance(50)
        before = stream.owner.intake.quiet_since
        go.set()
        while stream.owner.intake.quiet_since == before:
            await asyncio.sleep(0)
        await ground.clock.advance(50)
        assert (ground.named("retrying"), stream.owner.intake.seq) == ([], 1)


@pytest.mark.parametrize("status", [400, 404, 405, 410])
async def test_a_refusal_for_good_is_not_tried_again(ground: Any, status: int) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(status)

    async with unruly(script) as server:
        error = await failure(await ground.registry().start(server.url, **SSE))
        assert (error.code, len(server.peers)) == ("RTFS-S024", 1)
        assert error.message == f"Adapter :sse cannot serve {server.url}: HTTP status {status}"


async def test_after_401_the_credentials_are_read_again_once(ground: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEED_TOKEN", "X-Key: old")

    async def script(peer: Peer) -> None:
        await peer.answer(401)
        monkeypatch.setenv("FEED_TOKEN", "X-Key: new")

    async with unruly(script) as server:
        options = {**SSE, "auth": m(env="FEED_TOKEN"), "retry": m(base_ms=0, max_attempts=9)}
        error = await failure(await ground.registry().start(server.url, **options))
        assert [peer.headers["x-key"] for peer in server.peers] == ["old", "new"]
        assert (error.code, error.message) == ("RTFS-S023", "Transport failed after 2 attempts: HTTP status 401")


async def test_a_redirect_to_another_origin_does_not_get_the_credentials(ground: Any) -> None:
    async def receives(peer: Peer) -> None:
        await peer.events("data: 1\n\n")
        await peer.gone()

    async with unruly(receives) as other:

        async def script(peer: Peer) -> None:
            if peer.path == "/feed":
                await peer.answer(307, location="/moved")
            else:
                await peer.answer(302, location=other.url)

        async with unruly(script) as server:
            options = {**SSE, "auth": m(bearer="s3cret"), "headers": Map.of([("X-Key", "k3y")])}
            stream = await ground.registry().start(server.url, **options)
            await ground.until(stream, lambda: stream.state == (1,))
            assert [peer.headers.get("authorization") for peer in server.peers] == ["Bearer s3cret"] * 2
            (peer,) = other.peers
            assert not {"authorization", "x-key"} & peer.headers.keys()
            assert "s3cret" not in str(stream.inspect())


async def test_redirects_without_end_are_given_up(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(302, location="/feed")

    async with unruly(script) as server:
        error = await failure(await ground.registry().start(server.url, **SSE))
        assert (error.code, len(server.peers)) == ("RTFS-S024", 6)


async def test_what_is_no_event_stream_or_is_compressed_is_refused(ground: Any) -> None:
    bomb = gzip.compress(b"data: " + b" " * 10_000_000)

    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.answer(200, b"<html>", content_type="text/html; charset=utf-8")
        else:
            await peer.answer(200, bomb, content_type="text/event-stream", content_encoding="gzip")

    async with unruly(script) as server:
        error = await failure(await ground.registry().start(server.url, **SSE))
        assert error.message.endswith("the answer is text/html, not text/event-stream")
        error = await failure(await ground.registry().start(server.url, **SSE))
        assert (error.code, "gzip" in error.message) == ("RTFS-S026", True)


async def test_no_content_ends_the_stream_in_good_order(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.head(204, connection="close")

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, **SSE)
        await asyncio.wait_for(stream.result(), 30)
        assert (stream.status, len(server.peers)) == (K("completed"), 1)


async def test_an_event_that_never_ends_is_told_without_being_kept(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.events("data: 1\n\ndata: ")
        for _ in range(64):
            await peer.raw(b"x" * 2**20)
        await peer.raw(b"\n\ndata: 2\n\n")
        await peer.gone()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, on_error=K("skip"), **SSE)
        await ground.until(stream, lambda: len(stream.state) == 2)
        assert (stream.state, stream.inspect()[K("stats")][K("skipped")]) == ((1, 2), 1)


async def test_events_that_are_not_utf8_are_counted_until_there_are_too_many(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.events("data: 1\n\n")
        await peer.raw(b"data: \xff\ndata: more of it\n\n" * 3 + b"data: 2\n\n" + b"data: \xff\n\n" * 4)
        await peer.gone()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, max_malformed=3, **SSE)
        error = await failure(stream)
        assert (error.code, stream.state) == ("RTFS-S026", (1, 2))
        assert stream.inspect()[K("transport")][K("malformed-frames")] == 7


async def test_a34_a_slow_consumer_holds_the_server_back_and_loses_nothing(ground: Any) -> None:
    count = 10_000
    depths: list[int] = []

    def slow(state: Any, chunk: Any, metadata: Map) -> Map:
        depths.append(metadata[K("queue-depth")])
        return m(state=state + 1 if chunk[K("n")] == state else "lost", output=chunk)

    async def script(peer: Peer) -> None:
        await peer.events()
        for n in range(count):
            await peer.raw(f'data: {{"n": {n}, "pad": "{"x" * 900}"}}\n\n'.encode())
        await peer.gone()

    async with unruly(script) as server:
        options = {**SSE, "processor": slow, "state": 0, "outputs": K("block"), "queue_capacity": 8}
        stream = await ground.registry().start(server.url, output_capacity=4, idle_timeout_ms=60_000, **options)
        reader = stream.reader("test")
        await ground.happened("gate-shut")
        await ground.clock.advance(500)  # the watchdog rests while the gate is shut
        taken = 0
        while taken < count:
            taken += len(await stream.read(reader, 100))
        await ground.until(stream, lambda: stream.state == count)
        assert (max(depths) <= 8, len(server.peers), ground.named("retrying")) == (True, 1, [])


async def test_a_reset_in_mid_event_loses_only_what_the_server_does_not_send_again(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.events("id: a\ndata: 1\n\nid: b\ndata: 2")
            peer.reset()
        else:
            await peer.events("id: b\ndata: 2\n\n")
            await peer.gone()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, retry=m(base_ms=0), **SSE)
        await ground.happened("retrying")
        await ground.clock.advance(1)
        await ground.until(stream, lambda: stream.state == (1, 2))
        assert server.peers[1].headers["last-event-id"] in ("a",)


async def test_an_id_that_no_header_can_carry_is_no_position(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.events("id: good\ndata: 1\n\nid: b\x01d\ndata: 2\n\n")
        else:
            await peer.events("data: 3\n\n")
            await peer.gone()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, retry=m(base_ms=0), **SSE)
        await ground.happened("retrying")
        await ground.clock.advance(1)
        await ground.until(stream, lambda: stream.state == (1, 2, 3))
        assert "last-event-id" not in server.peers[1].headers
