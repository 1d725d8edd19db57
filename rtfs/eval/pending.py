"""The outcomes of a program that is its own embedder's host: it waits at a call until somebody answers (host.md §1)."""

from __future__ import annotations

from typing import Any

from rtfs.eval.machine import Program, check_thread
from rtfs.lang.collections import Map
from rtfs.lang.errors import EvaluationError, HostCallError, RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import HostCall, Outcome, RequiresHost
from rtfs.lang.values import ErrorValue


def outcome_of(program: Program, reached: Any) -> Outcome:
    """The outcome of a program that ended, or that asks the host."""
    if type(reached) is not HostCall:
        return reached  # type: ignore[no-any-return]
    program.turn += 1
    return RequiresHost(reached, Pending(program, program.turn, reached))


class Pending:
    """The continuation of a program that is its own embedder's host: answers go in once."""

    def __init__(self, program: Program, turn: int, call: HostCall) -> None:
        self.program = program
        self.turn = turn
        self.call = call

    def _check(self) -> None:
        check_thread(self.program.thread, "the program")
        if self.turn != self.program.turn or self.program.done:
            text = f"call {self.call.seq} of '{self.call.capability_id}' was answered before; an outcome is one-shot"
            raise EvaluationError("InvalidArgument", f"Invalid argument: {text}")

    def _claim(self) -> None:
        self._check()
        self.program.turn += 1

    def resume(self, value: Any) -> Outcome:
        from rtfs.lang.convert import from_python

        answer = from_python(value)
        self._claim()
        return outcome_of(self.program, self.program.send(answer))

    def fail(self, error: Any) -> Outcome:
        self._claim()
        return outcome_of(self.program, self.program.send(None, host_failure(error, self.call)))

    def snapshot(self) -> bytes:
        self._check()
        assert self.program.snapshot is not None
        return self.program.snapshot()


def host_failure(error: Any, call: HostCall) -> RtfsError:
    """The error that a failed call raises: text becomes a HostError, an error value or RtfsError stays what it is."""
    if isinstance(error, RtfsError):
        return error
    if type(error) is ErrorValue:
        return error.error
    data = Map.of([(Keyword("capability"), call.capability_id)])
    return HostCallError("HostError", str(error), type="host-error", data=data, span=call.span)
