"""MCP over a web socket: one JSON-RPC message in each text message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from rtfs.host.clock import Clock
from rtfs.host.stream import websocket
from rtfs.host.stream.adapters import Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.retry import Lost
from rtfs.host.stream.timers import Timers
from rtfs.host.stream.transports import Limits, Tap, TappedLink, Target
from rtfs.host.stream.websocket import Malformed, Oversize, Socket

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

EFFECT = ":network"
CLOSE_MS = 2_000


class WsLink(TappedLink):
    """One web socket and the MCP transport over it."""

    def __init__(self, target: Target, limits: Limits) -> None:
        self._target = target
        self._limits = limits
        super().__init__(Tap(self._opened()))

    def _opened(self) -> AbstractAsyncContextManager[Any]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Any]:
            timers = Timers(Clock())
            limits, target = self._limits, self._target
            gone = asyncio.get_running_loop().create_future()
            session = Session(None, timers, target.shown, gone, target, admit=_stay)
            timing = limits.connect_ms, CLOSE_MS
            try:
                async with (
                    websocket.opened(
                        session, "ws", timing=timing, frame_bytes=limits.frame_bytes, protocols=("mcp",)
                    ) as socket,
                    self._carried(socket) as streams,
                ):
                    yield streams
            except Lost as loss:
                self.status, self.retry_after = loss.status, loss.retry_after
                raise
            finally:
                timers.close()

        return opened()

    @asynccontextmanager
    async def _carried(self, socket: Socket) -> AsyncIterator[tuple[Any, Any]]:
        """The two streams that the SDK wants, carried over the socket."""
        import anyio

        arrived, reads = anyio.create_memory_object_stream[Any](0)
        writes, leaving = anyio.create_memory_object_stream[Any](0)
        async with arrived, reads, writes, leaving, anyio.create_task_group() as group:
            group.start_soon(self._bring, socket, arrived)
            group.start_soon(self._take, socket, leaving, arrived)
            try:
                yield reads, writes
            finally:
                group.cancel_scope.cancel()

    async def _bring(self, socket: Socket, arrived: MemoryObjectSendStream[Any]) -> None:
        """Messages of the server, until it closes."""
        import anyio
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter

        limits = self._limits
        async with arrived:
            while True:
                try:
                    text = await socket.receive()
                    try:
                        message = jsonrpc_message_adapter.validate_json(text, by_name=False)
                    except ValueError as problem:  # the SDK counts it as malformed and goes on
                        await arrived.send(problem)
                    else:
                        await arrived.send(SessionMessage(message))
                except Oversize:
                    self.tap.fault = fault(25, n=limits.frame_bytes + 1, m=limits.message_bytes)
                    return
                except Malformed as problem:
                    self.tap.unreadable(str(problem))
                    return
                except (Lost, anyio.ClosedResourceError, anyio.BrokenResourceError):
                    return

    async def _take(
        self, socket: Socket, leaving: MemoryObjectReceiveStream[Any], arrived: MemoryObjectSendStream[Any]
    ) -> None:
        """Messages of ours; when one cannot be sent, nobody waits for an answer."""
        async with leaving:
            async for message in leaving:
                try:
                    await socket.send(message.message.model_dump_json(by_alias=True, exclude_unset=True))
                except Lost:
                    await arrived.aclose()
                    return


def _stay(url: str) -> None:
    raise Lost("the server sends us to another origin", status=302)


def connect(target: Target, limits: Limits) -> WsLink:
    return WsLink(target, limits)
