"""What running code may ask of its session (`Run.tools`): the reader, the expander, types by name, time to clean up."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rtfs.eval.fault import DEPTH
from rtfs.eval.machine import Run
from rtfs.eval.meter import Allowance
from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.source import Source
from rtfs.program import World

if TYPE_CHECKING:
    from rtfs.host.budget import Budget

GRACE, GRACE_STEPS, GRACE_CELLS = 0.1, 1_000, 20_000


class Tools:
    """The tools of one session's programs."""

    def __init__(self, world: World, limits: Limits, budget: Budget | None = None) -> None:
        self.world = world
        self.limits = limits
        self.budget = budget if budget is not None and budget.limits("steps") else None  # as far as it speaks of steps
        self._shared: Allowance | None = None  # what all runs together have left of the budget
        self._used_up = False

    def read(self, text: str) -> list[Any]:
        """The forms of a text as data."""
        from rtfs.macros.quasiquote import as_data

        return [as_data(form) for form in read_forms(text)]

    def expand(self, form: Any, *, once: bool, module: str = "user") -> Any:
        """`macroexpand-1` and `macroexpand`, with the macros that a module sees."""
        self.world.load_library()
        expander = self.world.expander
        return expander.expand_1(form, module) if once else expander.expand_head(form, module, None)

    def macro_locals(self) -> frozenset[str]:
        return self.world.expander.locals if self.expanding() else frozenset()

    def expanding(self) -> bool:
        """Does a macro function run now?"""
        return self.world.expander.running > 0

    def may_pause(self) -> bool:
        """May another program run now? While forms are expanded it would use the expander, too."""
        return not self.world.expander.entered

    def malformed(self, form: Any, text: str, code: str) -> RtfsError:
        return self.world.expander.malformed(form, text, code)

    def place(self, form: Any, original: Any) -> Any:
        """A form made by the macro that runs, with the place of a part of its call."""
        return self.world.expander.place(form, original) if self.expanding() else form

    @property
    def strict(self) -> bool:
        """Are types checked at level strict? (language.md §12.4)"""
        return self.world.level == "strict"

    def find_type(self, name: str, module: str = "user") -> Any:
        """The form of a type that a module sees under a name; None when there is none."""
        return (self.world.modules.get(module) or self.world.user).find_type(name)

    def turn(self, run: Run) -> Any:
        """While the run has the event loop: it hands it back every few milliseconds, unless its code cannot."""
        if self.world.variant == "plain":
            return nullcontext()
        from rtfs.host.watch import Turn

        return Turn(run)

    def allowance(self) -> Allowance:
        """The steps and cells of a run: its own limits, or the session's budget of steps when that is all there is."""
        limits = self.limits
        if self.budget is None:
            return Allowance(limits.steps, limits.cells)
        if self._shared is None:
            total = self.budget.left("steps")
            self._shared = Allowance(None if total is None else int(total), limits.cells)
        if limits.steps is None and not self._used_up:
            return self._shared
        left = 0 if self._used_up else max(0, self._shared.ticks_left)
        return Allowance(left if limits.steps is None else min(limits.steps, left), limits.cells)

    def spend(self, run: Run, error: RtfsError | None) -> RtfsError | None:
        """A run ended: what it used is taken from the budget of steps. The error it ends with, which has a kind of its
        own when it is the budget that is used up."""
        shared, allowance, meter = self._shared, run.share.allowance, self.world.meter
        if self.budget is None or shared is None or allowance is None or meter is None:
            return error
        limited = error is not None and error.kind == "StepLimitExceeded"
        left = 0 if limited else meter.rest()[0] if meter.allowance is allowance else allowance.ticks_left
        if allowance is shared:
            self._used_up = self._used_up or limited
            used = (shared.steps or 0) - max(0, left)
        else:
            shared.ticks_left -= (allowance.steps or 0) - max(0, left)
            self._used_up = self._used_up or shared.ticks_left <= 0
            used = shared.used
        self.budget.note("steps", used)
        if not (limited and self._used_up and error is not None):
            return error
        exhausted = self.budget.exhausted("steps")
        exhausted.span, exhausted.trace = error.span, error.trace
        return exhausted

    def grace(self, run: Run) -> None:
        """Let the `finally` blocks of a run that met a limit go on for a tenth of a second (language.md §8.3)."""
        from rtfs.host.watch import WATCH

        WATCH.add(run, GRACE)
        if run.meter is not None:
            run.meter.grant(GRACE_STEPS, GRACE_CELLS)

    def deadline(self, run: Run) -> AbstractContextManager[None]:
        """The evaluation time of a run, which ends with DeadlineExceeded beyond its limit."""
        seconds = self.limits.seconds
        if seconds is None:
            return nullcontext()
        from rtfs.host.watch import Deadline, Time

        run.share.time = run.share.time or Time(seconds)
        return Deadline(run, run.share.time)

    def explain(self, error: RtfsError, traceback: TracebackType | None) -> None:
        """Have the error say what it suggests once somebody reads its notes."""

        def advise(error: RtfsError) -> None:
            from rtfs.advice import adviser  # deferred: most errors are never read

            adviser(self.world, traceback)(error)

        if error.adviser is None:
            error.adviser = advise


def read_forms(text: str, name: str = "<text>") -> list[Any]:
    """All forms of a text."""
    from rtfs.parser.reader import read

    deepen()
    forms: list[Any] = read(Source(name, text)).forms
    return forms


def deepen() -> None:
    """RTFS calls are Python frames, which cost no C stack; what re-enters from C is counted apart (limits.reentry)."""
    if sys.getrecursionlimit() < DEPTH:
        sys.setrecursionlimit(DEPTH)
