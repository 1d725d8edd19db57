"""The runner `procs`: partitions in worker processes of this machine, over pipes (streaming.md §10.1).

A worker has no host and gets nothing but batches: it runs pure code, under the limits of the session. One that ends
before it answered is replaced: the new one gets the last state that is known of each partition, works again on what was
done since, which gives the same and is not told again, and goes on with the batch that was not answered.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.partition import Facts, Item, Plan, Reply
from rtfs.host.stream.runners.pipe import Ended, Pipe

if TYPE_CHECKING:
    from rtfs.lang.evaluator import Evaluator

TRIES = 3  # workers that may end over one request
REMEMBERED = 16  # batches after which the state is asked for


class Procs:
    """Workers, each with some of the partitions. durable: is the state behind every batch wanted?"""

    name = "procs"

    def __init__(self, plan: Plan, states: list[Any], evaluator: Evaluator, facts: Facts, *, durable: bool) -> None:
        """NotPortable when a function cannot go to another process."""
        count = len(plan.stages)
        workers = min(count, _processors())
        shares = [list(range(number, count, workers)) for number in range(workers)]
        self._packed = [evaluator.packed(plan.of(share)) for share in shares]
        self._shares = shares
        self._pipes: list[Pipe | None] = [None] * workers
        self._locks = [asyncio.Lock() for _ in shares]
        self._states = list(states)
        self._since: list[list[tuple[Any, ...]]] = [[] for _ in range(count)]  # requests behind the known states
        self._stateful, self._durable = facts.stateful, durable

    async def work(self, partition: int, items: list[Item]) -> Reply:
        return await self._ask(partition, "work", items)

    async def control(self, partition: int, control: str, time: int) -> Reply:
        return await self._ask(partition, "control", control, time)

    async def _ask(self, partition: int, *request: Any) -> Reply:
        """Ask the worker of a partition, and the next one when it ends over it. S010 when several did."""
        number = partition % len(self._shares)
        wanted = self._stateful and (self._durable or len(self._since[partition]) >= REMEMBERED - 1)
        message = (partition, wanted, *request)
        for tried in range(1, TRIES + 1):
            try:
                reply: Reply = await (await self._worker(number)).ask(message)
            except Ended as ended:
                if tried == TRIES:
                    error = f"{TRIES} workers of partition {partition} ended over one batch, the last {ended}"
                    raise fault(10, e=error) from None
            else:
                break
        if wanted:
            self._states[partition] = reply.state
            self._since[partition] = []
        elif self._stateful:
            self._since[partition].append((partition, False, *_done(request, reply)))
        return reply

    async def _worker(self, number: int) -> Pipe:
        """The worker of that number, where its partitions stand."""
        async with self._locks[number]:
            pipe = self._pipes[number]
            if pipe is None or pipe.ended:
                pipe = self._pipes[number] = Pipe()
                await pipe.ask(self._packed[number])
                for partition in self._shares[number] if self._stateful else ():
                    await pipe.ask((partition, False, "state", self._states[partition]))
                    for request in self._since[partition]:
                        await pipe.ask(request)
            return pipe

    @property
    def processes(self) -> list[int]:
        """The ids of the workers."""
        return [pipe.pid for pipe in self._pipes if pipe is not None and not pipe.ended]

    def close(self) -> None:
        for pipe in self._pipes:
            if pipe is not None:
                pipe.close()


def _done(request: tuple[Any, ...], reply: Reply) -> tuple[Any, ...]:
    """The part of a request that changed the state."""
    if reply.failed is None or request[0] != "work":
        return request
    return "work", request[1][: reply.failed[0]]


def _processors() -> int:
    """How many processors this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
