"""An MCP server of tools that somebody else runs: over standard input and output, or over HTTP on this machine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import anyio.lowlevel
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from rtfs.host.console import REQUEST
from rtfs.lang.errors import RtfsError

AT_ONCE = 100  # requests that run at the same time; more of them wait
_MESSAGES = 1_000  # log messages of one request that wait to be sent; what is beyond is not sent
_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
_OURS = {"warn": "warning"}


class Offered(Protocol):
    """What is told of a tool. hints: `read_only`, `idempotent`, `destructive`, `open_world`, those that are known."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str | None: ...
    @property
    def description(self) -> str: ...
    @property
    def input_schema(self) -> dict[str, Any]: ...
    @property
    def output_schema(self) -> dict[str, Any] | None: ...
    @property
    def hints(self) -> dict[str, bool]: ...


class Answer(NamedTuple):
    """What a tool gave: a text, and the structured result of a tool that declares its output; or an error's text."""

    text: str
    structured: Any = None
    failed: bool = False


Report = Callable[[float, str], Awaitable[None]]
Invoke = Callable[[str, dict[str, Any], Report], Awaitable[Answer]]


class Messages:
    """The log messages of one request, sent while it runs and no later than its answer."""

    def __init__(self, ctx: ServerRequestContext[Any], least: Callable[[], str]) -> None:
        self._ctx = ctx
        self._least = least
        self._waiting: list[asyncio.Future[None]] = []

    def send(self, level: str, text: str) -> None:
        level = _OURS.get(level, level)
        self._waiting = [sending for sending in self._waiting if not sending.done()]
        if _LEVELS.index(level) < _LEVELS.index(self._least()) or len(self._waiting) >= _MESSAGES:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK's deprecation of log messages, which clients still use
            sending = self._ctx.session.send_log_message(level, text, related_request_id=self._ctx.request_id)  # type: ignore[arg-type]
        self._waiting.append(asyncio.ensure_future(sending))

    async def sent(self) -> None:
        if self._waiting:
            await asyncio.wait(self._waiting)


def make_server(name: str, version: str, tools: Sequence[Offered], invoke: Invoke) -> Server[Any]:
    """The server of these tools. `invoke(name, arguments, report)` runs one of them; a cancelled request cancels it."""
    listed = [_listed(tool) for tool in tools]
    names = {tool.name for tool in tools}
    least = ["debug"]  # the lowest level that a client wants to hear of
    turns = asyncio.Semaphore(AT_ONCE)

    async def list_tools(ctx: ServerRequestContext[Any], params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=listed)

    async def set_level(ctx: ServerRequestContext[Any], params: Any) -> types.EmptyResult:
        least[0] = params.level
        return types.EmptyResult()

    async def call_tool(ctx: ServerRequestContext[Any], params: types.CallToolRequestParams) -> types.CallToolResult:
        if params.name not in names:
            return _result(
                Answer(f"there is no tool {params.name!r}; there are {', '.join(sorted(names))}", failed=True)
            )
        messages = Messages(ctx, lambda: least[0])

        async def report(progress: float, text: str) -> None:
            await ctx.session.report_progress(progress, None, text)

        async with turns:
            token = REQUEST.set(messages)
            try:
                answer = await invoke(params.name, params.arguments or {}, report)
            except RtfsError as error:
                await anyio.lowlevel.checkpoint_if_cancelled()  # the request was cancelled: nobody wants an answer
                answer = Answer(error.rendered(), failed=True)
            finally:
                REQUEST.reset(token)
            await messages.sent()
        return _result(answer)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        return Server(
            name, version=version, on_list_tools=list_tools, on_call_tool=call_tool, on_set_logging_level=set_level
        )


def _listed(tool: Offered) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=_annotations(tool.hints),
    )


def _annotations(hints: dict[str, bool]) -> types.ToolAnnotations | None:
    return (
        types.ToolAnnotations.model_validate({f"{name}_hint": known for name, known in hints.items()})
        if hints
        else None
    )


def _result(answer: Answer) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(type="text", text=answer.text)],
        structured_content=answer.structured,
        is_error=answer.failed,
    )


# ---- transports


async def serve(server: Server[Any], port: int | None, say: Callable[[str], None]) -> int | None:
    """Serve until the client goes away, or a signal comes, which is the answer. port: of HTTP, 0 for any free one;
    None: standard input and output. say: gets the URL.
    """
    work = asyncio.ensure_future(_over_stdio(server) if port is None else _over_http(server, port, say))
    loop, struck, signals = asyncio.get_running_loop(), asyncio.Event(), []

    def strike(number: int) -> None:
        signals.append(number)
        struck.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, strike, number)
    waiting = asyncio.ensure_future(struck.wait())
    await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not work.done():
        return signals[0]
    error = work.exception()
    if error is not None and not _is_hangup(error):
        raise error
    return None


def leave(code: int) -> None:
    """End the process at once: a thread that waits for standard input cannot be told to stop."""
    sys.stderr.flush()
    os._exit(code)


async def _over_stdio(server: Server[Any]) -> None:
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def _over_http(server: Server[Any], port: int, say: Callable[[str], None]) -> None:
    import socket

    import uvicorn

    class Quiet(uvicorn.Server):
        """Leaves the signals to us."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    listener = socket.create_server(("127.0.0.1", port))
    say(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp")
    config = uvicorn.Config(server.streamable_http_app(), log_level="error", timeout_graceful_shutdown=1)
    await Quiet(config).serve(sockets=[listener])


def _is_hangup(error: BaseException) -> bool:
    """Did the client go away? Nobody is left to serve then."""
    if isinstance(error, BaseExceptionGroup):
        return all(_is_hangup(each) for each in error.exceptions)
    return isinstance(error, (BrokenPipeError, ConnectionError))
