"""`runtime.learning.timeout {:absolute-ms}`: the call, retries included, ends by then one way or the other."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.host.hint import Field
from rtfs.host.waiting import within

if TYPE_CHECKING:
    from rtfs.host.adapt import Handler
    from rtfs.host.pipeline import Route
    from rtfs.lang.outcome import HostCall

ORDER = 40
FIELDS = {"absolute-ms": Field("positive", ...)}


def around(way: Route, options: dict[str, Any], inner: Handler) -> Handler:
    limit = options["absolute_ms"]

    async def work(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        # Called inside the event loop, so that work that blocks goes to a thread, from which one can walk away.
        result = inner(call, args, named)
        return await result if type(result) is CoroutineType else result

    def bounded(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        return within(way.host.clock, limit, work(call, args, named), way.id)

    return bounded
