"""One processor over a stream of chunks in other stream libraries for Python, for `bench/rows/streams.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from bench.harness import Skipped

HINT = "pip install 'rtfs[bench]'"

State = dict[str, Any]
BEGIN: State = {"count": 0, "total": 0}


def process(state: State, chunk: dict[str, Any]) -> dict[str, Any]:
    """What the RTFS processor of the same row does."""
    value = chunk["value"]
    total = state["total"] + value
    return {
        "state": {**state, "count": state["count"] + 1, "total": total},
        "output": {"value": value, "total": total},
    }


def by_hand(chunks: Iterable[Any]) -> int:
    state = BEGIN
    for chunk in chunks:
        state = process(state, chunk)["state"]
    return int(state["total"])


def aiostream(chunks: Iterable[Any]) -> int:
    stream = import_module("aiostream").stream

    def step(before: Any, chunk: Any) -> Any:
        return process(before["state"], chunk)

    async def run() -> int:
        total = 0
        results = stream.accumulate(stream.iterate(chunks), step, {"state": BEGIN, "output": None})
        async with results.stream() as found:
            async for result in found:
                total = result["state"]["total"]
        return total

    return asyncio.run(run())


def streamz(chunks: Iterable[Any]) -> int:
    source = import_module("streamz").Stream()

    def step(state: State, chunk: Any) -> tuple[State, Any]:
        result = process(state, chunk)
        return result["state"], result["output"]

    last: list[Any] = [None]
    source.accumulate(step, start=BEGIN, returns_state=True).sink(lambda output: last.__setitem__(0, output))
    for chunk in chunks:
        source.emit(chunk)
    return int(last[0]["total"])


def rxpy(chunks: Iterable[Any]) -> int:
    reactivex, operators = import_module("reactivex"), import_module("reactivex.operators")
    last: list[Any] = []
    scanned = operators.scan(lambda before, chunk: process(before["state"], chunk), {"state": BEGIN, "output": None})
    reactivex.from_iterable(chunks).pipe(scanned, operators.last()).subscribe(last.append)
    return int(last[0]["state"]["total"])


def bytewax(chunks: Iterable[Any]) -> int:
    operators, testing = import_module("bytewax.operators"), import_module("bytewax.testing")

    def step(state: State | None, chunk: Any) -> tuple[State, Any]:
        result = process(state or BEGIN, chunk)
        return result["state"], result["output"]

    flow = import_module("bytewax.dataflow").Dataflow("bench")
    numbered = operators.input("in", flow, testing.TestingSource(chunks, batch_size=1_000))
    keyed = operators.key_on("key", numbered, lambda _: "all")
    outputs: list[Any] = []
    operators.output("out", operators.stateful_map("step", keyed, step), testing.TestingSink(outputs))
    testing.run_main(flow)
    return int(outputs[-1][1]["total"])


PEERS: dict[str, tuple[str, Callable[[Iterable[Any]], int]]] = {
    "aiostream": ("aiostream", aiostream),
    "streamz": ("streamz", streamz),
    "RxPY": ("reactivex", rxpy),
    "Bytewax": ("bytewax", bytewax),
}


def peer(name: str) -> Callable[[Iterable[Any]], int]:
    """The work in a peer. Skipped when it is not installed."""
    from importlib.util import find_spec

    package, work = PEERS[name]
    if find_spec(package) is None:
        raise Skipped(f"{name} is not installed: {HINT}")
    return work
