"""A real MCP server that serves hourly weather readings: as progress notes, as pages, and as a resource that changes.

    python examples/servers/weather.py                over standard input and output
    python examples/servers/weather.py --http 8000    over HTTP at http://127.0.0.1:8000/mcp (port 0: any free one)
    python examples/servers/weather.py --sse 8000     over the HTTP transport of 2024 at http://127.0.0.1:8000/sse

Tool `watch` sends each reading as a progress note, tool `page` gives some of them and a cursor, resource
`weather://latest` is the newest reading; it moves on by itself every `--every-ms` and whenever tool `advance` is
called.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated
from mcp_types import ToolAnnotations

LATEST = "weather://latest"


def load(file: Path) -> list[dict[str, Any]]:
    """The readings in order; `n` counts the hours from 1."""
    with file.open(newline="", encoding="utf-8") as rows:
        return [
            {
                "n": int(row["n"]),
                "time": row["time"],
                "temperature": float(row["temperature_c"]),
                "humidity": int(row["humidity_pct"]),
                "pressure": float(row["pressure_hpa"]),
                "wind": float(row["wind_m_s"]),
            }
            for row in csv.DictReader(rows)
        ]


READINGS = load(Path(__file__).with_name("readings.csv"))


class Station:
    """Which reading is the newest; whoever listens is told when it changes."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self.newest = 0

    async def advance(self, hours: int = 1) -> dict[str, Any]:
        self.newest = (self.newest + hours) % len(READINGS)
        await self.bus.publish(ResourceUpdated(uri=LATEST))
        return READINGS[self.newest]

    async def run(self, every_ms: int) -> None:
        while True:
            await asyncio.sleep(every_ms / 1000)
            await self.advance()


def build(every_ms: int = 0) -> MCPServer[None]:
    """The server; `every_ms` 0 leaves the newest reading where it is until `advance` moves it."""
    station = Station()

    @asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncIterator[None]:
        clock = asyncio.create_task(station.run(every_ms)) if every_ms else None
        try:
            yield None
        finally:
            if clock is not None:
                clock.cancel()

    server: MCPServer[None] = MCPServer(
        "weather", version="1.0.0", log_level="ERROR", lifespan=lifespan, subscriptions=station.bus
    )
    reading_only = ToolAnnotations(read_only_hint=True, idempotent_hint=True)

    @server.tool(annotations=reading_only, description="Every reading after number `since`, one progress note each.")
    async def watch(ctx: Context[None, Any], since: int = 0, interval_ms: int = 0, limit: int = 0) -> dict[str, Any]:
        chosen = READINGS[since:] if limit <= 0 else READINGS[since : since + limit]
        for reading in chosen:
            await ctx.report_progress(reading["n"], len(READINGS), json.dumps(reading))
            if interval_ms > 0:
                await asyncio.sleep(interval_ms / 1000)
        return {"readings": len(chosen), "last": chosen[-1]["n"] if chosen else since}

    @server.tool(annotations=reading_only, description="Up to `limit` readings from `cursor` on, and the next cursor.")
    async def page(cursor: str = "0", limit: int = 24) -> dict[str, Any]:
        first = int(cursor)
        chosen = READINGS[first : first + max(1, limit)]
        following = first + len(chosen)
        return {"items": chosen, "next": str(following) if following < len(READINGS) else None}

    @server.tool(description="Let some hours pass: the newest reading is another one.")
    async def advance(hours: int = 1) -> dict[str, Any]:
        return await station.advance(hours)

    @server.resource(LATEST, mime_type="application/json", description="The newest reading.")
    async def latest() -> str:
        return json.dumps(READINGS[station.newest])

    return server


async def serve_http(app: Any, port: int, path: str) -> None:
    """Serve on the loopback interface and say where on standard error."""
    listener = socket.create_server(("127.0.0.1", port))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}{path}", file=sys.stderr, flush=True)
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
    await uvicorn.Server(config).serve(sockets=[listener])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--http", type=int, metavar="PORT", help="serve streamable HTTP on this port; 0: a free one")
    parser.add_argument("--sse", type=int, metavar="PORT", help="serve the HTTP transport of 2024 on this port")
    parser.add_argument("--every-ms", type=int, default=1000, help="how often weather://latest moves on; 0: never")
    options = parser.parse_args()
    server = build(options.every_ms)
    if options.http is not None:
        asyncio.run(serve_http(server.streamable_http_app(), options.http, "/mcp"))
        return
    if options.sse is not None:
        asyncio.run(serve_http(server.sse_app(), options.sse, "/sse"))
        return
    try:
        server.run()
    except* BrokenPipeError:  # the client was killed: nobody is left to serve
        os._exit(0)  # and nobody to flush to


if __name__ == "__main__":
    main()
