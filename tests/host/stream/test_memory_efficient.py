"""`:stream.memory-efficient`: what waits for a slow reader, in flat memory and without a trace (streaming.md §6.6)."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import rtfs

PROGRAM = Path(__file__).parent / "programs" / "spilling.py"
ITEM = 4_000
LONG = int(os.environ.get("RTFS_SOAK_CHUNKS", "200000")) >= 10_000_000
TOTAL, MEMORY, GROWTH = (2_000_000_000, 64_000_000, 100_000_000) if LONG else (60_000_000, 2_000_000, 15_000_000)


def test_two_gigabytes_pass_through_little_memory_in_order_and_leave_nothing_on_disk(tmp_path: Path) -> None:
    count = TOTAL // ITEM
    command = [sys.executable, str(PROGRAM), str(tmp_path), str(count), str(ITEM), str(MEMORY)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    came, spills, left, grown = map(int, done.stdout.split())
    assert (came, spills, left) == (count, 1, 0)
    assert grown < GROWTH, f"grew by {grown} bytes"


def session(**options: Any) -> rtfs.Session:
    return rtfs.Session(limits=rtfs.Limits.unlimited(), **{"context": rtfs.RuntimeContext.full(), **options})


def test_each_turn_to_the_disk_is_told_once(tmp_path: Path) -> None:
    told: list[Any] = []
    with closing(session()) as one:
        one.define("tell", told.append)
        text = f"""(let [h (call :stream.create (stream.memory-efficient (range 400)
                     {{:max-memory 300 :temp-dir "{tmp_path}" :on-spill (fn [info] (tell (:waiting info)))}})
                     {{:stream-id "h" :output-capacity 1}})]
                   (loop [found [] round 0]
                     (if (= round 400) found
                       (recur (conj found (call :stream.next h)) (inc round)))))"""
        assert list(one.run(text)) == list(range(400))
    assert told
    assert all(waiting > 50 for waiting in told)


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("/nowhere/at/all", "S003 Parameter 'temp-dir': expected folder to write in, got \"/nowhere/at/all\""),
        (__file__, "S003 Parameter 'temp-dir': expected folder to write in, got "),
    ],
)
def test_a_folder_that_is_none_is_refused(folder: str, message: str) -> None:
    with closing(session()) as one, pytest.raises(rtfs.RtfsError) as caught:
        one.run(f'(call :stream.to-collection (stream.memory-efficient [1] {{:temp-dir "{folder}"}}))')
    assert f"{caught.value.code[5:]} {caught.value.message}".startswith(message)


def test_a60_a_folder_that_a_program_names_is_asked_for(tmp_path: Path) -> None:
    context = rtfs.RuntimeContext.controlled(["stream.**"], grants=[("write", str(tmp_path / "mine"))])
    with closing(session(context=context)) as one, pytest.raises(rtfs.RtfsError) as caught:
        one.run(f'(call :stream.to-collection (stream.memory-efficient [1] {{:temp-dir "{tmp_path}"}}))')
    assert caught.value.message == f"Effect :filesystem for {tmp_path} denied for stream.memory-efficient"


def test_a_full_disk_holds_the_source_back_and_loses_nothing(tmp_path: Path) -> None:
    with closing(session()) as one:
        text = f"""(call :stream.to-collection (stream.memory-efficient (range 3000)
                     {{:max-memory 100 :max-disk 500 :temp-dir "{tmp_path}"}}))"""
        assert list(one.run(text)) == list(range(3000))
    assert list(tmp_path.iterdir()) == []
