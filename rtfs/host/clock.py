"""Time for the host: one clock that never steps back, and its twin that moves only when a test says so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class Clock:
    """Wall time at the start plus monotonic time since: adjustments of the system clock go unnoticed."""

    def __init__(self) -> None:
        self._wall = time.time_ns()
        self._start = time.monotonic_ns()

    def now_micros(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""
        return (self._wall + time.monotonic_ns() - self._start) // 1_000

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01T00:00:00Z."""
        return self.now_micros() // 1_000

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`; at once (but after other tasks had their turn) when not positive."""
        import asyncio  # deferred: programs that never wait do not pay for it

        await asyncio.sleep(max(0.0, seconds))


class VirtualClock(Clock):
    """A clock that stands still until `advance`; sleepers wake in the order of their times."""

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._start_micros = start_ms * 1_000
        self._elapsed = 0  # microseconds
        self._count = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_micros(self) -> int:
        return self._start_micros + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed / 1_000_000

    async def sleep(self, seconds: float) -> None:
        import asyncio

        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        self._sleepers.append((self._elapsed + round(seconds * 1_000_000), self._count, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move on by `seconds`, stopping at every sleeper that becomes due and letting all tasks run there."""
        await self._settle()
        target = self._elapsed + round(seconds * 1_000_000)
        while True:
            self._sleepers = [entry for entry in self._sleepers if not entry[2].done()]
            due = min((entry for entry in self._sleepers if entry[0] <= target), key=lambda e: e[:2], default=None)
            if due is None:
                break
            self._sleepers.remove(due)
            self._elapsed = max(self._elapsed, due[0])
            due[2].set_result(None)
            await self._settle()
        self._elapsed = target
        await self._settle()

    async def _settle(self) -> None:
        import asyncio

        for _ in range(32):  # a task that became ready may make others ready: give each of them its turns
            await asyncio.sleep(0)
