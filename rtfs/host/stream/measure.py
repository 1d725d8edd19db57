"""What `:stream.with-metrics` measures: the runs between it and its sources, as one (streaming.md §6.8)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.hook import Hook
from rtfs.host.stream.input import Births
from rtfs.host.stream.inspection import keyed
from rtfs.lang.collections import Map

if TYPE_CHECKING:
    from rtfs.host.stream.graph import Chain
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.run import Run

RECENT = 1_024  # items whose latencies are kept
GROUPS = ("throughput", "latency", "errors", "backpressure")


class Measure(Hook):
    """The covered runs; items come in at the first of them, and leave at the wrapper. out: how many have left."""

    kind = "metrics"

    def __init__(self, name: str) -> None:
        self.name = name
        self.out = 0
        self._owners: list[Owner] = []
        self._first: list[Owner] = []
        self._recent: deque[int] = deque(maxlen=RECENT)
        self._longest: int | None = None
        self._before = 0, 0, 0  # at the last report: in, out, ms

    def hang(self, run: Run, chain: Chain) -> None:
        owner = run.owner
        self._owners.append(owner)
        owner.measure = self
        if not chain.origin.inputs or chain.origin.name == "with-metrics":
            self._first.append(owner)
        else:
            owner.births = Births()

    def left(self, latency_ms: int) -> None:
        """An item has left, so long after it came in."""
        self.out += 1
        self._recent.append(latency_ms)
        self._longest = latency_ms if self._longest is None else max(self._longest, latency_ms)

    # ---- figures

    @property
    def received(self) -> int:
        return sum(owner.intake.seq for owner in self._first)

    def total(self, *counters: str) -> int:
        """The sum of counters over the runs."""
        return sum(getattr(owner.stats, name) for owner in self._owners for name in counters)

    @property
    def depth(self) -> int:
        return sum(owner.queue.depth for owner in self._owners)

    @property
    def capacity(self) -> int:
        return sum(owner.queue.capacity for owner in self._owners)

    @property
    def shut_ms(self) -> int:
        return sum(owner.shut_ms() for owner in self._owners)

    # ---- reports

    def begins(self, now: int) -> None:
        """Rates are those from now on."""
        self._before = self.received, self.out, now

    def report(self, now: int, groups: Map) -> dict[str, Any]:
        """The figures of the chosen groups, and rates since the last report. groups: which are left out, by false."""
        chosen = {str(name.name) for name, wanted in groups.entries() if wanted is not False}
        made = {name: getattr(self, f"_{name}")(now) for name in GROUPS if name in chosen}
        self.begins(now)
        return made

    def _throughput(self, now: int) -> Map:
        received, out, then = self._before
        seconds = max(now - then, 1) / 1000
        rates = [round((after - before) / seconds, 2) for after, before in ((self.received, received), (self.out, out))]
        return keyed(**{"in": self.received, "out": self.out, "in_per_s": rates[0], "out_per_s": rates[1]})

    def _latency(self, now: int) -> Map:
        ordered = sorted(self._recent)
        last = len(ordered) - 1
        at = {share: min(last, len(ordered) * share // 100) for share in (50, 95, 99)}
        shares = {f"p{share}": ordered[place] if ordered else None for share, place in at.items()}
        return keyed(**shares, max=self._longest, count=self.out)

    def _errors(self, now: int) -> Map:
        names = "failed", "skipped", "dead_lettered", "retried"
        return keyed(**{name: self.total(name) for name in names})

    def _backpressure(self, now: int) -> Map:
        return keyed(
            queue_depth=self.depth,
            capacity=self.capacity,
            gate_shut_ms=self.shut_ms,
            dropped=self.total("dropped_oldest", "dropped_newest"),
            spilled=self.total("spilled"),
        )
