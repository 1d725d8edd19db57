"""`:stream.http.get`: a page of the web as text, bytes, lines, JSON lines, CSV or server-sent events (§6.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from rtfs.host.stream import web
from rtfs.host.stream.adapters import Adapter, Plain, Session
from rtfs.host.stream.adapters.sse import SseAdapter
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.cutting import MODES, Chunks, Cutter, bound, cutter
from rtfs.host.stream.guard import Need
from rtfs.host.stream.options import shown
from rtfs.host.stream.ranged import Ranged
from rtfs.host.stream.rendering import codec_of
from rtfs.host.stream.retry import Lost
from rtfs.host.stream.sources import AUTH_ROW, SourceKind, server_at
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.operator import parameter_table
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    import httpx2

    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings

GIVEN = frozenset({200, 201, 202, 203, 204, 205})  # statuses of an answer as a whole, which may be empty
NAME = "http.get"
URL, MODE, SSE, ENCODING = Keyword("url"), Keyword("mode"), Keyword("sse"), Keyword("encoding")
COLUMNS, CODEC, BYTES, OVER = Keyword("columns"), Keyword("codec"), Keyword("bytes"), Keyword("over")
HEAD = 4  # bytes that may say how characters are stored
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)


class PageAdapter(Plain):
    """The position is `{:offset bytes :etag tag}`, which asks for the rest of the same bytes.

    Chunks are cut at the same bytes whatever the network does, so that they are the same after a resume.
    """

    name = NAME
    connects = False
    endless = False
    guarantee = "at-most-once"

    def __init__(self, settings: Settings, params: Map) -> None:
        super().__init__(settings)
        self._params = params
        bound(params, settings)
        self.idle_ms = self._timeout_ms = params.get(Keyword("timeout"))
        self._page = Ranged(NAME, renews=False)
        given = params.get(ENCODING)
        self._codec: str | None = None if given is None else codec_of(given)
        self._columns: Any = None
        self._over = False  # everything was read
        if self._codec is not None:
            self._cut()

    def memory(self) -> Any:
        """What there is no position for: how far it is, when no range can be asked for, and what a beginning says."""
        placed = self._page.etag is not None
        far = [(BYTES, 0 if placed else self._page.taken), (OVER, self._over and not placed)]
        return Map.of([(COLUMNS, self._columns), (CODEC, self._codec), *far])

    def remember(self, memory: Any) -> None:
        if type(memory) is Map:
            self._columns, self._codec, self._over = memory.get(COLUMNS), memory.get(CODEC), memory.get(OVER)
            self._page.taken = memory.get(BYTES)

    def _cut(self) -> Cutter:
        made = cutter(self._params, self._codec or "utf-8", self.settings, self._page.taken)
        made.columns = self._columns if self._page.taken else None
        return made

    async def run(self, session: Session, intake: Intake) -> None:
        if self._over:
            return
        self._page.find(intake.position)
        asked, expected = self._page.wanted(session)
        with _refusals(intake):
            async with web.opened(session, NAME, asked, expected | GIVEN, milliseconds=self._timeout_ms) as response:
                ahead = self._page.begin(response, session)
                if self._page.etag is not None:
                    self.guarantee = "at-least-once"
                session.opened()
                if ahead is not None:
                    self._codec = self._codec or _charset(response)
                    await self._read(response, intake, ahead)
        self._over = True

    async def _read(self, response: httpx2.Response, intake: Intake, ahead: int) -> None:
        made, head = self._cut(), b""
        async for part in response.aiter_raw():
            intake.heard()
            ahead, part = max(0, ahead - len(part)), part[ahead:]
            if made.marked:
                head += part
                if len(head) < HEAD:
                    continue
                made.begin(head[:HEAD])
                part = head
            await self._offer(made, made.feed(part, intake), intake)
        if made.marked:
            made.begin(head)
            await self._offer(made, made.feed(head, intake), intake)
        await self._offer(made, made.rest(intake), intake)

    async def _offer(self, made: Cutter, chunks: Chunks, intake: Intake) -> None:
        for chunk, end in chunks:
            self._codec, self._columns, self._page.taken = made.codec, made.columns, end
            if not intake.open:
                await intake.opened()
            intake.offer(chunk, self._page.position(end))


class EventsAdapter(SseAdapter):
    """Server-sent events of a page; the position is the id of the last one."""

    name = NAME

    def __init__(self, settings: Settings, params: Map) -> None:
        super().__init__(settings)
        self.idle_ms = settings["connect-timeout-ms"] = params.get(Keyword("timeout"))

    async def run(self, session: Session, intake: Intake) -> None:
        with _refusals(intake):
            await super().run(session, intake)


@contextmanager
def _refusals(intake: Intake) -> Iterator[None]:
    """A status that will stay the same is S023, as it is after all attempts."""
    try:
        yield
    except Lost as loss:
        if loss.hopeless:
            raise fault(23, data={"status": loss.status}, n=intake.attempt, e=loss.why) from loss
        raise


def _charset(response: httpx2.Response) -> str:
    """The codec that the answer names. S026 for one that nobody knows."""
    named = _CHARSET.search(response.headers.get("content-type", ""))
    if named is None:
        return "utf-8"
    try:
        return codec_of(named[1])
    except RtfsError:
        raise fault(26, why=f"an answer in the charset {named[1][:40]}, which nobody knows") from None


def _open(settings: Settings, params: Map, services: Services) -> Adapter:
    if params.get(MODE) is SSE:
        return EventsAdapter(settings, params)
    return PageAdapter(settings, params)


def _url(params: Map) -> str:
    """The URL with `:params` behind it. S003 when it is none of the web."""
    url = web.address(params.get(URL), "http", "https")
    query = urlencode(list(_pairs(params.get(Keyword("params")))))
    if not query:
        return url
    place, mark, fragment = url.partition("#")
    return f"{place}{'&' if '?' in place else '?'}{query}{mark}{fragment}"


def _pairs(given: Map | None) -> Iterator[tuple[str, str]]:
    """Names and values of a query; a vector gives its name again and again, nil none."""
    for key, value in () if given is None else given.entries():
        name = key.name if type(key) is Keyword else str(key)
        for each in value if is_vector(value) else (value,):
            if each is not None:
                yield name, each if type(each) is str else each.name if type(each) is Keyword else shown(each)


SOURCE = SourceKind(
    table=parameter_table(
        NAME,
        main="url",
        params={
            "url": {"kind": "string", "required": True, "text": "the page"},
            "headers": {"kind": "map", "text": "further headers, which may be secret"},
            "auth": AUTH_ROW,
            "params": {"kind": "map", "text": "names and values of the query; a vector repeats its name"},
            "timeout": {
                "kind": "int", "min": 1, "default": 30_000,
                "text": "ms that connecting, the first bytes, and each further part may take",
            },
            "mode": {
                "kind": "keyword", "one-of": [*MODES, "sse"], "default": Keyword("text"),
                "text": "what a chunk is; `:csv` gives maps under the names in the first line",
            },
            "chunk-size": {"kind": "int", "min": 1, "default": 65_536, "text": "bytes of a chunk of text or bytes"},
            "encoding": {"kind": "any", "text": "of the characters; without it, what the answer says, or UTF-8"},
        },
        slots={"on-data": ["chunk"], "on-end": []},
        when={"on-end": "end"},
    ),
    open=_open,
    finite=lambda params: params.get(MODE) is not SSE,
    effects=(":network",),
    doc="The content of a page of the web.",
    examples=(
        ('(:rtfs/node (call :stream.http.get "https://example.org/data.csv" {:mode :csv}))', ":http.get"),
    ),
    needs=lambda params: (Need.of("net", _url(params), verb="GET"),),
    server=server_at("http", _url),
)  # fmt: skip
