"""An MCP server that misbehaves, over stdio, streamable HTTP or the HTTP transport of 2024.

    python unruly.py FOLDER stdio
    python unruly.py FOLDER http|sse SOCKET      SOCKET: number of a listening socket, which outlives this process

FOLDER/value is the content of `test://value`; whoever subscribed is told when it changes. FOLDER/pid is our process.
The tools take a fault, where it happens, and how often; FOLDER/faults counts them, over all lives. SIGUSR1 cuts every
connection, SIGUSR2 puts a frame that nobody can read before the next one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.sse import SseServerTransport
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp_types import (
    CallToolResult,
    EmptyResult,
    ListResourcesResult,
    ListToolsResult,
    ReadResourceResult,
    Resource,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
)

GARBAGE = "{this is no frame"
VALUE = "test://value"


class Wire:
    """The way out: what it does to the next frame."""

    def __init__(self) -> None:
        self.garbage = False
        self.swap = False
        self.held: Any = None

    def frames(self, frame: Any, garbage: Any) -> list[Any]:
        """What goes out in place of a frame."""
        out = [garbage] if self.garbage else []
        self.garbage = False
        if self.swap:
            self.swap, self.held = False, frame
            return out
        out.append(frame)
        if self.held is not None:
            out.append(self.held)
            self.held = None
        return out

    def cut(self) -> None:
        """End every connection without a word."""


class Unruly:
    def __init__(self, folder: Path, wire: Wire) -> None:
        self.folder = folder
        self.wire = wire
        self.bus = InMemorySubscriptionBus()
        self.sessions: list[Any] = []
        self.loud: list[Any] = []

    # ---- faults

    def due(self, arguments: dict[str, Any], n: int) -> str:
        """The fault to commit after item n."""
        fault = arguments.get("fault", "")
        if not fault or n != arguments.get("after", 0):
            return ""
        done = self.folder / "faults"
        count = int(done.read_text()) if done.exists() else 0
        if count >= arguments.get("times", 1):
            return ""
        done.write_text(str(count + 1))
        return fault

    async def commit(self, fault: str) -> None:
        if fault in ("die", "drop"):
            await anyio.sleep(0.1)  # let out what was said before
        if fault == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault == "drop":
            self.wire.cut()
            await anyio.sleep_forever()
        elif fault == "stall":
            await anyio.sleep_forever()
        elif fault == "late":
            await anyio.sleep(0.3)
        elif fault == "garbage":
            self.wire.garbage = True
        elif fault == "swap":
            self.wire.swap = True

    # ---- what it serves

    async def list_tools(self, ctx: Any, params: Any) -> ListToolsResult:
        schema = {"type": "object"}
        again = ToolAnnotations(idempotent_hint=True)
        tools = [
            Tool(name="notes", input_schema=schema),
            Tool(name="again", input_schema=schema, annotations=again),
            Tool(name="page", input_schema=schema),
        ]
        return ListToolsResult(tools=tools)

    async def call_tool(self, ctx: Any, params: Any) -> CallToolResult:
        arguments = params.arguments or {}
        if params.name == "page":
            return await self.page(arguments)
        for n in range(1, arguments["count"] + 1):
            text = json.dumps({"n": n, "text": "x" * arguments.get("size", 0) if n == arguments.get("after") else ""})
            await ctx.session.report_progress(n, None, text)
            await self.commit(self.due(arguments, n))
        return CallToolResult(content=[TextContent(text='{"done": true}')])

    async def page(self, arguments: dict[str, Any]) -> CallToolResult:
        first = int(arguments.get("cursor", "0"))
        await self.commit(self.due(arguments, first))
        items = [{"n": n} for n in range(first + 1, min(first + 3, arguments["count"]) + 1)]
        following = str(first + 3) if first + 3 < arguments["count"] else None
        text = json.dumps({"items": items, "next": following, "text": ""})
        return CallToolResult(content=[TextContent(text=text)])

    async def list_resources(self, ctx: Any, params: Any) -> ListResourcesResult:
        return ListResourcesResult(resources=[Resource(name="value", uri=VALUE)])

    async def read(self, ctx: Any, params: Any) -> ReadResourceResult:
        text = json.dumps({"value": self.value})
        return ReadResourceResult(contents=[TextResourceContents(uri=VALUE, text=text, mime_type="application/json")])

    async def subscribe(self, ctx: Any, params: Any) -> EmptyResult:
        self.sessions.append(ctx.session)
        return EmptyResult()

    async def log_level(self, ctx: Any, params: Any) -> EmptyResult:
        self.loud.append(ctx.session)
        return EmptyResult()

    @property
    def value(self) -> int:
        return int((self.folder / "value").read_text() or "0")

    async def watch(self) -> None:
        """Tell everybody when the value changes."""
        known = self.value
        while True:
            await anyio.sleep(0.01)
            value = self.value
            if value == known:
                continue
            known = value
            await self.bus.publish(ResourceUpdated(uri=VALUE))
            for session in self.sessions:
                await session.send_resource_updated(VALUE)
            for session in self.loud:
                await session.send_log_message("info", {"value": value}, "unruly")

    def server(self) -> Server[Any]:
        import warnings

        @asynccontextmanager
        async def living(_: Any) -> Any:
            yield {}

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Server(
                "unruly",
                lifespan=living,
                on_list_tools=self.list_tools,
                on_call_tool=self.call_tool,
                on_list_resources=self.list_resources,
                on_read_resource=self.read,
                on_subscribe_resource=self.subscribe,
                on_set_logging_level=self.log_level,
                on_subscriptions_listen=ListenHandler(self.bus),
            )


# ---- stdio


class Pipe(Wire):
    def __init__(self) -> None:
        super().__init__()
        self.out = os.dup(1)

    async def write(self, frame: str) -> None:
        for each in self.frames(frame, GARBAGE + "\n"):
            data = each.encode()
            while data:
                data = data[await anyio.to_thread.run_sync(os.write, self.out, data) :]

    async def flush(self) -> None:
        """Everything is out already."""

    def cut(self) -> None:
        os.close(self.out)
        os.close(1)


async def over_stdio(unruly: Unruly, wire: Pipe) -> None:
    import io

    stdin = anyio.wrap_file(io.TextIOWrapper(os.fdopen(0, "rb"), encoding="utf-8"))
    async with stdio_server(stdin, wire) as (read, write):  # type: ignore[arg-type]
        server = unruly.server()
        await server.run(read, write, server.create_initialization_options())


# ---- HTTP


class Web(Wire):
    """An ASGI layer that meddles with the bodies of event streams, and can abort every connection."""

    def __init__(self) -> None:
        super().__init__()
        self.app: Any = None
        self.uvicorn: Any = None

    def cut(self) -> None:
        for protocol in list(self.uvicorn.server_state.connections):
            protocol.transport.abort()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        events = False

        async def meddle(message: Any) -> None:
            nonlocal events
            if message["type"] == "http.response.start":
                events = any(b"event-stream" in value for _, value in message["headers"])
            if not events or b"data:" not in message.get("body", b""):
                await send(message)
                return
            bad = {**message, "body": f"event: message\r\ndata: {GARBAGE}\r\n\r\n".encode(), "more_body": True}
            for each in self.frames(message, bad):
                await send(each)

        await self.app(scope, receive, meddle)


def old_app(server: Server[Any]) -> Any:
    """The event stream at `/mcp` itself, so that only its answers tell that it is of 2024."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Mount, Route

    transport = SseServerTransport("/messages/")

    async def events(request: Any) -> Response:
        async with transport.connect_sse(request.scope, request.receive, request._send) as (read, write):
            await server.run(read, write, server.create_initialization_options())
        return Response()

    routes = [Route("/mcp", events, methods=["GET"]), Mount("/messages/", app=transport.handle_post_message)]
    return Starlette(routes=routes)


async def over_http(unruly: Unruly, wire: Web, kind: str, listener: socket.socket) -> None:
    import uvicorn

    server = unruly.server()
    wire.app = server.streamable_http_app() if kind == "http" else old_app(server)
    wire.uvicorn = uvicorn.Server(uvicorn.Config(wire, log_level="critical", timeout_graceful_shutdown=1))
    await wire.uvicorn.serve(sockets=[listener])


async def main(folder: Path, kind: str, number: str = "") -> None:
    wire = Pipe() if kind == "stdio" else Web()
    unruly = Unruly(folder, wire)
    (folder / "pid").write_text(str(os.getpid()))
    async with anyio.create_task_group() as group:
        group.start_soon(unruly.watch)
        group.start_soon(signals, wire)
        if isinstance(wire, Pipe):
            await over_stdio(unruly, wire)
        else:
            await over_http(unruly, wire, kind, socket.socket(fileno=int(number)))
        group.cancel_scope.cancel()


async def signals(wire: Wire) -> None:
    with anyio.open_signal_receiver(signal.SIGUSR1, signal.SIGUSR2) as received:
        async for one in received:
            if one == signal.SIGUSR1:
                wire.cut()
            else:
                wire.garbage = True


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), *sys.argv[2:])
