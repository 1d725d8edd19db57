"""The ticks and cells that metered code may still use (language.md §15).

Compiled code counts down two closure cells of its session, which is the fastest counter that CPython has. The ticks are
handed out in slices, so that every few hundred of them the code also notices interrupts, and so that it counts in
integers that CPython keeps ready.
"""

from __future__ import annotations

from types import CellType
from typing import Any

from rtfs.lang.errors import LimitError, memory_error
from rtfs.lang.signal import FLAG, METERS, poll

SLICE = 256
ENDLESS = 1 << 62
TICKS, CELLS = "#ticks", "#cells"  # the names of the closure cells in compiled code
UNIT = "#unit"  # the function around a compiled form that owns them until its code is loaded


class Allowance:
    """What one run may use; `steps` and `cells` are the limits (None: unlimited) that errors name."""

    __slots__ = ("steps", "cells", "ticks_left", "cells_left")

    def __init__(self, steps: int | None, cells: int | None) -> None:
        self.steps = steps
        self.cells = cells
        self.ticks_left = ENDLESS if steps is None else steps
        self.cells_left = ENDLESS if cells is None else cells

    @property
    def used(self) -> int:
        """The ticks used so far; right while no run has the allowance loaded."""
        return (ENDLESS if self.steps is None else self.steps) - max(0, self.ticks_left)


class Meter:
    """The counters of one session. `enter` loads the allowance of a run into them, `leave` takes it out again.

    Invariant: while a run is loaded, its ticks left are `left` plus what stands in the cell.
    """

    __slots__ = ("ticks", "cells", "left", "allowance")

    def __init__(self) -> None:
        self.ticks = CellType(ENDLESS)
        self.cells = CellType(ENDLESS)
        self.left = 0
        self.allowance: Allowance | None = None

    def closure(self, names: tuple[str, ...]) -> tuple[Any, ...]:
        """The cells for the free variables of compiled code."""
        return tuple([self.ticks if name == TICKS else self.cells for name in names])

    def enter(self, allowance: Allowance | None) -> Allowance | None:
        """Load the allowance of a run that begins or goes on; gives what was loaded before."""
        outer = self.allowance
        if outer is not None:
            outer.ticks_left = self.left + self.ticks.cell_contents
            outer.cells_left = self.cells.cell_contents
        self.allowance = allowance
        if allowance is None:
            self.left, self.ticks.cell_contents, self.cells.cell_contents = 0, ENDLESS, ENDLESS
        else:
            self._slice(allowance.ticks_left)
            self.cells.cell_contents = allowance.cells_left
        METERS.append(self) if outer is None and allowance is not None else None
        if outer is not None and allowance is None:
            METERS.remove(self)
        return outer

    def _slice(self, total: int) -> None:
        part = total if total < SLICE else SLICE
        self.ticks.cell_contents = part
        self.left = total - part

    def charge(self, ticks: int, cells: int) -> None:
        """Count what a builtin does, before or while it does it."""
        if cells:
            self.cells.cell_contents -= cells
            if self.cells.cell_contents < 0:
                self.full()
        self.ticks.cell_contents -= ticks
        if self.ticks.cell_contents < 0:
            self.over()

    def over(self) -> None:
        """A slice is used up: notice interrupts, then go on with the next one or refuse."""
        if FLAG:
            poll()  # may hand the event loop back meanwhile
        total: int = self.left + self.ticks.cell_contents
        if total < 0:
            steps = self.allowance.steps if self.allowance is not None else 0
            raise LimitError("StepLimitExceeded", f"Step limit exceeded: {steps}")
        self._slice(total)

    def rest(self) -> tuple[int, int]:
        """The ticks and cells left."""
        return self.left + self.ticks.cell_contents, self.cells.cell_contents

    def settle(self) -> None:
        """Refuse what was charged without a look; before host calls and at the end of a run."""
        if self.ticks.cell_contents < 0:
            self.over()

    def full(self) -> None:
        """More cells were asked for than there are."""
        limit = (self.allowance.cells if self.allowance is not None else None) or 0
        raise memory_error("cells", limit - self.cells.cell_contents, limit)

    def grant(self, ticks: int, cells: int) -> None:
        """The grace of the `finally` blocks after a limit error: so many ticks, and at least so many cells."""
        self._slice(ticks)
        if self.cells.cell_contents < cells:
            self.cells.cell_contents = cells


__all__ = ["CELLS", "TICKS", "UNIT", "Allowance", "Meter"]
