"""`runtime.learning.metrics {:label?}`: calls, failures and latency of a capability, for `Host.metrics`."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.host.hint import Field
from rtfs.host.metrics import CallStats

if TYPE_CHECKING:
    from rtfs.host.adapt import Handler
    from rtfs.host.pipeline import Route
    from rtfs.lang.outcome import HostCall

ORDER = 10
FIELDS = {"label": Field("text", None)}


def around(way: Route, options: dict[str, Any], inner: Handler) -> Handler:
    label = options["label"] or way.id
    stats: CallStats = way.host.metrics.setdefault(label, CallStats())
    clock = way.host.clock

    def measured(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        start = clock.monotonic()
        try:
            result = inner(call, args, named)
        except BaseException:
            stats.add(clock.monotonic() - start, failed=True)
            raise
        if type(result) is CoroutineType:
            return _awaited(result, start)
        stats.add(clock.monotonic() - start, failed=False)
        return result

    async def _awaited(work: Any, start: float) -> Any:
        failed = True
        try:
            result = await work
            failed = False
            return result
        finally:
            stats.add(clock.monotonic() - start, failed=failed)

    return measured
