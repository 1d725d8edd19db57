"""Every adapter in the folder keeps the same promises (streaming.md §3.5); each needs a world here."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import AsyncGenerator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp_types import EmptyResult, ReadResourceResult, TextResourceContents, ToolAnnotations

from rtfs.host.clock import VirtualClock
from rtfs.host.stream import adapters, brokers
from rtfs.host.stream.adapters.broker import Inlet
from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.brokers import Consumer, Reading
from rtfs.host.stream.endpoint import Endpoint
from rtfs.host.stream.launch import Request
from rtfs.host.stream.record import Recorder
from rtfs.host.stream.registry import StreamRegistry
from rtfs.host.stream.settings import from_python_options, read_settings
from rtfs.host.stream.source import Source
from rtfs.lang.codec import decode, encode
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K
from tests.host.stream.conftest import PythonEvaluator
from tests.host.stream.unruly import Peer, unruly

NAMES = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(adapters.__path__))
READINGS = [{"n": n} for n in range(1, 8)]


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def tools() -> MCPServer[None]:
    """The readings, as progress notes and as pages of three."""
    server: MCPServer[None] = MCPServer("contract", log_level="CRITICAL")

    @server.tool(annotations=ToolAnnotations(idempotent_hint=True))
    async def watch(ctx: Context[None, Any], since: int = 0) -> str:
        for reading in READINGS[since:]:
            await ctx.report_progress(reading["n"], 7, json.dumps(reading))
        return "over"

    @server.tool()
    async def page(cursor: str = "0") -> dict[str, Any]:
        first = int(cursor)
        following = str(first + 3) if first + 3 < len(READINGS) else None
        return {"items": READINGS[first : first + 3], "next": following}

    return server


def resource() -> Server[Any]:
    """A resource that is another one each time it is read."""
    bus = InMemorySubscriptionBus()
    count = 0

    async def read(ctx: Any, params: Any) -> ReadResourceResult:
        nonlocal count
        count += 1
        text = json.dumps({"n": count})
        await bus.publish(ResourceUpdated(uri=params.uri))
        return ReadResourceResult(
            contents=[TextResourceContents(uri=params.uri, text=text, mime_type="application/json")]
        )

    return Server("contract", on_read_resource=read, on_subscriptions_listen=ListenHandler(bus))


def older() -> Server[Any]:
    """The same resource in the handshake era."""
    count = 0

    async def read(ctx: Any, params: Any) -> ReadResourceResult:
        nonlocal count
        count += 1
        await ctx.session.send_resource_updated(params.uri)
        text = TextResourceContents(uri=params.uri, text=json.dumps({"n": count}), mime_type="application/json")
        return ReadResourceResult(contents=[text])

    async def subscribe(ctx: Any, params: Any) -> EmptyResult:
        return EmptyResult()

    return Server("contract", on_read_resource=read, on_subscribe_resource=subscribe)


async def events(peer: Peer) -> None:
    """The readings as server-sent events, after the one that was seen last."""
    since = int(peer.headers.get("last-event-id", "0"))
    await peer.events("".join(f"id: {r['n']}\ndata: {json.dumps(r)}\n\n" for r in READINGS[since:]))
    await peer.gone()


async def messages(peer: Peer) -> None:
    """The readings as messages of a web socket, from the first on."""
    await peer.upgrade()
    for reading in READINGS:
        await peer.say(reading)
    await peer.hear()


async def lines(peer: Peer) -> None:
    """The readings as lines, the rest of them when a range is asked for."""
    body = b"".join(json.dumps(reading).encode() + b"\n" for reading in READINGS)
    first = int(peer.headers.get("range", "bytes=0-")[6:-1])
    place = {"content_range": f"bytes {first}-{len(body) - 1}/{len(body)}"} if first else {}
    await peer.answer(206 if first else 200, body[first:], etag='"1"', accept_ranges="bytes", **place)


async def seven() -> AsyncGenerator[int, None]:
    for number in range(7):
        yield number


def inlet() -> Inlet:
    """Seven messages, then the end."""
    topic = brokers.open_broker("memory:contract", VirtualClock())

    async def opened() -> Consumer:
        consumer, producer = await topic.consumer(Reading()), await topic.producer()
        for number in range(7):
            await producer.publish(number)
        await producer.close()
        return consumer

    return Inlet(opened)


def tape(folder: Path) -> str:
    """The readings as they once came over a web socket."""
    recorder = Recorder(str(folder / "tape"), VirtualClock())
    recorder.connect({}, {"adapter": "ws", "endpoint": "ws://example.org", "started": 0, "options": "{}"})
    for reading in READINGS:
        recorder.frame("in", "ws", {"text": json.dumps(reading)})
    recorder.close()
    return f"replay:{folder / 'tape'}"


async def followed(registry: StreamRegistry) -> Any:
    """A running stream whose outputs wait for a reader."""
    return await registry.start("memory:contract", processor=K("identity"), outputs=K("block"))


class World(NamedTuple):
    """How to start a stream of one adapter. guarantee: its own after a run. expected: its chunks when they are always
    the same; server: makes an MCP server; script: of a server that speaks no MCP; called: a name of the server as
    endpoint, which the adapter finds by itself; material: makes what an adapter reads that no endpoint names.
    """

    guarantee: str
    options: dict[str, Any]
    expected: list[Any] | None = None
    server: Any = None
    script: Any = None
    called: str | None = None
    material: Any = None


SEVEN = [m(n=n) for n in range(1, 8)]
PAGED = {"tool": "page", "cursor_arg": "cursor", "cursor_path": ("next",), "items_path": ("items",), "interval_ms": 0}
SINCE = {"tool": "watch", "since_arg": "since", "since_path": ("n",)}
WORLDS: dict[str, World] = {
    "memory": World("exactly-once", {}, list(range(7))),
    "capability": World("at-most-once", {}, list(range(7)), material=seven),
    "subscription": World("at-most-once", {}, list(range(7)), material=followed),
    "broker": World("at-least-once", {}, list(range(7)), material=inlet),
    "progress": World("at-least-once", SINCE, [*SEVEN, m(result="over")], tools),
    "poll": World("at-least-once", {**PAGED, "max_chunks": 7}, SEVEN, tools),
    "resource": World("latest-state", {"resource": "test://value", "interval_ms": 0, "max_chunks": 4}, None, resource),
    "listen": World("latest-state", {"resource": "test://value", "max_chunks": 4}, None, resource),
    "sse": World("at-least-once", {"max_chunks": 7}, SEVEN, script=events),
    "ws": World("at-most-once", {"max_chunks": 7, "seq_path": ("n",)}, SEVEN, script=messages),
    "http-lines": World("at-least-once", {}, SEVEN, script=lines),
    "replay": World("exactly-once", {}, SEVEN),
    "legacy": World("latest-state", {"resource": "test://value", "max_chunks": 4}, None, older),
    "named": World(
        "at-least-once",
        {"since_arg": "since", "since_path": ("n",)},
        [*SEVEN, m(result="over")],
        tools,
        called="watch",
    ),
}


class Place:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.evaluator = PythonEvaluator()
        self.state_dir = None


def keep(state: Any, chunk: Any) -> Map:
    return m(state=vector([*state, chunk]))


async def run(name: str, *, position: Any = None, most: int | None = None) -> Any:
    """A stream of an adapter, run to its end, perhaps from a position and for fewer chunks."""
    world = WORLDS[name]
    registry = StreamRegistry(Place())
    if name == "replay":
        with TemporaryDirectory() as folder:
            return await run_at(tape(Path(folder)), registry, name, position, most)
    if world.script is not None:
        async with unruly(world.script) as server:
            url = server.socket_url if name == "ws" else server.url
            return await run_at(url, registry, name, position, most)
    if world.server is None:
        registry.topics["contract"] = Topic(range(7))
    else:
        registry.servers["contract"] = world.server()
    return await run_at(world.called or "memory:contract", registry, name, position, most)


async def run_at(endpoint: str, registry: StreamRegistry, name: str, position: Any, most: int | None) -> Any:
    """As `run`, where the endpoint is known."""
    world = WORLDS[name]
    options = {**world.options, "adapter": K("auto" if name == "memory" or world.called else name)}
    if world.called:
        options["server"] = "contract"
    if most is not None:
        options["max_chunks"] = most
    stream = await begin(endpoint, registry, world, options)
    stream.owner.intake.position = position  # before the source has had a turn
    try:
        await stream.until(lambda: stream.owner.terminal)
        assert stream.owner.failure is None
    finally:
        await registry.shutdown()
    return stream


class Direct(Request):
    """A start of a stream whose adapter no endpoint names."""

    material: Any = None

    def _source(self) -> Source:
        name = self.settings["adapter"].name
        made = adapters.load(name, self.settings, self.material)
        return Source(made, Endpoint(None, name), self.registry.pool, "contract")


async def begin(endpoint: str, registry: StreamRegistry, world: World, options: dict[str, Any]) -> Any:
    if world.material is None:
        return await registry.start(endpoint, processor=keep, state=(), **options)
    adapter = options.pop("adapter")
    wanted = read_settings(from_python_options("contract", keep, (), options))
    wanted["adapter"] = adapter
    start = Direct(registry, wanted, "user")
    start.material = await world.material(registry) if world.material is followed else world.material()
    return await start.start()


@pytest.mark.parametrize("name", NAMES)
def test_an_adapter_says_what_it_is(name: str) -> None:
    module = __import__(f"rtfs.host.stream.adapters.{name.replace('-', '_')}", fromlist=["ADAPTER"])
    kind = module.ADAPTER
    assert kind.name == name
    assert (type(kind.connects), type(kind.endless)) == (bool, bool)
    assert kind.guarantee in ("at-most-once", "at-least-once", "exactly-once", "latest-state")
    assert name in WORLDS, "give the adapter a world in this suite"


@pytest.mark.parametrize("name", [name for name in NAMES if name in WORLDS])
async def test_its_chunks_come_in_order_and_its_position_can_be_stored(name: str) -> None:
    stream = await run(name)
    expected = WORLDS[name].expected
    if expected is not None:
        assert list(stream.state) == expected
    else:
        numbers = [chunk[K("contents")][K("n")] for chunk in stream.state]
        assert numbers == sorted(set(numbers))
    assert stream.owner.source.guarantee == stream.handle()[K("guarantee")].name == WORLDS[name].guarantee
    assert decode(encode(stream.owner.position)) == stream.owner.position
    assert encode(stream.owner.source.memory()) is not None


@pytest.mark.parametrize("most", range(1, 7))
@pytest.mark.parametrize("name", [name for name in NAMES if name in WORLDS and WORLDS[name].expected])
async def test_going_on_from_the_position_of_any_chunk_gives_the_rest(name: str, most: int) -> None:
    expected = WORLDS[name].expected
    assert expected is not None
    if WORLDS[name].guarantee == "at-most-once" or WORLDS[name].material is not None:
        assert not (await run(name)).owner.source.replayable  # so that accepted chunks are stored
        return
    first = await run(name, most=most)
    left = len(expected) - most
    second = await run(name, position=first.owner.position, most=left)
    assert [*first.state, *second.state] == expected


async def test_a_finished_progress_call_is_not_made_again() -> None:
    finished = await run("progress")
    again = await run("progress", position=finished.owner.position)
    assert list(again.state) == []
