"""Operators that need the host: nodes whose inputs are runs of their own, one file each (streaming.md §6.10).

A file `rate_limit.py` offers `OPERATOR`; its parameters are in the form `stdlib/stream/rate-limit.rtfs`, which has no
stage. What is upstream of such a node runs by itself; its outputs are read one after the other, which holds it back.
"""

from __future__ import annotations

import asyncio
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.chunk import Extra
from rtfs.host.stream.failing import REPLACE, RETRY, ItemFailure, judged
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.processor import placed, step_error
from rtfs.host.stream.settings import FAIL
from rtfs.host.stream.slot import Slot, make
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.breaker import CallGuard
    from rtfs.host.stream.graph import Chain
    from rtfs.host.stream.guard import Need
    from rtfs.host.stream.hook import Hook
    from rtfs.host.stream.input import Input
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.run import Run
    from rtfs.host.stream.settings import Settings
    from rtfs.host.stream.stage import Stage
    from rtfs.host.stream.stores import Letter
    from rtfs.lang.evaluator import Evaluator
    from rtfs.lang.outcome import RuntimeContext

T = TypeVar("T")
REDRIVEN = -1  # the number of an output that is taken again


class Around(NamedTuple):
    """What an operator of a run has beside its inputs. security: of the program that started the run; hook: what the
    operator hung on the runs that it covers."""

    services: Services
    security: RuntimeContext | None
    timeout_ms: int | None
    hook: Hook | None = None

    def slot(self, name: str, function: Any, count: int = 1) -> Slot:
        """An effect slot of the operator, which gets `count` arguments. S015 when its function wants more."""
        return make(name, count, function, self._slot)

    def maybe(self, name: str, function: Any, count: int = 1) -> Slot | None:
        """The same; None when no function is given."""
        return None if function is None else self.slot(name, function, count)

    def _slot(self, name: str, function: Any) -> Slot:
        return Slot(name, function, self.services, self.security, self.timeout_ms)

    def pure(self, name: str, function: Any, *args: Any) -> Any:
        """A pure slot, called to completion. S010, S017."""
        evaluator = self.services.evaluator
        try:
            return evaluator.pure(function, *args)
        except Exception as error:
            raise step_error(evaluator.failure(error), name) from error


def text_of(name: Any) -> str:
    """The name of a node, a keyword or a string, as people read it."""
    return name.name if type(name) is Keyword else str(name)


class Joint(Plain, ABC):
    """The adapter of a host operator: reads its inputs and offers what leaves it.

    Its position is the vector of the output numbers of its inputs, each the next one it wants.
    """

    name = "joint"
    intake: Intake
    guard: CallGuard | None = None  # of a breaker that covers it
    connects = False
    endless = False
    follows = True
    guarantee = "exactly-once"

    def __init__(self, settings: Settings, params: Map, inputs: list[Input], around: Around) -> None:
        super().__init__(settings)
        self.params = params
        self.inputs = inputs
        self.around = around
        self.replayable = True

    async def run(self, session: Session, intake: Intake) -> None:
        try:
            await self.work(session, intake)
        except RtfsError as error:
            named = self.param("name")
            error.remark(f"in {self.name}{'' if named is None else f' ({text_of(named)})'} of {intake.owner.id}")
            raise

    @abstractmethod
    async def work(self, session: Session, intake: Intake) -> None:
        """Read the inputs and offer what leaves, until they have ended."""

    async def redriven(self, item: Any, attempt: int, intake: Intake) -> None:
        """Take an item again that failed here before it was a chunk."""
        intake.append(item, None, Extra(attempt=attempt))

    async def guarded(self, work: Callable[[], Awaitable[T]]) -> T:
        """What the operator does for an item, if no circuit is open."""
        return await (work() if self.guard is None else self.guard.call(work))

    def made(self, output: Output | None, at: int = 0) -> None:
        """The next chunk is made of that output of an input."""
        births = self.intake.owner.births
        if births is not None and output is not None and output.output_seq != REDRIVEN:
            births.add(self.intake.seq, self.inputs[at].born(output))

    def part(self, tries: int, output: Output | None = None) -> str:
        """Tells the calls for one item from each other, where their answers are recorded: a failure is no answer to
        another attempt; and where items that are taken again have all one number."""
        parts = [self.intake.seq] if output is not None and output.output_seq == REDRIVEN else []
        if tries and self.intake.owner.checkpoints.ledger.answers is not None:
            parts.append(tries)
        return ".".join(map(str, parts))

    def param(self, name: str) -> Any:
        return self.params.get(Keyword(name))

    def may_repeat(self) -> bool:
        return False


class Single(Joint):
    """An operator with one input, whose items it takes one by one."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._busy = asyncio.Lock()
        self._tries = 0  # failed ones of the item that is taken now

    async def work(self, session: Session, intake: Intake) -> None:
        (source,) = self.inputs
        source.open(0 if intake.position is None else intake.position[0])
        self.intake = intake
        while (output := await source.next()) is not None:
            await self._taken(output)
        await self.ended()

    async def redriven(self, item: Any, attempt: int, intake: Intake) -> None:
        self.intake = intake
        await self._taken(Output(REDRIVEN, item, 0, self.around.services.clock.now_ms()), attempt)

    async def _taken(self, output: Output, attempt: int = 1) -> None:
        """One item; when it fails, what is decided about it in this run."""
        async with self._busy:
            self._tries = 0
            while True:
                try:
                    if self.guard is None:
                        return await self.take(output)
                    return await self.guard.call(partial(self.take, output))
                except RtfsError as error:
                    failure = self._failure(output, error, attempt)
                    fate = await judged(failure)
                    if fate.what is FAIL:
                        raise
                if fate.what is REPLACE:
                    return await self.give(fate.value, output)
                if fate.what is not RETRY:
                    return await self.pass_over(output, failure.letter)
                self._tries += 1
                await self.around.services.clock.sleep(fate.value / 1000)

    def _failure(self, output: Output, error: RtfsError, attempt: int) -> ItemFailure:
        placed(error, self.name, self.param("name"))
        extra = Extra(output.metadata, attempt)
        extra.tries = self._tries
        chunk = (self.intake.seq, output.value, output.time, None, extra)
        return ItemFailure(self.intake.owner, chunk, error)

    @abstractmethod
    async def take(self, output: Output) -> None:
        """One item: `give` what leaves for it, or `pass_over`."""

    async def ended(self) -> None:
        """The input has ended."""

    async def told(self, name: str, item: Any) -> Any:
        """What a slot says of an item that is pure unless the operator has `:effects`."""
        if self.param("effects") is None:
            return self.around.pure(name, self.param(name), item)
        return await self.ask(self.around.slot(name, self.param(name)), item)

    async def ask(self, slot: Slot, *args: Any) -> Any:
        """What a slot says about the item that is next to leave."""
        return await self.intake.owner.ask(slot, self.intake.seq, *args, part=self.part(self._tries))

    async def give(self, value: Any, output: Output) -> None:
        """Let a value leave, which was made of that output of the input, when there is room."""
        if not self.intake.open:
            await self.intake.opened()
        self.made(output)
        self.intake.offer(value, _behind(output), output.metadata)

    async def pass_over(self, output: Output, letter: Letter | None = None) -> None:
        """Nothing leaves for that output of the input, of which a letter may be kept; the position moves on when all
        before it is done."""
        if not self.intake.open:
            await self.intake.opened()
        extra = Extra(bare=True)
        extra.letter = letter
        self.intake.append(None, _behind(output), extra)


def _behind(output: Output) -> Any:
    """The position behind an output of the input; one that is taken again moves none."""
    return None if output.output_seq == REDRIVEN else vector([output.output_seq + 1])


def nothing(params: Map) -> Map:
    """No options of a run follow from the parameters."""
    return EMPTY_MAP


class Part(NamedTuple):
    """A run that reads the input of its operator together with others: its chain, behind that input."""

    name: str
    chain: Callable[[Run], Chain]
    options: Map


class HostOperator(NamedTuple):
    """What the host does for an operator whose form in `stdlib/stream/` has no stage. effects: what it needs.

    covers: the options of a run that its parameters mean for all that is upstream of it, as far as the next operator
    that says otherwise; own: those that they mean for its own run. hook: what it does on the runs upstream, as far as
    the next operator with a hook of that kind. first: a stage that all that leaves it goes through.
    parts: the runs that it reads, where these read one input together; with `starts`
    the handle has them. of: what it is with certain parameters, where that depends on them.
    needs: what it needs with its parameters, with paths and hosts, which is asked before anything opens.
    starts: does a call start it, and not only one with callbacks?
    """

    joint: Callable[[Settings, Map, list[Input], Around], Joint]
    effects: tuple[str, ...] = ()
    covers: Callable[[Map], Map] = nothing
    own: Callable[[Map], Map] = nothing
    hook: Callable[[Map, Around], Hook] | None = None
    first: Stage | None = None
    parts: Callable[[Map, Evaluator], list[Part]] | None = None
    of: Callable[[Map, Evaluator], HostOperator] | None = None
    needs: Callable[[Map], tuple[Need, ...]] | None = None
    starts: bool = False


class Whole(NamedTuple):
    """What the host does for an operator that speaks for the whole graph it stands in, and is no run of its own.

    options: what its parameters mean for all runs of the graph, in the words of a start; attend: gives what hangs the
    slots of the operator on the run that the graph ends in. S015 when a slot wants other arguments.
    """

    options: Callable[[Map], Map]
    attend: Callable[[Map, Around], Callable[[Run], None]]


def names() -> list[str]:
    """The names of all operators of the host, as in `:stream.NAME`."""
    return [module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)]


def find(name: str) -> HostOperator | None:
    """The operator of a name that reads runs; None when there is none."""
    found = _offered(name)
    return found if isinstance(found, HostOperator) else None


def whole(name: str) -> Whole | None:
    """The operator of a name that speaks for its graph; None when there is none."""
    found = _offered(name)
    return found if isinstance(found, Whole) else None


@cache
def _offered(name: str) -> HostOperator | Whole | None:
    if name not in names():
        return None
    found: HostOperator | Whole = import_module(f"{__name__}.{name.replace('-', '_')}").OPERATOR
    return found
