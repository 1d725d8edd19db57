"""Ctrl-C, SIGTERM and SIGKILL, sent to real processes."""

from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rtfs.cli.interrupt import Interrupts

ROOT = Path(__file__).resolve().parents[2]
SERVER = f"stdio:{sys.executable} {ROOT / 'examples' / 'servers' / 'weather.py'}"

# Counts readings and prints each 20th; says how the stream ended. 504 readings take five seconds.
COUNTER = """
(defn on-reading [state reading metadata]
  (if (:n reading)
    {{:state (-> state (update :count inc) (update :sum + (:n reading)))
      :output (:n reading)}}
    {{:state state}}))
(def stream
  (mcp-stream "{server}" on-reading {{:count 0 :sum 0}}
    {{:stream-id "count" :tool "watch" :args {{:interval_ms 10}} :since-arg "since" :since-path [:n] :reissue true}}))
(println "started")
(let [end (call :mcp.stream.await stream)]
  (println (:status end) (:state end)))
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start `rtfs WORDS`, killed at the end of the test if it still runs."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "rtfs", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=tmp_path,
            env=environment,
            start_new_session=True,  # signals reach this process alone
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def counter(tmp_path: Path) -> str:
    (tmp_path / "counter.rtfs").write_text(COUNTER.format(server=SERVER))
    return "counter.rtfs"


def wait_for(process: subprocess.Popen[str], pattern: str, *, errors: bool = False) -> str:
    """Read the lines of a process until one matches."""
    stream = process.stderr if errors else process.stdout
    assert stream is not None
    for line in stream:
        if re.search(pattern, line):
            return line
    raise AssertionError(f"ended with {process.wait()} before {pattern!r}: {process.stderr and process.stderr.read()}")


def running(process: subprocess.Popen[str]) -> None:
    """Wait until the stream of the counter has taken in some readings."""
    wait_for(process, r'"in": [1-9]\d', errors=True)


# ---- without streams


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_stops_a_computation(start: Start, number: int, code: int) -> None:
    process = start("-e", '(do (println "go") (log :info "go") (loop [] (recur)))')
    wait_for(process, "go", errors=True)
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert (output, errors, process.returncode) == ("go\n", "interrupted\n" if code == 130 else "", code)


def test_a_signal_stops_a_wait(start: Start) -> None:
    process = start("-e", '(do (log :info "go") (sleep 60000))')
    wait_for(process, "go", errors=True)
    process.send_signal(signal.SIGINT)
    assert (process.communicate(timeout=30), process.returncode) == (("", "interrupted\n"), 130)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_ends_a_wait_of_a_running_loop_and_resources_are_closed(start: Start, number: int, code: int) -> None:
    process = start("-e", '(do (sleep 1) (log :info "go") (with-resource [r (sleep 60000)] r))')
    wait_for(process, "go", errors=True)
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert (output, errors, process.returncode) == ("", "interrupted\n" if code == 130 else "", code)


def test_an_import_is_not_torn_apart_by_a_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nfor _ in range(1000): pass\nwhole = True\n"
    (tmp_path / "struck_by_a_signal.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    imported = []
    with pytest.raises(KeyboardInterrupt), Interrupts():
        imported.append(importlib.import_module("struck_by_a_signal").whole)
        signal.pause()
    assert imported == [True]


def test_a_script_cannot_catch_an_interrupt(start: Start) -> None:
    process = start("-e", '(try (do (log :info "go") (loop [] (recur))) (catch e :caught) (finally (println "left")))')
    wait_for(process, "go", errors=True)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert ":caught" not in output and process.returncode == 130


# ---- with streams


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_the_first_signal_drains_the_stream_and_the_program_goes_on(
    start: Start, counter: str, number: int, code: int
) -> None:
    process = start("run", "--allow-all", "--progress", "json", counter)
    running(process)
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    found = re.fullmatch(r"started\n:stopped \{:count (\d+) :sum (\d+)\}\n", output)
    assert found, (output, errors)
    count, total = int(found[1]), int(found[2])
    assert 10 <= count < 504 and total == count * (count + 1) // 2
    assert process.returncode == code


def test_the_second_signal_cancels(start: Start, tmp_path: Path) -> None:
    slow = COUNTER.replace("(if (:n reading)", "(if (= 1 (reduce max (map (fn [_] 1) (range 3000000)))) ", 1)
    (tmp_path / "slow.rtfs").write_text(slow.format(server=SERVER))
    process = start("run", "--allow-all", "--progress", "json", "slow.rtfs")
    wait_for(process, '"in": [1-9]', errors=True)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGTERM)


def test_the_third_signal_kills_whatever_happens(start: Start, tmp_path: Path) -> None:
    stuck = COUNTER.replace("(if (:n reading)", "(if (loop [] (recur))", 1)
    (tmp_path / "stuck.rtfs").write_text(stuck.format(server=SERVER))
    process = start("run", "--allow-all", "stuck.rtfs")
    wait_for(process, "started")
    for _ in range(3):
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_a_killed_run_goes_on_where_its_snapshot_stood(start: Start, counter: str) -> None:
    words = ("run", "--allow-all", "--state", "kept", "--progress", "json", counter)
    for _ in range(2):
        process = start(*words)
        running(process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    output, errors = start(*words).communicate(timeout=60)
    assert output == f"started\n:completed {{:count 504 :sum {504 * 505 // 2}}}\n", errors
