"""`:ws`: the messages of a web socket (streaming.md §3.5)."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import websocket
from rtfs.host.stream.adapters import K_TYPE, Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import dig, to_json
from rtfs.host.stream.framed import Frame, Framed, Frames
from rtfs.host.stream.options import shown
from rtfs.host.stream.retry import Lost
from rtfs.host.stream.transports import Limits
from rtfs.host.stream.websocket import Malformed, Oversize, Socket

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings


class WsAdapter(Framed):
    """Each message is a chunk; the messages of `:subscribe` go out after each open.

    The position is the number at `:seq-path`. The server is not asked to go on there, but what is missing after the
    last number that arrived is told by the event `gap`.
    """

    name = "ws"
    idle_ms: int | None = 60_000
    frame_kind = "ws"
    sends = True
    protocols: tuple[str, ...] = ()

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._socket: Socket | None = None
        self._session: Session | None = None
        self._last: int | None = None

    def memory(self) -> Any:
        """The last number that arrived, processed or not."""
        return self._last

    def remember(self, memory: Any) -> None:
        self._last = memory if type(memory) is int else None

    @asynccontextmanager
    async def connected(self, session: Session, intake: Intake) -> AsyncIterator[Frames]:
        settings = self.settings
        timing = settings["connect-timeout-ms"], settings["close-timeout-ms"]
        frame_bytes = Limits(timing[0], self.most).frame_bytes
        async with websocket.opened(
            session, self.name, timing=timing, frame_bytes=frame_bytes, protocols=self.protocols
        ) as socket:
            self._session, self._socket = session, socket
            try:
                for message in settings["subscribe"]:
                    await self.send(message)
                yield self._frames(socket, frame_bytes)
            finally:
                self._socket = None

    async def _frames(self, socket: Socket, frame_bytes: int) -> Frames:
        while True:
            try:
                message = await socket.receive()
            except Oversize:
                yield {"oversize": frame_bytes + 1}
                raise Lost("the socket is closed after a message that is too long", clean=True) from None
            except Malformed as problem:
                yield {"malformed": str(problem)}
                raise Lost(f"malformed frame: {problem}", clean=True) from None
            yield self._frame(message)

    def _frame(self, message: str | bytes) -> Frame:
        """A message as JSON data; bytes that are not UTF-8 are not text of anything."""
        size = len(message) if isinstance(message, bytes) else len(message.encode("utf-8", "surrogatepass"))
        if size > self.most:
            return {"oversize": size}
        if isinstance(message, str):
            return {"text": message}
        try:
            return {"text": message.decode(), "binary": True}
        except UnicodeDecodeError:
            shown = b64encode(message[:60]).decode()
            return {"malformed": f"a binary message that is not UTF-8, base64 {shown}"}

    def offer(self, frame: Frame, intake: Intake) -> None:
        value = self.value(frame["text"])
        metadata = {K_TYPE: "application/octet-stream"} if frame.get("binary") else None
        path = self.settings["seq-path"]
        number = None if path is None else dig(value, path)
        if type(number) is not int:
            number = None
        elif self._last is not None and number > self._last + 1:
            intake.owner.emit("gap", missing=number - self._last - 1, after=self._last, before=number)
        if number is not None and (self._last is None or number > self._last):
            self._last = number
        intake.offer(value, number, metadata)

    async def send(self, data: Any) -> None:
        message = self.written(data)
        if self._socket is None or self._session is None:
            raise Lost("the socket is not open")
        if self._session.recorder is not None:
            self._session.recorder.frame("out", self.frame_kind, {"text": message})
        await self._socket.send(message)

    def written(self, data: Any) -> str | bytes:
        """A message as it goes out: a string as it is, any other value as JSON."""
        return data if type(data) is str else self.as_json(data)

    def as_json(self, data: Any) -> str:
        """S003 for what has no JSON."""
        try:
            return json.dumps(to_json(data), ensure_ascii=False, allow_nan=False)
        except ValueError:
            raise fault(3, p="message", kind="value that has JSON", value=shown(data)) from None


ADAPTER = WsAdapter
