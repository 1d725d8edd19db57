"""Durable streams in processes that can kill themselves at an exact place.

Reads lines of JSON `[STATE_DIR, "PLACE:NUMBER", PARAMETERS]` and answers each with a line `{"code": …, "end": …}` when
the process it forked for it has ended. Forking spares the time of importing everything for every life.

PLACE is where SIGKILL strikes: `step` (inside the processor), `commit` (before a transaction), `committed` (after it)
or `never`; NUMBER counts from the start of the process. Of several, joined by commas, the first one reached strikes. At
its end a process reports its state.
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

import mcp.client.streamable_http  # noqa: F401 - imported once, before forking
from conftest import Place, PythonEvaluator

from rtfs.host.clock import Clock
from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.registry import StreamRegistry
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword as K


class Fuse:
    """Strikes at the first of the places and numbers it was set to."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}

    def set(self, text: str) -> None:
        for part in text.split(","):
            place, _, number = part.partition(":")
            self.left[place] = int(number or 0)

    def reach(self, place: str) -> None:
        if place not in self.left:
            return
        self.left[place] -= 1
        if self.left[place] == 0:
            os.kill(os.getpid(), signal.SIGKILL)


FUSE = Fuse()


def account(state: Any, chunk: Any) -> Map:
    """State: how many numbers came, their sum, the last one, and how often one did not follow the one before."""
    FUSE.reach("step")
    number = chunk if type(chunk) is int else chunk.get(K("n"))
    count, total, last, wrong = state
    if number is None:
        return Map.holding({K("state"): (count, total, last, wrong), K("output"): chunk})
    return Map.holding(
        {K("state"): (count + 1, total + number, number, wrong + (number != last + 1)), K("output"): number}
    )


def gather(state: Any, chunk: Any) -> Map:
    """State: the numbers that came, in their order."""
    FUSE.reach("step")
    return Map.holding({K("state"): vector([*state, chunk.get(K("n"))])})


def watched(registry: StreamRegistry) -> None:
    """Let the fuse see the store's transactions."""
    opened = registry.store

    def store(cadence: Any) -> Any:
        found = opened(cadence)
        if not hasattr(found, "watched"):
            commit = found.commit

            def watched_commit(rows: Any) -> Any:
                FUSE.reach("commit")
                result = commit(rows)
                FUSE.reach("committed")
                return result

            found.commit, found.watched = watched_commit, True
        return found

    registry.store = store  # type: ignore[method-assign]


def as_parameter(value: Any) -> Any:
    if isinstance(value, dict):
        return Map.of([(K(key), item) for key, item in value.items()])
    return vector(value) if isinstance(value, list) else value


async def live(state_dir: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """One life, from start to end."""
    evaluator = PythonEvaluator()
    evaluator.globals |= {"account": account, "gather": gather}
    registry = StreamRegistry(Place(Clock(), Path(state_dir), evaluator))
    before = parameters.pop("before", -1)  # the number that the first one follows
    registry.topics["numbers"] = Topic(range(parameters.pop("numbers", 0)))
    watched(registry)
    told: list[Any] = []
    registry.services.events.observers.append(lambda event: told.append([event.event, event.data]))
    name = parameters.pop("processor", "account")
    state = (0, 0, before, 0) if name == "account" else ()
    given = {key: as_parameter(value) for key, value in parameters.items()}
    try:
        stream = await registry.start(processor=name, state=state, stream_id="account", **given)
    except RtfsError as error:
        return {"error": error.message}
    resumed = stream.owner.resumed
    await stream.until(lambda: stream.owner.terminal)
    error = stream.owner.failure
    await registry.shutdown()
    return {
        "state": list(stream.state),
        "resumed": resumed,
        "status": stream.status.name,
        "error": error and error.message,
        "told": [entry for entry in told if entry[0] in ("gap", "resumed-from")],
        "processed": stream.owner.stats.processed,
    }


def main() -> None:
    for line in sys.stdin:
        state_dir, fuse, parameters = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            FUSE.set(fuse)
            end = asyncio.run(live(state_dir, parameters))
            os.write(writing, json.dumps(end).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as report:
            end = report.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"code": code, "end": json.loads(end or "null")}), flush=True)


main()
