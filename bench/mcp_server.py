"""An MCP server whose tool says many notes, over stdio, or over HTTP at a free port that it tells standard error."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from typing import Any

from mcp.server.mcpserver import Context, MCPServer

server: MCPServer[None] = MCPServer("notes", log_level="CRITICAL")


@server.tool()
async def notes(ctx: Context[None, Any], count: int) -> int:
    """As many progress notes, each with a reading."""
    for n in range(1, count + 1):
        await ctx.report_progress(n, count, json.dumps({"n": n, "celsius": 21.5, "room": "kitchen"}))
    return count


async def over_http() -> None:
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", file=sys.stderr, flush=True)
    await uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="critical")).serve(sockets=[listener])


if __name__ == "__main__":
    if sys.argv[1:] == ["http"]:
        asyncio.run(over_http())
    else:
        server.run()
