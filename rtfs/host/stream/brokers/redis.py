"""Redis Streams: `redis://host:port/db/NAME` or `rediss://…`, where `?maxlen=N` bounds the stream to about N entries.

A group is a consumer group. A message that is given back, or of which nobody heard for the visibility time, is claimed
by the next reader of its group. Ids of sent messages are remembered in keys beside the stream, in the same script that
adds the entry. Entries of other programs without a field `body` are maps of their fields.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from rtfs.host.stream.brokers import DEDUPE_S, Consumer, Message, Producer, Reading, UnknownQueue, packed, unpacked
from rtfs.host.stream.catalogue import fault
from rtfs.lang.collections import Map

if TYPE_CHECKING:
    from rtfs.host.clock import Clock

SCHEMES = ("redis", "rediss")
RELEASED = "rtfs-released"  # owns what was given back until somebody claims it
LONG_IDLE_MS = 30 * 24 * 3_600_000
_OWN = ("body", "content-type", "key", "id")

# KEYS: stream, key of the id ('' for none). ARGV: seconds, maxlen (0: none), fields and values.
_ADD = """
if KEYS[2] and not redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[1]) then return false end
local command = {'XADD', KEYS[1]}
if ARGV[2] ~= '0' then table.insert(command, 'MAXLEN') table.insert(command, '~') table.insert(command, ARGV[2]) end
table.insert(command, '*')
for i = 3, #ARGV do table.insert(command, ARGV[i]) end
return redis.call(unpack(command))
"""


class RedisBroker:
    """One stream of a server."""

    def __init__(self, client: Any, name: str, maxlen: int, clock: Clock) -> None:
        import redis.exceptions

        self.failures: tuple[type[Exception], ...] = (redis.exceptions.RedisError, OSError)
        self._clock = clock
        self._client = client
        self._name = name
        self._maxlen = maxlen

    async def consumer(self, reading: Reading) -> Consumer:
        if reading.group is None:
            return Follower(self._client, self._name, await self._last())
        import redis.exceptions

        try:
            await self._client.xgroup_create(self._name, reading.group, id="0", mkstream=reading.create)
        except redis.exceptions.ResponseError as error:
            if "requires the key to exist" in str(error):
                raise UnknownQueue(self._name) from None
            if "BUSYGROUP" not in str(error):
                raise
        return Member(self._client, self._name, reading, self._clock)

    async def _last(self) -> str:
        found = await self._client.xrevrange(self._name, count=1)
        return found[0][0].decode() if found else "0"

    async def producer(self) -> Producer:
        return Sender(self._client, self._name, self._maxlen)

    async def close(self) -> None:
        await self._client.aclose()


class Follower:
    """Reads every new message; there is nothing to acknowledge."""

    ended = False

    def __init__(self, client: Any, name: str, after: str) -> None:
        self._client = client
        self._name = name
        self._after = after

    async def fetch(self, most: int, wait_ms: int) -> list[Message]:
        answer = await self._client.xread({self._name: self._after}, count=most, block=wait_ms or None)
        found = [_message(id, fields) for id, fields in _entries(answer)]
        if found:
            self._after = found[-1].id
        return found

    async def ack(self, messages: list[Message]) -> None:
        """Nobody else waits for them."""

    async def extend(self, messages: list[Message]) -> None:
        """Nobody else waits for them."""

    async def release(self, messages: list[Message]) -> None:
        """Nobody else waits for them."""

    async def close(self, unfinished: Sequence[Message] = ()) -> None:
        """Nothing is open."""


class Member:
    """One reader of a group."""

    ended = False

    def __init__(self, client: Any, name: str, reading: Reading, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._name = name
        self._group = reading.group or ""
        self._visibility_ms = reading.visibility_ms
        self._me = f"rtfs-{uuid.uuid4().hex}"

    async def fetch(self, most: int, wait_ms: int) -> list[Message]:
        until = self._clock.monotonic() + wait_ms / 1000
        while True:
            found = await self._claimed(most) or await self._new(most, self._patience(until))
            if found or self._clock.monotonic() >= until:
                return found

    def _patience(self, until: float) -> int | None:
        """Milliseconds to wait for new messages, before it is time to look for those of readers that are gone."""
        left = min((until - self._clock.monotonic()) * 1000, self._visibility_ms / 4)
        return max(1, int(left)) if left > 0 else None

    async def _new(self, most: int, block: int | None) -> list[Message]:
        answer = await self._client.xreadgroup(self._group, self._me, {self._name: ">"}, count=most, block=block)
        return [_message(id, fields) for id, fields in _entries(answer)]

    async def _claimed(self, most: int) -> list[Message]:
        """What others were given and did not acknowledge in time."""
        answer = await self._client.xautoclaim(
            self._name, self._group, self._me, min_idle_time=self._visibility_ms, count=most
        )
        found = []
        for id, fields in answer[1]:
            if fields is not None:  # otherwise the entry was deleted meanwhile
                (pending,) = await self._client.xpending_range(self._name, self._group, id, id, 1)
                found.append(_message(id, fields)._replace(deliveries=max(2, pending["times_delivered"])))
        return found

    async def ack(self, messages: list[Message]) -> None:
        if messages:
            await self._client.xack(self._name, self._group, *(message.id for message in messages))

    async def extend(self, messages: list[Message]) -> None:
        await self._take(self._me, messages, {})

    async def release(self, messages: list[Message]) -> None:
        await self._take(RELEASED, messages, {"idle": LONG_IDLE_MS})

    async def _take(self, consumer: str, messages: list[Message], more: dict[str, Any]) -> None:
        if messages:
            ids = [message.id for message in messages]
            await self._client.xclaim(self._name, self._group, consumer, 0, ids, justid=True, **more)

    async def close(self, unfinished: Sequence[Message] = ()) -> None:
        await self.release(list(unfinished))
        pending = await self._client.xpending_range(self._name, self._group, "-", "+", 1, self._me)
        if not pending:
            await self._client.xgroup_delconsumer(self._name, self._group, self._me)


class Sender:
    """One sender."""

    def __init__(self, client: Any, name: str, maxlen: int) -> None:
        self._name = name
        self._maxlen = maxlen
        self._add = client.register_script(_ADD)

    async def publish(self, body: Any, *, id: str | None = None, key: str | None = None) -> bool:
        data, content_type = packed(body)
        fields: list[Any] = ["body", data, "content-type", content_type]
        if key is not None:
            fields += ["key", key]
        if id is not None:
            fields += ["id", id]
        keys = [self._name] if id is None else [self._name, f"{{{self._name}}}:rtfs-id:{id}"]
        return await self._add(keys=keys, args=[DEDUPE_S, self._maxlen, *fields]) is not None

    async def close(self) -> None:
        """Nothing is open."""


def _entries(answer: Any) -> list[tuple[Any, dict[bytes, bytes]]]:
    """The entries of a read of one stream, in either protocol."""
    if not answer:
        return []
    streams = list(answer.values()) if isinstance(answer, dict) else [entries for _, entries in answer]
    found = streams[0]
    return found[0] if found and isinstance(found[0], list) else found


def _message(id: Any, fields: dict[bytes, bytes]) -> Message:
    text = {name.decode("utf-8", "replace"): value for name, value in fields.items()}
    shown = {name: value.decode("utf-8", "replace") for name, value in text.items()}
    own = "body" in text
    body = unpacked(text["body"], shown.get("content-type")) if own else Map.of(shown.items())
    headers = Map.of((name, value) for name, value in shown.items() if own and name not in _OWN)
    return Message(id.decode() if isinstance(id, bytes) else str(id), body, headers, shown.get("key"))


def open_broker(url: str, clock: Clock) -> RedisBroker:
    """The broker of a URL; the last part of its path is the name. S003, S007."""
    try:
        import redis.asyncio
    except ImportError:
        raise fault(7, feature="a redis:// stream", extra="redis") from None
    parts = urlsplit(url)
    place, _, name = parts.path.strip("/").rpartition("/")
    maxlen = parse_qs(parts.query).get("maxlen", ["0"])[0]
    if not parts.hostname or not name or not maxlen.isdigit() or not (place or "0").isdigit():
        raise fault(3, p="id", kind="redis://host:port/db/name", value=url)
    server = f"{parts.scheme}://{parts.netloc}/{place or 0}"
    client = redis.asyncio.Redis.from_url(server, socket_connect_timeout=5)
    return RedisBroker(client, name, int(maxlen), clock)
