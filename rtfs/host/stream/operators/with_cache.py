"""`:stream.with-cache`: a value per key is computed once, and given again to the items that come later (§6.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rtfs.host.stream.adapters import Session
from rtfs.host.stream.caches import Bounds, Cache, check, open_cache
from rtfs.host.stream.guard import Need
from rtfs.host.stream.operators import HostOperator, Single, text_of
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.stores import url_of
from rtfs.lang.collections import MISSING, Map
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake

STORE, MEMORY = Keyword("store"), "memory:"


class WithCache(Single):
    """A value that `:on-miss` gives stands for a computed one where there is no `:compute-fn`.

    A cache that cannot be reached keeps nothing: what it would have given is computed, and an event tells why.
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
        self._place = self._placed()
        self._cache: Cache | None = None

    def _placed(self) -> tuple[str, str | None]:
        """The URL and the name of the cache. S002, S003, S030."""
        given, own = self.param("store"), self.param("name")
        kind = f":{given.name}" if type(given) is Keyword else given
        url = MEMORY if kind is None else url_of(kind, self.around.services.store_url)
        name = self.settings["stream-id"] if own is None else text_of(own)
        check(url, name)
        return url, name

    def _opened(self) -> Cache:
        bounds = Bounds(self.param("max-entries"), self.param("cache-ttl"), self.around.services.clock.now_ms)
        return open_cache(*self._place, bounds)

    async def work(self, session: Session, intake: Intake) -> None:
        try:
            await super().work(session, intake)
        finally:
            cache, self._cache = self._cache, None
            if cache is not None:
                await cache.close()

    async def take(self, output: Output) -> None:
        key = await self.told("cache-key", output.value)
        value = await self._known(key)
        if value is MISSING:
            value = await self._computed(output.value)
            await self._keep(key, value)
        elif self._hit is not None:
            await self.ask(self._hit, value, output.value)
        await self.give(value, output)

    async def _computed(self, item: Any) -> Any:
        told = None if self._miss is None else await self.ask(self._miss, item)
        return told if self._compute is None else await self.ask(self._compute, item)

    async def _known(self, key: Any) -> Any:
        cache = self._cache = self._cache or self._opened()
        try:
            return await cache.get(key)
        except cache.failures as error:
            self._unreached(error)
            return MISSING

    async def _keep(self, key: Any, value: Any) -> None:
        cache = self._cache
        if cache is None or (value is None and not self.param("cache-nil")):
            return
        try:
            await cache.put(key, value)
        except cache.failures as error:
            self._unreached(error)

    def _unreached(self, error: Exception) -> None:
        self.intake.owner.emit("cache-failed", problem=f"{type(error).__name__}: {error}")


def _needs(params: Map) -> tuple[Need, ...]:
    """What a store that the program names needs; one that the operator configured needs nothing."""
    given = params.get(STORE)
    if type(given) is not str or given.startswith(MEMORY):
        return ()
    if given.startswith("sqlite:"):
        return (Need.of("write", given.removeprefix("sqlite:")),)
    host = urlsplit(given).hostname or ""
    return (Need.of("net", f"http://{f'[{host}]' if ':' in host else host}/"),)


OPERATOR = HostOperator(WithCache, needs=_needs)
