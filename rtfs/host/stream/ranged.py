"""The bytes of one web page over several connections: how the rest of the same bytes is asked for (§3.5, §6.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.catalogue import fault
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    import httpx2

    from rtfs.host.stream.adapters import Session

K_OFFSET, K_ETAG = Keyword("offset"), Keyword("etag")
OK, _PART, _BEYOND = 200, 206, 416
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')


class Ranged:
    """taken: bytes that became chunks; from a position on after a resume. etag: names these bytes, None without ranges.

    A page whose server offers no ranges or has no strong entity tag gives no positions. One that `renews` goes on with
    what a new answer brings, unless its length was said; any other cannot go on at all.
    """

    def __init__(self, adapter: str, *, renews: bool) -> None:
        self.taken = 0
        self.etag: str | None = None
        self._adapter = adapter
        self._renews = renews
        self._whole = False  # the length is known, so what is missing is missing

    def find(self, position: Any) -> None:
        """Where an earlier process was."""
        if self.etag is None and type(position) is Map:
            offset, etag = position.get(K_OFFSET), position.get(K_ETAG)
            if type(offset) is int and type(etag) is str:
                self.taken, self.etag = offset, etag

    def position(self, end: int) -> Map | None:
        """That of a chunk which ends before byte `end`."""
        return None if self.etag is None else Map.of([(K_OFFSET, end), (K_ETAG, self.etag)])

    def wanted(self, session: Session) -> tuple[dict[str, str | bytes], frozenset[int]]:
        """The headers that ask for the rest, and the statuses that are no refusal. S024 when it cannot be asked for."""
        if not self.taken:
            return {}, frozenset({OK})
        if self.etag is not None:
            asked: dict[str, str | bytes] = {"range": f"bytes={self.taken}-", "if-range": self.etag.encode("latin-1")}
            return asked, frozenset({OK, _PART, _BEYOND})
        if self._whole or not self._renews:
            raise self.lost(session, "without ranges and a strong entity tag the rest cannot be asked for")
        return {}, frozenset({OK})

    def begin(self, response: httpx2.Response, session: Session) -> int | None:
        """How many bytes of the answer come again; None when there is nothing more. S024 when it has other bytes."""
        found = response.headers.get("etag", "").strip()
        etag = found if _STRONG.fullmatch(found) else None
        place = _RANGE.fullmatch(response.headers.get("content-range", "").strip().lower())
        if response.status_code == _BEYOND:
            if place is None or place[2] != str(self.taken):
                raise self.lost(session, "it is shorter than what was read of it")
            return None
        if response.status_code == _PART:
            if place is None or place[1] != str(self.taken) or etag not in (None, self.etag):
                raise self.lost(session, "the server sent another part than the one asked for")
            return 0
        if self.etag is not None and self.taken:
            if etag != self.etag:
                raise self.lost(session, "it has changed since it was read")
            return self.taken
        self.taken = 0
        self._whole = "content-length" in response.headers
        ranges = response.headers.get("accept-ranges", "").strip().lower() == "bytes"
        self.etag = etag if ranges else None
        return 0

    def lost(self, session: Session, why: str) -> RtfsError:
        """S024 that says where it stands."""
        return fault(
            24, a=f":{self._adapter}", endpoint=session.shown, why=f"it cannot go on at byte {self.taken}: {why}"
        )
