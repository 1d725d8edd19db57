"""A process that dies at any place and starts again leaves every chunk in the state once (streaming.md §5)."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.clock import Clock
from rtfs.host.stream.lock import take_lock
from rtfs.host.stream.record import Recorder
from tests.host.stream.unruly import Peer, unruly

PROGRAM = Path(__file__).parent / "programs" / "durable.py"
SERVER = Path(__file__).parents[3] / "examples" / "servers" / "weather.py"
MEMORY = {"endpoint": "memory:numbers", "numbers": 10_000, "output-capacity": 8}
READINGS = [504, 504 * 505 // 2, 504, 0]


Run = Callable[..., "dict[str, Any] | None"]


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """`run(state_dir, fuse, parameters)` is one life of a process: its report, None when it was killed."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        stdin, stdout = nursery.stdin, nursery.stdout
        assert stdin is not None
        assert stdout is not None

        def one_life(state_dir: Path, fuse: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
            stdin.write(json.dumps([str(state_dir), fuse, parameters]) + "\n")
            stdin.flush()
            answer = json.loads(stdout.readline())
            assert answer["code"] == (0 if answer["end"] else -signal.SIGKILL)
            end: dict[str, Any] | None = answer["end"]
            return end

        yield one_life
        stdin.close()


def test_a39_killed_at_20_instants_the_final_state_is_that_of_an_uninterrupted_run(tmp_path: Path, run: Run) -> None:
    chance = random.Random(39)
    for _ in range(20):
        # at most 450 steps a life, however late a slow disk lets the commits come: the 10,000 outlast all 20 lives
        fuse = f"step:{chance.randint(1, 450)}"
        place = chance.choice(["", "", "commit", "committed"])
        if place:
            fuse += f",{place}:{chance.randint(1, 3)}"
        assert run(tmp_path, fuse, MEMORY) is None
    end = run(tmp_path, "never", MEMORY)
    assert end is not None
    assert end["state"] == [10_000, sum(range(10_000)), 9_999, 0]
    assert (end["resumed"], end["status"], end["processed"]) == (True, "completed", 10_000)


def test_a61_the_same_command_again_at_once_after_a_kill_goes_on_where_it_was(tmp_path: Path, run: Run) -> None:
    assert run(tmp_path, "step:5000", MEMORY) is None
    end = run(tmp_path, "never", MEMORY)
    assert end is not None
    assert (end["resumed"], end["state"]) == (True, [10_000, sum(range(10_000)), 9_999, 0])


FUSES = [("step:100", "step:144"), ("commit:3", "commit:3"), ("committed:2", "committed:3")]


@pytest.mark.parametrize("fuses", FUSES, ids=lambda fuses: fuses[0])
def test_a25_a_poll_killed_between_and_in_pages_counts_each_item_once(
    tmp_path: Path, run: Run, weather_url: str, fuses: tuple[str, str]
) -> None:
    poll = {
        "endpoint": weather_url,
        "before": 0,
        "tool": "page",
        "cursor-arg": "cursor",
        "cursor-path": ["next"],
        "items-path": ["items"],
        "interval-ms": 1,
        "max-chunks": 504,
    }
    for fuse in fuses:
        assert run(tmp_path, fuse, poll) is None
    end = run(tmp_path, "never", poll)
    assert end is not None
    assert (end["state"], end["status"]) == (READINGS, "completed")


@pytest.mark.parametrize("fuses", FUSES, ids=lambda fuses: fuses[0])
def test_a61_a_progress_call_with_since_goes_on_after_the_last_processed_note(
    tmp_path: Path, run: Run, weather_url: str, fuses: tuple[str, str]
) -> None:
    watch = {
        "endpoint": weather_url,
        "before": 0,
        "tool": "watch",
        "since-arg": "since",
        "since-path": ["n"],
        "queue-capacity": 500,
    }
    for fuse in fuses:
        assert run(tmp_path, fuse, watch) is None
    end = run(tmp_path, "never", watch)
    assert end is not None
    assert (end["state"], end["status"], end["resumed"]) == (READINGS, "completed", True)


def test_a61_the_same_over_stdio(tmp_path: Path, run: Run) -> None:
    endpoint = f"stdio:{sys.executable} {SERVER} --every-ms 0"
    watch = {"endpoint": endpoint, "before": 0, "tool": "watch", "since-arg": "since", "since-path": ["n"]}
    assert run(tmp_path, "step:250", watch) is None
    end = run(tmp_path, "never", watch)
    assert end is not None
    assert (end["state"], end["status"], end["resumed"]) == (READINGS, "completed", True)


# a quick source ends before many commits: a step strikes at the latest
QUICK_FUSES = [("step:100", "step:144"), ("commit:2,step:250", "committed:2,step:150"), ("committed:1", "commit:1")]


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[str]:
    """`host:port` of a server of 504 numbers in a process of its own, which drops some connections."""
    folder = tmp_path / "feed"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        command = ["-m", "tests.host.stream.feed", str(folder), str(number), "504", "drop"]
        with subprocess.Popen([sys.executable, *command], pass_fds=(number,), cwd=SERVER.parents[2]) as server:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
            server.kill()


@pytest.mark.parametrize("adapter", ["sse", "http-lines"])
@pytest.mark.parametrize("fuses", QUICK_FUSES, ids=lambda fuses: fuses[0])
def test_a39_events_and_lines_killed_anywhere_count_once(
    tmp_path: Path, run: Run, feed: str, fuses: tuple[str, str], adapter: str
) -> None:
    place = "events" if adapter == "sse" else "lines"
    source = {"endpoint": f"http://{feed}/{place}", "adapter": adapter, "before": 0, "max-chunks": 504}
    source |= {"retry": {"base-ms": 1, "max-attempts": 9}}
    for fuse in fuses:
        assert run(tmp_path, fuse, source) is None
    end = run(tmp_path, "never", source)
    assert end is not None
    assert (end["state"], end["status"], end["resumed"]) == (READINGS, "completed", True)


@pytest.mark.parametrize("fuses", QUICK_FUSES, ids=lambda fuses: fuses[0])
def test_a39_a_replay_killed_anywhere_counts_once(tmp_path: Path, run: Run, fuses: tuple[str, str]) -> None:
    recorder = Recorder(str(tmp_path / "tape"), Clock())
    recorder.connect({}, {"adapter": "ws", "endpoint": "ws://example.org", "started": 0, "options": "{}"})
    for number in range(1, 505):
        recorder.frame("in", "ws", {"text": str(number)})
    recorder.close()
    source = {"endpoint": f"replay:{tmp_path / 'tape'}", "before": 0}
    for fuse in fuses:
        assert run(tmp_path, fuse, source) is None
    end = run(tmp_path, "never", source)
    assert end is not None
    assert (end["state"], end["status"], end["resumed"]) == (READINGS, "completed", True)


def test_a_second_process_on_the_same_directory_is_refused_while_the_first_lives(tmp_path: Path, run: Run) -> None:
    lock = take_lock(tmp_path / "streams.db.lock")
    try:
        assert run(tmp_path, "never", MEMORY) == {"error": f"State directory '{tmp_path}' is in use by another process"}
    finally:
        lock.release()
    end = run(tmp_path, "never", MEMORY)
    assert end is not None
    assert end["status"] == "completed"


@pytest.mark.parametrize("intake", [False, True], ids=["plain", "durable-intake"])
async def test_a_socket_killed_anywhere_counts_nothing_twice_and_says_what_is_lost(
    tmp_path: Path, run: Run, intake: bool
) -> None:
    """The server says each number once, to whoever listens then: what was accepted counts only with durable intake."""
    numbers = itertools.count()

    async def script(peer: Peer) -> None:
        await peer.upgrade()
        while True:
            await peer.say({"n": next(numbers)})
            await asyncio.sleep(0.0005)

    source = {"adapter": "ws", "processor": "gather", "seq-path": ["n"], "max-chunks": 600, "durable-intake": intake}
    accepted: set[int] = set()
    async with unruly(script) as server:
        source["endpoint"] = server.socket_url
        for fuse in ["step:90", "step:60", "commit:2,step:120", "committed:2,step:120"]:
            assert await asyncio.to_thread(run, tmp_path, fuse, dict(source)) is None
            accepted |= taken_in(tmp_path / "streams.db")
        end = await asyncio.to_thread(run, tmp_path, "never", dict(source))
    assert end is not None
    found, (resumed, *gaps) = end["state"], end["told"]
    assert (end["status"], len(found)) == ("completed", 600)
    assert all(one < other for one, other in pairwise(found))
    assert accepted <= {*found}
    assert bool(accepted) is intake
    assert ("lost_after" in resumed[1]) is not intake
    steps = {(one, other): other - one - 1 for one, other in pairwise(found) if other > one + 1}
    assert gaps
    for _, gap in gaps:
        assert steps[gap["after"], gap["before"]] == gap["missing"]


def taken_in(path: Path) -> set[int]:
    """The numbers that a killed process had written to its intake."""
    with closing(sqlite3.connect(path)) as rows:
        bodies = [row[0] for row in rows.execute("SELECT body FROM intake")]
    return {int(number) for body in bodies for number in re.findall(r":n (\d+)", body)}
