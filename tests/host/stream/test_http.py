"""An HTTP server that answers with more than it may (streaming.md §3.8)."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rtfs.host.stream.connection import Connection
from rtfs.host.stream.transports import Limits, Target
from rtfs.lang.errors import StreamError

LIMITS = Limits(30_000, 10_000)
HEAD = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{}connection: close\r\n\r\n"


@asynccontextmanager
async def answering(head: str, body: bytes, times: int) -> AsyncIterator[tuple[Connection, list[int]]]:
    """A connection to a server whose every answer is `body`, `times` times; and how many bytes of it were taken."""
    sent: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head.encode())
            for _ in range(times):
                writer.write(body)
                await writer.drain()
                sent.append(len(body))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        connection = Connection(Target("http", url, url, key=url), "legacy", LIMITS)
        yield connection, sent
        await asyncio.wait_for(connection.close(5_000), 10)


async def test_an_answer_that_never_ends_ends_the_connection() -> None:
    async with answering(HEAD.format(""), b"[" * 100_000, 1_000) as (connection, sent):
        with pytest.raises(StreamError) as caught:
            await asyncio.wait_for(connection.opened(), 30)
        assert (caught.value.code, sum(sent) < 50_000_000) == ("RTFS-S025", True)


async def test_a_compressed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    async with answering(HEAD.format("content-encoding: gzip\r\n"), bomb, 1) as (connection, _):
        with pytest.raises(StreamError) as caught:
            await asyncio.wait_for(connection.opened(), 30)
        assert caught.value.code == "RTFS-S026"
        assert "gzip" in caught.value.message
