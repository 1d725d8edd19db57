"""`runtime.learning.rate-limit {:requests-per-second? :burst?}`: calls beyond the rate wait for their turn."""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.host.hint import Field, memory

if TYPE_CHECKING:
    from rtfs.host.adapt import Handler
    from rtfs.host.pipeline import Route
    from rtfs.lang.outcome import HostCall

ORDER = 70
FIELDS = {"requests-per-second": Field("rate", 10), "burst": Field("positive", 5)}


class Bucket:
    """Tokens that come back at a steady rate. A debt is a place in the queue: who comes later waits longer."""

    __slots__ = ("tokens", "at")

    def __init__(self, tokens: float, at: float) -> None:
        self.tokens = tokens
        self.at = at

    def wait(self, rate: float, burst: int, now: float) -> float:
        """Take one token; seconds until it is there."""
        self.tokens = min(burst, self.tokens + (now - self.at) * rate) - 1
        self.at = now
        return max(0.0, -self.tokens / rate)


def around(way: Route, options: dict[str, Any], inner: Handler) -> Handler:
    rate, burst, clock = options["requests_per_second"], options["burst"], way.host.clock
    bucket: Bucket = memory(way, "rate-limit", lambda: Bucket(burst, clock.monotonic()))

    async def later(seconds: float, call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        await clock.sleep(seconds)
        result = inner(call, args, named)
        return await result if type(result) is CoroutineType else result

    def paced(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        seconds = bucket.wait(rate, burst, clock.monotonic())
        return later(seconds, call, args, named) if seconds else inner(call, args, named)

    return paced
