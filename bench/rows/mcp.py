"""MCP: notes per second of a stream beside what the SDK alone delivers from the same server."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rtfs
from bench.harness import Measured, Row

SERVER = Path(__file__).parents[1] / "mcp_server.py"
NOTES = 2_000
ROUNDS = 9


@contextmanager
def served(kind: str) -> Iterator[tuple[str, Any]]:
    """The endpoint of a server for a stream, and what the SDK's client takes."""
    if kind == "stdio":
        from mcp.client.stdio import StdioServerParameters

        yield f"stdio:{sys.executable} {SERVER}", StdioServerParameters(command=sys.executable, args=[str(SERVER)])
        return
    with subprocess.Popen([sys.executable, str(SERVER), "http"], stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            url = server.stderr.readline().strip()
            yield url, url
        finally:
            server.kill()


async def by_sdk(client: Any) -> float:
    """Seconds until the SDK has delivered the notes and the result."""
    count = 0

    async def note(progress: float, total: float | None, message: str | None) -> None:
        nonlocal count
        count += 1

    begin = time.perf_counter()
    await client.call_tool("notes", {"count": NOTES}, progress_callback=note)
    taken = time.perf_counter() - begin
    assert count == NOTES
    return taken


async def by_stream(session: rtfs.Session, endpoint: str) -> float:
    """Seconds until a stream has processed them."""
    begin = time.perf_counter()
    stream = await session.host.streams.start(
        endpoint, rtfs.Keyword("identity"), None, tool="notes", args=rtfs.from_python({"count": NOTES}), outputs="none"
    )
    await stream.result()
    taken = time.perf_counter() - begin
    assert stream.owner.stats.processed == NOTES + 1
    return taken


async def rounds(endpoint: str, target: Any) -> list[tuple[float, float]]:
    """Pairs of seconds: the SDK's and the stream's, in turns, each over a connection that stays open."""
    from mcp import Client

    session = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
    pairs = []
    try:
        async with Client(target) as client:
            for number in range(ROUNDS + 1):
                if number % 2:
                    own, sdk = await by_stream(session, endpoint), await by_sdk(client)
                else:
                    sdk, own = await by_sdk(client), await by_stream(session, endpoint)
                pairs.append((sdk, own))
    finally:
        await session.host.streams.shutdown(strategy="immediate")
    return pairs[1:]  # the first one opened the connections


def share(kind: str) -> Measured:
    """How much of the SDK's rate a stream reaches, the median over the rounds."""
    with served(kind) as (endpoint, target):
        pairs = asyncio.run(rounds(endpoint, target))
    value = statistics.median([sdk / own for sdk, own in pairs])
    rates = [round(NOTES / statistics.median(side)) for side in zip(*pairs, strict=True)]
    return Measured(value, f"{rates[1]:,} notes/s, the SDK alone {rates[0]:,}")


ROWS = [
    Row("MCP notes over stdio, of the SDK's rate", 0.95, lambda: share("stdio"), least=True),
    Row("MCP notes over HTTP, of the SDK's rate", 0.95, lambda: share("http"), least=True),
]
