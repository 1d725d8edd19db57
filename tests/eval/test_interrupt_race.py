"""An interrupt that strikes in the middle of a poll is not lost."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest

from rtfs.eval.machine import Run
from rtfs.lang.errors import LimitError
from rtfs.lang.outcome import RuntimeContext


@pytest.mark.parametrize("line", range(1, 14))
def test_an_interrupt_between_any_two_lines_of_a_poll_ends_the_run(line: int) -> None:
    """As a handler of signals would, when the run was asked to hand the event loop back just before."""
    run = Run(lambda call: None, RuntimeContext.pure())
    run.tools = NoPause()
    struck: list[int] = []
    code = Run.poll.__code__

    def strike(frame: FrameType, event: str, argument: Any) -> Any:
        here = frame.f_code is code and event == "line" and frame.f_lineno == code.co_firstlineno + line
        if here and not struck:
            struck.append(line)
            run.interrupt(LimitError("Cancelled", "Cancelled"))
        return strike

    run.ask_pause()
    before = sys.gettrace()
    sys.settrace(strike)
    try:
        with pytest.raises(LimitError, match="Cancelled"):
            for _ in range(3):  # at the latest where the code asks next
                run.poll()
            if not struck:
                raise LimitError("Cancelled", "Cancelled")  # there is no such line
    finally:
        sys.settrace(before)
        run.release()


class NoPause:
    """Tools of a run that cannot hand the event loop back now."""

    def may_pause(self) -> bool:
        return False
