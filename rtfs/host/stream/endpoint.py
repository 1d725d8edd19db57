"""What an endpoint means: which server, over which transport, and what of it (streaming.md §3.3, §3.4)."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rtfs.host.stream import credential, options
from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.configuration import DEFAULT_URL, HEADER_VARIABLE, TOKEN_VARIABLE, Configuration
from rtfs.host.stream.entry import kind_of
from rtfs.host.stream.options import START, normal
from rtfs.host.stream.recording import Recording
from rtfs.host.stream.settings import Settings, read_settings
from rtfs.host.stream.transports import Target
from rtfs.host.stream.transports.replay import Replay
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

CAPABILITY = "mcp.stream.start"
_SOCKETS = ("ws://", "wss://")
_PLAIN = frozenset({"sse", "http-lines"})  # adapters of HTTP servers that speak no MCP
FRAMED = frozenset({"sse", "http-lines", "ws"})  # adapters that take frames, and need no server for that
_NEEDS = {
    "sse": "it needs an http:// or https:// URL",
    "http-lines": "it needs an http:// or https:// URL",
    "ws": "it needs a ws:// or wss:// URL",
    "replay": "it needs replay:file",
    "memory": "it is no topic of this process",
}


class Endpoint(NamedTuple):
    """A resolved endpoint. target: None for a topic of this process. material: what the adapter gets beside settings, a
    topic or a recording."""

    target: Target | None
    adapter: str
    material: Topic | Recording | None = None


class Directory:
    """What names mean here: configured servers and streams, and what this process registered under `memory:`."""

    def __init__(
        self,
        configuration: Configuration,
        servers: Mapping[str, Any],
        topics: Mapping[str, Topic | Callable[[], Topic]],
    ) -> None:
        self.configuration = configuration
        self.servers = servers
        self.topics = topics
        self.provider_url: str | None = None

    def expand(self, parameters: Any) -> Any:
        """Start parameters with those of a configured stream of that name under them; others as they are."""
        name = None if type(parameters) is not Map else parameters.get(Keyword("endpoint"), parameters.get("endpoint"))
        if type(name) is not str or ":" in name:
            return parameters
        entry = self.configuration.stream(name)
        if entry is None:
            return parameters
        own = [(key, value) for key, value in parameters.entries() if normal(key) != "endpoint"]
        taken = {normal(key) for key, _ in own}
        under = [(key, value) for key, value in entry.entries() if normal(key) not in taken]
        named = [] if any(normal(key) == "endpoint" for key, _ in under) else [(Keyword("endpoint"), name)]
        return Map.of([*named, *under, *own])

    def resolve(self, settings: Settings) -> Endpoint | None:
        """The endpoint of a start call, None when the stream is unconnected.

        Fills in `:tool` and `:resource` it names.
        """
        name: str = settings["endpoint"]
        if settings["auto-connect"] is False:
            return None
        if name.startswith(_SOCKETS):
            return self._socket(name, settings, None)
        if name.startswith("replay:"):
            return self._replay(name, settings)
        if name.startswith(("http://", "https://")):
            return self._remote(name, settings, None)
        if name.startswith("stdio:"):
            return self._child(name, settings)
        if name.startswith("memory:"):
            return self._memory(name, settings)
        return self._configured(name, settings) or self._logical(name, settings)

    def server(self, name: str) -> Target | None:
        """Where a configured server is; None when there is none of that name."""
        entry = self.configuration.server(name)
        if entry is None:
            return None
        settings = read_settings(Map.of([(Keyword("endpoint"), name)]))
        return self._entry(entry, name, settings).target

    def page(self, scheme: str, url: str, settings: Settings) -> Target:
        """Where a URL is that a program names and that nobody is asked in MCP. S003, S029."""
        return self._target(scheme, url, settings, None)

    def client_config(self) -> dict[str, Any]:
        """The resolved default URL and where its credentials come from, for people: no secret in it."""
        configuration = self.configuration
        url = self.provider_url or configuration.operator_url()
        return {
            "server_url": credential.masked(url or DEFAULT_URL),
            "configured": url is not None,
            "auto_connect": configuration.auto_connect(),
            "auth_header": _hidden(configuration.variable(HEADER_VARIABLE)),
            "bearer_token": _hidden(configuration.variable(TOKEN_VARIABLE)),
            "servers": sorted(configuration.server_names()),
        }

    # ---- the forms

    def _remote(self, url: str, settings: Settings, entry: dict[str, Any] | None) -> Endpoint:
        kind = None if entry is None else kind_of(entry)
        if url.startswith(_SOCKETS):
            return self._socket(url, settings, entry)
        wanted = settings["adapter"].name
        if wanted in _PLAIN:
            return Endpoint(self._target("http", url, settings, entry), wanted)
        older = kind == "sse" or (kind is None and urlsplit(url).path.rstrip("/").endswith("/sse"))
        target = self._target("sse" if older else "http", url, settings, entry)
        return Endpoint(target._replace(older="sse" if kind is None and not older else None), _adapter(settings))

    def _socket(self, url: str, settings: Settings, entry: dict[str, Any] | None) -> Endpoint:
        """A web socket: a configured server speaks MCP over it, any other only with `:protocol :mcp`."""
        target = self._target("ws", url, settings, entry)
        wanted = settings["adapter"].name
        if wanted == "ws" or (wanted == "auto" and entry is None and settings["protocol"] is None):
            return Endpoint(target, "ws")
        if settings["protocol"] is None and entry is None:
            raise fault(24, a=f":{wanted}", endpoint=target.shown, why="a web socket needs :protocol :mcp for it")
        return Endpoint(target, _adapter(settings))

    def _target(self, scheme: str, url: str, settings: Settings, entry: dict[str, Any] | None) -> Target:
        trusted = entry is not None or self._known_origin(url)

        def headers() -> dict[str, str]:
            return credential.headers(settings, entry, self.configuration, trusted=trusted)

        key = (scheme, url, tuple(sorted(headers().items())))
        return Target(scheme, url, credential.shown(url), headers, key=key, configured=trusted)

    def _known_origin(self, url: str) -> bool:
        """Did the operator configure this origin? Only then it gets credentials of the environment."""
        known = [self.configuration.operator_url(), self.provider_url, *self.configuration.urls()]
        return any(found is not None and credential.origin(found) == credential.origin(url) for found in known)

    def _child(self, name: str, settings: Settings) -> Endpoint:
        words = shlex.split(name.removeprefix("stdio:"))
        if not words:
            raise fault(3, p="endpoint", kind="stdio:command", value=name)
        return Endpoint(_process(words[0], tuple(words[1:]), (), None), _adapter(settings))

    def _replay(self, name: str, settings: Settings) -> Endpoint:
        """A recording: of frames, which the recorded adapter takes again, or of a whole MCP server."""
        path = name.removeprefix("replay:")
        if settings["adapter"].name not in ("auto", "replay"):
            raise fault(24, a=f":{settings['adapter'].name}", endpoint=name, why="a recording names its adapter itself")
        recording = Recording(path)
        for key, value in options.read(recording.options, START, CAPABILITY).items():
            settings.setdefault(key, value)
        if recording.adapter in FRAMED:
            return Endpoint(Target("replay", path, name), "replay", recording)
        if recording.adapter == "named":
            settings["endpoint"] = recording.endpoint
        settings["interval-ms"] = settings["interval-ms"] if settings["speed"] else 0
        place = Replay(recording, settings["speed"])
        return Endpoint(Target("replay", place, name, key=("replay", id(place))), recording.adapter)

    def _memory(self, name: str, settings: Settings) -> Endpoint:
        known = name.removeprefix("memory:")
        topic = self.topics.get(known)
        if topic is not None:
            return Endpoint(None, "memory", topic() if callable(topic) else topic)
        server = self.servers.get(known)
        if server is None:
            raise fault(24, a=":auto", endpoint=name, why="nothing is registered under that name")
        return Endpoint(Target("memory", server, name, key=("memory", id(server))), _adapter(settings))

    def _configured(self, name: str, settings: Settings) -> Endpoint | None:
        server, slash, tool = name.partition("/")
        if slash and (entry := self.configuration.server(server)) is not None:
            settings["tool"] = settings["tool"] or tool
            return self._entry(entry, server, settings)
        server, colon, uri = name.partition(":")
        if colon and (entry := self.configuration.server(server)) is not None:
            settings["resource"] = settings["resource"] or uri
            return self._entry(entry, server, settings)
        server = settings["server"] or name
        registered = self.servers.get(server) if settings["server"] else None
        entry = self.configuration.server(server) if registered is None else None
        if registered is None and entry is None:
            return None
        if name != server:
            _look_up(settings)
        if entry is not None:
            return self._entry(entry, server, settings)
        return Endpoint(Target("memory", registered, server, key=("memory", id(registered))), _adapter(settings))

    def _entry(self, entry: dict[str, Any], name: str, settings: Settings) -> Endpoint:
        if settings["server-url"]:
            return self._remote(settings["server-url"], settings, None)
        if entry.get("timeout") is not None and "read-timeout-ms" not in settings:
            settings["read-timeout-ms"] = max(1, round(entry["timeout"]))
        if entry.get("url"):
            return self._remote(str(entry["url"]), settings, entry)
        environment = tuple((str(key), str(value)) for key, value in (entry.get("env") or {}).items())
        arguments = tuple(str(word) for word in entry.get("args") or ())
        target = _process(str(entry["command"]), arguments, environment, entry.get("cwd"))
        return Endpoint(target._replace(configured=True), _adapter(settings))

    def _logical(self, name: str, settings: Settings) -> Endpoint | None:
        """Any other text: unconnected, unless somebody named a URL or asks for the default one."""
        wish = settings["auto-connect"]
        url = settings["server-url"] or self.provider_url or self.configuration.operator_url()
        asked = wish is True or self.configuration.auto_connect() is True
        refused = wish is None and self.configuration.auto_connect() is False
        if url is None and asked:
            url = DEFAULT_URL
        if url is None or (refused and not settings["server-url"]):
            return None
        _look_up(settings)
        return self._remote(url, settings, None)


def _look_up(settings: Settings) -> None:
    """Only the server knows what the endpoint's name means there, unless the parameters say."""
    asked = (settings["tool"], settings["resource"], settings["uris"])
    if settings["adapter"] is Keyword("auto") and asked == (None, None, None):
        settings["adapter"] = Keyword("named")


def _hidden(secret: str | None) -> str | None:
    return None if secret is None else "***"


def _process(command: str, arguments: tuple[str, ...], environment: tuple[tuple[str, str], ...], folder: Any) -> Target:
    shown = f"stdio:{shlex.join((command, *arguments))}"
    folder = None if folder is None else str(folder)
    key = ("stdio", command, arguments, environment, folder)
    return Target("stdio", command, shown, arguments=arguments, environment=environment, folder=folder, key=key)


def _adapter(settings: Settings) -> str:
    """The adapter of a server: the one asked for, else by what of the server is asked for (§3.3)."""
    wanted: str = settings["adapter"].name
    if wanted == "auto":
        called = "poll" if settings["cursor-arg"] else "progress"
        wanted = called if settings["tool"] else "listen"
    if wanted == "named":
        settings["adapter"] = Keyword("auto")
    if wanted in ("progress", "poll") and not settings["tool"]:
        raise fault(24, a=f":{wanted}", endpoint=settings["endpoint"], why="no :tool is named")
    if wanted == "resource" and not (settings["resource"] or settings["uris"]):
        raise fault(24, a=":resource", endpoint=settings["endpoint"], why="no :resource is named")
    if settings["since-arg"] is not None and settings["since-path"] is None:
        raise fault(2, field="since-path")
    if wanted in _NEEDS:
        raise fault(24, a=f":{wanted}", endpoint=credential.masked(settings["endpoint"]), why=_NEEDS[wanted])
    return wanted
