"""A running host answers on a local socket: who it is, what its streams do, and what they shall do (`rtfs stream`).

A peer sends one line of JSON, `{"do": "info", "stream": "s"}`; each line of the answer is `{"value": text}` with a
value as RTFS text, or `{"error": {"code" "message"}}`. Peers are of the same user and few, and none can hold a stream
up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import rendezvous
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.inspection import keyed
from rtfs.lang.codec import encode
from rtfs.lang.errors import RtfsError
from rtfs.lang.printer import show_brief

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtfs.host.stream.registry import StreamRegistry
    from rtfs.host.stream.stream import Stream

PEERS = 16  # at the same time
REQUEST_BYTES = 65_536
LAST_WORDS = 1.0  # seconds for answers that are under way when the host ends
PATIENCE = 10.0  # seconds for a peer to send its request, or to take what it is sent
_numbers = count(1)
_BROKEN_OFF = (OSError, ValueError, RecursionError, TimeoutError, asyncio.LimitOverrunError, asyncio.CancelledError)


class Control:
    """The socket of one registry, open from its making to `close`. Needs a running event loop.

    about: what `hello` answers beside the process, such as the script's name. OSError when no socket can be made.
    """

    def __init__(self, registry: StreamRegistry, about: dict[str, Any] | None = None) -> None:
        self._registry = registry
        self._about = about or {}
        self._peers: set[asyncio.Task[Any]] = set()
        place = rendezvous.prepared(rendezvous.folder())
        self.path: Path = place / f"{os.getpid()}-{next(_numbers)}.sock"
        self._socket = self._bound()
        self._server: asyncio.Server | None = None
        self._task = asyncio.get_running_loop().create_task(self._listen())

    def _bound(self) -> socket.socket:
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()  # of a dead process that had our number
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            bound.bind(os.fspath(self.path))
            self.path.chmod(0o600)
            bound.listen(PEERS)
        except OSError:
            bound.close()
            raise
        bound.setblocking(False)
        return bound

    async def _listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._meet, sock=self._socket, limit=REQUEST_BYTES)

    async def aclose(self) -> None:
        """Take the socket away once the peers that are being answered have their answers."""
        self._vanish()
        if self._peers:
            _, late = await asyncio.wait(self._peers, timeout=LAST_WORDS)
            for peer in late:
                peer.cancel()
        self.close()
        await asyncio.gather(self._task, *self._peers, return_exceptions=True)

    def close(self) -> None:
        """Take the socket away. Callable when the loop no longer runs."""
        self._vanish()
        self._task.cancel()
        if self._server is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._server.close()
        self._socket.close()

    def _vanish(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    # ---- one peer

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = asyncio.current_task()
        assert peer is not None
        self._peers.add(peer)
        try:
            if len(self._peers) <= PEERS and rendezvous.same_user(writer.get_extra_info("socket")):
                await self._serve(reader, writer)
                writer.close()
                await asyncio.wait_for(writer.wait_closed(), PATIENCE)
        except _BROKEN_OFF:
            pass  # a peer that breaks off, or says what is no request, gets nothing more; likewise at the host's end
        finally:
            self._peers.discard(peer)
            writer.transport.abort()  # whatever was not sent by now nobody wants

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
        request = json.loads(line)
        if type(request) is not dict:
            raise ValueError("no request")
        answers = self._answers(request)
        gone = asyncio.ensure_future(reader.read(1))  # nothing more is expected but the end of the connection
        try:
            async for value in _until(answers, gone):
                await _send(writer, {"value": encode(value, lambda part: show_brief(part))})
        except RtfsError as error:
            await _send(writer, {"error": {"code": error.code, "message": error.message}})
        finally:
            gone.cancel()
            await answers.aclose()

    async def _answers(self, request: dict[str, Any]) -> Any:
        do = request.get("do")
        if do == "hello":
            yield self._hello()
        elif do == "ls":
            for short in self._registry.listed():
                yield short
        elif do == "tail":
            async for output in self._tail(self._find(request), _number(request, "last"), bool(request.get("follow"))):
                yield output
        elif do == "info":
            yield self._find(request).inspect(_number(request, "queue"), max_chars=_number(request, "chars") or 4_000)
        elif do == "graph":
            yield self._picture(self._find(request), request.get("format"))
        elif do in ("pause", "resume", "cancel", "stop"):
            yield await self._command(do, self._find(request), request)
        else:
            raise ValueError("no request")

    def _picture(self, stream: Stream, format: Any) -> str:
        from rtfs.host.stream.live import live
        from rtfs.host.stream.picture import FORMATS

        if format not in FORMATS:
            raise ValueError("no format")
        return live(stream).written(format)

    def _hello(self) -> Any:
        host = self._registry.host
        return keyed(pid=os.getpid(), state=getattr(host, "state_dir", None), **self._about)

    def _find(self, request: dict[str, Any]) -> Stream:
        """The stream of an id, or of the beginning of one that no other shares. S005."""
        id = request.get("stream")
        if type(id) is not str:
            raise ValueError("no stream")
        streams = self._registry.streams
        alike = [stream for known, stream in streams.items() if id and known.startswith(id)]
        if id in streams or len(alike) != 1:
            return self._registry.find(id)
        return alike[0]

    async def _command(self, do: str, stream: Stream, request: dict[str, Any]) -> Any:
        reason = request.get("reason")
        reason = reason if type(reason) is str else None
        if do == "stop":
            changed = await stream.stop(reason, drain=bool(request.get("drain")))
        else:
            changed = await getattr(stream, do)(reason)
        return keyed(stream_id=stream.id, status=stream.status, changed=changed)

    async def _tail(self, stream: Stream, last: int, follow: bool) -> AsyncIterator[Any]:
        """The last outputs that are kept, with `follow` those to come too; the stream does not wait for this reader."""
        outputs = stream.owner.outputs
        if outputs.mode == "none":
            raise fault(3, p="stream", kind="stream that keeps its outputs", value=f"{stream.id} with :outputs :none")
        reader = stream.reader(f"tail-{next(_numbers)}", holds=False, at=max(outputs.oldest, outputs.next - last))
        try:
            while found := await stream.read(reader, 64, None if follow else 0):
                for output in found:
                    yield keyed(output_seq=output.output_seq, value=output.value, seq=output.seq, time=output.time)
        finally:
            outputs.detach(reader.id)


def _number(request: dict[str, Any], key: str) -> int:
    value = request.get(key, 10)
    if type(value) is not int or not 0 <= value <= 1_000_000:
        raise ValueError(f"no {key}")
    return value


async def _until(answers: Any, gone: asyncio.Future[bytes]) -> AsyncIterator[Any]:
    """The answers, until the peer is gone."""
    while True:
        step = asyncio.ensure_future(anext(answers))
        try:
            await asyncio.wait({step, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not step.done():
                return
            yield step.result()
        except StopAsyncIteration:
            return
        finally:
            if not step.done():
                step.cancel()
                with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                    await step


async def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(json.dumps(message, ensure_ascii=True).encode() + b"\n")
    await asyncio.wait_for(writer.drain(), PATIENCE)
