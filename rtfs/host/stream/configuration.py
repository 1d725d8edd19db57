"""The file that names MCP servers and streams, and the environment around it (streaming.md §3.4)."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import from_json
from rtfs.host.stream.entry import checked
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError

_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_]\w*)(?::-([^}]*))?\}")
PROJECT = "rtfs.toml"
AUTO_CONNECT = "CCOS_MCP_STREAM_AUTO_CONNECT"
URL_VARIABLES = ("CCOS_MCP_STREAM_ENDPOINT", "CCOS_MCP_LOCAL_SSE_URL", "CCOS_MCP_CLOUDFLARE_DOCS_SSE_URL")
DEFAULT_URL = "https://docs.mcp.cloudflare.com/sse"
HEADER_VARIABLE, TOKEN_VARIABLE = "CCOS_MCP_STREAM_AUTH_HEADER", "CCOS_MCP_STREAM_BEARER_TOKEN"


class Configuration:
    """Servers and streams by name. file: the one in use, None when there is none; environment: variables to expand.

    Without a file that somebody named, it is `.mcp.json` of the working folder or else that of the user; the tables
    `[servers.NAME]` and `[streams.NAME]` of the project's `rtfs.toml` say what it does not.
    """

    def __init__(self, file: str | None = None, environment: Mapping[str, str] | None = None) -> None:
        self.environment = os.environ if environment is None else environment
        self.file = file
        self._content: dict[str, Any] | None = None

    def _read(self) -> dict[str, Any]:
        if self._content is None:
            path = self._path()
            found = {} if path is None else _parse(path)
            servers, streams = _table(found, ("mcpServers", "servers"), path), _table(found, ("streams",), path)
            project = {} if self._named() else _project(Path.cwd())
            self._content = {
                "servers": {**_table(project, ("servers",), PROJECT), **servers},
                "streams": {**_table(project, ("streams",), PROJECT), **streams},
            }
        return self._content

    def _named(self) -> str:
        """The file that somebody named."""
        return self.file or self.environment.get("RTFS_MCP_CONFIG", "").strip()

    def _path(self) -> Path | None:
        if self._named():
            return Path(self._named())
        home = Path(self.environment.get("XDG_CONFIG_HOME") or Path.home() / ".config")
        return next((path for path in (Path(".mcp.json"), home / "rtfs" / "mcp.json") if path.is_file()), None)

    @classmethod
    def of(cls, servers: Mapping[str, Any]) -> Configuration:
        """A configuration of these server entries alone."""
        made = cls()
        made._content = {"servers": dict(servers), "streams": {}}
        return made

    def server_names(self) -> list[str]:
        """The names of all servers, disabled ones too."""
        return list(self._read()["servers"])

    def server(self, name: str) -> dict[str, Any] | None:
        """The entry of a server with its variables expanded; None when there is none or it is disabled."""
        entry = self._read()["servers"].get(name)
        if entry is None or (isinstance(entry, dict) and entry.get("disabled") is True):
            return None
        return checked(self._expand(entry, f"server '{name}'"), name)

    def urls(self) -> Iterator[str]:
        """The URLs that servers and streams of the file have; not those whose variables are unset."""
        content = self._read()
        for name, entry in [*content["servers"].items(), *content["streams"].items()]:
            for key in ("url", "endpoint", "server-url") if isinstance(entry, dict) else ():
                try:
                    found = self._expand(entry.get(key), name)
                except RtfsError:
                    continue
                if isinstance(found, str) and "://" in found:
                    yield found

    def stream(self, name: str) -> Map | None:
        """The start parameters that a logical name stands for."""
        entry = self._read()["streams"].get(name)
        return from_json(self._expand(entry, f"stream '{name}'")) if isinstance(entry, dict) else None

    def _expand(self, value: Any, name: str) -> Any:
        """The value with its variables filled in. name: what it is part of, for the error."""
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
            raise fault(3, p=name, kind=f"value for the variable {match[1]}", value="unset")
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


def _table(content: dict[str, Any], names: tuple[str, ...], place: Any) -> dict[str, Any]:
    """The map under the first of the names that is there; S003 when it is none."""
    name = next((name for name in names if content.get(name) is not None), None)
    found = {} if name is None else content[name]
    if not isinstance(found, dict):
        raise fault(3, p=f"{place}: {name}", kind="map from names to entries", value=type(found).__name__)
    return found


def _project(folder: Path) -> dict[str, Any]:
    """The project file of a folder or the nearest above it. One that others may write is refused: it names programs."""
    import tomllib  # deferred: most folders have no such file

    path = next((place / PROJECT for place in (folder, *folder.parents) if (place / PROJECT).is_file()), None)
    if path is None:
        return {}
    try:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            tables = tomllib.load(file)
    except (OSError, ValueError) as problem:
        raise fault(3, p=PROJECT, kind="TOML file", value=f"{path}: {problem}") from None
    foreign = hasattr(os, "getuid") and facts.st_uid not in (os.getuid(), 0)
    if ("servers" in tables or "streams" in tables) and (foreign or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        raise fault(3, p=PROJECT, kind="file that only its owner, you, may write", value=str(path))
    return tables


def _parse(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise fault(3, p="--mcp-config", kind="JSON file that names servers", value=f"{path}: {problem}") from None
    if not isinstance(content, dict):
        raise fault(3, p="--mcp-config", kind="JSON object", value=str(path))
    return content
