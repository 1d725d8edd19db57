"""One MCP server, visited by hand: what it offers, and one call of a tool (`rtfs mcp ls` and `call`)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from rtfs.host.clock import Clock
from rtfs.host.stream.configuration import Configuration
from rtfs.host.stream.endpoint import Directory
from rtfs.host.stream.settings import read_settings
from rtfs.host.stream.tool import PAGES, text_of
from rtfs.host.stream.transports import Target
from rtfs.host.tools import Connections
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.suggest import nearest

_FOREIGN = frozenset({"mcp", "mcp_types", "httpx2", "httpcore2", "anyio"})  # whose errors are about the connection


class Unreachable(Exception):
    """There is no such server, or it does not answer; the text says why."""


class ToolFailed(Exception):
    """A tool said that it failed; the text is what it said."""


def servers() -> dict[str, str]:
    """Where each configured server is, without credentials; for one that cannot be used, why."""
    configuration = Configuration()
    directory, found = Directory(configuration, {}, {}), {}
    for name in sorted(configuration.server_names()):
        target = directory.server(name)
        found[name] = "disabled" if target is None else target.shown
    return found


def target_of(name: str) -> Target:
    """The server of a configured name, a URL, or `stdio:command`. Unreachable when there is none."""
    configuration = Configuration()
    directory = Directory(configuration, {}, {})
    if "://" in name or name.startswith("stdio:"):
        given: list[tuple[Keyword, Any]] = [(Keyword("endpoint"), name)]
        if name.startswith(("ws://", "wss://")):
            given.append((Keyword("protocol"), Keyword("mcp")))
        endpoint = directory.resolve(read_settings(Map.of(given)))
        assert endpoint is not None and endpoint.target is not None
        return endpoint.target
    target = directory.server(name)
    if target is None:
        near = nearest(name, configuration.server_names())
        hint = f"; did you mean {near[0]}?" if near else "; give a URL, stdio:COMMAND, or a name of the configuration"
        raise Unreachable(f"no MCP server {name!r} is configured{hint}")
    return target


async def visit(name: str, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """What `work(client)` gives over a connection to a server. Unreachable when there is no connection."""
    target = target_of(name)
    connections = Connections(Clock())
    try:
        return await connections.use(target, work)
    except Exception as error:
        if not isinstance(error, (TimeoutError, OSError)) and type(error).__module__.partition(".")[0] not in _FOREIGN:
            raise
        raise Unreachable(f"{target.shown}: {str(error) or 'no connection within 30 s'}") from error
    finally:
        await connections.aclose()


async def offers(client: Any) -> dict[str, Any]:
    """What a server offers: `server`, `version`, `protocol`, and lists of `tools`, `resources` and `prompts`."""
    has = client.server_capabilities
    found: dict[str, Any] = {
        "server": client.server_info.name,
        "version": client.server_info.version,
        "protocol": client.protocol_version,
        "instructions": client.instructions,
        "tools": [],
        "resources": [],
        "templates": [],
        "prompts": [],
    }
    for kind, present, ask in (
        ("tools", has.tools, client.list_tools),
        ("resources", has.resources, client.list_resources),
        ("resource_templates", has.resources, client.list_resource_templates),
        ("prompts", has.prompts, client.list_prompts),
    ):
        if present is not None:
            found[kind.removeprefix("resource_")] = [_plain(each) for each in await _pages(ask, kind)]
    return found


def meaning(text: str, schema: Any = None) -> Any:
    """What a typed text means: itself where the schema wants a string, else JSON, else itself."""
    if isinstance(schema, dict) and schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


async def _pages(ask: Callable[..., Awaitable[Any]], kind: str) -> list[Any]:
    items: list[Any] = []
    cursor: str | None = None
    for _ in range(PAGES):
        page = await ask(cursor=cursor)
        items.extend(getattr(page, kind))
        cursor = page.next_cursor
        if cursor is None:
            break
    return items


def _plain(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return found


async def call(client: Any, tool: str, arguments: dict[str, Any], written: frozenset[str]) -> Any:
    """What a tool gives: its structured content, else its blocks, a single text as it is. ToolFailed when it fails.

    written: names of arguments that are the texts somebody typed, which mean what the tool's schema wants.
    """
    tools = {each.name: each for each in await _pages(client.list_tools, "tools")}
    if tool not in tools:
        near = nearest(tool, list(tools))
        raise ToolFailed(f"the server has no tool '{tool}'{f'; did you mean {near[0]}?' if near else ''}")
    wanted = tools[tool].input_schema.get("properties") or {}
    meant = {name: meaning(text, wanted.get(name)) if name in written else text for name, text in arguments.items()}
    result = await client.call_tool(tool, meant)
    if result.is_error:
        raise ToolFailed(f"tool '{tool}' failed: {text_of(result)}")
    if result.structured_content is not None:
        return result.structured_content
    blocks = [_plain(block) for block in result.content]
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0].get("type") == "text" else blocks
