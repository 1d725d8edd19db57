"""A session with virtual time, for what operators do when."""

from __future__ import annotations

import asyncio
from typing import Any

import rtfs
from rtfs.host.clock import VirtualClock


class Timed:
    """A session whose clock moves only when told to; `told` is what its program reported, with the time in ms."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.session = rtfs.Session(
            limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full(), clock=self.clock
        )
        self.told: list[tuple[int, Any]] = []
        self.session.define("tell", self._tell)

    def _tell(self, value: Any) -> None:
        self.told.append((round(self.clock.monotonic() * 1000), value))

    @property
    def values(self) -> list[Any]:
        return [value for _, value in self.told]

    def run(self, text: str, seconds: float = 60.0, step: float = 0.01) -> Any:
        """The value of the text, while the clock moves on in steps, of 10 ms, until it is there."""

        async def work() -> Any:
            task = asyncio.ensure_future(self.session.run_async(text))
            while not task.done() and self.clock.monotonic() < seconds:
                await self.clock.advance(step)
            if not task.done():
                task.cancel()
                raise AssertionError(f"not done within {seconds} s of the host clock")
            return task.result()

        return asyncio.run(work())
