"""A recorded MCP server: it answers what it was asked then, with what it said then (streaming.md §3.9)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.recording import Recorded, Recording
from rtfs.host.stream.transports import Limits, Tap, TappedLink, Target

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

EFFECT = ":filesystem"
_NOT_FOUND = -32601
_TURNS = 100


class Replay:
    """What a replay target stands for: a recording of which each connection is gone through once."""

    def __init__(self, recording: Recording, speed: float) -> None:
        self.recording = recording
        self.speed = speed
        self._connections = _connections(recording)
        self._next: list[Recorded] | None = next(self._connections, None)

    @property
    def over(self) -> bool:
        """Is there no connection left?"""
        return self._next is None

    def take(self) -> list[Recorded]:
        """The frames of the next connection."""
        taken, self._next = self._next, next(self._connections, None)
        return taken or []


def _connections(recording: Recording) -> Iterator[list[Recorded]]:
    """The JSON frames of each connection that has some."""
    frames: list[Recorded] = []
    for frame in recording.frames():
        if frame.kind == "open" and frames:
            yield frames
            frames = []
        if frame.kind == "json":
            frames.append(frame)
    if frames:
        yield frames


class ReplayLink(TappedLink):
    """One recorded connection."""

    def __init__(self, target: Target) -> None:
        super().__init__(Tap(self._opened(target.place)))

    def _opened(self, replay: Replay) -> AbstractAsyncContextManager[Any]:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Any]:
            import anyio

            arrived, reads = anyio.create_memory_object_stream[Any](0)
            writes, leaving = anyio.create_memory_object_stream[Any](0)
            script = _Script(replay.take(), replay.speed)
            async with arrived, reads, writes, leaving, anyio.create_task_group() as group:
                group.start_soon(script.answer, arrived)
                group.start_soon(script.listen, leaving, arrived)
                try:
                    yield reads, writes
                finally:
                    group.cancel_scope.cancel()

        return opened()


class _Script:
    """The frames of one connection. What arrived waits until everything is asked that was asked before it."""

    def __init__(self, frames: list[Recorded], speed: float) -> None:
        import anyio

        self._frames = frames
        self._speed = speed
        self._given = 0  # the index of the next frame
        self._asked: set[int] = set()  # indexes of the requests that were made again
        self._ids: dict[Any, Any] = {}  # then → now
        self._tokens: dict[Any, Any] = {}  # of progress, then → now
        self._again = anyio.Event()
        self._turns = 0  # of the loop since everything was given and the last request came

    async def listen(self, leaving: MemoryObjectReceiveStream[Any], arrived: MemoryObjectSendStream[Any]) -> None:
        """Find each request of ours among the recorded ones."""
        import anyio

        async for message in leaving:
            said = message.message.model_dump(mode="json", by_alias=True, exclude_unset=True)
            if not _is_request(said):
                continue
            self._turns = 0
            index = self._find(said)
            if index is not None:
                then = self._frames[index].data
                self._ids[_hashable(then["id"])] = said["id"]
                self._tokens[_hashable(_token(then))] = _token(said)
                self._asked.add(index)
                done, self._again = self._again, anyio.Event()
                done.set()
            elif (late := self._left_out(said)) is not None:
                await arrived.send(_message({**late, "id": said["id"]}))
            elif self._given < len(self._frames):
                error = {"code": _NOT_FOUND, "message": f"the recording has no further {said['method']} like this"}
                await arrived.send(_message({"jsonrpc": "2.0", "id": said["id"], "error": error}))

    def _left_out(self, said: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a request that was left out, because others came before it this time."""
        for index in range(self._given):
            if self._unasked(index) and _same(self._frames[index].data, said):
                self._asked.add(index)
                wanted = self._frames[index].data["id"]
                for frame in self._frames[index:]:
                    if frame.direction == "in" and "method" not in frame.data and frame.data.get("id") == wanted:
                        found: dict[str, Any] = frame.data
                        return found
        return None

    def _find(self, said: dict[str, Any]) -> int | None:
        """The index of the request that was the same. What was asked before it and is not now is left out."""
        frames, first = self._frames, self._given
        candidates = (index for index in range(first, len(frames)) if self._unasked(index))
        found = next((index for index in candidates if _same(frames[index].data, said)), None)
        if found is not None:
            waiting = next((index for index in range(first, found) if self._unasked(index)), found)
            if any(frame.direction == "in" for frame in frames[waiting:found]):
                self._given = found
        return found

    def _unasked(self, index: int) -> bool:
        frame = self._frames[index]
        return frame.direction == "out" and _is_request(frame.data) and index not in self._asked

    async def answer(self, arrived: MemoryObjectSendStream[Any]) -> None:
        """Give what arrived, in its order, then close."""
        import anyio

        before: int | None = None
        async with arrived:
            while self._given < len(self._frames):
                if self._unasked(self._given):
                    await self._again.wait()
                    continue
                frame = self._frames[self._given]
                self._given += 1
                if frame.direction != "in":
                    continue
                if self._speed and before is not None:
                    await anyio.sleep(max(0, frame.at - before) / 1000 / self._speed)
                before = frame.at
                bad = "malformed" in frame.data
                await arrived.send(ValueError(frame.data["malformed"]) if bad else _message(self._now(frame.data)))
            while self._turns < _TURNS:  # what was given last is not to meet the end on its way
                self._turns += 1
                await anyio.lowlevel.checkpoint()

    def _now(self, data: dict[str, Any]) -> dict[str, Any]:
        """A recorded message with the ids and tokens of this time."""
        data = json.loads(json.dumps(data))
        if "method" not in data and "id" in data:
            data["id"] = self._ids.get(_hashable(data["id"]), data["id"])
        parameters = data.get("params")
        if type(parameters) is dict and "progressToken" in parameters:
            token = parameters["progressToken"]
            parameters["progressToken"] = self._tokens.get(_hashable(token), token)
        return data


def _message(data: dict[str, Any]) -> Any:
    from mcp.shared.message import SessionMessage
    from mcp_types import jsonrpc_message_adapter

    return SessionMessage(jsonrpc_message_adapter.validate_python(data, by_name=False))


def _hashable(value: Any) -> Any:
    return value if type(value) in (int, str) else None


def _token(data: dict[str, Any]) -> Any:
    return ((data.get("params") or {}).get("_meta") or {}).get("progressToken")


def _is_request(data: dict[str, Any]) -> bool:
    return "method" in data and "id" in data


def _same(then: Any, said: dict[str, Any]) -> bool:
    """The same question, whatever its number."""
    return bool(_is_request(then) and then["method"] == said["method"] and _asked(then) == _asked(said))


def _asked(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (data.get("params") or {}).items() if key != "_meta"}


def connect(target: Target, limits: Limits) -> ReplayLink:
    return ReplayLink(target)
