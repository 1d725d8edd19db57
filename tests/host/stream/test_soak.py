"""Streams that never end take no more memory the longer they run; `make soak` runs them for ten million chunks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHUNKS = int(os.environ.get("RTFS_SOAK_CHUNKS", "200000"))
GROWTH_KB = 4_096

PROGRAM = """
import asyncio, sys
from itertools import count
from pathlib import Path
from rtfs import Keyword, Limits, RuntimeContext, Session, from_python, read
from rtfs.host.stream.adapters.memory import Topic

chunks, state_dir, options, text = int(sys.argv[1]), sys.argv[2] or None, read(sys.argv[3])[0], sys.argv[4]
session = Session(limits=Limits.unlimited(), context=RuntimeContext.full(), state_dir=state_dir)
session.run(text)

def items(start):
    for number in range(start, chunks):
        yield from_python({Keyword("user"): f"user-{number % 50}", Keyword("amount"): number})

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4

async def main():
    streams = session.host.streams
    streams.topics["t"] = Topic(items)
    stream = await streams.start("memory:t", session.lookup("step"), from_python({}), **{
        key.name.replace("-", "_"): value for key, value in options.entries()})
    await stream.until(lambda: stream.owner.stats.processed >= chunks // 10)
    before = resident()
    await stream.result()
    assert stream.owner.stats.processed == chunks, stream.owner.stats.processed
    print(resident() - before)
    await streams.shutdown()

asyncio.run(main())
"""

TOTALS = """(defn step [totals chunk metadata]
  {:state (assoc totals (:user chunk) (+ (get totals (:user chunk) 0) (:amount chunk)))
   :output {:user (:user chunk) :seq (:seq metadata)}})"""


@pytest.mark.parametrize(
    ("durable", "options"),
    [(False, "{}"), (False, "{:queue-capacity 1000 :outputs :none}"), (True, "{}")],
    ids=["kept in a ring", "not kept", "stored"],
)
def test_memory_does_not_grow_with_the_number_of_chunks(durable: bool, options: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "state") if durable else ""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(CHUNKS), folder, options, TOTALS], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= GROWTH_KB, f"grew by {done.stdout.strip()} KB"
