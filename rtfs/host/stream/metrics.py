"""Counters, latencies and rates of one stream: cheap to count, computed when somebody looks (streaming.md §9)."""

from __future__ import annotations

from collections import Counter, deque
from operator import attrgetter
from typing import Any

from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

COUNTERS = (
    "processed", "failed", "skipped", "ignored", "dropped_oldest", "dropped_newest", "discarded", "spilled",
    "dead_lettered", "retried", "outputs", "control_steps", "malformed_frames",
)  # fmt: skip


_SHOWN = attrgetter(*COUNTERS[:-1])  # malformed frames belong to the transport
_KEYS = tuple(Keyword(name.replace("_", "-")) for name in ("received", *COUNTERS[:-1]))


class Stats:
    """How often what happened. `received` is the intake's next number: every chunk that arrives gets one.

    failed_in: failed chunks by the stage that failed, of a chain.
    """

    __slots__ = (*COUNTERS, "failed_in")

    def __init__(self) -> None:
        self.processed = self.failed = self.skipped = self.ignored = 0
        self.dropped_oldest = self.dropped_newest = self.discarded = self.spilled = 0
        self.dead_lettered = self.retried = self.outputs = self.control_steps = self.malformed_frames = 0
        self.failed_in: Counter[int] = Counter()

    def as_map(self, received: int) -> Map:
        """The counters of §9.1."""
        return Map.holding(dict(zip(_KEYS, (received, *_SHOWN(self)), strict=True)))

    def restore(self, saved: Map) -> None:
        """Go on from the counters of a snapshot."""
        for key, name in zip(_KEYS[1:], COUNTERS, strict=False):
            value = saved.get(key)
            if type(value) is int:
                setattr(self, name, value)


class Latency:
    """Milliseconds from intake to the end of the step: one sample per turn of the owner, the last 512 kept."""

    __slots__ = ("samples",)

    def __init__(self) -> None:
        self.samples: deque[float] | None = None  # made when the first sample comes: idle streams are many

    def add(self, milliseconds: float) -> None:
        if self.samples is None:
            self.samples = deque(maxlen=512)
        self.samples.append(milliseconds)

    def as_map(self) -> Map:
        samples = self.samples or ()
        ordered = sorted(samples)
        pairs: list[tuple[Any, Any]] = [(Keyword("last-ms"), samples[-1] if samples else None)]
        last = len(ordered) - 1
        for name, share in (("p50-ms", 0.50), ("p95-ms", 0.95), ("p99-ms", 0.99)):
            pairs.append((Keyword(name), ordered[min(last, int(len(ordered) * share))] if ordered else None))
        return Map.of(pairs)


class Rate:
    """Events per second over the last minute, from totals noted at most once a second."""

    __slots__ = ("marks",)

    def __init__(self) -> None:
        self.marks: deque[tuple[int, int, int]] | None = None  # time ms, received, outputs

    def note(self, now: int, received: int, outputs: int) -> None:
        if self.marks is None:
            self.marks = deque(maxlen=61)
        if not self.marks or now - self.marks[-1][0] >= 1000:
            self.marks.append((now, received, outputs))

    def per_second(self, now: int, received: int, outputs: int) -> tuple[float, float]:
        """Chunks in and outputs out."""
        marks = self.marks
        while marks and len(marks) > 1 and now - marks[0][0] > 60_000:
            marks.popleft()
        if not marks or now <= marks[0][0]:
            return 0.0, 0.0
        since, received_then, outputs_then = marks[0]
        seconds = (now - since) / 1000
        return round((received - received_then) / seconds, 2), round((outputs - outputs_then) / seconds, 2)
