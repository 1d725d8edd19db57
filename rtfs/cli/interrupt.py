"""Ctrl-C and SIGTERM: the first drains the streams, the second cancels them, the third kills (experience.md §2)."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

GRACE = 5.0  # seconds that a program has to end after its streams did


class Terminated(BaseException):
    """SIGTERM reached a run without streams."""

    def die(self) -> int:
        """End as the sender of the signal expects."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        return 143


class Interrupts:
    """Handles both signals while a run lasts. `registry` is set once the run has streams."""

    def __init__(self) -> None:
        self.registry: Any = None
        self.signals: list[int] = []
        self._reacted = 0  # how many signals the event loop has taken up
        self._tasks: list[Any] = []
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup and in background jobs
                self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def code(self, code: int) -> int:
        """The exit code of a run that went to its end: a drained SIGTERM is no failure, a drained Ctrl-C is 130."""
        return 130 if signal.SIGINT in self.signals else code

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.signals.append(number)
        count = len(self.signals)
        if count > 2:
            os._exit(128 + number)
        loop = _running_loop()
        stuck = self._reacted < count - 1  # the loop did not even get to the first one: a step does not end
        if loop is None or stuck or not self._streaming():
            self._raise()
        loop.call_soon_threadsafe(self._react, loop, count)  # from a signal handler only this wakes the loop

    def _react(self, loop: Any, count: int) -> None:
        self._reacted = count
        self._tasks.append(loop.create_task(self._drain(loop) if count == 1 else self._cancel()))

    async def _drain(self, loop: Any) -> None:
        await self.registry.shutdown(30.0, "drain")
        loop.call_later(GRACE, self._raise)

    async def _cancel(self) -> None:
        for stream in list(self.registry.streams.values()):
            await stream.cancel("interrupted")
        self._raise()

    def _streaming(self) -> bool:
        if self.registry is None:
            return False
        return any(not stream.owner.terminal for stream in self.registry.streams.values())

    def _raise(self) -> None:
        raise KeyboardInterrupt if signal.SIGINT in self.signals else Terminated


def _running_loop() -> Any:
    """The event loop that the main thread is in, without importing asyncio for a run that has none."""
    asyncio = sys.modules.get("asyncio")
    return None if asyncio is None else asyncio._get_running_loop()
