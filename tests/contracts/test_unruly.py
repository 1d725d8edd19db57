"""What every MCP adapter promises over every transport while its server misbehaves (streaming.md §3.5 to §3.8).

A cell of this table is one adapter over one transport and one kind of misbehaviour; what must hold is the adapter's own
row: which chunks may be missing, which may come twice, and how the stream ends. Each misbehaviour meets one transport
after the other, all of them in `make crash`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from itertools import count, pairwise, product
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rtfs.host.clock import Clock
from rtfs.host.stream.registry import StreamRegistry
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K
from tests.host.stream.conftest import PythonEvaluator

PROGRAM = Path(__file__).parents[1] / "host" / "stream" / "programs" / "unruly.py"
TRANSPORTS = ["stdio", "http", "sse"]
WHOLE = bool(os.environ.get("RTFS_KILLS"))
_TURN = count()
VALUE = "test://value"
QUICK = Map.of([(K("max-attempts"), 20), (K("base-ms"), 20), (K("cap-ms"), 200)])
PAGES = {
    "tool": "page", "adapter": K("poll"), "cursor_arg": "cursor", "cursor_path": ("next",), "items_path": ("items",),
    "interval_ms": 20,
}  # fmt: skip
ADAPTERS: dict[str, dict[str, Any]] = {
    "listen": {"resource": VALUE},
    "listen to an old server": {"resource": VALUE, "mode": "legacy"},
    "legacy": {"resource": VALUE, "adapter": K("legacy")},
    "resource": {"resource": VALUE, "adapter": K("resource"), "interval_ms": 20},
}
RESOLVED = {"listen to an old server": "legacy"}


class Place:
    def __init__(self) -> None:
        self.clock = Clock()
        self.evaluator = PythonEvaluator()
        self.state_dir = None


def keep(state: Any, chunk: Any) -> Map:
    return Map.of([(K("state"), vector([*state, chunk]))])


class World:
    """The server behind one transport. It is started again whenever it died, at the same address."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.registry = StreamRegistry(Place())
        self._listener: socket.socket | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._child: asyncio.subprocess.Process | None = None
        self.change(0)

    def change(self, value: int) -> None:
        aside = self.folder / "aside"
        aside.write_text(str(value))
        aside.rename(self.folder / "value")

    def signal(self, number: int) -> None:
        os.kill(int((self.folder / "pid").read_text()), number)

    async def open(self) -> None:
        if self.kind != "stdio":
            self._listener = socket.create_server(("127.0.0.1", 0))
            self._keeper = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        assert self._listener is not None
        number = self._listener.fileno()
        command = [sys.executable, str(PROGRAM), str(self.folder), self.kind, str(number)]
        while True:
            self._child = await asyncio.create_subprocess_exec(
                *command, pass_fds=(number,), stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
            )
            await self._child.wait()

    @property
    def endpoint(self) -> str:
        if self._listener is None:
            return f"stdio:{sys.executable} {PROGRAM} {self.folder} stdio"
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/mcp"

    async def start(self, **options: Any) -> Any:
        options = {"retry": QUICK, **options}
        return await self.registry.start(self.endpoint, processor=keep, state=(), **options)

    async def close(self) -> None:
        await self.registry.shutdown(strategy="immediate")
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._child is not None and self._child.returncode is None:
            self._child.kill()
            await self._child.wait()
        if self._listener is not None:
            self._listener.close()


def over(**others: list[Any]) -> pytest.MarkDecorator:
    """The cells of a test: all transports where nothing else varies, otherwise one for each misbehaviour, in turn."""
    shift = next(_TURN)
    cells = []
    for places in product(range(len(TRANSPORTS)), *(range(len(values)) for values in others.values())):
        if not others or WHOLE or places[0] == (shift + sum(places[1:])) % len(TRANSPORTS):
            chosen = zip((TRANSPORTS, *others.values()), places, strict=True)
            cells.append(tuple(values[place] for values, place in chosen))
    return pytest.mark.parametrize(("world", *others), cells, indirect=["world"])


@pytest_asyncio.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    world = World(request.param, tmp_path)
    await world.open()
    yield world
    await asyncio.wait_for(world.close(), 60)


async def result(stream: Any) -> list[Any]:
    return list(await asyncio.wait_for(stream.result(), 60))


def numbers(stream: Any) -> list[int]:
    return [chunk[K("n")] for chunk in stream.state if K("n") in chunk]


def misbehaving(fault: str, after: int = 5, count: int = 12, **more: Any) -> Map:
    return Map.of({"count": count, "fault": fault, "after": after, **more}.items())


def stat(stream: Any, name: str) -> int:
    part = "transport" if name == "malformed-frames" else "stats"
    found: int = stream.inspect()[K(part)][K(name)]
    return found


# ---- :progress, at most once per attempt


@over(fault=["die", "drop"])
async def test_progress_of_a_call_that_may_not_be_repeated_ends_where_the_connection_did(
    world: World, fault: str
) -> None:
    stream = await world.start(tool="notes", args=misbehaving(fault))
    with pytest.raises(StreamError) as caught:
        await result(stream)
    assert caught.value.code == "RTFS-S023"
    assert numbers(stream) == [1, 2, 3, 4, 5]


@over(fault=["die", "drop"])
async def test_progress_of_a_repeatable_call_comes_once_where_repeats_are_known(world: World, fault: str) -> None:
    stream = await world.start(tool="again", args=misbehaving(fault, times=2), dedupe_path=("n",))
    chunks = await result(stream)
    assert [chunk.get(K("n")) for chunk in chunks] == [*range(1, 13), None]
    assert chunks[-1] == Map.of([(K("done"), True)])


@over()
async def test_progress_of_a_server_that_falls_silent_is_given_up_or_called_again(world: World) -> None:
    stream = await world.start(tool="notes", args=misbehaving("stall"), idle_timeout_ms=4000)
    with pytest.raises(StreamError, match="no message for 4000 ms") as caught:
        await result(stream)
    assert (caught.value.code, numbers(stream)) == ("RTFS-S023", [1, 2, 3, 4, 5])


@over()
async def test_progress_that_comes_late_or_out_of_order_is_numbered_as_it_came(world: World) -> None:
    stream = await world.start(tool="notes", args=misbehaving("late"))
    assert [chunk.get(K("n")) for chunk in await result(stream)] == [*range(1, 13), None]
    stream = await world.start(tool="notes", args=misbehaving("swap", times=2))
    assert (await result(stream))[-1] == Map.of([(K("done"), True)])
    came = numbers(stream)
    assert sorted(came) == list(range(1, 13))
    assert sum(later < earlier for earlier, later in pairwise(came)) == 1


@over()
async def test_a_flood_of_progress_is_kept_in_order(world: World) -> None:
    stream = await world.start(tool="notes", args=misbehaving("", count=2000), queue_capacity=4)
    assert [chunk.get(K("n")) for chunk in await result(stream)] == [*range(1, 2001), None]


@over()
async def test_a_note_over_the_limit_ends_the_stream_or_is_skipped(world: World) -> None:
    large = misbehaving("", size=3000)
    stream = await world.start(tool="notes", args=large, max_message_bytes=2000)
    with pytest.raises(StreamError, match="exceeds the limit of 2000") as caught:
        await result(stream)
    assert (caught.value.code, numbers(stream)) == ("RTFS-S025", [1, 2, 3, 4])
    stream = await world.start(tool="notes", args=large, max_message_bytes=2000, on_error=K("skip"))
    assert [chunk.get(K("n")) for chunk in await result(stream)] == [1, 2, 3, 4, *range(6, 13), None]
    assert stat(stream, "skipped") == 1


@over()
async def test_a_frame_that_nobody_can_read_is_counted(world: World) -> None:
    """Over streamable HTTP the SDK gives up the request that it came for."""
    stream = await world.start(tool="again", args=misbehaving("garbage"), dedupe_path=("n",))
    assert [chunk.get(K("n")) for chunk in await result(stream)] == [*range(1, 13), None]
    assert stat(stream, "malformed-frames") == 1


@over()
async def test_a_frame_that_nobody_can_read_fails_a_stream_that_bears_none(world: World) -> None:
    stream = await world.start(tool="again", args=misbehaving("garbage"), malformed=K("fail"))
    with pytest.raises(StreamError, match="Malformed frame") as caught:
        await result(stream)
    assert (caught.value.code, numbers(stream)[:4]) == ("RTFS-S026", [1, 2, 3, 4])


# ---- :poll, at least once


@over(fault=["die", "drop", "late", "stall", "garbage"])
async def test_a_poll_gives_every_item_in_order_whatever_happens(world: World, fault: str) -> None:
    args = misbehaving(fault, after=6, times=2)
    stream = await world.start(**PAGES, args=args, max_chunks=12, read_timeout_ms=4000)
    await result(stream)
    assert numbers(stream) == list(range(1, 13))


# ---- :listen, :legacy and :resource, the latest state


def values(stream: Any) -> list[int]:
    return [chunk[K("contents")][K("value")] for chunk in stream.state]


async def until(stream: Any, due: Any) -> None:
    assert await asyncio.wait_for(stream.until(due), 30), f"ended as {stream.status}: {stream.owner.failure}"


@over(adapter=sorted(ADAPTERS), how=[signal.SIGKILL, signal.SIGUSR1])
async def test_after_a_lost_connection_the_last_content_comes_once(world: World, adapter: str, how: int) -> None:
    stream = await world.start(**ADAPTERS[adapter])
    await until(stream, lambda: values(stream) == [0])
    world.change(1)
    await until(stream, lambda: values(stream) == [0, 1])
    world.signal(how)
    world.change(2)
    world.change(3)
    await until(stream, lambda: values(stream)[-1] == 3)
    assert values(stream) in ([0, 1, 3], [0, 1, 2, 3])
    world.change(4)
    await until(stream, lambda: values(stream)[-1] == 4)
    assert values(stream).count(3) == 1
    assert stream.inspect()[K("adapter")] is K(RESOLVED.get(adapter, adapter))


@over(adapter=["listen", "legacy"])
async def test_what_nobody_can_read_between_cues_is_counted_and_the_next_one_counts(world: World, adapter: str) -> None:
    stream = await world.start(**ADAPTERS[adapter])
    await until(stream, lambda: values(stream) == [0])
    world.signal(signal.SIGUSR2)
    world.change(1)
    await until(stream, lambda: values(stream)[-1] == 1)
    world.change(2)
    await until(stream, lambda: values(stream)[-1] == 2)
    assert stat(stream, "malformed-frames") == 1


@over()
async def test_log_messages_come_at_most_once_and_in_order(world: World) -> None:
    stream = await world.start(adapter=K("legacy"))
    seen: list[int] = []

    def logged() -> list[int]:
        return [chunk[K("data")][K("value")] for chunk in stream.state]

    for value in range(1, 4):
        while not logged() or logged()[-1] != value:  # until the server knows us, what it says is for nobody
            world.change(-1)
            await asyncio.sleep(0.03)
            world.change(value)
            await asyncio.sleep(0.03)
    seen = [value for value in logged() if value > 0]
    assert seen == sorted(seen)
    assert set(seen) == {1, 2, 3}
    assert {chunk[K("logger")] for chunk in stream.state} == {"unruly"}


@over()
async def test_killed_at_random_moments_the_server_costs_no_stream_its_row(world: World) -> None:
    """The seed is in the message, so that a failure can be repeated."""
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    listening = await world.start(**ADAPTERS["listen"])
    args = misbehaving("late", after=3, times=9, count=60)
    polling = await world.start(**PAGES, args=args, max_chunks=60)
    for round in range(1, 5):
        await asyncio.sleep(chance.uniform(0.0, 0.4))
        world.change(round)
        try:
            world.signal(signal.SIGKILL)
        except (ProcessLookupError, FileNotFoundError):
            continue
    await until(listening, lambda: bool(listening.state) and values(listening)[-1] == 4)
    await result(polling)
    assert numbers(polling) == list(range(1, 61)), seed
    assert values(listening) == sorted(values(listening)), seed
