"""An MCP server that misbehaves in every way that streams have to bear; over stdio, or in this process through `build`.

python server.py [FOLDER]       FOLDER: where it leaves its process id and remembers that it died once
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

Ctx = Context[None, Any]


def build(folder: Path | None = None) -> MCPServer[None]:
    server: MCPServer[None] = MCPServer("awkward", log_level="CRITICAL")
    idempotent = ToolAnnotations(idempotent_hint=True)

    async def notes(ctx: Ctx, count: int, die_after: int = 0) -> str:
        """Notes `{"n": 1}` … and the text of their number; after note `die_after` the process is killed, once."""
        for n in range(1, count + 1):
            await ctx.report_progress(n, count, json.dumps({"n": n}))
            if n == die_after and folder is not None and not (folder / "died").exists():
                (folder / "died").touch()
                await anyio.sleep(0.2)  # let the notes out
                os.kill(os.getpid(), signal.SIGKILL)
        return str(count)

    server.tool(name="once")(notes)
    server.tool(name="again", annotations=idempotent)(notes)

    @server.tool()
    async def plain(ctx: Ctx) -> dict[str, Any]:
        """Notes that are no JSON objects, then a structured result."""
        await ctx.report_progress(0.5, 2, "half")
        await ctx.report_progress(1, None, "[1, 2]")
        await ctx.report_progress(2, None, "42")
        await ctx.report_progress(3, None, None)
        return {"done": True, "no keyword": 1}

    @server.tool()
    async def fails() -> str:
        raise ToolError("the sensor is wet")

    @server.tool(annotations=idempotent)
    async def silent(ctx: Ctx) -> str:
        await ctx.report_progress(1, None, '{"n": 1}')
        await anyio.sleep_forever()
        return ""

    @server.tool()
    async def large(ctx: Ctx, size: int) -> str:
        await ctx.report_progress(1, None, json.dumps({"n": 1, "text": "x" * size}))
        await ctx.report_progress(2, None, '{"n": 2}')
        return "ok"

    @server.tool()
    async def readings() -> list[dict[str, int]]:
        """A list without cursor, to which each call adds one."""
        kept.append({"n": len(kept) + 1})
        return kept

    @server.tool()
    async def environment(ctx: Ctx) -> dict[str, str]:
        return dict(os.environ)

    kept: list[dict[str, int]] = []
    return server


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if place is not None:
        (place / "pid").write_text(str(os.getpid()))
    build(place).run()
