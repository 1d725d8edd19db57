"""What `ccos.state.*` keeps: keys with values, counters and event logs, in a SQLite file, in Redis or in memory.

Every change is one transaction, so that a compare-and-put is atomic between processes too. A change that carries an
idempotency key leaves its answer beside it and is not made again under the same key. Of the calls that one program, or
one function that the host runs for it, makes one after the other only the last can come again: its answer is kept.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rtfs.lang.codec import NotStorable, decode, encode
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword
from rtfs.lang.printer import canonical

if TYPE_CHECKING:
    import sqlite3


T = TypeVar("T")
REDIS = ("redis://", "rediss://")
SECONDS = 5.0  # that a server may take to answer


class Table(Protocol):
    """Texts under (space, key); implementations keep them in memory, in a file and in Redis."""

    def atomically(self, change: Callable[[], T]) -> T:
        """What `change` gives. All its reads and writes happen together, or none when it raises; it may run again."""
        ...

    def read(self, space: str, key: str) -> str | None:
        """The text; None when there is none."""
        ...

    def write(self, space: str, key: str, text: str | None) -> None:
        """Store a text; None removes what is there."""
        ...

    def close(self) -> None: ...


class MemoryTable:
    """Gone with the process. One session's thread uses it, so nothing comes between the steps of a transaction."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], str] = {}
        self._undo: dict[tuple[str, str], str | None] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._undo.clear()
        try:
            yield
        except BaseException:
            for (space, key), text in self._undo.items():
                self._put(space, key, text)
            raise

    def atomically(self, change: Callable[[], T]) -> T:
        with self.transaction():
            return change()

    def read(self, space: str, key: str) -> str | None:
        return self._texts.get((space, key))

    def write(self, space: str, key: str, text: str | None) -> None:
        self._undo.setdefault((space, key), self.read(space, key))
        self._put(space, key, text)

    def _put(self, space: str, key: str, text: str | None) -> None:
        if text is None:
            self._texts.pop((space, key), None)
        else:
            self._texts[space, key] = text

    def close(self) -> None:
        self._texts.clear()


class SqliteTable:
    """A SQLite file that processes may share."""

    def __init__(self, path: str) -> None:
        import sqlite3  # deferred: most programs keep nothing

        self._connection: sqlite3.Connection = sqlite3.connect(path, timeout=10, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS state (space TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (space, key)) "
            "WITHOUT ROWID"
        )

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def atomically(self, change: Callable[[], T]) -> T:
        with self.transaction():
            return change()

    def read(self, space: str, key: str) -> str | None:
        row = self._connection.execute("SELECT value FROM state WHERE space = ? AND key = ?", (space, key)).fetchone()
        return None if row is None else row[0]

    def write(self, space: str, key: str, text: str | None) -> None:
        if text is None:
            self._connection.execute("DELETE FROM state WHERE space = ? AND key = ?", (space, key))
        else:
            self._connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", (space, key, text))

    def close(self) -> None:
        self._connection.close()


class RedisTable:
    """A Redis server, or the part of it whose keys begin with the prefix of the URL; machines may share it.

    A change watches what it reads, is sent whole, and runs again when somebody else was faster.
    """

    def __init__(self, url: str) -> None:
        import redis  # deferred: an extra

        from rtfs.host.stream.stores.redis import split_url

        place, prefix = split_url(url)
        self._prefix = f"{prefix}:state"
        self._moved: type[Exception] = redis.WatchError
        self._client: Any = redis.Redis.from_url(
            place, socket_timeout=SECONDS, socket_connect_timeout=SECONDS, decode_responses=True
        )
        self._pipe: Any = None  # of the change that runs
        self._written: dict[str, str | None] = {}

    def atomically(self, change: Callable[[], T]) -> T:
        while True:
            self._written = {}
            with self._client.pipeline() as self._pipe:
                try:
                    answer = change()
                    self._send()
                    return answer
                except self._moved:
                    continue
                finally:
                    self._pipe = None

    def _send(self) -> None:
        if not self._written:
            return
        self._pipe.multi()
        for name, text in self._written.items():
            self._pipe.delete(name) if text is None else self._pipe.set(name, text)
        self._pipe.execute()

    def read(self, space: str, key: str) -> str | None:
        name = self._name(space, key)
        if self._pipe is not None:
            if name in self._written:
                return self._written[name]
            self._pipe.watch(name)
        found: str | None = (self._pipe or self._client).get(name)
        return found

    def write(self, space: str, key: str, text: str | None) -> None:
        self._written[self._name(space, key)] = text

    def _name(self, space: str, key: str) -> str:
        return f"{self._prefix}:{space}:{key}"

    def close(self) -> None:
        self._client.close()


class State:
    """The state of one host. `once` is the idempotency key of a call, None when it has none.

    pay: called with the bytes of each value before it is stored; what it raises keeps the value out.
    HostError with `:type :not-storable` for a key or value that holds a function, an error or an object of the host.
    """

    def __init__(self, table: Table, pay: Callable[[int], None] | None = None) -> None:
        self.table = table
        self._pay = pay or (lambda size: None)

    def get(self, key: Any, default: Any = None) -> Any:
        text = self.table.read("kv", _name(key))
        return default if text is None else decode(text)

    def put(self, key: Any, value: Any, once: str | None = None) -> None:
        name, text = _name(key), _text(value)
        self._change("put", once, lambda: self._store("kv", name, text))

    def delete(self, key: Any, once: str | None = None) -> None:
        name = _name(key)
        self._change("delete", once, lambda: self.table.write("kv", name, None))

    def compare_and_put(self, key: Any, expected: Any, value: Any, once: str | None = None) -> bool:
        """Put `value` if the present one equals `expected` (nil: there is none); whether it did."""
        from rtfs.lang.equality import same_key

        name, text = _name(key), _text(value)

        def change() -> bool:
            if not same_key(self.get(key), expected):
                return False
            self._store("kv", name, text)
            return True

        answer: bool = self._change("cas", once, change)
        return answer

    def increment(self, key: Any, by: int = 1, once: str | None = None) -> int:
        """Add to a counter, which begins at 0; the new number."""
        name = _name(key)

        def change() -> int:
            number = self._number("counter", name) + by
            self.table.write("counter", name, _text(number))
            return number

        answer: int = self._change("inc", once, change)
        return answer

    def append(self, key: Any, event: Any, once: str | None = None) -> int:
        """Put an event at the end of a log; its position, from 0."""
        name, text = _name(key), _text(event)

        def change() -> int:
            position = self._number("length", name)
            self._store("event", f"{position:020} {name}", text)
            self.table.write("length", name, _text(position + 1))
            return position

        answer: int = self._change("append", once, change)
        return answer

    def close(self) -> None:
        self.table.close()

    def _store(self, space: str, name: str, text: str) -> None:
        self._pay(len(text.encode()))
        self.table.write(space, name, text)

    def _number(self, space: str, name: str) -> int:
        text = self.table.read(space, name)
        number: int = 0 if text is None else decode(text)
        return number

    def _change(self, operation: str, once: str | None, change: Callable[[], Any]) -> Any:
        if once is None:
            return self.table.atomically(change)
        sequence, number = _place_in_sequence(once)

        def change_once() -> Any:
            recorded = self.table.read("answer", sequence)
            if recorded is not None:
                last = decode(recorded)
                if last[:2] == (operation, number):
                    return last[2]
            answer = change()
            self.table.write("answer", sequence, _text((operation, number, answer)))
            return answer

        return self.table.atomically(change_once)


def open_state(directory: str | None, pay: Callable[[int], None] | None = None) -> State:
    """The state kept in a directory (made when missing, for its owner alone), at a Redis URL, or in memory."""
    if directory is None:
        return State(MemoryTable(), pay)
    if directory.startswith(REDIS):
        return State(RedisTable(directory), pay)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    return State(SqliteTable(os.path.join(directory, "state.db")), pay)


def _place_in_sequence(once: str) -> tuple[str, str]:
    """`RUN/PROGRAM/7`, and `RUN/PROGRAM/3.0.7` of an inner call, are the call 7 of their sequences."""
    found = _NUMBERED.fullmatch(once)
    return (once, "") if found is None else (found[1], found[2])


_NUMBERED = re.compile(r"(.*[/.])(\d+)", re.DOTALL)


def _name(key: Any) -> str:
    """One text for all equal keys."""
    _text(key)
    return canonical(key, None)


def _text(value: Any) -> str:
    try:
        return encode(value)
    except NotStorable as error:
        data = Map.of([(Keyword("kind"), error.kind)])
        text = f"Cannot store a value that holds a {error.kind}"
        raise HostCallError("HostError", text, type="not-storable", data=data) from error
