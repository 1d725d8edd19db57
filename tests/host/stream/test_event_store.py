"""A server that keeps what it says unasked, and whose connections end after every three events (streaming.md §3.5)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from rtfs.host.clock import Clock
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K

RESULTS = {
    "initialize": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"logging": {}},
        "serverInfo": {"name": "keeper", "version": "1"},
    },
    "logging/setLevel": {},
}
QUICK = Map.of([(K("base-ms"), 1), (K("max-attempts"), 20)])


class Keeper:
    """Streamable HTTP by hand. asked: the `Last-Event-ID` of every event stream."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            if head.startswith("get"):
                await self.say(headers.get("last-event-id"), writer)
            else:
                self.reply(json.loads(body or b"{}"), writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def say(self, after: str | None, writer: asyncio.StreamWriter) -> None:
        """The three events after the one that the client saw last."""
        self.asked.append(after)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        first = int(after or 0) + 1
        for n in range(first, first + 3):
            params = {"level": "info", "logger": "keeper", "data": {"n": n}}
            message = {"jsonrpc": "2.0", "method": "notifications/message", "params": params}
            writer.write(f"event: message\r\nid: {n}\r\ndata: {json.dumps(message)}\r\n\r\n".encode())

    def reply(self, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        method = asked.get("method")
        if method not in RESULTS:
            writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            return
        text = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": RESULTS[method]})
        head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nmcp-session-id: s\r\nconnection: close\r\n"
        writer.write(f"{head}content-length: {len(text)}\r\n\r\n{text}".encode())


def keep(state: Any, chunk: Any) -> Map:
    return Map.of([(K("state"), vector([*state, chunk[K("data")][K("n")]]))])


async def test_every_connection_goes_on_behind_the_event_that_was_taken_last_and_so_does_the_next_process(
    ground: Any, tmp_path: Path
) -> None:
    keeper = Keeper()
    server = await asyncio.start_server(keeper.answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        options = {"adapter": K("legacy"), "stream_id": "log", "retry": QUICK, "processor": keep}
        first = ground.registry(tmp_path, clock=Clock())
        stream = await first.start(url, state=(), **options)
        await ground.until(stream, lambda: len(stream.state) >= 8)
        assert stream.inspect()[K("guarantee")] is K("at-least-once")
        await first.shutdown()
        second = ground.registry(tmp_path, clock=Clock())
        seen = len(keeper.asked)
        stream = await second.start(url, **options)
        reached = len(stream.state)
        await ground.until(stream, lambda: len(stream.state) >= reached + 4)
        assert list(stream.state) == list(range(1, len(stream.state) + 1))
        assert keeper.asked[0] is None
        assert keeper.asked[seen] == str(reached)
        await second.shutdown()
