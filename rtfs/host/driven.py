"""The host for synchronous callers: streams from Python code that has no event loop (streaming.md §3.11).

Each call turns the loop of the session until it has its answer; between two calls streams stand still. Inside that loop
the calls refuse, but `join` and `shutdown`, which are awaited there: `host.streams` is the asynchronous way.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from rtfs.lang.errors import EvaluationError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.marketplace import Marketplace
    from rtfs.host.stream.stream import Stream
    from rtfs.lang.collections import Map

Work = Callable[[], Coroutine[Any, Any, Any]]
Drive = Callable[[Work, str], Any]  # runs work; the text names what to use where that cannot be
ASYNCHRONOUS = "host.streams"


class Driven:
    """What a host offers to callers that do not await. Streams are named by a handle or an id."""

    marketplace: Marketplace
    streams: Any
    drive: Drive | None

    if TYPE_CHECKING:
        allowed: Any

        def dispatch(self, call: Any) -> Any: ...

        async def joined(self, timeout: float | None = None) -> None: ...

        async def ended(self, timeout: float = 30.0, strategy: str = "drain") -> None: ...

    def _wait(self, work: Work) -> Any:
        if self.drive is None:
            text = f"this host has no session to run in; await {ASYNCHRONOUS}"
            raise EvaluationError("InvalidArgument", f"Invalid argument: {text}")
        return self.drive(work, ASYNCHRONOUS)

    # ---- registering

    def register_processor(self, name: str, function: Any) -> None:
        """Name a Python or RTFS function for processors and callbacks that are given as keyword."""
        self.streams.processors[name.lstrip(":")] = function

    def register_streaming_capability(
        self,
        id: str,
        name: str | None = None,
        description: str = "",
        kind: str = "unidirectional",
        provider: Any = None,
        input_schema: Any = None,
        output_schema: Any = None,
        effects: Any = (),
        *,
        replace: bool = False,
    ) -> None:
        """Enter a source, a sink or both into the marketplace; see `rtfs.host.stream.partner` for the providers.

        kind: `unidirectional`, `bidirectional` or `duplex`. input_schema: of a source its parameters, else an item that
        is sent; output_schema: an item received. ValueError and TypeError as for `Marketplace.register`.
        """
        from rtfs.host.stream.partner import streaming_provider

        facts = {"name": name, "description": description, "input": input_schema, "output": output_schema}
        self.marketplace.register(streaming_provider(id, kind, provider, effects=effects, **facts), replace=replace)

    # ---- streams

    def start_stream(self, parameters: Any) -> Map:
        """`:mcp.stream.start` with a map of parameters, or a dict; answers the handle."""

        async def start() -> Map:
            from rtfs.host.stream.settings import as_parameters

            stream: Stream = await self.streams.start_map(as_parameters(parameters))
            return stream.handle()

        handle: Map = self._wait(start)
        return handle

    def stop_stream(self, stream: Any, *, drain: bool = False) -> bool:
        """End a stream; did that change its status?"""
        return bool(self._with(stream, lambda found: found.stop(drain=drain)))

    def resume_stream(self, stream: Any) -> Map:
        """Go on with a paused stream, or with a stored one that does not live here; answers the handle."""

        async def resume() -> Map:
            from rtfs.host.stream.settings import stream_id
            from rtfs.lang.collections import Map
            from rtfs.lang.outcome import HostCall

            id = stream_id(stream)
            found = self.streams.streams.get(id)
            if found is None:
                parameters = Map.of([(Keyword("stream-id"), id)])
                answer = self.dispatch(HostCall("stream.resume", (parameters,), self.allowed))
                resumed: Map = await answer if hasattr(answer, "__await__") else answer
                return resumed
            await found.resume()
            handle: Map = found.handle()
            return handle

        handle: Map = self._wait(resume)
        return handle

    def process_chunk(self, stream: Any, chunk: Any, metadata: Any = None) -> Map:
        """Inject a chunk; answers after its step, and raises what the step raised. S005 when nobody takes it."""

        async def send(found: Stream) -> Map:
            from rtfs.host.stream.settings import as_parameters, as_value

            about = None if metadata is None else as_parameters(metadata)
            return await found.send(as_value(chunk), about, ack="processed")

        sent: Map = self._with(stream, send, "No processor registered for stream: {id}")
        return sent

    def run_mock_stream_loop(self, stream: Any, count: int) -> int:
        """Inject `count` maps `{:seq i :payload "…"}`; how many were accepted."""
        accepted = 0
        for number in range(count):
            chunk = {":seq": number, ":payload": f"mock-{number}"}
            accepted += self.process_chunk(stream, _keyed(chunk)).get(Keyword("accepted")) is True
        return accepted

    def outputs(self, stream: Any) -> Iterator[Any]:
        """The outputs of a stream from the oldest kept on, until it ends; raises the error of one that failed."""

        async def first() -> Any:
            return aiter(self._found(stream))

        async def following(outputs: Any) -> tuple[Any, ...]:
            async for value in outputs:
                return (value,)
            return ()

        outputs = self._wait(first)
        try:
            while found := self._wait(lambda: following(outputs)):
                yield found[0]
        finally:
            self._wait(outputs.aclose)

    # ---- looking

    def get_current_state(self, stream: Any) -> Any:
        """The state after the last finished step; None for an unknown stream."""
        found = self._known(stream)
        return None if found is None else found.state

    def get_status(self, stream: Any) -> Keyword | None:
        """The status; None for an unknown stream."""
        found = self._known(stream)
        return None if found is None else found.status

    def inspect(self, stream: Any) -> Map | None:
        """Everything about a stream; None for an unknown one."""
        found = self._known(stream)
        return None if found is None else found.inspect()

    def client_config(self) -> dict[str, Any]:
        """How MCP servers are reached by default, secrets masked."""
        config: dict[str, Any] = self.streams.directory.client_config()
        return config

    # ---- the end

    def join(self, timeout: float | None = None) -> Any:
        """Wait until spawned tasks and streams have ended (§4.6), at most `timeout` seconds in all."""
        return self._either(lambda: self.joined(timeout))

    def shutdown(self, timeout: float = 30.0, strategy: str = "drain") -> Any:
        """Cancel spawned tasks, stop the streams by their own strategy, and close everything that was opened."""
        return self._either(lambda: self.ended(timeout, strategy))

    def _either(self, work: Work) -> Any:
        """Something to await inside an event loop, the result outside."""
        loaded = sys.modules.get("asyncio")  # without the module there is no loop
        inside = loaded is not None and loaded._get_running_loop() is not None
        return work() if inside or self.drive is None else self._wait(work)

    # ---- finding

    def _known(self, stream: Any) -> Stream | None:
        from rtfs.host.stream.settings import stream_id

        found: Stream | None = self.streams.streams.get(stream_id(stream))
        return found

    def _found(self, stream: Any) -> Stream:
        from rtfs.host.stream.settings import stream_id

        found: Stream = self.streams.find(stream_id(stream))
        return found

    def _with(self, stream: Any, work: Callable[[Stream], Coroutine[Any, Any, Any]], unknown: str | None = None) -> Any:
        """Drive what is done with a stream. S005, in other words when `unknown` says so."""

        async def done() -> Any:
            return await work(self._found(stream))

        try:
            return self._wait(done)
        except EvaluationError:
            raise
        except Exception as error:
            if unknown is not None and getattr(error, "code", "") == "RTFS-S005":
                from rtfs.host.stream.settings import stream_id

                error.message = unknown.format(id=stream_id(stream))  # type: ignore[attr-defined]
            raise


def _keyed(pairs: dict[str, Any]) -> Map:
    from rtfs.lang.collections import Map

    return Map.of([(Keyword(key.lstrip(":")), value) for key, value in pairs.items()])
