"""Drives programs that wait for their host: in the loop that turns or, for synchronous callers, in one of its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from rtfs.eval.machine import Program, suspend
from rtfs.waiting import Stepped, answered, cancelled

if TYPE_CHECKING:
    import asyncio

    from rtfs.tools import Tools


class Driver:
    """Drives the programs of one session. driven: how many of them an event loop drives now."""

    def __init__(self, tools: Tools) -> None:
        self.driven = 0
        self._tools = tools
        self._runner: asyncio.Runner | None = None
        self._waiting: asyncio.Task[Any] | None = None  # what a synchronous caller waits for

    @property
    def has_loop(self) -> bool:
        """Is there a loop of its own? Then streams may be running in it, and it must turn."""
        return self._runner is not None

    def result(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What a coroutine gives, for the program that runs; only true waiting switches away from it."""
        if not self.driven:
            return suspend(work)  # no loop runs yet: the driver starts one
        try:
            waits_for = work.send(None)
        except StopIteration as stop:
            return stop.value
        return suspend(Stepped(work, waits_for))

    async def finish(self, program: Program, first: Callable[[], Any]) -> Any:
        """Await what a program waits for until it is done; its value."""
        self.driven += 1
        try:
            with self._tools.turn(program.run):
                request = first()
            while not program.done:
                value, error = None, None
                try:
                    value = await answered(request)
                except BaseException as raised:
                    error = raised
                with self._tools.turn(program.run):
                    request = program.send(value, cancelled(error))
            return request.value
        finally:
            self.driven -= 1

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end in the loop of its own, which is made for the first one."""
        import asyncio

        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(work)

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """The same for a synchronous caller, which `cancel` ends."""
        import asyncio

        async def awaited() -> Any:
            self._waiting = asyncio.current_task()
            try:
                return await work
            finally:
                self._waiting = None

        return self.run(awaited())

    def cancel(self) -> None:
        """Cancel what a synchronous caller waits for."""
        if self._waiting is not None:
            self._waiting.cancel()

    def close(self) -> None:
        """Close the loop of its own."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None
