"""Every transport in the folder keeps the same promises (streaming.md §3.6); each needs a world here."""

from __future__ import annotations

import asyncio
import json
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mcp import MCPError

from rtfs.host.clock import Clock
from rtfs.host.stream import transports
from rtfs.host.stream.connection import Connection, Pool
from rtfs.host.stream.record import Recorder
from rtfs.host.stream.recording import Recording
from rtfs.host.stream.timers import Timers
from rtfs.host.stream.transports import Limits, Target
from rtfs.host.stream.transports.replay import Replay

ROOT = Path(__file__).parents[2]
WEATHER = ROOT / "examples" / "servers" / "weather.py"
NAMES = sorted(module.name for module in pkgutil.iter_modules(transports.__path__))
LIMITS = Limits(30_000, 2**20)
SERVING = {  # programs that say on standard error where they serve
    "http": [sys.executable, str(WEATHER), "--every-ms", "0", "--http", "0"],
    "sse": [sys.executable, str(WEATHER), "--every-ms", "0", "--sse", "0"],
    "ws": [sys.executable, "-m", "tests.host.stream.mcp_socket"],
}


class World(NamedTuple):
    """A weather server behind a transport. process: its id, None when it lives in this process."""

    target: Target
    process: int | None


def in_this_process() -> World:
    sys.path.insert(0, str(WEATHER.parent))
    try:
        from weather import build  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    return World(Target("memory", build(), "memory:weather", key="memory"), None)


async def of_a_recording(folder: Path) -> World:
    """The weather server of this process as it answered once, to all that the tests ask."""
    recorder = Recorder(str(folder / "tape"), Clock())
    target = in_this_process().target._replace(recorder=recorder)
    for _ in range(4):
        recorder.connect({}, {"adapter": "progress", "endpoint": "memory:weather", "started": 0, "options": "{}"})
        connection = Connection(target, "auto", LIMITS)
        client = await connection.opened()
        await client.list_tools()
        await notes(client, 50, [])
        await connection.close(5_000)
    recorder.close()
    return World(Target("replay", Replay(Recording(str(folder / "tape")), 0), "replay:tape", key="replay"), None)


@pytest.fixture(params=NAMES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    command = [sys.executable, str(WEATHER), "--every-ms", "0"]
    if request.param == "memory":
        yield in_this_process()
    elif request.param == "stdio":
        note = "import os, pathlib, runpy, sys; pathlib.Path(sys.argv.pop(1)).write_text(str(os.getpid())); "
        note += "sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name='__main__')"
        arguments = ("-c", note, str(tmp_path / "pid"), *command[1:])
        yield World(Target("stdio", sys.executable, "stdio:weather", arguments=arguments, key="stdio"), 0)
    elif request.param == "replay":
        yield asyncio.run(of_a_recording(tmp_path))
    elif request.param in SERVING:
        with subprocess.Popen(SERVING[request.param], stderr=subprocess.PIPE, text=True, cwd=ROOT) as server:
            assert server.stderr is not None
            url = server.stderr.readline().strip()
            yield World(Target(request.param, url, url, key=url), server.pid)
            server.kill()
            server.communicate()
    else:
        pytest.fail(f"give the transport {request.param} a world in this suite")


def process(world: World, folder: Path) -> int | None:
    return int((folder / "pid").read_text()) if world.process == 0 else world.process


async def notes(client: Any, limit: int, heard: list[str]) -> Any:
    async def note(progress: float, total: float | None, message: str | None) -> None:
        heard.append(message or "")

    return await client.call_tool("watch", {"limit": limit}, progress_callback=note)


async def test_messages_arrive_in_order_and_the_end_is_noticed_when_we_close(world: World) -> None:
    connection = Connection(world.target, "auto", LIMITS)
    client = await connection.opened()
    heard: list[str] = []
    result = await notes(client, 50, heard)
    assert [message[:8] for message in heard[:2]] == ['{"n": 1,', '{"n": 2,']
    assert len(heard) == 50
    assert result.structured_content == {"readings": 50, "last": 50}
    assert not connection.broken
    await asyncio.wait_for(connection.close(5_000), 10)
    assert connection.broken


async def test_notes_that_somebody_expects_are_taken_before_the_answer_and_in_order(world: World) -> None:
    connection = Connection(world.target, "auto", LIMITS)
    client = await connection.opened()
    if connection.notes is None:
        assert world.target.scheme == "memory"  # where the server calls back
    else:
        taken: list[str] = []
        told: list[str] = []
        connection.hearers.append(lambda message: told.append(getattr(message, "method", "")))
        token = connection.notes.expect(lambda progress, total, message, meta: taken.append(message or ""))
        await client.call_tool("watch", {"limit": 50}, meta={"progressToken": token})
        assert [json.loads(message)["n"] for message in taken] == list(range(1, 51))
        assert "notifications/progress" not in told
    await asyncio.wait_for(connection.close(5_000), 10)


async def test_a_pending_call_fails_at_once_when_the_server_dies(world: World, tmp_path: Path) -> None:
    if world.process is None:
        return  # a server of this process dies with us
    connection = Connection(world.target, "auto", LIMITS)
    client = await connection.opened()
    call = asyncio.ensure_future(client.call_tool("watch", {"interval_ms": 60_000}))
    await client.list_tools()  # the call is on its way
    pid = process(world, tmp_path)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(MCPError):
        await asyncio.wait_for(call, 5)
    await asyncio.wait_for(connection.close(5_000), 10)


async def test_closing_with_a_call_under_way_is_bounded_and_leaves_no_child(world: World, tmp_path: Path) -> None:
    connection = Connection(world.target, "auto", LIMITS)
    client = await connection.opened()
    call = asyncio.ensure_future(client.call_tool("watch", {"interval_ms": 60_000}))
    await client.list_tools()
    await asyncio.wait_for(connection.close(1_000), 12)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    if world.process == 0:
        with pytest.raises(ProcessLookupError):
            os.kill(process(world, tmp_path) or 0, 0)


async def test_a_pool_opens_one_connection_for_equal_targets_and_a_new_one_after_a_bad_one(world: World) -> None:
    pool = Pool(Timers(Clock()))
    first, second = pool.take(world.target, "auto", LIMITS), pool.take(world.target, "auto", LIMITS)
    assert first is second
    await first.opened()
    pool.release(first, 1_000, suspect=True)
    third = pool.take(world.target, "auto", LIMITS)
    assert third is not first
    pool.release(second, 1_000)
    pool.release(third, 1_000)
    await asyncio.wait_for(pool.close(1_000), 30)
    assert first.broken
    assert third.broken


@pytest.mark.parametrize("name", NAMES)
def test_a_transport_names_the_effect_it_needs(name: str) -> None:
    assert transports.effect(name) in (":process", ":network", ":streaming", ":filesystem")
