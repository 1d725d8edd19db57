"""Streams and sinks of the marketplace: what an id means, and what a program leaves behind (streaming.md §3.10)."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from rtfs.host.adapt import input_error
from rtfs.host.adapt import parameters as fields_of
from rtfs.host.shape import problem_finder, type_form
from rtfs.host.stream import adapters, brokers, guard, options, settings
from rtfs.host.stream.adapters.broker import Inlet
from rtfs.host.stream.brokers import Broker, Reading
from rtfs.host.stream.brokers.memory import Topic
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.channel import Channel
from rtfs.host.stream.credential import masked
from rtfs.host.stream.endpoint import Endpoint
from rtfs.host.stream.launch import Request
from rtfs.host.stream.sink import BrokerWay, ProviderWay, SessionWay, Sink, Way
from rtfs.host.stream.source import Source
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import CallMetadata, HostCall

if TYPE_CHECKING:
    from rtfs.host.provider import Provider
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.registry import StreamRegistry
    from rtfs.host.stream.stream import Stream
    from rtfs.lang.outcome import RuntimeContext

MEMORY, SQLITE = "memory:", "sqlite://"
_IN_MEMORY = Map.of([(Keyword("store"), MEMORY)])
BOTH = ("bidirectional", "duplex")
_URL = ("http://", "https://", "ws://", "wss://", "stdio:", "replay:")
EXTEND_PARTS = 3  # a third of the visibility time passes between two signs of life


class Asker(NamedTuple):
    """Who starts something: the module of the call, what it may do, and the key that names what it makes."""

    module: str = "user"
    security: RuntimeContext | None = None
    once: str | None = None


class MarketRequest(Request):
    """A start or open-sink call."""

    def __init__(
        self, market: Market, given: dict[str, Any], asker: Asker, source: Source | None, **about: Any
    ) -> None:
        lasting = "checkpoint" in given
        wanted = {"outputs": Keyword("durable" if lasting else "block"), "checkpoint": _IN_MEMORY, **given}
        parameters = Map.of([(Keyword(name), value) for name, value in wanted.items()])
        read = settings.read_settings(parameters, "marketplace.stream.start")
        super().__init__(market.registry, read, asker.module, asker.security if lasting else None)
        self._market = market
        self._found = source
        self._about = about

    def _source(self) -> Source | None:
        return self._found

    def _stream(self, owner: Owner) -> Stream:
        owner.kind = "marketplace"
        channel = Channel(owner, **self._about)
        channel.fed = lambda: self._market._fed(channel)
        return channel


class Market:
    """What the marketplace capabilities of one registry keep: topics and brokers, by name and URL."""

    def __init__(self, registry: StreamRegistry) -> None:
        self.registry = registry
        self.topics: dict[str, Topic] = {}
        self.brokers: dict[str, Broker] = {}
        self.sessions: dict[str, asyncio.Future[Any]] = {}  # of bidirectional streams that are open, by stream id

    def session(self, stream_id: str) -> asyncio.Future[Any]:
        """What a bidirectional stream speaks with, once its source is open."""
        found = self.sessions.get(stream_id)
        if found is None:
            found = self.sessions[stream_id] = asyncio.get_running_loop().create_future()
        return found

    # ---- starting

    async def start(self, parameters: dict[str, Any], more: dict[str, Any], asker: Asker) -> Channel:
        """A stream that opens its source when somebody reads. more: what the provider gets beside `:config`.

        UnknownCapability, S004, S022, S053 and what the source itself finds wrong with the parameters.
        """
        id = parameters["id"]
        if self._is_endpoint(id):
            return await self._start_endpoint(id, parameters, more, asker)
        stream_id = parameters["stream-id"] or _made_up(id, asker.once)
        given = {
            "processor": Keyword("identity"),
            **_stream_options(parameters),
            "endpoint": id,
            "stream-id": stream_id,
        }
        back: Way | None = None
        over: Callable[[], None] | None = None
        if self.is_broker(id):
            self._refuse(parameters, BOTH, fault(22))
            inlet, over = self._inlet(id, parameters, asker.security)
            adapter = adapters.load("broker", settings.read_settings(_endpoint(id)), inlet)
            direction = "unidirectional"
        else:
            provider = self._provider(id)
            direction = kind_of(provider)
            if direction == "sink":
                raise fault(4, value=f"sink {id}")
            call = self._call(provider, parameters["config"].merge(_keyed(more)), asker, stream_id)
            items = self.registry.host.items(call)
            adapter = adapters.load("capability", settings.read_settings(_endpoint(id)), items)
            if direction in BOTH:
                back = self._way_back(stream_id, provider)
        source = Source(adapter, Endpoint(None, adapter.name), self.registry.pool, masked(id))
        about = {"capability": id, "direction": direction, "over": over}
        channel = await MarketRequest(self, given, asker, source, **about).start(asker.once)
        assert isinstance(channel, Channel)
        if back is not None:
            channel.back = await self._sink(f"{stream_id}~send", id, back, parameters, asker)
        return channel

    async def _start_endpoint(self, id: str, parameters: dict[str, Any], more: dict[str, Any], asker: Asker) -> Channel:
        """Any endpoint of §3.3: its chunks are the items."""
        self._refuse(parameters, BOTH, fault(22))
        registry = self.registry
        stream_id = parameters["stream-id"] or _made_up(id, asker.once)
        given = {**_stream_options(parameters), **more, "endpoint": id, "stream-id": stream_id}
        given = {"config": parameters["config"], "processor": Keyword("identity"), "auto-connect": True, **given}
        expanded = registry.directory.expand(Map.of([(Keyword(name), value) for name, value in given.items()]))
        read = settings.read_settings(expanded, "marketplace.stream.start")
        source = registry.plan(read, asker.security)
        given = {options.normal(key): value for key, value in expanded.entries()}
        channel = await MarketRequest(self, given, asker, source, capability=id, direction="unidirectional").start(
            asker.once
        )
        assert isinstance(channel, Channel)
        return channel

    async def open_sink(self, parameters: dict[str, Any], asker: Asker) -> Channel:
        """A sink for items. UnknownCapability, S004, S021 for what only gives, S053."""
        id = parameters["id"]
        if self._is_endpoint(id) or id.removeprefix(MEMORY) in self._given_topics(id):
            raise _receive_only(id)
        way: Way
        if self.is_broker(id):
            broker = self._broker(id, asker.security)
            way = BrokerWay(broker, broker.sender() if isinstance(broker, Topic) else None)
        else:
            provider = self._provider(id)
            if kind_of(provider) != "sink":
                raise _receive_only(id)
            way = ProviderWay(self.registry.host, id, asker.security or self.registry.host.context)
        return await self._sink(_made_up(id, asker.once), id, way, parameters, asker)

    async def _sink(self, sink_id: str, id: str, way: Way, parameters: dict[str, Any], asker: Asker) -> Channel:
        given = {
            **{name: parameters[name] for name in ("queue-capacity", "overflow", "retry") if parameters.get(name)},
            "endpoint": id, "stream-id": sink_id, "processor": Keyword("identity"), "output-capacity": 1,
            "auto-connect": False,
        }  # fmt: skip
        about = {"capability": id, "direction": "sink"}
        channel = await MarketRequest(self, given, asker, None, **about).start(asker.once)
        assert isinstance(channel, Channel)
        channel.deliver(Sink(channel, way, id))
        return channel

    def _fed(self, channel: Channel) -> bool:
        """Can a sink that is still open bring it more?"""
        if channel.back is not None:
            return not channel.back.owner.terminal
        topic = self.topics.get(channel.capability.removeprefix(MEMORY))
        return channel.capability.startswith(MEMORY) and topic is not None and not topic.ended

    # ---- what an id means

    def _is_endpoint(self, id: str) -> bool:
        """An endpoint of §3.3 that is no logical name, and neither a topic nor a capability."""
        registry = self.registry
        if id.startswith(_URL):
            return True
        if id.startswith(MEMORY):
            return id.removeprefix(MEMORY) in self._given_topics(id)
        if registry.host.marketplace.find(id) is not None:
            return False
        configured = registry.directory.configuration
        names = (id, id.partition("/")[0], id.partition(":")[0])
        return configured.stream(id) is not None or any(configured.server(name) is not None for name in names)

    def _given_topics(self, id: str) -> set[str]:
        return {*self.registry.topics, *self.registry.servers} if id.startswith(MEMORY) else set()

    def is_broker(self, id: str) -> bool:
        """Is it a topic of this process, or a URL of a broker?"""
        return id.startswith(MEMORY) or ("://" in id and urlsplit(id).scheme in brokers.schemes())

    def _provider(self, id: str) -> Provider:
        """The streaming capability of an id. UnknownCapability, S004."""
        provider: Provider = self.registry.host.marketplace.require(id)
        if kind_of(provider) == "":
            error = fault(4, value=id)
            error.message = f"Capability '{id}' is not a stream capability"
            raise error
        return provider

    def _refuse(self, parameters: dict[str, Any], directions: tuple[str, ...], error: Exception) -> None:
        wanted = parameters.get("direction")
        if wanted is not None and wanted.name in directions:
            raise error

    # ---- what it leads to

    def topic(self, name: str) -> Topic:
        """The topic of a name, made when first asked for."""
        return self.topics.setdefault(name, Topic())

    def _broker(self, id: str, security: RuntimeContext | None) -> Broker:
        if id.startswith(MEMORY):
            name = id.removeprefix(MEMORY)
            if not name:
                raise fault(3, p="id", kind="memory:topic", value=id)
            return self.topic(name)
        if security is not None and id.startswith(SQLITE):
            guard.admit_store(security, f"sqlite:{id.removeprefix(SQLITE).rpartition('/')[0]}")
        elif security is not None:
            guard.admit_network(security, id)
        found = self.brokers.get(id)
        if found is None:
            found = self.brokers[id] = brokers.open_broker(id, self.registry.services.clock)
        return found

    def _inlet(
        self, id: str, parameters: dict[str, Any], security: RuntimeContext | None
    ) -> tuple[Inlet, Callable[[], None] | None]:
        """Where a stream reads messages. A topic of this process counts the reader from now on."""
        broker = self._broker(id, security)
        group = parameters.get("group", ...)
        if isinstance(broker, Topic):
            reader = broker.reader(None if group is ... else group)

            async def at_once() -> Any:
                return reader

            return Inlet(at_once), reader.leave
        visibility = parameters.get("visibility-timeout-ms") or Reading().visibility_ms
        reading = Reading("rtfs" if group is ... else group, visibility)
        return Inlet(lambda: broker.consumer(reading), broker.failures, visibility // EXTEND_PARTS), None

    def _call(self, provider: Provider, arguments: Map, asker: Asker, stream_id: str) -> HostCall:
        args = self._arguments(provider, arguments)
        security = asker.security or self.registry.host.context
        return HostCall(
            provider.id, args, security, module=asker.module, metadata=CallMetadata(idempotency_key=stream_id)
        )

    def _arguments(self, provider: Provider, given: Map) -> tuple[Any, ...]:
        """The parameters of a source go by their names; a single one too, for which any map would do. S002, S006."""
        fields = fields_of(provider, self.registry.host.read)
        if fields is None:
            return (given,) if len(given) else ()
        known = {field.key.name if type(field.key) is Keyword else str(field.key): field for field in fields}
        named = options.normalised(given)
        for name in named:
            if name not in known:
                raise options.unknown(name, {key: options.Option(options.anything) for key in known}, provider.id)
        for name, field in known.items():
            if field.required and name not in named:
                raise fault(2, field=name) if field.form is None else input_error(provider.id, f"missing :{name}")
        if len(fields) == 1 and named:
            return tuple(named.values())
        return (Map.of([(known[name].key, value) for name, value in named.items()]),) if named else ()

    def _way_back(self, stream_id: str, provider: Provider) -> Way:
        item = provider.details.get("item")
        wrong = None if item is None else problem_finder(type_form(item, self.registry.host.read))
        return SessionWay(self, stream_id, lambda value: None if wrong is None else wrong(value))

    # ---- the end of a program

    async def close_next(self) -> bool:
        """Bring what the ended program left behind one step nearer to its end; False when there is nothing to do.

        What only `next` read is stopped. Sinks, in the order of opening, and then topics are closed once nothing is on
        its way any more: then nobody is left who could send.
        """
        channels = [one for one in self._channels() if not one.owner.settings["detached"]]
        live = [one for one in channels if not one.owner.terminal]
        sinks = [one for one in live if one.direction == "sink"]
        topics = [topic for topic in self.topics.values() if topic.read and not topic.ended]
        pulled = [one for one in live if one.unread]
        for one in pulled:
            await one.stop("the program has ended")
        lost = next((one for one in sinks if self._unread(one)), None)
        if lost is not None:
            await lost.abandon(self.topics.pop(lost.capability.removeprefix(MEMORY)).waiting)
        elif not pulled and (sinks or topics):
            busy = next((one.delivery for one in channels if one.delivery and not one.delivery.idle), None)
            if busy is not None:
                await busy.rested()
            elif sinks:
                await sinks[0].close()
            else:
                topics[0].end()
        return bool(pulled or sinks or topics)

    def _unread(self, sink: Channel) -> bool:
        """Does it lead to a topic that nobody reads?"""
        if not sink.capability.startswith(MEMORY):
            return False
        topic = self.topics.get(sink.capability.removeprefix(MEMORY))
        return topic is not None and not topic.read

    def _channels(self) -> list[Channel]:
        return [stream for stream in self.registry.streams.values() if isinstance(stream, Channel)]

    async def finish(self, seconds: float) -> None:
        """Let the receivers finish, for so many seconds at most."""
        deliveries = [channel.delivery for channel in self._channels() if channel.delivery is not None]
        if running := [delivery.task for delivery in deliveries if not delivery.task.done()]:
            await asyncio.wait(running, timeout=seconds)
        for delivery in deliveries:
            await delivery.close()

    async def aclose(self) -> None:
        """Close the connections."""
        for broker in self.brokers.values():
            await broker.close()
        self.brokers.clear()


def kind_of(provider: Provider) -> str:
    """`unidirectional`, `bidirectional` or `duplex` of a source, `sink`, or nothing for what is no stream."""
    declared: str = provider.details.get("streaming", "")
    if declared:
        return declared
    return "unidirectional" if provider.kind in ("async-generator", "generator") else ""


def _receive_only(id: str) -> Exception:
    error = fault(21, id=id)
    error.message = "MCP streams are receive-only" if id.startswith(_URL) else f"'{id}' is receive-only"
    return error


def _made_up(id: str, once: str | None) -> str:
    unique = uuid.uuid4() if once is None else uuid.uuid5(uuid.NAMESPACE_OID, once)
    return f"stream-{re.sub(r'[^A-Za-z0-9_-]', '-', id)[:80]}-{unique}"


def _endpoint(id: str) -> Map:
    return Map.of([(Keyword("endpoint"), id)])


def _keyed(more: dict[str, Any]) -> Map:
    return Map.of([(Keyword(name), value) for name, value in more.items()]) if more else EMPTY_MAP


_OWN = (
    "detached", "name", "processor", "initial-state", "checkpoint", "dedupe", "journal", "keep", "queue-capacity",
    "output-capacity", "reader-timeout-ms", "retain-ms", "retry",
)  # fmt: skip


def _stream_options(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters that concern the stream itself."""
    return {name: parameters[name] for name in _OWN if parameters.get(name) not in (None, "", EMPTY_MAP)}
