"""Progress notes on their way to a stream (streaming.md §3.5): which are taken, and at what cost."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCNotification

from rtfs.host.clock import Clock
from rtfs.host.stream.adapters.progress import ProgressAdapter
from rtfs.host.stream.chunk import from_json
from rtfs.host.stream.notes import Notes
from rtfs.host.stream.registry import StreamRegistry
from rtfs.lang import signal
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K

PROGRAM = Path(__file__).parent / "programs" / "talkative.py"


def m(**pairs: Any) -> Map:
    return Map.of((K(name), value) for name, value in pairs.items())


def keep(state: Any, chunk: Any, metadata: Map) -> Map:
    kept = chunk, metadata.get(K("ext")), metadata.get(K("headers"))
    return Map.of([(K("state"), (*state, kept))])


@pytest.fixture
def server() -> str:
    return f"stdio:{sys.executable} {PROGRAM}"


async def heard(ground: Any, server: str, *notes: dict[str, Any]) -> list[Any]:
    """What a stream gets of the notes: data, `:ext` and `:headers` of each."""
    registry: StreamRegistry = ground.registry(clock=Clock())
    stream = await registry.start(server, keep, (), tool="talk", args=from_json({"notes": list(notes)}))
    *chunks, result = await asyncio.wait_for(stream.result(), 30)
    assert result[0] == EMPTY_MAP
    return chunks


def notification(method: str = "notifications/progress", **params: Any) -> Any:
    return SessionMessage(JSONRPCNotification(jsonrpc="2.0", method=method, params=params or None))


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans())))
def test_each_call_gets_its_own_notes_in_their_order_and_nothing_else_is_taken(said: list[tuple[int, bool]]) -> None:
    notes = Notes()
    got: dict[int, list[float]] = {token: [] for token in (1, 2, 3)}
    for token in got:
        assert notes.expect(lambda progress, *rest, token=token: got[token].append(progress)) == token
    notes.forget(3)
    sent: dict[int, list[float]] = {1: [], 2: [], 3: []}
    for number, (token, as_text) in enumerate(said):
        taken = notes.take(notification(progressToken=str(token) if as_text else token, progress=number))
        assert taken == (token in (1, 2))
        if taken:
            sent[token].append(number)
    assert got == sent


@pytest.mark.parametrize(
    "message",
    [
        ValueError("a frame that cannot be parsed"),
        notification("notifications/message", progressToken=1, progress=1),
        notification(),
        notification(progressToken=True, progress=1),
        notification(progressToken=1.0, progress=1),
        notification(progressToken=[1], progress=1),
        notification(progressToken=1, progress="1"),
        notification(progressToken=1, progress=True),
        notification(progressToken=1),
    ],
    ids=lambda message: str(getattr(message, "message", message)),
)
def test_what_is_no_note_with_a_token_goes_on_to_the_sdk(message: Any) -> None:
    notes = Notes()
    notes.expect(lambda *note: pytest.fail(f"taken: {note}"))
    assert not notes.take(message)


def test_parts_of_a_note_that_are_none_of_the_protocol_are_left_out() -> None:
    notes, taken = Notes(), []
    notes.expect(lambda *note: taken.append(note))
    assert notes.take(notification(progressToken=1, progress=2**64 + 1, total=True, message=["m"], _meta="m"))
    assert taken == [(2**64 + 1, None, None, None)]


async def test_a_note_is_a_chunk_with_its_numbers_and_the_trace_context_of_its_meta(ground: Any, server: str) -> None:
    traced = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=b"}
    chunks = await heard(
        ground,
        server,
        {"progress": 1, "total": 3, "message": '{"n": 1}', "_meta": {**traced, "other": 1}},
        {"progress": 2.5, "message": "half", "_meta": {"other": 1}},
        {"progress": 2**64 + 1, "as_text": True},
    )
    named = Map.of(traced.items())
    assert chunks == [
        (m(n=1), m(progress=1, total=3), named),
        (m(progress=2.5, total=None, message="half"), None, None),
        (m(progress=2**64 + 1, total=None, message=None), None, None),
    ]


async def test_a_note_costs_no_task(ground: Any, server: str) -> None:
    made = 0

    def factory(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        nonlocal made
        made += 1
        return asyncio.Task(work, loop=loop, **options)

    asyncio.get_running_loop().set_task_factory(factory)
    notes = [{"progress": number} for number in range(500)]
    assert len(await heard(ground, server, *notes)) == 500
    assert 0 < made < 100


async def test_a_defect_in_the_way_of_a_note_ends_its_stream(
    ground: Any, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProgressAdapter, "repeated", lambda adapter, data: 1 / 0)
    with pytest.raises(StreamError, match=r"Adapter :progress cannot serve .*: division by zero"):
        await heard(ground, server, {"progress": 1})


async def test_code_that_counts_hears_of_a_large_integer_in_a_note(
    ground: Any, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "LARGE", [])
    await heard(ground, server, {"progress": 1, "total": 2**1024})
    assert signal.LARGE
