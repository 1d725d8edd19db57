"""Streamable HTTP, with the headers set on our own HTTP client and the answers' status kept for the retry rules."""

from __future__ import annotations

import email.utils
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from rtfs.host.stream.transports import Limits, Tap, Target
from rtfs.lang.errors import RtfsError

EFFECT = ":network"


class HttpLink:
    """One HTTP client and the MCP transport over it."""

    def __init__(self, target: Target, limits: Limits) -> None:
        self.status: int | None = None
        self.retry_after: float | None = None
        self.tap = Tap(self._opened(target, limits))
        self.endpoint: Any = self.tap

    @property
    def ended(self) -> bool:
        return self.tap.ended

    @property
    def fault(self) -> RtfsError | None:
        return self.tap.fault

    def _opened(self, target: Target, limits: Limits) -> AbstractAsyncContextManager[Any]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Any]:
            import httpx2
            from mcp.client.streamable_http import DEFAULT_MAX_SSE_EVENT_SIZE, streamable_http_client

            from rtfs.host.stream import answer

            # silence is judged by the stream's watchdog, so reading itself may take for ever
            timeout = httpx2.Timeout(limits.connect_ms / 1000, read=None)
            largest = max(DEFAULT_MAX_SSE_EVENT_SIZE, limits.frame_bytes)
            headers = {**target.headers(), **answer.PLAIN}

            async def arrived(response: httpx2.Response) -> None:
                self._note(response)
                answer.bind(response, limits, self.tap)

            async with (
                httpx2.AsyncClient(headers=headers, timeout=timeout, event_hooks={"response": [arrived]}) as client,
                streamable_http_client(target.place, http_client=client, max_sse_event_size=largest) as streams,
            ):
                yield streams

        return opened()

    def _note(self, response: Any) -> None:
        """Keep what the SDK does not pass on: the status of the last message and how long the server wants peace."""
        if response.request.method != "POST":
            return
        self.status = response.status_code if response.status_code >= 400 else None
        self.retry_after = _seconds(response.headers.get("retry-after")) if self.status is not None else None


def _seconds(header: str | None) -> float | None:
    """`Retry-After` as seconds from now: a number or an HTTP date."""
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


def connect(target: Target, limits: Limits) -> HttpLink:
    return HttpLink(target, limits)
