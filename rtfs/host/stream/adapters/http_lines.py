"""`:http-lines`: the lines of an HTTP answer, however long it takes (streaming.md §3.5)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import web
from rtfs.host.stream.adapters import Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.framed import Frame, Framed, Frames
from rtfs.host.stream.split import Line, Splitter
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    import httpx2

    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

K_OFFSET, K_ETAG = Keyword("offset"), Keyword("etag")
_OK, _PART, _BEYOND = 200, 206, 416
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')


class HttpLinesAdapter(Framed):
    """Each line that is not blank is a chunk. The source ends where the answer does.

    The position is `{:offset bytes :etag tag}`, which asks for the rest of the same bytes. A server that offers no
    ranges or has no strong entity tag gives no positions: an answer of unknown length goes on with what a new one
    brings, one whose length was said cannot go on at all.
    """

    name = "http-lines"
    endless = False
    replayable = True  # lines with a position; those without are stored
    idle_ms = 120_000
    frame_kind = "line"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._etag: str | None = None
        self._taken = 0  # bytes of the lines read; from the position on after a resume
        self._whole = False  # the length is known, so what is missing is missing

    @asynccontextmanager
    async def connected(self, session: Session, intake: Intake) -> AsyncIterator[Frames]:
        self._find_place(intake.position)
        headers: dict[str, str | bytes] = {"accept": "application/x-ndjson, application/jsonl, text/plain, */*;q=0.5"}
        if self._etag is not None and self._taken:
            headers["range"] = f"bytes={self._taken}-"
            headers["if-range"] = self._etag.encode("latin-1")
        elif self._whole and self._taken:
            raise self._lost(session, "without ranges and a strong entity tag the rest cannot be asked for")
        expected = frozenset({_OK, _PART, _BEYOND}) if "range" in headers else frozenset({_OK})
        timing = self.settings["connect-timeout-ms"]
        async with web.opened(session, self.name, headers, expected, milliseconds=timing) as response:
            ahead = self._begin(response, session)
            yield self._frames(response, intake, ahead)

    def _find_place(self, position: Any) -> None:
        if self._etag is None and type(position) is Map:
            offset, etag = position.get(K_OFFSET), position.get(K_ETAG)
            if type(offset) is int and type(etag) is str:
                self._taken, self._etag = offset, etag
                self.guarantee = "at-least-once"

    def _begin(self, response: httpx2.Response, session: Session) -> int:
        """What the answer is; how many bytes of it come again."""
        found = response.headers.get("etag", "").strip()
        etag = found if _STRONG.fullmatch(found) else None
        place = _RANGE.fullmatch(response.headers.get("content-range", "").strip().lower())
        if response.status_code == _BEYOND:
            if place is None or place[2] != str(self._taken):
                raise self._lost(session, "it is shorter than what was read of it")
            return 0
        if response.status_code == _PART:
            if place is None or place[1] != str(self._taken) or etag not in (None, self._etag):
                raise self._lost(session, "the server sent another part than the one asked for")
            return 0
        if self._etag is not None and self._taken:
            if etag != self._etag:
                raise self._lost(session, "it has changed since it was read")
            return self._taken
        self._taken = 0
        self._whole = "content-length" in response.headers
        ranges = response.headers.get("accept-ranges", "").strip().lower() == "bytes"
        self._etag = etag if ranges else None
        if self._etag is not None:
            self.guarantee = "at-least-once"
        return 0

    def _lost(self, session: Session, why: str) -> RtfsError:
        return fault(24, a=":http-lines", endpoint=session.shown, why=f"it cannot go on at byte {self._taken}: {why}")

    async def _frames(self, response: httpx2.Response, intake: Intake, ahead: int) -> Frames:
        lines = Splitter(self.most, self._taken)
        if response.status_code == _BEYOND:
            return
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
        return {"text": text, "end": line.end, "etag": self._etag}

    def offer(self, frame: Frame, intake: Intake) -> None:
        self._taken, etag = frame["end"], frame["etag"]
        if frame["text"].strip():
            position = None if etag is None else Map.of([(K_OFFSET, frame["end"]), (K_ETAG, etag)])
            intake.offer(self.value(frame["text"]), position)


ADAPTER = HttpLinesAdapter
