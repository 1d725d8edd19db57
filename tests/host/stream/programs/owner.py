"""A process with one durable stream `s`: `owner.py STORE_URL`. Each line on its input is a number to send, with `:ack
:durable`; each line of output tells the state, or the code of the error."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from conftest import Place, PythonEvaluator

from rtfs.host.clock import Clock
from rtfs.host.stream.registry import StreamRegistry
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword as K


def keep(state: Any, chunk: Any) -> Map:
    return Map.of([(K("state"), vector([*state, chunk]))])


async def main(url: str) -> None:
    evaluator = PythonEvaluator()
    evaluator.globals["keep"] = keep
    registry = StreamRegistry(Place(Clock(), None, evaluator))
    checkpoint = Map.of([(K("store"), url)])
    stream = await registry.start("gauge", processor="keep", state=(), stream_id="s", checkpoint=checkpoint)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            await stream.send(int(line), ack="durable")
            print(list(stream.state), flush=True)
        except RtfsError as error:
            print(error.code, flush=True)
    await registry.shutdown(strategy="immediate")


asyncio.run(main(sys.argv[1]))
