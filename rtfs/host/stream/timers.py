"""One heap of timers for all streams of a host (streaming.md §1.11): an idle stream owns no task."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rtfs.host.clock import Clock

T = TypeVar("T")


class Timer:
    """One appointment; `cancel` forgets it. due: seconds of the host clock; callback: None when it is over."""

    __slots__ = ("due", "callback")

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Timers:
    """Callbacks at times of the host clock. One task sleeps until the earliest; the callbacks run in the event loop."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._sleeper: asyncio.Task[None] | None = None
        self._until = 0.0
        self._closed = False

    def after(self, milliseconds: float, callback: Callable[[], None]) -> Timer:
        """Call back in `milliseconds`."""
        timer = Timer(self.clock.monotonic() + milliseconds / 1000, callback)
        if self._closed:
            return timer
        self._count += 1
        heapq.heappush(self._heap, (timer.due, self._count, timer))
        if self._count % 1024 == 0:  # cancelled appointments far ahead must not pile up
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
        self._arm()
        return timer

    def _arm(self) -> None:
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
        if not self._heap:
            return
        due = self._heap[0][0]
        if self._sleeper is not None:
            if self._until <= due:
                return  # it wakes early enough and looks again
            self._sleeper.cancel()
        self._until = due
        self._sleeper = asyncio.get_running_loop().create_task(self._sleep(due), name="rtfs stream timers")

    async def _sleep(self, due: float) -> None:
        await self.clock.sleep(due - self.clock.monotonic())
        self._sleeper = None
        now = self.clock.monotonic() + 1e-6  # sleeping may end a hair too early
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback()
        self._arm()

    async def within(self, milliseconds: float | None, awaitable: Awaitable[T]) -> T:
        """The result of an awaitable; TimeoutError, and the awaitable cancelled, after `milliseconds` of host time."""
        task, caller = asyncio.ensure_future(awaitable), asyncio.current_task()
        earlier = 0 if caller is None else caller.cancelling()  # who cleans up after that may wait as well
        expired = False

        def expire() -> None:
            nonlocal expired
            expired = True
            task.cancel()

        timer = None if milliseconds is None else self.after(milliseconds, expire)
        try:
            return await task
        except asyncio.CancelledError:
            if expired and (caller is None or caller.cancelling() == earlier):
                raise TimeoutError from None
            task.cancel()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def close(self) -> None:
        """Forget every appointment, also those still to be made."""
        self._closed = True
        self._heap.clear()
        if self._sleeper is not None:
            self._sleeper.cancel()
            self._sleeper = None
