"""Calls of sinks: a run of the graph in front, whose outputs a sink gets (streaming.md §6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream import guard, sinks
from rtfs.host.stream.batching import Batches
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.description import Begun
from rtfs.host.stream.graph import meant
from rtfs.host.stream.operate import identified, lasts, parameters_of, split, start
from rtfs.host.stream.operators import Around
from rtfs.host.stream.options import normal
from rtfs.host.stream.slot import Slot, make, resolve
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.operator import EFFECT, checked, operand, slots_of

if TYPE_CHECKING:
    from rtfs.host.provider import CallContext
    from rtfs.host.stream.run import Run
    from rtfs.host.stream.sinks import SinkKind
    from rtfs.host.stream.stored import Wanted

OUTPUTS, CAPACITY = Keyword("outputs"), Keyword("output-capacity")
LASTING = ("block", "durable")


async def call(ctx: CallContext, name: str, arguments: tuple[Any, ...]) -> Map:
    """`(call :stream.X main? {…})`: starts at once and answers the handle. S002, S003, S006, S041, S053."""
    kind = sinks.find(name)
    assert kind is not None, name  # the capability exists because the sink does
    if not 1 <= len(arguments) <= 2:
        raise fault(1, capability=f":stream.{name}")
    options, given = split(parameters_of(kind.table, arguments, name), kind.table)
    params = checked(kind.table, given, f"stream.{name}", callbacks=True)
    source = operand(params.get(Keyword(kind.stream)))
    begun = Begun(source, ctx.call.module, name, params.dissoc(Keyword(kind.stream)))
    return (await pour(ctx, begun, options)).handle()


async def pour(ctx: CallContext, begun: Begun, options: Map, wanted: Wanted | None = None) -> Run:
    """A run whose outputs go to a sink. wanted: how the stored one is to go on."""
    name, params = begun.ending, begun.params
    kind = None if name is None else sinks.find(name)
    assert kind is not None, name
    asked = () if kind.needs is None else kind.needs(params)
    guard.admit_needs(ctx.security, (guard.Need(kind.effects), *asked), f"stream.{name}")
    slots = _slots(ctx, kind, begun)
    registry = ctx.host.streams
    outlet = kind.open(params, Around(registry.services, ctx.security, None), "")
    options = identified(ctx, begun.node, options)
    held = _held(ctx, meant(begun.node, options, ctx.evaluator), outlet.size * outlet.concurrency)
    stream = await start(ctx, begun, held, wanted)
    outlet.stream_id = stream.id
    await _deliver(stream, Batches(stream, outlet, slots))
    return stream


async def _deliver(stream: Run, batches: Batches) -> None:
    """Open the sink, then let the run flow. A run that an earlier process left stays stored when that fails."""
    try:
        await batches.begin()
    except BaseException:
        await stream.abandoned()
        raise
    stream.deliver(batches, batches.outlet.name)


def _held(ctx: CallContext, options: Map, together: int) -> Map:
    """The options of a run whose outputs are kept until the sink has them: in the store, where there is one."""
    given = {normal(key): value for key, value in options.entries()}
    mode = given.get("outputs")
    if mode is not None and (type(mode) is not Keyword or mode.name not in LASTING):
        raise fault(3, p="outputs", kind="one of :block :durable", value=mode)
    made = {Keyword(key): value for key, value in given.items()}
    if mode is None:
        made[OUTPUTS] = Keyword("durable" if lasts(ctx, options) else "block")
    made.setdefault(CAPACITY, max(256, 2 * together))
    return Map.of(made.items())


def _slots(ctx: CallContext, kind: SinkKind, begun: Begun) -> dict[str, Slot]:
    """The effect slots that the call fills. S014, S015."""
    registry = ctx.host.streams
    found: dict[str, Slot] = {}
    for key, row in slots_of(kind.table).entries():
        given = begun.params.get(key)
        if given is not None and EFFECT in row:
            function = resolve(given, begun.module, registry.services.evaluator, registry.processors)
            found[key.name] = make(
                key.name, len(row.get(EFFECT)), function,
                lambda name, function: Slot(name, function, registry.services, ctx.security),
            )  # fmt: skip
    return found
