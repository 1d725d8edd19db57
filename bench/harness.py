"""Measuring: interleaved rounds and medians, so that a slow moment of the machine meets both sides."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from operator import eq
from typing import Any, NamedTuple

ROUNDS = 9
ROUND_SECONDS = 0.02  # a round repeats its work until it lasts at least this long

Work = Callable[[], Any]


class Measured(NamedTuple):
    """`value` in the unit of its row; `detail` for people."""

    value: float
    detail: str


class Row(NamedTuple):
    """One line of the table. `measure` does the work; `target` is in the same `unit` as what it gives (`x` or `ms`)."""

    name: str
    target: float
    measure: Callable[[], Measured]
    unit: str = "x"


def against(ours: Work, theirs: Work, *, rounds: int = ROUNDS, same: Callable[[Any, Any], bool] = eq) -> Measured:
    """Time of `ours` as a multiple of the time of `theirs`. Both must give the same result."""
    mine, other = ours(), theirs()
    if not same(mine, other):
        raise AssertionError(f"different results: {mine!r} and {other!r}")
    counts = [repetitions(work) for work in (ours, theirs)]
    times: list[list[float]] = [[], []]
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for side in (0, 1) if number % 2 else (1, 0):
                times[side].append(duration((ours, theirs)[side], counts[side]))
    finally:
        gc.enable()
    first, second = (statistics.median(side) for side in times)
    return Measured(first / second, f"{first * 1e3:.3f} ms, by hand {second * 1e3:.3f} ms")


def repetitions(work: Work) -> int:
    """How often to repeat `work` so that a round is long enough to be timed."""
    return max(1, round(ROUND_SECONDS / max(duration(work, 1), 1e-7)))


def duration(work: Work, count: int) -> float:
    """Seconds per call over `count` calls."""
    clock = time.perf_counter
    start = clock()
    for _ in range(count):
        work()
    return (clock() - start) / count
