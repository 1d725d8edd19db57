"""Waiting for at most so long."""

from __future__ import annotations

import asyncio

import pytest

from rtfs.host.clock import VirtualClock
from rtfs.host.stream.timers import Timers


async def test_who_is_cancelled_while_the_late_work_still_ends_stays_cancelled() -> None:
    clock = VirtualClock()
    timers = Timers(clock)

    async def slow_to_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.Event().wait()

    waiting = asyncio.ensure_future(timers.within(10, slow_to_end()))
    await clock.advance(1)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()


async def test_who_was_cancelled_may_still_wait_for_so_long_while_it_cleans_up() -> None:
    clock = VirtualClock()
    timers = Timers(clock)

    async def cleaning() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(TimeoutError):
                await timers.within(10, asyncio.Event().wait())

    waiting = asyncio.ensure_future(cleaning())
    await clock.advance(1)
    waiting.cancel()
    await clock.advance(1)
    assert waiting.cancelled()
