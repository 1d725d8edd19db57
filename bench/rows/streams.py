"""Streams: chunks per second in memory and stored, latency, many streams, memory over ten million chunks, and peers."""

from __future__ import annotations

import asyncio
import gc
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import repeat
from pathlib import Path
from types import CodeType
from typing import Any

import rtfs
from bench import stream_peers
from bench.harness import Measured, Row, against
from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.dataflow import run as run_graph
from rtfs.host.stream.description import Begun
from rtfs.host.stream.fused import fused
from rtfs.host.stream.graph import chain_of

PROGRAM = """
(defn process [state chunk metadata]
  (let [value (:value chunk)
        total (+ (:total state) value)]
    {:state (assoc state :count (inc (:count state)) :total total)
     :output {:value value :total total}}))
"""
CHAIN = """(-> (call :stream.from-collection (range N)) (stream.map (fn [x] (* x x)))
    (stream.filter (fn [x] (= 0 (mod x 2)))) (stream.map inc) (stream.batch 50))"""
WINDOWS = """(-> (call :stream.from-collection (range N))
    (stream.window 1000 {:time-fn identity :key-fn (fn [x] (mod x 100))}) (stream.map :count))"""
WINDOWED = 40_000
COLLATZ = """(defn collatz [n]
  (loop [n n steps 0] (if (= n 1) steps (recur (if (even? n) (quot n 2) (inc (* 3 n))) (inc steps)))))
(defn longest [n] (reduce max 0 (map collatz (range n (+ n 20)))))"""
HEAVY = 6_000
ITEMS = 400_000
CHUNK = {"value": 3, "unit": "C"}
CHUNKS = 200_000
FEW = 50_000  # for comparisons, which repeat
IDLE = 10_000
MANY = 10_000_000


def keyed(values: dict[str, Any]) -> Any:
    return rtfs.from_python({rtfs.Keyword(name): value for name, value in values.items()})


def endless(start: int) -> Iterator[Any]:
    return repeat(keyed(CHUNK))


class Bench:
    """A session whose streams read `count` equal chunks from `memory:chunks`."""

    def __init__(self, count: int | None = None, state_dir: str | None = None) -> None:
        self.session = rtfs.Session(
            limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full(), state_dir=state_dir
        )
        self.session.run(PROGRAM, name="streams.rtfs")
        self.streams = self.session.host.streams
        chunk = keyed(CHUNK)
        self.streams.topics["chunks"] = Topic(lambda start: repeat(chunk, (count or MANY) - start))

    async def start(self, endpoint: str, **options: Any) -> Any:
        return await self.streams.start(
            endpoint, self.session.lookup("process"), keyed({"count": 0, "total": 0}), **options
        )


def run(bench: Bench, work: Callable[[], Awaitable[Any]]) -> Any:
    """`work` in an event loop of its own, and the streams ended behind it."""

    async def whole() -> Any:
        try:
            return await work()
        finally:
            await bench.streams.shutdown(strategy="immediate")

    try:
        return asyncio.run(whole())
    finally:
        bench.session.close()


def through(count: int, state_dir: str | None = None) -> tuple[int, float]:
    """The total after `count` chunks through one stream whose outputs nobody keeps, and the processor time it took."""
    bench = Bench(count, state_dir)

    async def work() -> tuple[int, float]:
        begin = time.process_time()
        state = await (await bench.start("memory:chunks", outputs="none")).result()
        return state[rtfs.Keyword("total")], time.process_time() - begin

    total, took = run(bench, work)
    return total, took


def rate(state_dir: Callable[[], str | None]) -> Measured:
    def once() -> float:
        total, took = through(CHUNKS, state_dir())
        assert total == 3 * CHUNKS, total
        return CHUNKS / took / 1e3

    rates = [once() for _ in range(5)]
    return Measured(statistics.median(rates), f"{CHUNKS:,} chunks, five times")


def in_memory() -> Measured:
    """Source, queue, processor, status and position; snapshots are references to immutable values."""
    return rate(lambda: None)


def stored() -> Measured:
    """The same with snapshots in SQLite each 100 ms or 100 chunks."""
    with tempfile.TemporaryDirectory() as folder:
        names = iter(range(1_000))
        return rate(lambda: str(Path(folder, str(next(names)))))


def latency() -> Measured:
    """From the sending of a chunk to its output, at 1,000 chunks a second; wall time."""
    bench = Bench()
    gone: list[float] = []

    async def work() -> None:
        stream = await bench.start("sent", outputs="block")
        reader, chunk = stream.reader("bench"), keyed(CHUNK)
        begin = time.perf_counter()
        for number in range(3_000):
            await asyncio.sleep(max(0.0, begin + number / 1_000 - time.perf_counter()))
            sent = time.perf_counter()
            await stream.send(chunk)
            await stream.read(reader)
            gone.append((time.perf_counter() - sent) * 1e3)

    run(bench, work)
    return Measured(statistics.quantiles(gone, n=100)[98], f"median {statistics.median(gone):.3f} ms, 3,000 chunks")


def resident() -> int:
    """Bytes of memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def idle() -> tuple[float, float]:
    """KB that one of ten thousand idle streams takes, and the seconds to start them all (processor time)."""
    bench = Bench()

    async def work() -> tuple[float, float]:
        await bench.start("warm")
        gc.collect()
        memory, begin = resident(), time.process_time()
        for number in range(IDLE):
            await bench.start(f"idle-{number}")
        await asyncio.sleep(0)
        took = time.process_time() - begin
        gc.collect()
        return (resident() - memory) / IDLE / 1024, took

    found: tuple[float, float] = run(bench, work)
    return found


def idle_memory() -> Measured:
    return Measured(idle()[0], f"{IDLE:,} streams in one process")


def idle_start() -> Measured:
    return Measured(idle()[1], f"{IDLE:,} streams in one process")


def flat() -> Measured:
    """Growth of memory from the first hundredth to the end of ten million chunks."""
    bench = Bench()

    async def work() -> float:
        stream = await bench.start("memory:chunks")
        await stream.until(lambda: stream.owner.stats.processed >= MANY // 100)
        memory = resident()
        await stream.result()
        return (resident() - memory) / 2**20

    return Measured(run(bench, work), f"{MANY:,} chunks")


def chained(count: int) -> tuple[int, float]:
    """The number of items that leave the fused chain in batches, and the processor time it took."""
    bench = Bench()
    node = bench.session.run(CHAIN.replace("N", str(count)))
    counted = 0

    async def work() -> float:
        nonlocal counted
        begin = time.process_time()
        stream = await run_graph(bench.streams, Begun(node, "user"), rtfs.from_python({}))
        async for batch in stream:
            counted += len(batch)
        return time.process_time() - begin

    took: float = run(bench, work)
    return counted, took


def windowed(count: int) -> int:
    """How many items are in the windows that leave a graph."""
    bench = Bench()
    node = bench.session.run(WINDOWS.replace("N", str(count)))

    async def work() -> int:
        stream = await run_graph(bench.streams, Begun(node, "user"), rtfs.from_python({}))
        return sum([found async for found in stream])

    found: int = run(bench, work)
    return found


def windows_beside(name: str, work: Callable[[str], Any]) -> Row:
    """The time of a peer for the same windows over ours."""

    def measure() -> Measured:
        theirs, items = work(name), list(range(WINDOWED))
        return against(lambda: theirs(items), lambda: windowed(WINDOWED), rounds=3, names=(name, "rtfs"))

    target = 0.5 if name == "Bytewax" else None  # the others have no windows, and hold a dictionary that is changed
    return Row(f"time of {name} over ours, windows of 100 keys", target, measure, least=True)


def builds_maps(chain: str) -> bool:
    """Does the code that a batch of items runs through in a fused chain make maps?"""
    with closing(Bench().session) as session:
        evaluator = session.host.evaluator
        processor, _ = fused(chain_of(session.run(chain), evaluator), evaluator)
    assert processor.batch is not None, "the chain is not fused"
    assert isinstance(processor.batch.run, partial)
    waiting, names = [processor.batch.run.args[0].__code__], set[str]()
    while waiting:
        code = waiting.pop()
        names.update(code.co_names)
        waiting += [const for const in code.co_consts if isinstance(const, CodeType)]
    return "#Map" in names


def fused_chain() -> Measured:
    """From a collection through a queue, with positions, status and snapshots in memory; batches are read.

    It fails when the fused chain makes a map per item.
    """
    assert not builds_maps(CHAIN.replace("N", "9")), "a map is made per item"

    def once() -> float:
        found, took = chained(ITEMS)
        assert found == ITEMS // 2, found
        return ITEMS / took / 1e3

    return Measured(statistics.median([once() for _ in range(5)]), f"{ITEMS:,} items, five times")


def chain_beside(name: str, work: Callable[[str], Any]) -> Row:
    """The time of a peer for the same chain over ours."""

    def measure() -> Measured:
        theirs, items = work(name), list(range(ITEMS // 4))
        sides = (lambda: theirs(items), lambda: chained(ITEMS // 4)[0])
        return against(
            *sides, rounds=5, names=(name, "rtfs"), same=lambda one, two: 0 <= two - one < stream_peers.BATCH
        )

    return Row(f"time of {name} over ours, fused chain", None if name == "Python" else 1, measure, least=True)


def elapsed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What work gave, and the seconds that it took by the wall clock: other processes take part in it."""
    begin = time.perf_counter()
    found = work()
    return found, time.perf_counter() - begin


def parallel() -> Measured:
    """A step that computes, in one process over in two of them, their start included; beside it plain Python."""
    numbers = list(range(1, HEAVY + 1))
    session = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
    session.run(COLLATZ)
    session.define("numbers", numbers)
    serial = "(call :stream.to-collection (stream.map numbers longest))"
    several = "(stream.parallel numbers {:parallelism 2 :ordered true :processor (fn [s] (stream.map s longest))})"
    sides = (
        lambda: list(session.run(serial)),
        lambda: list(session.run(f"(call :stream.to-collection {several})")),
        lambda: [stream_peers.longest(number) for number in numbers],
        lambda: stream_peers.in_processes(numbers, 2),
    )
    rounds = [[elapsed(side) for side in sides] for _ in range(3)]
    assert all(found == rounds[0][0][0] for one in rounds for found, _ in one)
    ours, two, theirs, pool = (statistics.median([one[at][1] for one in rounds]) for at in range(4))
    detail = f"rtfs {ours:.2f} s, in two processes {two:.2f} s; Python {theirs:.2f} s, in a pool of two {pool:.2f} s"
    return Measured(ours / two, detail)


def beside(name: str) -> Row:
    """The time of a peer for the same work over ours; the peers have no bounded queue, status, position or snapshot."""

    def measure() -> Measured:
        work = stream_peers.peer(name)
        chunks = [CHUNK] * FEW
        return against(lambda: work(chunks), lambda: through(FEW)[0], rounds=5, names=(name, "rtfs"))

    return Row(f"time of {name} over ours", None, measure)


ROWS = [
    Row("parallel: time of a step that computes over that in two processes", None, parallel, least=True),
    Row("one processor, in memory", 300, in_memory, "k chunks/s", least=True),
    Row("one processor, stored in SQLite", 200, stored, "k chunks/s", least=True),
    Row("latency added at 1,000 chunks/s, p99", 1, latency, "ms"),
    Row("memory of an idle stream", 10, idle_memory, "KB"),
    Row("start of 10,000 idle streams", 2, idle_start, "s"),
    Row("growth of memory over 10 million chunks", 2, flat, "MiB"),
    Row("fused chain of map, filter, map, batch", 1_000, fused_chain, "k items/s", least=True),
    windows_beside("Python", lambda name: stream_peers.windows_by_hand),
    *(windows_beside(name, stream_peers.windows) for name in stream_peers.WINDOWS),
    chain_beside("Python", lambda name: stream_peers.chain_by_hand),
    *(chain_beside(name, stream_peers.chain) for name in stream_peers.CHAINS),
    *(beside(name) for name in stream_peers.PEERS),
]
