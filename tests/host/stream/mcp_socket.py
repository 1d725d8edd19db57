"""An MCP server over web sockets, for tests; as a program it serves the weather and says where on standard error.

python -m tests.host.stream.mcp_socket
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from tests.host.stream.unruly import Peer, unruly

EXAMPLES = Path(__file__).parents[3] / "examples" / "servers"


async def serve(peer: Peer, server: Any) -> None:
    """One connection: a JSON-RPC message in each text message."""
    lowlevel = getattr(server, "_lowlevel_server", server)
    await peer.upgrade(sec_websocket_protocol="mcp")
    heard, reads = anyio.create_memory_object_stream[Any](0)
    writes, leaving = anyio.create_memory_object_stream[Any](0)

    async def say() -> None:
        async for message in leaving:
            await peer.say(message.message.model_dump_json(by_alias=True, exclude_unset=True))

    async with heard, reads, writes, leaving, anyio.create_task_group() as group:
        group.start_soon(say)
        group.start_soon(lowlevel.run, reads, writes, lowlevel.create_initialization_options())
        while (text := await peer.hear()) is not None:
            await heard.send(SessionMessage(jsonrpc_message_adapter.validate_json(text, by_name=False)))
        group.cancel_scope.cancel()


async def main() -> None:
    sys.path.insert(0, str(EXAMPLES))
    from weather import build  # type: ignore[import-not-found]

    weather = build()

    async def script(peer: Peer) -> None:
        with contextlib.suppress(BaseExceptionGroup):  # the client went away
            await serve(peer, weather)

    async with unruly(script) as server:
        print(server.socket_url, file=sys.stderr, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
