"""Ctrl-C and SIGTERM: the first drains the streams, the second cancels them, the third kills (experience.md §2)."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

GRACE = 5.0  # seconds that a program has to end after its streams did
RETRY = 0.01  # seconds until a signal that came at a bad moment is taken up again


class Terminated(BaseException):
    """SIGTERM reached a run without streams."""

    def die(self) -> int:
        """End as the sender of the signal expects."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        return 143


class Interrupts:
    """Handles both signals while a run lasts. `session` is the one that runs, `registry` is set once it has streams.

    Program code is stopped by raising where it stands. A wait is cancelled in its event loop, so that what waits can
    clean up. Imports and the making and closing of event loops are never torn apart: the signal waits for their end.
    """

    def __init__(self) -> None:
        self.session: Any = None
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

    def caused(self, ending: BaseException) -> bool:
        """Is this the end that a signal made of a wait?"""
        return bool(self.signals) and (
            type(ending).__name__ == "CancelledError" or getattr(ending, "kind", None) == "Cancelled"
        )

    def end(self) -> NoReturn:
        """Leave the run as the signal that came wants it."""
        raise KeyboardInterrupt if signal.SIGINT in self.signals else Terminated

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.signals.append(number)
        if len(self.signals) > 2:
            os._exit(128 + number)
        self._act(frame)

    def _again(self, number: int, frame: FrameType | None) -> None:
        self._act(frame)

    def _act(self, frame: FrameType | None) -> None:
        """Do what the signals so far want, from the place that the last one struck."""
        place, loop, count = _place(frame), _running_loop(), len(self.signals)
        stuck = self._reacted < count - 1  # the loop did not even get to the first one: a step does not end
        if place == "import" or (place == "loop" and loop is None):
            signal.signal(signal.SIGALRM, self._again)
            signal.setitimer(signal.ITIMER_REAL, RETRY)
        elif loop is None or (place == "program" and (stuck or not self._streaming())):
            self.end()
        else:
            loop.call_soon_threadsafe(self._react, loop, count)  # from a signal handler only this wakes the loop

    def _react(self, loop: Any, count: int) -> None:
        self._reacted = count
        if not self._streaming():
            self.session.cancel()
        else:
            self._tasks.append(loop.create_task(self._drain(loop) if count == 1 else self._cancel()))

    async def _drain(self, loop: Any) -> None:
        await self.registry.shutdown(30.0, "drain")
        loop.call_later(GRACE, self.session.cancel)

    async def _cancel(self) -> None:
        for stream in list(self.registry.streams.values()):
            await stream.cancel("interrupted")
        self.session.cancel()

    def _streaming(self) -> bool:
        if self.registry is None:
            return False
        return any(not stream.owner.terminal for stream in self.registry.streams.values())


def _running_loop() -> Any:
    """The event loop that the main thread is in, without importing asyncio for a run that has none."""
    asyncio = sys.modules.get("asyncio")
    current = getattr(asyncio, "_get_running_loop", None)  # absent while asyncio is being imported
    return None if current is None else current()


def _place(frame: FrameType | None) -> str:
    """What the innermost frame that tells is part of: an `import`, the `program`, an event `loop`, else the `host`."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith("<frozen importlib"):
            return "import"
        if file.startswith("<rtfs:"):
            return "program"
        if frame.f_globals.get("__name__") == "asyncio.runners":
            return "loop"
        frame = frame.f_back
    return "host"
