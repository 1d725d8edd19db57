"""Callbacks of `register-callbacks`: what a program does with each item, with the failure, with the end (§3.10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.slot import Slot, make, resolve, seen
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.host.stream.registry import StreamRegistry
    from rtfs.host.stream.stream import Stream
    from rtfs.lang.outcome import RuntimeContext

SLOTS = ("on-item", "on-error", "on-complete")


class Callbacks:
    """A receiver whose three parts are effect slots: `on-item [item]`, `on-error [error]` and `on-complete
    [summary]`, each of which may be missing."""

    def __init__(self, stream: Stream, slots: Mapping[str, Slot]) -> None:
        self._stream = stream
        self._slots = slots

    async def item(self, output: Output) -> None:
        await self._call("on-item", output.output_seq, output.value)

    async def failed(self, error: RtfsError) -> None:
        await self._call("on-error", self._stream.owner.outputs.next, seen(error))

    async def completed(self, count: int) -> None:
        summary = keyed(stream_id=self._stream.id, status=self._stream.status, items=count)
        await self._call("on-complete", self._stream.owner.outputs.next, summary)

    async def close(self) -> None:
        """Nothing is open."""

    async def _call(self, name: str, seq: int, *args: Any) -> None:
        slot = self._slots.get(name)
        if slot is not None:
            await slot(self._stream.id, seq, *args)


def read_callbacks(
    registry: StreamRegistry,
    stream: Stream,
    given: Mapping[str, Any],
    module: str,
    security: RuntimeContext | None = None,
    timeout_ms: int | None = None,
) -> Callbacks:
    """The receiver that callback parameters mean, by their names. S003, S014, S015."""

    def slot(name: str, function: Any) -> Slot:
        return Slot(name, function, registry.services, security, timeout_ms)

    functions = {
        name: resolve(given[name], module, registry.services.evaluator, registry.processors)
        for name in SLOTS
        if given.get(name) is not None
    }
    return Callbacks(stream, {name: make(name, 1, found, slot) for name, found in functions.items()})
