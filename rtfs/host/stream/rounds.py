"""Rounds: how the partitions of a parallel stream are given their items, and what leaves them (streaming.md §10.1).

Items are read in rounds: what is there is dealt to the partitions, a round or two ahead of what is answered. Every
answer leaves as one chunk `[state outputs]`, so that state and position of all partitions are those of one moment.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream import failing
from rtfs.host.stream.adapters import Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import Extra
from rtfs.host.stream.intake import Intake
from rtfs.host.stream.keyed import partition_of
from rtfs.host.stream.operators import REDRIVEN, Around, Joint
from rtfs.host.stream.operators.merge import any_of
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.partition import Facts, Item, Plan, Reply
from rtfs.host.stream.runners import breathe
from rtfs.host.stream.runners.local import Local
from rtfs.host.stream.settings import FAIL
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.evaluator import NotPortable
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.runners import Runner

AHEAD = 2  # rounds that are worked on at once
PATIENCE = 4  # turns of the loop that a source which was held back gets to fill a round
SHARE = 128  # items of a round for each partition, at most
RESULTS = 100_000  # outputs of a partition that wait for the combiner
STATES, RESULT = Keyword("states"), Keyword("results")


class Round(NamedTuple):
    """Items that were read together. end: the number behind the last one; work: the answers to come, by partition."""

    end: int
    metadata: dict[int, Any]  # of items that have some, by number
    work: dict[int, asyncio.Task[Reply]]


class Parallel(Joint):
    """Its position: the first item that is not done, then for each partition the first that is not done there."""

    name = "parallel"

    def __init__(self, plan: Plan, facts: Facts, *given: Any) -> None:
        super().__init__(*given)
        self._plan, self._facts = plan, facts
        self._count = len(plan.stages)
        self._ordered = self.param("ordered") is True
        self._combiner = self.param("combiner")
        self._flights: deque[Round] = deque()
        self._over: set[int] = set()  # partitions that take no more
        self._wake: dict[int, int] = {}

    async def work(self, session: Session, intake: Intake) -> None:
        self.intake = intake
        (self._input,) = self.inputs
        begin = tuple(intake.position or [0] * (self._count + 1))
        self._read, self._done = begin[0], list(begin[1:])
        self._input.open(self._read)
        self._state: Any = intake.owner.state[0]
        self._locks = [asyncio.Lock() for _ in range(self._count)]
        with self.around.services.evaluator.stepping():  # functions are read here, in no program's time
            self._runner = self._begun()
        if intake.owner.resumed:
            self._wake = dict.fromkeys(range(self._count), 0) if self._ticks else {}
        try:
            await self._rounds(session)
            if not intake.owner.leaving:
                await self._flush()
        finally:
            self._runner.close()
            left = [task for flight in self._flights for task in flight.work.values()]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _begun(self) -> Runner:
        """In processes, as far as functions can go there and steps are not counted here."""
        evaluator = self.around.services.evaluator
        states = [self._state.get(STATES).get(number, begin) for number, begin in enumerate(self._facts.begin)]
        self._durable = self.intake.owner.checkpoints.committer.store.durable
        if not evaluator.counts:
            from rtfs.host.stream.runners.procs import Procs  # deferred: most streams start no process

            try:
                return Procs(self._plan, states, evaluator, self._facts, durable=self._durable)
            except NotPortable:
                pass
        return Local(self._plan, states, evaluator)

    @property
    def runner(self) -> str:
        """Who works: `procs` or `local`."""
        return self._runner.name

    # ---- rounds

    async def _rounds(self, session: Session) -> None:
        coming: asyncio.Task[list[Output] | None] | None = None
        ended = False
        try:
            while True:
                if coming is None and not ended and len(self._flights) < AHEAD:
                    coming = asyncio.ensure_future(self._arrived())
                waited = {task for flight in self._flights for task in flight.work.values()}
                if not self._flights and (coming is None or len(self._over) == self._count):
                    return
                await self._wait(session, {*waited, *((coming,) if coming else ())})
                await self._settle()
                if coming is not None and coming.done():
                    items, coming = coming.result(), None
                    ended = items is None or len(self._over) == self._count
                    if items is not None:
                        self._deal(items)
                if self._due() and len(self._flights) < AHEAD:
                    self._deal([])
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    async def _wait(self, session: Session, tasks: set[asyncio.Task[Any]]) -> None:
        """Until one of them is done, or it is time for a tick."""
        limit = None
        if self._wake and len(self._flights) < AHEAD:
            limit = max(1, min(self._wake.values()) - self.around.services.clock.now_ms())
        with suppress(TimeoutError):
            await session.timers.within(limit, any_of(tasks))

    def _due(self) -> list[int]:
        """The partitions that want a tick now."""
        now = self.around.services.clock.now_ms() if self._wake else 0
        return [at for at, wake in self._wake.items() if wake <= now]

    async def _arrived(self) -> list[Output] | None:
        """The items that are there, one at least; None at the end."""
        first = await self._input.next()
        if first is None:
            return None
        found, most = [first], SHARE * self._count
        for _ in range(PATIENCE):
            while len(found) < most and (more := self._input.here(most - len(found))):
                found += more
            if len(found) == most or self._input.over:
                break
            await breathe()
        return found

    def _deal(self, items: list[Output]) -> None:
        """A round: each item to its partition; without items a tick for those that want one."""
        shares: dict[int, list[Item]] = {}
        wants, id, function = self._facts.wants_metadata, self.intake.owner.id, self.param("partition-fn")
        for output in items:
            number = output.output_seq
            at = dealt(function, output, self._count, self.around)
            if number >= self._done[at] and at not in self._over:
                shares.setdefault(at, []).append(Item(number, output.value, output.about(id) if wants else None))
        if items:
            self._read = items[-1].output_seq + 1
        work = {at: asyncio.ensure_future(self._worked(at, share)) for at, share in shares.items()}
        if not items:
            work = {at: asyncio.ensure_future(self._controlled(at, "tick")) for at in self._due()}
        known = {output.output_seq: output.metadata for output in items if output.metadata is not None}
        self._flights.append(Round(self._read, known, work))

    async def redriven(self, item: Any, attempt: int, intake: Intake) -> None:
        output = Output(REDRIVEN, item, 0, self.around.services.clock.now_ms())
        at = dealt(self.param("partition-fn"), output, self._count, self.around)
        about = output.about(intake.owner.id) if self._facts.wants_metadata else None
        replies = {at: await self._worked(at, [Item(REDRIVEN, item, about)], attempt)}
        self._note(replies)
        await self._give(replies, replies[at].outputs, {}, again=True)

    async def _worked(self, at: int, items: list[Item], attempt: int = 1) -> Reply:
        """What a partition made of its items, those included about which somebody had to decide."""
        outputs: list[tuple[int, Any]] = []
        async with self._locks[at]:
            tries = 0
            while True:
                reply = await self._tried(at, items)
                outputs += reply.outputs
                if reply.failed is None:
                    return self._answered(at, reply._replace(outputs=outputs))
                done, error = reply.failed
                tries = 0 if done else tries
                fate = await self._fate(items[done], error, tries, attempt)
                if fate.what is failing.RETRY:
                    tries += 1
                    await self.around.services.clock.sleep((fate.value or 0) / 1000)
                    items = items[done:]
                    continue
                if fate.what is FAIL:
                    raise error
                if fate.what is failing.REPLACE:
                    outputs.append((items[done].number, fate.value))
                tries, items = 0, items[done + 1 :]

    async def _tried(self, at: int, items: list[Item]) -> Reply:
        """What a partition makes of items, as many at a time as a circuit lets; one that it refuses has failed."""
        guard, done = self.guard, 0
        outputs: list[tuple[int, Any]] = []
        if guard is None or not items:
            return await self._runner.work(at, items)
        while True:
            try:
                turns = await guard.begin(len(items) - done)
            except RtfsError as refused:
                return Reply(outputs, None, failed=(done, refused))
            reply = await self._runner.work(at, items[done : done + len(turns)])
            good, failed = (len(turns), None) if reply.failed is None else reply.failed
            await guard.ended(turns, good, failed=failed is not None)
            done, outputs = done + good, outputs + reply.outputs
            if failed is not None or reply.over or done == len(items):
                return reply._replace(outputs=outputs, failed=None if failed is None else (done, failed))

    async def _fate(self, item: Item, error: RtfsError, tries: int, attempt: int) -> failing.Fate:
        extra = Extra(attempt=attempt)
        extra.tries = tries
        again = item.number == REDRIVEN
        chunk = (self.intake.seq if again else item.number, item.value, self.intake.time, None, extra)
        failure = failing.ItemFailure(self.intake.owner, chunk, error, lasting=not again)
        fate = await failing.judged(failure)
        if failure.letter is not None:
            self.intake.owner.checkpoints.bury(failure.letter)
        return fate

    async def _controlled(self, at: int, control: str) -> Reply:
        self._wake.pop(at, None)
        async with self._locks[at]:
            now = max(self.intake.time, self.around.services.clock.now_ms())
            reply = await self._runner.control(at, control, now)
            if reply.failed is not None:
                raise reply.failed[1]
            return self._answered(at, reply)

    def _answered(self, at: int, reply: Reply) -> Reply:
        if reply.wake_at is not None:
            self._wake[at] = reply.wake_at
        if reply.over:
            self._over.add(at)
        return reply

    # ---- what leaves

    async def _settle(self) -> None:
        """Let leave what is answered: all of it, or whole rounds in their order."""
        while self._flights and all(task.done() for task in self._flights[0].work.values()):
            flight = self._flights.popleft()
            await self._leave(flight, list(flight.work))
        if not self._ordered:
            for flight in list(self._flights):
                await self._leave(flight, [at for at, task in flight.work.items() if task.done()])

    async def _leave(self, flight: Round, partitions: list[int]) -> None:
        """The answers of some partitions to a round as a chunk."""
        replies = {at: flight.work.pop(at).result() for at in partitions}
        if not replies and flight in self._flights:
            return
        outputs = [pair for reply in replies.values() for pair in reply.outputs]
        if self._ordered:
            outputs.sort(key=lambda pair: pair[0])
        self._note(replies)
        for at in range(self._count):
            busy = any(at in each.work for each in self._flights)
            upto = flight.end if at in replies or self._ordered else 0 if busy else self._read
            self._done[at] = max(self._done[at], upto)  # after a restart some were further
        await self._give(replies, outputs, flight.metadata)

    def _note(self, replies: dict[int, Reply]) -> None:
        """The states of partitions go with the next chunk, where they are stored."""
        if self._facts.stateful and self._durable:
            states = self._state.get(STATES).merge(Map.of((at, reply.state) for at, reply in replies.items()))
            self._state = self._state.assoc(STATES, states)

    async def _give(
        self,
        replies: dict[int, Reply],
        outputs: list[tuple[int, Any]],
        metadata: dict[int, Any],
        *,
        again: bool = False,
    ) -> None:
        """again: it is of an item that is taken again, which moves no position."""
        values = [value for _, value in outputs]
        if self._combiner is not None:
            self._collect(replies)
            values = []
        if not self.intake.open:
            await self.intake.opened()
        last = next((metadata[number] for number, _ in reversed(outputs) if number in metadata), None)
        position = None if again else vector([min(self._done), *self._done])
        self.intake.offer(vector([self._state, vector(values), None]), position, last)

    def _collect(self, replies: dict[int, Reply]) -> None:
        """Keep what partitions made for the combiner."""
        results = self._state.get(RESULT)
        for at, reply in replies.items():
            results = kept(results, at, [value for _, value in reply.outputs])
        self._state = self._state.assoc(RESULT, results)

    async def _flush(self) -> None:
        """The end: what the partitions still hold, then what the combiner makes of all."""
        every = range(self._count)
        replies = dict(zip(every, await asyncio.gather(*(self._controlled(at, "flush") for at in every)), strict=True))
        await self._give(replies, [pair for at in every for pair in replies[at].outputs], {})
        if self._combiner is None:
            return
        results = [self._state.get(RESULT).get(at, vector([])) for at in every]
        if self._reduces:
            results = [each[-1] if len(each) else None for each in results]
        combined = combined_of(self._combiner, vector(results), self.around)
        self._state = self._state.assoc(RESULT, EMPTY_MAP)
        if not self.intake.open:
            await self.intake.opened()
        self.intake.offer(vector([self._state, vector([combined]), None]), vector([self._read, *self._done]))

    @property
    def _reduces(self) -> bool:
        """Does each partition come to one value?"""
        last = [stages[-1] if len(stages) else None for stages in self._plan.stages]
        return all(
            each is not None and each[0] == "reduce" and each[1].get(Keyword("emit")) is not Keyword("each")
            for each in last
        )

    @property
    def _ticks(self) -> bool:
        evaluator = self.around.services.evaluator
        return any(stage.tick is not None for stage in self._plan.made(0, evaluator))


def dealt(function: Any, output: Output, count: int, around: Around) -> int:
    """The partition of an item: in turn, by the remainder of an integer, or by a hash that is the same everywhere."""
    if function is None:
        return output.output_seq % count
    key = around.pure("partition-fn", function, output.value)
    if type(key) is int:
        return key % count
    return partition_of(key, count)


def kept(results: Map, at: int, values: list[Any]) -> Map:
    """The results of the partitions with those that a partition has beside. S028 when these are too many."""
    found = [*results.get(at, ()), *values]
    if len(found) > RESULTS:
        raise fault(28, operator="parallel", n=RESULTS, things=f"results of partition {at}")
    return results.assoc(at, vector(found))


def combined_of(combiner: Any, results: Any, around: Around) -> Any:
    """What the combiner makes of the results."""
    return around.pure("combiner", combiner, results)
