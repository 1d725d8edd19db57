"""Callbacks that are slower than what they get: everything arrives, and little waits in memory (streaming.md §4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rtfs.host.marketplace import Marketplace
from rtfs.lang.convert import to_python
from rtfs.lang.names import Keyword as K
from rtfs.lang.outcome import RuntimeContext
from rtfs.session import Session
from tests.host.stream.programs.server import build

Slow = Callable[[], "tuple[Session, list[Any], list[int]]"]


@pytest.fixture
def slow() -> Iterator[Slow]:
    """A session with `:test.slow`, what it was called with, and how many chunks waited in memory at each call."""
    made: list[Session] = []

    def begin() -> tuple[Session, list[Any], list[int]]:
        got: list[Any] = []
        waiting: list[int] = []
        market = Marketplace()

        @market.capability("test.slow", effects=[])
        async def late(item: Any) -> None:
            for _ in range(5):  # rounds of the loop, in which the server says more than one note
                await asyncio.sleep(0)
            got.append(to_python(item))
            streams = made[0].host.streams.streams.values()
            waiting.append(max(len(stream.owner.queue.items) + stream.owner.outputs.pending for stream in streams))

        made.append(Session(marketplace=market, context=RuntimeContext.full()))
        return made[0], got, waiting

    yield begin
    for session in made:
        session.shutdown(timeout=5.0, strategy="immediate")


def test_a21_two_thousand_notes_reach_a_slow_callback_in_order_and_then_the_result(slow: Slow) -> None:
    session, got, waiting = slow()
    session.host.streams.servers["awkward"] = build()
    session.run("""
      (def h (call :mcp.stream.start {:endpoint "memory:awkward" :tool "once" :args {:count 2000} :stream-id "s"}))
      (call :stream.tap h {:look identity :on-item (fn [x] (call :test.slow x))})""")  # fmt: skip
    session.join(120)
    assert got == [*({"n": n} for n in range(1, 2001)), {"result": "2000"}]
    assert session.run('(:status (call :mcp.stream.status "s"))') is K("completed")
    assert max(waiting) <= 2 * 256  # the queue and the outputs of one stage


def test_an_operator_of_the_host_passes_more_items_than_its_input_keeps(slow: Slow) -> None:
    session, got, waiting = slow()
    session.run("(call :stream.tap (range 1000) {:look identity :on-item (fn [x] (call :test.slow x))})")
    session.join(60)
    assert got == list(range(1000))
    assert max(waiting) <= 2 * 256
