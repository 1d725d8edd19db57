"""`mcp.stream.*`: streams from MCP servers and from injection (streaming.md §3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.request import Asked

EFFECTS = [":streaming"]

_START = """(def s (call :mcp.stream.start
  {:endpoint "room" :processor (fn [n c] {:state (+ n c) :output c}) :initial-state 0}))"""
_SEND = "(call :mcp.stream.send {:stream s :chunk 5 :ack :processed})"


def _started(text: str, result: str) -> list[tuple[str, str]]:
    """An example with a running stream `s`."""
    return [(f"{_START}\n{text}", result)]


def _fed(text: str, result: str) -> list[tuple[str, str]]:
    """An example with a running stream `s` that has processed a chunk."""
    return _started(f"{_SEND}\n{text}".rstrip(), result)


def _asked(ctx: CallContext, arguments: tuple[Any, ...]) -> Asked:
    from rtfs.host.stream.request import read_request  # deferred: a program without streams never loads them

    return read_request(ctx.host.streams, ctx.capability_id, arguments)


async def _start_again(ctx: CallContext, answer: Any, *arguments: Any) -> None:
    ctx.meter(streams=1)
    await ctx.host.streams.renew(answer.get(Keyword("stream-id")), arguments[0], ctx.call.module, ctx.security)


@provides(
    "mcp.stream.start",
    effects=EFFECTS,
    idempotent=True,
    renew=_start_again,
    examples=_started("(:status (call :mcp.stream.status s))", ":active"),
)
async def start(ctx: CallContext, *arguments: Any) -> Any:
    """Start a stream, or go on with the stored one of that id; answers its handle.

    An id that it makes up follows from the call's idempotency key, so that the same call again means the same stream.
    """
    parameters = arguments[0] if len(arguments) == 1 else None
    ctx.meter(streams=1)
    stream = await ctx.host.streams.start_map(parameters, ctx.call.module, ctx.security, ctx.once)
    return stream.handle()


async def _skip(ctx: CallContext, answer: Any, *arguments: Any) -> None:
    if ctx.call.note is not None:
        await _asked(ctx, arguments).stream.go_on_reading(ctx.call.note)


# The program's place in the outputs goes with the process: made again, the call gives what it would have given.
@provides(
    "mcp.stream.next", effects=EFFECTS, idempotent=True, renew=_skip, examples=_fed("(call :mcp.stream.next s)", "5")
)
async def next_output(ctx: CallContext, *arguments: Any) -> Any:
    """The next output, or nil after `:timeout-ms` and at the end; a vector when `:max` > 1."""
    asked = _asked(ctx, arguments)
    found = await asked.stream.next(asked["timeout-ms"], asked["max"], after=asked["after"], envelope=asked["envelope"])
    ctx.call.remember(asked.stream.reading_from)
    return found


@provides(
    "mcp.stream.await",
    effects=EFFECTS,
    idempotent=True,
    examples=_fed("(:processed-chunks (call :mcp.stream.await {:stream s :chunks 1}))", "1"),
)
async def wait(ctx: CallContext, *arguments: Any) -> Any:
    """Wait until the stream ends, has processed `:chunks`, or has the status `:status`."""
    asked = _asked(ctx, arguments)
    status = asked["until"] if asked["until"] is not Keyword("terminal") else asked["status"]
    return await asked.stream.wait(asked["timeout-ms"], chunks=asked["chunks"], status=status)


@provides(
    "mcp.stream.send", effects=EFFECTS, idempotent=False, examples=_fed("", "{:accepted true :seq 0 :status :active}")
)
async def send(ctx: CallContext, *arguments: Any) -> Any:
    """Inject one chunk, or with `:to :server` bring it to the server of the stream, when there is a way; a graph that
    begins with a web socket sends it there. `(stream chunk)` and `(stream chunk {…})` say the same in short."""
    asked = _asked(ctx, arguments)
    if asked.to_server:
        return await asked.stream.send_on(asked["chunk"], asked.timeout_ms)
    metadata = asked["metadata"]
    return await asked.stream.send(
        asked["chunk"], metadata if len(metadata) else None, ack=asked["ack"].name, timeout_ms=asked.timeout_ms
    )


@provides(
    "mcp.stream.pause",
    effects=EFFECTS,
    idempotent=True,
    examples=_started("(:status (call :mcp.stream.pause s))", ":paused"),
)
async def pause(ctx: CallContext, *arguments: Any) -> Any:
    """Stop stepping; the queue is kept."""
    asked = _asked(ctx, arguments)
    return asked.changed(await asked.stream.pause(asked["reason"]))


async def _stored(ctx: CallContext, parameters: Map) -> Any:
    """A stream that does not live here goes on."""
    from rtfs.host.stream.revival import again

    return await again(ctx, parameters)


async def _resume_again(ctx: CallContext, answer: Any, *arguments: Any) -> None:
    from rtfs.host.stream.request import resume_parameters

    id, parameters = resume_parameters(ctx.capability_id, arguments)
    if id not in ctx.host.streams.streams:
        await _stored(ctx, parameters)


@provides(
    "mcp.stream.resume",
    effects=EFFECTS,
    idempotent=True,
    renew=_resume_again,
    examples=_started("(call :mcp.stream.pause s) (:status (call :mcp.stream.resume s))", ":active"),
)
async def resume(ctx: CallContext, *arguments: Any) -> Any:
    """Go on with a paused stream, or with a stored one that does not live here, which answers a handle."""
    from rtfs.host.stream.request import resume_parameters

    registry = ctx.host.streams
    id, parameters = resume_parameters(ctx.capability_id, arguments)
    if id not in registry.streams:
        return (await _stored(ctx, parameters)).handle()
    asked = _asked(ctx, arguments)
    return asked.changed(await asked.stream.resume(asked["reason"], drained=asked["wait"] is Keyword("drained")))


@provides(
    "mcp.stream.cancel",
    effects=EFFECTS,
    idempotent=True,
    examples=_started("(:status (call :mcp.stream.cancel s))", ":cancelled"),
)
async def cancel(ctx: CallContext, *arguments: Any) -> Any:
    """End at once; the queue is discarded and the server is not waited for."""
    asked = _asked(ctx, arguments)
    return asked.changed(await asked.stream.cancel(asked["reason"]))


@provides(
    "mcp.stream.stop",
    effects=EFFECTS,
    idempotent=True,
    examples=_fed("(:status (call :mcp.stream.stop {:stream s :drain true}))", ":stopped"),
)
async def stop(ctx: CallContext, *arguments: Any) -> Any:
    """End after the running step, with `:drain true` after the queue."""
    asked = _asked(ctx, arguments)
    changed = await asked.stream.stop(asked["reason"], drain=asked["drain"], timeout_ms=asked["timeout-ms"])
    return asked.changed(changed)


@provides(
    "mcp.stream.inspect", effects=EFFECTS, idempotent=True, examples=_fed("(:state (call :mcp.stream.inspect s))", "5")
)
def inspect(ctx: CallContext, *arguments: Any) -> Map:
    """Everything about one stream, or all streams at a glance."""
    if not arguments or arguments == (EMPTY_MAP,) or arguments == (None,):
        found: Map = ctx.host.streams.inspect_all()
        return found
    asked = _asked(ctx, arguments)
    return asked.stream.inspect(asked["queue"], asked["redact"], asked["max-chars"])


@provides("mcp.stream.list", effects=EFFECTS, idempotent=True, examples=[("(call :mcp.stream.list)", "[]")])
def list_streams(ctx: CallContext, *arguments: Any) -> Any:
    """Short maps of the streams, in the order of starting."""
    from rtfs.host.stream.request import read_list

    return ctx.host.streams.listed(**read_list(ctx.capability_id, arguments))


@provides(
    "mcp.stream.outputs",
    effects=EFFECTS,
    idempotent=True,
    examples=_fed("(map :value (:outputs (call :mcp.stream.outputs s)))", "[5]"),
)
async def outputs(ctx: CallContext, *arguments: Any) -> Any:
    """The outputs that are kept after `:after`."""
    asked = _asked(ctx, arguments)
    return await asked.stream.outputs(asked["after"], asked["limit"], follow=asked["follow"])


@provides(
    "mcp.stream.status",
    effects=EFFECTS,
    idempotent=True,
    examples=_fed("(:output-seq (call :mcp.stream.status s))", "1"),
)
def status(ctx: CallContext, *arguments: Any) -> Map:
    """Status, transport, intake, error and numbers."""
    return _asked(ctx, arguments).stream.brief()


@provides(
    "mcp.stream.checkpoint",
    effects=EFFECTS,
    idempotent=True,
    examples=_fed("(call :mcp.stream.checkpoint s) (:status (call :mcp.stream.status s))", ":active"),
)
async def checkpoint(ctx: CallContext, *arguments: Any) -> Any:
    """Write a snapshot now; answers when it is durable."""
    return await _asked(ctx, arguments).stream.checkpoint()


@provides(
    "mcp.stream.delete",
    effects=EFFECTS,
    idempotent=True,
    examples=_started("(call :mcp.stream.stop s) (call :mcp.stream.delete s)", "{:deleted true}"),
)
def delete(ctx: CallContext, *arguments: Any) -> Map:
    """Remove a terminal stream with its snapshots and outputs."""
    ctx.host.streams.delete(_asked(ctx, arguments).stream.id)
    return Map.holding({Keyword("deleted"): True})
