"""`:stream.ws.connect` against a server that comes and goes (streaming.md §6.2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K
from tests.host.stream.unruly import Peer, Unruly, unruly

QUICK = ":retry {:base-ms 1 :cap-ms 1}"


class Program:
    """A session, and what its functions told in their order."""

    def __init__(self, **options: Any) -> None:
        self.session = rtfs.Session(
            limits=rtfs.Limits.unlimited(), **{"context": rtfs.RuntimeContext.full(), **options}
        )
        self.told: list[Any] = []
        self.session.define("tell", self.told.append)

    async def run(self, text: str) -> Any:
        return await asyncio.wait_for(self.session.run_async(text), 60)

    async def until(self, count: int) -> list[Any]:
        """What was told, once it is that much."""
        async with asyncio.timeout(60):
            while len(self.told) < count:
                await asyncio.sleep(0.001)
        return self.told


@asynccontextmanager
async def program(**options: Any) -> AsyncIterator[Program]:
    made = Program(**options)
    try:
        yield made
    finally:
        await made.session.host.ended(30, "immediate")
        made.session.close()


def connect(server: Unruly, options: str = "") -> str:
    return f'(call :stream.ws.connect "{server.socket_url}" {{{options}}})'


TELLING = """:on-open (fn [] (tell :open)) :on-message (fn [m] (tell m)) :on-error (fn [e] (tell (:code e)))
  :on-close (fn [info] (tell [:close (:status info) (:reason info)]))"""


def shown(told: list[Any]) -> str:
    return rtfs.show(rtfs.from_python(tuple(told)))


async def test_a_server_that_closes_twice_is_opened_three_times_and_closed_once() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for n in range(3):
            await peer.say(f"{peer.number}.{n}")
        await (peer.bye(1001) if peer.number < 3 else peer.hear())

    async with unruly(script) as server, program() as one:
        await one.run(f"(def h {connect(server, f'{TELLING} {QUICK}')})")
        await one.until(12)
        await one.run('(call :stream.stop h {:reason "enough"})')
        opens = [f':open "{n}.0" "{n}.1" "{n}.2"' for n in (1, 2, 3)]
        assert shown(await one.until(13)) == f'[{" ".join(opens)} [:close :stopped "enough"]]'
        assert one.told.count(K("open")) == len(server.peers) == 3


async def test_an_open_waits_for_what_the_connection_before_brought() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for n in range(20):
            await peer.say(f"{peer.number}.{n}")
        await (peer.bye() if peer.number < 2 else peer.hear())

    async with unruly(script) as server, program() as one:

        async def slowly(message: str) -> None:
            async with asyncio.timeout(60):
                while message == "1.10" and len(server.peers) < 2:
                    await asyncio.sleep(0.001)
            one.told.append(message)

        one.session.define("slowly", slowly)
        slow = TELLING.replace("(fn [m] (tell m))", "slowly")
        await one.run(f"(def h {connect(server, f'{slow} {QUICK}')})")
        assert [place for place, item in enumerate(await one.until(42)) if item is K("open")] == [0, 21]


async def test_a_server_that_stays_away_ends_it_with_an_error_and_one_close() -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.upgrade()
            await peer.bye(1001)
        else:
            await peer.answer(503)

    async with unruly(script) as server, program() as one:
        await one.run(f"(call :stream.wait {connect(server, f'{TELLING} {QUICK}')})")
        assert shown(await one.until(3)) == (
            '[:open "RTFS-S023" [:close :error "Transport failed after 3 attempts: HTTP status 503"]]'
        )


async def test_what_is_sent_arrives_and_what_is_sent_too_early_waits_for_the_socket() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        while (heard := await peer.hear()) is not None:
            await peer.say(f"echo {heard}")

    async with unruly(script) as server, program() as one:
        await one.run(f"""
          (def h {connect(server, ':on-message (fn [m] (tell m)) :subscribe ["hello" {:op 1}]')})
          (call :stream.send h "one")
          (call :stream.send h {{:n 2}})
          (call :stream.send h "three" {{:timeout-ms 1000}})
          (call :stream.send {{:stream h :chunk "four"}})""")
        assert await one.until(6) == [
            f"echo {text}" for text in ("hello", '{"op": 1}', "one", '{"n": 2}', "three", "four")
        ]
        assert await one.run('(:accepted (call :stream.send h "five"))') is True


async def test_what_waits_for_a_socket_that_will_never_be_there_fails_when_that_is_known() -> None:
    async with unruly(lambda peer: peer.answer(503)) as server, program() as one:
        with pytest.raises(rtfs.RtfsError) as caught:
            await one.run(f"""(call :stream.send {connect(server, f":on-message identity {QUICK}")} "x"
                                {{:timeout-ms 600000}})""")
        assert (caught.value.code, caught.value.message) == (
            "RTFS-S023", "Transport failed after 3 attempts: HTTP status 503"
        )  # fmt: skip


async def test_a_stream_that_is_read_by_next_is_opened_by_what_is_sent() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        while (heard := await peer.hear()) is not None:
            await peer.say(f"echo {heard}")

    async with unruly(script) as server, program() as one:
        await one.run(f'(def h (call :stream.create {connect(server)})) (call :stream.send h "a")')
        assert await one.run("(call :stream.next h {:timeout-ms 30000})") == "echo a"


async def test_a_run_may_say_how_often_it_is_tried() -> None:
    async with unruly(lambda peer: peer.answer(503)) as server, program() as one:
        for where, count in (("run", 2), ("node", 4)):
            options = [f":retry {{:max-attempts {count} :base-ms 1 :cap-ms 1}}" if at == where else ""
                       for at in ("node", "run")]  # fmt: skip
            with pytest.raises(rtfs.RtfsError, match=f"Transport failed after {count} attempts"):
                node = connect(server, options[0])
                await one.run(f"(call :stream.to-collection {node} {{:limit 1 {options[1]}}})")
        assert len(server.peers) == 6


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=20), max_size=8))
def test_bytes_come_back_as_they_were_sent(messages: list[list[int]]) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for message in messages:
            await peer.say(bytes(message))
        await peer.hear()

    async def work() -> None:
        async with unruly(script) as server, program() as one:
            node = connect(server, ":mode :bytes")
            found = await one.run(f"(call :stream.to-collection {node} {{:limit {len(messages)}}})")
            assert [list(each) for each in found] == messages

    asyncio.run(work())


@pytest.mark.parametrize(
    ("mode", "sent", "chunks"),
    [
        (":text", ['{"a": 1}', b"caf\xc3\xa9"], '["{\\"a\\": 1}" "café"]'),
        (":json", [{"a": [1]}, "no json", "5"], "[{:a [1]} 5]"),
        (":bytes", ["é", b"\x00\xff"], "[[195 169] [0 255]]"),
    ],
)
async def test_what_a_message_is(mode: str, sent: list[Any], chunks: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for message in sent:
            await peer.say(message)
        await peer.hear()

    async with unruly(script) as server, program() as one:
        node = connect(server, f":mode {mode}")
        assert rtfs.show(await one.run(f"(call :stream.to-collection {node} {{:limit 2}})")) == chunks


async def test_the_first_protocol_that_the_server_speaks_is_spoken() -> None:
    async def script(peer: Peer) -> None:
        assert peer.headers["sec-websocket-protocol"] == "v2.json, v1.json"
        await peer.upgrade(sec_websocket_protocol="v1.json" if peer.path == "/feed" else "v9")
        await peer.say("x")
        await peer.hear()

    offers = ':subprotocols ["v2.json" "v1.json"] :headers {"x-token" "s"} :auth {:bearer "t"}'
    async with unruly(script) as server, program() as one:
        assert await one.run(f"(call :stream.to-collection {connect(server, offers)} {{:limit 1}})") == ("x",)
        assert server.peers[0].headers["x-token"] == "s"
        assert server.peers[0].headers["authorization"] == "Bearer t"
        other = connect(server, offers).replace("/feed", "/other")
        with pytest.raises(rtfs.RtfsError) as caught:
            await one.run(f"(call :stream.to-collection {other} {{:limit 1}})")
        assert caught.value.code == "RTFS-S024"
        assert caught.value.message.endswith("the server chose the protocol v9, which was not offered")


async def test_a_message_over_the_limit_fails_or_is_left_out() -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for size in (5, 1_001, 6):
            await peer.say("x" * size)
        await peer.hear()

    async with unruly(script) as server, program() as one:
        collect = f"(call :stream.to-collection {connect(server)} {{:limit 2 :max-message-bytes 1000 %s}})"
        assert await one.run(collect % ":on-error :skip") == ("x" * 5, "x" * 6)
        with pytest.raises(rtfs.RtfsError) as caught:
            await one.run(collect % "")
        assert (caught.value.code, caught.value.message) == (
            "RTFS-S025", "Message of 1001 bytes exceeds the limit of 1000"
        )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('"http://h/"', "S003 Parameter 'url': expected an absolute ws or wss URL, got \"http://h/\""),
        ('"ws://h/" {:mode :xml}', "S003 Parameter 'mode': expected one of :text :json :bytes, got :xml"),
        ('"ws://h/" {:subprotocols ["a b"]}', "S003 Parameter 'subprotocols': expected vector of names of protocols"),
        ('"ws://h/" {:retry {:attempts 1}}', "S006 Unknown option ':attempts' for stream.ws.connect :retry"),
        ('"ws://h/" {:onopen 1}', "S006 Unknown option ':onopen' for stream.ws.connect; did you mean ':on-open'?"),
        ("", "S002 Missing required field 'url' of stream.ws.connect"),
    ],
)
async def test_bad_input_is_refused_before_anybody_is_asked(call: str, message: str) -> None:
    async with program() as one:
        with pytest.raises(rtfs.RtfsError) as caught:
            await one.run(f"(call :stream.to-collection (call :stream.ws.connect {call}) {{:limit 1}})")
        assert f"{caught.value.code[5:]} {caught.value.message}".startswith(message)


async def test_messages_that_are_none_are_refused_and_nothing_is_sent() -> None:
    async with unruly(lambda peer: peer.upgrade()) as server, program() as one:
        await one.run(f"(def h {connect(server, ':mode :bytes :on-message identity')})")
        for message in ('"text"', "[256]", "[1.5]"):
            with pytest.raises(rtfs.RtfsError, match="expected vector of integers from 0 to 255"):
                await one.run(f"(call :stream.send h {message})")
        await one.run(f"(def j {connect(server, ':mode :json :on-message identity')})")
        with pytest.raises(rtfs.RtfsError, match="expected value that has JSON, got ##NaN"):
            await one.run("(call :stream.send j ##NaN)")


async def test_a60_a_program_without_the_network_opens_no_socket() -> None:
    async with unruly(lambda peer: peer.upgrade()) as server:
        for context in (
            rtfs.RuntimeContext.full().replace(denied_effects=(":network",)),
            rtfs.RuntimeContext.controlled(["stream.**"], grants=[("net", "example.org")]),
        ):
            async with program(context=context) as one:
                with pytest.raises(rtfs.RtfsError) as caught:
                    await one.run(f"(call :stream.to-collection {connect(server)} {{:limit 1}})")
                assert caught.value.code == "RTFS-S053"
        assert server.peers == []
