"""A coroutine stepped once inside the program that wants its result: one that never waits costs no switch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import Any

from rtfs.eval.machine import PAUSE
from rtfs.lang.errors import EvaluationError, LimitError, RtfsError


class Stepped:
    """A coroutine that was stepped once and now waits for `waits_for`; awaiting it goes on from there."""

    __slots__ = ("coroutine", "waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self.coroutine = coroutine
        self.waits_for = waits_for

    def __await__(self) -> Any:
        waits_for, coroutine = self.waits_for, self.coroutine
        while True:
            try:
                answer = yield waits_for
            except BaseException as error:
                failure: BaseException | None = error
            else:
                failure = None
            try:
                waits_for = coroutine.send(answer) if failure is None else coroutine.throw(failure)
            except StopIteration as stop:
                return stop.value


def cancelled(error: BaseException | None) -> BaseException | None:
    """A cancelled task ends its program with Cancelled, which no script can catch."""
    if error is None or isinstance(error, RtfsError) or type(error).__name__ != "CancelledError":
        return error
    return LimitError("Cancelled", "Cancelled")


async def answered(request: Any) -> Any:
    """Await what a program asked for: an answer, or its next turn after it handed the event loop back."""
    if request is not PAUSE:
        return await request
    from rtfs.host.waiting import next_turn

    await next_turn()
    return None


def refuse_inside(instead: str, driven: int = 1) -> None:
    """InvalidArgument inside the event loop that drives the session: there nobody may wait for it to turn."""
    loaded = sys.modules.get("asyncio")  # without the module there is no loop
    if driven and loaded is not None and loaded._get_running_loop() is not None:
        text = f"the session is running already; inside its event loop use {instead}"
        raise EvaluationError("InvalidArgument", f"Invalid argument: {text}")


def outside(wait: Callable[[Any], Any], work: Callable[[], Any], instead: str) -> Any:
    """What work gives that a synchronous caller waits for."""
    refuse_inside(instead)
    return wait(work())
