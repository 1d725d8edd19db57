"""The file that names MCP servers and streams, and the environment around it (streaming.md §3.4)."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import from_json
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError

_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}")
AUTO_CONNECT = "CCOS_MCP_STREAM_AUTO_CONNECT"
URL_VARIABLES = ("CCOS_MCP_STREAM_ENDPOINT", "CCOS_MCP_LOCAL_SSE_URL", "CCOS_MCP_CLOUDFLARE_DOCS_SSE_URL")
DEFAULT_URL = "https://docs.mcp.cloudflare.com/sse"
HEADER_VARIABLE, TOKEN_VARIABLE = "CCOS_MCP_STREAM_AUTH_HEADER", "CCOS_MCP_STREAM_BEARER_TOKEN"


class Configuration:
    """Servers and streams by name. file: the one in use, None when there is none; environment: variables to expand."""

    def __init__(self, file: str | None = None, environment: Mapping[str, str] | None = None) -> None:
        self.environment = os.environ if environment is None else environment
        self.file = file
        self._content: dict[str, Any] | None = None

    def _read(self) -> dict[str, Any]:
        if self._content is None:
            path = self._path()
            self._content = {} if path is None else _parse(path)
        return self._content

    def _path(self) -> Path | None:
        named = self.file or self.environment.get("RTFS_MCP_CONFIG", "").strip()
        if named:
            return Path(named)
        home = Path(self.environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        return next((path for path in (Path(".mcp.json"), home / "rtfs" / "mcp.json") if path.is_file()), None)

    @classmethod
    def of(cls, servers: Mapping[str, Any]) -> Configuration:
        """A configuration of these server entries alone."""
        made = cls()
        made._content = {"mcpServers": dict(servers)}
        return made

    def server_names(self) -> list[str]:
        """The names of all servers, disabled ones too."""
        content = self._read()
        return list(content.get("mcpServers") or content.get("servers") or {})

    def server(self, name: str) -> dict[str, Any] | None:
        """The entry of a server with its variables expanded; None when there is none or it is disabled."""
        content = self._read()
        entry = (content.get("mcpServers") or content.get("servers") or {}).get(name)
        if not isinstance(entry, dict) or entry.get("disabled") is True:
            return None
        expanded: dict[str, Any] = self._expand(entry, name)
        return expanded

    def urls(self) -> Iterator[str]:
        """The URLs that servers and streams of the file have; not those whose variables are unset."""
        content = self._read()
        servers, streams = content.get("mcpServers") or content.get("servers") or {}, content.get("streams") or {}
        entries = [*(servers.items()), *(streams.items())]
        for name, entry in entries:
            for key in ("url", "endpoint", "server-url") if isinstance(entry, dict) else ():
                try:
                    found = self._expand(entry.get(key), name)
                except RtfsError:
                    continue
                if isinstance(found, str) and "://" in found:
                    yield found

    def stream(self, name: str) -> Map | None:
        """The start parameters that a logical name stands for."""
        entry = (self._read().get("streams") or {}).get(name)
        return from_json(self._expand(entry, name)) if isinstance(entry, dict) else None

    def _expand(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: self._expand(item, name) for key, item in value.items()}
        if isinstance(value, list):
            return [self._expand(item, name) for item in value]
        return _VARIABLE.sub(lambda match: self._variable(match, name), value) if isinstance(value, str) else value

    def _variable(self, match: re.Match[str], name: str) -> str:
        found = self.environment.get(match[1])
        if found is not None:
            return found
        if match[2] is None:
            raise fault(3, p=f"server '{name}'", kind=f"value for the variable {match[1]}", value="unset")
        return match[2]

    # ---- the environment

    def variable(self, name: str) -> str | None:
        """A variable that is set and not blank."""
        return self.environment.get(name, "").strip() or None

    def operator_url(self) -> str | None:
        """The URL that the environment names."""
        return next((url for url in map(self.variable, URL_VARIABLES) if url), None)

    def auto_connect(self) -> bool | None:
        """What the environment says about connecting logical names; None when it says nothing."""
        wish = self.variable(AUTO_CONNECT)
        return None if wish is None else wish.lower() in ("1", "true", "yes", "on")


def _parse(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise fault(3, p="--mcp-config", kind="JSON file that names servers", value=f"{path}: {problem}") from None
    if not isinstance(content, dict):
        raise fault(3, p="--mcp-config", kind="JSON object", value=str(path))
    return content
