"""A durable stream with a sink that writes a file, in processes that die at an exact place.

Reads lines of JSON `[STORE_URL, "PLACE:NUMBER", SINK_FILE, PARAMETERS]` and answers each with a line
`{"code": …, "end": …}` when the process it forked for it has ended.

PLACE is where SIGKILL strikes: `step` (inside the processor), `statement` (before a statement of the store), `commit`
(before a commit of it), `committed` (after one), `written` (after the sink wrote an output and before it says so) or
`never`; NUMBER counts from the start of the process. The sink appends `OUTPUT_SEQ VALUE` lines.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from conftest import Place, PythonEvaluator

from rtfs.host.clock import Clock
from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.registry import StreamRegistry
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword as K

LEFT: dict[str, int] = {}


def reach(place: str) -> None:
    """Die when this place has been reached often enough."""
    if place in LEFT:
        LEFT[place] -= 1
        if LEFT[place] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def account(state: Any, chunk: int) -> Map:
    """State: how many numbers came, and how often one did not follow the one before."""
    reach("step")
    count, wrong = state
    return Map.holding({K("state"): (count + 1, wrong + (chunk != count)), K("output"): chunk * 10})


def watch(store: Any) -> None:
    """Let the statements and commits of a store count."""
    commit = store.commit

    def watched(rows: Any) -> Any:
        reach("commit")
        result = commit(rows)
        reach("committed")
        return result

    store.commit = watched
    connection = getattr(store, "_connection", None)
    if hasattr(connection, "set_trace_callback"):
        connection.set_trace_callback(lambda statement: reach("statement"))
    elif hasattr(store, "_run"):  # PostgreSQL: each statement goes through here
        run = store._run

        def traced(cursor: Any, statements: Any) -> None:
            for statement in statements:
                reach("statement")
                run(cursor, [statement])

        store._run = traced


async def deliver(stream: Any, file: Path) -> None:
    """The sink: it writes each output for good, then says so."""
    reader = stream.reader("file", lasting=True)
    with file.open("a") as lines:
        while batch := await stream.read(reader, 10):
            for output in batch:
                lines.write(f"{output.output_seq} {output.value}\n")
                lines.flush()
                reach("written")
            stream.owner.outputs.finished(reader)


async def live(url: str, file: str, parameters: dict[str, Any]) -> dict[str, Any]:
    evaluator = PythonEvaluator()
    evaluator.globals["account"] = account
    registry = StreamRegistry(Place(Clock(), None, evaluator))
    registry.identity = "the one process of this test"  # so that a store which machines share need not wait 15 s
    numbers, id = parameters.pop("numbers"), parameters.pop("id", "account")
    registry.topics["numbers"] = Topic(range(numbers))
    checkpoint = Map.of([(K("store"), url), (K("every-chunks"), parameters.pop("every", 10))])
    opened = registry.store

    def store(cadence: Any) -> Any:
        found = opened(cadence)
        if not hasattr(found, "watched"):
            found.watched = True
            watch(found)
        return found

    registry.store = store  # type: ignore[method-assign]
    try:
        stream = await registry.start("memory:numbers", processor="account", state=(0, 0), stream_id=id,
                                      outputs=K("durable"), checkpoint=checkpoint, **parameters)  # fmt: skip
    except RtfsError as error:
        return {"error": error.message}
    await deliver(stream, Path(file))
    await stream.until(lambda: stream.owner.terminal)
    end = {"state": list(stream.state), "status": stream.status.name, "resumed": stream.owner.resumed}
    await registry.shutdown()
    return end


def main() -> None:
    for line in sys.stdin:
        url, fuse, file, parameters = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            place, _, number = fuse.partition(":")
            LEFT[place] = int(number or 0)
            end = asyncio.run(live(url, file, parameters))
            os.write(writing, json.dumps(end).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as report:
            end = report.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"code": code, "end": json.loads(end or "null")}), flush=True)


main()
