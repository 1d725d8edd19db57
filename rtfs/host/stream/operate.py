"""Calls of `:stream.X`: from arguments to a node, or to a run when there is a callback (streaming.md §6.1)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream import guard, options, sources
from rtfs.host.stream import operators as host_operators
from rtfs.host.stream.called import EACH, ON_COMPLETE, ON_ERROR, Called, callback, watching
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.dataflow import run
from rtfs.host.stream.description import Begun
from rtfs.host.stream.fused import fused
from rtfs.host.stream.graph import chain_of, meant
from rtfs.host.stream.hook import NO_HOOKS, Hooks
from rtfs.host.stream.live import live
from rtfs.host.stream.options import START, normal, shown
from rtfs.host.stream.picture import FORMATS, Picture
from rtfs.host.stream.run import Run
from rtfs.host.stream.settings import read_settings
from rtfs.host.stream.stored import Wanted
from rtfs.host.stream.stores import InUse
from rtfs.lang import operator
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.operator import (
    EFFECT,
    MAIN,
    NODE,
    SETS,
    SLOTS,
    STREAM_ID,
    WHEN,
    are_options,
    checked,
    is_node,
    node,
    operand,
    operands,
    slots_of,
    with_operand,
)
from rtfs.lang.values import is_vector

if TYPE_CHECKING:
    from rtfs.host.provider import CallContext
    from rtfs.lang.evaluator import Evaluator

BLOCK, CHECKPOINT = Keyword("block"), Keyword("checkpoint")
_OWN = frozenset({"endpoint", "processor", "initial-state", "adapter", "control", "config", "name", "meta"})
_RUN_OPTIONS = frozenset(START) - _OWN
COLLECT = operator.parameter_table(
    "to-collection",
    main=None,
    operand="source",
    params={
        "limit": {"kind": "int", "min": 0, "text": "how many items are collected at most"},
        "max-items": {"kind": "int", "min": 1, "default": 100_000, "text": "more items than that are an error"},
    },
    slots={"on-complete": ["items"]},
)


class Read(NamedTuple):
    """A call of an operator or a source: the node it describes, options of a run, and the callbacks that start one.

    starts: it is a run without them.
    """

    node: Map
    options: Map
    slots: Map
    callbacks: dict[Keyword, Any]
    starts: bool = False


def is_stream_call(capability: str) -> bool:
    """Is it an operator or a source?"""
    from rtfs.host.providers.stream import operators

    name = capability.removeprefix("stream.")
    return name != capability and (name in operators() or name in sources.names())


def read_call(evaluator: Evaluator, name: str, arguments: tuple[Any, ...]) -> Read:
    """What a call of `:stream.NAME` says. S001 – S006."""
    kind = sources.find(name)
    if kind is not None:
        table, inputs, named = kind.table, vector([]), EMPTY_MAP
        given = _of_source(kind.table, arguments, name)
    else:
        found = evaluator.operator(name)
        assert found is not None, name  # the capability exists because the operator does
        table = found[0]
        inputs, named, given = _of_operator(table, arguments, name)
    options, parameters = split(given, table)
    params = checked(table, parameters, f"stream.{name}", callbacks=True)
    fed = None if kind is None or kind.fed is None else kind.fed[0]
    if is_node(params.get(fed)) or is_vector(params.get(fed)):
        inputs, params = vector([operand(params.get(fed))]), params.dissoc(fed)
    slots = {key: slot for key, slot in slots_of(table).entries() if EFFECT in slot}
    callbacks = {key: value for key, value in params.entries() if key in slots and value is not None}
    described = {key: value for key, value in (*params.entries(), *named.entries()) if key not in slots}
    for key in callbacks:
        described.update((slots[key].get(SETS) or EMPTY_MAP).entries())
    made = node(Keyword(name), inputs, Map.of(described.items()))
    operator = host_operators.find(name)
    split_up = operator is not None and operator.parts is not None  # its parts are read by themselves
    starts = split_up or (operator is not None and operator.starts)
    if split_up and not any((slots[key].get(WHEN) or EACH) is EACH for key in callbacks):
        options = options.assoc(Keyword("outputs"), Keyword("none"))
    if len(options) and not (callbacks or starts):
        error = fault(
            6, k=f":{normal(next(iter(options)))}", capability=f"stream.{name}", n=f":{next(iter(slots)).name}"
        )
        error.remark("it is for a run, and without a callback that gets items this call only describes a stream")
        raise error
    return Read(made, options, Map.of(slots.items()), callbacks, starts)


PIPELINE = operator.parameter_table(
    "pipeline", main=None, operand="pipeline", params={}, slots={"on-result": ["value"]}
)  # fmt: skip


async def call(ctx: CallContext, name: str, arguments: tuple[Any, ...]) -> Any:
    """One call of an operator or a source: a node, or the handle of a run."""
    read = read_call(ctx.evaluator, name, arguments)
    if not (read.callbacks or read.starts):
        return read.node
    begun = Begun(read.node, ctx.call.module, name, Map.of(read.callbacks.items()))
    return (await running(ctx, begun, read.options, Called(read.slots, read.callbacks))).handle()


async def running(
    ctx: CallContext, begun: Begun, options: Map, called: Called, wanted: Wanted | None = None
) -> Run:  # fmt: skip
    """A run whose outputs go to callbacks; each of them at least once, where the run can be resumed."""
    hooks = called.watched(ctx)
    stream = await start(ctx, begun, lasting(ctx, begun.node, options), wanted, hooks=hooks)
    try:
        receiver = called.receiver(ctx, stream, hooks)
        if stream.owner.source is not None:
            stream.owner.source.adapter.tell = receiver.tell
        stream.deliver(receiver)
    except BaseException:
        await stream.cancel()
        raise
    return stream


def _of_operator(table: Map, arguments: tuple[Any, ...], name: str) -> tuple[Any, Map, Map]:
    """Inputs, their names and parameters of `(call :stream.X in main? {…}?)`."""
    arguments = with_operand(table, arguments)
    if not 1 <= len(arguments) <= 3:
        raise fault(1, capability=f":stream.{name}")
    return *operands(table, arguments[0]), parameters_of(table, arguments[1:], name)


def _of_source(table: Map, arguments: tuple[Any, ...], name: str) -> Map:
    if len(arguments) > 2:
        raise fault(1, capability=f":stream.{name}")
    return parameters_of(table, arguments, name)


def parameters_of(table: Map, arguments: tuple[Any, ...], name: str) -> Map:
    """The parameters of `(call :stream.X main? {…}?)` behind its stream."""
    main = table.get(MAIN)
    last = arguments[-1] if arguments else EMPTY_MAP
    if len(arguments) == 1 and not are_options(table, last, _RUN_OPTIONS):
        return _with_main(EMPTY_MAP, main, last, name)
    if type(last) is not Map:
        raise fault(3, p="options", kind="map", value=shown(last))
    return last if len(arguments) < 2 else _with_main(last, main, arguments[0], name)


def _with_main(options: Map, main: Any, value: Any, name: str) -> Map:
    if main is None:
        raise fault(1, capability=f":stream.{name}")
    return Map.of([*options.entries(), (main, value)])


def split(given: Map, table: Map) -> tuple[Map, Map]:
    """Options of the run, and parameters of the operator."""
    own = {key.name for part in (table.get(Keyword("params")), table.get(SLOTS)) for key in part or ()} - {"on-error"}
    running = [
        (key, value)
        for key, value in given.entries()
        if normal(key) in _RUN_OPTIONS - own and not (normal(key) == "on-error" and _is_callback(value))
    ]
    taken = {id(key) for key, _ in running}
    return Map.of(running), Map.of([(key, value) for key, value in given.entries() if id(key) not in taken])


def _is_callback(value: Any) -> bool:
    """Is an `:on-error` a function that is called, rather than what is done with a chunk that failed?"""
    return type(value) is not Keyword and (type(value) is not Map or Keyword("fn") in value)


def operand_and_options(table: Map, arguments: tuple[Any, ...]) -> tuple[Any, Map]:
    """The stream and the options of a call without a main argument. S001, S002."""
    source, *options = with_operand(table, arguments) or (None, None)
    if len(options) > 1 or any(type(each) is not Map for each in options):
        raise fault(1, capability=f":stream.{table.get(operator.NAME).name}")
    return source, options[0] if options else EMPTY_MAP


# ---- runs


async def start(
    ctx: CallContext, begun: Begun, options: Map, wanted: Wanted | None = None, *, hooks: Hooks = NO_HOOKS
) -> Run:
    """A run of a node, under what the calling program may do.

    wanted: how the stored one is to go on; hooks: what hangs on it, and on all that it reads.
    """
    ctx.meter(streams=1)
    options = identified(ctx, begun.node, options)
    if ctx.renewing and wanted is None:
        wanted = Wanted()
    blocking = options if Keyword("outputs") in options else Map.of([*options.entries(), (Keyword("outputs"), BLOCK)])
    return await run(ctx.host.streams, begun, blocking, ctx.security, wanted, hooks=hooks)


def lasting(ctx: CallContext, node: Any, options: Map) -> Map:
    """The options of a run that an id lets go on: what leaves is kept until it arrives, in a store that lasts."""
    options = identified(ctx, node, options)
    known = meant(node, options, ctx.evaluator)
    if Keyword("outputs") in known or known.get(Keyword("stream-id")) is None or not lasts(ctx, known):
        return options
    return options.assoc(Keyword("outputs"), Keyword("durable"))


def identified(ctx: CallContext, node: Any, options: Map) -> Map:
    """The options of a run. In a program that goes on in a later process it has an id, the same whenever it is made."""
    once, given = ctx.once, meant(node, options, ctx.evaluator).get(STREAM_ID) if ctx.host.lasting else ""
    if once is None or given is not None:
        return options
    return options.assoc(STREAM_ID, f"run-{uuid.uuid5(uuid.NAMESPACE_OID, once)}")


def lasts(ctx: CallContext, options: Map) -> bool:
    """Will a run with these options be stored? S053 before the store is opened."""
    known = [(CHECKPOINT, options.get(CHECKPOINT))] if CHECKPOINT in options else []
    cadence = read_settings(Map.of([(Keyword("endpoint"), "run"), *known]))["checkpoint"]
    guard.admit_store(ctx.security, cadence.store)
    try:
        return bool(ctx.host.streams.store(cadence).durable)
    except InUse:  # whoever starts it says so
        return True


async def create(ctx: CallContext, arguments: tuple[Any, ...]) -> str:
    """`:stream.create NODE {…}`."""
    if not 1 <= len(arguments) <= 2 or (type(arguments[-1]) is not Map and len(arguments) == 2):
        raise fault(1, capability=":stream.create")
    options = arguments[1] if len(arguments) == 2 else EMPTY_MAP
    return (await start(ctx, Begun(operand(arguments[0]), ctx.call.module), options)).id


async def pipeline(ctx: CallContext, arguments: tuple[Any, ...]) -> Map:
    """`:stream.pipeline NODE? {…}`: runs at once; answers the handle of the run."""
    source, given = operand_and_options(PIPELINE, arguments)
    options, parameters = split(given, PIPELINE)
    params = checked(PIPELINE, parameters, "stream.pipeline", callbacks=True)
    slots = slots_of(PIPELINE)
    callbacks = {key: value for key, value in params.entries() if key in slots and value is not None}
    begun = Begun(operand(source), ctx.call.module, "pipeline", Map.of(callbacks.items()))
    return (await running(ctx, begun, options, Called(dict(slots.entries()), callbacks))).handle()


async def collect(ctx: CallContext, arguments: tuple[Any, ...]) -> Any:
    """`:stream.to-collection IN {…}`: runs to the end; `:on-complete` gets what it answers."""
    given, options = operand_and_options(COLLECT, arguments)
    source = operand(given)
    running, parameters = split(options, COLLECT)
    wanted = checked(COLLECT, parameters, "stream.to-collection", callbacks=True)
    limit, most = wanted.get(Keyword("limit")), wanted.get(Keyword("max-items"))
    if limit is None and not _finite(ctx, source):
        raise fault(27)
    hooks = watching(ctx, wanted.get(ON_ERROR))
    tell = callback(ctx, ON_COMPLETE, 1, wanted.get(ON_COMPLETE))
    stream = await start(ctx, Begun(source, ctx.call.module), running, hooks=hooks)
    stream.vanish()
    try:
        found = vector(await _gathered(stream, limit, most))
    finally:
        await stream.cancel()
    if tell is not None:
        tell.timeout_ms = stream.owner.settings["slot-timeout-ms"]
        await tell(stream.id, len(found), found)
    return found


async def _gathered(stream: Run, limit: int | None, most: int) -> list[Any]:
    """Up to `limit` items of a run; they count as processed, those that were brought along do not. S028."""
    owner = stream.owner
    found: list[Any] = []
    reader = stream.reader("collector")
    while limit is None or len(found) < limit:
        page = await stream.read(reader, owner.outputs.capacity)
        if not page:
            break
        for output in page if limit is None else page[: limit - len(found)]:
            if len(found) >= most:
                raise fault(28, operator="to-collection", n=most, things="items")
            found.append(output.value)
            reader.cursor = output.output_seq + 1
    owner.outputs.finished(reader)
    if owner.failure is not None:
        raise owner.failure
    if owner.source is not None:
        owner.source.close()
        await owner.source.closed()
    return found


def _finite(ctx: CallContext, given: Any) -> bool:
    """Will the stream end by itself? A stage that ends it counts."""
    if type(given) is str or (type(given) is Map and STREAM_ID in given and NODE not in given):
        return True
    chain = chain_of(given, ctx.evaluator)
    ends = any(stage.op == "take" for stage in chain.stages)
    origin = chain.origin
    if ends or origin.kind is None:
        return ends or all(_finite(ctx, each) for _, each in origin.inputs)
    return origin.kind.finite(origin.params)


GRAPH: options.Table = {
    "format": options.Option(options.one_of(*FORMATS, "code"), Keyword("mermaid")),
    "live": options.Option(options.boolean, False),
}


def picture(ctx: CallContext, arguments: tuple[Any, ...]) -> str:
    """`:stream.graph NODE {:format …}`: of a node, or of what a stream runs; `:code` is the text of its processor.

    With `:live true` a stream is shown with the counters of all its runs.
    """
    if not 1 <= len(arguments) <= 2 or (type(arguments[-1]) is not Map and len(arguments) == 2):
        raise fault(1, capability=":stream.graph")
    given = arguments[1] if len(arguments) == 2 else EMPTY_MAP
    wanted = options.defaulted(options.read(given, GRAPH, "stream.graph"), GRAPH)
    format = wanted["format"].name
    source = operand(arguments[0])
    running = source if type(source) is str else source.get(STREAM_ID)
    stream = None if running is None else ctx.host.streams.find(running)
    if format == "code":
        if stream is not None:
            return str(stream.owner.processor.identity.text)
        return fused(chain_of(source, ctx.evaluator), ctx.evaluator)[0].identity.text
    if wanted["live"]:
        if stream is None:
            raise fault(3, p="live", kind="false, as the graph does not run", value="true")
        return live(stream).written(format)
    drawn = Picture()
    drawn.node(stream.node if isinstance(stream, Run) else source)
    return drawn.written(format)
