"""`mcp.<server>.<tool>`: the tools of the MCP servers that the configuration names."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, Provider


class _Tools(dict[str, Provider]):
    """Looks a tool's server up in the configuration; which tools it has, only the server can say."""

    def get(self, id: str, default: Any = None) -> Any:
        parts = id.split(".")
        if len(parts) < 3 or parts[0] != "mcp":
            return default
        from rtfs.host.stream.configuration import Configuration

        names = Configuration().server_names()
        server = next((name for name in sorted(names, key=len, reverse=True) if id.startswith(f"mcp.{name}.")), None)
        return default if server is None else _provider(id, server) or default


def _provider(id: str, server: str) -> Provider | None:
    from rtfs.host import tools
    from rtfs.host.stream import transports

    target = tools.configured(server)
    if target is None:
        return None

    async def call(ctx: CallContext, *args: Any) -> Any:
        return await tools.dispatch(ctx, server, target)

    effects = [":mcp", transports.effect(target.scheme)]
    text = f"A tool of the MCP server {server}; its schema is read from the server at the first call."
    return Provider(
        id, call, effects=effects, idempotent=False, native=True, description=text, provider=f"mcp:{server}"
    )


PROVIDERS = _Tools()
