"""Tools of real MCP servers as capabilities: over stdio and HTTP by configuration, and objects of this process."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

from rtfs import Marketplace, RuntimeContext, Session, to_python
from rtfs.lang.errors import HostCallError
from rtfs.lang.printer import show

ROOT = Path(__file__).resolve().parents[2]
WEATHER = str(ROOT / "examples" / "servers" / "weather.py")


def office() -> MCPServer[None]:
    """A server with tools of all shapes."""
    server: MCPServer[None] = MCPServer("office", version="2.1.0")

    @server.tool(description="Adds.", annotations=ToolAnnotations(read_only_hint=True))
    def add(a: int, b: int = 10) -> int:
        return a + b

    @server.tool()
    def describe(person: dict[str, Any], tags: list[str] | None = None) -> dict[str, Any]:
        return {"name": person["name"], "tags": tags or [], "extra": {"n": 1}}

    @server.tool()
    def fail(text: str) -> str:
        raise ValueError(f"no: {text}")

    @server.tool(name="send mail/now")
    def mail(to: str) -> str:
        return f"sent to {to}"

    return server


@pytest_asyncio.fixture
async def session() -> AsyncIterator[Session]:
    made = Session(marketplace=Marketplace(), context=RuntimeContext.controlled(allow=["mcp.office.*"]))
    await made.host.load_mcp("office", office())
    yield made
    await made.host.shutdown()


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    def write(servers: dict[str, Any]) -> None:
        (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
        monkeypatch.setenv("RTFS_MCP_CONFIG", str(tmp_path / "mcp.json"))

    return write


# ---- loaded


async def test_a_loaded_server_has_manifests_with_types(session: Session) -> None:
    market = session.host.marketplace
    assert market.discover("mcp.office.*") == [
        "mcp.office.add", "mcp.office.describe", "mcp.office.fail", "mcp.office.send_mail_now",
    ]  # fmt: skip
    manifest = market.manifest("mcp.office.add")
    assert show(manifest.input_schema) == "[:map [:a :int] [:b :int ?]]"
    assert (manifest.description, manifest.version, manifest.idempotent) == ("Adds.", "2.1.0", True)
    assert manifest.effects == (":mcp",) and manifest.provider == "mcp:office"
    assert not market.manifest("mcp.office.describe").idempotent


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("(call :mcp.office.add {:a 1 :b 2})", {"result": 3}),
        ("(call :mcp.office.add 1 2)", {"result": 3}),
        ("(call :mcp.office.add 1)", {"result": 11}),
        ('(:name (call :mcp.office.describe {:person {:name "Ada"} :tags ["x"]}))', "Ada"),
        ('(call :mcp.office.send_mail_now "ada")', {"result": "sent to ada"}),
        ("(map (fn [n] (:result (call :mcp.office.add n 1))) [1 2 3])", [2, 3, 4]),
    ],
)
async def test_a_tool_is_called_with_its_fields_or_in_their_order(session: Session, source: str, value: Any) -> None:
    assert to_python(await session.run_async(source)) == value


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ('(call :mcp.office.add "one")', "input-validation", "Invalid input for mcp.office.add: :a: "),
        ("(call :mcp.office.add)", "input-validation", "Invalid input for mcp.office.add: expected 1 or 2 arguments"),
        ('(call :mcp.office.fail "x")', "tool-error", "Tool 'fail' failed: "),
    ],
)
async def test_wrong_input_and_failing_tools_are_host_errors(
    session: Session, source: str, kind: str, text: str
) -> None:
    with pytest.raises(HostCallError) as caught:
        await session.run_async(source)
    assert caught.value.type == kind
    assert caught.value.message.startswith(text)


async def test_a_tool_that_is_not_allowed_is_refused_before_any_connection() -> None:
    session = Session(marketplace=Marketplace(), context=RuntimeContext.controlled(allow=["mcp.other.*"]))
    await session.host.load_mcp("office", office())
    with pytest.raises(HostCallError) as caught:
        await session.run_async("(call :mcp.office.add 1)")
    assert caught.value.kind == "SecurityViolation"
    await session.host.shutdown()


# ---- configured


def run(source: str, **options: Any) -> Any:
    session = Session(context=RuntimeContext.controlled(allow=["mcp.**"]), **options)
    try:
        return to_python(session.run(source))
    finally:
        session.shutdown()


def test_a_configured_stdio_server_needs_no_registration(configured: Callable[..., None]) -> None:
    configured({"weather": {"command": sys.executable, "args": [WEATHER]}})
    source = '(map (fn [c] (:next (call :mcp.weather.page {:cursor c :limit 2}))) ["0" "502"])'
    assert run(source) == ["2", None]


def test_a_configured_http_server_needs_no_registration(configured: Callable[..., None], weather_url: str) -> None:
    configured({"weather": {"url": weather_url}})
    assert len(run('(:items (call :mcp.weather.page "0" 3))')) == 3


def test_a_tool_that_the_server_lacks_is_unknown_and_the_near_one_named(configured: Callable[..., None]) -> None:
    configured({"weather": {"command": sys.executable, "args": [WEATHER]}})
    with pytest.raises(HostCallError) as caught:
        run('(call :mcp.weather.pages "0")')
    assert caught.value.kind == "UnknownCapability"
    assert caught.value.notes[0] == "did you mean `mcp.weather.page`?"


def test_a_server_that_nobody_configured_is_unknown(configured: Callable[..., None]) -> None:
    configured({})
    with pytest.raises(HostCallError) as caught:
        run("(call :mcp.weather.page)")
    assert caught.value.kind == "UnknownCapability"


@pytest.mark.parametrize("command", ["/no/such/program", "/bin/false"])
def test_a_server_that_does_not_start_is_a_host_error_of_the_connection(
    configured: Callable[..., None], command: str
) -> None:
    configured({"weather": {"command": command}})
    with pytest.raises(HostCallError) as caught:
        run("(call :mcp.weather.page)")
    assert (caught.value.kind, caught.value.type) in (("HostError", "connection"), ("HostError", "host-error"))


def test_a_server_that_dies_is_started_again_for_the_next_call(configured: Callable[..., None], tmp_path: Path) -> None:
    server = tmp_path / "dying.py"
    server.write_text(
        "import os\nfrom mcp.server.mcpserver import MCPServer\nserver = MCPServer('d')\n"
        "@server.tool()\ndef die() -> str:\n    os._exit(1)\n"
        "@server.tool()\ndef pid() -> int:\n    return os.getpid()\nserver.run()\n"
    )
    configured({"d": {"command": sys.executable, "args": [str(server)]}})
    source = "(let [a (call :mcp.d.pid) e (try (call :mcp.d.die) (catch e :died)) b (call :mcp.d.pid)] [(= a b) e])"
    same, ending = run(source)
    assert (same, str(ending)) == (False, "died")
