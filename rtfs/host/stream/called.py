"""Callbacks of an operator: which of its effect slots gets what leaves the run (streaming.md §6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream.failing import Asked, Failure, Fate
from rtfs.host.stream.hook import NO_HOOKS, Hook, Hooks
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.settings import FAIL
from rtfs.host.stream.slot import Slot, make, resolve, seen
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.operator import EFFECT, SIDE, WHEN

if TYPE_CHECKING:
    from rtfs.host.provider import CallContext
    from rtfs.host.stream.graph import Chain
    from rtfs.host.stream.run import Run

ARGS, ITEMS = Keyword("args"), Keyword("items")
ON_COMPLETE, ON_ERROR = Keyword("on-complete"), Keyword("on-error")
EACH, AT_END, LAST_STATE, FAILURE = Keyword("each"), Keyword("end"), Keyword("state"), Keyword("failure")
OVER = Keyword("over")


class Called(NamedTuple):
    """The effect slots of a table, and the functions that a call gives for some of them."""

    slots: Mapping[Keyword, Map]
    functions: Mapping[Keyword, Any]

    def watched(self, ctx: CallContext) -> Hooks:
        """What hangs on all runs of the graph: the function under `:on-error` hears of each item that fails in them."""
        function = self.functions.get(ON_ERROR)
        return NO_HOOKS if function is None else watching(ctx, function)

    def receiver(self, ctx: CallContext, stream: Run, hooks: Hooks) -> Callbacks:
        """What takes the outputs of the run. S003, S014, S015 for functions that cannot be called so."""
        registry = ctx.host.streams
        timeout_ms = stream.owner.settings["slot-timeout-ms"]

        def slot(name: str, function: Any) -> Slot:
            return Slot(name, function, registry.services, ctx.security, timeout_ms)

        made: dict[Keyword, list[tuple[Slot, Map]]] = {}
        for key, given in self.functions.items():
            row = self.slots[key]
            function = resolve(given, ctx.call.module, registry.services.evaluator, registry.processors)
            when = row.get(WHEN) or EACH
            made.setdefault(key if when.name == "side" else when, []).append(
                (make(key.name, len(row.get(EFFECT)), function, slot), row)
            )
        return Callbacks(stream, made, hooks.get(Observed.kind))


class Observed(Asked):
    """The `:on-error` of a run that is a function. told: the error that it answered with failing."""

    def __init__(self, slot: Slot) -> None:
        super().__init__(slot)
        self.told: RtfsError | None = None

    def hang(self, run: Run, chain: Chain) -> None:
        super().hang(run, chain)
        self._slot.timeout_ms = run.owner.settings["slot-timeout-ms"]

    async def decide(self, failure: Failure) -> Fate:
        fate = await super().decide(failure)
        if fate.what is FAIL:
            self.told = failure.problem
        return fate


def watching(ctx: CallContext, given: Any) -> Hooks:
    """The hook of an `:on-error` that is a function. S014, S015."""
    slot = callback(ctx, ON_ERROR, 2, given)
    return NO_HOOKS if slot is None else {Observed.kind: Observed(slot)}


def callback(ctx: CallContext, key: Keyword, count: int, given: Any) -> Slot | None:
    """The slot of a call that belongs to no operator; None when nothing is given. S003, S014, S015."""
    if given is None:
        return None
    registry = ctx.host.streams
    function = resolve(given, ctx.call.module, registry.services.evaluator, registry.processors)
    return make(key.name, count, function, lambda name, found: Slot(name, found, registry.services, ctx.security))


class Callbacks:
    """The receiver: each output goes to the slots for it, one after the other."""

    def __init__(self, stream: Run, slots: Mapping[Keyword, list[tuple[Slot, Map]]], policy: Hook | None) -> None:
        self._stream = stream
        self._slots = slots
        self._policy = policy

    async def item(self, output: Output) -> None:
        value = output.value
        if type(value) is Map and SIDE in value:
            await self._call(value.get(SIDE), output.output_seq, *value.get(ARGS))
            return
        for slot, row in self._slots.get(EACH, ()):
            await slot(self._stream.id, output.output_seq, *_arguments(value, row))

    async def failed(self, error: RtfsError) -> None:
        if not (isinstance(self._policy, Observed) and self._policy.told is error):
            await self._call(FAILURE, self._stream.owner.outputs.next, seen(error), None)

    async def completed(self, count: int) -> None:
        last = self._stream.owner.outputs.next
        if self._stream.state:
            await self._call(LAST_STATE, last, self._stream.state[-1])
        await self._call(AT_END, last)

    async def close(self) -> None:
        """Say once that it is over, however that came: `{:status :error :reason}`."""
        owner = self._stream.owner
        slots = self._slots.get(OVER, ())
        why = owner.reason or (None if owner.source is None else owner.source.last_error)
        for slot, _ in slots:
            try:
                failure = None if owner.failure is None else seen(owner.failure)
                await slot(owner.id, owner.outputs.next, keyed(status=owner.status, error=failure, reason=why))
            except RtfsError as error:
                owner.emit("callback-failed", slot=slot.name, code=error.code, message=error.message)

    async def tell(self, key: Keyword, *args: Any, behind: bool = False) -> None:
        """Something that the source says to the slots for it. behind: when everything it brought is taken."""
        if behind and key in self._slots:
            await self._caught_up()
        await self._call(key, self._stream.owner.outputs.next, *args)

    async def _caught_up(self) -> None:
        """Nothing that the source brought is on its way any more."""
        stream, delivery = self._stream, self._stream.delivery
        await stream.until(lambda: not stream.owner.queue.items)
        while delivery is not None and not delivery.idle:
            await delivery.rested()

    async def _call(self, key: Keyword, seq: int, *args: Any) -> None:
        for slot, _ in self._slots.get(key, ()):
            await slot(self._stream.id, seq, *args)


def _arguments(value: Any, row: Map) -> tuple[Any, ...]:
    """What a slot is called with: the output, or the items of a window and what is known of it beside them."""
    if len(row.get(EFFECT)) != 2:
        return (value,)
    return value.get(ITEMS), value.dissoc(ITEMS)
