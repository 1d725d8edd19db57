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


_names: list[dict[str, Any]] = []  # where compiled code finds the two as booleans, which are tested faster than lists


def show(names: dict[str, Any]) -> None:
    """Let code that has these names see whether the flag is up, `#flag`, and whether large integers exist, `#large`."""
    names["#flag"], names["#large"] = bool(FLAG), bool(LARGE)
    _names.append(names)


def raise_flag(run: Any) -> None:
    """The run has something to notice; from any thread."""
    FLAG.append(run)
    for names in _names:
        names["#flag"] = True


def lower_flag(run: Any) -> None:
    """The run has noticed. Another thread may raise the flag meanwhile: it is looked at after it was lowered."""
    while run in FLAG:
        try:
            FLAG.remove(run)
        except ValueError:
            pass  # another thread was faster
    for names in _names:
        names["#flag"] = False
        if FLAG:
            names["#flag"] = True


def poll() -> None:
    """The slow path of interruptible code: has this run been told to stop or to pause?"""
    run = RUN.get(None)
    if run is not None:
        run.poll()


def met(number: int) -> int:
    """Note an integer that comes from outside: metered code looks at sums with literals only if large ones exist."""
    if not LARGE and not -_LARGE < number < _LARGE:
        LARGE.append(True)
        for names in _names:
            names["#large"] = True
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
