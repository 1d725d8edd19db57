"""A44: an owner that is stopped by the system, and goes on later, never writes what is stale (streaming.md §5.8)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.stream.stores import RemoteStore, open_store
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K

PROGRAM = Path(__file__).parent / "programs" / "owner.py"


class Process:
    """The owner, in a process of its own."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None and self._process.stdin is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        assert self._stdout.readline() == "ready\n"

    def send(self, number: int) -> str:
        self._stdin.write(f"{number}\n")
        self._stdin.flush()
        return self._stdout.readline().strip()

    def stop(self) -> None:
        """Stopped for real: when this returns it does nothing any more."""
        os.kill(self._process.pid, signal.SIGSTOP)
        assert os.WIFSTOPPED(os.waitpid(self._process.pid, os.WUNTRACED)[1])

    def go_on(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def end(self) -> None:
        self.go_on()
        self._stdin.close()
        self._process.wait(30)
        self._stdout.close()


@pytest.fixture
def owner() -> Iterator[Callable[[str], Process]]:
    """Starts owners; they end with the test."""
    started: list[Process] = []

    def start(url: str) -> Process:
        started.append(Process(url))
        return started[-1]

    yield start
    for process in started:
        process.end()


def keep(state: Any, chunk: Any) -> Map:
    return Map.of([(K("state"), vector([*state, chunk]))])


async def start(ground: Any, url: str) -> Any:
    ground.evaluator.globals["keep"] = keep
    checkpoint = Map.of([(K("store"), url)])
    return await ground.registry().start("gauge", processor="keep", state=(), stream_id="s", checkpoint=checkpoint)


@pytest.mark.parametrize("name", ["postgresql", "redis"])
async def test_a44_a_stopped_owner_whose_stream_was_taken_over_is_refused_when_it_goes_on(
    name: str, store_place: Callable[[str], str], ground: Any, owner: Callable[[str], Process]
) -> None:
    url = store_place(name)
    process = owner(url)
    assert process.send(1) == "[1]"
    process.stop()
    with pytest.raises(StreamError, match="already exists"):
        await start(ground, url)  # its heartbeat is young
    silent: RemoteStore = open_store(url, "normal")  # type: ignore[assignment]
    silent.leave({"s": 1})  # what fifteen seconds of silence are for the others
    silent.close()
    stream = await start(ground, url)
    await stream.send(2, ack="durable")
    process.go_on()
    assert process.send(3) == "RTFS-S040"
    await stream.send(4, ack="durable")
    assert stream.state == (1, 2, 4)
    found = stream.owner.checkpoints.committer.store.load("s")
    assert {saved.epoch for saved in found[1]} == {2}


async def test_a44_a_stopped_owner_keeps_the_lock_of_its_folder(
    store_place: Callable[[str], str], ground: Any, owner: Callable[[str], Process]
) -> None:
    url = store_place("sqlite")
    process = owner(url)
    assert process.send(1) == "[1]"
    process.stop()
    with pytest.raises(StreamError, match="Stream 's' already exists"):
        await start(ground, url)
    process.go_on()
    assert process.send(2) == "[1, 2]"
