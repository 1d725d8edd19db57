"""`runtime.learning.retry {:max-retries? :initial-delay-ms? :backoff-multiplier?}`: a failed call is made again."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.host.hint import Field, recovering, transient
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.host.adapt import Handler
    from rtfs.host.pipeline import Route
    from rtfs.lang.outcome import HostCall

ORDER = 50
FIELDS = {
    "max-retries": Field("count", 3),
    "initial-delay-ms": Field("count", 100),
    "backoff-multiplier": Field("factor", 2.0),
}
LONGEST = 3600.0  # seconds between two tries, however often the delay grew


def around(way: Route, options: dict[str, Any], inner: Handler) -> Handler:
    """All tries carry the same idempotency key: they are one call."""
    retries = options["max_retries"]

    def delay(tries: int) -> float:
        try:
            seconds = options["initial_delay_ms"] / 1000 * options["backoff_multiplier"] ** (tries - 1)
        except OverflowError:
            return LONGEST
        return float(min(seconds, LONGEST))

    async def again(failure: RtfsError, call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        for tries in range(1, retries + 1):
            await way.host.clock.sleep(delay(tries))
            try:
                result = inner(call, args, named)
                return await result if type(result) is CoroutineType else result
            except RtfsError as error:
                if not transient(error):
                    raise
                failure = error
        failure.notes.append(f"tried {retries + 1} times")
        raise failure

    return recovering(inner, again) if retries else inner
