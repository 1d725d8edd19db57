"""Recording what arrives, and replaying it (streaming.md §3.9)."""

from __future__ import annotations

import asyncio
import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rtfs.host.clock import Clock
from rtfs.host.stream import record
from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.record import Recorder, Redaction
from rtfs.host.stream.recording import Recording
from rtfs.lang.codec import encode
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K
from tests.host.stream.conftest import WEATHER
from tests.host.stream.unruly import Peer, unruly

SERVER = Path(__file__).parent / "programs" / "server.py"
sys.path.insert(0, str(SERVER.parent))

from server import build  # noqa: E402

STABLE = ("seq", "source", "time", "offset", "attempt", "event", "content-type", "duration", "ext")


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any, metadata: Map) -> Map:
    """Everything that a chunk is, as state and output."""
    known = Map.of((K(name), metadata.get(K(name))) for name in STABLE)
    return m(state=vector([*state, vector([chunk, known])]), output=vector([chunk, known]))


def chunks_only(state: Any, chunk: Any) -> Map:
    return m(state=vector([*state, chunk]), output=chunk)


KEEP = {"processor": keep, "state": (), "output_capacity": 10_000}


async def replayed(ground: Any, path: Path, processor: Any = keep, **options: Any) -> Any:
    given = {**KEEP, "processor": processor, **options}
    stream = await ground.registry(clock=Clock()).start(f"replay:{path}", **given)
    await asyncio.wait_for(stream.result(), 60)
    return stream


def outputs(stream: Any) -> str:
    return encode(vector([(output.output_seq, output.value) for output in stream.owner.outputs.since(0, 10_000)]))


async def feed(peer: Peer) -> None:
    """A hundred events over two connections, some of which are bad."""
    if peer.number == 1:
        await peer.events("retry: 0\n\n")
    else:
        await peer.events(": again\n\n")
    first = int(peer.headers.get("last-event-id", 0)) + 1
    last = 50 if peer.number == 1 else 100
    for n in range(first, last + 1):
        await peer.raw(f'id: {n}\nevent: reading\ndata: {{"n": {n}}}\n\n'.encode())
    if peer.number == 1:
        await peer.raw(b"data: \xff\n\ndata: " + b"x" * 2_000 + b"\n\ndata: text\n\n")
    else:
        await peer.gone()


async def sockets(peer: Peer) -> None:
    """A hundred messages over two connections, with a gap."""
    await peer.upgrade()
    await peer.hear()
    for n in range(1, 51) if peer.number == 1 else range(60, 110):
        await peer.say({"n": n})
    if peer.number == 2:
        await peer.say(b'"bytes"')
        await peer.hear()


async def lines(peer: Peer) -> None:
    body = b"".join(b'{"n": %d}\n' % n for n in range(100)) + b"\xff\nlast"
    first = int(peer.headers.get("range", "bytes=0-")[6:-1])
    place = {"content_range": f"bytes {first}-{len(body) - 1}/{len(body)}"} if first else {}
    head = {"etag": '"1"', "accept_ranges": "bytes", "content_length": len(body) - first, **place}
    await peer.head(206 if first else 200, connection="close", **head)
    await peer.raw(body[first:] if first else body[:500])


FEEDS: dict[str, tuple[Any, int, dict[str, Any]]] = {
    "sse": (feed, 101, {"max_message_bytes": 1_000, "on_error": K("skip")}),
    "ws": (sockets, 101, {"seq_path": vector([K("n")]), "subscribe": vector(["go"])}),
    "http-lines": (lines, 101, {}),
}


async def recorded(ground: Any, name: str, path: Path) -> Any:
    """A stream of an adapter, recorded until it has all its chunks."""
    script, count, options = FEEDS[name]
    async with unruly(script) as server:
        url = server.socket_url if name == "ws" else server.url
        given = {**KEEP, **options, "retry": m(base_ms=1), "record": str(path), "adapter": K(name)}
        stream = await ground.registry(clock=Clock()).start(url, **given)
        await ground.until(stream, lambda: len(stream.state) == count)
        await stream.cancel()
        await stream.owner.source.closed()
        return stream


@pytest.mark.parametrize("name", FEEDS)
async def test_a33_a_recording_replayed_twice_gives_equal_chunks_seqs_and_outputs(
    ground: Any, tmp_path: Path, name: str
) -> None:
    live = await recorded(ground, name, tmp_path / "tape")
    assert stat.S_IMODE((tmp_path / "tape").stat().st_mode) == 0o600
    options = {key: value for key, value in FEEDS[name][2].items() if key == "on_error"}
    first = await replayed(ground, tmp_path / "tape", **options)
    second = await replayed(ground, tmp_path / "tape", **options)
    assert outputs(first) == outputs(second)
    assert (first.status, first.handle()[K("adapter")]) == (K("completed"), K("replay"))
    assert [(chunk, seen[K("seq")], seen[K("offset")]) for chunk, seen in first.state] == [
        (chunk, seen[K("seq")], seen[K("offset")]) for chunk, seen in live.state
    ]
    for again, was in zip(first.state, live.state, strict=True):
        for key in ("source", "attempt", "event", "content-type"):
            assert again[1][K(key)] == was[1][K(key)]
        assert again[1][K("duration")] - was[1][K("duration")] in range(-1_000, 1_000)
    assert first.inspect()[K("stats")][K("skipped")] == live.inspect()[K("stats")][K("skipped")]


@pytest.mark.parametrize("name", FEEDS)
async def test_a_replay_goes_on_at_any_line(ground: Any, tmp_path: Path, name: str) -> None:
    await recorded(ground, name, tmp_path / "tape")
    options = {"processor": chunks_only, "on_error": K("skip")}
    whole = await replayed(ground, tmp_path / "tape", **options)
    for most in (1, 50, 100):
        first = await replayed(ground, tmp_path / "tape", max_chunks=most, **options)
        registry = ground.registry(clock=Clock())
        second = await registry.start(f"replay:{tmp_path / 'tape'}", **{**KEEP, **options})
        second.owner.intake.position = first.owner.position
        assert [*first.state, *await asyncio.wait_for(second.result(), 60)] == list(whole.state)


@pytest.mark.parametrize("place", ["memory", "stdio"])
async def test_a33_an_mcp_server_is_replayed_as_it_spoke(ground: Any, tmp_path: Path, place: str) -> None:
    registry = ground.registry(clock=Clock())
    registry.servers["awkward"] = build()
    endpoint = "memory:awkward" if place == "memory" else f"stdio:{sys.executable} {SERVER} {tmp_path}"
    options = {"tool": "again", "args": Map.of([("count", 100)]), "record": str(tmp_path / "tape")}
    live = await registry.start(endpoint, **{**KEEP, "processor": chunks_only, **options})
    await asyncio.wait_for(live.result(), 60)
    await live.owner.source.closed()
    first = await replayed(ground, tmp_path / "tape", chunks_only)
    second = await replayed(ground, tmp_path / "tape", chunks_only)
    assert outputs(first) == outputs(second) == outputs(live)
    assert first.handle()[K("adapter")] is K("progress")
    kinds = {(frame.direction, frame.kind) for frame in Recording(str(tmp_path / "tape")).frames()}
    assert {("in", "json"), ("out", "json"), ("-", "open"), ("-", "close")} <= kinds


async def test_pages_of_a_server_over_http_are_replayed_in_their_order(ground: Any, tmp_path: Path) -> None:
    registry = ground.registry(clock=Clock())
    sys.path.insert(0, str(WEATHER.parent))
    from weather import build as weather  # type: ignore[import-not-found]

    registry.servers["weather"] = weather()
    paging = {"cursor_arg": "cursor", "cursor_path": vector(["next"]), "items_path": vector(["items"])}
    options = {"tool": "page", "interval_ms": 0, **paging, "record": str(tmp_path / "tape")}
    live = await registry.start("memory:weather", max_chunks=100, **{**KEEP, "processor": chunks_only, **options})
    await asyncio.wait_for(live.result(), 60)
    await live.owner.source.closed()
    again = await replayed(ground, tmp_path / "tape", chunks_only, max_chunks=100)
    assert outputs(again) == outputs(live)
    whole = await replayed(ground, tmp_path / "tape", chunks_only)
    assert list(whole.state)[:100] == list(live.state)
    assert whole.status is K("completed")


async def test_real_time_is_as_long_as_it_was(ground: Any, tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    recorder = Recorder(str(tape), ground.clock)
    recorder.connect({}, {"adapter": "http-lines", "endpoint": "x", "started": 0, "options": "{}"})
    for n in range(3):
        recorder.frame("in", "line", {"text": str(n), "end": 2 * n, "etag": None})
        await ground.clock.advance(10)
    recorder.close()
    stream = await ground.registry().start(f"replay:{tape}", processor=chunks_only, state=(), speed=2)
    for count in (1, 2, 3):
        await ground.until(stream, lambda count=count: len(stream.state) == count)
        await ground.clock.advance(4.8)
        assert len(stream.state) == count
        await ground.clock.advance(0.2)


async def test_credentials_and_configured_headers_stay_out_of_the_recording(ground: Any, tmp_path: Path) -> None:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        await peer.say({"echo": dict(peer.headers), "note": 'token s3cret-token and k3y-value, "k3y-value"'})
        await peer.say("Bearer s3cret-token")
        await peer.hear()

    async with unruly(script) as server:
        given = {**KEEP, "record": str(tmp_path / "tape"), "auth": m(bearer="s3cret-token")}
        url = server.socket_url.replace("//", "//ada:passw0rd@")
        headers = Map.of([("X-Station-Key", "k3y-value")])
        stream = await ground.registry(clock=Clock()).start(url, headers=headers, **given)
        await ground.until(stream, lambda: len(stream.state) == 2)
        await stream.send_on(m(secret="s3cret-token"))
        await stream.cancel()
        await stream.owner.source.closed()
    text = (tmp_path / "tape").read_text()
    assert not [secret for secret in ("s3cret-token", "k3y-value", "passw0rd") if secret in text]
    frames = [frame.data["text"] for frame in Recording(str(tmp_path / "tape")).frames() if frame.kind == "ws"]
    echoed = json.loads(frames[0])
    assert (echoed["echo"]["x-station-key"], echoed["echo"]["host"]) == ("***", server.authority)
    assert frames[1:] == ["Bearer ***" if "Bearer ***" in frames else "***", '{"secret": "***"}']


def test_a_full_recording_is_put_aside_and_read_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "ROTATE_BYTES", 2_000)
    recorder = Recorder(str(tmp_path / "tape"), Clock())
    recorder.connect({}, {"adapter": "ws", "endpoint": "x", "started": 0, "options": "{}"})
    for n in range(100):
        recorder.frame("in", "ws", {"text": str(n)})
    recorder.close()
    files = sorted(tmp_path.iterdir(), key=lambda file: file.name)
    assert len(files) > 2
    assert all(file.stat().st_size <= 2_000 for file in files)
    found = [int(frame.data["text"]) for frame in Recording(str(tmp_path / "tape")).frames() if frame.kind == "ws"]
    assert found == list(range(100))


def test_a_recorder_that_was_killed_leaves_whole_lines_to_the_next(tmp_path: Path) -> None:
    about = {"adapter": "ws", "endpoint": "x", "started": 0, "options": "{}"}
    for _ in range(2):
        recorder = Recorder(str(tmp_path / "tape"), Clock())
        recorder.connect({}, about)
        recorder.close()
        with (tmp_path / "tape").open("ab") as file:
            file.write(b'{"at": 1, "direction": "i')
    assert [frame.kind for frame in Recording(str(tmp_path / "tape")).frames()] == ["open", "open"]


BAD = [
    ("", "line 1: no recording begins here"),
    ("garbage\n", "line 1: the line is no frame"),
    ("[]\n", "line 1: the line is no frame"),
    ('{"at": 1, "direction": "in", "connection": 1, "kind": "ws", "data": {}}\n', "line 1: no recording begins here"),
    (
        '{"at": 1, "direction": "-", "connection": 1, "kind": "open", "data": {"adapter": "ws", "options": "("}}\n',
        "line 1: its options cannot be read",
    ),
]


@pytest.mark.parametrize(("text", "why"), BAD)
async def test_what_is_no_recording_is_refused(registry: Any, tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "tape").write_text(text)
    with pytest.raises(StreamError) as caught:
        await registry.start(f"replay:{tmp_path / 'tape'}")
    assert (caught.value.code, why in caught.value.message) == ("RTFS-S024", True)


async def test_a_recording_that_cannot_be_written_or_read_is_said_at_the_start(registry: Any, tmp_path: Path) -> None:
    with pytest.raises(StreamError, match="Parameter 'record': expected file that can be written"):
        await registry.start("ws://127.0.0.1:1/", record=str(tmp_path / "no" / "tape"))
    registry.topics["t"] = Topic([1])
    with pytest.raises(StreamError, match="a source of this process has no transport to record"):
        await registry.start("memory:t", record=str(tmp_path / "tape"))
    with pytest.raises(StreamError, match="No such file"):
        await registry.start(f"replay:{tmp_path / 'none'}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
)


@given(JSON, st.text("abcXYZ019_-.~+/", min_size=6), st.integers(0, 3))
@example(9_000_000_000, "000000", 0)
def test_no_secret_survives_wherever_it_stands(data: Any, secret: str, depth: int) -> None:
    hidden: Any = {"x": [f"a {secret} b", {secret: 1}, json.dumps({"authorization": "other-secret"}), data]}
    for _ in range(depth):
        hidden = {"again": json.dumps(hidden), "Authorization": "other-secret"}
    redaction = Redaction({"X-Key": f"Bearer {secret}"})
    text = json.dumps(redaction.clean(hidden))
    assert secret not in text.replace("***", "") or secret in "again Authorization x null true false"
