"""One partition of a parallel stream: pure stages over batches of items, here or in a worker (streaming.md §10.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream.chunk import K_CONTROL
from rtfs.host.stream.fuse import fuse
from rtfs.host.stream.fused import fused
from rtfs.host.stream.graph import Chain, Origin, stage
from rtfs.host.stream.lifecycle import COMPLETE
from rtfs.host.stream.processor import read, read_result, step_error
from rtfs.host.stream.stage import K_WAKE, Stage
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.errors import LimitError, RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.lang.evaluator import Evaluator

MOST = 10_000  # outputs of one item


class Item(NamedTuple):
    """One item of a partition: its number in the whole stream, its value, its metadata where the stages want it."""

    number: int
    value: Any
    metadata: Any = None


class Reply(NamedTuple):
    """What a partition made of a batch: outputs with the numbers of their items, -1 for those of a control; the state
    behind it; when a tick is wanted; whether it takes no more.

    failed: how many items were done before the one that failed, and its error.
    """

    outputs: list[tuple[int, Any]]
    state: Any
    wake_at: int | None = None
    over: bool = False
    failed: tuple[int, RtfsError] | None = None


class Plan(NamedTuple):
    """The stages of the partitions, as the operators and parameters that they are made of."""

    stages: Any  # a vector, for each partition, of vectors [op params]

    def made(self, partition: int, evaluator: Evaluator) -> list[Stage]:
        return [stage(op, params, evaluator) for op, params in self.stages[partition]]

    def of(self, partitions: list[int]) -> Any:
        """The part of the plan for some partitions, as a value."""
        return Map.of((number, self.stages[number]) for number in partitions)


class Facts(NamedTuple):
    """What is known of a plan. begin: the state that each partition begins with; wants_metadata: does a stage look at
    the metadata of items? stateful: does one go on from item to item?"""

    begin: list[Any]
    wants_metadata: bool
    stateful: bool


def examined(plan: Plan, evaluator: Evaluator) -> Facts:
    """S015 and the like for stages that cannot be."""
    segments = [fuse(plan.made(number, evaluator), evaluator) for number in range(len(plan.stages))]
    begin = [
        vector([made[at].init for segment in found for at in segment.states])
        for found, made in zip(segments, (plan.made(n, evaluator) for n in range(len(plan.stages))), strict=True)
    ]
    parts = [segment for found in segments for segment in found]
    return Facts(begin, any(part.wants_metadata for part in parts), any(part.states for part in parts))


class Partition:
    """The stages of one partition at work. They never wait."""

    def __init__(self, number: int, stages: list[Stage], evaluator: Evaluator) -> None:
        chain = Chain(Origin(f"partition {number}", EMPTY_MAP), tuple(stages))
        self._processor, self.begin = fused(chain, evaluator)
        self._evaluator = evaluator

    def work(self, state: Any, items: list[Item]) -> Reply:
        """A batch, as far as the item that fails."""
        batch, wants = self._processor.batch, self._processor.wants_metadata
        if batch is not None:
            columns = [[(item.metadata or EMPTY_MAP).get(field) for item in items] for field in batch.fields]
            try:
                at_once = batch.through(state, vector([item.value for item in items]), map(vector, columns), MOST)
            except LimitError as error:
                return Reply([], state, failed=(0, step_error(error, self._processor.name)))
            if at_once is not None:
                after, produced, asked_at = at_once
                return Reply([(items[at].number, value) for at, value in produced], after, asked_at)
        outputs: list[tuple[int, Any]] = []
        wake_at: int | None = None
        with self._evaluator.stepping():
            for at, item in enumerate(items):
                more = (item.metadata or EMPTY_MAP,) if wants else ()
                try:
                    parts = self._processor.step(state, item.value, *more)
                    state, made, asked = read(parts, state, self._processor.name, MOST)
                except Exception as error:
                    return Reply(outputs, state, wake_at, failed=(at, self._problem(state, item, error)))
                outputs += [(item.number, value) for value in made]
                if asked is not None:
                    wake_at = _earlier(wake_at, asked.config)
                    if asked.action is COMPLETE:
                        return Reply(outputs, state, wake_at, over=True)
        return Reply(outputs, state, wake_at)

    def control(self, state: Any, control: str, time: int) -> Reply:
        """A tick, or the flush at the end."""
        assert self._processor.control is not None
        metadata = Map.of([(K_CONTROL, Keyword(control)), (Keyword("time"), time)])
        with self._evaluator.stepping():
            try:
                result = self._processor.control(state, metadata)
                after, made, asked = read_result(result, state, self._processor.name, MOST)
            except Exception as error:
                problem = step_error(self._evaluator.failure(error), self._processor.name)
                return Reply([], state, failed=(0, problem))
        return Reply([(-1, value) for value in made], after, _earlier(None, None if asked is None else asked.config))

    def _problem(self, state: Any, item: Item, raised: Exception) -> RtfsError:
        failed, processor = self._evaluator.failure(raised), self._processor
        if isinstance(failed, LimitError) or processor.blame is None:
            return step_error(failed, processor.name)
        blamed: RtfsError | None = processor.blame(state, item.value, item.metadata or EMPTY_MAP, ())
        return blamed or step_error(failed, processor.name)


def _earlier(wake_at: int | None, config: Map | None) -> int | None:
    asked = None if config is None else config.get(K_WAKE)
    return asked if wake_at is None else wake_at if asked is None else min(wake_at, asked)
