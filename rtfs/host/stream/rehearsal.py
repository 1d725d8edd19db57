"""A stream on a virtual clock, fed from a script and killed where it says: `deftest-stream` (language.md §14.9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.clock import VirtualClock
from rtfs.host.stream.adapters.memory import ABORT, EOF, Topic
from rtfs.host.stream.event import Events
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.options import normalised
from rtfs.host.stream.registry import StreamRegistry
from rtfs.host.stream.stores.memory import MemoryStore
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.host.stream.stream import Stream
    from rtfs.lang.evaluator import Evaluator

ID = "rehearsal"
_CRASH, _ADVANCE, _ALL = Keyword("crash"), Keyword("advance"), Keyword("all")
_ENDS = {Keyword("eof"): EOF, Keyword("abort"): ABORT}
_PATIENCE_S = 600  # of virtual time until a source that lost its connection has to be back


class Crash(NamedTuple):
    """Where a stream is killed: after so many chunks. lost: how many of the last ones its snapshot does not know."""

    after: int
    lost: int


class Ending(NamedTuple):
    """What became of a stream. remade: outputs that a resumed stream made differently from before."""

    outputs: tuple[Any, ...]
    state: Any
    status: Keyword
    error: Any
    remade: tuple[Map, ...]


class Script(NamedTuple):
    """items: chunks and, as Keyword or Map, what happens between them."""

    items: tuple[Any, ...]
    parameters: Map
    module: str
    evaluator: Evaluator


async def rehearse(options: Map, module: str, evaluator: Evaluator) -> Map:
    """Feed `:chunks` to a stream; `{:outputs :state :status :error :divergent}`.

    `:eof` ends the source, `:abort` breaks it, `{:advance ms}` moves the clock, `:crash` kills the stream and resumes
    it from its last snapshot; anything else is a chunk. `:crash-at` (`:all` or numbers of chunks) plays the script once
    more for each of these places, killed there: with a snapshot of that place, and with one that lacks the last chunk.
    `:divergent` tells what was not the same then. Other options are those of `:mcp.stream.start`.
    """
    given = normalised(options)
    chunks, wanted = given.pop("chunks", ()), given.pop("crash-at", ())
    if not is_vector(chunks):
        raise ValueError(":chunks is a vector of chunks")
    if "state" in given:
        given["initial-state"] = given.pop("state")
    for name in ("endpoint", "stream-id", "server", "server-url", "tool", "resource"):
        if name in given:
            raise ValueError(f"a rehearsed stream gets its chunks from :chunks, not from :{name}")
    if type(given.get("checkpoint")) is Map and Keyword("store") in given["checkpoint"]:
        raise ValueError("a rehearsed stream keeps its snapshots itself: no :store")
    parameters = keyed(endpoint=f"memory:{ID}", stream_id=ID, **{key.replace("-", "_"): v for key, v in given.items()})
    script = Script(tuple(chunks), parameters, module, evaluator)
    ending = await _Performance(script, None).play()
    divergent = list(ending.remade)
    for crash in _crashes(wanted, sum(1 for item in chunks if not _is_control(item))):
        divergent.extend(_differences(crash, ending, await _Performance(script, crash).play()))
    return keyed(
        outputs=vector(ending.outputs),
        state=ending.state,
        status=ending.status,
        error=ending.error,
        divergent=vector(divergent),
    )


def _crashes(wanted: Any, chunks: int) -> Iterator[Crash]:
    places = range(chunks + 1) if wanted is _ALL else wanted
    if not is_vector(places) and type(places) is not range:
        raise ValueError(":crash-at is :all or a vector of numbers of chunks")
    for place in places:
        if type(place) is not int or not 0 <= place <= chunks:
            raise ValueError(f":crash-at has places from 0 to {chunks}")
        yield Crash(place, 0)
        if place > 0:
            yield Crash(place, 1)


def _differences(crash: Crash, whole: Ending, resumed: Ending) -> list[Map]:
    """What a crash changed, as one map, and outputs it remade differently."""
    changed = {
        name: keyed(expected=before, actual=after)
        for name, before, after in (
            ("outputs", vector(whole.outputs), vector(resumed.outputs)),
            ("state", whole.state, resumed.state),
            ("status", whole.status, resumed.status),
            ("error", _code(whole.error), _code(resumed.error)),
        )
        if before != after
    }
    found = [remade.assoc(Keyword("crash-after"), crash.after) for remade in resumed.remade]
    return [keyed(crash_after=crash.after, chunks_lost=crash.lost, **changed), *found] if changed else found


def _code(error: Any) -> Any:
    return error.get(Keyword("code")) if type(error) is Map else error


def _is_control(item: Any) -> bool:
    return item is _CRASH or item in _ENDS or _milliseconds(item) is not None


def _milliseconds(item: Any) -> int | float | None:
    """What `{:advance ms}` says; None for anything else."""
    if type(item) is not Map or len(item) != 1 or _ADVANCE not in item:
        return None
    value = item[_ADVANCE]
    if type(value) not in (int, float) or not 0 <= value < float("inf"):
        raise ValueError(":advance is a number of milliseconds from 0")
    return value  # type: ignore[no-any-return]


class _Disk(MemoryStore):
    """What survives a crash. Durable, so that snapshots are written as text and read again."""

    durable = True


class _Unheard(Events):
    """Events that nobody needs to see: their outcome is looked at."""

    def heard(self, name: str) -> bool:
        return False

    def emit(self, at: int, name: str, stream_id: str, seq: int, status: str, data: dict[str, Any]) -> None:
        pass


class _Feed:
    """The items that the source has given so far; whoever reads waits for more."""

    def __init__(self) -> None:
        self._items: list[Any] = []
        self._more = asyncio.Event()

    def give(self, item: Any) -> None:
        self._items.append(item)
        self._more.set()

    async def items(self, start: int) -> AsyncIterator[Any]:
        while True:
            while start >= len(self._items):
                self._more.clear()
                await self._more.wait()
            start += 1
            yield self._items[start - 1]


class _Place:
    """A host as far as streams see it."""

    state_dir = None

    def __init__(self, clock: VirtualClock, evaluator: Evaluator) -> None:
        self.clock = clock
        self.evaluator = evaluator


class _Performance:
    """The script played once, in as many lives of the stream as it has crashes."""

    def __init__(self, script: Script, crash: Crash | None) -> None:
        self._script = script
        self._crash = crash
        self._clock = VirtualClock()
        self._feed = _Feed()
        self._disk = _Disk()
        self._outputs: dict[int, Any] = {}
        self._remade: list[Map] = []
        self._registry: StreamRegistry
        self._stream: Stream

    async def play(self) -> Ending:
        await self._live()
        try:
            await self._at(0)
            chunks = 0
            for item in self._script.items:
                chunks += await self._item(item, chunks)
            owner = self._stream.owner
            outputs = tuple(self._outputs[number] for number in sorted(self._outputs))
            return Ending(outputs, owner.state, owner.status, owner.error, tuple(self._remade))
        finally:
            await self._die()

    async def _item(self, item: Any, chunks: int) -> int:
        """Let one item happen; how many chunks it was."""
        crash, milliseconds = self._crash, _milliseconds(item)
        if item is _CRASH:
            await self._restart()
        elif milliseconds is not None:
            await self._settle(milliseconds / 1000)
        elif item in _ENDS:
            self._feed.give(_ENDS[item])
            await self._settle()
            await self._reconnected()
        else:
            if crash is not None and crash.lost and crash.after == chunks + 1:
                await self._save()
            self._feed.give(item)
            await self._settle()
            await self._at(chunks + 1)
            return 1
        return 0

    async def _at(self, chunks: int) -> None:
        """Crash here, if this is the place."""
        crash = self._crash
        if crash is not None and crash.after == chunks:
            if not crash.lost:
                await self._save()
            await self._restart()

    async def _save(self) -> None:
        try:
            await self._stream.checkpoint()
        except RtfsError:  # it cannot be stored, which its status and error tell
            pass

    async def _restart(self) -> None:
        """Kill the stream and resume it; one that has ended has nothing to lose."""
        if not self._stream.owner.terminal:
            await self._die()
            await self._live()

    async def _live(self) -> None:
        script = self._script
        self._registry = StreamRegistry(_Place(self._clock, script.evaluator))
        self._registry.services.events = _Unheard()
        self._registry.adopt(self._disk)
        self._registry.topics[ID] = Topic(self._feed.items)
        self._stream = await self._registry.start_map(script.parameters, script.module)
        self._reader = self._stream.reader(ID)
        await self._settle()

    async def _die(self) -> None:
        """What SIGKILL leaves: nothing is written any more."""
        owner = self._stream.owner
        self._registry.services.timers.close()
        tasks = [owner.task] if owner.task is not None else []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if owner.source is not None:
            owner.source.close()
            await owner.source.closed()

    async def _settle(self, seconds: float = 0.0) -> None:
        """Let time pass, everything happen that can, and note the outputs."""
        await self._clock.advance(seconds)
        kept = self._stream.owner.outputs
        while found := kept.take(self._reader, kept.capacity, self._clock.monotonic()):
            for output in found:
                before = self._outputs.setdefault(output.output_seq, output.value)
                if before != output.value:
                    self._remade.append(keyed(output=output.output_seq, expected=before, actual=output.value))
            await self._clock.advance(0)

    async def _reconnected(self) -> None:
        """Wait in virtual time for a source that lost its connection."""
        waited = 0
        while waited < _PATIENCE_S and self._lost() and not self._stream.owner.terminal:
            waited += 1
            await self._settle(1)

    def _lost(self) -> bool:
        source = self._stream.owner.source
        return source is not None and source.state in ("retrying", "connecting")
