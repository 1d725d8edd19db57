"""An HTTP and web socket server of a test, in this process, that does to each connection whatever the test says."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from wsproto.connection import Connection as Protocol
from wsproto.connection import ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.utilities import RemoteProtocolError

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SSE = {"content-type": "text/event-stream"}


class Peer:
    """One connection, its request read. number: from 1; headers: of the request, names in lower case."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.path = ""
        self.headers: dict[str, str] = {}
        self.sent = 0
        self._reader = reader
        self._writer = writer
        self._socket = Protocol(ConnectionType.SERVER)
        self._heard: list[Event] = []

    async def read_request(self) -> None:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        self.path = head[0].split()[1]
        self.headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:]) if k}

    async def head(self, status: int, **headers: Any) -> None:
        """Status line and headers; `_` in a name is `-`."""
        lines = [f"HTTP/1.1 {status} Said", *(f"{name.replace('_', '-')}: {text}" for name, text in headers.items())]
        await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def answer(self, status: int, body: bytes = b"", **headers: Any) -> None:
        """A whole answer."""
        await self.head(status, content_length=len(body), connection="close", **headers)
        await self.raw(body)

    async def events(self, text: str = "") -> None:
        """The head of an endless event stream, and its first bytes."""
        await self.head(200, content_type="text/event-stream", connection="close")
        await self.raw(text.encode())

    async def raw(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
        self.sent += len(data)

    async def part(self, data: bytes) -> None:
        """A part of a body whose transfer encoding is chunked."""
        await self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    async def gone(self) -> None:
        """Wait until the client closes."""
        while await self._reader.read(65_536):
            pass

    def reset(self) -> None:
        """Break the connection in the hardest way there is."""
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing sends a reset
        self._writer.transport.abort()

    # ---- web sockets

    async def upgrade(self, **headers: Any) -> None:
        """The handshake."""
        key = self.headers["sec-websocket-key"] + _GUID
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        await self.head(101, upgrade="websocket", connection="Upgrade", sec_websocket_accept=accept, **headers)

    async def say(self, data: Any) -> None:
        """A message: bytes, text, or a value as JSON."""
        event: Event = BytesMessage(data) if isinstance(data, bytes) else TextMessage(_text(data))
        await self.raw(self._socket.send(event))

    async def ping(self) -> None:
        await self.raw(self._socket.send(Ping(b"?")))

    async def bye(self, code: int = 1000) -> None:
        await self.raw(self._socket.send(CloseConnection(code, "enough")))

    async def hear(self) -> str | None:
        """The next text message of the client; None when it closes."""
        text = ""
        while True:
            while self._heard:
                event = self._heard.pop(0)
                if isinstance(event, CloseConnection):
                    return None
                if isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        return text
            data = await self._reader.read(65_536)
            if not data:
                return None
            try:
                self._socket.receive_data(data)
                self._heard.extend(self._socket.events())
            except RemoteProtocolError:
                return None


def _text(data: Any) -> str:
    return data if isinstance(data, str) else json.dumps(data)


Script = Callable[[Peer], Awaitable[None]]


class Unruly:
    """The server. peers: every connection so far; authority: `host:port`."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.peers: list[Peer] = []
        self.authority = ""
        self.defects: list[Exception] = []

    @property
    def url(self) -> str:
        return f"http://{self.authority}/feed"

    @property
    def socket_url(self) -> str:
        return f"ws://{self.authority}/feed"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(len(self.peers) + 1, reader, writer)
        self.peers.append(peer)
        try:
            await peer.read_request()
            await self.script(peer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        except Exception as error:  # shown to the test at the end
            self.defects.append(error)
        finally:
            writer.close()


@asynccontextmanager
async def unruly(script: Script, sock: socket.socket | None = None) -> AsyncIterator[Unruly]:
    """A running server, perhaps on a socket that listens already; afterwards none of its connections is left."""
    server = Unruly(script)
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await server.serve(reader, writer)
        finally:
            tasks.discard(task)

    place = {"host": "127.0.0.1", "port": 0} if sock is None else {"sock": sock}
    listening = await asyncio.start_server(connected, **place)  # type: ignore[arg-type]
    host, port = listening.sockets[0].getsockname()
    server.authority = f"{host}:{port}"
    try:
        yield server
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert server.defects == []
