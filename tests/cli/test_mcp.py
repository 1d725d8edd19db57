"""`rtfs mcp serve` as a process: talked to by the official client and by one of another make, over HTTP, and killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mcp
import pytest
from mcp.client.stdio import StdioServerParameters, stdio_client

Run = Callable[..., "subprocess.CompletedProcess[str]"]

TOOLS = """
(println "loaded with" args)
(defn double "Twice the number." [n :int] :int (println "on the console") (* 2 n))
(defn home "Where somebody lives." [] (call :ccos.system.get-env "HOME"))
(defn remember "Sets what others could see." [] (call :ccos.context.set :a 1))
(defn hang "Waits for ever." [] (call :ccos.system.sleep-ms 1000000))
(defn lost "No types." [x] x)
"""


@pytest.fixture
def tools(tmp_path: Path) -> str:
    (tmp_path / "tools.rtfs").write_text(TOOLS)
    return str(tmp_path / "tools.rtfs")


@contextmanager
def serving(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`rtfs mcp serve ARGUMENTS` with pipes."""
    command = [sys.executable, "-m", "rtfs", "mcp", "serve", *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Stranger:
    """A client of another make: JSON lines, the handshake of 2025, nothing of the SDK."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "0"}}
        self.server = self.ask(0, "initialize", hello)["result"]
        self.tell("notifications/initialized")

    def tell(self, method: str, params: Any = None, **more: Any) -> None:
        message = {"jsonrpc": "2.0", "method": method, **more, **({} if params is None else {"params": params})}
        self._in.write(json.dumps(message) + "\n")
        self._in.flush()

    def ask(self, id: int, method: str, params: Any = None) -> Any:
        self.tell(method, params, id=id)
        return self.answer(id)

    def answer(self, id: int) -> Any:
        while True:
            message = json.loads(self._out.readline())
            if message.get("id") == id:
                return message


async def test_the_official_client_lists_and_calls_tools(environment: dict[str, str], tools: str) -> None:
    command = ["-m", "rtfs", "mcp", "serve", "--allow-env", "HOME", tools, "Ada"]
    server = StdioServerParameters(command=sys.executable, args=command, env={**environment, "HOME": "/home/ada"})
    async with mcp.Client(stdio_client(server)) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["double", "home", "remember", "hang"]
        twice = await client.call_tool("double", {"n": 21})
        assert twice.structured_content == {"result": 42}
        assert (await client.call_tool("home", {})).content[0].text == "/home/ada"  # type: ignore[union-attr]
        refused = await client.call_tool("remember", {})
        assert refused.is_error and "rule: denied by ccos.context.set" in refused.content[0].text  # type: ignore[union-attr]


def test_a_client_of_another_make_is_served_and_cancels(environment: dict[str, str], tools: str) -> None:
    with serving(environment, tools) as process:
        client = Stranger(process)
        assert client.server["serverInfo"]["name"] == "tools"
        call = {"name": "double", "arguments": {"n": 4}}
        client.tell("tools/call", {"name": "hang", "arguments": {}}, id=1)
        assert client.ask(2, "tools/call", call)["result"]["structuredContent"] == {"result": 8}
        client.tell("notifications/cancelled", {"requestId": 1})
        wrong = client.ask(3, "tools/call", {"name": "double", "arguments": {"n": "x"}})["result"]
        assert wrong["isError"] and "RTFS-E404" in wrong["content"][0]["text"]
        refused = client.ask(4, "tools/call", {"name": "home", "arguments": {}})["result"]
        assert refused["isError"] and "allow it with --allow-env HOME" in refused["content"][0]["text"]
        assert client.ask(5, "nonsense")["error"]["code"] == -32601
        out, errors = process.communicate(timeout=20)  # closes its input: the client goes away
        assert (process.returncode, out) == (0, "")
        assert errors.splitlines() == [
            "loaded with [Ada]".replace("Ada", ""), "warning: not served: lost: x has no type", "on the console",
        ]  # fmt: skip


async def test_over_http_several_clients_are_served_at_once(environment: dict[str, str], tools: str) -> None:
    with serving(environment, "--http", "0", tools) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(3)]
        url = lines[-1].strip()
        assert url.startswith("http://127.0.0.1:") and url.endswith("/mcp")

        async def twice(n: int) -> Any:
            async with mcp.Client(url) as client:
                return (await client.call_tool("double", {"n": n})).structured_content

        assert await asyncio.gather(*[twice(n) for n in range(3)]) == [{"result": 2 * n} for n in range(3)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_the_server_with_its_requests(
    environment: dict[str, str], tools: str, number: signal.Signals, code: int
) -> None:
    with serving(environment, tools) as process:
        client = Stranger(process)
        client.tell("tools/call", {"name": "hang", "arguments": {}}, id=1)
        assert client.ask(2, "ping")["result"] == {}
        process.send_signal(number)
        assert process.wait(20) == code


def test_the_tools_are_listed_without_serving(rtfs: Run, tools: str) -> None:
    done = rtfs("mcp", "serve", "--list", tools)
    assert done.returncode == 0
    assert json.loads(done.stdout[done.stdout.index("[\n") :])[0] == {
        "name": "double",
        "description": "Twice the number.",
        "inputSchema": {
            "type": "object", "properties": {"n": {"type": "integer"}},
            "additionalProperties": False, "required": ["n"],
        },
        "outputSchema": {"type": "object", "properties": {"result": {"type": "integer"}}, "required": ["result"]},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "error"),
    [
        (None, 2, "error: cannot read nothing.rtfs: No such file or directory\n"),
        ("(+ 1", 1, "error[RTFS-E1"),
        ("(/ 1 0)", 1, "error[RTFS-E405] DivisionByZero"),
        ("(defn f [a] a)", 2, "has nothing to serve: a public function with a docstring and a type for each parameter"),
        ("(loop [] (recur))", 4, "StepLimitExceeded: Step limit exceeded: 1000"),
    ],
)
def test_a_program_that_cannot_be_served_says_why(
    rtfs: Run, tmp_path: Path, text: str | None, code: int, error: str
) -> None:
    if text is not None:
        (tmp_path / "nothing.rtfs").write_text(text)
    done = rtfs("mcp", "serve", "--limit", "steps=1000", "nothing.rtfs", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert error in done.stderr


def test_a_port_that_is_taken_is_said(rtfs: Run, tools: str) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = rtfs("mcp", "serve", "--http", str(taken.getsockname()[1]), tools)
    assert done.returncode == 2 and "error: cannot serve: " in done.stderr and "in use" in done.stderr
