"""The processor of a chain: its segments as functions, and what becomes of ticks, failures and the end (§6.10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rtfs.host.stream.chunk import K_CONTROL
from rtfs.host.stream.fuse import fuse
from rtfs.host.stream.graph import Chain
from rtfs.host.stream.processor import Batch, Processor, placed, prepare, step_error
from rtfs.host.stream.segment import K_CONFIG, K_OUTPUT, Segment
from rtfs.host.stream.stage import K_ACTION, K_OUTPUTS, K_STATE, K_WAKE, Collected, Line, StageError
from rtfs.lang.collections import MISSING, Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.evaluator import Evaluator, FunctionIdentity, whole
from rtfs.lang.names import Keyword

FLUSH = Keyword("flush")


def fused(chain: Chain, evaluator: Evaluator) -> tuple[Processor, Any]:
    """The processor of a chain and the state it begins with."""
    segments = fuse(chain.stages, evaluator)
    functions = [evaluator.compile(segment.text, "", segment.captures) for segment in segments]
    wants = any(segment.wants_metadata for segment in segments)
    if len(segments) == 1:
        step = prepare(functions[0], evaluator, chain.title).step
    else:
        step = whole(_Segments(segments, functions, evaluator).step if segments else _passed, 3 if wants else 2)
    batch = _batch(segments, evaluator)
    text = "\n".join(segment.text for segment in segments)
    captures = {name: value for segment in segments for name, value in segment.captures.items()}
    identity = FunctionIdentity(None, "", text, text and _digest(text, captures, evaluator), {})
    line = Line(chain.stages, evaluator.pure, chain.title, [at for segment in segments for at in segment.states])
    buries = any(stage.buries for stage in chain.stages)
    begin = line.compact([stage.init for stage in chain.stages])
    control, blame, mend = partial(_control, line), partial(_blame, line), partial(_mend, line)
    return Processor(
        chain.title, 3 if wants else 2, identity, step, control, blame, mend, None if buries else batch, line, buries
    ), begin


def _batch(segments: list[Segment], evaluator: Evaluator) -> Batch | None:
    """The segments for several items, one behind the other: that a step is pure makes the order in time no matter."""
    if not segments:
        return Batch(_passed_on, (), False)
    loops = [segment.batch for segment in segments if segment.batch is not None]
    if len(loops) < len(segments):
        return None
    functions = [
        partial(evaluator.pure, evaluator.compile(loop.text, "", segment.captures))
        for loop, segment in zip(loops, segments, strict=True)
    ]
    spreads = any(loop.spreads for loop in loops)
    if len(functions) == 1:
        return Batch(functions[0], loops[0].fields, spreads)
    fields = tuple(dict.fromkeys(field for loop in loops for field in loop.fields))
    parts = [
        (function, len(segment.states), [fields.index(field) for field in loop.fields])
        for function, segment, loop in zip(functions, segments, loops, strict=True)
    ]
    return Batch(partial(_one_behind_the_other, parts), fields, spreads)


def _one_behind_the_other(
    parts: Sequence[tuple[Callable[..., Any], int, list[int]]], state: Any, items: Any, *columns: Any
) -> tuple[Any, Any, int | None]:
    """What leaves the batch of one segment goes into the next one's; numbers: of the items that it comes from."""
    states: list[Any] = []
    numbers: Any = range(len(items))
    wake_at: Any = None
    for function, count, wanted in parts:
        own = state[len(states) : len(states) + count]
        more = [tuple([columns[field][number] for number in numbers]) for field in wanted]
        after, made, asked = function(own, items, *more)
        states.extend(after)
        if asked is not None and (wake_at is None or type(asked) is not int or asked < wake_at):
            wake_at = asked
        numbers, items = [numbers[at] for at, _ in made], tuple([value for _, value in made])
        if type(wake_at) is not int and wake_at is not None:  # no time: who called will see
            break
    return vector(states), zip(numbers, items, strict=True), wake_at


def _passed(state: Any, item: Any) -> Map:
    return Map.of([(K_STATE, state), (K_OUTPUTS, vector([item]))])


def _passed_on(state: Any, items: Any) -> tuple[Any, Any, None]:
    """The same for several items at once."""
    return state, enumerate(items), None


def _digest(text: str, captures: dict[str, Any], evaluator: Evaluator) -> str:
    """A hash of what the chain does: its text, and what the functions in it are."""
    import hashlib

    parts = [text]
    for name, value in captures.items():
        code = getattr(value, "__code__", None)
        parts.append(f"{name} {evaluator.identity(value).digest if code is not None else value!r}")
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


class _Segments:
    """A chain in several functions: what leaves one runs through the next, depth first."""

    def __init__(self, segments: list[Segment], functions: list[Any], evaluator: Evaluator) -> None:
        self._parts = list(zip(segments, functions, strict=True))
        self._call = evaluator.pure

    def step(self, states: Any, item: Any, metadata: Any = None) -> Map:
        now, found, at = [], Collected(), 0
        for segment, _ in self._parts:
            now.append(states[at : at + len(segment.states)])
            at += len(segment.states)
        self._feed(now, 0, item, metadata, found)
        return result_of([state for part in now for state in part], found)

    def _feed(self, states: list[Any], at: int, item: Any, metadata: Any, found: Collected) -> None:
        if at == len(self._parts):
            found.outputs.append(item)
            return
        segment, function = self._parts[at]
        arguments = (states[at], item, metadata) if segment.wants_metadata else (states[at], item)
        result = self._call(function, *arguments)
        states[at] = result.get(K_STATE)
        config = result.get(K_CONFIG)
        single = result.get(K_OUTPUT, MISSING)
        for output in (result.get(K_OUTPUTS) or ()) if single is MISSING else (single,):
            self._feed(states, at + 1, output, metadata, found)
        asked = [(K_ACTION, result.get(K_ACTION)), (K_WAKE, None if config is None else config.get(K_WAKE))]
        found.take(Map.of(asked))


def _control(line: Line, state: Any, metadata: Map) -> Map:
    """A tick or the flush of a chain."""
    states, found = line.states(state), Collected()
    act = line.flush if metadata.get(K_CONTROL) is FLUSH else line.tick
    act(states, metadata, found)
    return result_of(line.compact(states), found)


def _blame(line: Line, state: Any, item: Any, metadata: Any, values: tuple[Any, ...] = ()) -> RtfsError | None:
    """The error of the stage that fails, told by its name: pure steps fail again."""
    try:
        line.mended(values).feed(line.states(state), 0, item, metadata, Collected())
    except StageError as found:
        return _told(line, found)
    return None


def _mend(line: Line, state: Any, item: Any, metadata: Any, values: tuple[Any, ...], whole: bool) -> Map:
    """The result when values stand for what stages that fail would have given. whole: the last one stands for all that
    leaves, as it does where no stage failed."""
    mended, states, found = line.mended(values), line.states(state), Collected()
    if not whole:
        try:
            mended.feed(states, 0, item, metadata, found)
        except StageError as failed:
            raise _told(line, failed) from failed
    if whole or mended.values:
        return Map.of([(K_STATE, state), (K_OUTPUTS, vector(values[-1:]))])
    return result_of(line.compact(states), found)


def _told(line: Line, found: StageError) -> RtfsError:
    """The error of a stage, with its place."""
    stage, name = found.stage, found.stage.name or found.stage.op
    error = placed(step_error(found.error, name), stage.op, stage.name, found.at)
    if error.code == "RTFS-S017":
        error.remark("hint: with `:effects [:network …]` the functions of an operator may call the host")
    error.remark(f"in stage {found.at} ({name}) of {line.title}")
    return error


def result_of(states: Any, found: Collected) -> Map:
    """What a chain did, as the result of a processor."""
    entries: list[tuple[Any, Any]] = [(K_STATE, vector(states)), (K_OUTPUTS, vector(found.outputs))]
    if found.action is not None:
        entries.append((K_ACTION, found.action))
    if found.wake_at is not None:
        entries.append((K_CONFIG, Map.of([(K_WAKE, found.wake_at)])))
    return Map.of(entries)
