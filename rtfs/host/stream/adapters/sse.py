"""`:sse`: server-sent events that are not MCP (streaming.md §3.5)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from rtfs.host.stream import web
from rtfs.host.stream.adapters import K_EVENT, Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.event_stream import EventStream
from rtfs.host.stream.framed import Frame, Framed, Frames

if TYPE_CHECKING:
    import httpx2

    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

_HEADER = re.compile(r"(?! )[^\x00-\x1f\x7f]{1,4096}(?<! )")  # an id that can be sent back
_NO_CONTENT = 204  # the server wants nobody to come back


class SseAdapter(Framed):
    """Each event with data is a chunk, `:event` its name. The position is the id of the last event.

    A server that sends ids is taken at its word that it goes on after one.
    """

    name = "sse"
    replayable = True  # chunks with an id; those without have no position and are stored
    idle_ms: int | None = 120_000
    frame_kind = "sse"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._last_id: str | None = None

    @asynccontextmanager
    async def connected(self, session: Session, intake: Intake) -> AsyncIterator[Frames]:
        if self._last_id is None:
            self._last_id = intake.position if type(intake.position) is str else ""
        headers: dict[str, str | bytes] = {"accept": "text/event-stream"}
        if self._last_id:
            self.guarantee = "at-least-once"
            headers["last-event-id"] = self._last_id.encode()
        expected = frozenset({200, _NO_CONTENT})
        timing = self.settings["connect-timeout-ms"]
        async with web.opened(session, self.name, headers, expected, milliseconds=timing) as response:
            self.endless = response.status_code != _NO_CONTENT
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if self.endless and kind != "text/event-stream":
                why = f"the answer is {kind[:100] or 'of no type'}, not text/event-stream"
                raise fault(24, a=":sse", endpoint=session.shown, why=why)
            yield self._frames(response, intake)

    async def _frames(self, response: httpx2.Response, intake: Intake) -> Frames:
        events = EventStream(self.most, self._last_id or "")
        async for part in response.aiter_raw():
            intake.heard()
            for frame in events.feed(part):
                yield frame

    def offer(self, frame: Frame, intake: Intake) -> None:
        if frame["retry"] is not None:
            self.wish = frame["retry"] / 1000
        found = frame["id"]
        self._last_id = found if _HEADER.fullmatch(found) else ""
        if self._last_id:
            self.guarantee = "at-least-once"
        if frame["data"]:
            intake.offer(self.value(frame["data"]), self._last_id or None, {K_EVENT: frame["event"]})


ADAPTER = SseAdapter
