"""All streams of one host: starting, finding, resuming, and ending with them (streaming.md §3.1, §4.6)."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import tempfile
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from rtfs.host.state import REDIS
from rtfs.host.stream import feed, inspection, planning, question, settings, tracing
from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.checkpoint import Committer
from rtfs.host.stream.configuration import Configuration
from rtfs.host.stream.connection import Pool
from rtfs.host.stream.endpoint import Directory
from rtfs.host.stream.event import Events
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.instrument import Instrument, Instruments
from rtfs.host.stream.launch import Request
from rtfs.host.stream.market import Market
from rtfs.host.stream.owner import Owner
from rtfs.host.stream.parting import Parting
from rtfs.host.stream.settings import Cadence, Settings
from rtfs.host.stream.source import Source
from rtfs.host.stream.stored import TERMINAL_NAMES, Wanted
from rtfs.host.stream.stores import BEAT_MS, RemoteStore, Store, open_store, url_of
from rtfs.host.stream.stream import Stream
from rtfs.host.stream.timers import Timers
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import RuntimeContext

if TYPE_CHECKING:
    from rtfs.host.clock import Clock
    from rtfs.host.journal import Journal
    from rtfs.host.stream.brokers import Broker
    from rtfs.lang.evaluator import Evaluator

LOGGER = logging.getLogger("rtfs.stream")
SWEEP_MS = 3_600_000  # how often stores are swept of streams that ended long ago


class Services:
    """What streams use of their host."""

    def __init__(self, clock: Clock, evaluator: Evaluator, state_dir: str | None = None) -> None:
        self.clock = clock
        self._state_dir = state_dir
        self.evaluator = evaluator
        self.timers = Timers(clock)
        self.events = Events()
        self.random = random.Random()
        self.ended: Callable[[Owner], None] = lambda owner: None
        self.journal: Journal | None = None
        self.instruments: Instruments | None = None  # None: nobody measures, and nothing is spent on it
        self.topic: Callable[[str], Broker]  # by name, those of this process
        self.slots: dict[str, str] = {}  # by stream: the effect slot that it waits for
        self._serial = count(1)

    def work_folder(self) -> str:
        """Where files of this process go that nobody needs afterwards."""
        folder = self._state_dir
        return folder if folder is not None and os.path.isdir(folder) else tempfile.gettempdir()

    @property
    def store_url(self) -> str:
        """Where streams are kept that do not say."""
        folder = self._state_dir
        return "memory:" if folder is None else folder if folder.startswith(REDIS) else f"sqlite:{folder}"

    def state_folder(self) -> str | None:
        """Where the state of this host is kept, if it is a folder."""
        folder = self._state_dir
        return None if folder is None or folder.startswith(REDIS) else folder

    def serial(self) -> int:
        """A number no other caller gets."""
        return next(self._serial)

    def defect(self, owner: Owner, error: Exception) -> None:
        """An exception that no rule expects ended one stream; the log gets all of it."""
        LOGGER.error("defect in stream %s", owner.id, exc_info=error)


class StreamRegistry:
    """The streams of one host. `host` gives `evaluator`, `clock` and `state_dir` (None: snapshots in memory).

    Belongs to one event loop. processors: host-registered functions by name; servers and topics: MCP server objects and
    iterables of this process, by what follows `memory:`.
    """

    def __init__(self, host: Any) -> None:
        self.host = host
        self.services = Services(host.clock, host.evaluator, host.state_dir)
        self.services.ended = self._ended
        self.services.journal = getattr(host, "journal", None)
        self.streams: dict[str, Stream] = {}
        self.processors: dict[str, Any] = {}
        self.servers: dict[str, Any] = {}
        self.topics: dict[str, Topic | Callable[[], Topic]] = {feed.NAME: lambda: feed.topic(self)}
        self.directory = Directory(Configuration(getattr(host, "mcp_config", None)), self.servers, self.topics)
        self.pool = Pool(self.services.timers, lambda: question.may_sample(host))
        self.market = Market(self)
        self.services.topic = self.market.topic
        self.identity = f"process {os.getpid()} on {socket.gethostname()} ({os.urandom(4).hex()})"
        self._stores: dict[str, tuple[Store, Committer]] = {}
        self._beats: dict[str, asyncio.Task[None]] = {}
        self._closed = False
        if tracing.wanted():
            self.instrument(tracing.Tracer())

    # ---- starting

    async def start(self, endpoint: str, processor: Any = "", state: Any = settings.ABSENT, **options: Any) -> Stream:
        """Start a stream from Python: options are those of `:mcp.stream.start` with `_` for `-`."""
        return await self.start_map(settings.from_python_options(endpoint, processor, state, options))

    async def start_map(
        self, parameters: Any, module: str = "user", security: RuntimeContext | None = None, once: str | None = None
    ) -> Stream:
        """`:mcp.stream.start`. module: where names of functions are looked up; once: the call's idempotency key."""
        wanted = settings.read_settings(self.directory.expand(parameters))
        return await Request(self, wanted, module, security).start(once)

    async def renew(self, id: str, parameters: Map, module: str, security: RuntimeContext) -> None:
        """Bring back a stream that an earlier process started; one that ended there has ended."""
        if id in self.streams:
            return
        wanted = parameters.assoc(Keyword("stream-id"), id)
        store = self.store(settings.read_settings(self.directory.expand(wanted))["checkpoint"])
        stored = store.load(id)
        if stored is not None and stored[0].status in TERMINAL_NAMES:
            await self.resume_stored(Map.of([(Keyword("stream-id"), id)]), module, security)
        elif stored is not None or not store.durable:
            await self.start_map(wanted, module, security)

    async def resume_stored(
        self, parameters: Map, module: str = "user", security: RuntimeContext | None = None
    ) -> Stream:
        """`:mcp.stream.resume` of a stream that only the store knows."""
        id, checkpoint_id, force, overrides = settings.read_resume(parameters)
        return await Request(self, overrides, module, security).resume_stored(id, Wanted(checkpoint_id, force))

    def plan(self, wanted: Settings, security: RuntimeContext | None) -> Source | None:
        """The source of a stream, not opened yet; None when it is unconnected. S003, S024, S029, S053."""
        return planning.source(self, wanted, security)

    def admit(self, stream: Stream) -> None:
        """Take a stream in and let it run."""
        self.streams[stream.id] = stream
        owner = stream.owner
        if owner.terminal:
            owner.outputs.end()
            return
        if self.services.instruments is not None:
            self.services.instruments.began(owner)
        owner.launch()
        owner.note_transition(None)
        owner.emit("started", endpoint=inspection.endpoint(owner), adapter=owner.adapter)

    # ---- finding

    def find(self, id: str) -> Stream:
        """The stream of an id, S005 when there is none."""
        stream = self.streams.get(id)
        if stream is None:
            raise fault(5, id=id)
        return stream

    def listed(
        self, status: Keyword | None = None, kind: Keyword | None = None, prefix: str = "", limit: int = 1000
    ) -> Any:
        """Short maps in the order of starting."""
        chosen = [
            stream.owner
            for stream in self.streams.values()
            if stream.id.startswith(prefix)
            and (status is None or stream.status is status)
            and (kind is None or stream.owner.kind == kind.name)
        ]
        chosen.sort(key=lambda owner: owner.started_at)
        return vector([inspection.short(owner) for owner in chosen[:limit]])

    def inspect_all(self) -> Map:
        """All streams at a glance (§9.1)."""
        by_status: dict[Any, int] = {}
        for stream in self.streams.values():
            by_status[stream.status] = by_status.get(stream.status, 0) + 1
        return keyed(
            total=len(self.streams),
            by_status=Map.of(by_status.items()),
            streams=self.listed(),
            observed_at=self.services.clock.now_ms(),
        )

    def progress(self, most: int | None = None) -> list[inspection.Progress]:
        """Cheap figures of every stream, for a live line; of `most` streams, if given, those that run before others."""
        now, chosen = self.services.clock.now_ms(), list(self.streams.values())
        if most is not None and len(chosen) > most:
            chosen = sorted(chosen, key=lambda stream: stream.owner.terminal)[:most]
        return [inspection.progress(stream.owner, now) for stream in chosen]

    def instrument(self, part: Instrument) -> None:
        """Have the streams measured from now on."""
        if self.services.instruments is None:
            self.services.instruments = Instruments()
        self.services.instruments.parts.append(part)
        for stream in self.streams.values():
            if not stream.owner.terminal:
                part.began(stream.owner)

    def on_event(self, observer: Any) -> None:
        """Have `observer(event)` called for every event of §9.2."""
        self.services.events.observers.append(observer)

    # ---- stores

    def store(self, cadence: Cadence) -> Store:
        """The store of a stream, opened on first use. InUse when another process owns it."""
        url = url_of(cadence.store, self.services.store_url)
        found = self._stores.get(url)
        if found is None:
            store = open_store(url, cadence.durability)
            found = self._stores[url] = (store, Committer(store, self.services.timers))
            self._sweep(store)
            if store.remote:
                self._beat_later(cast("RemoteStore", store))
        return found[0]

    def adopt(self, store: Store) -> None:
        """Use a store that is open already for the streams that name its URL."""
        self._stores[store.url] = (store, Committer(store, self.services.timers))

    def stores(self) -> list[Store]:
        """The stores that are open; the host's own is opened if need be."""
        self.store(settings.DEFAULTS["checkpoint"])
        return [store for store, _ in self._stores.values()]

    def committer(self, store: Store) -> Committer:
        """The writer of a store that `store` gave."""
        return next(committer for known, committer in self._stores.values() if known is store)

    def _owned(self, store: Store) -> dict[str, Owner]:
        """The streams that live here and are kept in a store, by id."""
        return {
            stream.id: stream.owner
            for stream in self.streams.values()
            if not stream.owner.terminal and stream.owner.checkpoints.committer.store is store
        }

    def _beat_later(self, store: RemoteStore) -> None:
        def begin() -> None:
            if not self._closed:
                self._beats[store.url] = asyncio.get_running_loop().create_task(self._beat(store))

        self.services.timers.after(BEAT_MS, begin)

    async def _beat(self, store: RemoteStore) -> None:
        """Tell a shared store that the streams here live; stop those that somebody else took over."""
        owned = self._owned(store)
        try:
            epochs = {id: owner.epoch for id, owner in owned.items()}
            fenced = await asyncio.to_thread(store.beat, epochs) if epochs else {}
        except store.failures as error:
            LOGGER.warning("no heartbeat reaches %s: %s", store.url, error)
        else:
            for id, epoch in fenced.items():
                owned[id].fenced(epoch)
        self._beat_later(store)

    def _sweep(self, store: Store) -> None:
        """Forget streams that ended long ago (§1.6), now and every hour."""
        try:
            store.sweep(self.services.clock.now_ms())
        except store.failures as error:
            LOGGER.warning("old streams stay in %s: %s", store.url, error)
        self.services.timers.after(SWEEP_MS, lambda: self._sweep(store))

    def delete(self, id: str) -> None:
        """Remove a terminal stream with its snapshots. S005, S003 when it still runs."""
        stream = self.find(id)
        if not stream.owner.terminal:
            raise fault(3, p="stream", kind="terminal stream", value=f"{id} ({stream.status.name})")
        stream.owner.checkpoints.committer.store.delete(id)
        self._forget(id, stream)

    # ---- ending

    def _ended(self, owner: Owner) -> None:
        """A stream became terminal: it keeps answering for a while."""
        if self.services.instruments is not None:
            self.services.instruments.ended(owner)
        stream = self.streams.get(owner.id)
        if stream is None:
            return
        stream.over()
        if self._closed:
            return
        if stream.fleeting:
            store = owner.checkpoints.committer.store
            if not store.durable:  # those that last are swept in their time
                store.delete(owner.id)
            return self._forget(owner.id, stream)
        self.services.timers.after(owner.checkpoints.retain_ms, lambda: self._forget(owner.id, stream))

    def _forget(self, id: str, stream: Stream) -> None:
        if self.streams.get(id) is stream:
            del self.streams[id]
            self.services.events.forget(id)
            if stream.owner.checkpoints.ledger.answers is not None:
                self.services.evaluator.record(id, None)
            if self.services.instruments is not None:
                self.services.instruments.forgotten(stream.owner)

    def program_ended(self) -> list[str]:
        """Nobody pulls any more: release pull readers. The ids of unconnected streams, which nobody waits for."""
        for stream in self.streams.values():
            stream.program_ended()
        return [id for id, stream in self.streams.items() if stream.unconnected]

    async def join(self, timeout: float | None = None) -> bool:
        """Wait, at most `timeout` seconds, until every stream ended that is neither detached nor unconnected.

        Sinks are closed when nothing is left that could send to them.
        """
        try:
            await self.services.timers.within(None if timeout is None else timeout * 1000, self._joined())
        except TimeoutError:
            return False
        return True

    async def _joined(self) -> None:
        while True:
            waited = next((stream for stream in self.streams.values() if stream.awaited), None)
            if waited is not None:
                await waited.ended()
            elif not await self.market.close_next():
                return

    async def shutdown(self, timeout: float = 30.0, strategy: str = "drain") -> None:
        """End every stream and give everything back.

        strategy: `drain` closes the sources, then processes and flushes what is queued (a paused stream is stored as it
        is); `drain-all` also for paused streams; `finish-current-batch` flushes, but leaves the queues as they are;
        `immediate` stores all as it is. A stream that has a `:drain-strategy` goes by that, within its own
        `:shutdown-timeout-ms`. Durable streams can be resumed.
        """
        live = [stream for stream in self.streams.values() if not stream.owner.terminal]
        deadline = self.services.clock.monotonic() + timeout
        partings = [Parting(stream, timeout, strategy) for stream in live]
        for parting in partings:
            parting.begin()
        for parting in partings:
            await parting.ended()
        left = 0.0 if strategy == "immediate" else max(0.0, deadline - self.services.clock.monotonic())
        await self.market.finish(max([left, *(parting.left_s for parting in partings)]))
        await self._close([stream.owner for stream in live])

    def close(self) -> None:
        """Give everything back without an event loop: durable streams are stored as they stand, others are lost."""
        self.services.timers.close()
        for stream in self.streams.values():
            checkpoints = stream.owner.checkpoints
            if checkpoints.committer.store.durable and not checkpoints.gone:
                checkpoints.last_wish(whole=not stream.owner.terminal and not checkpoints.closed)
        for store, committer in self._stores.values():
            while committer.due:
                committer.flush_here()
            if store.remote:
                self._leave(cast("RemoteStore", store))
            store.close()
        for stream in self.streams.values():
            stream.owner.checkpoints.close(gone=True)
        self._stores.clear()

    def _leave(self, store: RemoteStore) -> None:
        """Let another process take the streams over at once."""
        try:
            store.leave({stream.id: stream.owner.epoch for stream in self.streams.values()})
        except store.failures as error:
            LOGGER.warning("%s was not told that its streams are free: %s", store.url, error)

    async def _close(self, owners: list[Owner]) -> None:
        self._closed = True
        await asyncio.gather(*self._beats.values(), return_exceptions=True)
        await asyncio.gather(*(owner.task for owner in owners if owner.task is not None), return_exceptions=True)
        await asyncio.gather(*(stream.owner.source.closed() for stream in self.streams.values() if stream.owner.source))
        await asyncio.gather(*(stream.settled() for stream in self.streams.values()))
        await self.market.aclose()
        await self.pool.close()
        self.close()
