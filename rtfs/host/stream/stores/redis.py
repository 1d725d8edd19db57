"""Snapshots in Redis, shared by machines: one script a commit, fenced by epochs (streaming.md §5.3, §5.8).

How safe a snapshot is after a crash of the server depends on the server's append settings: `guarantee` says which.
Every stream has a hash `head`, a hash `saved` (number → epoch, checksum and body; number/partition → text), sorted sets
`intake`, `outbox`, `seen` and `journal` (`number:text` by number) and a hash `delivered`; its id stands in one set. A
queue of dead letters is a hash by id and a sorted set of ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.stores import LEASE_MS, NUMBERED, Alive, Changes, Entry, Head, Letter, Row, Saved, Taken, masked

PREFIX_PARAMETER = "rtfs_prefix"  # of the URL: what all keys begin with; `rtfs` unless given

# KEYS: head, set of ids. ARGV: id, seen ('' for none), owner, lease in ms.
_CLAIM = """
local now = redis.call('TIME'); now = now[1] * 1000 + math.floor(now[2] / 1000)
local head = redis.call('HMGET', KEYS[1], 'epoch', 'status', 'owner', 'heartbeat')
if (head[1] or '') ~= ARGV[2] then return {'taken', head[1] or '0', ''} end
local over = head[2] == 'completed' or head[2] == 'stopped' or head[2] == 'cancelled' or head[2] == 'error'
if head[1] and not over and head[3] ~= ARGV[3] and now - tonumber(head[4]) < tonumber(ARGV[4]) then
  return {'alive', head[1], head[3]}
end
local epoch = tonumber(head[1] or '0') + 1
redis.call('HSET', KEYS[1], 'epoch', epoch, 'owner', ARGV[3], 'heartbeat', now, 'expires_at', 0)
if not head[1] then redis.call('HSET', KEYS[1], 'status', 'active', 'updated_at', 0) end
redis.call('SADD', KEYS[2], ARGV[1])
return {'claimed', tostring(epoch), ''}
"""
# KEYS: head and saved of each row, then the counter of letters. ARGV: per row epoch, number ('' without snapshot),
# status, time, entry, keep, expiry and further commands as JSON. Gives the stored epochs of those that were not
# written, -1 for the others.
_COMMIT = """
local now = redis.call('TIME'); now = now[1] * 1000 + math.floor(now[2] / 1000)
local answers = {}
for i = 1, (#KEYS - 1) / 2 do
  local head, saved, at = KEYS[2 * i - 1], KEYS[2 * i], 8 * (i - 1)
  local epoch = redis.call('HGET', head, 'epoch')
  if epoch ~= ARGV[at + 1] then
    answers[i] = tonumber(epoch or '0')
  else
    redis.call('HSET', head, 'heartbeat', now)
    if ARGV[at + 2] ~= '' then
      redis.call('HSET', head, 'status', ARGV[at + 3], 'updated_at', ARGV[at + 4], 'expires_at', ARGV[at + 7])
      redis.call('HSET', saved, ARGV[at + 2], ARGV[at + 5])
      for _, number in ipairs(redis.call('HKEYS', saved)) do
        if tonumber(string.match(number, '^%d+')) <= tonumber(ARGV[at + 2]) - tonumber(ARGV[at + 6]) then
          redis.call('HDEL', saved, number)
        end
      end
    end
    if ARGV[at + 8] ~= '' then
      for _, command in ipairs(cjson.decode(ARGV[at + 8])) do
        if command[1] == 'LETTER' then
          if redis.call('HSET', command[2], command[4], command[5]) == 1 then
            redis.call('ZADD', command[3], redis.call('INCR', KEYS[#KEYS]), command[4])
          end
        else
          redis.call(unpack(command))
        end
      end
    end
    answers[i] = -1
  end
end
return answers
"""
# KEYS: heads. ARGV: 'now' or '0', then the epochs. Gives the stored epochs.
_TOUCH = """
local now = redis.call('TIME'); now = now[1] * 1000 + math.floor(now[2] / 1000)
local answers = {}
for i = 1, #KEYS do
  local epoch = redis.call('HGET', KEYS[i], 'epoch')
  if epoch == ARGV[i + 1] then redis.call('HSET', KEYS[i], 'heartbeat', ARGV[1] == 'now' and now or 0) end
  answers[i] = tonumber(epoch or '0')
end
return answers
"""


class RedisStore:
    """One Redis server, or the part of it whose keys begin with the prefix of the URL."""

    durable = True
    remote = True

    def __init__(self, url: str) -> None:
        import redis

        place, self._prefix = split_url(url)
        self.url = masked(url)
        self.failures: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        self._client: Any = redis.Redis.from_url(place, socket_timeout=10, socket_connect_timeout=10)
        self._claim = self._client.register_script(_CLAIM)
        self._commit = self._client.register_script(_COMMIT)
        self._touch = self._client.register_script(_TOUCH)
        try:
            self._client.ping()
        except redis.RedisError as error:
            raise fault(3, p="checkpoint :store", kind="reachable Redis server", value=f"{self.url}: {error}") from None
        self.guarantee = self._guarantee()

    def _guarantee(self) -> str:
        """What of a commit survives a crash of the server."""
        import redis

        try:
            setting = self._client.config_get("append*")
        except redis.RedisError:
            return "unknown: the server does not tell its append settings"
        if setting.get("appendonly") != "yes":
            return "what the last save of the server holds (appendonly is off)"
        return f"the append file (appendfsync {setting.get('appendfsync')})"

    def _key(self, kind: str, id: str) -> str:
        return f"{self._prefix}:{kind}:{id}"

    def _head(self, stream_id: str) -> str:
        return f"{self._prefix}:head:{stream_id}"

    def _saved(self, stream_id: str) -> str:
        return f"{self._prefix}:saved:{stream_id}"

    @property
    def _ids(self) -> str:
        return f"{self._prefix}:ids"

    # ---- what every store does

    def claim(self, stream_id: str, seen: int | None, owner: str) -> int:
        arguments = [stream_id, "" if seen is None else seen, owner, LEASE_MS]
        answer = self._claim(keys=[self._head(stream_id), self._ids], args=arguments)
        kind, epoch, other = (part.decode() for part in answer)
        if kind == "taken":
            raise Taken(int(epoch))
        if kind == "alive":
            raise Alive(int(epoch), other)
        return int(epoch)

    def commit(self, rows: Sequence[Row]) -> dict[str, int]:
        keys: list[str] = []
        arguments: list[Any] = []
        for row in rows:
            keys += [self._head(row.stream_id), self._saved(row.stream_id)]
            number = "" if row.body is None else row.number
            entry = "" if row.body is None else json.dumps([row.epoch, row.checksum, row.body], ensure_ascii=False)
            commands = [*self._parts(row), *self._commands(row.stream_id, row.changes)]
            further = json.dumps(commands, ensure_ascii=False) if commands else ""
            arguments += [row.epoch, number, row.status, row.created_at, entry, row.keep, row.expires_at, further]
        answers = self._commit(keys=[*keys, f"{self._prefix}:letter-count"], args=arguments) if rows else []
        return {row.stream_id: epoch for row, epoch in zip(rows, answers, strict=True) if epoch >= 0}

    def _parts(self, row: Row) -> Iterator[list[str]]:
        for part in row.parts:
            yield ["HSET", self._saved(row.stream_id), f"{row.number}/{part.partition}", part.body]

    def _commands(self, id: str, changes: Changes) -> Iterator[list[str]]:
        """What a row changes beside its snapshot."""
        for table, entries, below, first in changes.tables():
            key = self._key(table, id)
            if below:
                yield ["ZREMRANGEBYSCORE", key, "-inf", f"({below}"]
            if first is not None:
                yield ["ZREMRANGEBYSCORE", key, str(first), "+inf"]
            for number, body in entries:
                yield ["ZREMRANGEBYSCORE", key, str(number), str(number)]
                yield ["ZADD", key, str(number), f"{number}:{body}"]
        for sink, number in changes.marks.items():
            yield ["HSET", self._key("delivered", id), sink, str(number)]
        for letter in changes.letters:
            text = json.dumps([letter.stream_id, letter.body, 0], ensure_ascii=False)
            yield ["LETTER", self._key("letters", letter.queue), self._key("letter-ids", letter.queue), letter.id, text]

    def load(self, stream_id: str) -> tuple[Head, list[Saved]] | None:
        pipeline = self._client.pipeline(transaction=True)
        pipeline.hgetall(self._head(stream_id))
        pipeline.hgetall(self._saved(stream_id))
        head, saved = pipeline.execute()
        if not head:
            return None
        return _read_head(stream_id, head), sorted(_snapshots(saved), key=lambda entry: -entry.number)

    def heads(self) -> list[Head]:
        ids = sorted(id.decode() for id in self._client.smembers(self._ids))
        pipeline = self._client.pipeline(transaction=False)
        for id in ids:
            pipeline.hgetall(self._head(id))
        return [_read_head(id, head) for id, head in zip(ids, pipeline.execute(), strict=True) if head]

    def entries(self, table: str, stream_id: str, first: int, most: int) -> list[Entry]:
        found = self._client.zrangebyscore(self._key(table, stream_id), first, "+inf", start=0, num=most)
        parts = [entry.decode("utf-8", "replace").partition(":") for entry in found]
        return [Entry(int(number), body) for number, _, body in parts]

    def marks(self, stream_id: str) -> dict[str, int]:
        found = self._client.hgetall(self._key("delivered", stream_id))
        return {sink.decode(): int(number) for sink, number in found.items()}

    def letters(self, queue: str, after: int, most: int) -> list[Letter]:
        ids = self._client.zrangebyscore(
            self._key("letter-ids", queue), f"({after}", "+inf", start=0, num=most, withscores=True
        )
        texts = self._client.hmget(self._key("letters", queue), [id for id, _ in ids]) if ids else []
        letters = []
        for (id, number), text in zip(ids, texts, strict=True):
            if text is not None:
                stream_id, body, at = json.loads(text)
                letters.append(Letter(id.decode(), queue, stream_id, body, at, int(number)))
        return letters

    def redriven(self, queue: str, ids: Sequence[str], at: int) -> None:
        key = self._key("letters", queue)
        for id, text in zip(ids, self._client.hmget(key, list(ids)) if ids else (), strict=True):
            if text is not None:
                stream_id, body, _ = json.loads(text)
                self._client.hset(key, id, json.dumps([stream_id, body, at], ensure_ascii=False))

    def delete(self, stream_id: str, *, forget: bool = True) -> None:
        pipeline = self._client.pipeline(transaction=True)
        pipeline.delete(self._saved(stream_id), *(self._key(name, stream_id) for name in (*NUMBERED, "delivered")))
        if forget:
            pipeline.delete(*(self._key(name, stream_id) for name in ("head", "letters", "letter-ids")))
            pipeline.srem(self._ids, stream_id)
        pipeline.execute()

    def sweep(self, now: int) -> int:
        over = 0
        for head in self.heads():
            expires_at = int(self._client.hget(self._head(head.stream_id), "expires_at") or 0)
            if 0 < expires_at <= now:
                self.delete(head.stream_id)
                over += 1
        return over

    def close(self) -> None:
        self._client.close()

    # ---- what only a store over the network does

    def beat(self, owned: Mapping[str, int]) -> dict[str, int]:
        return self._touched(owned, "now")

    def leave(self, owned: Mapping[str, int]) -> None:
        self._touched(owned, "0")

    def _touched(self, owned: Mapping[str, int], moment: str) -> dict[str, int]:
        if not owned:
            return {}
        answers = self._touch(keys=[self._head(id) for id in owned], args=[moment, *owned.values()])
        return {id: now for (id, epoch), now in zip(owned.items(), answers, strict=True) if now != epoch}


def _read_head(stream_id: str, fields: dict[bytes, bytes]) -> Head:
    return Head(
        stream_id, int(fields[b"epoch"]), fields[b"status"].decode(), fields[b"owner"].decode(),
        int(fields[b"updated_at"]),
    )  # fmt: skip


def _snapshots(fields: Mapping[bytes, bytes]) -> Iterator[Saved]:
    parts: dict[bytes, dict[int, str]] = {}
    for field, text in fields.items():
        number, _, partition = field.partition(b"/")
        if partition:
            parts.setdefault(number, {})[int(partition)] = text.decode("utf-8", "replace")
    for field, entry in fields.items():
        if b"/" not in field:
            yield _entry(int(field), entry)._replace(parts=parts.get(field, {}))


def _entry(number: int, entry: bytes) -> Saved:
    """A stored snapshot; one that is damaged beyond reading keeps its number and fails its checksum later."""
    try:
        epoch, checksum, body = json.loads(entry)
    except ValueError:
        return Saved(number, 0, entry.decode("utf-8", "replace"), "")
    return Saved(number, epoch, body, checksum)


def split_url(url: str) -> tuple[str, str]:
    """The URL for the library, and the prefix of keys that it names."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    prefix = query.pop(PREFIX_PARAMETER, "rtfs")
    return urlunsplit(parts._replace(query=urlencode(query))), prefix


def open_store(place: str, durability: str) -> RedisStore:
    """The store of a server."""
    try:
        import redis  # noqa: F401
    except ImportError:
        raise fault(7, feature="a store in Redis", extra="redis") from None
    return RedisStore(f"redis:{place}")
