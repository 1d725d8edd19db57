"""Streamable HTTP, with the headers set on our own HTTP client and the answers' status kept for the retry rules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from rtfs.host.stream.refusal import seconds
from rtfs.host.stream.transports import Limits, Tap, TappedLink, Target

EFFECT = ":network"


class HttpLink(TappedLink):
    """One HTTP client and the MCP transport over it."""

    def __init__(self, target: Target, limits: Limits) -> None:
        super().__init__(Tap(self._opened(target, limits)))

    def _opened(self, target: Target, limits: Limits) -> AbstractAsyncContextManager[Any]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Any]:
            from mcp.client.streamable_http import DEFAULT_MAX_SSE_EVENT_SIZE, streamable_http_client

            largest = max(DEFAULT_MAX_SSE_EVENT_SIZE, 2 * limits.frame_bytes)  # `answer` bounds events, and says so
            async with (
                http_client(self, target, limits) as client,
                streamable_http_client(target.place, http_client=client, max_sse_event_size=largest) as streams,
            ):
                yield streams

        return opened()

    def note(self, response: Any) -> None:
        """Keep what the SDK does not pass on: the status of the last message and how long the server wants peace."""
        if response.request.method == "POST":
            keep_refusal(self, response)


def http_client(link: Any, target: Target, limits: Limits) -> Any:
    """The HTTP client of a link: its headers, no compression, every answer bounded and shown to `link.note`."""
    import httpx2

    from rtfs.host.stream import answer

    async def arrived(response: httpx2.Response) -> None:
        link.note(response)
        answer.bind(response, limits, link.tap, unasked=target.scheme == "http")

    async def leaving(request: httpx2.Request) -> None:
        if request.method == "GET" and after:
            request.headers.setdefault("last-event-id", after.pop())

    # silence is judged by the stream's watchdog, so reading itself may take for ever
    timeout = httpx2.Timeout(limits.connect_ms / 1000, read=None)
    headers = {**target.headers(), **answer.PLAIN}
    after = [] if target.after is None else [target.after]  # said once: a server that knows no such event is asked anew
    hooks: dict[str, list[Callable[..., Any]]] = {"request": [leaving], "response": [arrived]}
    return httpx2.AsyncClient(headers=headers, timeout=timeout, event_hooks=hooks)


def keep_refusal(link: TappedLink, response: Any) -> None:
    """Note the status of an answer that refuses, and how long the server wants to be left alone."""
    link.status = response.status_code if response.status_code >= 400 else None
    link.retry_after = seconds(response.headers.get("retry-after")) if link.status is not None else None


def connect(target: Target, limits: Limits) -> HttpLink:
    return HttpLink(target, limits)
