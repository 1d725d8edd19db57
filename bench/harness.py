"""Measuring: interleaved rounds and medians, so that a slow moment of the machine meets both sides.

What is counted is the time of the processor, which other programs on the machine do not take part in.
"""

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


class Skipped(Exception):
    """A row cannot be measured here; the text says what is missing."""


class Measured(NamedTuple):
    """`value` in the unit of its row; `detail` for people."""

    value: float
    detail: str


class Row(NamedTuple):
    """One line of the table. `measure` does the work; `target` is in the same `unit` as what it gives.

    The value must be at most the target, or at least, if `least`. Without a target the row only tells.
    """

    name: str
    target: float | None
    measure: Callable[[], Measured]
    unit: str = "x"
    least: bool = False

    def missed(self, value: float) -> bool:
        if self.target is None:
            return False
        return value < self.target if self.least else value > self.target


def against(
    one: Work,
    other: Work,
    *,
    rounds: int = ROUNDS,
    names: tuple[str, str] = ("rtfs", "by hand"),
    same: Callable[[Any, Any], bool] = eq,
) -> Measured:
    """Time of one work as a multiple of the time of the other: the median over the rounds.

    In each round one follows directly upon the other, first this, then that way round. Both must give the same result.
    """
    results = one(), other()
    if not same(*results):
        raise AssertionError(f"different results: {results[0]!r} and {results[1]!r}")
    works = (one, other)
    counts = [repetitions(work) for work in works]
    times: list[list[float]] = [[], []]
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for side in (0, 1) if number % 2 else (1, 0):
                times[side].append(duration(works[side], counts[side]))
    finally:
        gc.enable()
    ratio = statistics.median([first / second for first, second in zip(*times, strict=True)])
    shown = [f"{name} {statistics.median(side) * 1e3:.3f} ms" for name, side in zip(names, times, strict=True)]
    return Measured(ratio, ", ".join(shown))


def repetitions(work: Work) -> int:
    """How often to repeat `work` so that a round is long enough to be timed."""
    return max(1, round(ROUND_SECONDS / max(duration(work, 1), 1e-7)))


def duration(work: Work, count: int) -> float:
    """Seconds per call over `count` calls."""
    clock = time.process_time
    start = clock()
    for _ in range(count):
        work()
    return (clock() - start) / count


def seconds(work: Work, *, rounds: int = ROUNDS) -> float:
    """Seconds that one call takes, the median over the rounds."""
    work()
    count = repetitions(work)
    return statistics.median([duration(work, count) for _ in range(rounds)])
