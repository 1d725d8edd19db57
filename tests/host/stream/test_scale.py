"""A59: very many streams in one process; `make soak` runs ten thousand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

STREAMS = int(os.environ.get("RTFS_SOAK_STREAMS", "1000"))
CHUNKS = 10

PROGRAM = """
import asyncio, json, sys, time
from pathlib import Path
from rtfs import Keyword, Limits, RuntimeContext, Session
from rtfs.host.stream.adapters.memory import Topic

streams, chunks, state_dir = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
session = Session(limits=Limits.unlimited(), context=RuntimeContext.full(), state_dir=state_dir)
session.run("(defn total [n chunk] {:state (+ n chunk) :output n})")
total = session.lookup("total")
turns = []

async def beat():
    # How long the loop was busy between two turns of this task, in time of its thread: other processes do not count.
    last = time.thread_time()
    while True:
        await asyncio.sleep(0.001)
        now = time.thread_time()
        turns.append(now - last)
        last = now

async def main():
    registry, tasks = session.host.streams, len(asyncio.all_tasks())
    registry.topics["t"] = lambda: Topic(range(chunks))
    beating = asyncio.create_task(beat())
    begun = []
    for number in range(streams):
        begun.append(await registry.start("memory:t", total, 0, stream_id=f"s{number}"))
        await asyncio.sleep(0)
    states = [await stream.result() for stream in begun]
    beating.cancel()
    seen = {"states": sorted(set(states)), "statuses": sorted({stream.status.name for stream in begun})}
    await registry.shutdown()
    await asyncio.gather(beating, return_exceptions=True)
    turns.sort()
    seen["p99"] = turns[len(turns) * 99 // 100]
    seen["tasks left"] = len(asyncio.all_tasks()) - tasks
    seen["resident MB"] = int(Path("/proc/self/statm").read_text().split()[1]) * 4 / 1024
    print(json.dumps(seen))

asyncio.run(main())
"""


def test_a59_thousands_of_durable_streams_complete_without_holding_the_loop_or_leaking_a_task(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(STREAMS), str(CHUNKS), str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["states"], seen["statuses"], seen["tasks left"]) == ([sum(range(CHUNKS))], ["completed"], 0)
    assert seen["resident MB"] < 2048
    assert seen["p99"] < 0.050, seen
