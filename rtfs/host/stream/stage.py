"""Stages: the pure steps of a chain of operators, run one after the other (streaming.md §6.10).

What is here is the plain meaning of a chain. `fuse` makes one function of it, which must give the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.keyed import Way
from rtfs.host.stream.options import shown
from rtfs.lang.collections import EMPTY_MAP, Map, PVector, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

K_INIT, K_STEP, K_TICK, K_FLUSH = Keyword("init"), Keyword("step"), Keyword("tick"), Keyword("flush")
K_STATE, K_OUTPUTS, K_ACTION, K_WAKE = Keyword("state"), Keyword("outputs"), Keyword("action"), Keyword("wake-at")
K_BURIES, K_STAGES, K_WATERMARK = Keyword("buries"), Keyword("stages"), Keyword("watermark")
K_KEYED = Keyword("keyed")

Call = Callable[..., Any]


class Stage(NamedTuple):
    """One operator of a chain. step takes [state item metadata], tick and flush take [state metadata].

    buries: outputs `{:rtfs/letter text :item item}` are items that become dead letters. keyed: the entries of its state
    that are maps by key, each with what holds the key (keyed.Way).
    """

    op: str
    name: str | None
    init: Any
    step: Any
    tick: Any
    flush: Any
    buries: bool = False
    keyed: Map = EMPTY_MAP


def stage_of(op: str, name: str | None, made: Any) -> Stage:
    """The stage that an operator's `:stage` function made."""
    return Stage(
        op, name, made.get(K_INIT), made.get(K_STEP), made.get(K_TICK), made.get(K_FLUSH), made.get(K_BURIES) is True,
        made.get(K_KEYED) or EMPTY_MAP,
    )  # fmt: skip


class Collected:
    """What left a chain: outputs, the action that a stage asked for, the earliest time a tick is wanted at."""

    __slots__ = ("outputs", "action", "wake_at")

    def __init__(self) -> None:
        self.outputs: list[Any] = []
        self.action: Keyword | None = None
        self.wake_at: int | None = None

    def take(self, result: Map) -> None:
        action, wake_at = result.get(K_ACTION), result.get(K_WAKE)
        if action is not None:
            self.action = action
        if wake_at is not None:
            self.wake_at = wake_at if self.wake_at is None else min(self.wake_at, wake_at)


class StageError(Exception):
    """What a stage raised, and which stage."""

    def __init__(self, at: int, stage: Stage, error: RtfsError) -> None:
        super().__init__(error.message)
        self.at, self.stage, self.error = at, stage, error


class Line:
    """Stages in a row. `call` runs a function of the program purely; states are a list, one of each stage.

    stateful: the stages whose state changes; a stream keeps the states of these. ticks: does a stage ever ask for one?
    """

    def __init__(self, stages: Sequence[Stage], call: Call, title: str, stateful: Sequence[int]) -> None:
        self.stages = tuple(stages)
        self.title = title
        self.ticks = any(stage.tick is not None for stage in stages)
        self._call = call
        self._stateful = tuple(stateful)

    def compact(self, states: list[Any]) -> Any:
        """What a stream keeps of the states, as a vector."""
        return vector([states[at] for at in self._stateful])

    def states(self, kept: Any) -> list[Any]:
        """The states of all stages from what a stream kept."""
        states = [stage.init for stage in self.stages]
        for at, state in zip(self._stateful, kept, strict=True):
            states[at] = state
        return states

    @property
    def keyed(self) -> tuple[Way, ...]:
        """Where maps by key stand in what a stream keeps."""
        return tuple(
            Way(place, entry, field)
            for place, at in enumerate(self._stateful)
            for entry, field in self.stages[at].keyed.entries()
        )

    def shown(self, kept: Any) -> Map:
        """What a stream kept, as `{:stages {0 s0 …}}`, by the place of the stage."""
        return Map.of([(K_STAGES, Map.of(zip(self._stateful, kept, strict=True)))])

    def watermark(self, kept: Any) -> int | None:
        """The stream time up to which every stage that waits for late items has all it expects, in ms."""
        marks = [state.get(K_WATERMARK) for state in kept if type(state) is Map]
        return min((mark for mark in marks if type(mark) is int), default=None)

    def feed(self, states: list[Any], at: int, item: Any, metadata: Any, found: Collected) -> None:
        """One item into stage `at`; what comes out runs through the stages behind it at once, depth first."""
        if at == len(self.stages):
            found.outputs.append(item)
            return
        stage = self.stages[at]
        try:
            result = self._call(stage.step, states[at], item, metadata)
            outputs_of(result, stage.op)
        except RtfsError as error:
            return self.failed(states, at, metadata, found, error)
        self._pass_on(states, at, result, metadata, found)

    def failed(self, states: list[Any], at: int, metadata: Any, found: Collected, error: RtfsError) -> None:
        """A stage failed."""
        raise StageError(at, self.stages[at], error) from error

    def mended(self, values: Sequence[Any]) -> Mended:
        """The same line, in which values stand for what fails."""
        return Mended(values, self.stages, self._call, self.title, self._stateful)

    def _pass_on(self, states: list[Any], at: int, result: Any, metadata: Any, found: Collected) -> None:
        outputs = outputs_of(result, self.stages[at].op)
        states[at] = result.get(K_STATE)
        for output in outputs:
            self.feed(states, at + 1, output, metadata, found)
        found.take(result)

    def flush(self, states: list[Any], metadata: Any, found: Collected) -> None:
        """The end: each stage gives what it holds, through the stages behind it, before the next is flushed."""
        self._control([stage.flush for stage in self.stages], states, metadata, found)

    def tick(self, states: list[Any], metadata: Any, found: Collected) -> None:
        """A moment that a stage asked for."""
        self._control([stage.tick for stage in self.stages], states, metadata, found)

    def _control(self, functions: list[Any], states: list[Any], metadata: Any, found: Collected) -> None:
        for at, function in enumerate(functions):
            if function is not None:
                self._pass_on(states, at, self._call(function, states[at], metadata), metadata, found)


class Mended(Line):
    """A line in which the first stage that fails gives the first of `values`, the next one the next one."""

    def __init__(self, values: Sequence[Any], *line: Any) -> None:
        super().__init__(*line)
        self.values = deque(values)

    def failed(self, states: list[Any], at: int, metadata: Any, found: Collected, error: RtfsError) -> None:
        if not self.values:
            super().failed(states, at, metadata, found, error)
        self.feed(states, at + 1, self.values.popleft(), metadata, found)


def outputs_of(result: Any, op: str) -> Any:
    """The outputs of a step's result; S003 when they are no vector."""
    if type(result) is not Map:
        raise fault(11, f=op, value=shown(result))
    outputs = result.get(K_OUTPUTS)
    if outputs is None:
        return ()
    if type(outputs) is not tuple and type(outputs) is not PVector:
        raise fault(3, p=f"result of {op}", kind="vector", value=shown(outputs))
    return outputs
