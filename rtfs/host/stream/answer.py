"""Bodies of HTTP answers, with a bound that the SDK has not (streaming.md §3.8).

The SDK reads an answer that is no event stream whole, however long it is, and unpacks whatever is compressed; an event
that is too long for it is a lost connection. So every answer is asked for uncompressed (`PLAIN`), and `bind` ends one
that is not, or that is too long, or has an event that is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.numbering import Numbering
from rtfs.host.stream.transports import Limits, Tap
from rtfs.lang.errors import RtfsError

PLAIN = {"accept-encoding": "identity"}


class _Bounded(httpx2.AsyncByteStream):
    """The bytes of an answer as long as they are what was asked for; `tap` gets to know when they are not."""

    def __init__(self, inner: Any, packed: str, limits: Limits, tap: Tap) -> None:
        self._inner = inner
        self._packed = packed
        self._limits = limits
        self._tap = tap

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._packed:
            raise self._refused(fault(26, why=f"an answer in {self._packed[:40]}, which was not asked for"))
        size = 0
        async for part in self._inner:
            size = self._grown(size, part)
            if size > self._limits.frame_bytes:
                raise self._refused(fault(25, n=size, m=self._limits.message_bytes))
            yield part

    def _grown(self, size: int, part: bytes) -> int:
        """The size of the message whose end has not come, after another part of the body."""
        return size + len(part)

    def _refused(self, error: RtfsError) -> httpx2.StreamError:
        self._tap.fault = error
        return httpx2.StreamError(error.message)  # what the SDK answers the waiting request with

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Events(_Bounded):
    """An event stream: what is bounded is each event. unasked: it belongs to no request."""

    unasked = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        numbering = Numbering() if self.unasked else None
        try:
            async for part in super().__aiter__():
                yield part if numbering is None else numbering.passed(part)
        finally:
            if self.unasked:
                self._tap.deaf()

    def _grown(self, size: int, part: bytes) -> int:
        last = max(part.rfind(b"\n\n"), part.rfind(b"\n\r\n"), part.rfind(b"\r\r"))
        return size + len(part) if last < 0 else len(part) - last


def bind(response: httpx2.Response, limits: Limits, tap: Tap, *, unasked: bool) -> None:
    """Bound what will be read of an answer. unasked: is an event stream that was not posted for what comes unasked?"""
    packed = response.headers.get("content-encoding", "identity").strip().lower().replace("identity", "")
    kind = response.headers.get("content-type", "").lower()
    bounded = _Events if kind.startswith("text/event-stream") else _Bounded
    response.stream = bounded(response.stream, packed, limits, tap)
    if isinstance(response.stream, _Events):
        response.stream.unasked = unasked and response.request.method == "GET"
