"""`rtfs mcp ls|call|tail|listen` with a real server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEATHER = [sys.executable, str(ROOT / "examples" / "servers" / "weather.py")]
PLACE = f"stdio:{' '.join(WEATHER)}"

Run = Any


@pytest.fixture
def configured(tmp_path: Path) -> None:
    """The server `weather` of the folder's configuration."""
    entries = {"weather": {"command": WEATHER[0], "args": WEATHER[1:]}, "off": {"command": "x", "disabled": True}}
    (tmp_path / ".mcp.json").write_text(json.dumps({"mcpServers": entries}))


def test_configured_servers_are_listed(rtfs: Run, configured: None) -> None:
    done = rtfs("mcp", "ls")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "off      disabled")
    assert done.stdout.splitlines()[1].startswith("weather  ")
    assert [row["name"] for row in json.loads(rtfs("mcp", "ls", "--json").stdout)] == ["off", "weather"]


def test_without_configuration_that_is_said(rtfs: Run) -> None:
    done = rtfs("mcp", "ls")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.startswith("no MCP server is configured")


def test_what_a_server_offers_is_listed(rtfs: Run, configured: None) -> None:
    done = rtfs("mcp", "ls", "weather")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("weather 1.0.0 (protocol ")
    assert "  advance  Let some hours pass: the newest reading is another one." in lines
    assert "  weather://latest  The newest reading." in lines
    data = json.loads(rtfs("mcp", "ls", PLACE, "--json").stdout)
    assert [tool["name"] for tool in data["tools"]] == ["watch", "page", "advance"]


@pytest.mark.parametrize("arguments", [["cursor=2", "limit=1"], ['{"cursor": "2", "limit": 1}']])
def test_a_tool_is_called(rtfs: Run, configured: None, arguments: list[str]) -> None:
    done = rtfs("mcp", "call", "weather", "page", *arguments)
    assert done.returncode == 0
    assert [item["n"] for item in json.loads(done.stdout)["items"]] == [3]


def test_frames_are_shown_on_standard_error(rtfs: Run, configured: None) -> None:
    done = rtfs("mcp", "call", "weather", "page", "limit=1", "--raw")
    assert json.loads(done.stdout)["next"] == "1"
    frames = [(line[0], json.loads(line[2:])) for line in done.stderr.splitlines()]
    assert [way for way, frame in frames if frame.get("method") == "tools/call"] == [">"]
    assert frames[-1][0] == "<" and frames[-1][1]["result"]["structuredContent"]["next"] == "1"


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("call", "weather", "pag"), "error: the server has no tool 'pag'; did you mean page?", 1),
        (("call", "weather", "page", "limit=x"), "error: tool 'page' failed: ", 1),
        (("call", "wether", "page"), "error: no MCP server 'wether' is configured; did you mean weather?", 1),
        (("call", "weather", "page", "limit"), "Usage: ", 2),
        (("call", "weather", "page", "{"), "Usage: ", 2),
        (("ls", "stdio:no-such-program"), "error: stdio:no-such-program: ", 1),
        (("ls", "http://127.0.0.1:9/mcp"), "error: http://127.0.0.1:9/mcp: ", 1),
        (("tail", "weather", "nothing"), "error[RTFS-S024]", 1),
        (("listen", "nowhere"), "error: no MCP server 'nowhere' is configured", 1),
        (("ls", "--mcp-config", "nowhere.json"), "Usage: ", 2),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(
    rtfs: Run, configured: None, words: tuple[str, ...], said: str, code: int
) -> None:
    done = rtfs("mcp", *words)
    assert done.stderr.startswith(said), done.stderr
    assert (done.stdout, done.returncode, "Traceback" in done.stderr) == ("", code, False)


def test_the_progress_of_a_tool_is_followed_to_its_end(rtfs: Run, configured: None) -> None:
    done = rtfs("mcp", "tail", "weather", "watch", "limit=3")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert ([row.get("n") for row in rows], rows[-1]) == ([1, 2, 3, None], {"readings": 3, "last": 3})
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_resource_is_listened_to_until_ctrl_c(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rtfs", "mcp", "listen", f"{PLACE} --every-ms 50", "weather://latest"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, cwd=tmp_path, **pipes) as process:
        assert process.stdout is not None
        rows = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert [row["cue"] for row in rows] == ["open", "updated", "updated"]
    assert [row["contents"]["n"] for row in rows] == [1, 2, 3]
    assert (errors.endswith(b"interrupted\n"), process.returncode) == (True, 130)
