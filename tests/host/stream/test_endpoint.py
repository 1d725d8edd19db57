"""What endpoints mean, where URLs and credentials come from, and who may reach what (streaming.md §3.3, §3.4, §8)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.stream import guard
from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.configuration import DEFAULT_URL, Configuration
from rtfs.host.stream.endpoint import Directory, Endpoint
from rtfs.host.stream.settings import read_settings
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import RtfsError, StreamError
from rtfs.lang.names import Keyword as K
from rtfs.lang.outcome import RuntimeContext
from tests.host.stream.unruly import Peer, unruly


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


class Ask:
    """A directory with a configuration file and an environment, asked for endpoints."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] = {"XDG_CONFIG_HOME": str(folder / "nowhere")}

    def directory(self, **content: Any) -> Directory:
        file = self.folder / "mcp.json"
        if content:
            file.write_text(json.dumps(content))
        configuration = Configuration(str(file) if content else None, self.environment)
        return Directory(configuration, {"local": object()}, {"numbers": Topic(range(3))})

    def __call__(self, endpoint: str, /, *, content: dict[str, Any] | None = None, **options: Any) -> Endpoint | None:
        return self.directory(**(content or {})).resolve(read_settings(m(endpoint=endpoint, **options)))


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.chdir(tmp_path)
    return Ask(tmp_path)


SERVERS = {
    "mcpServers": {
        "weather": {"command": "python", "args": ["server.py", "--city", "${CITY:-Ulm}"], "env": {"KEY": "${KEY}"}},
        "plain": {"command": "python", "args": []},
        "remote": {"url": "https://example.org/mcp", "headers": {"X-Key": "${KEY}"}},
        "old": {"url": "https://example.org/events", "type": "sse"},
        "off": {"command": "python", "disabled": True},
    }
}


def test_urls_choose_their_adapter_by_what_is_asked_for(ask: Ask) -> None:
    cases = [
        ({"tool": "t"}, "progress"),
        ({"tool": "t", "cursor_arg": "c"}, "poll"),
        ({"resource": "r"}, "listen"),
        ({"uris": vector(["a", "b"])}, "listen"),
        ({}, "listen"),
        ({"resource": "r", "adapter": K("resource")}, "resource"),
    ]
    for options, adapter in cases:
        found = ask("https://example.org/mcp", **options)
        assert found is not None
        assert (found.adapter, found.target.scheme) == (adapter, "http")


def test_a_command_is_split_as_a_shell_would(ask: Ask) -> None:
    found = ask("stdio:python 'my server.py' --city Ulm", tool="t")
    assert found is not None
    assert (found.target.place, found.target.arguments) == ("python", ("my server.py", "--city", "Ulm"))


def test_memory_names_a_topic_or_a_server_of_this_process(ask: Ask) -> None:
    found = ask("memory:numbers")
    assert found is not None
    assert (found.adapter, found.target) == ("memory", None)
    found = ask("memory:local", tool="t")
    assert found is not None
    assert (found.adapter, found.target.scheme) == ("progress", "memory")
    with pytest.raises(StreamError, match="nothing is registered under that name"):
        ask("memory:nobody")


def test_a_configured_server_gives_its_tool_and_its_resource(ask: Ask) -> None:
    ask.environment["KEY"] = "k"
    settings = read_settings(m(endpoint="weather/watch"))
    found = ask.directory(**SERVERS).resolve(settings)
    assert found is not None
    assert (found.adapter, settings["tool"]) == ("progress", "watch")
    assert found.target.arguments == ("server.py", "--city", "Ulm")
    assert found.target.environment == (("KEY", "k"),)
    settings = read_settings(m(endpoint="weather:file:///a"))
    found = ask.directory(**SERVERS).resolve(settings)
    assert found is not None
    assert (found.adapter, settings["resource"]) == ("listen", "file:///a")


def test_a_missing_variable_is_named(ask: Ask) -> None:
    with pytest.raises(StreamError, match=r"server 'weather'': expected value for the variable KEY, got unset"):
        ask("weather/watch", content=SERVERS)


def test_a_disabled_or_unknown_server_is_a_logical_name(ask: Ask) -> None:
    assert ask("off/tool", content=SERVERS) is None
    assert ask("nobody/tool", content=SERVERS) is None


def test_a_configured_stream_is_a_complete_definition(ask: Ask) -> None:
    content = {**SERVERS, "streams": {"gauge": {"endpoint": "plain/page", "cursor-arg": "c", "queue-capacity": 5}}}
    directory = ask.directory(**content)
    settings = read_settings(directory.expand(m(endpoint="gauge", queue_capacity=9)))
    assert (settings["endpoint"], settings["cursor-arg"], settings["queue-capacity"]) == ("plain/page", "c", 9)
    found = directory.resolve(settings)
    assert found is not None
    assert found.adapter == "poll"


def test_plain_servers_are_reached_by_adapter_or_scheme(ask: Ask) -> None:
    content = {"mcpServers": {"live": {"url": "wss://example.org/mcp", "type": "ws"}}}
    cases: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
        ("https://example.org/sse", {"adapter": K("sse")}, ("sse", "http")),
        ("http://example.org/log", {"adapter": K("http-lines")}, ("http-lines", "http")),
        ("ws://example.org", {}, ("ws", "ws")),
        ("wss://example.org", {"protocol": K("mcp"), "tool": "t"}, ("progress", "ws")),
        ("live/watch", {}, ("progress", "ws")),
        ("live", {"adapter": K("ws")}, ("ws", "ws")),
    ]
    for endpoint, options, expected in cases:
        found = ask(endpoint, content=content, **options)
        assert found is not None
        assert (found.adapter, found.target.scheme) == expected


def test_an_adapter_that_does_not_fit_its_endpoint_is_refused(ask: Ask) -> None:
    cases = [
        ("ws://h", "sse", "a web socket needs :protocol :mcp for it"),
        ("https://ada:secret@h", "ws", "it needs a ws:// or wss:// URL"),
        ("stdio:python", "http-lines", "it needs an http:// or https:// URL"),
        ("memory:local", "sse", "it needs an http:// or https:// URL"),
    ]
    for endpoint, adapter, why in cases:
        with pytest.raises(StreamError) as caught:
            ask(endpoint, adapter=K(adapter))
        shown = endpoint.replace("ada:secret@", "")
        assert caught.value.message == f"Adapter :{adapter} cannot serve {shown}: {why}"


def test_credentials_of_the_environment_go_to_plain_servers_that_were_configured(ask: Ask) -> None:
    ask.environment["CCOS_MCP_STREAM_BEARER_TOKEN"] = "s3cret"
    content = {"streams": {"feed": {"endpoint": "wss://example.org/feed"}}}
    for endpoint, known in (("wss://example.org/feed", True), ("ws://example.org/feed", False), ("wss://h/", False)):
        found = ask(endpoint, content=content)
        assert found is not None
        assert found.target.headers() == ({"Authorization": "Bearer s3cret"} if known else {})


@pytest.mark.parametrize(
    ("endpoint", "scheme", "older"),
    [
        ("https://example.org/mcp", "http", "sse"),
        ("https://example.org/sse", "sse", None),
        ("https://example.org/sse/?key=1", "sse", None),
        ("old", "sse", None),
        ("new", "http", None),
    ],
)
def test_the_path_or_the_type_selects_the_transport_of_2024(
    ask: Ask, endpoint: str, scheme: str, older: str | None
) -> None:
    servers = {**SERVERS["mcpServers"], "new": {"url": "https://example.org/sse", "type": "streamable-http"}}
    found = ask(endpoint, content={"mcpServers": servers})
    assert found is not None
    assert (found.target.scheme, found.target.older) == (scheme, older)


def test_a_name_that_only_the_server_can_explain_is_looked_up_there(ask: Ask) -> None:
    for endpoint, server, adapter in (
        ("reading", "plain", "named"),
        ("plain", "plain", "listen"),
        ("t", "local", "named"),
    ):
        found = ask(endpoint, content=SERVERS, server=server)
        assert found is not None
        assert found.adapter == adapter
    found = ask("reading", server_url="https://example.org/mcp")
    assert found is not None
    assert found.adapter == "named"


def test_a_damaged_configuration_is_named(ask: Ask) -> None:
    (ask.folder / ".mcp.json").write_text("{")
    with pytest.raises(StreamError, match=r"expected JSON file that names servers, got \.mcp\.json"):
        ask("weather/watch")


# ---- logical names and precedence


def url_of(found: Endpoint | None) -> str | None:
    return None if found is None else found.target.place


def test_a26_a_bare_name_is_unconnected_unless_somebody_configured_a_url(ask: Ask) -> None:
    assert ask("gauge") is None
    ask.environment["CCOS_MCP_STREAM_ENDPOINT"] = "https://a.example/mcp"
    assert url_of(ask("gauge")) == "https://a.example/mcp"
    assert ask("gauge", auto_connect=False) is None
    ask.environment["CCOS_MCP_STREAM_AUTO_CONNECT"] = "off"
    assert ask("gauge") is None
    assert url_of(ask("gauge", server_url="https://b.example/mcp")) == "https://b.example/mcp"


def test_a26_urls_have_their_order_and_blank_ones_do_not_count(ask: Ask) -> None:
    names = ("CCOS_MCP_STREAM_ENDPOINT", "CCOS_MCP_LOCAL_SSE_URL", "CCOS_MCP_CLOUDFLARE_DOCS_SSE_URL")
    for name in reversed(names):
        ask.environment[name] = f"https://{name.lower().replace('_', '-')}.example/mcp"
        assert url_of(ask("gauge")) == ask.environment[name]
    ask.environment["CCOS_MCP_STREAM_ENDPOINT"] = "  "
    assert url_of(ask("gauge")) == ask.environment["CCOS_MCP_LOCAL_SSE_URL"]
    directory = ask.directory()
    directory.provider_url = "https://provider.example/mcp"
    assert url_of(directory.resolve(read_settings(m(endpoint="gauge")))) == "https://provider.example/mcp"
    assert url_of(ask("gauge", server_url="https://own.example/mcp")) == "https://own.example/mcp"


def test_a26_the_built_in_url_is_used_only_when_asked_for(ask: Ask) -> None:
    assert ask("gauge") is None
    assert url_of(ask("gauge", auto_connect=True)) == DEFAULT_URL
    ask.environment["CCOS_MCP_STREAM_AUTO_CONNECT"] = "yes"
    assert url_of(ask("gauge")) == DEFAULT_URL


def headers(ask: Ask, endpoint: str = "gauge", **options: Any) -> dict[str, str]:
    found = ask(endpoint, **options)
    assert found is not None
    return found.target.headers()


def test_a26_credentials_have_their_order(ask: Ask) -> None:
    ask.environment["CCOS_MCP_STREAM_ENDPOINT"] = "https://a.example/mcp"
    assert headers(ask) == {}
    ask.environment["CCOS_MCP_STREAM_BEARER_TOKEN"] = "token"
    assert headers(ask) == {"Authorization": "Bearer token"}
    ask.environment["CCOS_MCP_STREAM_AUTH_HEADER"] = "X-Api-Key: abc"
    assert headers(ask) == {"X-Api-Key": "abc"}
    ask.environment["CCOS_MCP_STREAM_AUTH_HEADER"] = "plain value"
    assert headers(ask) == {"Authorization": "plain value"}
    assert headers(ask, headers=m(authorization="mine")) == {"authorization": "mine"}
    assert headers(ask, auth=m(bearer="own"), headers=m(authorization="mine")) == {"Authorization": "Bearer own"}
    assert headers(ask, auth=K("none")) == {}
    ask.environment["MY_TOKEN"] = "X-Mine: 1"
    assert headers(ask, auth=m(env="MY_TOKEN")) == {"X-Mine": "1"}


def test_credentials_are_read_again_at_each_connect(ask: Ask) -> None:
    ask.environment["MY_TOKEN"] = "one"
    found = ask("https://a.example/mcp", auth=m(env="MY_TOKEN"))
    assert found is not None
    assert found.target.headers() == {"Authorization": "one"}
    ask.environment["MY_TOKEN"] = "two"
    assert found.target.headers() == {"Authorization": "two"}


def test_credentials_of_the_environment_go_only_to_origins_the_operator_configured(ask: Ask) -> None:
    ask.environment["CCOS_MCP_STREAM_ENDPOINT"] = "https://a.example/mcp"
    ask.environment["CCOS_MCP_STREAM_BEARER_TOKEN"] = "token"
    assert headers(ask, "https://a.example:443/other") == {"Authorization": "Bearer token"}
    for stranger in ("https://b.example/mcp", "http://a.example/mcp", "https://a.example:8443/mcp"):
        assert headers(ask, stranger) == {}


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        (m(header=": value"), "Invalid auth header: the header has no valid name"),
        (m(header="Na me: s3cret"), "Invalid auth header: the header has no valid name"),
        (m(header="Name: s3cret\r\nX: 1"), "Invalid auth header: the value of Name has control characters"),
        (m(bearer="s3cret\n"), "Invalid auth header: the value of Authorization has control characters"),
        (m(env="NOT_SET"), "Invalid auth header: the variable NOT_SET is not set"),
    ],
)
def test_a_bad_header_is_refused_without_showing_its_value(ask: Ask, auth: Map, message: str) -> None:
    with pytest.raises(StreamError) as caught:
        ask("https://a.example/mcp", auth=auth)
    assert (caught.value.code, caught.value.message) == ("RTFS-S029", message)


# ---- policy


Controlled = RuntimeContext.controlled
STREAMS = ["mcp.stream.*"]


@pytest.mark.parametrize(
    ("endpoint", "refusing", "allowing", "needs"),
    [
        ("stdio:python x", Controlled(STREAMS), Controlled(STREAMS, grants=[("run", "python")]), "--allow-run python"),
        ("stdio:python x", Controlled(STREAMS, grants=[("run", "node")]), Controlled([*STREAMS, "ccos.system.run"]),
         "--allow-run python"),
        ("stdio:python x", Controlled(STREAMS, effects=[":streaming"]),
         Controlled(STREAMS, effects=[":streaming", ":process"]), None),
        ("https://api.example.org/mcp", Controlled(STREAMS),
         Controlled(STREAMS, grants=[("net", "api.example.org")]), "--allow-net api.example.org"),
        ("https://api.example.org/mcp", Controlled(STREAMS, grants=[("net", "other.example.org")]),
         Controlled(STREAMS, grants=[("net", "*.example.org")]), "--allow-net api.example.org"),
        ("https://api.example.org/mcp", Controlled(STREAMS, effects=[":streaming", ":process"]),
         RuntimeContext.full(), None),
        ("wss://api.example.org/feed", Controlled(STREAMS, grants=[("net", "other.example.org")]),
         Controlled(STREAMS, grants=[("net", "api.example.org:443")]), "--allow-net api.example.org"),
        ("ws://api.example.org:81/", Controlled(STREAMS, grants=[("net", "api.example.org:80")]),
         Controlled(STREAMS, grants=[("net", "api.example.org")]), None),
    ],
)  # fmt: skip
def test_commands_and_hosts_are_asked_for_before_any_connection(
    ask: Ask, endpoint: str, refusing: RuntimeContext, allowing: RuntimeContext, needs: str | None
) -> None:
    found = ask(endpoint, tool="t")
    assert found is not None
    guard.admit(allowing, found.target, configured=False)
    with pytest.raises(RtfsError, match=r"Effect :.* denied for mcp\.stream\.start") as caught:
        guard.admit(refusing, found.target, configured=False)
    assert (caught.value.kind, caught.value.code) == ("SecurityViolation", "RTFS-S053")
    assert needs is None or f"allow it with {needs}" in caught.value.notes


def test_what_the_operator_configured_needs_no_grant(ask: Ask) -> None:
    found = ask("stdio:python x", tool="t")
    assert found is not None
    guard.admit(Controlled(STREAMS), found.target, configured=True)
    with pytest.raises(RtfsError):
        guard.admit(Controlled(STREAMS, effects=[":streaming"]), found.target, configured=True)


@pytest.mark.parametrize(
    ("url", "allowing"),
    [
        ("sqlite:/data/s", Controlled(STREAMS, grants=[("write", "/data")])),
        ("postgresql://db.example.org/x", Controlled(STREAMS, grants=[("net", "db.example.org")])),
        ("redis://[::1]:6379/0", Controlled(STREAMS, grants=[("net", "[::1]")])),
    ],
)
def test_a_store_that_the_program_names_needs_a_grant(url: str, allowing: RuntimeContext) -> None:
    guard.admit_store(allowing, url)
    guard.admit_store(RuntimeContext.full(), url)
    for context in (Controlled(STREAMS), Controlled(STREAMS, grants=[("write", "/other"), ("net", "other.org")])):
        with pytest.raises(RtfsError, match="denied"):
            guard.admit_store(context, url)


@pytest.mark.parametrize("url", [None, "memory:"])
def test_the_stores_of_the_host_need_none(url: str | None) -> None:
    guard.admit_store(Controlled(STREAMS), url)


def test_a_recording_needs_a_grant_to_be_read_and_to_be_written() -> None:
    reading, writing = Controlled(STREAMS, grants=[("read", "/data")]), Controlled(STREAMS, grants=[("write", "/data")])
    guard.admit_files(reading, "replay:/data/tape", None)
    guard.admit_files(writing, "wss://example.org", "/data/tape")
    guard.admit_files(RuntimeContext.full(), "replay:/data/tape", "/data/other")
    for context, endpoint, record in (
        (writing, "replay:/data/tape", None),
        (reading, "room", "/data/tape"),
        (reading, "replay:/data/../etc/passwd", None),
        (Controlled(STREAMS), "replay:tape", None),
        (Controlled(STREAMS, effects=[":streaming", ":network"]), "room", "/data/tape"),
    ):
        with pytest.raises(RtfsError, match=r"Effect :filesystem.* denied"):
            guard.admit_files(context, endpoint, record)


async def test_a_recording_that_may_not_be_read_is_not_even_looked_for(registry: Any) -> None:
    with pytest.raises(RtfsError) as caught:
        await registry.start_map(m(endpoint="replay:/nowhere/tape"), security=Controlled(STREAMS))
    assert caught.value.code == "RTFS-S053"


@pytest.mark.parametrize("location", ["http://127.0.0.2:9/", "http://other.example/"])
async def test_a_redirect_does_not_lead_where_the_program_may_not_go(ground: Any, location: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(302, location=location)

    async with unruly(script) as server:
        security = Controlled(STREAMS, grants=[("net", "127.0.0.1")])
        given = m(endpoint=server.url, adapter=K("sse"))
        stream = await ground.registry().start_map(given, security=security)
        with pytest.raises(RtfsError) as caught:
            await stream.result()
        assert (caught.value.kind, caught.value.code) == ("SecurityViolation", "RTFS-S053")


@pytest.mark.parametrize("adapter", ["task", "partial"])
async def test_adapters_of_later_versions_are_refused_by_name(ground: Any, adapter: str) -> None:
    with pytest.raises(StreamError) as caught:
        await ground.registry().start("https://example.org/mcp", adapter=K(adapter), tool="t")
    assert f"{caught.value.code} {caught.value.message}" == (
        f"RTFS-S024 Adapter :{adapter} cannot serve https://example.org/mcp: "
        "this version does not speak the extension of the protocol that it needs"
    )
