"""`rtfs run --durable` with graphs of streams: killed anywhere they go on, and nothing counts twice (host.md §2)."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

COPY = """
(def handle (call :stream.file.write "out" {:data-source (stream.map (range 30000) (fn [n] (str "line " n)))
                                            :format :lines :mode :append}))
(def done (call :stream.wait handle))
[(:status done) (:result done)]
"""
COUNT = """
(def handle
  (call :stream.pipeline (stream.map (range 2000) inc)
    {:on-result (fn [n]
                  (call :ccos.state.counter.inc {:key "sum" :by n})
                  (when (= 0 (mod n 200)) (call :ccos.io.println (str "at " n))))
     :on-complete (fn [] (call :ccos.io.println "complete"))}))
(def status (:status (call :stream.wait handle)))
(call :ccos.io.println "waited")
(def read (call :stream.create (stream.map (range 10) inc)))
[status (call :ccos.state.counter.inc {:key "sum" :by 0}) (call :stream.next read) (call :stream.next read)]
"""

Start = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, environment: dict[str, str]) -> Iterator[Start]:
    """`start(text)` begins, or goes on with, the durable run of a script."""
    started: list[subprocess.Popen[str]] = []

    def begin(text: str) -> subprocess.Popen[str]:
        (tmp_path / "script.rtfs").write_text(text)
        command = [sys.executable, "-m", "rtfs", "run", "--allow-all", "--durable", "kept", "script.rtfs"]
        process = subprocess.Popen(
            command, cwd=tmp_path, env={**environment, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def until(due: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not due():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_copy_that_is_killed_writes_each_line_once(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def size() -> int:
        return out.stat().st_size if out.exists() else 0

    def grown(before: int) -> bool:
        return size() > before

    for _ in range(2):
        process, before = start(COPY), size()
        until(partial(grown, before), process)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    for _ in range(2):
        assert start(COPY).communicate(timeout=60)[0] == "[:completed 30000]\n"
    assert out.read_text().splitlines() == [f"line {n}" for n in range(30000)]


def test_callbacks_of_a_killed_program_go_on_and_the_end_is_told_once(start: Start) -> None:
    told: list[str] = []
    for last in ("at 400", "at 1200", "waited"):
        process = start(COUNT)
        assert process.stdout is not None
        for line in process.stdout:
            told.append(line.rstrip())
            if line.rstrip() == last:
                break
        process.kill()
        assert process.wait() == -signal.SIGKILL
    end = start(COUNT).communicate(timeout=60)[0].splitlines()
    assert end[-1:] == [f"[:completed {sum(range(1, 2001))} 1 2]"]
    assert told.count("complete") == 1
    assert [line for line in dict.fromkeys(told) if line.startswith("at")] == [f"at {n}" for n in range(200, 2001, 200)]
