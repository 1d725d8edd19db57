"""Lifted slots: operators of a chain whose functions may call the host, as `:effects` says (streaming.md §0, §6).

The step of such an operator, a pure one otherwise, runs as an effect slot that is awaited; what it gives for an item
goes on as one chunk, which the first stage of the run takes apart. So the operator's state is that stage's.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import failing, options
from rtfs.host.stream.answers import BY_ITEM
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import K_CONTROL, K_SEQ, K_STREAM, K_TIME, Extra
from rtfs.host.stream.fuse import fuse
from rtfs.host.stream.operators import REDRIVEN, HostOperator, Joint
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.processor import placed
from rtfs.host.stream.settings import FAIL
from rtfs.host.stream.stage import K_ACTION, K_OUTPUTS, K_STATE, K_WAKE, Stage, outputs_of
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.operator import EFFECTS, NODE, PARAMS

if TYPE_CHECKING:
    from rtfs.host.stream.adapters import Session
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.stores import Letter
    from rtfs.lang.evaluator import Evaluator

APART = "(fn [state item metadata] {:state (nth item 0) :outputs (nth item 1) :action (nth item 2)})"
"""What takes the result of a lifted step apart."""


def is_lifted(node: Any) -> bool:
    """May the functions of an operator's node call the host?"""
    params = node.get(PARAMS) if type(node) is Map and NODE in node else None
    return type(params) is Map and params.get(EFFECTS) is not None


def lifted(op: str, params: Map, stage: Stage, evaluator: Evaluator) -> HostOperator:
    """What the host does for the operator of that stage. S003 when a stage with a state is to run several times."""
    if (params.get(Keyword("concurrency")) or 1) > 1 and fuse([stage], evaluator)[0].states:
        shown = params.get(Keyword("concurrency"))
        raise fault(3, p="concurrency", kind=f"1, as {op} goes on from one item to the next", value=shown)
    first = Stage("", None, stage.init, evaluator.compile(APART, "", {}), None, None)
    labels = options.labels(params.get(EFFECTS))
    return HostOperator(partial(Lifted, stage), effects=labels, first=first)


class Lifted(Joint):
    """Its position is the number of the first item that is not done, then those of later ones that are."""

    def __init__(self, stage: Stage, *given: Any) -> None:
        super().__init__(*given)
        self.name = stage.op
        self._stage = stage
        self._step = self.around.slot(BY_ITEM + stage.op, stage.step, 3)
        self._ordered = self.param("ordered") is not False
        self._state: Any = stage.init
        self._begun: dict[asyncio.Task[Any], Output] = {}
        self._busy = asyncio.Lock()  # somebody uses the state
        self._letters: dict[int, Letter] = {}  # of items that are not given yet

    async def work(self, session: Session, intake: Intake) -> None:
        self.intake = intake
        (self._input,) = self.inputs
        position = (0,) if intake.position is None else tuple(intake.position)
        self._next, self._done = position[0], set(position[1:])
        self._input.open(self._next)
        wide = self.param("concurrency") or 1
        if wide > 1:
            await self._at_once(wide)
        else:
            await self._one_by_one()

    # ---- one item at a time

    async def _one_by_one(self) -> None:
        owner, stage = self.intake.owner, self._stage
        self._state = owner.state[0]
        wake = owner.services.clock.now_ms() if owner.resumed and stage.tick is not None else None
        while not owner.leaving:
            limit = None if wake is None else max(1, wake - owner.services.clock.now_ms())
            output = await self._input.next(limit)
            if output is not None:
                async with self._busy:
                    result = await self._called(self._state, output)
                    await self._give(result, output)
            elif self._input.over:
                await self._control("flush", stage.flush)
                return
            else:
                result = await self._control("tick", stage.tick)
            wake = None if result is None else result.get(K_WAKE)

    async def _control(self, control: str, function: Any) -> Map | None:
        """A tick, or the flush at the end."""
        if function is None:
            return None
        intake = self.intake
        metadata = Map.of([
            (K_CONTROL, Keyword(control)), (K_SEQ, intake.seq), (K_STREAM, intake.owner.id),
            (K_TIME, max(intake.time, intake.owner.services.clock.now_ms())),
        ])  # fmt: skip
        slot = self.around.slot(f"{self.name}-{control}", function, 2)
        result: Map = await slot(intake.owner.id, intake.seq, self._state, metadata)
        await self._give(result, None)
        return result

    async def redriven(self, item: Any, attempt: int, intake: Intake) -> None:
        output = Output(REDRIVEN, item, 0, self.around.services.clock.now_ms())
        async with self._busy:
            await self._give(await self._called(self._state, output, attempt), output)

    # ---- several items at once

    async def _at_once(self, wide: int) -> None:
        """Up to so many calls beside each other, of a stage without a state."""
        coming: asyncio.Task[Output | None] | None = None
        over = False
        try:
            while True:
                while coming is None and not over and len(self._begun) < wide:
                    output = self._input.now()
                    if output is None:
                        coming = asyncio.ensure_future(self._input.next())
                    else:
                        self._begin(output)
                waited: set[asyncio.Task[Any]] = {*self._begun, *((coming,) if coming else ())}
                if not waited:
                    return
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if coming is not None and coming.done():
                    output, coming = coming.result(), None
                    over = output is None
                    if output is not None:
                        self._begin(output)
                await self._settle()
        finally:
            left = [*self._begun, *((coming,) if coming else ())]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def _begin(self, output: Output) -> None:
        if output.output_seq not in self._done:
            self._begun[asyncio.ensure_future(self._called(self._stage.init, output))] = output

    async def _settle(self) -> None:
        """Let go what is finished: all of it, or as far as the order goes."""
        for task in list(self._begun):
            if task.done():
                await self._give(task.result(), self._begun.pop(task))
            elif self._ordered:
                return

    # ---- a call

    async def _called(self, state: Any, output: Output, attempt: int = 1) -> Map | None:
        """What the step gives for an item; None when it failed, and it is decided to go on without it."""
        owner, extra = self.intake.owner, Extra(output.metadata, attempt)
        while True:
            try:
                about, part = output.about(owner.id), self.part(extra.tries, output)
                call = partial(self._step, owner.id, output.output_seq, state, output.value, about, part=part)
                result = await self.guarded(call)
                outputs_of(result, self.name)
            except RtfsError as error:
                placed(error, self.name, self.param("name"))
                again = output.output_seq == REDRIVEN
                chunk = (self.intake.seq if again else output.output_seq, output.value, output.time, None, extra)
                failure = failing.ItemFailure(owner, chunk, error, lasting=not again)
                fate = await failing.judged(failure)
                if fate.what is failing.RETRY:
                    extra.tries += 1
                    await owner.services.clock.sleep(fate.value / 1000)
                elif fate.what is failing.REPLACE:
                    return Map.of([(K_STATE, state), (K_OUTPUTS, vector([fate.value]))])
                elif fate.what is FAIL:
                    raise
                else:
                    if failure.letter is not None:
                        self._letters[output.output_seq] = failure.letter
                    return None
            else:
                found: Map = result
                return found

    async def _give(self, result: Map | None, output: Output | None) -> None:
        """Let the results of an item leave, or of a moment; with them the position goes on."""
        if result is not None:
            self._state = result.get(K_STATE)
        if output is not None and output.output_seq != REDRIVEN:
            self._done.add(output.output_seq)
        while self._next in self._done:
            self._done.remove(self._next)
            self._next += 1
        outputs = vector([]) if result is None else vector(outputs_of(result, self.name))
        parts = vector([self._state, outputs, None if result is None else result.get(K_ACTION)])
        if not self.intake.open:
            await self.intake.opened()
        metadata = None if output is None else output.metadata
        again = output is not None and output.output_seq == REDRIVEN  # moves no position
        self.made(output)
        position = None if again else vector([self._next, *sorted(self._done)])
        letter = None if output is None else self._letters.pop(output.output_seq, None)
        if letter is None:
            self.intake.offer(parts, position, metadata)
            return
        extra = Extra(metadata, self.intake.attempt)
        extra.letter = letter
        self.intake.append(parts, position, extra)
