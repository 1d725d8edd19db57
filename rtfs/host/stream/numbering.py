"""Ids of events, told to the messages in them: the SDK drops them before anybody could keep one (streaming.md §3.5)."""

from __future__ import annotations

import json
import re

EVENT_ID = "rtfs/event-id"  # in `_meta` of a notification
_BETWEEN = re.compile(rb"\r\n\r\n|\n\n|\r\r")


class Numbering:
    """Bytes of an event stream in, the same out: each notification of an event with an id knows that id."""

    def __init__(self) -> None:
        self._rest = b""

    def passed(self, part: bytes) -> bytes:
        """The whole events that are there now; the rest waits for its end, which the caller bounds."""
        *events, self._rest = _BETWEEN.split(self._rest + part)
        return b"".join([_told(event) + b"\n\n" for event in events])


def _told(event: bytes) -> bytes:
    """The event, its notification with the id in `_meta`; any other event as it is."""
    lines = event.splitlines()
    ids = [line[3:].strip() for line in lines if line.startswith(b"id:")]
    data = [line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")]
    if not ids or not data:
        return event
    try:
        message = json.loads(b"\n".join(data))
    except (ValueError, RecursionError):
        return event
    if not isinstance(message, dict) or "method" not in message or "id" in message:
        return event
    params = message.setdefault("params", {})
    meta = params.setdefault("_meta", {}) if isinstance(params, dict) else None
    if not isinstance(meta, dict):
        return event
    meta[EVENT_ID] = ids[-1].decode("utf-8", "replace")
    kept = [line for line in lines if not line.startswith(b"data:")]
    return b"\n".join([*kept, b"data: " + json.dumps(message).encode()])
