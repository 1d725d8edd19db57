"""The metrics of a host's streams: counters that last longer than streams do, and histograms (streaming.md §9.3)."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream.instrument import Instrument

if TYPE_CHECKING:
    from rtfs.host.stream.measure import Measure
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.registry import StreamRegistry

PREFIX = "rtfs_stream_"
BOUNDS = (0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)


class Metric(NamedTuple):
    """kind: counter, gauge or histogram. label: the one it has beside `stream`, if any."""

    kind: str
    help: str
    label: str | None = None


METRICS = {
    "chunks_received_total": Metric("counter", "Chunks that arrived."),
    "chunks_processed_total": Metric("counter", "Chunks whose step succeeded, by the action it asked for.", "action"),
    "chunks_failed_total": Metric("counter", "Steps that failed, by the code of the error.", "code"),
    "chunks_dropped_total": Metric("counter", "Chunks that the overflow policy dropped.", "policy"),
    "outputs_total": Metric("counter", "Outputs."),
    "outputs_pending": Metric("gauge", "Outputs that the slowest reader has not read."),
    "dead_letters_total": Metric("counter", "Chunks that became dead letters."),
    "retries_total": Metric("counter", "Steps that were tried again."),
    "reconnects_total": Metric("counter", "Connections that were tried again, by the reason.", "reason"),
    "intake_shut_seconds_total": Metric("counter", "How long the intake gate was shut."),
    "queue_depth": Metric("gauge", "Chunks in the queue."),
    "queue_capacity": Metric("gauge", "Chunks that the queue may hold."),
    "queue_wait_seconds": Metric("histogram", "From the intake of a chunk to its step."),
    "step_seconds": Metric("histogram", "One step; of a turn of many steps each counts with their mean.", "stage"),
    "end_to_end_seconds": Metric("histogram", "From the intake of a chunk to the end of its step."),
    "watermark_lag_seconds": Metric("gauge", "How far the watermark is behind."),
    "checkpoint_seconds": Metric("histogram", "Writing a snapshot."),
    "checkpoint_age_seconds": Metric("gauge", "Since the last snapshot of a durable stream."),
    "checkpoint_failures_total": Metric("counter", "Snapshots that could not be written."),
    "active": Metric("gauge", "Streams by status.", "status"),
    "breaker_state": Metric("gauge", "0 closed, 1 half open, 2 open.", "sink"),
    "spill_bytes": Metric("gauge", "Bytes of chunks that wait on disk."),
}
# of several streams the worst counts
_OLDEST = frozenset({"checkpoint_age_seconds", "watermark_lag_seconds", "breaker_state"})

Labels = tuple[str, ...]
"""The stream's label, and the value of the metric's own label if it has one."""


class Histogram:
    """Observations by upper bound in seconds; the last count is of what is beyond all bounds."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float, times: int = 1) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += times
        self.sum += seconds * times

    def buckets(self) -> list[tuple[str, int]]:
        """Upper bound and how many were at most that."""
        total, found = 0, []
        for bound, counted in zip((*map(str, BOUNDS), "+Inf"), self.counts, strict=True):
            total += counted
            found.append((bound, total))
        return found


def label_of(owner: Owner) -> str:
    """Name or kind of a stream: ids are made anew for each and would never end."""
    name: str | None = owner.settings["name"]
    return name or owner.kind


class Meter(Instrument):
    """Measures from its making on; the streams that are there count with what they counted before."""

    def __init__(self, registry: StreamRegistry) -> None:
        self._registry = registry
        self.histograms: dict[tuple[str, Labels], Histogram] = {}
        self._gone: defaultdict[tuple[str, Labels], float] = defaultdict(
            float
        )  # of streams that are forgotten, and of what has no counter
        self._special: Counter[tuple[str, str]] = Counter()  # by stream: steps that asked for an action

    def values(self) -> dict[str, dict[Labels, float]]:
        """Every counter and gauge by name and labels."""
        found: dict[str, dict[Labels, float]] = {
            name: {} for name, metric in METRICS.items() if metric.kind != "histogram"
        }
        for (name, labels), value in self._gone.items():
            found[name][labels] = found[name].get(labels, 0) + value
        for stream in self._registry.streams.values():
            for name, labels, value in (*self._counters(stream.owner), *self._gauges(stream.owner)):
                before = found[name].get(labels, 0)
                found[name][labels] = max(before, value) if name in _OLDEST else before + value
        return found

    def _counters(self, owner: Owner) -> Iterator[tuple[str, Labels, float]]:
        stats, label = owner.stats, label_of(owner)
        actions = {action: count for (id, action), count in self._special.items() if id == owner.id}
        yield "chunks_received_total", (label,), owner.intake.seq
        yield "chunks_processed_total", (label, "continue"), stats.processed - sum(actions.values())
        for action, count in actions.items():
            yield "chunks_processed_total", (label, action), count
        yield "chunks_dropped_total", (label, "drop-oldest"), stats.dropped_oldest
        yield "chunks_dropped_total", (label, "drop-newest"), stats.dropped_newest
        yield "outputs_total", (label,), owner.outputs.next
        yield "dead_letters_total", (label,), stats.dead_lettered
        yield "retries_total", (label,), stats.retried
        yield "intake_shut_seconds_total", (label,), owner.shut_ms() / 1000
        yield "checkpoint_failures_total", (label,), 0  # so that it is there before the first failure
        if owner.reports is not None:
            yield from self._reported(owner.reports)

    def _reported(self, measure: Measure) -> Iterator[tuple[str, Labels, float]]:
        """The counters of the runs that are measured as one."""
        label = measure.name
        yield "chunks_received_total", (label,), measure.received
        yield "outputs_total", (label,), measure.out
        yield "dead_letters_total", (label,), measure.total("dead_lettered")
        yield "retries_total", (label,), measure.total("retried")
        for policy in ("oldest", "newest"):
            yield "chunks_dropped_total", (label, f"drop-{policy}"), measure.total(f"dropped_{policy}")
        yield "intake_shut_seconds_total", (label,), measure.shut_ms / 1000

    def _gauges(self, owner: Owner) -> Iterator[tuple[str, Labels, float]]:
        label, queue = label_of(owner), owner.queue
        yield "active", (label, owner.status.name), 1
        if owner.terminal:
            return
        yield "outputs_pending", (label,), owner.outputs.pending
        if owner.reports is not None:
            yield "queue_depth", (owner.reports.name,), owner.reports.depth
            yield "queue_capacity", (owner.reports.name,), owner.reports.capacity
        for circuit in owner.circuits:
            yield "breaker_state", (label, circuit.name), circuit.state
        yield "queue_depth", (label,), queue.depth
        yield "queue_capacity", (label,), queue.capacity
        yield "spill_bytes", (label,), 0 if queue.spill is None else queue.spill.bytes
        mark = owner.watermark
        if mark is not None:
            yield "watermark_lag_seconds", (label,), max(0, owner.services.clock.now_ms() - mark) / 1000
        saved = owner.checkpoints
        if saved.at is not None and saved.committer.store.durable:
            yield "checkpoint_age_seconds", (label,), (owner.services.clock.now_ms() - saved.at) / 1000

    # ---- what it is told

    def forgotten(self, owner: Owner) -> None:
        for name, labels, value in self._counters(owner):
            self._gone[name, labels] += value
        for key in [key for key in self._special if key[0] == owner.id]:
            del self._special[key]

    @contextmanager
    def turn(self, owner: Owner) -> Iterator[None]:
        items, stats, clock = owner.queue.items, owner.stats, owner.services.clock
        waited = (clock.now_ms() - items[0][2]) / 1000 if items else 0.0
        before, started = stats.processed + stats.failed, time.perf_counter()
        yield
        took, steps = time.perf_counter() - started, stats.processed + stats.failed - before
        if steps <= 0:
            return
        label = label_of(owner)
        self._histogram("queue_wait_seconds", (label,)).add(max(0.0, waited), steps)
        self._histogram("step_seconds", (label, owner.processor.name)).add(took / steps, steps)
        self._histogram("end_to_end_seconds", (label,)).add(max(0.0, waited) + took, steps)

    def checkpoint(self, owner: Owner, took_ms: float, problem: str | None) -> None:
        if problem is None:
            self._histogram("checkpoint_seconds", (label_of(owner),)).add(took_ms / 1000)
        else:
            self._gone["checkpoint_failures_total", (label_of(owner),)] += 1

    def retrying(self, owner: Owner, reason: str) -> None:
        self._gone["reconnects_total", (label_of(owner), reason)] += 1

    def failed(self, owner: Owner, code: str) -> None:
        for label in [label_of(owner), *([owner.measure.name] if owner.measure is not None else [])]:
            self._gone["chunks_failed_total", (label, code)] += 1

    def left(self, name: str, seconds: float) -> None:
        self._histogram("end_to_end_seconds", (name,)).add(seconds)

    def acted(self, owner: Owner, action: str) -> None:
        if action != "continue":
            self._special[owner.id, action] += 1

    def _histogram(self, name: str, labels: Labels) -> Histogram:
        found = self.histograms.get((name, labels))
        if found is None:
            found = self.histograms[name, labels] = Histogram()
        return found


def measured(registry: StreamRegistry) -> Meter:
    """The meter of a registry, which begins to measure when it is first asked for."""
    services: Any = registry.services
    for part in () if services.instruments is None else services.instruments.parts:
        if isinstance(part, Meter):
            return part
    meter = Meter(registry)
    registry.instrument(meter)
    return meter
