"""The HTTP transport of MCP 2024-11-05: one event stream for what the server says, a POST for each message to it.

The SDK has a client for it, too; ours bounds events by the stream's own limit, and a message that the server refuses
ends the connection, so that nobody waits for an answer that cannot come.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urljoin

from rtfs.host.stream import credential
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.transports import Limits, Tap, TappedLink, Target
from rtfs.host.stream.transports.http import http_client, keep_refusal

EFFECT = ":network"
REDIRECTS = 5


class SseLink(TappedLink):
    """One HTTP client, its event stream and the URL the server gave for messages."""

    def __init__(self, target: Target, limits: Limits) -> None:
        super().__init__(Tap(self._opened(target, limits)))
        self._url: str = target.place

    def note(self, response: Any) -> None:
        """Every answer counts: the event stream's and those to messages."""
        keep_refusal(self, response)

    def _opened(self, target: Target, limits: Limits) -> AbstractAsyncContextManager[Any]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Any]:
            import anyio

            async with http_client(self, target, limits) as client, self._events(client, limits) as events:
                read_in, read = anyio.create_memory_object_stream[Any](0)
                write, write_out = anyio.create_memory_object_stream[Any](0)
                async with read_in, read, write, write_out, anyio.create_task_group() as group:
                    post_to = await group.start(self._read, events, read_in)
                    group.start_soon(self._write, client, post_to, write_out, limits)
                    yield read, write
                    group.cancel_scope.cancel()

        return opened()

    @asynccontextmanager
    async def _events(self, client: Any, limits: Limits) -> AsyncIterator[Any]:
        """The event stream. Servers may move it within their origin, such as from `/sse` to `/sse/`."""
        place = self._url
        for _ in range(REDIRECTS):
            async with client.sse(place, max_event_size=2 * limits.frame_bytes) as events:
                moved = events.response.next_request
                if moved is None:
                    events.response.raise_for_status()
                    yield events
                    return
                place = self._within(str(moved.url))
        raise ConnectionError("the event stream is always somewhere else")

    def _within(self, url: str) -> str:
        """The URL, if it is of the server's origin: only that gets the credentials."""
        if credential.origin(url) != credential.origin(self._url):
            self.tap.fault = fault(26, why=f"the server sends its client to another origin: {credential.masked(url)}")
            raise self.tap.fault
        return url

    async def _read(self, events: Any, read_in: Any, *, task_status: Any) -> None:
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter

        known = False
        async with read_in:
            async for event in events:
                if event.event == "endpoint" and not known:
                    known = True
                    task_status.started(self._within(urljoin(self._url, event.data)))
                elif event.event == "message" and event.data:
                    try:
                        message: Any = SessionMessage(jsonrpc_message_adapter.validate_json(event.data, by_name=False))
                    except ValueError as problem:
                        message = problem
                    await read_in.send(message)
            if not known:
                raise ConnectionError("the event stream ended before it named the place for messages")

    async def _write(self, client: Any, url: str, write_out: Any, limits: Limits) -> None:
        async with write_out:
            async for sent in write_out:
                body = sent.message.model_dump(by_alias=True, mode="json", exclude_unset=True)
                answer = await client.post(url, json=body, timeout=limits.connect_ms / 1000)
                if answer.status_code >= 300:
                    raise ConnectionError(f"the server refuses a message with HTTP status {answer.status_code}")


def connect(target: Target, limits: Limits) -> SseLink:
    return SseLink(target, limits)
