"""`:http-lines`: the lines of an HTTP answer, however long it takes (streaming.md §3.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from rtfs.host.stream import web
from rtfs.host.stream.adapters import Session
from rtfs.host.stream.framed import Frame, Framed, Frames
from rtfs.host.stream.ranged import Ranged
from rtfs.host.stream.split import Line, Splitter

if TYPE_CHECKING:
    import httpx2

    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings


class HttpLinesAdapter(Framed):
    """Each line that is not blank is a chunk. The source ends where the answer does.

    The position is `{:offset bytes :etag tag}`, which asks for the rest of the same bytes (`rtfs.host.stream.ranged`).
    """

    name = "http-lines"
    endless = False
    replayable = True  # lines with a position; those without are stored
    idle_ms = 120_000
    frame_kind = "line"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._page = Ranged(self.name, renews=True)

    @asynccontextmanager
    async def connected(self, session: Session, intake: Intake) -> AsyncIterator[Frames]:
        self._page.find(intake.position)
        headers: dict[str, str | bytes] = {"accept": "application/x-ndjson, application/jsonl, text/plain, */*;q=0.5"}
        asked, expected = self._page.wanted(session)
        headers.update(asked)
        timing = self.settings["connect-timeout-ms"]
        async with web.opened(session, self.name, headers, expected, milliseconds=timing) as response:
            ahead = self._page.begin(response, session)
            if self._page.etag is not None:
                self.guarantee = "at-least-once"
            yield self._frames(response, intake, ahead)

    async def _frames(self, response: httpx2.Response, intake: Intake, ahead: int | None) -> Frames:
        if ahead is None:
            return
        lines = Splitter(self.most, self._page.taken)
        async for part in response.aiter_raw():
            intake.heard()
            ahead, part = max(0, ahead - len(part)), part[ahead:]
            for line in lines.feed(part):
                yield self._frame(line)
        last = lines.rest()
        if last is not None:
            yield self._frame(last)

    def _frame(self, line: Line) -> Frame:
        if line.content is None:
            return {"oversize": line.size}
        try:
            text = line.content.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            return {"malformed": "a line that is not UTF-8"}
        return {"text": text, "end": line.end, "etag": self._page.etag}

    def offer(self, frame: Frame, intake: Intake) -> None:
        self._page.taken, self._page.etag = frame["end"], frame["etag"]
        if frame["text"].strip():
            intake.offer(self.value(frame["text"]), self._page.position(frame["end"]))


ADAPTER = HttpLinesAdapter
