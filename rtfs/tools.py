"""What running code may ask of its session (`Run.tools`): the reader, the expander, types by name, time to clean up."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any

from rtfs.eval.fault import DEPTH
from rtfs.eval.machine import Run
from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.source import Source
from rtfs.program import World

GRACE, GRACE_STEPS, GRACE_CELLS = 0.1, 1_000, 20_000


class Tools:
    """The tools of one session's programs."""

    def __init__(self, world: World, limits: Limits) -> None:
        self.world = world
        self.limits = limits

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
