"""What `ccos.state.*` keeps: keys with values, counters and event logs, in a SQLite file or in memory.

Every change is one transaction, so that a compare-and-put is atomic between processes too. A change that carries an
idempotency key leaves its answer beside it and is not made again under the same key.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import canonical, show
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid, type_name

if TYPE_CHECKING:
    import sqlite3

ABSENT: Any = object()


class Table(Protocol):
    """Values under (space, key); one implementation keeps them in memory, one in a file."""

    def transaction(self) -> AbstractContextManager[None]:
        """All reads and writes inside happen together, or none when an exception leaves it."""
        ...

    def read(self, space: str, key: str) -> Any:
        """The value; ABSENT when there is none."""
        ...

    def write(self, space: str, key: str, value: Any) -> None:
        """Store a value; ABSENT removes it."""
        ...

    def close(self) -> None: ...


class MemoryTable:
    """Gone with the process. One session's thread uses it, so nothing comes between the steps of a transaction."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], Any] = {}
        self._undo: dict[tuple[str, str], Any] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._undo.clear()
        try:
            yield
        except BaseException:
            for (space, key), value in self._undo.items():
                self._put(space, key, value)
            raise

    def read(self, space: str, key: str) -> Any:
        return self._values.get((space, key), ABSENT)

    def write(self, space: str, key: str, value: Any) -> None:
        self._undo.setdefault((space, key), self.read(space, key))
        self._put(space, key, value)

    def _put(self, space: str, key: str, value: Any) -> None:
        if value is ABSENT:
            self._values.pop((space, key), None)
        else:
            self._values[space, key] = value

    def close(self) -> None:
        self._values.clear()


class SqliteTable:
    """A SQLite file that processes may share. Values are stored as their printed form, which `read` reads back."""

    def __init__(self, path: str, read: Callable[[str], Any]) -> None:
        import sqlite3  # deferred: most programs keep nothing

        self._read = read
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

    def read(self, space: str, key: str) -> Any:
        row = self._connection.execute("SELECT value FROM state WHERE space = ? AND key = ?", (space, key)).fetchone()
        return ABSENT if row is None else self._read(row[0])

    def write(self, space: str, key: str, value: Any) -> None:
        if value is ABSENT:
            self._connection.execute("DELETE FROM state WHERE space = ? AND key = ?", (space, key))
            return
        text = show(value, None)
        self._connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", (space, key, text))

    def close(self) -> None:
        self._connection.close()


class State:
    """The state of one host. `once` is the idempotency key of a call, None when it has none."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def get(self, key: Any, default: Any = None) -> Any:
        found = self.table.read("kv", _name(key))
        return default if found is ABSENT else found

    def put(self, key: Any, value: Any, once: str | None = None) -> None:
        require_storable(value)
        self._change("put", once, lambda: self.table.write("kv", _name(key), value))

    def delete(self, key: Any, once: str | None = None) -> None:
        self._change("delete", once, lambda: self.table.write("kv", _name(key), ABSENT))

    def compare_and_put(self, key: Any, expected: Any, value: Any, once: str | None = None) -> bool:
        """Put `value` if the present one equals `expected` (nil: there is none); whether it did."""
        from rtfs.lang.equality import same_key

        require_storable(value)

        def change() -> bool:
            if not same_key(self.get(key), expected):
                return False
            self.table.write("kv", _name(key), value)
            return True

        answer: bool = self._change("cas", once, change)
        return answer

    def increment(self, key: Any, by: int = 1, once: str | None = None) -> int:
        """Add to a counter, which begins at 0; the new number."""

        def change() -> int:
            present = self.table.read("counter", _name(key))
            number: int = by if present is ABSENT else present + by
            self.table.write("counter", _name(key), number)
            return number

        answer: int = self._change("inc", once, change)
        return answer

    def append(self, key: Any, event: Any, once: str | None = None) -> int:
        """Put an event at the end of a log; its position, from 0."""
        require_storable(event)

        def change() -> int:
            name = _name(key)
            count = self.table.read("length", name)
            position: int = 0 if count is ABSENT else count
            self.table.write("event", f"{position:020} {name}", event)
            self.table.write("length", name, position + 1)
            return position

        answer: int = self._change("append", once, change)
        return answer

    def _change(self, operation: str, once: str | None, change: Callable[[], Any]) -> Any:
        with self.table.transaction():
            if once is None:
                return change()
            recorded = self.table.read("answer", f"{operation} {once}")
            if recorded is not ABSENT:
                return recorded
            answer = change()
            self.table.write("answer", f"{operation} {once}", answer)
            return answer


def open_state(directory: str | None, read: Callable[[str], Any] | None) -> State:
    """The state kept in a directory (made when missing, for its owner alone), or one in memory."""
    if directory is None:
        return State(MemoryTable())
    if read is None:
        raise ValueError("state in a directory needs a host with a reader")
    os.makedirs(directory, mode=0o700, exist_ok=True)
    return State(SqliteTable(os.path.join(directory, "state.db"), read))


def _name(key: Any) -> str:
    """One text for all equal keys."""
    require_storable(key)
    return canonical(key, None)


_ATOMS = frozenset({type(None), bool, int, float, str, Keyword, Symbol, Timestamp, Uuid, ResourceHandle})


def require_storable(value: Any) -> None:
    """HostError (`:type :not-storable`) when a function, an error or an object of the host is inside."""
    pending = [value]
    while pending:
        part = pending.pop()
        if type(part) is Map:
            for entry in part.entries():
                pending.extend(entry)
        elif type(part) in (tuple, List, PVector):
            pending.extend(part)
        elif type(part) not in _ATOMS:
            data = Map.of([(Keyword("kind"), type_name(part))])
            text = f"Cannot store a value that holds a {type_name(part)}"
            raise HostCallError("HostError", text, type="not-storable", data=data)
