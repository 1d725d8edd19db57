"""A callback, or another effect slot, that asks for the end of the run which awaits it (streaming.md §6.1)."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

import pytest

import rtfs
from rtfs.lang.names import Keyword as K


def run(text: str) -> Any:
    async def within(session: rtfs.Session) -> Any:
        return await asyncio.wait_for(session.run_async(text), 20)

    with closing(rtfs.Session(context=rtfs.RuntimeContext.full())) as session:
        return asyncio.run(within(session))


GRAPHS = [
    '(call :stream.map [1 2 3] inc {:stream-id "me" :on-chunk (fn [x] SLOT)})',
    '(call :stream.create (stream.tap [1 2 3] (fn [x] SLOT)) {:stream-id "me"})',
    '(call :stream.create (stream.rate-limit (stream.tap [1 2 3] (fn [x] SLOT)) 1000) {:stream-id "me"})',
]


@pytest.mark.parametrize("graph", GRAPHS)
def test_it_cannot_wait_for_the_end(graph: str) -> None:
    begin = graph.replace("SLOT", '(call :stream.wait "me")')
    error = run(f"(:error (call :stream.wait {begin}))")
    assert error[K("code")] == "RTFS-S003"
    assert error[K("message")] == "Parameter 'stream': expected one that does not wait for this callback, got \"me\""


@pytest.mark.parametrize("graph", GRAPHS)
def test_it_may_stop_the_run_which_still_hands_over_what_it_has(graph: str) -> None:
    begin = graph.replace("SLOT", '(call :stream.stop "me" {:drain true})')
    ended = run(f"(call :stream.wait {begin})")
    assert ended[K("status")] is K("stopped")
    assert len(ended[K("outputs")]) == 3


@pytest.mark.parametrize("graph", GRAPHS)
def test_it_may_wait_for_a_time(graph: str) -> None:
    begin = graph.replace("SLOT", '(call :stream.wait "me" {:timeout-ms 1})')
    assert run(f"(:status (call :stream.wait {begin}))") is K("completed")
