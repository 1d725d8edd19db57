"""Configured servers over every transport, and servers that other people made (streaming.md §11 A26 to A28)."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.clock import Clock
from rtfs.host.stream.configuration import DEFAULT_URL, Configuration
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K

WEATHER = Path(__file__).parents[3] / "examples" / "servers" / "weather.py"
STRANGER = Path(__file__).parent / "programs" / "stranger.py"


def keep(state: Any, chunk: Any) -> Map:
    return Map.of([(K("state"), vector([*state, chunk]))])


@pytest.fixture(scope="module")
def urls() -> Iterator[dict[str, str]]:
    """The weather server over both HTTP transports."""
    children = {
        kind: subprocess.Popen(
            [sys.executable, str(WEATHER), f"--{kind}", "0", "--every-ms", "0"], stderr=subprocess.PIPE, text=True
        )
        for kind in ("http", "sse")
    }
    found = {}
    for kind, child in children.items():
        assert child.stderr is not None
        found[kind] = child.stderr.readline().strip()
    yield found
    for child in children.values():
        child.kill()
        child.communicate()


def configured(registry: Any, folder: Path, **servers: Any) -> Any:
    file = folder / "mcp.json"
    file.write_text(json.dumps({"mcpServers": servers}))
    registry.directory.configuration = Configuration(str(file), {"PROGRAM": str(WEATHER), "URL": ""})
    return registry


async def result(stream: Any) -> list[Any]:
    return list(await asyncio.wait_for(stream.result(), 60))


async def test_a27_a_file_names_servers_over_each_transport_and_each_is_reached(
    ground: Any, tmp_path: Path, urls: dict[str, str]
) -> None:
    registry = configured(
        ground.registry(clock=Clock()),
        tmp_path,
        child={"command": sys.executable, "args": ["${PROGRAM}", "--every-ms", "${EVERY:-0}"]},
        web={"url": urls["http"], "type": "http"},
        old={"url": urls["sse"], "type": "sse"},
        broken={"command": "${NOT_SET}"},
    )
    for server in ("child", "web", "old"):
        stream = await registry.start(f"{server}/watch", processor=keep, state=(), args=Map.of([("limit", 3)]))
        assert [chunk.get(K("n")) for chunk in await result(stream)] == [1, 2, 3, None]
        stream = await registry.start(f"{server}:weather://latest", processor=keep, state=(), max_chunks=1)
        (chunk,) = await result(stream)
        assert chunk[K("contents")][K("n")] == 1
    with pytest.raises(StreamError, match=r"server 'broken''.*the variable NOT_SET, got unset"):
        await registry.start("broken/watch")


async def test_a_name_is_the_tool_or_the_resource_of_that_name_on_the_server(
    ground: Any, tmp_path: Path, urls: dict[str, str]
) -> None:
    registry = configured(ground.registry(clock=Clock()), tmp_path, web={"url": urls["http"]})
    stream = await registry.start("watch", server="web", processor=keep, state=(), config=Map.of([("limit", 2)]))
    assert [chunk.get(K("n")) for chunk in await result(stream)] == [1, 2, None]
    assert stream.inspect()[K("adapter")] is K("progress")
    stream = await registry.start("latest", server="web", processor=keep, state=(), max_chunks=1)
    assert (await result(stream))[0][K("contents")][K("n")] == 1
    assert stream.inspect()[K("adapter")] is K("listen")


async def test_a26_a_secret_is_in_no_picture_of_a_stream(
    ground: Any, tmp_path: Path, urls: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = "s3cret-t0ken"
    registry = ground.registry(tmp_path, clock=Clock())
    stream = await registry.start(
        f"{urls['http']}?key={secret}", processor=keep, state=(), tool="watch", args=Map.of([("limit", 2)]),
        auth=Map.of([(K("bearer"), secret)]), headers=Map.of([("X-Key", secret)]),
    )  # fmt: skip
    assert len(await result(stream)) == 3
    pictures = [str(stream.handle()), str(stream.inspect()), str(stream.brief()), str(registry.inspect_all())]
    pictures += [event.as_json() for event in ground.events]
    pictures += [record.getMessage() for record in caplog.records if record.name.startswith("rtfs")]
    assert [picture for picture in pictures if secret in picture] == []


def reachable() -> bool:
    try:
        socket.create_connection(("docs.mcp.cloudflare.com", 443), timeout=3).close()
    except OSError:
        return False
    return True


async def test_a28_the_documentation_server_of_cloudflare_answers_without_a_token(ground: Any) -> None:
    if not await asyncio.to_thread(reachable):
        pytest.skip("live: docs.mcp.cloudflare.com cannot be reached from here")
    stream = await ground.registry(clock=Clock()).start(
        DEFAULT_URL, processor=keep, state=(), tool="search_cloudflare_documentation",
        args=Map.of([("query", "durable objects")]),
    )  # fmt: skip
    await result(stream)
    assert stream.status is K("completed")


# ---- a server of somebody else


@pytest.fixture(params=["stdio", "http", "sse"])
def stranger(request: pytest.FixtureRequest) -> Iterator[str]:
    """The endpoint of a server made with the package fastmcp."""
    pytest.importorskip("fastmcp", reason="the package fastmcp is not installed")
    if request.param == "stdio":
        yield f"stdio:{sys.executable} {STRANGER} stdio"
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(STRANGER), request.param, str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        for line in server.stderr:
            if "running" in line:
                break
        yield f"http://127.0.0.1:{port}/{'mcp' if request.param == 'http' else 'sse'}"
        server.kill()
        server.communicate()


async def test_a_server_made_with_another_library_is_served_by_every_adapter(ground: Any, stranger: str) -> None:
    registry = ground.registry(clock=Clock())
    stream = await registry.start(stranger, processor=keep, state=(), tool="count", args=Map.of([("to", 5)]))
    assert [chunk.get(K("n"), chunk.get(K("counted"))) for chunk in await result(stream)] == [1, 2, 3, 4, 5, 5]
    pages = {"cursor_arg": "cursor", "cursor_path": ("next",), "items_path": ("items",), "interval_ms": 10}
    stream = await registry.start(stranger, processor=keep, state=(), tool="page", max_chunks=5, **pages)
    assert await result(stream) == [1, 2, 3, 4, 5]
    for adapter in ("auto", "resource"):
        options = {"resource": "test://motto", "adapter": K(adapter), "max_chunks": 1}
        (chunk,) = await result(await registry.start(stranger, processor=keep, state=(), **options))
        assert chunk[K("contents")] == "festina lente"
