"""The embedded queue: `sqlite:path/file.db/NAME`, messages in one SQLite file that several processes share.

Each group has its place in a queue and leases on the messages that it was given. A lease that runs out, or is given
back, is handed to the next reader of the group; a message goes when every group is finished with it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rtfs.host.stream.brokers import DEDUPE, Consumer, Message, Producer, Reading, UnknownQueue, packed, unpacked
from rtfs.host.stream.catalogue import fault

if TYPE_CHECKING:
    from rtfs.host.clock import Clock

T = TypeVar("T")

SCHEMES = ("sqlite",)
BUSY_S = 10.0  # how long another process may hold the file
LOOK_MS, LOOK_MOST_MS = 5, 200  # how often a waiting reader looks, at first and at last
VISITOR_MS = 60_000  # a reader without a group that was silent for so long is gone
PRUNE_EVERY = 1_024  # sent messages between two looks at ids that are too old
_LAYOUT = """
CREATE TABLE IF NOT EXISTS queue_message (
  number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT, key TEXT, content_type TEXT NOT NULL,
  body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS queue_message_place ON queue_message (queue, number);
CREATE TABLE IF NOT EXISTS queue_sent (
  queue TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (queue, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS queue_sent_place ON queue_sent (queue, number);
CREATE TABLE IF NOT EXISTS queue_group (
  queue TEXT NOT NULL, name TEXT NOT NULL, next INTEGER NOT NULL, until INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (queue, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queue_lease (
  queue TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, deliveries INTEGER NOT NULL,
  until INTEGER NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (queue, name, number)) WITHOUT ROWID
"""
_TRIM = """
DELETE FROM queue_message WHERE queue = :queue AND number < (
  SELECT min(coalesce((SELECT min(number) FROM queue_lease AS l WHERE l.queue = g.queue AND l.name = g.name), g.next))
  FROM queue_group AS g WHERE g.queue = :queue)
"""
_EXPIRED = """
SELECT l.number, l.deliveries + 1, m.key, m.content_type, m.body FROM queue_lease AS l
JOIN queue_message AS m ON m.number = l.number
WHERE l.queue = ? AND l.name = ? AND l.until <= ? ORDER BY l.number LIMIT ?
"""
_FRESH = """
SELECT number, 1, key, content_type, body FROM queue_message WHERE queue = ? AND number >= ? ORDER BY number LIMIT ?
"""


class SqliteBroker:
    """One queue of a file. Its connection is used by one thread at a time, and never by the loop's own."""

    failures: tuple[type[Exception], ...] = (sqlite3.Error, OSError)

    def __init__(self, file: Path, name: str, clock: Clock) -> None:
        self.file = file
        self.name = name
        self.clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    async def within(self, work: Callable[[sqlite3.Cursor], T]) -> T:
        """What `work` makes of a transaction. It comes to its end even when nobody waits any more."""
        done = asyncio.ensure_future(asyncio.to_thread(self._transaction, work))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait({done})
            done.exception()
            raise

    def _transaction(self, work: Callable[[sqlite3.Cursor], T]) -> T:
        with self._lock:
            cursor = self._open().cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                result = work(cursor)
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")
            return result

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            made = sqlite3.connect(self.file, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                made.execute("PRAGMA journal_mode = WAL")
                made.execute("PRAGMA synchronous = NORMAL")
                made.executescript(f"BEGIN IMMEDIATE; {_LAYOUT}; COMMIT")
            except BaseException:
                made.close()
                raise
            self._connection = made
        return self._connection

    async def consumer(self, reading: Reading) -> Consumer:
        visitor = f"~{uuid.uuid4().hex}" if reading.group is None else None
        member = Member(self, visitor or reading.group or "", reading, lasting=visitor is None)
        await self.within(member.join)
        return member

    async def producer(self) -> Producer:
        return Sender(self)

    async def close(self) -> None:
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()


class Member:
    """One reader of a group; one without a name has a group of its own, which goes with it."""

    ended = False

    def __init__(self, broker: SqliteBroker, group: str, reading: Reading, *, lasting: bool) -> None:
        self._broker = broker
        self._reading = reading
        self._me = uuid.uuid4().hex
        self._place = (broker.name, group)
        self._lasting = lasting

    def _until(self) -> int:
        return 0 if self._lasting else self._broker.clock.now_ms() + VISITOR_MS

    def join(self, cursor: sqlite3.Cursor) -> None:
        """Have a place in the queue: that of the group, else behind all messages, for a named group before them."""
        queue, group = self._place
        run = cursor.execute
        run("DELETE FROM queue_group WHERE until BETWEEN 1 AND ?", (self._broker.clock.now_ms(),))
        if not self._reading.create:
            known = "SELECT 1 FROM queue_group WHERE queue = :q UNION ALL SELECT 1 FROM queue_message WHERE queue = :q"
            if run(f"{known} LIMIT 1", {"q": queue}).fetchone() is None:
                raise UnknownQueue(queue)
        first = "SELECT coalesce(min(number), 0) FROM queue_message WHERE queue = ?"
        last = "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'queue_message'"
        start = run(first, (queue,)).fetchone()[0] if self._lasting else 0
        start = start or run(last).fetchone()[0]
        run("INSERT OR IGNORE INTO queue_group VALUES (?, ?, ?, ?)", (queue, group, start, self._until()))

    async def fetch(self, most: int, wait_ms: int) -> list[Message]:
        clock, look = self._broker.clock, LOOK_MS
        until = clock.monotonic() + wait_ms / 1000
        while True:
            found = await self._broker.within(lambda cursor: self._take(cursor, most))
            left = (until - clock.monotonic()) * 1000
            if found or left <= 0:
                return [_message(*row) for row in found]
            await clock.sleep(min(look, left) / 1000)
            look = min(LOOK_MOST_MS, look * 2)

    def _take(self, cursor: sqlite3.Cursor, most: int) -> list[tuple[Any, ...]]:
        """Leases that ran out, then new messages."""
        run, now = cursor.execute, self._broker.clock.now_ms()
        queue, group = self._place
        if not self._lasting:
            run("UPDATE queue_group SET until = ? WHERE queue = ? AND name = ?", (self._until(), *self._place))
        found = run(_EXPIRED, (queue, group, now, most)).fetchall()
        place = run("SELECT next FROM queue_group WHERE queue = ? AND name = ?", self._place).fetchone()
        if place is not None and len(found) < most:
            fresh = run(_FRESH, (queue, place[0], most - len(found))).fetchall()
            if fresh:
                run("UPDATE queue_group SET next = ? WHERE queue = ? AND name = ?", (fresh[-1][0] + 1, *self._place))
            found += fresh
        until = now + self._reading.visibility_ms
        rows = [(queue, group, row[0], row[1], until, self._me) for row in found]
        cursor.executemany("INSERT OR REPLACE INTO queue_lease VALUES (?, ?, ?, ?, ?, ?)", rows)
        return found

    async def ack(self, messages: list[Message]) -> None:
        await self._broker.within(lambda cursor: self._forget(cursor, messages))

    def _forget(self, cursor: sqlite3.Cursor, messages: list[Message]) -> None:
        numbers = [(*self._place, int(message.id)) for message in messages]
        cursor.executemany("DELETE FROM queue_lease WHERE queue = ? AND name = ? AND number = ?", numbers)
        cursor.execute(_TRIM, {"queue": self._place[0]})

    async def extend(self, messages: list[Message]) -> None:
        await self._lease(messages, self._broker.clock.now_ms() + self._reading.visibility_ms)

    async def release(self, messages: list[Message]) -> None:
        await self._lease(messages, 0)

    async def _lease(self, messages: list[Message], until: int) -> None:
        """Have the leases that are still this reader's end then."""
        rows = [(until, *self._place, int(message.id), self._me) for message in messages]
        text = "UPDATE queue_lease SET until = ? WHERE queue = ? AND name = ? AND number = ? AND owner = ?"
        await self._broker.within(lambda cursor: cursor.executemany(text, rows))

    async def close(self, unfinished: Sequence[Message] = ()) -> None:
        await self._broker.within(self._leave)

    def _leave(self, cursor: sqlite3.Cursor) -> None:
        if self._lasting:
            text = "UPDATE queue_lease SET until = 0 WHERE queue = ? AND name = ? AND owner = ?"
            cursor.execute(text, (*self._place, self._me))
            return
        for table in ("queue_lease", "queue_group"):
            cursor.execute(f"DELETE FROM {table} WHERE queue = ? AND name = ?", self._place)
        cursor.execute(_TRIM, {"queue": self._place[0]})


class Sender:
    """One sender."""

    def __init__(self, broker: SqliteBroker) -> None:
        self._broker = broker

    async def publish(self, body: Any, *, id: str | None = None, key: str | None = None) -> bool:
        data, content_type = packed(body)
        row = (self._broker.name, id, key, content_type, data)
        return await self._broker.within(lambda cursor: _put(cursor, row))

    async def close(self) -> None:
        """The connection is the broker's."""


def _put(cursor: sqlite3.Cursor, row: tuple[str, str | None, str | None, str, bytes]) -> bool:
    queue, id = row[:2]
    run = cursor.execute
    if id is not None and run("SELECT 1 FROM queue_sent WHERE queue = ? AND id = ?", (queue, id)).fetchone():
        return False
    run("INSERT INTO queue_message (queue, id, key, content_type, body) VALUES (?, ?, ?, ?, ?)", row)
    number = cursor.lastrowid or 0
    if id is not None:
        run("INSERT INTO queue_sent VALUES (?, ?, ?)", (queue, id, number))
    if number % PRUNE_EVERY == 0:
        run("DELETE FROM queue_sent WHERE number < ?", (number - DEDUPE,))
    return True


def _message(number: int, deliveries: int, key: str | None, content_type: str, body: bytes) -> Message:
    return Message(str(number), unpacked(body, content_type), key=key, deliveries=deliveries)


def open_broker(url: str, clock: Clock) -> SqliteBroker:
    """The broker of `sqlite:file/NAME`, or `sqlite:///file/NAME`. S003."""
    place = url.partition(":")[2]
    file, _, name = (place.removeprefix("//") if place.startswith("///") else place).rpartition("/")
    if not file or not name:
        raise fault(3, p="id", kind="sqlite:path/file.db/name", value=url)
    return SqliteBroker(Path(file), name, clock)
