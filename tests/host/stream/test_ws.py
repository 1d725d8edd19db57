"""`:ws` against a server that misbehaves (streaming.md §3.5, §3.7, §3.8)."""

from __future__ import annotations

import asyncio
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


PLAIN = {"processor": keep, "state": ()}


async def failure(stream: Any) -> StreamError:
    with pytest.raises(StreamError) as caught:
        await asyncio.wait_for(stream.result(), 30)
    return caught.value


async def test_each_message_is_a_chunk_and_subscriptions_go_out_after_each_open(ground: Any) -> None:
    heard: list[Any] = []

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        heard.append([await peer.hear(), await peer.hear()])
        await peer.say({"n": peer.number})
        await peer.say(b'{"binary": true}')
        await peer.ping()
        await peer.say("no json")
        if peer.number == 2:
            await peer.hear()
        await peer.bye(1001)

    async with unruly(script) as server:
        options = {**PLAIN, "subscribe": vector(["hello", m(op="subscribe", channel="weather")])}
        stream = await ground.registry().start(server.socket_url, retry=m(base_ms=0), **options)
        (event,) = await ground.happened("retrying")
        assert event.data["problem"] == "the server closed the socket with code 1001: enough"
        await ground.clock.advance(1)
        await ground.until(stream, lambda: len(stream.state) == 6)
        assert list(stream.state) == [chunk for n in (1, 2) for chunk in (m(n=n), m(binary=True), "no json")]
        assert heard == [["hello", '{"op": "subscribe", "channel": "weather"}']] * 2
        handle = stream.handle()
        assert (handle[K("adapter")], handle[K("guarantee")]) == (K("ws"), K("at-most-once"))


async def test_a_message_over_the_limit_meets_the_policy_and_the_next_one_comes(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for size in (1_000, 1_001, 5):
            await peer.say("x" * size)
        await peer.hear()

    async with unruly(script) as server:
        skipping = {**PLAIN, "max_message_bytes": 1_000, "on_error": K("skip")}
        stream = await ground.registry().start(server.socket_url, **skipping)
        await ground.until(stream, lambda: len(stream.state) == 2)
        assert ([len(text) for text in stream.state], len(server.peers)) == ([1_000, 5], 1)
        await stream.cancel()
        error = await failure(await ground.registry().start(server.socket_url, max_message_bytes=1_000, **PLAIN))
        assert (error.code, error.message) == ("RTFS-S025", "Message of 1001 bytes exceeds the limit of 1000")


async def test_a_message_that_never_ends_is_not_kept(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.raw(b"\x01\x7f" + (2**40).to_bytes(8, "big"))  # the head of a text frame of a tebibyte
        while True:
            await peer.raw(b"x" * 65_536)

    async with unruly(script) as server:
        error = await failure(await ground.registry().start(server.socket_url, **PLAIN))
        assert error.code == "RTFS-S025"
        assert server.peers[0].sent < 20_000_000


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"\x81\x02\xff\xfe", "malformed frame"),  # text that is not UTF-8
        (b"\xc1\x01x", "malformed frame"),  # a reserved bit
        (b"\x83\x00", "malformed frame"),  # an opcode nobody knows
        (b"\x81\x85abcd", "malformed frame"),  # a server that masks
    ],
)
async def test_a_frame_that_breaks_the_protocol_breaks_the_connection(ground: Any, frame: bytes, said: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.raw(frame + b"\x00" * 8 if peer.number == 1 else b"\x81\x01\x32")
        await peer.hear()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.socket_url, retry=m(base_ms=0), **PLAIN)
        (event,) = await ground.happened("retrying")
        assert said in event.data["problem"]
        await ground.clock.advance(1)
        await ground.until(stream, lambda: stream.state == (2,))


async def test_bytes_that_are_no_text_are_malformed(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.say(b"\xff\xfe")
        await peer.say(b"1")
        await peer.hear()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.socket_url, **PLAIN)
        await ground.until(stream, lambda: stream.state == (1,))
        assert stream.inspect()[K("transport")][K("malformed-frames")] == 1


async def test_what_is_missing_between_numbers_is_told_also_over_a_reconnect(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for n in (1, 2, 5, 4, 6) if peer.number == 1 else (9,):
            await peer.say({"head": {"seq": n}})
        if peer.number == 2:
            await peer.hear()

    async with unruly(script) as server:
        options = {**PLAIN, "seq_path": vector([K("head"), K("seq")]), "retry": m(base_ms=2_000)}
        stream = await ground.registry().start(server.socket_url, **options)
        await ground.happened("retrying")
        await ground.clock.advance(2)  # one event of this name in a second is enough
        await ground.until(stream, lambda: len(stream.state) == 6)
        gaps = [(event.data["after"], event.data["before"], event.data["missing"]) for event in ground.named("gap")]
        assert gaps == [(2, 5, 2), (6, 9, 2)]
        assert stream.owner.position == 9


async def test_a_program_can_write_to_the_socket(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        while (text := await peer.hear()) is not None:
            await peer.say({"echo": text})

    async with unruly(script) as server:
        stream = await ground.registry().start(server.socket_url, **PLAIN)
        await ground.happened("opened")
        for chunk in ("plain", m(n=1)):
            answer = await stream.send_on(chunk)
            assert answer == m(accepted=True, seq=None, status=K("active"))
        await ground.until(stream, lambda: len(stream.state) == 2)
        assert list(stream.state) == [m(echo="plain"), m(echo='{"n": 1}')]
        await stream.cancel()
        assert (await stream.send_on("late"))[K("reason")] is K("ignored")


async def test_writing_waits_for_a_connection_and_says_when_none_comes(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.answer(503)
            return
        await peer.upgrade()
        await peer.say(await peer.hear())
        await peer.hear()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.socket_url, retry=m(base_ms=0), **PLAIN)
        await ground.happened("retrying")
        with pytest.raises(StreamError) as caught:
            await stream.send_on("now")
        assert (caught.value.code, "the socket is not open" in caught.value.message) == ("RTFS-S023", True)
        waiting = asyncio.ensure_future(stream.send_on("soon", 60_000))
        await ground.clock.advance(0)
        assert (await waiting)[K("accepted")] is True
        await ground.until(stream, lambda: stream.state == ("soon",))


async def test_other_sources_have_no_way_back(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.events()
        await peer.gone()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.url, adapter=K("sse"), **PLAIN)
        with pytest.raises(StreamError) as caught:
            await stream.send_on(1)
        assert caught.value.code == "RTFS-S021"


async def test_a_handshake_that_is_refused_or_hangs_is_met_like_any_other(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        if peer.path == "/feed":
            await peer.answer(403)
        else:
            await peer.gone()

    async with unruly(script) as server:
        error = await failure(await ground.registry().start(server.socket_url, retry=m(base_ms=0), **PLAIN))
        assert (error.message, len(server.peers)) == ("Transport failed after 2 attempts: HTTP status 403", 2)
        url = f"ws://{server.authority}/never"
        stream = await ground.registry().start(url, connect_timeout_ms=5_000, retry=m(max_attempts=1), **PLAIN)
        while len(server.peers) < 3:
            await asyncio.sleep(0)
        await ground.clock.advance(5)
        assert (await failure(stream)).message == "Transport failed after 1 attempts: no answer within 5000 ms"


async def test_an_answer_to_another_handshake_is_refused(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        peer.headers["sec-websocket-key"] = "somebody else's"
        await peer.upgrade()
        await peer.say("hello")
        await peer.hear()

    async with unruly(script) as server:
        error = await failure(await ground.registry().start(server.socket_url, **PLAIN))
        assert error.message.endswith("the handshake is answered by no web socket")


async def test_a_redirected_handshake_does_not_take_the_credentials_along(ground: Any) -> None:
    async def receives(peer: Peer) -> None:
        await peer.upgrade()
        await peer.say("here")
        await peer.hear()

    async with unruly(receives) as other:

        async def script(peer: Peer) -> None:
            await peer.answer(307, location=other.url)

        async with unruly(script) as server:
            url = server.socket_url.replace("//", "//ada:s3cret@")
            stream = await ground.registry().start(url, headers=Map.of([("X-Key", "k3y")]), **PLAIN)
            await ground.until(stream, lambda: stream.state == ("here",))
            assert server.peers[0].headers["authorization"] == "Basic YWRhOnMzY3JldA=="
            assert not {"authorization", "x-key"} & other.peers[0].headers.keys()
            assert "s3cret" not in str(stream.inspect()) + str(stream.handle())


async def test_a34_a_slow_consumer_holds_the_socket_back_and_loses_nothing(ground: Any) -> None:
    count = 10_000
    depths: list[int] = []

    def slow(state: Any, chunk: Any, metadata: Map) -> Map:
        depths.append(metadata[K("queue-depth")])
        return m(state=state + 1 if chunk[K("n")] == state else "lost", output=chunk)

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for n in range(count):
            await peer.say({"n": n, "pad": "x" * 900})
        await peer.hear()

    async with unruly(script) as server:
        options = {"processor": slow, "state": 0, "outputs": K("block"), "queue_capacity": 8, "output_capacity": 4}
        stream = await ground.registry().start(server.socket_url, **options)
        reader = stream.reader("test")
        await ground.happened("gate-shut")
        await ground.clock.advance(500)  # the watchdog rests while the gate is shut
        taken = 0
        while taken < count:
            taken += len(await stream.read(reader, 100))
        await ground.until(stream, lambda: stream.state == count)
        assert (max(depths) <= 8, len(server.peers), ground.named("retrying")) == (True, 1, [])


async def test_silence_is_noticed_after_a_minute(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.say(peer.number)
        await peer.hear()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.socket_url, retry=m(base_ms=0), **PLAIN)
        await ground.until(stream, lambda: stream.state == (1,))
        await ground.clock.advance(60)
        await ground.happened("retrying")
        await ground.clock.advance(1)
        await ground.until(stream, lambda: stream.state == (1, 2))


async def test_a_server_that_never_reads_does_not_keep_a_stream_from_ending(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.say(1)
        await asyncio.Event().wait()

    async with unruly(script) as server:
        stream = await ground.registry().start(server.socket_url, close_timeout_ms=50, **PLAIN)
        await ground.until(stream, lambda: stream.state == (1,))
        writing = asyncio.ensure_future(stream.send_on("x" * 50_000_000))
        await asyncio.sleep(0)
        while writing.done() is False and stream.owner.source.adapter._socket is None:
            await asyncio.sleep(0)
        await stream.cancel()
        await asyncio.wait_for(stream.owner.source.closed(), 10)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
