"""What one stream consists of: its parts, its metadata, and its picture for the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from rtfs.host.stream import chunk as chunks
from rtfs.host.stream.chunk import Chunk
from rtfs.host.stream.contract import Contract, plain
from rtfs.host.stream.intake import Intake
from rtfs.host.stream.lifecycle import ACTIVE, TERMINAL
from rtfs.host.stream.metrics import Latency, Rate, Stats
from rtfs.host.stream.outputs import Outputs
from rtfs.host.stream.processor import Processor
from rtfs.host.stream.queue import Bounds, Queue
from rtfs.host.stream.settings import Settings
from rtfs.host.stream.snapshot import Fixed, Snapshot
from rtfs.host.stream.spill import Spill
from rtfs.host.stream.timers import Timer
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.batching import Batches
    from rtfs.host.stream.breaker import StepGuard
    from rtfs.host.stream.checkpoint import Checkpoints
    from rtfs.host.stream.circuit import Circuit
    from rtfs.host.stream.failing import Policy
    from rtfs.host.stream.input import Births
    from rtfs.host.stream.measure import Measure
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.slot import Slot
    from rtfs.host.stream.source import Source

Call = Callable[[], Any]
_PLACES = {chunks.K_SEQ: 0, chunks.K_TIME: 2}  # of entries of the metadata in a chunk
_NOTHING: dict[Keyword, Any] = {}
FREE: frozenset[str] = frozenset()

SPILL_FOLDER = "spill-folder"
"""What an operator sets, and no start: where chunks go that do not fit in memory."""


class Body:
    """The parts. Other modules read them freely; only the owner's task, between steps, changes them.

    kind: the capabilities it was started by, `mcp` or `marketplace`; ending: the event of the table that ended it;
    error: the map that inspect shows, failure: the exception behind it; paused_by: `result`, `call` or `store`;
    source_over: True when the source ended, its error when it failed; draining: the event of the table that comes once
    the queue is empty; leaving: the host shuts down and the queue stays as it is; flushing: but what the steps hold
    back leaves; overdue: it did not end in its time; held: why no step is made for now;
    errands: effect slots that are asked meanwhile; policy: decides about failed chunks in place of `:on-error`;
    circuits: of a breaker that covers it, guard: what the one of its steps lets through; measure: counts it among
    others, reports: what its operator counts upstream; dirty: a transition has to be stored; sink: what takes the
    outputs at the end of a graph, sink_memory: what a snapshot kept of it.
    """

    __slots__ = (
        "id", "kind", "settings", "processor", "services", "status", "ending", "error", "failure", "reason",
        "paused_by", "transitions", "epoch", "adapter", "resumed", "state", "position", "stats", "latency", "rate",
        "queue", "outputs", "intake", "started_at", "last_chunk_at", "fixed", "checkpoints", "source", "source_over",
        "timers", "mailbox", "watchers", "draining", "leaving", "held", "errands", "policy", "circuits", "guard",
        "measure", "births", "reports", "store_is_broken", "tick_due", "dirty", "_waker", "_metadata", "contract",
        "stepping", "_shut_since", "_shut_before", "sink", "sink_memory", "flushing", "overdue",
    )  # fmt: skip

    def __init__(self, id: str, settings: Settings, processor: Processor, services: Services) -> None:
        self.id = id
        self.kind = "mcp"
        self.settings = settings
        self.processor = processor
        self.contract: Contract | None = None
        self.stepping = plain(processor)
        self.services = services
        self._identity()
        self.state: Any = settings["initial-state"]
        self.position: Any = None
        self.stats = Stats()
        self.latency = Latency()
        self.rate = Rate()
        folder = settings.get(SPILL_FOLDER)
        self.queue = Queue(
            bounds(settings), lambda: Spill(folder or services.work_folder(), settings["spill-max-bytes"])
        )
        self.outputs = Outputs(settings["outputs"].name, settings["output-capacity"], settings["keep"])
        self.intake = Intake(cast("Owner", self))
        self.started_at: int = services.clock.now_ms()
        self.last_chunk_at: int | None = None
        self.fixed: Fixed
        self.checkpoints: Checkpoints
        self.source: Source | None = None
        self.source_over: RtfsError | bool | None = None
        self.sink: Batches | None = None
        self.sink_memory: Any = None
        self.timers: dict[str, Timer] = {}
        self.mailbox: list[tuple[Call, asyncio.Future[Any]]] = []
        self.watchers: list[tuple[Callable[[], bool], asyncio.Future[bool]]] = []
        self._shut_since: int | None = None
        self._shut_before = 0
        self.draining = ""
        self.leaving = self.flushing = self.overdue = False
        self.held: frozenset[str] = FREE
        self.errands: tuple[asyncio.Task[None], ...] = ()
        self.policy: Policy | None = None
        self.circuits: tuple[Circuit, ...] = ()
        self.guard: StepGuard | None = None
        self.measure: Measure | None = None
        self.births: Births | None = None
        self.reports: Measure | None = None
        self.store_is_broken = False
        self.tick_due = False
        self.dirty = False
        self._waker: asyncio.Future[None] | None = None
        self._metadata = self._static_metadata()

    def _identity(self) -> None:
        self.status = ACTIVE
        self.ending = ""
        self.error: Map | None = None
        self.failure: RtfsError | None = None
        self.reason: str | None = None
        self.paused_by = ""
        self.transitions = 0
        self.epoch = 1
        self.adapter = "none"
        self.resumed = False

    @property
    def terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def connected(self) -> bool:
        """Has it a source? Otherwise only injection feeds it."""
        return self.source is not None

    @property
    def follows(self) -> bool:
        """Does its source end by itself when the streams that it reads are drained?"""
        return self.source is not None and self.source.follows

    @property
    def watermark(self) -> int | None:
        """The stream time up to which nothing more is expected, where a stage says it."""
        line = self.processor.line
        return None if line is None else line.watermark(self.state)

    @property
    def shown_state(self) -> Any:
        """The state as people see it: that of a chain by the number of each stage."""
        line = self.processor.line
        return self.state if line is None else line.shown(self.state)

    def shut_ms(self) -> int:
        """How long the gate has been shut so far, in ms."""
        since = self._shut_since
        return self._shut_before + (0 if since is None else self.services.clock.now_ms() - since)

    def wake(self) -> None:
        """There may be something to do."""
        waker = self._waker
        if waker is not None and not waker.done():
            waker.set_result(None)

    def post(self, call: Call) -> asyncio.Future[Any]:
        """Have the owner do something between steps; the future answers when what it changed is stored."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.mailbox.append((call, future))
        self.wake()
        return future

    def emit(self, event: str, **data: Any) -> None:
        """Tell the log and the observers."""
        services = self.services
        if not services.events.heard(event):
            return
        services.events.emit(services.clock.now_ms(), event, self.id, self.intake.seq, self.status.name, data)

    def hold(self, why: str) -> None:
        """Make no step until `go_on`."""
        self.held |= {why}

    def go_on(self, why: str) -> None:
        """That is no reason any more to stand still."""
        self.held -= {why}
        self.wake()

    async def ask(self, slot: Slot, seq: int, *args: Any, part: str = "") -> Any:
        """What a slot says about the chunk of that number. part: which of several calls for it this is."""
        answers = self.checkpoints.ledger.answers
        if answers is not None:
            answers.by_chunk.add(slot.name)
        return await slot(self.id, seq, *args, part=part)

    def timer(self, name: str, milliseconds: float, callback: Callable[[], None]) -> None:
        """One appointment per name; a new one replaces the old."""
        self.forget_timer(name)
        self.timers[name] = self.services.timers.after(milliseconds, callback)

    def forget_timer(self, name: str) -> None:
        """Call off an appointment, if there is one of that name."""
        old = self.timers.pop(name, None)
        if old is not None:
            old.cancel()

    # ---- metadata

    def _static_metadata(self) -> dict[Keyword, Any]:
        config = self.settings["config"]
        fixed: dict[Keyword, Any] = {
            chunks.K_STREAM: self.id,
            chunks.K_SOURCE: Keyword(self.adapter),
            chunks.K_EPOCH: self.epoch,
        }
        if len(config):
            fixed[chunks.K_EXT] = Map.holding({Keyword("config"): config})
        return fixed

    def bind(self, contract: Contract | None) -> None:
        """From now on steps keep to a contract."""
        self.contract = contract
        if contract is not None:
            self.stepping = contract.stepping(self.processor)

    def describe(self, adapter: str, epoch: int) -> None:
        """The adapter and the epoch are known now."""
        self.adapter = adapter
        self.epoch = epoch
        self._metadata = self._static_metadata()

    def metadata_of(self, chunk: Chunk) -> Map:
        """The third argument of the processor (§1.2)."""
        seq, _, time, offset, extra = chunk
        entries = self._metadata.copy()
        entries[chunks.K_SEQ] = seq
        entries[chunks.K_TIME] = time
        entries[chunks.K_OFFSET] = offset
        entries[chunks.K_ATTEMPT] = self.intake.attempt if extra is None else extra.attempt + extra.tries
        entries[chunks.K_DEPTH] = self.queue.depth
        entries[chunks.K_STATUS] = self.status
        entries[chunks.K_DURATION] = time - self.started_at
        if extra is not None and extra.metadata is not None:
            ext = entries.get(chunks.K_EXT)
            entries.update(extra.metadata)
            if ext is not None and chunks.K_EXT in extra.metadata:
                entries[chunks.K_EXT] = ext.merge(extra.metadata[chunks.K_EXT])
        return Map.from_stored(entries)

    def column(self, field: Keyword, taken: list[Chunk]) -> tuple[Any, ...]:
        """What the metadata of each of the chunks has under a field of segment.FIELDS."""
        place, other = _PLACES.get(field), self._metadata.get(field)
        if place is not None and not any(chunk[4] for chunk in taken):
            return tuple([chunk[place] for chunk in taken])
        own = [other if place is None else chunk[place] for chunk in taken]
        given = [_NOTHING if chunk[4] is None else chunk[4].metadata or _NOTHING for chunk in taken]
        return tuple([metadata.get(field, value) for metadata, value in zip(given, own, strict=True)])

    # ---- the store

    def capture(self) -> Snapshot:
        """The stream at this chunk boundary. What can be had again is left out of the queue (§5.1): what the source
        sends again, and what stands in the intake."""
        items, source = self.queue.items, self.source
        known = self.checkpoints.ledger.logging
        kept = [chunk for chunk in items if not known and (chunk[3] is None or source is None or not source.replayable)]
        snapshot = Snapshot()
        snapshot.stream_id, snapshot.epoch, snapshot.number = self.id, self.epoch, 0
        snapshot.status, snapshot.error, snapshot.reason = self.status, self.error, self.reason
        snapshot.state, snapshot.position = self.state, self.position
        snapshot.memory = None if self.source is None else self.source.memory()
        snapshot.seq = kept[-1][0] + 1 if kept else items[0][0] if items else self.intake.seq
        snapshot.output_seq = self.outputs.next
        snapshot.time = self.intake.time
        snapshot.watermark = self.watermark
        snapshot.queue = kept
        snapshot.sink = self.sink_memory if self.sink is None else self.sink.memory()
        snapshot.pending = Map.of(self.checkpoints.ledger.marks.items())
        snapshot.stats = self.stats.as_map(snapshot.seq)
        snapshot.transitions = self.transitions
        snapshot.created_at = self.services.clock.now_ms()
        snapshot.fixed = self.fixed
        return snapshot

    def restore(self, snapshot: Snapshot) -> None:
        """Stand where a snapshot was taken (§5.6, 4)."""
        self.status, self.error, self.reason = snapshot.status, snapshot.error, snapshot.reason
        self.paused_by = "call"
        self.state, self.position = snapshot.state, snapshot.position
        self.transitions = snapshot.transitions
        self.started_at = snapshot.fixed.started_at
        self.stats.restore(snapshot.stats)
        self.outputs.go_on_from(snapshot.output_seq)
        self.intake.seq, self.intake.position = snapshot.seq, snapshot.position
        self.intake.time = max(snapshot.time, self.services.clock.now_ms())
        self.sink_memory = snapshot.sink
        self.queue.items.extend(snapshot.queue)
        self.queue.adjust()
        self.resumed = True


def bounds(settings: Settings) -> Bounds:
    """What the queue of a stream may hold."""
    return Bounds(
        settings["queue-capacity"],
        settings["high-water-mark"],
        settings["low-water-mark"],
        settings["queue-bytes"],
        settings["overflow"].name,
    )
