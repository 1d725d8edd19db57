"""`:stream.merge`: several streams as one, in an order that a strategy says (streaming.md §6.5)."""

from __future__ import annotations

import asyncio
from math import isfinite
from typing import Any

from rtfs.host.stream.adapters import Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import K_EVENT_TIME, K_SOURCE
from rtfs.host.stream.intake import Intake
from rtfs.host.stream.operators import HostOperator, Joint
from rtfs.host.stream.options import shown
from rtfs.host.stream.outputs import Output
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import RtfsError, StreamError
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show


class Merge(Joint):
    """Holds at most one item of each input; `_served` counts what was taken of each."""

    name = "merge"

    @property
    def strategy(self) -> str:
        """How the next input is chosen."""
        return str(self.param("strategy").name)

    def bears(self, at: int) -> bool:
        """Is the failure of an input only its end?"""
        return self.param("on-input-error") is Keyword("drop")

    async def work(self, session: Session, intake: Intake) -> None:
        self._check()
        self.intake = intake
        begin = intake.position if intake.position is not None else [0] * len(self.inputs)
        self._cursors = list(begin)
        self._served = list(begin)
        self._ready: dict[int, Output] = {}
        self._waiting: dict[int, asyncio.Task[Output | None]] = {}
        self._over: set[int] = set()
        self._idle: set[int] = set()  # inputs that a patient strategy does not wait for
        self._turn = sum(begin) % max(1, len(self.inputs))
        for each, cursor in zip(self.inputs, begin, strict=True):
            each.open(cursor)
        try:
            while (at := await self._chosen(session)) is not None:
                output = self._ready.pop(at)
                self._cursors[at] = output.output_seq + 1
                self._served[at] += 1
                if not intake.open:
                    await intake.opened()
                named = {**(output.metadata or {}), K_SOURCE: Keyword(self.inputs[at].name)}
                self.made(output, at)
                intake.offer(self.leaving(at, output), vector(self._cursors), named)
        finally:
            await self._release()

    def _check(self) -> None:
        """S003 for parameters that do not fit the inputs."""
        order, weights = self.param("priorities"), self.param("weights")
        names = vector([Keyword(each.name) for each in self.inputs])
        if order is not None and set(order) != set(names):
            kind = f"vector of all names of the inputs, {' '.join(map(show, names))}"
            raise fault(3, p="priorities", kind=kind, value=show(order))
        good = (type(value) in (int, float) and value > 0 for value in (weights or Map.of([])).values())
        if weights is not None and not (set(weights) <= set(names) and all(good)):
            kind = "map from names of inputs to numbers above 0"
            raise fault(3, p="weights", kind=kind, value=show(weights))

    def leaving(self, at: int, output: Output) -> Any:
        """The chunk that an item of an input leaves as."""
        return output.value

    async def _release(self) -> None:
        for task in self._waiting.values():
            task.cancel()
        await asyncio.gather(*self._waiting.values(), return_exceptions=True)

    # ---- which input is next

    async def _chosen(self, session: Session) -> int | None:
        """The input whose item goes next; None when all have ended."""
        strategy = self.strategy
        while True:
            self._look()
            if len(self._over) == len(self.inputs):
                return None
            at = getattr(self, f"_{strategy.replace('-', '_')}")()
            if at is not None:
                return int(at)
            await self._more(session, patient=strategy in ("round-robin", "event-time"))

    def _look(self) -> None:
        """Take what has arrived, and ask each input for its next item."""
        for at, task in list(self._waiting.items()):
            if task.done():
                del self._waiting[at]
                self._arrived(at, task)
        for at, each in enumerate(self.inputs):
            if at not in self._ready and at not in self._waiting and at not in self._over:
                here = each.now()
                if here is None:
                    self._waiting[at] = asyncio.ensure_future(each.next())
                else:
                    self._comes(at, here)

    def _arrived(self, at: int, task: asyncio.Task[Output | None]) -> None:
        try:
            output = task.result()
        except RtfsError:
            if not self.bears(at):
                raise
            output = None
        if output is None:
            self._over.add(at)
        else:
            self._comes(at, output)

    def _comes(self, at: int, output: Output) -> None:
        self._ready[at] = output
        self._idle.discard(at)

    async def _more(self, session: Session, *, patient: bool) -> None:
        """Wait for any input; a patient strategy passes over those that stay silent for `:skip-idle-ms`."""
        limit = self.param("skip-idle-ms") if patient and self._ready else None
        waiting = set(self._waiting.values())
        try:
            await session.timers.within(limit, any_of(waiting))
        except TimeoutError:
            self._idle |= self._waiting.keys()

    # ---- strategies: the input to take from now, None to wait

    def _round_robin(self) -> int | None:
        count = len(self.inputs)
        for step in range(count):
            at = (self._turn + step) % count
            if at in self._ready:
                self._turn = at + 1
                return at
            if at not in self._over and at not in self._idle:
                return None
        return None

    def _priority(self) -> int | None:
        order = [each.name for each in self.param("priorities") or ()]
        ranks = [order.index(each.name) if order else at for at, each in enumerate(self.inputs)]
        return min(self._ready, key=lambda at: ranks[at], default=None)

    def _fair(self) -> int | None:
        weights = self.param("weights") or Map.of([])
        shares = [weights.get(Keyword(each.name), 1) for each in self.inputs]
        return min(self._ready, key=lambda at: (self._served[at] / shares[at], at), default=None)

    def _arrival(self) -> int | None:
        return min(self._ready, key=lambda at: (self._ready[at].time, at), default=None)

    def _event_time(self) -> int | None:
        missing = set(range(len(self.inputs))) - self._ready.keys() - self._over - self._idle
        return None if missing else min(self._ready, key=lambda at: (self._time(self._ready[at]), at), default=None)

    def _time(self, output: Output) -> Any:
        time_of = self.param("time-fn")
        if time_of is not None:
            time = self.around.pure("time-fn", time_of, output.value)
            if type(time) not in (int, float) or not isfinite(time):
                raise StreamError(3, f"Result of time-fn: expected finite number of ms, got {shown(time)}")
            return time
        return output.time if output.metadata is None else output.metadata.get(K_EVENT_TIME, output.time)


async def any_of(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait until one of them is done."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


OPERATOR = HostOperator(Merge)
