"""What the adapters of plain servers promise while the server, in a process of its own, misbehaves (streaming.md §3.5).

A cell is one adapter and one kind of misbehaviour; what must hold is the adapter's own row.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rtfs.host.clock import Clock
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K
from tests.host.stream.conftest import Ground, ground  # noqa: F401 - a fixture
from tests.host.stream.feed import PLACES

ROOT = Path(__file__).parents[2]
COUNT = 100
QUICK = Map.of([(K("max-attempts"), 20), (K("base-ms"), 1), (K("cap-ms"), 20)])
ADAPTERS = {"sse": "http://{}/events", "http-lines": "http://{}/lines", "ws": "ws://{}/messages"}
MISCHIEF = ["drop", "reset", "die", "stall", "refuse", "malformed", "oversize", "flood"]
Serve = Callable[[str], Awaitable[str]]


@pytest_asyncio.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """`serve(mischief)` is the address of a server that is started again whenever it dies."""
    listener = socket.create_server(("127.0.0.1", 0))
    keepers: list[asyncio.Task[None]] = []

    async def keep(mischief: str) -> None:
        number = listener.fileno()
        command = ["-m", "tests.host.stream.feed", str(tmp_path), str(number), str(COUNT), mischief]
        while True:
            child = await asyncio.create_subprocess_exec(
                sys.executable, *command, pass_fds=(number,), cwd=ROOT, stderr=subprocess.DEVNULL
            )
            try:
                await child.wait()
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()

    async def serving(mischief: str) -> str:
        keepers.append(asyncio.create_task(keep(mischief)))
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield serving
    for keeper in keepers:
        keeper.cancel()
    await asyncio.gather(*keepers, return_exceptions=True)
    listener.close()


def keep(state: Any, chunk: Any) -> Map:
    return Map.of([(K("state"), vector([*state, chunk[K("n")]]))])


@pytest.mark.parametrize("mischief", MISCHIEF)
@pytest.mark.parametrize("name", ADAPTERS)
async def test_an_adapter_keeps_its_row(ground: Ground, serve: Serve, name: str, mischief: str) -> None:  # noqa: F811
    options: dict[str, Any] = {"retry": QUICK, "on_error": K("skip"), "max_message_bytes": 60_000, "queue_capacity": 4}
    if mischief == "stall":
        options["idle_timeout_ms"] = 500
    if name == "ws":
        options["seq_path"] = vector([K("n")])
    url = ADAPTERS[name].format(await serve(mischief))
    registry = ground.registry(clock=Clock())
    stream = await registry.start(url, adapter=K(name), processor=keep, state=(), **options)
    await asyncio.wait_for(stream.until(lambda: bool(stream.state) and stream.state[-1] == COUNT), 60)
    seen = list(stream.state)
    inspected = stream.inspect()
    lossy = mischief in ("drop", "reset", "die", "stall", "refuse")
    assert inspected[K("guarantee")] is K("at-most-once" if name == "ws" else "at-least-once")
    if name == "ws":
        missing = sum(event.data["missing"] for event in ground.named("gap"))
        assert seen == sorted(set(seen))
        assert len(seen) <= COUNT if lossy else seen == list(range(1, COUNT + 1))
        assert missing <= COUNT - len(seen)  # of gaps in one second only the first is told
    else:
        assert seen == list(range(1, COUNT + 1))
    assert (inspected[K("transport")][K("reconnects")] > 0) is lossy
    if mischief in ("malformed", "oversize"):
        bad = inspected[K("transport")][K("malformed-frames")], inspected[K("stats")][K("skipped")]
        assert bad == ((len(PLACES), 0) if mischief == "malformed" else (0, len(PLACES)))
