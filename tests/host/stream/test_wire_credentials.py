"""A26 for servers that speak no MCP, and for MCP over web sockets: what goes over the wire (streaming.md §3.4)."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.clock import Clock
from rtfs.host.stream.configuration import Configuration
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K
from tests.host.stream import mcp_socket
from tests.host.stream.programs.server import build
from tests.host.stream.unruly import Peer, unruly

SECRETS = {name: f"s3cret-{name}" for name in ("auth", "headers", "line", "token")}


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    return m(state=vector([*state, chunk]))


async def greet(peer: Peer) -> None:
    """One chunk in whatever form is asked for."""
    if "upgrade" in peer.headers:
        await peer.upgrade()
        await peer.say("hello")
        await peer.hear()
    elif peer.headers["accept"] == "text/event-stream":
        await peer.events("data: hello\n\n")
        await peer.gone()
    else:
        await peer.head(200)
        await peer.raw(b"hello\n")
        await peer.gone()


# which sources of credentials are set, and what the server gets
CASES = [
    (("auth",), {"authorization": "Bearer s3cret-auth"}),
    (("headers",), {"x-key": "s3cret-headers"}),
    (("line",), {"x-line": "s3cret-line"}),
    (("token",), {"authorization": "Bearer s3cret-token"}),
    (("line", "token"), {"x-line": "s3cret-line"}),
    (("auth", "token"), {"authorization": "Bearer s3cret-auth"}),
    (("auth", "headers"), {"authorization": "Bearer s3cret-auth", "x-key": "s3cret-headers"}),
    (("headers", "line"), {"x-key": "s3cret-headers", "x-line": "s3cret-line"}),
    ((), {}),
]


@pytest.mark.parametrize("adapter", ["sse", "http-lines", "ws"])
@pytest.mark.parametrize(("sources", "expected"), CASES, ids=lambda value: "+".join(value) or "none")
async def test_a26_the_order_of_precedence_is_that_of_the_table_and_secrets_stay_secret(
    ground: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, adapter: str, sources: Any, expected: dict[str, str]
) -> None:
    caplog.set_level(logging.DEBUG, logger="rtfs")
    caplog.set_level(logging.INFO, logger="httpx2")
    async with unruly(greet) as server:
        registry = ground.registry(tmp_path / "state", clock=Clock())
        url = server.socket_url if adapter == "ws" else server.url
        environment = {"CCOS_MCP_STREAM_ENDPOINT": url, "CCOS_MCP_STREAM_BEARER_TOKEN": "  "}
        environment["XDG_CONFIG_HOME"] = str(tmp_path)
        if "line" in sources:
            environment["CCOS_MCP_STREAM_AUTH_HEADER"] = f"X-Line: {SECRETS['line']}"
        if "token" in sources:
            environment["CCOS_MCP_STREAM_BEARER_TOKEN"] = SECRETS["token"]
        registry.directory.configuration = Configuration(None, environment)
        options: dict[str, Any] = {"record": str(tmp_path / "tape")}
        if "auth" in sources:
            options["auth"] = m(bearer=SECRETS["auth"])
        if "headers" in sources:
            options["headers"] = Map.of([("X-Key", SECRETS["headers"])])
        stream = await registry.start(url, processor=keep, state=(), adapter=K(adapter), **options)
        await ground.until(stream, lambda: stream.state == ("hello",))
        await stream.checkpoint()
        shown = f"{stream.inspect()} {stream.handle()} {registry.listed()} {registry.inspect_all()}"
        await stream.cancel()
        await stream.owner.source.closed()
        got = server.peers[0].headers
    names = ("authorization", "x-key", "x-line")
    assert {name: got[name] for name in names if name in got} == expected
    stored = b"".join(file.read_bytes() for file in (tmp_path / "state").rglob("*") if file.is_file())
    told = " ".join(event.as_json() for event in ground.events) + caplog.text + (tmp_path / "tape").read_text()
    for secret in SECRETS.values():
        assert secret not in shown + told
        assert secret.encode() not in stored


async def test_a_configured_server_over_a_web_socket_gets_its_headers_and_serves_its_tools(
    ground: Any, tmp_path: Path
) -> None:
    awkward = build()

    async def script(peer: Peer) -> None:
        await mcp_socket.serve(peer, awkward)

    async with unruly(script) as server:
        entry = {"url": server.socket_url, "type": "ws", "headers": {"X-Key": "${KEY}"}}
        (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"live": entry}}))
        registry = ground.registry(clock=Clock())
        registry.directory.configuration = Configuration(str(tmp_path / "mcp.json"), {"KEY": "k3y"})
        given = {"processor": keep, "state": (), "args": Map.of([("count", 500)])}
        stream = await registry.start("live/once", **given)
        state = await asyncio.wait_for(stream.result(), 60)
        assert list(state) == [*(m(n=n) for n in range(1, 501)), m(result="500")]
        assert (server.peers[0].headers["x-key"], server.peers[0].headers["sec-websocket-protocol"]) == ("k3y", "mcp")
        assert stream.handle()[K("adapter")] is K("progress")
        raw = await registry.start(server.socket_url, protocol=K("mcp"), tool="plain", processor=keep, state=())
        assert len(await asyncio.wait_for(raw.result(), 60)) == 5


async def test_mcp_over_a_web_socket_that_is_refused_breaks_or_floods_ends_as_any_other(ground: Any) -> None:
    async def script(peer: Peer) -> None:
        if peer.path == "/feed":
            await peer.answer(404)
            return
        await peer.upgrade()
        await peer.hear()
        if peer.path == "/big":
            await peer.raw(b"\x81\x7f" + (2**30).to_bytes(8, "big"))
            while True:
                await peer.raw(b"x" * 65_536)

    async with unruly(script) as server:
        registry = ground.registry(clock=Clock())
        given = {"protocol": K("mcp"), "tool": "t", "processor": keep, "state": (), "retry": m(base_ms=1)}
        ends = []
        for path in ("feed", "gone", "big"):
            stream = await registry.start(f"ws://{server.authority}/{path}", **given)
            await asyncio.wait_for(stream.until(lambda stream=stream: stream.owner.terminal), 60)
            ends.append(stream.owner.failure.code)
        assert ends == ["RTFS-S024", "RTFS-S023", "RTFS-S025"]
