"""What becomes of a chunk whose step failed: `:on-error` says it, or the wrapper that covers the run (§1.8, §6.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream import letter
from rtfs.host.stream.chunk import Chunk, Extra
from rtfs.host.stream.hook import Hook
from rtfs.host.stream.intake import answer
from rtfs.host.stream.processor import step_error
from rtfs.host.stream.settings import DEAD_LETTER, FAIL, SKIP, OnError
from rtfs.lang.collections import Map
from rtfs.lang.errors import LimitError, RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.graph import Chain
    from rtfs.host.stream.owner import Owner

K_STAGE = Keyword("stage")
RETRY, REPLACE = Keyword("retry"), Keyword("replace")
_EVENTS = {SKIP: "chunk-skipped", DEAD_LETTER: "dead-lettered"}


class Fate(NamedTuple):
    """`:skip`, `:dead-letter`, `:fail`, `:retry` after `value` ms; `:replace`: `value` goes on behind the failure."""

    what: Keyword
    value: Any = None


class Failure:
    """A failed step. tries: how often the chunk was tried before; values: what stands for what failed in it so far."""

    __slots__ = ("owner", "chunk", "raised", "tries", "values", "_problem")

    def __init__(self, owner: Owner, chunk: Chunk, raised: Exception, values: tuple[Any, ...] = ()) -> None:
        self.owner = owner
        self.chunk = chunk
        self.raised = raised
        self.tries = 0 if chunk[4] is None else chunk[4].tries
        self.values = values
        self._problem: RtfsError | None = None

    @property
    def problem(self) -> RtfsError:
        """The stream error of the step, which says where in the processor it failed."""
        if self._problem is None:
            self._problem = self._found()
            self._problem.remark(f"called for chunk {self.chunk[0]} of stream {self.owner.id}")
        return self._problem

    def _found(self) -> RtfsError:
        owner, chunk = self.owner, self.chunk
        processor, failed = owner.processor, owner.services.evaluator.failure(self.raised)
        if isinstance(failed, LimitError):
            return step_error(failed, processor.name)
        blamed = processor.blame and processor.blame(owner.state, chunk[1], owner.metadata_of(chunk), self.values)
        return blamed or step_error(failed, processor.name)

    @property
    def part(self) -> str:
        """Tells the calls that are made for one chunk from each other."""
        return ".".join(str(count) for count in (self.tries, len(self.values)) if count)


class Policy(Hook):
    """Decides about the chunks that fail in the runs that it covers."""

    kind = "on-error"

    def hang(self, owner: Owner, chain: Chain) -> None:
        owner.policy = self

    def at_once(self, failure: Failure) -> Fate | None:
        """The decision, if nobody has to be asked."""
        return None

    async def decide(self, failure: Failure) -> Fate:
        """The decision, where somebody has to be asked. What this raises fails the run."""
        raise NotImplementedError


def met(owner: Owner, chunk: Chunk, raised: Exception, values: tuple[Any, ...] = ()) -> bool:
    """A step failed: do what is decided about the chunk. True when the turn is over."""
    failure, policy = Failure(owner, chunk, raised, values), owner.policy
    fate = _by_option(owner.settings["on-error"], failure) if policy is None else policy.at_once(failure)
    if fate is not None or policy is None:
        return _settle(failure, fate or Fate(FAIL))
    _put_back(failure)
    owner.consult("failure", policy.decide(failure), lambda fate: _decided(failure, fate))
    return True


async def decided(failure: Failure) -> Fate:
    """What is to become of an item whose work was awaited. Whoever asks does it; it is counted here."""
    owner, policy = failure.owner, failure.owner.policy
    fate = _by_option(owner.settings["on-error"], failure) if policy is None else policy.at_once(failure)
    if isinstance(failure.raised, LimitError):
        fate = Fate(FAIL)
    if fate is None and policy is not None:
        fate = await policy.decide(failure)
    found = fate or Fate(FAIL)
    if found.what is RETRY:
        owner.stats.retried += 1
        return found
    count(failure, found.what)
    if found.what is DEAD_LETTER:
        owner.checkpoints.bury(letter.write(owner, failure.chunk, failure.problem))
    return found


def _by_option(policy: OnError, failure: Failure) -> Fate:
    return Fate(RETRY, policy.backoff_ms) if failure.tries < policy.retries else Fate(policy.then)


def _put_back(failure: Failure) -> Extra:
    """The chunk is the next one again; what else it has from now on."""
    seq, data, time, offset, extra = failure.chunk
    kept = Extra(attempt=failure.owner.intake.attempt) if extra is None else extra
    failure.owner.queue.items.appendleft((seq, data, time, offset, kept))
    return kept


def _decided(failure: Failure, fate: Fate) -> None:
    """Go on with a decision that was waited for, if the chunk is still there."""
    owner, items = failure.owner, failure.owner.queue.items
    if items and items[0][0] == failure.chunk[0]:
        failure.chunk = items.popleft()
        _settle(failure, fate)
        owner.settled()


def _settle(failure: Failure, fate: Fate) -> bool:
    owner, chunk = failure.owner, failure.chunk
    if fate.what is RETRY:
        return _again(failure, fate.value)
    problem = failure.problem
    if fate.what is REPLACE:
        return _replaced(failure, fate.value)
    count(failure, fate.what)
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


def _again(failure: Failure, wait_ms: float) -> bool:
    owner = failure.owner
    owner.stats.retried += 1
    _put_back(failure).tries += 1
    if wait_ms:
        owner.hold("retry")
        owner.timer("retry", wait_ms, lambda: owner.go_on("retry"))
    return bool(wait_ms)


def _replaced(failure: Failure, value: Any) -> bool:
    """Go on with a value in place of what the failed stage would have given; a later stage may fail as well."""
    owner, chunk, values = failure.owner, failure.chunk, (*failure.values, value)
    processor, limited = owner.processor, isinstance(failure.raised, LimitError)
    assert processor.mend is not None
    try:
        result = processor.mend(owner.state, chunk[1], owner.metadata_of(chunk), values, limited)
        parts = result, None, True
        reading = owner.stepping.read(parts, owner.state, processor.name, owner.settings["max-outputs"])
    except Exception as error:
        return met(owner, chunk, error, values)
    count(failure, REPLACE)
    owner.replaced(chunk, reading)
    return False


def count(failure: Failure, what: Keyword) -> None:
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
