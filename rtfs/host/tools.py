"""Tools of MCP servers as capabilities `mcp.<server>.<tool>`, typed by their JSON Schemas (host.md §3).

A configured server needs no registration: the first call of one of its tools connects, reads what tools there are, and
checks the arguments against the tool's schema. An embedder can load a server, its own objects included, so that its
tools stand in the marketplace with manifests.
"""

from __future__ import annotations

import asyncio
import re
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.host.provider import CallContext, Provider
from rtfs.host.stream import transports
from rtfs.host.stream.chunk import to_json
from rtfs.host.stream.connection import Connection, Pool
from rtfs.host.stream.timers import Timers
from rtfs.host.stream.tool import PAGES, repeatable, result_value, text_of
from rtfs.host.stream.transports import Limits, Target
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.errors import HostCallError
from rtfs.lang.json_schema import type_from_schema
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.clock import Clock
    from rtfs.host.host import Host

LIMITS = Limits(connect_ms=30_000, message_bytes=1 << 20)
_STRANGE = re.compile(r"[^A-Za-z0-9_-]+")


class ToolServer:
    """One MCP server: its tools by capability id, and how to call them. `name` is the server's in the ids."""

    def __init__(self, name: str, target: Target) -> None:
        self.name = name
        self.target = target
        self._providers: dict[str, Provider] | None = None

    async def providers(self, connections: Connections, *, again: bool = False) -> dict[str, Provider]:
        """The tools as capabilities, by id; asked of the server once unless `again`."""
        if self._providers is None or again:
            tools, version = await connections.use(self.target, _listed)
            self._providers = {}
            for tool in tools:
                id = self._id(tool.name)
                self._providers[id] = self._provider(id, tool, version)
        return self._providers

    def _id(self, tool: str) -> str:
        """The id of a tool: what an id cannot hold becomes `_`; what would be the same id gets a number."""
        base = f"mcp.{self.name}.{_STRANGE.sub('_', tool).strip('_') or 'tool'}"
        taken = self._providers or {}
        return base if base not in taken else next(id for n in range(2, 10_000) if (id := f"{base}_{n}") not in taken)

    def _provider(self, id: str, tool: Any, version: str) -> Provider:
        form = type_from_schema(tool.input_schema) if _properties(tool.input_schema) else None

        async def call(ctx: CallContext, *args: Any) -> Any:
            given = args[0] if args and type(args[0]) is Map else EMPTY_MAP
            return await _called(Connections.of(ctx.host), self.target, tool.name, id, given)

        return Provider(
            id,
            call,
            input=form,
            output=None if tool.output_schema is None else type_from_schema(tool.output_schema),
            effects=[":mcp", transports.effect(self.target.scheme)] if self.target.scheme != "memory" else [":mcp"],
            idempotent=repeatable(tool),
            description=tool.description or tool.title or tool.name,
            version=version,
            native=True,
            gathers=form is not None,
            provider=f"mcp:{self.name}",
            metadata={"server": self.name, "tool": tool.name},
        )


class Connections:
    """The connections of one host for tool calls. They belong to an event loop; each loop has its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool: Pool | None = None
        self._servers: dict[str, ToolServer] = {}

    @classmethod
    def of(cls, host: Host) -> Connections:
        """Those of a host, made when first needed."""
        found: Connections = host.part("mcp", lambda: cls(host.clock))
        return found

    def server(self, name: str, target: Target) -> ToolServer:
        """The server of that name; what its tools are is asked once per host."""
        found = self._servers.get(name)
        if found is None or found.target.key != target.key:
            found = self._servers[name] = ToolServer(name, target)
        return found

    async def use(self, target: Target, work: Any) -> Any:
        """`work(client)` over an open connection; the connection stays open for the next call for a while."""
        pool = self._current_pool()
        connection = pool.take(target, "auto", LIMITS)
        broken = True
        try:
            async with asyncio.timeout(LIMITS.connect_ms / 1000):
                client = await connection.opened()
            result = await _while_open(connection, work(client))
            broken = False
            return result
        finally:
            pool.release(connection, 5_000, suspect=broken and connection.broken)

    def _current_pool(self) -> Pool:
        loop = asyncio.get_running_loop()
        if self._pool is None or self._loop is not loop:
            self._loop, self._pool = loop, Pool(Timers(self._clock))
        return self._pool

    async def aclose(self) -> None:
        """Close the connections, unless their loop is gone and took them along."""
        if self._pool is not None and self._loop is asyncio.get_running_loop():
            await self._pool.close()


async def _while_open(connection: Connection, work: Any) -> Any:
    """The result of a request; when the connection breaks before there is one, what broke it."""
    request = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(connection.ended())
    try:
        await asyncio.wait({request, gone}, return_when=asyncio.FIRST_COMPLETED)
        if request.done():
            return request.result()
        raise await connection.cause() or ConnectionError("the server closed the connection")
    finally:
        request.cancel()
        gone.cancel()


async def _listed(client: Any) -> tuple[list[Any], str]:
    """All tools of a server, and its version when that is a semantic one."""
    tools: list[Any] = []
    cursor: str | None = None
    for _ in range(PAGES):
        page = await client.list_tools(cursor=cursor)
        tools.extend(page.tools)
        cursor = page.next_cursor
        if cursor is None:
            break
    version = str(getattr(client.server_info, "version", ""))
    return tools, version if re.fullmatch(r"\d+\.\d+\.\d+", version) else "1.0.0"


async def _called(connections: Connections, target: Target, tool: str, id: str, given: Map) -> Any:
    arguments = to_json(given)
    try:
        result = await connections.use(target, lambda client: client.call_tool(tool, arguments))
    except (TimeoutError, OSError) as error:
        raise _failed(id, "connection", str(error) or "no connection within 30 s") from error
    if result.is_error:
        raise _failed(id, "tool-error", f"Tool '{tool}' failed: {text_of(result)}")
    value, _ = result_value(result, keywords=True)
    return value


def _failed(id: str, kind: str, text: str) -> HostCallError:
    return HostCallError("HostError", text, type=kind, data=Map.of([(Keyword("capability"), id)]))


def _properties(schema: Any) -> list[str]:
    found = schema.get("properties") if isinstance(schema, dict) else None
    return list(found) if isinstance(found, dict) else []


# ---- configured servers


def configured(name: str) -> Target | None:
    """Where a server of the MCP configuration is."""
    from rtfs.host.stream.configuration import Configuration
    from rtfs.host.stream.endpoint import Directory

    return Directory(Configuration(), {}, {}).server(name)


def target_of(name: str, server: Any) -> Target:
    """Where a server is that an embedder names: a URL, an entry as in `mcpServers`, or an MCP server object."""
    from rtfs.host.stream.configuration import Configuration
    from rtfs.host.stream.endpoint import Directory

    if isinstance(server, str):
        server = {"url": server}
    if not isinstance(server, dict):
        return Target("memory", server, f"memory:{name}", key=("memory", id(server)))
    target = Directory(Configuration.of({name: server}), {}, {}).server(name)
    if target is None:
        raise ValueError(f"the entry of server {name!r} is disabled")
    return target


async def dispatch(ctx: CallContext, server: str, target: Target) -> Any:
    """Make a call of a configured server's tool: find the tool, bind and check the arguments, check the answer."""
    from rtfs.host.adapt import NOTHING
    from rtfs.host.answer import answer, perform
    from rtfs.host.pipeline import Route, adapt
    from rtfs.lang.suggest import nearest_id

    call = ctx.call
    connections = Connections.of(ctx.host)
    known = connections.server(server, target)
    try:
        providers = await known.providers(connections)
        if call.capability_id not in providers:
            providers = await known.providers(connections, again=True)
    except (TimeoutError, OSError) as error:
        raise _failed(
            call.capability_id, "connection", f"{target.shown}: {str(error) or 'no connection within 30 s'}"
        ) from error
    provider = providers.get(call.capability_id)
    if provider is None:
        notes = tuple(f"did you mean `{name}`?" for name in nearest_id(call.capability_id, providers))
        data = Map.of([(Keyword("capability"), call.capability_id)])
        raise HostCallError("UnknownCapability", f"Unknown capability: {call.capability_id}", data=data, notes=notes)
    way = Route(ctx.host, provider, call.security)
    result = adapt(way, answer(way, perform(way)))(call, call.args, NOTHING)
    return await result if type(result) is CoroutineType else result


async def load(host: Host, name: str, server: Any = None) -> list[str]:
    """Enter the tools of a server into the host's marketplace; their ids. `server` None: the configured one."""
    target = configured(name) if server is None else target_of(name, server)
    if target is None:
        raise ValueError(f"no MCP server {name!r} is configured")
    connections = Connections.of(host)
    found = await connections.server(name, target).providers(connections, again=True)
    for provider in found.values():
        host.marketplace.register(provider, replace=True)
    return sorted(found)
