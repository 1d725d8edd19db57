"""The clock of the host and its virtual twin."""

from __future__ import annotations

import asyncio
import time

import pytest

from rtfs.host.clock import Clock, VirtualClock


def test_the_clock_tells_wall_time_and_never_steps_back() -> None:
    clock = Clock()
    before = time.time_ns() // 1_000_000
    times = [clock.now_ms() for _ in range(1000)]
    assert times == sorted(times)
    assert abs(times[0] - before) < 1000
    assert clock.monotonic() <= clock.monotonic()


def test_an_adjustment_of_the_system_clock_goes_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    before = clock.now_ms()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert 0 <= clock.now_ms() - before < 1000


async def test_the_clock_sleeps_as_long_as_asked() -> None:
    clock = Clock()
    start = clock.monotonic()
    await clock.sleep(0.01)
    assert clock.monotonic() - start >= 0.0099
    await clock.sleep(-1)


async def test_virtual_time_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock(start_ms=1000)
    assert (clock.now_ms(), clock.monotonic()) == (1000, 0.0)
    await clock.advance(1.5)
    assert (clock.now_ms(), clock.monotonic()) == (2500, 1.5)


async def test_virtual_sleepers_wake_in_the_order_of_their_times_and_see_them() -> None:
    clock = VirtualClock(start_ms=0)
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, *naps: float) -> None:
        for nap in naps:
            await clock.sleep(nap)
            woken.append((name, clock.now_ms()))

    tasks = [asyncio.ensure_future(sleeper("a", 2, 2)), asyncio.ensure_future(sleeper("b", 1, 1, 1, 1))]
    await clock.advance(3)
    assert woken == [("b", 1000), ("a", 2000), ("b", 2000), ("b", 3000)]
    await clock.advance(1)
    await asyncio.gather(*tasks)
    assert woken[4:] == [("a", 4000), ("b", 4000)]


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = VirtualClock()
    task = asyncio.ensure_future(clock.sleep(1))
    await clock.advance(0)
    task.cancel()
    await clock.advance(2)
    assert task.cancelled()
