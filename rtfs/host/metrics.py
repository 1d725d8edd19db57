"""Counts and latencies of the calls made under a metrics hint."""

from __future__ import annotations

from collections import deque
from typing import Any


class CallStats:
    """Calls of one label: how many, how many failed, and how long the last 512 took."""

    __slots__ = ("calls", "failures", "_seconds")

    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0
        self._seconds: deque[float] = deque(maxlen=512)

    def add(self, seconds: float, *, failed: bool) -> None:
        """Count one call."""
        self.calls += 1
        self.failures += failed
        self._seconds.append(seconds)

    def as_dict(self) -> dict[str, Any]:
        """`calls`, `failures`, and `p50_ms p95_ms p99_ms max_ms` (None before the first call)."""
        ordered = sorted(self._seconds)
        shown: dict[str, Any] = {"calls": self.calls, "failures": self.failures}
        for name, share in (("p50_ms", 0.50), ("p95_ms", 0.95), ("p99_ms", 0.99), ("max_ms", 1.0)):
            place = min(len(ordered) - 1, int(len(ordered) * share))
            shown[name] = round(ordered[place] * 1000, 3) if ordered else None
        return shown
