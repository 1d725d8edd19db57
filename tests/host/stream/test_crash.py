"""A process that dies at any place and starts again leaves every chunk in the state once (streaming.md §5)."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parent / "programs" / "durable.py"
SERVER = Path(__file__).parents[3] / "examples" / "servers" / "weather.py"
MEMORY = {"endpoint": "memory:numbers", "numbers": 10_000, "output-capacity": 8}
READINGS = [504, 504 * 505 // 2, 504, 0]


def run(state_dir: Path, fuse: str, parameters: dict[str, Any], expect: int = 0) -> dict[str, Any]:
    """The printed end of one life of the program; `expect` is its exit code."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(state_dir), fuse, json.dumps(parameters)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == expect, done.stderr
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    return found


def test_A39_killed_at_20_instants_the_final_state_is_that_of_an_uninterrupted_run(tmp_path: Path) -> None:
    chance = random.Random(39)
    for _ in range(20):
        place = chance.choice(["step", "step", "commit", "committed"])
        number = chance.randint(1, 600) if place == "step" else chance.randint(1, 3)
        run(tmp_path, f"{place}:{number}", MEMORY, -signal.SIGKILL)
    end = run(tmp_path, "never", MEMORY)
    assert end["state"] == [10_000, sum(range(10_000)), 9_999, 0]
    assert (end["resumed"], end["status"], end["processed"]) == (True, "completed", 10_000)


def test_A61_the_same_command_again_at_once_after_a_kill_goes_on_where_it_was(tmp_path: Path) -> None:
    run(tmp_path, "step:5000", MEMORY, -signal.SIGKILL)
    end = run(tmp_path, "never", MEMORY)
    assert (end["resumed"], end["state"]) == (True, [10_000, sum(range(10_000)), 9_999, 0])


@pytest.mark.parametrize("place", ["step", "commit", "committed"])
def test_A25_a_poll_killed_between_and_in_pages_counts_each_item_once(tmp_path: Path, place: str) -> None:
    poll = {
        "endpoint": f"stdio:{sys.executable} {SERVER} --every-ms 0",
        "before": 0,
        "tool": "page",
        "cursor-arg": "cursor",
        "cursor-path": ["next"],
        "items-path": ["items"],
        "interval-ms": 1,
        "max-chunks": 504,
    }
    run(tmp_path, f"{place}:{ {'step': 100, 'commit': 3, 'committed': 2}[place] }", poll, -signal.SIGKILL)
    run(tmp_path, f"{place}:{ {'step': 144, 'commit': 3, 'committed': 3}[place] }", poll, -signal.SIGKILL)
    end = run(tmp_path, "never", poll)
    assert (end["state"], end["status"]) == (READINGS, "completed")


@pytest.mark.parametrize("place", ["step", "commit", "committed"])
def test_A61_a_progress_call_with_since_goes_on_after_the_last_processed_note(tmp_path: Path, place: str) -> None:
    watch = {
        "endpoint": f"stdio:{sys.executable} {SERVER} --every-ms 0",
        "before": 0,
        "tool": "watch",
        "since-arg": "since",
        "since-path": ["n"],
        "queue-capacity": 500,
    }
    run(tmp_path, f"{place}:{ {'step': 77, 'commit': 3, 'committed': 2}[place] }", watch, -signal.SIGKILL)
    run(tmp_path, f"{place}:{ {'step': 200, 'commit': 2, 'committed': 3}[place] }", watch, -signal.SIGKILL)
    end = run(tmp_path, "never", watch)
    assert (end["state"], end["status"], end["resumed"]) == (READINGS, "completed", True)


def test_a_second_process_on_the_same_directory_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    lasting = {**MEMORY, "outputs": "block"}  # nobody reads, so it never ends
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), str(tmp_path), "never", json.dumps(lasting)], stdout=subprocess.PIPE
    ) as first:
        try:
            while not (tmp_path / "streams.db").exists():
                assert first.poll() is None
            second = subprocess.run(
                [sys.executable, str(PROGRAM), str(tmp_path), "never", json.dumps(MEMORY)],
                capture_output=True,
                text=True,
                timeout=60,
            )
        finally:
            first.kill()
    assert second.returncode == 1
    assert "Stream 'account' already exists" in second.stderr or "is in use by another process" in second.stderr
