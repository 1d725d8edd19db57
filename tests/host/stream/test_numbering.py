"""Notifications that know the id of their event (streaming.md §3.5)."""

from __future__ import annotations

import json

import pytest

from rtfs.host.stream.numbering import EVENT_ID, Numbering

NOTE = (
    b'event: message\nid: 7\ndata: {"jsonrpc": "2.0", "method": "notifications/message",\n'
    b'data: "params": {"data": "\xc3\xa9"}}'
)


@pytest.mark.parametrize("between", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_a_notification_gets_the_id_of_its_event_however_the_bytes_come(size: int, between: bytes) -> None:
    text = NOTE.replace(b"\n", between[: len(between) // 2]) + between + b": nothing" + between + b"id: 8"
    numbering = Numbering()
    passed = b"".join(numbering.passed(text[at : at + size]) for at in range(0, len(text), size))
    told, comment, rest = passed.split(b"\n\n")
    assert (comment, rest) == (b": nothing", b"")
    lines = told.splitlines()
    assert lines[:2] == [b"event: message", b"id: 7"]
    assert json.loads(lines[2].removeprefix(b"data: "))["params"] == {"data": "é", "_meta": {EVENT_ID: "7"}}


@pytest.mark.parametrize(
    "event",
    [
        b"data: {}",
        b"id: 1",
        b"id: 1\ndata:",
        b"id: 1\ndata: {broken",
        b"id: 1\ndata: [1]",
        b'id: 1\ndata: {"method": "ping", "id": 3}',
        b'id: 1\ndata: {"id": 3, "result": {}}',
        b'id: 1\ndata: {"method": "x", "params": [1]}',
        b'id: 1\ndata: {"method": "x", "params": {"_meta": 1}}',
        b"id: 1\ndata: " + b"[" * 100_000,
    ],
)
def test_every_other_event_passes_as_it_is(event: bytes) -> None:
    assert Numbering().passed(event + b"\n\n") == event + b"\n\n"
