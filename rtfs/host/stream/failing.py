"""What becomes of a chunk whose step failed: `:on-error` says it, or the wrapper that covers the run (§1.8, §6.9)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream import letter
from rtfs.host.stream.chunk import Chunk, Extra
from rtfs.host.stream.circuit import refused
from rtfs.host.stream.hook import Hook
from rtfs.host.stream.intake import answer
from rtfs.host.stream.processor import K_STAGE, step_error
from rtfs.host.stream.settings import DEAD_LETTER, FAIL, SKIP, OnError
from rtfs.host.stream.slot import seen
from rtfs.lang.collections import Map
from rtfs.lang.errors import LimitError, RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.graph import Chain
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.run import Run
    from rtfs.host.stream.slot import Slot
    from rtfs.host.stream.stores import Letter

RETRY, REPLACE = Keyword("retry"), Keyword("replace")
RETRIES = 3  # that a slot may ask for, unless it is told otherwise
LONGEST_MS = 30_000  # of a wait that doubles
_EVENTS = {SKIP: "chunk-skipped", DEAD_LETTER: "dead-lettered"}


class Fate(NamedTuple):
    """`:skip`, `:dead-letter`, `:fail`, `:retry` after `value` ms; `:replace`: `value` goes on behind the failure."""

    what: Keyword
    value: Any = None


class Failure(ABC):
    """A chunk that failed. raised: with what; tries: how often it was tried before."""

    def __init__(self, owner: Owner, chunk: Chunk, raised: Exception) -> None:
        self.owner = owner
        self.chunk = chunk
        self.raised = raised
        self.tries = 0 if chunk[4] is None else chunk[4].tries

    @property
    @abstractmethod
    def problem(self) -> RtfsError:
        """What it failed with."""

    @property
    @abstractmethod
    def part(self) -> str:
        """Tells the calls that are made for one chunk from each other."""

    async def ask(self, slot: Slot, *args: Any) -> Any:
        """What a slot says about it."""
        return await self.owner.ask(slot, self.chunk[0], *args, part=self.part)


class StepFailure(Failure):
    """In the step of a stream. values: what stands for that of the chunk which failed already."""

    def __init__(self, owner: Owner, chunk: Chunk, raised: Exception, values: tuple[Any, ...] = ()) -> None:
        super().__init__(owner, chunk, raised)
        self.values = values
        self._problem: RtfsError | None = None

    @property
    def problem(self) -> RtfsError:
        if self._problem is None:
            self._problem = self._found()
            self._problem.remark(f"called for chunk {self.chunk[0]} of stream {self.owner.id}")
        return self._problem

    def _found(self) -> RtfsError:
        """The error of the step, with its place in the processor."""
        owner, chunk = self.owner, self.chunk
        processor, failed = owner.processor, owner.services.evaluator.failure(self.raised)
        if isinstance(failed, LimitError) or refused(failed) is not None:
            return step_error(failed, processor.name)
        blamed = processor.blame and processor.blame(owner.state, chunk[1], owner.metadata_of(chunk), self.values)
        return blamed or step_error(failed, processor.name)

    @property
    def part(self) -> str:
        return ".".join(map(str, (self.tries, len(self.values)))) if self.tries or self.values else ""


class ItemFailure(Failure):
    """In the host operator that a run begins with, before the item became a chunk of the run. letter: what is to be
    kept of it, with the position behind it. lasting: see letter.write."""

    def __init__(self, owner: Owner, chunk: Chunk, problem: RtfsError, *, lasting: bool = False) -> None:
        super().__init__(owner, chunk, problem)
        self.lasting = lasting
        self.letter: Letter | None = None
        self._problem = problem

    @property
    def problem(self) -> RtfsError:
        return self._problem

    @property
    def part(self) -> str:
        return f"item.{self.tries}"


class Policy(Hook):
    """Decides about the chunks that fail in the runs that it covers."""

    kind = "on-error"

    def hang(self, run: Run, chain: Chain) -> None:
        run.owner.policy = self

    def at_once(self, failure: Failure) -> Fate | None:
        """The decision, if nobody has to be asked."""
        return None

    @abstractmethod
    async def decide(self, failure: Failure) -> Fate:
        """The decision, where somebody has to be asked. What this raises fails the run."""


def met(owner: Owner, chunk: Chunk, raised: Exception, values: tuple[Any, ...] = ()) -> bool:
    """A step failed: do what is decided about the chunk. True when the turn is over."""
    failure, policy = StepFailure(owner, chunk, raised, values), owner.policy
    if owner.guard is not None:
        owner.guard.failed()
    try:
        fate = _known(failure)
    except Exception as error:  # of a pure slot of the policy
        owner.fail(step_error(owner.services.evaluator.failure(error), "on-error"))
        answer(chunk, error=owner.failure)
        return True
    if fate is not None or policy is None:
        return _settle(failure, fate or Fate(FAIL))
    _put_back(failure)
    owner.consult("failure", policy.decide(failure), lambda fate: _decided(failure, fate))
    return True


async def judged(failure: ItemFailure) -> Fate:
    """What is decided about an item that failed before it became a chunk. Whoever asks does it; it is counted here."""
    owner, problem = failure.owner, failure.problem
    if isinstance(problem, LimitError) or problem.kind == "SecurityViolation":
        fate: Fate | None = Fate(FAIL)
    else:
        fate = _known(failure)
    if fate is None:
        assert owner.policy is not None
        fate = await owner.policy.decide(failure)
    if fate.what is RETRY:
        owner.stats.retried += 1
        return fate
    _count(failure, fate.what)
    if fate.what is DEAD_LETTER:
        failure.letter = letter.write(owner, failure.chunk, problem, before=True, lasting=failure.lasting)
    return fate


def _known(failure: Failure) -> Fate | None:
    """The decision, if nobody has to be asked."""
    owner = failure.owner
    if refused(failure.raised) is DEAD_LETTER:
        return Fate(DEAD_LETTER)
    if owner.policy is not None:
        return owner.policy.at_once(failure)
    policy: OnError = owner.settings["on-error"]
    return Fate(RETRY, policy.backoff_ms) if failure.tries < policy.retries else Fate(policy.then)


def _put_back(failure: StepFailure) -> Extra:
    """The chunk is the next one again; what else it has from now on."""
    seq, data, time, offset, extra = failure.chunk
    kept = Extra(attempt=failure.owner.intake.attempt) if extra is None else extra
    failure.owner.queue.items.appendleft((seq, data, time, offset, kept))
    return kept


def _decided(failure: StepFailure, fate: Fate) -> None:
    """Go on with a decision that was waited for, if the chunk is still there."""
    owner, items = failure.owner, failure.owner.queue.items
    if items and items[0][0] == failure.chunk[0]:
        failure.chunk = items.popleft()
        _settle(failure, fate)
        owner.settled()


def _settle(failure: StepFailure, fate: Fate) -> bool:
    owner, chunk = failure.owner, failure.chunk
    if fate.what is RETRY:
        return _again(failure, fate.value)
    problem = failure.problem
    if fate.what is REPLACE:
        return _replaced(failure, fate.value)
    _count(failure, fate.what)
    if fate.what is FAIL:
        answer(chunk, error=problem)
        owner.fail(problem)
        return True
    if fate.what is DEAD_LETTER:
        owner.checkpoints.bury(letter.write(owner, chunk, problem))
    if chunk[3] is not None:
        owner.position = chunk[3]
    answer(chunk)
    return False


def _again(failure: StepFailure, wait_ms: float) -> bool:
    owner = failure.owner
    owner.stats.retried += 1
    _put_back(failure).tries += 1
    if wait_ms:
        owner.hold("retry")
        owner.timer("retry", wait_ms, lambda: owner.go_on("retry"))
    return bool(wait_ms)


def _replaced(failure: StepFailure, value: Any) -> bool:
    """Go on with a value in place of what the failed stage would have given; a later stage may fail as well."""
    owner, chunk, values = failure.owner, failure.chunk, (*failure.values, value)
    processor, unmade = owner.processor, isinstance(failure.raised, LimitError) or refused(failure.raised) is not None
    assert processor.mend is not None
    try:
        result = processor.mend(owner.state, chunk[1], owner.metadata_of(chunk), values, unmade)
    except Exception as error:
        return met(owner, chunk, error, values)
    try:
        parts = result, None, True
        reading = owner.stepping.read(parts, owner.state, processor.name, owner.settings["max-outputs"])
    except Exception as error:  # the value is none that may leave
        return _settle(StepFailure(owner, chunk, error, values), Fate(FAIL))
    _count(failure, REPLACE)
    owner.replaced(chunk, reading)
    return False


def _count(failure: Failure, what: Keyword) -> None:
    """A chunk failed for good: count it and tell."""
    owner, problem = failure.owner, failure.problem
    owner.stats.failed += 1
    if owner.processor.line is not None and type(problem.data) is Map and K_STAGE in problem.data:
        owner.stats.failed_in[problem.data.get(K_STAGE)] += 1
    if what is SKIP:
        owner.stats.skipped += 1
    elif what is DEAD_LETTER:
        owner.stats.dead_lettered += 1
    if owner.services.instruments is not None:
        owner.services.instruments.failed(owner, problem.code)
    more = {"replaced": True} if what is REPLACE else {}
    owner.emit(
        _EVENTS.get(what, "chunk-failed"), at_seq=failure.chunk[0], code=problem.code, message=problem.message, **more
    )


class Asked(Policy):
    """A slot decides, called with the error and the chunk: `:skip`, `:dead-letter`, `:retry` or `:fail`.

    most: how often a chunk is tried again before `:retry` means `:fail`; each wait is twice the one before.
    """

    def __init__(self, slot: Slot, most: int = RETRIES, backoff_ms: int = 0) -> None:
        self._slot = slot
        self._most = most
        self._backoff_ms = backoff_ms

    async def decide(self, failure: Failure) -> Fate:
        answered = await failure.ask(self._slot, seen(failure.problem), failure.chunk[1])
        if answered is RETRY:
            if failure.tries >= self._most:
                return Fate(FAIL)
            return Fate(RETRY, min(LONGEST_MS, self._backoff_ms * 2**failure.tries))
        return self.meant(answered)

    def meant(self, answered: Any) -> Fate:
        """The fate that an answer other than `:retry` names."""
        return Fate(answered if answered in (SKIP, DEAD_LETTER) else FAIL)
