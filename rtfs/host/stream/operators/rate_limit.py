"""`:stream.rate-limit`: no more items in a second than that, by a bucket of tokens (streaming.md §6.6)."""

from __future__ import annotations

from typing import Any

from rtfs.host.stream.operators import HostOperator, Single, text_of
from rtfs.host.stream.outputs import Output
from rtfs.lang.collections import stored_key
from rtfs.lang.names import Keyword

MOST_KEYS = 10_000


class RateLimit(Single):
    """A bucket per key: how many tokens it held at a time of the host clock, in seconds. The last one used is last."""

    name = "rate-limit"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._rate = float(self.param("rate"))
        burst = self.param("burst")
        self._burst = max(1.0, self._rate / 10) if burst is None else float(burst)
        self._drops = self.param("mode") is Keyword("drop")
        self._key = self.param("key-fn")
        self._shown = text_of(self.param("name") or self.name)
        self._buckets: dict[Any, tuple[float, float]] = {}

    async def take(self, output: Output) -> None:
        clock = self.around.services.clock
        key = None if self._key is None else stored_key(await self.told("key-fn", output.value))
        tokens = self._filled(key, clock.monotonic())
        if tokens < 1 and self._drops:
            self._dropped(output)
            return await self.pass_over(output)
        if tokens < 1:
            self.waits = "rate", self._shown
            await clock.sleep((1 - tokens) / self._rate)
            self.waits = None
            tokens = max(1.0, self._filled(key, clock.monotonic()))  # sleeping may end a hair too early
        self._buckets[key] = (tokens - 1, clock.monotonic())
        await self.give(output.value, output)

    def _filled(self, key: Any, now: float) -> float:
        """The tokens of a bucket, which is taken out; one that nobody used for long is full, and so forgotten."""
        tokens, at = self._buckets.pop(key, (self._burst, now))
        while len(self._buckets) >= MOST_KEYS:
            del self._buckets[next(iter(self._buckets))]
        filled = min(self._burst, tokens + (now - at) * self._rate)
        self._buckets[key] = (filled, now)
        return filled

    def _dropped(self, output: Output) -> None:
        owner = self.intake.owner
        owner.stats.dropped_newest += 1
        owner.emit("dropped", policy="rate-limit", dropped=output.output_seq)


OPERATOR = HostOperator(RateLimit)
