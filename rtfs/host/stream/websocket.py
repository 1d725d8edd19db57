"""One web socket, opened with the credentials of its origin and closed within bounds (streaming.md §3.5)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import web
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.retry import Lost

if TYPE_CHECKING:
    from httpx2.websockets import AsyncWebSocketSession

    from rtfs.host.stream.adapters import Session

PING_SECONDS = 20.0
_SWITCHING = 101
_TOO_BIG = 1009
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Oversize(Exception):
    """A message was too long to be read; the connection is closed."""


class Malformed(Exception):
    """What arrived is no web socket protocol; the connection is of no use any more."""


class Socket:
    """Messages in both directions. `frame_bytes`: what is read of one message."""

    def __init__(self, session: AsyncWebSocketSession) -> None:
        self._session = session

    async def receive(self) -> str | bytes:
        """The next message, whole. Lost when the other side closes; Oversize, Malformed."""
        from httpx2.websockets import WebSocketDisconnect, WebSocketNetworkError
        from wsproto.connection import ConnectionState
        from wsproto.events import BytesMessage, TextMessage

        while True:
            try:
                event = await self._session.receive()
            except WebSocketDisconnect as end:
                state = self._session.connection.state
                if end.code == _TOO_BIG and state is ConnectionState.LOCAL_CLOSING:
                    raise Oversize from None
                if state is ConnectionState.OPEN:  # nobody closed: the reader of frames gave up
                    raise Malformed(end.reason) from None
                reason = f": {end.reason}" if end.reason else ""
                raise Lost(f"the server closed the socket with code {end.code}{reason}", clean=True) from None
            except WebSocketNetworkError:
                raise Lost("the connection broke", clean=True) from None
            if isinstance(event, TextMessage):
                return event.data
            if isinstance(event, BytesMessage):
                return bytes(event.data)

    async def send(self, message: str | bytes) -> None:
        """Send a message of text or bytes. Lost when the socket is closed."""
        from httpx2.websockets import HTTPXWSException
        from wsproto.utilities import LocalProtocolError

        try:
            if isinstance(message, str):
                await self._session.send_text(message)
            else:
                await self._session.send_bytes(message)
        except (HTTPXWSException, LocalProtocolError) as error:
            raise Lost("the connection is closed") from error


@asynccontextmanager
async def opened(
    session: Session, adapter: str, *, timing: tuple[int, int], frame_bytes: int, protocols: Sequence[str] = ()
) -> AsyncIterator[Socket]:
    """A socket after its handshake. timing: ms to connect and to close. protocols: those that are offered. S024.

    Pings go out every 20 s; whether silence lasts too long is the watchdog's business. Compression is not offered.
    """
    import secrets

    from httpx2.websockets import AsyncWebSocketSession

    key = b64encode(secrets.token_bytes(16)).decode()
    headers: dict[str, Any] = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": key,
        "sec-websocket-version": "13",
    }
    if protocols:
        headers["sec-websocket-protocol"] = ", ".join(protocols)
    connect_ms, close_ms = timing
    async with web.opened(session, adapter, headers, frozenset({_SWITCHING}), milliseconds=connect_ms) as response:
        if response.headers.get("sec-websocket-accept", "").strip() != _accepted(key):
            raise fault(24, a=f":{adapter}", endpoint=session.shown, why="the handshake is answered by no web socket")
        chosen = response.headers.get("sec-websocket-protocol")
        if chosen is not None and chosen.strip() not in protocols:
            why = f"the server chose the protocol {chosen[:40]}, which was not offered"
            raise fault(24, a=f":{adapter}", endpoint=session.shown, why=why)
        made = AsyncWebSocketSession(
            response.extensions["network_stream"],
            max_message_size_bytes=frame_bytes,
            keepalive_ping_interval_seconds=PING_SECONDS,
            keepalive_ping_timeout_seconds=None,  # a pong cannot be read while the gate is shut
            response=response,
        )
        async with _closing(made, close_ms):
            yield Socket(made)


def _accepted(key: str) -> str:
    """What a server that speaks the protocol makes of our key (RFC 6455 §4.2.2)."""
    return b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


@asynccontextmanager
async def _closing(made: AsyncWebSocketSession, close_ms: int) -> AsyncIterator[None]:
    """The session's own context, with one exception out of its groups and a bound on saying good-bye."""
    import anyio
    from wsproto.utilities import ProtocolError

    from rtfs.host.stream.connection import innermost

    try:
        async with made:
            try:
                yield
            finally:
                with anyio.move_on_after(close_ms / 1000, shield=True):
                    await made.close()
    except BaseExceptionGroup as group:
        cause = innermost(group)
        if isinstance(cause, ProtocolError):  # something arrived after the end
            raise Lost(f"the connection broke: {cause}", clean=True) from None
        raise cause from None
