"""A process that dies anywhere in a snapshot write or a delivery: state once, every output at least once, in order."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parent / "programs" / "outbox.py"
NUMBERS = 40
KILLS = int(os.environ.get("RTFS_KILLS", "8"))  # more under `make crash`

Life = Callable[..., "dict[str, Any] | None"]


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """`life(url, fuse, file)` is one life of a process: its report, None when it was killed."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        stdin, stdout = nursery.stdin, nursery.stdout
        assert stdin is not None and stdout is not None

        def one(url: str, fuse: str, file: Path, **parameters: Any) -> dict[str, Any] | None:
            stdin.write(json.dumps([url, fuse, str(file), {"numbers": NUMBERS, **parameters}]) + "\n")
            stdin.flush()
            answer = json.loads(stdout.readline())
            assert answer["code"] == (0 if answer["end"] else -signal.SIGKILL)
            end: dict[str, Any] | None = answer["end"]
            return end

        yield one
        stdin.close()


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def url(request: pytest.FixtureRequest, store_place: Callable[[str], str]) -> str:
    return store_place(request.param)


def finish(life: Life, url: str, file: Path, **parameters: Any) -> None:
    """Start again until it is complete; then what must hold, holds."""
    end = life(url, "never", file, **parameters)
    assert end is not None
    count = parameters.get("numbers", NUMBERS)
    assert (end["state"], end["status"]) == ([count, 0], "completed")
    lines = [tuple(map(int, line.split())) for line in file.read_text().splitlines()]
    assert all(value == number * 10 for number, value in lines)
    seen = -1
    for number, _ in lines:
        assert number <= seen + 1  # in order: a repeat goes back, nothing is left out
        seen = max(seen, number)
    assert seen == count - 1


PLACES = {"step": 13, "statement": 31, "commit": 2, "committed": 2, "written": 13}


@pytest.mark.parametrize("place", PLACES)
def test_a39_a_kill_at_any_place_loses_nothing_and_counts_nothing_twice(
    url: str, life: Life, tmp_path: Path, place: str
) -> None:
    if place == "statement" and url.startswith("redis"):
        place = "commit"  # one script: there is nothing between its statements
    killed = 0
    stride = 5 if url.startswith("postgresql") and place == "statement" else PLACES[place]
    for number in range(1, 200, stride):
        file, id = tmp_path / f"sink-{number}", f"stream-{number}"
        if life(url, f"{place}:{number}", file, id=id) is not None:
            break
        killed += 1
        finish(life, url, file, id=id)
    assert killed >= 2


def test_a40_a_kill_between_commit_and_sink_delivers_later_under_the_same_numbers(
    url: str, life: Life, tmp_path: Path
) -> None:
    file = tmp_path / "sink"
    assert life(url, "committed:2", file) is None
    before = file.read_text()
    finish(life, url, file)
    assert file.read_text().startswith(before)
    assert len(file.read_text().splitlines()) == NUMBERS  # nothing had been written twice


def test_a41_a_kill_between_sink_and_mark_delivers_again_and_the_number_tells(
    url: str, life: Life, tmp_path: Path
) -> None:
    file = tmp_path / "sink"
    assert life(url, "written:5", file) is None
    assert len(file.read_text().splitlines()) == 5
    finish(life, url, file)
    lines = file.read_text().splitlines()
    assert len(lines) > NUMBERS and len(set(lines)) == NUMBERS


def test_a39_kills_at_random_places(url: str, life: Life, tmp_path: Path) -> None:
    chance, file = random.Random(7), tmp_path / "sink"
    for _ in range(KILLS):
        place, most = chance.choice([("step", 60), ("commit", 6), ("committed", 6), ("written", 40)])
        life(url, f"{place}:{chance.randint(1, most)}", file, numbers=500)
    finish(life, url, file, numbers=500)
