"""Values in Redis, shared by machines: a string for each, and their use in a sorted set."""

from __future__ import annotations

from typing import Any

from rtfs.host.stream.caches import Bounds, key_text, value_text
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.stores.redis import split_url
from rtfs.lang.codec import decode
from rtfs.lang.collections import MISSING

# KEYS: value, uses, counter of uses. ARGV: key. Gives the value, which counts as used.
_GET = """
local value = redis.call('GET', KEYS[1])
if value then redis.call('ZADD', KEYS[2], redis.call('INCR', KEYS[3]), ARGV[1]) end
return value
"""
# KEYS: uses, counter of uses. ARGV: what the names of values begin with, key, value, how long it is good for in ms
# ('0': for ever), how many are kept.
_PUT = """
if ARGV[4] == '0' then redis.call('SET', ARGV[1] .. ARGV[2], ARGV[3])
else redis.call('SET', ARGV[1] .. ARGV[2], ARGV[3], 'PX', ARGV[4]) end
redis.call('ZADD', KEYS[1], redis.call('INCR', KEYS[2]), ARGV[2])
local surplus = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[5])
if surplus > 0 then
  local old = redis.call('ZPOPMIN', KEYS[1], surplus)
  for i = 1, #old, 2 do redis.call('DEL', ARGV[1] .. old[i]) end
end
"""


class RedisCache:
    """All keys of it hold `{PREFIX:cache:NAME}`, which keeps them in one slot of a cluster."""

    def __init__(self, url: str, name: str, bounds: Bounds) -> None:
        import redis.asyncio
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self.failures: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        place, prefix = split_url(url)
        self._bounds = bounds
        self._own = f"{{{prefix}:cache:{name}}}:"
        self._keys = f"{self._own}used", f"{self._own}uses"
        once = Retry(NoBackoff(), 0)  # to compute the value is better than to wait for it
        try:
            self._client: Any = redis.asyncio.Redis.from_url(
                place, socket_timeout=10, socket_connect_timeout=5, retry=once
            )
        except ValueError as error:
            raise fault(3, p="store", kind="URL of a Redis server", value=str(error)) from None
        self._get = self._client.register_script(_GET)
        self._put = self._client.register_script(_PUT)

    async def get(self, key: Any) -> Any:
        text = key_text(key)
        found = await self._get(keys=[f"{self._own}value:{text}", *self._keys], args=[text])
        if found is None:
            return MISSING
        at, _, body = found.decode("utf-8", "surrogatepass").partition(" ")
        return decode(body) if self._bounds.fresh(int(at)) else MISSING

    async def put(self, key: Any, value: Any) -> None:
        body = f"{self._bounds.now_ms()} {value_text(value)}".encode("utf-8", "surrogatepass")
        most, ttl = self._bounds.most, self._bounds.ttl_ms or 0
        await self._put(keys=self._keys, args=[f"{self._own}value:", key_text(key), body, ttl, most])

    async def close(self) -> None:
        await self._client.aclose()


def open_cache(place: str, name: str, bounds: Bounds) -> RedisCache:
    try:
        import redis  # noqa: F401
    except ImportError:
        raise fault(7, feature="a cache in Redis", extra="redis") from None
    return RedisCache(f"redis:{place}", name, bounds)
