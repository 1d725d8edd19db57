"""`:stream.resume-from-checkpoint`: a stored stream goes on; of a graph all of it, to its sink or callbacks (§6.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream import description, operate, options, outflow, settings, sinks, sources
from rtfs.host.stream.called import Called
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.description import GRAPH, Begun
from rtfs.host.stream.graph import meant
from rtfs.host.stream.launch import Request
from rtfs.host.stream.operators.with_checkpointing import about
from rtfs.host.stream.options import Option
from rtfs.host.stream.slot import Slot, make, resolve
from rtfs.host.stream.stored import Wanted, newest
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword
from rtfs.lang.operator import operand, slots_of

if TYPE_CHECKING:
    from rtfs.host.provider import CallContext
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.run import Run
    from rtfs.host.stream.settings import Settings
    from rtfs.host.stream.snapshot import Snapshot
    from rtfs.host.stream.stream import Stream

TABLE: options.Table = {
    **settings.RESUME,
    "graph": Option(options.anything),
    "store": Option(options.optional(options.store)),
    "on-resumed": Option(options.anything),
}
_OWN = frozenset({"graph", "store", "on-resumed"})
_MADE_ANEW = frozenset({"endpoint", "initial-state", "control", "processor", GRAPH.name})


async def again(ctx: CallContext, parameters: Map) -> Stream:
    """`:stream.resume` of a stream that does not live here. S002, S003, S006, S030, S032, S033, S034, S040, S053."""
    id, number, force, overrides = settings.read_resume(parameters)
    return await resume(ctx, id, Wanted(number, force), overrides)


async def call(ctx: CallContext, parameters: Map) -> Stream:
    """Go on with the stream that the parameters name. S002, S003, S006, S030, S032, S033, S034, S040, S053."""
    given = options.read(parameters, TABLE, "stream.resume-from-checkpoint")
    graph, wished = given.get("graph"), given.get("on-resumed")
    node = None if graph is None else operand(graph)
    about_it = Map.of((key, value) for key, value in parameters.entries() if options.normal(key) not in _OWN)
    checkpoint = _checkpoint(ctx, node, given.get("store"), about_it)
    id, number, force, overrides = settings.read_resume(checkpoint)
    wanted = Wanted(number, force, None if wished is None else _telling(ctx, wished))
    return await resume(ctx, id, wanted, overrides, node)


def _checkpoint(ctx: CallContext, node: Any, store: str | None, parameters: Map) -> Map:
    """The parameters, with the store to look in: the one that is named, else the one that the graph names."""
    key = Keyword("checkpoint")
    known = EMPTY_MAP if node is None else meant(node, EMPTY_MAP, ctx.evaluator).get(key) or EMPTY_MAP
    said = {"store": known.get(Keyword("store"))} if store is None else {"store": store}
    if said["store"] is None:
        return parameters
    given = options.normalised(parameters)
    cadence = {**options.normalised(given.pop("checkpoint", EMPTY_MAP)), **said}
    given["checkpoint"] = Map.of((Keyword(name), value) for name, value in cadence.items())
    return Map.of((Keyword(name), value) for name, value in given.items())


def _telling(ctx: CallContext, wished: Any) -> Any:
    """What tells the program, before the first chunk. S003, S014, S015."""
    registry = ctx.host.streams
    function = resolve(wished, ctx.call.module, registry.services.evaluator, registry.processors)
    slot = make("on-resumed", 1, function, lambda name, it: Slot(name, it, registry.services, ctx.security))

    async def told(owner: Owner, snapshot: Snapshot) -> None:
        await slot(owner.id, snapshot.seq, about(snapshot))

    return told


async def resume(ctx: CallContext, id: str, wanted: Wanted, overrides: Settings, node: Any = None) -> Stream:
    """Go on with a stored stream; node: its graph, when it is not to be taken from the store."""
    registry = ctx.host.streams
    live = registry.streams.get(id)
    if live is not None and not live.owner.terminal:
        raise fault(40, id=id, n=live.owner.epoch)
    request = Request(registry, overrides, ctx.call.module, ctx.security)
    _, _, saved = await request.stored(id, wanted)
    given = newest(saved, []).fixed.given
    if node is None and GRAPH not in given:
        return await request.resume_stored(id, wanted)
    begun = _begun(ctx, id, node, given.get(GRAPH))
    before = [(key, value) for key, value in given.entries() if key.name not in _MADE_ANEW]
    now = [(Keyword(name), value) for name, value in overrides.given.items() if name not in _MADE_ANEW]
    running = Map.of([*before, *now, (Keyword("stream-id"), id)])
    if begun.ending is None:
        return await operate.start(ctx, begun, running, wanted)
    if sinks.find(begun.ending) is not None:
        return await outflow.pour(ctx, begun, running, wanted)
    return await _called(ctx, begun, running, wanted)


def _begun(ctx: CallContext, id: str, node: Any, text: str | None) -> Begun:
    """The call to make again. S002 when nobody has the graph, S014 for a function that is gone."""
    if text is not None:
        found = description.read(text, ctx.evaluator)
        return found if node is None else found._replace(node=node)
    if node is not None:
        return Begun(node, ctx.call.module)
    raise description.ungraphed(id)


async def _called(ctx: CallContext, begun: Begun, running: Map, wanted: Wanted) -> Run:
    """A run whose outputs go to callbacks again."""
    assert begun.ending is not None
    kind, found = sources.find(begun.ending), ctx.evaluator.operator(begun.ending)
    table = kind.table if kind is not None else operate.PIPELINE if found is None else found[0]
    return await operate.running(ctx, begun, running, Called(slots_of(table), dict(begun.params.entries())), wanted)
