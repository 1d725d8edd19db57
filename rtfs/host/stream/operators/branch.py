"""`:stream.branch`: every item to every branch that wants it, each with a queue of its own (streaming.md §6.5)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Session
from rtfs.host.stream.graph import Chain, Origin, stage
from rtfs.host.stream.input import Input, located
from rtfs.host.stream.intake import Intake
from rtfs.host.stream.lifecycle import ERROR
from rtfs.host.stream.lifted import lifted
from rtfs.host.stream.operators import HostOperator, Part, Single
from rtfs.host.stream.operators.merge import Merge
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.settings import SKIP
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.operator import EFFECTS, NAME

if TYPE_CHECKING:
    from rtfs.host.stream.run import Run
    from rtfs.lang.evaluator import Evaluator

BRANCHES, PROCESSOR, TRANSFORM, RING = map(Keyword, ("branches", "processor", "transform", "ring"))
UNWANTED = 64  # items that a branch does not want, after which it tells its position
ONE = 1  # output of the queue of a branch that waits for its processor


class Branch(Merge):
    """Reads its branches and gives what leaves them as it comes; where nobody wants that, it waits for their end."""

    name = "branch"

    @property
    def strategy(self) -> str:
        return "arrival"

    async def work(self, session: Session, intake: Intake) -> None:
        if intake.owner.outputs.mode != "none":
            await super().work(session, intake)
            return
        for each in self.inputs:
            each.stream.open()
        tasks = [asyncio.ensure_future(self._over_with(each)) for each in self.inputs]
        try:
            for done in asyncio.as_completed(tasks):
                await done
        finally:
            for task in tasks:
                task.cancel()

    async def _over_with(self, each: Input) -> None:
        owner = each.stream.owner
        await each.stream.until(lambda: owner.terminal)
        if owner.status is ERROR and owner.failure is not None and not self.bears(self.inputs.index(each)):
            raise located(owner.failure, each)

    def _check(self) -> None:
        """There is nothing that must fit the inputs."""

    def bears(self, at: int) -> bool:
        branch: Map = self.param("branches")[at]
        return branch.get(Keyword("on-error")) is SKIP


class Feed(Single):
    """The way from the shared input into a branch."""

    name = "branch"

    _unwanted = 0

    async def take(self, output: Output) -> None:
        await self.chosen(self._wanted(output.value), output)

    async def chosen(self, wanted: bool, output: Output) -> None:
        """Give an item, or leave it out."""
        if wanted:
            await self.give(output.value, output)
            return
        self._unwanted += 1
        if self._unwanted % UNWANTED == 0:
            await self.pass_over(output)

    def _wanted(self, item: Any) -> bool:
        when = self.param("when")
        if when is None:
            return True
        answer = self.around.pure("when", when, item)
        return answer is not None and answer is not False


def _queue(branch: Map) -> Map:
    """The options of the run that a branch waits in."""
    named = [Keyword(name) for name in ("queue-capacity", "overflow")]
    given = [(key, branch.get(key)) for key in named if branch.get(key) is not None]
    return Map.of([*given, *([(Keyword("output-capacity"), ONE)] if branch.get(PROCESSOR) is not None else ())])


FEED = HostOperator(Feed, own=_queue)


def parts(params: Map, evaluator: Evaluator) -> list[Part]:
    """The branches as runs that read one input."""
    return [_part(branch, evaluator) for branch in params.get(BRANCHES)]


def _part(branch: Map, evaluator: Evaluator) -> Part:
    name, processor, policy = (branch.get(key) for key in (NAME, PROCESSOR, Keyword("on-error")))
    options = Map.of([] if policy is None else [(Keyword("on-error"), policy)])

    def feed(shared: Run) -> Chain:
        return Chain(Origin("branch", branch, operator=FEED, inputs=((name.name, shared),)), ())

    if processor is None:
        return Part(name.name, feed, options)
    called = Map.of([(TRANSFORM, processor), (EFFECTS, vector([])), (NAME, name)])
    operator = lifted("map", called, stage("map", called, evaluator), evaluator)
    first = () if operator.first is None else (operator.first,)

    def worked(shared: Run) -> Chain:
        origin = Origin("branch", called, operator=operator, inputs=(("queue", feed(shared)),))
        return Chain(origin, first)

    return Part(name.name, worked, options.assoc(Keyword("outputs"), RING))


OPERATOR = HostOperator(Branch, parts=parts, starts=True)
