"""`marketplace.stream.*`: streams and sinks of the marketplace, topics and brokers (streaming.md §3.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.market import Asker
    from rtfs.host.stream.request import Asked

EFFECTS = [":streaming"]

_BOTH = """(def s (call :marketplace.stream.start {:id "memory:notes"}))
(def k (call :marketplace.stream.open-sink {:id "memory:notes"}))"""
_SENT = '(call :marketplace.stream.send {:handle k :item "one"})'


def _connected(text: str, result: str) -> list[tuple[str, str]]:
    """An example with a stream `s` and a sink `k` of one topic."""
    return [(f"{_BOTH}\n{text}", result)]


def _fed(text: str, result: str) -> list[tuple[str, str]]:
    """An example in which an item was sent to the topic."""
    return _connected(f"{_SENT}\n{text}", result)


def _asked(ctx: CallContext, arguments: tuple[Any, ...]) -> Asked:
    from rtfs.host.stream.market_request import read_request  # deferred: a program without streams never loads them

    return read_request(ctx.host.streams, ctx.capability_id, arguments)


def _asker(ctx: CallContext) -> Asker:
    from rtfs.host.stream.market import Asker

    return Asker(ctx.call.module, ctx.security, ctx.once)


async def _start(ctx: CallContext, arguments: tuple[Any, ...]) -> Any:
    from rtfs.host.stream.market_request import read_start

    registry = ctx.host.streams
    parameters, more = read_start(registry, arguments)
    ctx.meter(streams=1)
    return await registry.market.start(parameters, more, _asker(ctx))


async def _start_again(ctx: CallContext, answer: Any, *arguments: Any) -> None:
    if answer.get(Keyword("stream-id")) not in ctx.host.streams.streams:
        await _start(ctx, arguments)


@provides(
    "marketplace.stream.start",
    effects=EFFECTS,
    idempotent=True,
    renew=_start_again,
    examples=[('(:direction (call :marketplace.stream.start {:id "memory:notes"}))', ":unidirectional")],
)
async def start(ctx: CallContext, *arguments: Any) -> Any:
    """Start a stream of a streaming capability, an endpoint, a topic or a broker; its source is opened by who reads.

    `:id` names it, `:config` and further keys go to its provider.
    """
    return (await _start(ctx, arguments)).handle()


async def _skip(ctx: CallContext, answer: Any, *arguments: Any) -> None:
    if ctx.call.note is not None:
        await _asked(ctx, arguments).stream.go_on_reading(ctx.call.note)


@provides(
    "marketplace.stream.next",
    effects=EFFECTS,
    idempotent=True,
    renew=_skip,
    examples=_fed("(call :marketplace.stream.next s)", '"one"'),
)
async def next_item(ctx: CallContext, *arguments: Any) -> Any:
    """The next item, nil after `:timeout-ms` and at the end; a vector when `:max` > 1; a map with `:envelope true`."""
    asked = _asked(ctx, arguments)
    found = await asked.stream.next(asked["timeout-ms"], asked["max"], envelope=asked["envelope"])
    ctx.call.remember(asked.stream.reading_from)
    return found


async def _register(ctx: CallContext, arguments: tuple[Any, ...]) -> Map:
    from rtfs.host.stream.callback import SLOTS, read_callbacks
    from rtfs.host.stream.inspection import keyed
    from rtfs.host.stream.market_request import channel_of, registered

    asked = _asked(ctx, arguments)
    channel = channel_of(asked.stream)
    callbacks = read_callbacks(
        ctx.host.streams, channel, asked, ctx.call.module, ctx.security, asked["slot-timeout-ms"]
    )
    channel.consume(callbacks)
    return keyed(stream_id=channel.id, registered=registered([name for name in SLOTS if asked.get(name) is not None]))


async def _register_again(ctx: CallContext, answer: Any, *arguments: Any) -> None:
    await _register(ctx, arguments)


@provides(
    "marketplace.stream.register-callbacks",
    effects=EFFECTS,
    idempotent=True,
    renew=_register_again,
    examples=_connected(
        "(:registered (call :marketplace.stream.register-callbacks {:handle s :on-item {:fn (fn [item] item)}}))",
        "[:on-item]",
    ),
)
async def register_callbacks(ctx: CallContext, *arguments: Any) -> Map:
    """Have functions called: `:on-item [item]` one at a time and in order, `:on-error [error]` once,
    `:on-complete [summary]` once. They may call the host. Registering again replaces them from the next item on.
    """
    return await _register(ctx, arguments)


async def _open_sink(ctx: CallContext, arguments: tuple[Any, ...]) -> Any:
    from rtfs.host.stream.market_request import read_open_sink

    parameters = read_open_sink(arguments)
    ctx.meter(streams=1)
    return await ctx.host.streams.market.open_sink(parameters, _asker(ctx))


async def _open_again(ctx: CallContext, answer: Any, *arguments: Any) -> None:
    if answer.get(Keyword("sink-id")) not in ctx.host.streams.streams:
        await _open_sink(ctx, arguments)


@provides(
    "marketplace.stream.open-sink",
    effects=EFFECTS,
    idempotent=True,
    renew=_open_again,
    examples=[('(:status (call :marketplace.stream.open-sink {:id "memory:notes"}))', ":active")],
)
async def open_sink(ctx: CallContext, *arguments: Any) -> Any:
    """Open a sink that takes items: a streaming capability, a topic or a broker."""
    return (await _open_sink(ctx, arguments)).handle()


async def _send_again(ctx: CallContext, answer: Any, *arguments: Any) -> None:
    await _send(ctx, arguments)  # under its old number, by which the other side may know it


async def _send(ctx: CallContext, arguments: tuple[Any, ...]) -> Any:
    from rtfs.host.stream.catalogue import fault
    from rtfs.host.stream.channel import Channel

    asked = _asked(ctx, arguments)
    if not isinstance(asked.stream, Channel):
        raise fault(21, id=asked.stream.id)
    return await asked.stream.give(asked["item"], asked["key"], asked["timeout-ms"])


@provides(
    "marketplace.stream.send",
    effects=EFFECTS,
    idempotent=False,
    renew=_send_again,
    examples=_connected(_SENT, "{:accepted true :seq 0}"),
)
async def send(ctx: CallContext, *arguments: Any) -> Any:
    """Give an item to a sink or to a bidirectional stream; waits at most `:timeout-ms` for room."""
    return await _send(ctx, arguments)


@provides(
    "marketplace.stream.close",
    effects=EFFECTS,
    idempotent=True,
    examples=_fed("(call :marketplace.stream.close {:handle k})", "{:status :completed}"),
)
async def close(ctx: CallContext, *arguments: Any) -> Any:
    """End a sink or a stream; with `:drain true`, as by default, what was accepted is delivered first."""
    from rtfs.host.stream.market_request import channel_of

    asked = _asked(ctx, arguments)
    return await channel_of(asked.stream).close(drain=asked["drain"])


@provides(
    "marketplace.stream.pause",
    effects=EFFECTS,
    idempotent=True,
    examples=_connected("(:status (call :marketplace.stream.pause s))", ":paused"),
)
async def pause(ctx: CallContext, *arguments: Any) -> Any:
    """Deliver nothing more for now; the queue is kept."""
    asked = _asked(ctx, arguments)
    return asked.changed(await asked.stream.pause(asked["reason"]))


@provides(
    "marketplace.stream.resume",
    effects=EFFECTS,
    idempotent=True,
    examples=_connected("(call :marketplace.stream.pause s) (:status (call :marketplace.stream.resume s))", ":active"),
)
async def resume(ctx: CallContext, *arguments: Any) -> Any:
    """Go on with a paused stream or sink."""
    asked = _asked(ctx, arguments)
    return asked.changed(await asked.stream.resume(asked["reason"], drained=asked["wait"] is Keyword("drained")))


@provides(
    "marketplace.stream.stop",
    effects=EFFECTS,
    idempotent=True,
    examples=_connected("(:status (call :marketplace.stream.stop s))", ":stopped"),
)
async def stop(ctx: CallContext, *arguments: Any) -> Any:
    """End after the item at hand, with `:drain true` after what is queued."""
    asked = _asked(ctx, arguments)
    changed = await asked.stream.stop(asked["reason"], drain=asked["drain"], timeout_ms=asked["timeout-ms"])
    return asked.changed(changed)


@provides(
    "marketplace.stream.status",
    effects=EFFECTS,
    idempotent=True,
    examples=_connected("(:status (call :marketplace.stream.status s))", ":active"),
)
def status(ctx: CallContext, *arguments: Any) -> Map:
    """Status, transport, intake, error and numbers."""
    return _asked(ctx, arguments).stream.brief()


@provides(
    "marketplace.stream.list",
    effects=EFFECTS,
    idempotent=True,
    examples=_connected("(count (call :marketplace.stream.list))", "2"),
)
def list_streams(ctx: CallContext, *arguments: Any) -> Any:
    """Short maps of the streams and sinks, in the order of starting."""
    from rtfs.host.stream.market_request import read_list

    return ctx.host.streams.listed(**read_list(ctx.capability_id, arguments))
