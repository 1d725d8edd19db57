"""Starting streams, new ones and stored ones (streaming.md §3.1 start and resume, §5.6)."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import alteration, guard, options, processor
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.checkpoint import Checkpoints
from rtfs.host.stream.contract import Contract, contract
from rtfs.host.stream.credential import masked, shown
from rtfs.host.stream.description import GRAPH, ungraphed
from rtfs.host.stream.ledger import need_durable
from rtfs.host.stream.lifecycle import TERMINAL
from rtfs.host.stream.owner import Owner
from rtfs.host.stream.processor import Processor
from rtfs.host.stream.settings import Settings, read_settings
from rtfs.host.stream.snapshot import Fixed, Snapshot
from rtfs.host.stream.source import Source
from rtfs.host.stream.stored import TERMINAL_NAMES, Wanted, behind, chosen, newest, unfinished
from rtfs.host.stream.stores import Alive, Head, InUse, Saved, Store, Taken, reach
from rtfs.host.stream.stream import Stream
from rtfs.lang.codec import NotStorable, encode
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.evaluator import FunctionIdentity
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import RuntimeContext

if TYPE_CHECKING:
    from rtfs.host.stream.registry import StreamRegistry
    from rtfs.host.stream.source import Source

_URLS = frozenset({"endpoint", "server-url"})  # their user information is a secret as well
_NOT_KEPT = frozenset({"headers", "initial-state", "migrate"})  # secrets, and what is stored elsewhere


class Request:
    """One start or resume call: its parameters, the module it was made in, and what its program may do."""

    kind = "mcp"  # what an id that it makes up begins with

    def __init__(
        self, registry: StreamRegistry, settings: Settings, module: str, security: RuntimeContext | None = None
    ) -> None:
        self.registry = registry
        self.settings = settings
        self.module = module
        self.security = security
        self.wanted: Wanted | None = None  # what is to go on, and must be there
        self.rewinds = False  # to a checkpoint before the newest
        self.revives_ended = False  # a stored stream that ended is not begun anew: its outputs are still wanted
        self.number = 0  # of the newest snapshot, when it goes on from an older one

    # ---- start

    async def start(self, once: str | None = None) -> Stream:
        """A new stream, or the stored one of that id (`:if-exists`). once: what an id that it makes up follows from."""
        settings = self.settings
        found = self._processor(settings["processor"])
        id = settings["stream-id"] or _generated_id(self.kind, settings["endpoint"], once)
        store = self._store(id)
        seen: int | None = None
        need_durable(store, settings)
        stored = await reach(store, store.load, id)
        if stored is not None:
            head, saved = stored
            seen = head.epoch
            if self.wanted is not None:
                return await self._revive(store, head, await self._chosen(store, id, saved), found)
            goes_on = self.revives_ended or await unfinished(store, head, saved)
            if goes_on and saved and settings["if-exists"].name != "replace":
                if settings["if-exists"].name == "error":
                    raise fault(8, data={"owner": head.owner}, id=id)
                return await self._revive(store, head, saved, found)
        if self.wanted is not None:
            raise fault(32, id=id)
        return await self._fresh(store, id, seen, found)

    async def _chosen(self, store: Store, id: str, saved: list[Saved]) -> list[Saved]:
        """The snapshots that it may go on from. S003, S032."""
        assert self.wanted is not None
        if not saved:
            raise fault(32, id=id)
        found = await chosen(store, id, saved, self.wanted)
        self.number, self.rewinds = saved[0].number, found[0].number < saved[0].number
        return found

    def _store(self, id: str) -> Store:
        """The store of a new stream of that id. S008 when there is one that runs, S053, S035."""
        registry = self.registry
        live = registry.streams.get(id)
        if live is not None and not live.owner.terminal:
            if self.wanted is not None:
                raise fault(40, id=id, n=live.owner.epoch)
            raise fault(8, data={"owner": registry.identity}, id=id)
        self._admit()
        try:
            return registry.store(self.settings["checkpoint"])
        except InUse as busy:
            raise _occupied(busy, id, resuming=self.wanted is not None) from None

    async def waits(self, id: str) -> bool | None:
        """Does a stored stream of that id wait to go on? None where the store does not last."""
        store = self._store(id)
        if not store.durable:
            return None
        stored = await reach(store, store.load, id)
        if stored is None or not stored[1] or self.settings["if-exists"].name == "replace":
            return False
        return self.wanted is not None or await unfinished(store, *stored)

    def _admit(self) -> None:
        """May the program have the store and the effects that the parameters name? S053 before anything is opened."""
        if self.security is not None:
            guard.admit_effects(self.security, self.settings["effects"])
            guard.admit_store(self.security, self.settings["checkpoint"].store)

    def _processor(self, given: Any) -> Processor:
        registry = self.registry
        settings = self.settings
        return processor.find(
            given,
            self.module,
            registry.services.evaluator,
            registry.processors,
            max_items=settings["max-items"],
            budget=settings["step-budget"],
        )

    async def _fresh(self, store: Store, id: str, seen: int | None, found: Processor) -> Stream:
        registry, settings = self.registry, self.settings
        contract = self._contract(id, settings["initial-state"])
        source = self._source()
        epoch = await self._claim(store, id, seen)
        if seen is not None:
            await reach(store, lambda: store.delete(id, forget=False))
        owner = Owner(id, settings, found, registry.services)
        given = self._kept()
        owner.fixed = Fixed(
            settings["initial-state"], settings["state-version"], given, found.identity, owner.started_at, found.keyed
        )
        owner.source = source
        owner.bind(contract)
        return await self._begin(owner, store, epoch, 0)

    def _kept(self) -> Map:
        """What a snapshot keeps of the call."""
        return storable(self.settings.given)

    def _contract(self, id: str, state: Any) -> Contract | None:
        """The types that the parameters declare; S052 when the state to begin with has not the declared one."""
        evaluator = self.registry.services.evaluator
        read = getattr(self.registry.host, "read", None)
        found = contract(self.settings, id, lambda name: evaluator.find_type(name, self.module), read)
        if found is not None:
            found.check_state(state)
        return found

    def _source(self) -> Source | None:
        """Where the chunks will come from, not opened yet."""
        return self.registry.plan(self.settings, self.security)

    def _stream(self, owner: Owner) -> Stream:
        """The stream of an owner that is about to run."""
        if owner.source is not None and not owner.terminal:
            owner.source.launch(owner)
        return Stream(owner)

    async def _claim(self, store: Store, id: str, seen: int | None) -> int:
        try:
            return await reach(store, store.claim, id, seen, self.registry.identity)
        except Alive as alive:
            if self.wanted is not None:
                raise fault(40, id=id, n=alive.epoch) from None
            raise fault(8, data={"owner": alive.owner}, id=id) from None
        except Taken as taken:
            raise fault(40, id=id, n=taken.epoch) from None

    async def _begin(
        self, owner: Owner, store: Store, epoch: int, number: int, snapshot: Snapshot | None = None
    ) -> Stream:
        """Write the first snapshot, then let the stream run. snapshot: what it goes on from."""
        registry, source = self.registry, owner.source
        owner.describe("none" if source is None else source.adapter_name, epoch)
        owner.checkpoints = Checkpoints(owner, registry.committer(store), self.settings["checkpoint"], number)
        ledger = owner.checkpoints.ledger
        ledger.logging = self.settings["durable-intake"] and (source is None or not source.replayable)
        if owner.outputs.mode == "durable":
            owner.outputs.marked = ledger.marked
        if snapshot is not None and store.durable:
            await ledger.restore(store, snapshot)
            if self.rewinds:
                ledger.take_back(snapshot.output_seq)
        if not owner.terminal:
            await owner.checkpoints.force()
            if owner.failure is not None:
                raise owner.failure
        if ledger.answers is not None:
            registry.services.evaluator.record(owner.id, ledger)
        if snapshot is not None and self.wanted is not None and self.wanted.told is not None and not owner.terminal:
            await self.wanted.told(owner, snapshot)
        stream = self._stream(owner)
        registry.admit(stream)
        stream.await_sinks()
        return stream

    # ---- resume

    async def _revive(self, store: Store, head: Head, saved: list[Saved], found: Processor | None) -> Stream:
        """Go on from the newest snapshot that can be read."""
        registry, id = self.registry, head.stream_id
        skipped: list[tuple[Saved, str]] = []
        snapshot = newest(saved, skipped)
        terminal = snapshot.status in TERMINAL
        if found is None:
            found = self._stored_processor(snapshot.fixed.processor) if not terminal else processor.built_in("count", 1)
        state = self._migrated(snapshot, found) if not terminal else snapshot.state
        bound = None if terminal else self._contract(id, state)
        source = None if terminal else self._source()
        epoch = head.epoch if terminal else await self._claim(store, id, head.epoch)
        owner = Owner(id, self.settings, found, registry.services)
        owner.restore(snapshot)
        owner.state, owner.source = state, source
        owner.bind(bound)
        if source is not None:
            source.adapter.remember(snapshot.memory)
        given, before = self._kept(), snapshot.fixed
        owner.fixed = Fixed(
            before.initial_state, self.settings["state-version"], given, found.identity, before.started_at, found.keyed
        )
        alteration.restore(owner, _still_wanted(before.changed, before.given, given))
        stream = await self._begin(owner, store, epoch, self.number or saved[0].number, snapshot)
        again = source is not None and source.replayable
        for entry, problem in skipped:
            gone = {} if again else {"lost": behind(entry, owner.intake.seq)}
            owner.emit("snapshot-skipped", problem=problem, **gone)
        if not terminal:
            lossy = not self.settings["durable-intake"] and (source is None or source.guarantee == "at-most-once")
            owner.emit("resumed-from", checkpoint=snapshot.id, **({"lost_after": snapshot.created_at} if lossy else {}))
            if snapshot.fixed.processor.digest != found.identity.digest:
                owner.emit("processor-changed", processor=found.name)
        return stream

    async def stored(self, id: str, wanted: Wanted) -> tuple[Store, Head, list[Saved]]:
        """What a store has of a stream: the snapshots are those that it may go on from.

        S003, S030, S032, S035, S040, S053.
        """
        registry = self.registry
        self.wanted = wanted
        self._admit()
        try:
            store = registry.store(self.settings["checkpoint"])
        except InUse as busy:
            raise _occupied(busy, id, resuming=True) from None
        stored = await reach(store, store.load, id)
        if stored is None or not stored[1]:
            raise fault(32, id=id) if store.durable or stored is not None else fault(30)
        return store, stored[0], await self._chosen(store, id, stored[1])

    async def resume_stored(self, id: str, wanted: Wanted) -> Stream:
        """`:mcp.stream.resume` of a stream that does not live here. S030, S032, S033, S034, S040.

        An older checkpoint takes the outputs behind it back; S003 when a sink has got some and `force` is not set.
        """
        store, head, saved = await self.stored(id, wanted)
        fixed = newest(saved, []).fixed
        if GRAPH in fixed.given:
            raise ungraphed(id)
        overrides = {key: value for key, value in self.settings.given.items() if key != "endpoint"}
        given = {**{options.normal(key): value for key, value in fixed.given.entries()}, **overrides}
        if "processor" not in overrides:
            given.pop("processor", None)
        given["state-version"] = overrides.get("state-version", fixed.state_version)
        self.settings = read_settings(Map.of([(Keyword(key), value) for key, value in given.items()]))
        self._admit()  # what the stored parameters name, under what this program may do
        need_durable(store, self.settings)
        found = self._processor(overrides["processor"]) if "processor" in overrides else None
        return await self._revive(store, head, saved, found)

    def _stored_processor(self, identity: FunctionIdentity) -> Processor:
        """The processor a snapshot names: a global of its module, a built-in, or a literal with its captures."""
        evaluator, budget = self.registry.services.evaluator, self.settings["step-budget"]
        if identity.name is not None and identity.name.startswith(":"):
            return self._processor(Keyword(identity.name[1:]))
        if identity.name is not None:
            function = evaluator.resolve(identity.name, identity.module)
            if function is None:
                raise fault(14, f=identity.name)
            return processor.prepare(function, evaluator, identity.name, budget)
        if not identity.text:
            raise fault(14, f="fn")
        literal = evaluator.compile(identity.text, identity.module, identity.captures)
        made = processor.prepare(literal, evaluator, None, budget)
        # its code may differ, as what is known of captures where they stand is not known here
        return made._replace(identity=made.identity._replace(digest=identity.digest))

    def _migrated(self, snapshot: Snapshot, found: Processor) -> Any:
        """The state for the processor that goes on: `:state-version`, `:migrate`, `:on-processor-change` (§5.6, 3)."""
        settings, old = self.settings, snapshot.fixed.state_version
        change = settings["on-processor-change"].name
        changed = snapshot.fixed.processor.digest != found.identity.digest
        if changed and change == "reject":
            raise fault(34, f=found.name)
        newer = settings["state-version"] > old
        if not newer and not (changed and change == "migrate"):
            return snapshot.state
        migrate = settings["migrate"]
        if not callable(migrate) or isinstance(migrate, Keyword):
            migrate = self._named_function(migrate)
        if migrate is None:
            raise fault(2, data={"state-version": settings["state-version"], "stored": old}, field="migrate")
        evaluator = self.registry.services.evaluator
        try:
            return evaluator.pure(migrate, snapshot.state, old)
        except Exception as error:
            raise processor.step_error(error, "migrate") from error

    def _named_function(self, name: Any) -> Any:
        if not name:
            return None
        text = name if type(name) is str else name.name
        return self.registry.services.evaluator.resolve(text, self.module)


def _generated_id(kind: str, endpoint: str, once: str | None) -> str:
    unique = uuid.uuid4() if once is None else uuid.uuid5(uuid.NAMESPACE_OID, once)
    return f"{kind}-{re.sub(r'[^A-Za-z0-9_]+', '-', shown(endpoint)).strip('-')[:80]}-{unique}"


def _occupied(busy: InUse, id: str, *, resuming: bool) -> RtfsError:
    """The store belongs to a living process: the words for it."""
    head = busy.heads.get(id)
    if head is None or head.status in TERMINAL_NAMES:
        return fault(35, dir=busy.place)
    return fault(40, id=id, n=head.epoch) if resuming else fault(8, data={"owner": head.owner}, id=id)


def storable(given: dict[str, Any]) -> Map:
    """The parameters that a snapshot keeps: no secrets, no functions."""
    kept: dict[Any, Any] = {}
    for name, value in given.items():
        if name in _NOT_KEPT or (name == "auth" and not _names_a_variable(value)):
            continue
        try:
            encode(value)
        except NotStorable:
            continue
        if name == "checkpoint" and type(value) is Map:  # whoever resumes it knows where it is
            value = Map.of((key, part) for key, part in value.entries() if options.normal(key) != "store")
        kept[Keyword(name)] = masked(value) if name in _URLS else value
    return Map.from_stored(kept)


def _names_a_variable(auth: Any) -> bool:
    return type(auth) is Map and list(auth) == [Keyword("env")]


def _still_wanted(changed: Map, before: Map, now: Map) -> Map:
    """Changes a processor had made, except where the program's own parameter is another one now."""
    if not len(changed):
        return EMPTY_MAP
    return Map.of((key, value) for key, value in changed.entries() if before.get(key) == now.get(key))
