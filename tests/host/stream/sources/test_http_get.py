"""`:stream.http.get` against servers that do to it what servers do (streaming.md §6.2)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.host.clock import VirtualClock
from rtfs.lang.names import Keyword as K
from tests.host.stream.unruly import Peer, Script, Unruly, unruly

TAG = '"v1"'


@asynccontextmanager
async def session(**options: Any) -> AsyncIterator[rtfs.Session]:
    made = rtfs.Session(limits=rtfs.Limits.unlimited(), **{"context": rtfs.RuntimeContext.full(), **options})
    try:
        yield made
    finally:
        await made.host.ended(30, "immediate")
        made.close()


def node(server: Unruly, options: str = "") -> str:
    return f'(call :stream.http.get "{server.url}" {{{options}}})'


async def collected(server: Unruly, options: str = "", **around: Any) -> list[Any]:
    async with session(**around) as one:
        text = f"(call :stream.to-collection {node(server, options)} {{:retry {{:base-ms 1 :cap-ms 1}}}})"
        return list(await one.run_async(text))


async def refused(server: Unruly, options: str = "", **around: Any) -> rtfs.RtfsError:
    with pytest.raises(rtfs.RtfsError) as caught:
        await collected(server, options, **around)
    return caught.value


def page(body: bytes, drop_at: int | None = None, **headers: Any) -> Script:
    """A server of a body which honours ranges and drops its first connection after `drop_at` bytes."""

    async def script(peer: Peer) -> None:
        first = int(peer.headers.get("range", "bytes=0-")[6:-1])
        place = {"content_range": f"bytes {first}-{len(body) - 1}/{len(body)}"} if first else {}
        said = {"etag": TAG, "accept_ranges": "bytes", **headers, **place}
        await peer.head(206 if first else 200, content_length=len(body) - first, connection="close", **said)
        await peer.raw(body[first:drop_at] if peer.number == 1 else body[first:])

    return script


# ---- what a chunk is


@pytest.mark.parametrize(
    ("options", "body", "chunks"),
    [
        ("", b"ab\xc3\xa9c", '["abéc"]'),
        (":chunk-size 9", b"\xc3\xa9" * 9, '["éééé" "éééé" "é"]'),
        (":mode :bytes :chunk-size 2", b"abc", "[[97 98] [99]]"),
        (":mode :lines", b"a\r\n\xc3\xbc\n\nlast", '["a" "ü" "" "last"]'),
        (":mode :json-lines", b'{"a": 1}\n\n[2]', "[{:a 1} [2]]"),
        (":mode :csv", b'a,b\n1,"x\ny"\n', '[{:a "1" :b "x\\ny"}]'),
        (':encoding "latin-1"', b"\xe9", '["é"]'),
        ("", b"", "[]"),
    ],
)
async def test_what_a_chunk_is(options: str, body: bytes, chunks: str) -> None:
    async with unruly(page(body)) as server:
        assert rtfs.show(rtfs.from_python(tuple(await collected(server, options)))) == chunks


@pytest.mark.parametrize("status", [203, 204])
async def test_every_status_of_success_is_an_answer(status: int) -> None:
    async def script(peer: Peer) -> None:
        body = b"" if status == 204 else b"abc"
        await peer.head(status, connection="close", **({} if status == 204 else {"content_length": 3}))
        await peer.raw(body)

    async with unruly(script) as server:
        assert await collected(server) == ([] if status == 204 else ["abc"])


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain; charset=ISO-8859-1", "né".encode("latin-1")),
        ('text/plain;charset="utf-16"', "né".encode("utf-16")),
        ("text/plain; charset=utf-16", "né".encode("utf-16-be", "strict").join([b"\xfe\xff", b""])),
    ],
)
async def test_the_answer_says_how_characters_are_stored(kind: str, body: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.head(200, content_type=kind, transfer_encoding="chunked")
        for at in range(len(body)):
            await peer.part(body[at : at + 1])
        await peer.raw(b"0\r\n\r\n")

    async with unruly(script) as server:
        assert await collected(server) == ["né"]


@settings(max_examples=25, deadline=None)
@given(st.text(), st.lists(st.integers(1, 5), max_size=8), st.integers(8, 12))
def test_text_is_the_same_however_the_network_cuts_it(text: str, cuts: list[int], size: int) -> None:
    text = text.encode("utf-8", "ignore").decode().lstrip("\ufeff")
    body = text.encode()

    async def script(peer: Peer) -> None:
        await peer.head(200, transfer_encoding="chunked")
        at = 0
        for cut in [*cuts, len(body)]:
            if body[at : at + cut]:
                await peer.part(body[at : at + cut])
            at += cut
        await peer.raw(b"0\r\n\r\n")

    async def work() -> None:
        async with unruly(script) as server:
            assert "".join(await collected(server, f":chunk-size {size}")) == text

    asyncio.run(work())


async def test_events_go_on_after_the_last_one_that_came() -> None:
    async def script(peer: Peer) -> None:
        since = int(peer.headers.get("last-event-id", "0"))
        await peer.events("".join(f'id: {n}\ndata: {{"n": {n}}}\n\n' for n in range(since + 1, since + 3)))

    async with unruly(script) as server:
        text = f"(call :stream.to-collection (stream.map {node(server, ':mode :sse')} :n)"
        async with session() as one:
            found = await one.run_async(f"{text} {{:limit 5 :retry {{:base-ms 1 :cap-ms 1 :stable-ms 0}}}})")
        assert list(found) == [1, 2, 3, 4, 5]
        assert [peer.headers.get("last-event-id") for peer in server.peers] == [None, "2", "4"]


async def test_an_endless_page_of_events_is_collected_with_a_limit_only() -> None:
    async with unruly(page(b"")) as server:
        error = await refused(server, ":mode :sse")
        assert (error.code, server.peers) == ("RTFS-S027", [])


async def test_callbacks_get_each_chunk_and_then_the_end_once() -> None:
    told: list[Any] = []
    async with unruly(page(b"a\nb\n")) as server, session() as one:
        one.define("tell", told.append)
        slots = ":mode :lines :on-data (fn [x] (tell x)) :on-end (fn [] (tell :end)) :on-error (fn [e] (tell e))"
        await one.run_async(f"(call :stream.wait {node(server, slots)})")
    assert told == ["a", "b", K("end")]


# ---- a link that breaks


@pytest.mark.parametrize("mode", [":text", ":bytes", ":lines", ":json-lines", ":csv"])
@pytest.mark.parametrize("percent", [0, 40, 99])
async def test_a_page_whose_link_drops_is_read_whole_and_once(mode: str, percent: int) -> None:
    body = b"n\n" + b"".join(b'"%d \xc3\xa9\xc3\xa9"\n' % n for n in range(8_000))
    async with unruly(page(body)) as server:
        whole = await collected(server, f":mode {mode} :chunk-size 5000")
    async with unruly(page(body, drop_at=len(body) * percent // 100)) as server:
        assert await collected(server, f":mode {mode} :chunk-size 5000") == whole
        assert len(server.peers) == 2
        if percent:
            assert server.peers[1].headers["if-range"] == TAG
            assert 0 < int(server.peers[1].headers["range"][6:-1]) <= len(body) * percent // 100
    if mode == ":text":
        assert "".join(whole).encode() == body


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"etag": 'W/"v1"'}, "without ranges and a strong entity tag the rest cannot be asked for"),
        ({"accept_ranges": "none"}, "without ranges and a strong entity tag the rest cannot be asked for"),
    ],
)
async def test_a_page_that_cannot_go_on_is_an_error_and_not_read_twice(said: dict[str, str], why: str) -> None:
    async with unruly(page(b"0123456789" * 5, drop_at=30, **said)) as server:
        error = await refused(server, ":mode :bytes :chunk-size 10")
        assert error.code == "RTFS-S024"
        assert error.message.endswith(f"it cannot go on at byte 30: {why}")
        assert len(server.peers) == 1


async def test_a_page_that_has_changed_meanwhile_is_an_error() -> None:
    tags = count(1)

    async def script(peer: Peer) -> None:
        await peer.head(200, etag=f'"v{next(tags)}"', accept_ranges="bytes", content_length=50, connection="close")
        await peer.raw(b"0123456789" * 3)

    async with unruly(script) as server:
        error = await refused(server, ":mode :bytes :chunk-size 10")
        assert error.message.endswith("it cannot go on at byte 30: it has changed since it was read")


def test_a_silent_server_is_left_after_the_timeout_and_asked_for_the_rest() -> None:
    clock = VirtualClock()
    body = b"0123456789" * 5

    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.head(200, etag=TAG, accept_ranges="bytes", content_length=len(body))
            await peer.raw(body[:20])
            await peer.gone()
        else:
            await page(body)(peer)

    async def work() -> list[Any]:
        async with unruly(script) as server:
            task = asyncio.ensure_future(collected(server, ":mode :bytes :chunk-size 10 :timeout 500", clock=clock))
            while not task.done() and clock.monotonic() < 60:
                await clock.advance(0.05)
            return await task

    assert b"".join(map(bytes, asyncio.run(work()))) == body
    assert clock.monotonic() >= 0.5


# ---- statuses


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (410, 1), (418, 1), (503, 3), (429, 3), (403, 2)])
async def test_a_status_is_an_error_with_it_in_data_and_those_that_may_change_are_asked_again(
    status: int, attempts: int
) -> None:
    async with unruly(lambda peer: peer.answer(status)) as server:
        error = await refused(server)
        assert (error.code, error.message) == (
            "RTFS-S023", f"Transport failed after {attempts} attempts: HTTP status {status}"
        )  # fmt: skip
        assert error.data[K("status")] == status
        assert len(server.peers) == attempts


async def test_a_server_that_is_back_is_read_as_if_nothing_had_been() -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(503 if peer.number < 3 else 200, b"there")

    async with unruly(script) as server:
        assert await collected(server) == ["there"]


# ---- what is asked for


async def test_the_query_and_the_headers_are_those_of_the_call() -> None:
    async with unruly(page(b"")) as server:
        await collected(server, ':params {:q "a b&c" :n 1 :k [:x 2] :none nil} :headers {"x-token" "s"}')
        peer = server.peers[0]
        assert peer.path == "/feed?q=a+b%26c&n=1&k=x&k=2"
        assert peer.headers["x-token"] == "s"
        await collected(server, ':auth {:bearer "t"}')
        assert server.peers[1].headers["authorization"] == "Bearer t"


async def test_credentials_do_not_follow_to_another_origin_and_a_grant_reaches_its_host_only() -> None:
    async with unruly(page(b"there")) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        async with unruly(lambda peer: peer.answer(302, location=elsewhere)) as server:
            assert await collected(server, ':auth {:bearer "t"} :headers {"x-token" "s"}') == ["there"]
            assert not {"authorization", "x-token"} & other.peers[0].headers.keys()
            grants = [("net", server.authority)]
            context = rtfs.RuntimeContext.controlled(["stream.**"], grants=grants)
            error = await refused(server, "", context=context)
            assert (error.code, error.message) == (
                "RTFS-S053", f"Effect :network to {elsewhere} denied for stream.http.get"
            )  # fmt: skip
            assert len(other.peers) == 1


async def test_a60_a_program_without_the_network_reaches_no_server() -> None:
    async with unruly(page(b"")) as server:
        for context in (
            rtfs.RuntimeContext.full().replace(denied_effects=(":network",)),
            rtfs.RuntimeContext.controlled(["stream.**"], grants=[("net", "example.org")]),
            rtfs.RuntimeContext.controlled(["stream.**"], grants=[("net", f"POST {server.authority}")]),
        ):
            assert (await refused(server, "", context=context)).code == "RTFS-S053"
        assert server.peers == []


async def test_the_picture_of_a_graph_shows_no_secret() -> None:
    async with unruly(page(b"")) as server, session() as one:
        options = ':headers {"x" "hidden"} :auth {:bearer "hidden"}'
        url = server.url.replace("http://", "http://user:hidden@")
        text = f'(call :stream.graph (call :stream.http.get "{url}?key=hidden" {{{options}}}) {{:format :json}})'
        assert "hidden" not in await one.run_async(text)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('"ftp://host/"', "S003 Parameter 'url': expected an absolute http or https URL, got \"ftp://host/\""),
        (
            '"http://h/" {:mode :xml}',
            "S003 Parameter 'mode': expected one of :text :bytes :lines :json-lines :csv :sse",
        ),
        ('"http://h/" {:timeout 0}', "S003 Parameter 'timeout': expected integer >= 1, got 0"),
        ('"http://h/" {:encoding :klingon}', "S003 Parameter 'encoding': expected the name of a text encoding"),
        (
            '"http://h/" {:encoding "utf-16" :mode :lines}',
            "S003 Parameter 'encoding': expected an encoding whose lines",
        ),
        ('"http://h/" {:headers {"a b" "c"}}', "S029 Invalid auth header: the header has no valid name"),
        ('"http://h/" {:tiemout 5}', "S006 Unknown option ':tiemout' for stream.http.get; did you mean ':timeout'?"),
        ("", "S002 Missing required field 'url' of stream.http.get"),
    ],
)
async def test_bad_input_is_refused_before_anybody_is_asked(call: str, message: str) -> None:
    async with session() as one:
        with pytest.raises(rtfs.RtfsError) as caught:
            await one.run_async(f"(call :stream.to-collection (call :stream.http.get {call}))")
    assert f"{caught.value.code[5:]} {caught.value.message}".startswith(message)


async def test_bytes_that_are_no_text_are_told_with_their_place() -> None:
    async with unruly(page(b"ab\xff")) as server:
        assert (await refused(server)).message == "Malformed frame: no utf-8 at byte 2"
    async with unruly(page(b"ab", content_type="text/plain; charset=klingon")) as server:
        error = await refused(server)
        assert error.message == "Malformed frame: an answer in the charset klingon, which nobody knows"


# ---- a process that ends


async def test_a_page_without_ranges_does_not_begin_again_in_another_process(tmp_path: Any) -> None:
    body = b"".join(b"%d\n" % n for n in range(20))

    async def script(peer: Peer) -> None:
        await peer.head(200, connection="close")
        await peer.raw(body)
        await peer.gone()

    async with unruly(script) as server:
        create = f'(def h (call :stream.create {node(server, ":mode :lines")} {{:stream-id "g" :outputs :durable}}))'
        async with session(state_dir=str(tmp_path)) as one:
            found = await one.run_async(f"(do {create} (call :stream.next h {{:max 20 :timeout-ms 10000}}))")
            assert len(found) > 0
        async with session(state_dir=str(tmp_path)) as one:
            await one.run_async(create)
            await one.run_async("(call :stream.next h {:after 19})")
            error = await one.run_async("(:error (call :stream.wait h))")
        assert error[K("message")].endswith("without ranges and a strong entity tag the rest cannot be asked for")
        assert len(server.peers) == 1


async def test_rows_that_waited_unprocessed_have_their_names_after_a_restart(tmp_path: Any) -> None:
    async with unruly(page(b"a,b\n1,2\n3,4\n")) as server:
        create = f'(def h (call :stream.create {node(server, ":mode :csv")} {{:stream-id "g" :outputs :durable}}))'
        async with session(state_dir=str(tmp_path)) as one:
            await one.run_async(f"{create} (call :stream.pause h) (call :stream.next h {{:timeout-ms 1}})")
            stream = one.host.streams.find("g")
            while stream.owner.queue.depth < 2:
                await asyncio.sleep(0.001)
        async with session(state_dir=str(tmp_path)) as one:
            await one.run_async(f"{create} (call :stream.resume h)")
            assert (
                rtfs.show(await one.run_async("(call :stream.next h {:max 2})")) == '[{:a "1" :b "2"} {:a "3" :b "4"}]'
            )


@pytest.mark.parametrize("tag", [TAG, ""])
async def test_a_run_goes_on_behind_what_it_has_stored(tag: str, tmp_path: Any) -> None:
    body = b"".join(b"%d\n" % n for n in range(20))
    async with unruly(page(body, etag=tag)) as server:
        found: list[Any] = []
        for take in (3, 6, 30):
            async with session(state_dir=str(tmp_path)) as one:
                graph = node(server, ":mode :lines")
                await one.run_async(f'(def h (call :stream.create {graph} {{:stream-id "g" :outputs :durable}}))')
                more = await one.run_async(f"(call :stream.next h {{:max {take} :after {len(found) - 1}}})")
                found += more
        assert found == [str(n) for n in range(20)]


async def test_a_copy_of_a_page_that_is_killed_again_and_again_has_every_line_once(
    tmp_path: Any, environment: dict[str, str]
) -> None:
    lines = [f"{n} é" for n in range(3000)]
    async with unruly(page("".join(f"{line}\n" for line in lines).encode())) as server:
        program = tmp_path / "copy.rtfs"
        program.write_text(f"""
          (def lines (stream.tap {node(server, ":mode :lines")} println))
          (call :stream.file.write "{tmp_path}/out"
                {{:data-source lines :mode :append :format :lines :stream-id "copy"}})""")
        command = [
            sys.executable,
            "-m",
            "rtfs",
            "run",
            "--allow-all",
            "--quiet",
            "--state",
            str(tmp_path / "s"),
            program,
        ]
        for seen in (5, 900, 400):
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
            assert process.stdout is not None
            for _ in range(seen):
                if not await process.stdout.readline():  # it was quicker than we
                    break
            process.kill()
            await process.communicate()
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
        await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
    assert (tmp_path / "out").read_text().splitlines() == lines
    assert any("range" in peer.headers for peer in server.peers)
