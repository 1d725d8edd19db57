"""One durable stream in a process of its own, which can kill itself at an exact place.

    python durable.py STATE_DIR PLACE:NUMBER PARAMETERS_JSON

PLACE is where SIGKILL strikes: `step` (inside the processor), `commit` (before a transaction), `committed` (after it)
or `never`; NUMBER counts from the start of this process. At the end the state is printed as JSON.
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
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K


class Fuse:
    """Strikes at the place and number it was set to."""

    def __init__(self, setting: str) -> None:
        self.place, _, number = setting.partition(":")
        self.left = int(number or 0)

    def reach(self, place: str) -> None:
        if place != self.place:
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


FUSE = Fuse(sys.argv[2])


def account(state: Any, chunk: Any) -> Map:
    """State: how many numbers came, their sum, the last one, and how often one did not follow the one before."""
    FUSE.reach("step")
    number = chunk if type(chunk) is int else chunk.get(K("n"))
    count, total, last, wrong = state
    if number is None:
        return Map({K("state"): (count, total, last, wrong), K("output"): chunk})
    return Map({K("state"): (count + 1, total + number, number, wrong + (number != last + 1)), K("output"): number})


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


async def main() -> None:
    evaluator = PythonEvaluator()
    evaluator.globals["account"] = account
    registry = StreamRegistry(Place(Clock(), Path(sys.argv[1]), evaluator))
    parameters = json.loads(sys.argv[3])
    before = parameters.pop("before", -1)  # the number that the first one follows
    registry.topics["numbers"] = Topic(range(parameters.pop("numbers", 0)))
    watched(registry)
    given = {key: vector(value) if isinstance(value, list) else value for key, value in parameters.items()}
    stream = await registry.start(processor="account", state=(0, 0, before, 0), stream_id="account", **given)
    resumed = stream.owner.resumed
    await stream.until(lambda: stream.owner.terminal)
    print(json.dumps({"state": list(stream.state), "resumed": resumed, "status": stream.status.name,
                      "error": stream.owner.failure and stream.owner.failure.message,
                      "processed": stream.owner.stats.processed}))  # fmt: skip
    await registry.shutdown()


asyncio.run(main())
