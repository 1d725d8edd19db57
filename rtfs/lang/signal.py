"""What running code must notice: interrupts, and the meters of runs that count their steps and cells.

Both lists are empty while no run of the process has anything to notice, so that asking costs one test of truth.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

FLAG: list[Any] = []  # the runs that were told to stop or to pause; any thread may append (see Run.interrupt)
METERS: list[Any] = []  # one entry per metered run that is under way
LARGE: list[Any] = []  # not empty once this process has made or met an integer beyond 1,023 bits
RUN: ContextVar[Any] = ContextVar("rtfs_run")  # the run of the code that is evaluating now

_LARGE = 1 << 1023


def poll() -> None:
    """The slow path of interruptible code: has this run been told to stop or to pause?"""
    run = RUN.get(None)
    if run is not None:
        run.poll()


def met(number: int) -> int:
    """Note an integer that comes from outside: metered code looks at sums with literals only if large ones exist."""
    if not LARGE and not -_LARGE < number < _LARGE:
        LARGE.append(True)
    return number


def visited(count: int) -> None:
    """A walk over a value is about to look at so many parts. Ask `FLAG or METERS` first."""
    if FLAG:
        poll()
    if METERS and count > 15:
        charge(count >> 4)


def charge(ticks: int, cells: int = 0) -> None:
    """Count ticks and cells of what a builtin does. Ask `METERS` first: nothing counts while it is empty."""
    run = RUN.get(None)
    if run is not None and run.meter is not None:
        run.meter.charge(ticks, cells)
