"""A host to try capabilities on, without a session: calls are made as a program would make them."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.clock import VirtualClock
from rtfs.host.host import Host
from rtfs.host.marketplace import Marketplace
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import CallMetadata, HostCall, RuntimeContext
from rtfs.session import read_forms

WEATHER = Path(__file__).parents[2] / "examples" / "servers" / "weather.py"
EVERYTHING = RuntimeContext.full()


class PythonFunctions:
    """Re-entry for hosts whose programs are Python functions."""

    async def effect(self, function: Any, *args: Any, call: HostCall | None = None, **around: Any) -> Any:
        result = function(*args)
        return await result if inspect.isawaitable(result) else result


class Paper:
    """A console on paper: what was written, and the lines that somebody will type."""

    def __init__(self, *lines: str) -> None:
        self.text = ""
        self.logged: list[tuple[str, str]] = []
        self.lines = list(lines)

    def write(self, text: str) -> None:
        self.text += text

    def log(self, level: str, text: str) -> None:
        self.logged.append((level, text))

    def read_line(self, prompt: str = "") -> str | None:
        self.text += prompt
        return self.lines.pop(0) if self.lines else None


class Bench:
    """One host and a short way to call it."""

    def __init__(self, context: RuntimeContext = EVERYTHING, **options: Any) -> None:
        self.context = context
        self.market: Marketplace = options.pop("marketplace", None) or Marketplace()
        self.paper: Paper = options.pop("console", None) or Paper()
        self.clock = VirtualClock()
        settings: dict[str, Any] = {"clock": self.clock, "evaluator": PythonFunctions(), "console": self.paper}
        settings["read"] = lambda text: read_forms(text)[0]
        self.host = Host(marketplace=self.market, context=context, **{**settings, **options})

    def call(self, id: str, *args: Any, **metadata: Any) -> HostCall:
        return HostCall(id, args, self.context, metadata=CallMetadata(**metadata))

    def do(self, id: str, *args: Any, **metadata: Any) -> Any:
        """The answer of a capability that answers at once."""
        return self.host.dispatch(self.call(id, *args, **metadata))

    async def wait(self, id: str, *args: Any, **metadata: Any) -> Any:
        """The answer of a capability, whenever it comes."""
        answer = self.do(id, *args, **metadata)
        return await answer if asyncio.iscoroutine(answer) else answer


@pytest.fixture(scope="session")
def bench() -> Callable[..., Bench]:
    """`bench(context, **options of Host)`; without a context everything is allowed."""
    return Bench


@pytest.fixture(scope="session")
def paper() -> type[Paper]:
    return Paper


@pytest.fixture(scope="session")
def m() -> Callable[..., Map]:
    """`m(city="Rome", timeout_ms=5)` is `{:city "Rome" :timeout-ms 5}`."""
    return lambda **entries: Map.of([(Keyword(key.replace("_", "-")), value) for key, value in entries.items()])


@pytest.fixture(scope="session")
def v() -> Callable[..., Any]:
    """`v(1, 2)` is `[1 2]`."""
    return lambda *items: vector(items)


@pytest.fixture(scope="session")
def weather_url() -> Iterator[str]:
    """The weather server over HTTP, in a process of its own."""
    command = [sys.executable, str(WEATHER), "--http", "0", "--every-ms", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            yield server.stderr.readline().strip()
        finally:
            server.terminate()
            server.communicate()
