"""SQLite files: `sqlite:path`. Queries read a file that is there; what is written goes to one that is there as well."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.databases import (
    MARKS,
    Fenced,
    Mark,
    Plan,
    Query,
    Refusal,
    Rows,
    quoted,
    sqlite_path,
    to_database,
)
from rtfs.host.stream.retry import Lost
from rtfs.lang.values import Timestamp

T = TypeVar("T")

SCHEMES = ("sqlite",)
BUSY_S = 10.0
_READS = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_AWAY = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_PROTOCOL"})
_LAYOUT = f"""
CREATE TABLE IF NOT EXISTS {MARKS} (
  stream_id TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, output_seq INTEGER NOT NULL) WITHOUT ROWID
"""


class SqliteRows:
    """Rows as the file gives them."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self.columns = tuple(column[0] for column in cursor.description or ())

    def fetch(self, most: int) -> list[tuple[Any, ...]]:
        return _met(lambda: self._cursor.fetchmany(most))


class SqliteDatabase:
    """One file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def query(self, query: Query) -> Rows:
        return _met(lambda: SqliteRows(self._asked(query)))

    def _asked(self, query: Query) -> sqlite3.Cursor:
        connection = self._open("ro")
        connection.set_authorizer(_only_reads)
        params: list[Any] = [_bound(value) for value in query.params]
        run = connection.execute
        if query.key is None:
            found = run(query.sql, params)
            if found.description is None:
                raise Refusal("no statement", "SQLITE_ERROR")
            return found
        run(f"EXPLAIN {query.sql}", params)  # by itself, and the only one
        text = query.within()
        if query.key not in [column[0] for column in run(f"{text} LIMIT 0", params).description]:
            raise Refusal(f"no such column: {query.key}", "SQLITE_ERROR")
        if query.after is not None:
            params.append(_bound(query.after))
            text += f" WHERE {quoted(query.key)} >= ?{len(params)}"
        return run(f"{text} ORDER BY {quoted(query.key)}", params)

    def table(self, name: str) -> dict[str, str] | None:
        known = "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ? AND name NOT GLOB 'sqlite_*'"
        run = self._open("rw").execute

        def read() -> dict[str, str] | None:
            if run(known, (name,)).fetchone() is None:
                return None
            return dict(run("SELECT name, lower(type) FROM pragma_table_info(?)", (name,)).fetchall())

        return _met(read)

    def check(self, plan: Plan) -> None:
        _met(lambda: self._open("rw").execute(f"EXPLAIN {_statement(plan)}", [None] * len(plan.columns)))

    def own(self, stream_id: str, owner: str, *, keep: bool) -> int:
        def work(cursor: sqlite3.Cursor) -> int:
            cursor.execute(_LAYOUT)
            found = cursor.execute(f"SELECT output_seq FROM {MARKS} WHERE stream_id = ?", (stream_id,)).fetchone()
            number = found[0] if keep and found is not None else -1
            cursor.execute(f"INSERT OR REPLACE INTO {MARKS} VALUES (?, ?, ?)", (stream_id, owner, number))
            return int(number)

        return self._transaction(work)

    def write(self, plan: Plan, rows: Sequence[Sequence[Any]], mark: Mark) -> None:
        given = [[_bound(value) for value in row] for row in rows]

        def work(cursor: sqlite3.Cursor) -> None:
            text = f"UPDATE {MARKS} SET output_seq = ? WHERE stream_id = ? AND owner = ?"
            if not cursor.execute(text, (mark.number, mark.stream_id, mark.owner)).rowcount:
                raise Fenced
            cursor.executemany(_statement(plan), given)

        self._transaction(work)

    def forget(self, stream_id: str) -> None:
        self._transaction(lambda cursor: cursor.execute(f"DELETE FROM {MARKS} WHERE stream_id = ?", (stream_id,)))

    def interrupt(self) -> None:
        if self._connection is not None:
            self._connection.interrupt()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self, mode: str) -> sqlite3.Connection:
        if self._connection is None:
            place = f"file:{quote(self._path)}?mode={mode}"
            self._connection = _met(
                lambda: sqlite3.connect(place, timeout=BUSY_S, isolation_level=None, check_same_thread=False, uri=True)
            )
        return self._connection

    def _transaction(self, work: Callable[[sqlite3.Cursor], T]) -> T:
        connection = self._open("rw")

        def whole() -> T:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                result = work(cursor)
                cursor.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    cursor.execute("ROLLBACK")
                raise
            return result

        return _met(whole)


def _only_reads(action: int, *about: Any) -> int:
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY


def _statement(plan: Plan) -> str:
    columns = ", ".join(map(quoted, plan.columns))
    text = f"INSERT INTO {quoted(plan.table)} ({columns}) VALUES ({', '.join('?' * len(plan.columns))})"
    return text + conflict(plan)


def conflict(plan: Plan) -> str:
    """What is done with a row that is there already."""
    if plan.mode == "insert":
        return ""
    key = f" ({', '.join(map(quoted, plan.key))})" if plan.key else ""
    others = [quoted(name) for name in plan.columns if name not in plan.key]
    if plan.mode == "ignore" or not others:
        return f" ON CONFLICT{key} DO NOTHING"
    return f" ON CONFLICT{key} DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in others)}"


def _bound(value: Any) -> Any:
    if type(value) is float and value != value:
        raise Refusal("SQLite has no NaN", "SQLITE_MISMATCH", row=True)
    if type(value) is Timestamp:
        return repr(value).removeprefix("#inst ").strip('"')
    return to_database(value)


def _met(work: Callable[[], T]) -> T:
    """The result of work; what the library raises as Refusal or Lost."""
    try:
        return work()
    except (sqlite3.IntegrityError, sqlite3.DataError) as error:
        raise Refusal(str(error), getattr(error, "sqlite_errorname", "SQLITE_ERROR"), row=True) from None
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "SQLITE_MISUSE")
        if name.startswith(tuple(_AWAY)):
            raise Lost(f"{name}: {error}") from None
        raise Refusal(str(error), name, row=name == "SQLITE_TOOBIG") from None
    except (OverflowError, UnicodeEncodeError) as error:
        raise Refusal(str(error), "SQLITE_MISMATCH", row=True) from None


def open_database(url: str) -> SqliteDatabase:
    """The database of `sqlite:path`. S003 when it names no file."""
    path = sqlite_path(url)
    if not path or path == ":memory:" or "\0" in path:
        raise fault(3, p="connection", kind="sqlite:path of a file", value=url)
    return SqliteDatabase(path)
