"""A server made with fastmcp, as somebody else would: over stdio, streamable HTTP or the HTTP transport of 2024.

python stranger.py stdio|http|sse [PORT]
"""

from __future__ import annotations

import json
import sys
from typing import Any

from fastmcp import Context, FastMCP

server: FastMCP = FastMCP("stranger")


@server.tool
async def count(to: int, ctx: Context) -> dict[str, int]:
    """Count."""
    for n in range(1, to + 1):
        await ctx.report_progress(n, to, json.dumps({"n": n}))
    return {"counted": to}


@server.tool
def page(cursor: str = "0") -> dict[str, Any]:
    """Two of the first five numbers."""
    first = int(cursor)
    items = [n for n in (first + 1, first + 2) if n <= 5]
    return {"items": items, "next": str(first + 2) if first + 2 < 5 else None}


@server.resource("test://motto")
def motto() -> str:
    """A motto."""
    return "festina lente"


if __name__ == "__main__":
    kind, *port = sys.argv[1:]
    if kind == "stdio":
        server.run(transport="stdio", show_banner=False)
    else:
        server.run(
            transport=kind, host="127.0.0.1", port=int(port[0]), show_banner=False, log_level="info",
        )  # fmt: skip
