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


# ---- map → filter → map → batch of fifty over integers: the sum of the sums of the batches, and how many there were

BATCH = 50


def square(x: int) -> int:
    return x * x


def even(x: int) -> bool:
    return x % 2 == 0


def following(x: int) -> int:
    return x + 1


def chain_by_hand(items: Iterable[int]) -> int:
    """What a person writes: one loop."""
    held: list[int] = []
    total = 0
    for item in items:
        value = item * item
        if value % 2 == 0:
            held.append(value + 1)
            if len(held) == BATCH:
                total += len(held)
                held = []
    return total + len(held)


def chain_aiostream(items: Iterable[int]) -> int:
    stream = import_module("aiostream")
    pipe = stream.pipe

    async def run() -> int:
        chain = stream.stream.iterate(items) | pipe.map(square) | pipe.filter(even) | pipe.map(following)
        total = 0
        async with (chain | pipe.chunks(BATCH)).stream() as batches:
            async for batch in batches:
                total += len(batch)
        return total

    return asyncio.run(run())


def chain_streamz(items: Iterable[int]) -> int:
    counted: list[int] = []
    source = import_module("streamz").Stream()
    source.map(square).filter(even).map(following).partition(BATCH).sink(lambda batch: counted.append(len(batch)))
    for item in items:
        source.emit(item)
    return sum(counted)


def chain_rxpy(items: Iterable[int]) -> int:
    reactivex, operators = import_module("reactivex"), import_module("reactivex.operators")
    counted: list[int] = []
    steps = (operators.map(square), operators.filter(even), operators.map(following))
    chain = reactivex.from_iterable(items).pipe(*steps, operators.buffer_with_count(BATCH))
    chain.subscribe(lambda batch: counted.append(len(batch)))
    return sum(counted)


def chain_bytewax(items: Iterable[int]) -> int:
    operators, testing = import_module("bytewax.operators"), import_module("bytewax.testing")
    flow = import_module("bytewax.dataflow").Dataflow("bench")
    squares = operators.map(
        "square", operators.input("in", flow, testing.TestingSource(items, batch_size=1_000)), square
    )
    chain = operators.map("following", operators.filter("even", squares, even), following)
    keyed = operators.key_on("key", chain, lambda _: "all")
    hour = import_module("datetime").timedelta(hours=1)
    outputs: list[Any] = []
    batches = operators.collect("batch", keyed, timeout=hour, max_size=BATCH)
    operators.output("out", batches, testing.TestingSink(outputs))
    testing.run_main(flow)
    return sum(len(batch) for _, batch in outputs)


CHAINS: dict[str, Callable[[Iterable[int]], int]] = {
    "aiostream": chain_aiostream,
    "streamz": chain_streamz,
    "RxPY": chain_rxpy,
    "Bytewax": chain_bytewax,
}
PEERS: dict[str, tuple[str, Callable[[Iterable[Any]], int]]] = {
    "aiostream": ("aiostream", aiostream),
    "streamz": ("streamz", streamz),
    "RxPY": ("reactivex", rxpy),
    "Bytewax": ("bytewax", bytewax),
}


# ---- tumbling windows of a second for each of a hundred keys, by the time of the item: how many items all have

LENGTH = 1_000  # ms
KEYS = 100


class Windows:
    """What a person writes: a dictionary of open windows, looked through when the time has passed an end."""

    def __init__(self) -> None:
        self.open: dict[tuple[int, int], list[int]] = {}
        self.end = LENGTH

    def step(self, item: int) -> list[list[int]]:
        """The windows that an item closes."""
        closed: list[list[int]] = []
        if item >= self.end:
            closed = [self.open.pop(id) for id in list(self.open) if id[1] + LENGTH <= item]
            self.end = item - item % LENGTH + LENGTH
        self.open.setdefault((item % KEYS, item - item % LENGTH), []).append(item)
        return closed


def windows_by_hand(items: Iterable[int]) -> int:
    windows, total = Windows(), 0
    for item in items:
        for closed in windows.step(item):
            total += len(closed)
    return total + sum(map(len, windows.open.values()))


def windows_aiostream(items: Iterable[int]) -> int:
    """It has no windows: the same dictionary behind its operators."""
    stream = import_module("aiostream")
    pipe, windows = stream.pipe, Windows()

    async def run() -> int:
        total = 0
        chain = stream.stream.iterate(items) | pipe.map(windows.step) | pipe.filter(bool)
        async with chain.stream() as found:
            async for closed in found:
                total += sum(map(len, closed))
        return total + sum(map(len, windows.open.values()))

    return asyncio.run(run())


def windows_bytewax(items: Iterable[int]) -> int:
    operators, testing = import_module("bytewax.operators"), import_module("bytewax.testing")
    windowing, datetime = import_module("bytewax.operators.windowing"), import_module("datetime")
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    clock = windowing.EventClock(
        ts_getter=lambda item: begin + datetime.timedelta(milliseconds=item),
        wait_for_system_duration=datetime.timedelta(0),
    )
    windower = windowing.TumblingWindower(length=datetime.timedelta(milliseconds=LENGTH), align_to=begin)
    flow = import_module("bytewax.dataflow").Dataflow("bench")
    numbers = operators.input("in", flow, testing.TestingSource(items, batch_size=1_000))
    keyed = operators.key_on("key", numbers, lambda item: str(item % KEYS))
    outputs: list[Any] = []
    collected = windowing.collect_window("windows", keyed, clock, windower)
    operators.output("out", collected.down, testing.TestingSink(outputs))
    testing.run_main(flow)
    return sum(len(items) for _, (_, items) in outputs)


WINDOWS: dict[str, Callable[[Iterable[int]], int]] = {"aiostream": windows_aiostream, "Bytewax": windows_bytewax}


def windows(name: str) -> Callable[[Iterable[int]], int]:
    """The windows in a peer. Skipped when it is not installed."""
    peer(name)
    return WINDOWS[name]


def chain(name: str) -> Callable[[Iterable[int]], int]:
    """The chain in a peer. Skipped when it is not installed."""
    peer(name)
    return CHAINS[name]


def peer(name: str) -> Callable[[Iterable[Any]], int]:
    """The work in a peer. Skipped when it is not installed."""
    from importlib.util import find_spec

    package, work = PEERS[name]
    if find_spec(package) is None:
        raise Skipped(f"{name} is not installed: {HINT}")
    return work


def longest(number: int) -> int:
    """A step that computes: the longest way of some numbers to 1."""
    return max(collatz(each) for each in range(number, number + 20))


def collatz(number: int) -> int:
    """How many steps a number takes to 1."""
    steps = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return steps


def in_processes(numbers: list[int], count: int) -> list[int]:
    """The same in a pool of processes that begin anew, as ours do."""
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(count) as pool:
        return pool.map(longest, numbers, chunksize=128)
