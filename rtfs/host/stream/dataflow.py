"""Runs of graphs: a chain of operators becomes one stream whose processor is the fused chain (streaming.md §6)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import description, guard, options
from rtfs.host.stream.adapters.subscription import SubscriptionAdapter
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.description import GRAPH, Begun
from rtfs.host.stream.endpoint import Endpoint
from rtfs.host.stream.fused import fused
from rtfs.host.stream.graph import Chain, Origin, chain_of, meant, spoken
from rtfs.host.stream.hook import NO_HOOKS, Hook, Hooks
from rtfs.host.stream.input import Input
from rtfs.host.stream.launch import Request
from rtfs.host.stream.operators import Around
from rtfs.host.stream.options import normalised
from rtfs.host.stream.processor import Processor
from rtfs.host.stream.run import Run
from rtfs.host.stream.settings import Cadence, Settings, read_settings
from rtfs.host.stream.source import Source
from rtfs.host.stream.stored import Wanted
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.evaluator import Evaluator
from rtfs.lang.names import Keyword
from rtfs.lang.operator import EFFECTS
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rtfs.host.stream.adapters import Adapter
    from rtfs.host.stream.operators import Part
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.registry import StreamRegistry
    from rtfs.host.stream.snapshot import Snapshot
    from rtfs.host.stream.stream import Stream
    from rtfs.lang.outcome import RuntimeContext

INHERITED = (
    "on-error", "dead-letter-queue", "checkpoint", "step-budget", "slot-timeout-ms", "on-processor-change", "effects",
    "retry", "reader-timeout-ms", "detached", "durable-intake", "journal",
    "drain-strategy", "shutdown-timeout-ms",
)  # fmt: skip
"""Options of a run that hold for all that it reads from."""
SHARED = "*"  # the name of the run that the parts of an operator read together
KEPT = 1_024  # outputs of an input that may wait to be stored behind it
K_CONTROLS = vector([Keyword("tick"), Keyword("flush")])
FLUSH = Keyword("flush")
CAPACITY = 256  # of the queue in front of a chain: items are smaller than messages, and a batch of them is quicker


async def run(
    registry: StreamRegistry, begun: Begun, options: Map, security: RuntimeContext | None = None,
    wanted: Wanted | None = None, *, hooks: Hooks = NO_HOOKS,
) -> Run:  # fmt: skip
    """Start what a node describes; options: those of `:mcp.stream.start` from `:stream-id` on. S053.

    wanted: how the stored run of that id is to go on, which must be there. hooks: what hangs on it, and on all that it
    reads.
    """
    evaluator, node = registry.services.evaluator, begun.node
    options = meant(node, options, evaluator)
    if security is not None:
        admit_graph(chain_of(node, evaluator), evaluator, security)
    around = Around(registry.services, security, options.get(Keyword("slot-timeout-ms")))
    attendants = [each.whole.attend(each.params, around) for each in spoken(node, evaluator)]
    request = _request(registry, begun, options, security)
    request.begun, request.wanted, request.hooks = begun, wanted, hooks
    stream = await _started(request)
    for attend in attendants:
        attend(stream)
    return stream


def _request(registry: StreamRegistry, call: Begun, options: Map, security: RuntimeContext | None) -> _GraphRequest:
    """A start that is ready. The node may be a chain already."""
    node = call.node
    chain = node if isinstance(node, Chain) else chain_of(node, registry.services.evaluator)
    processor, begin = fused(chain, registry.services.evaluator)
    operator = chain.origin.operator
    asked = EMPTY_MAP if operator is None else operator.own(chain.origin.params)
    own = {"endpoint": chain.title, "initial-state": begin, "control": K_CONTROLS}
    wanted = {"queue-capacity": CAPACITY, **normalised(options), **normalised(asked), **own}
    settings = read_settings(Map.of([(Keyword(name), value) for name, value in wanted.items()]))
    return _GraphRequest(registry, settings, call.module, security, chain, processor, node)


async def _started(request: _GraphRequest) -> Run:
    """A run, which may be one that another run reads. Those that it reads begin with it, or not at all."""
    try:
        stream = await request.run()
    except BaseException:
        for each in request.inputs:
            await each.stream.abandoned()
        raise
    assert isinstance(stream, Run)
    return stream


def admit_graph(chain: Chain, evaluator: Evaluator, security: RuntimeContext) -> None:
    """S053 when the context denies what a node of the graph needs, before anything opens."""
    origin = chain.origin
    kind = origin.kind or origin.operator
    if kind is not None:
        capability = f"stream.{origin.name}"
        asked = () if kind.needs is None else kind.needs(origin.params)
        lifted = options.labels(origin.params.get(EFFECTS) or vector([]))
        guard.admit_effects(security, (*kind.effects, *lifted), capability)
        guard.admit_needs(security, asked, capability)
    for _, each in origin.inputs:
        if not isinstance(each, Run):
            admit_graph(each if isinstance(each, Chain) else chain_of(each, evaluator), evaluator, security)


class _GraphRequest(Request):
    """A start whose processor and source are those of a graph."""

    kind = "run"

    def __init__(
        self, registry: StreamRegistry, settings: Settings, module: str, security: RuntimeContext | None,
        chain: Chain, processor: Processor, node: Any,
    ) -> None:  # fmt: skip
        super().__init__(registry, settings, module, security)
        self._chain = chain
        self._fused = processor
        self.node = node
        self.inputs: list[Input] = []
        self.begun: Begun | None = None  # of a run that no other one reads
        self.hooks: Hooks = NO_HOOKS  # what covers all that runs here
        self._own: Hook | None = None  # of the wrapper that the chain begins with

    async def run(self) -> Stream:
        """The stream, once the runs that it reads from are started."""
        origin, own = self._chain.origin, self.settings["stream-id"]
        if origin.operator is None:
            return await self.start()
        given = self.settings.given
        shared = Map.of((Keyword(name), given[name]) for name in INHERITED if name in given)
        shared = shared.merge(origin.operator.covers(origin.params))
        goes_on = None if own is None else await self.waits(own)
        hooks = self._covering(origin)

        async def begin(name: str, node: Any, more: Map = EMPTY_MAP) -> Run:
            about = _about_input(own and f"{own}/{name}", goes_on, self.settings["checkpoint"])
            options = shared.merge(about).merge(more)
            request = _request(self.registry, Begun(node, self.module), options, self.security)
            request.revives_ended = bool(goes_on)
            # what a part says of its own failures is nearer than what covers it
            request.hooks = {kind: hook for kind, hook in hooks.items() if Keyword(kind) not in more}
            if isinstance(node, Chain):  # of a part, which is drawn as what it is a part of
                request.node = self.node
            return await _started(request)

        if origin.operator.parts is not None:
            await self._fan_out(origin.operator.parts, begin, kept=goes_on is not None)
            return await self.start()
        for name, node in origin.inputs:
            both = isinstance(node, Run)
            read = node if isinstance(node, Run) else await begin(name, node)
            self.inputs.append(Input(name, read, kept=goes_on is not None, shared=both))
        stream = await self.start()
        for each in self.inputs:
            if each.shared:
                each.attach(0 if stream.owner.position is None else stream.owner.position[0])
        return stream

    async def _fan_out(
        self, parts: Callable[[Map, Evaluator], list[Part]], begin: Callable[..., Awaitable[Run]], *, kept: bool
    ) -> None:
        """Start the one run that all parts read, then the parts."""
        origin, evaluator = self._chain.origin, self.registry.services.evaluator
        whole = await begin(SHARED, origin.inputs[0][1])
        try:
            for part in parts(origin.params, evaluator):
                chain = part.chain(whole)
                if self.security is not None:
                    admit_graph(chain, evaluator, self.security)
                asked = part.options
                if kept and self.settings["outputs"].name != "none":  # what was read of it may have to be read again
                    asked = asked.dissoc(Keyword("outputs"))
                stream = await begin(part.name, chain, asked)
                self.inputs.append(Input(part.name, stream, kept=kept))
        except BaseException:
            await whole.abandoned()
            raise

    def _covering(self, origin: Origin) -> Hooks:
        """What covers the inputs: what covers this run, and nearer its own wrapper."""
        if origin.operator is None or origin.operator.hook is None:
            return self.hooks
        self._own = origin.operator.hook(origin.params, self._around)
        return {**self.hooks, self._own.kind: self._own}

    @property
    def _around(self) -> Around:
        return Around(self.registry.services, self.security, self.settings["slot-timeout-ms"], self._own)

    def _processor(self, given: Any) -> Processor:
        return self._fused

    def _kept(self) -> Map:
        if self.begun is None:
            return super()._kept()
        return super()._kept().assoc(GRAPH, description.write(self.begun, self.registry.services.evaluator))

    def _migrated(self, snapshot: Snapshot, found: Processor) -> Any:
        """S034 also when the steps have not as many states as they had."""
        state = super()._migrated(snapshot, found)
        if not (is_vector(state) and len(state) == len(self.settings["initial-state"])):
            raise fault(34, f=found.name)
        return state

    def _source(self) -> Source:
        origin, registry, around = self._chain.origin, self.registry, self._around
        if origin.operator is not None:
            adapter: Adapter = origin.operator.joint(self.settings, origin.params, self.inputs, around)
        elif origin.stream_id is not None:
            adapter = SubscriptionAdapter(self.settings, registry.find(origin.stream_id))
        elif origin.kind is not None and origin.kind.calls is not None:
            adapter = origin.kind.calls(self.settings, origin.params, around)
        else:
            assert origin.kind is not None
            assert origin.kind.open is not None
            adapter = origin.kind.open(self.settings, origin.params, registry.services)
        return self._placed(adapter)

    def _placed(self, adapter: Adapter) -> Source:
        """The source of an adapter: in this process, or at a server that its parameters name."""
        origin, registry, target, shown = self._chain.origin, self.registry, None, self.settings["endpoint"]
        if origin.kind is not None and origin.kind.server is not None:
            target = origin.kind.server(self.settings, origin.params, registry.directory)
            shown = target.shown
        source = Source(adapter, Endpoint(target, origin.name), registry.pool, shown)
        if target is not None and self.security is not None:
            source.admit = partial(guard.admit_url, self.security, by=f"stream.{origin.name}")
        return source

    def _stream(self, owner: Owner) -> Stream:
        owner.kind = "dataflow"
        stream = Run(owner, self._chain, self.inputs, self.node)
        if self.inputs and owner.checkpoints.committer.store.durable:
            owner.checkpoints.told.append(stream.stored)
            for number, each in enumerate(self.inputs):
                each.starved = owner.checkpoints.press
                if self.rewinds:
                    each.rewind(0 if owner.position is None else owner.position[number])
        for hook in self.hooks.values():
            hook.hang(stream, self._chain)
        return stream


def _about_input(id: str | None, goes_on: bool | None, cadence: Cadence) -> Map:
    """How an input runs. goes_on: does who reads it go on after a restart? None when what it made is not stored."""
    options: list[tuple[Any, Any]] = [(Keyword("outputs"), Keyword("block" if goes_on is None else "durable"))]
    if goes_on is not None:
        kept = KEPT if cadence.every_ms is not None else max(KEPT, 2 * cadence.every_chunks)
        options += [(Keyword("keep"), kept), (Keyword("if-exists"), Keyword("resume" if goes_on else "replace"))]
    if id is not None:
        options.append((Keyword("stream-id"), id))
    return Map.of(options)
