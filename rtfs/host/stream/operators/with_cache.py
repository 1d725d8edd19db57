"""`:stream.with-cache`: a value per key is computed once, and given again to the items that come later (§6.6)."""

from __future__ import annotations

from typing import Any

from rtfs.host.stream.operators import HostOperator, Single
from rtfs.host.stream.outputs import Output
from rtfs.lang.collections import MISSING, stored_key
from rtfs.lang.errors import StreamError


class WithCache(Single):
    """Values by key, with the time they were computed at in seconds; the least recently used one comes first.

    A value that `:on-miss` gives stands for a computed one where there is no `:compute-fn`.
    """

    name = "with-cache"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        slot, compute, miss = self.around.maybe, self.param("compute-fn"), self.param("on-miss")
        if compute is None and miss is None:
            raise StreamError(2, "Missing required field 'compute-fn' of stream.with-cache")
        self._compute = slot("compute-fn", compute)
        self._miss = slot("on-miss", miss)
        self._hit = slot("on-hit", self.param("on-hit"), 2)
        self._values: dict[Any, tuple[Any, float]] = {}

    async def take(self, output: Output) -> None:
        key = stored_key(self.around.pure(self.param("cache-key"), output.value))
        value = self._known(key)
        if value is not MISSING:
            if self._hit is not None:
                await self.ask(self._hit, value, output.value)
        else:
            value = await self._computed(output.value)
            self._keep(key, value)
        await self.give(value, output)

    async def _computed(self, item: Any) -> Any:
        told = None if self._miss is None else await self.ask(self._miss, item)
        return told if self._compute is None else await self.ask(self._compute, item)

    def _known(self, key: Any) -> Any:
        value, at = self._values.pop(key, (MISSING, 0.0))
        ttl = self.param("cache-ttl")
        if value is MISSING or (ttl is not None and (self._now() - at) * 1000 >= ttl):
            return MISSING
        self._values[key] = (value, at)
        return value

    def _keep(self, key: Any, value: Any) -> None:
        if value is None and not self.param("cache-nil"):
            return
        self._values[key] = (value, self._now())
        while len(self._values) > self.param("max-entries"):
            del self._values[next(iter(self._values))]

    def _now(self) -> float:
        return self.around.services.clock.monotonic()


OPERATOR = HostOperator(WithCache)
