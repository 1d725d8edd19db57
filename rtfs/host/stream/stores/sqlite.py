"""Snapshots in one SQLite file of a state directory that one process owns at a time (streaming.md §5.3, §5.8)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.lock import Locked, take_lock
from rtfs.host.stream.stores import Head, InUse, Row, Saved, Taken

SCHEMA_VERSION = 1
FILE = "streams.db"
_SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3"})

_TABLES = """
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stream (
  stream_id TEXT NOT NULL, partition INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL, status TEXT NOT NULL,
  owner TEXT NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (stream_id, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot (
  stream_id TEXT NOT NULL, partition INTEGER NOT NULL DEFAULT 0, number INTEGER NOT NULL, epoch INTEGER NOT NULL,
  body TEXT NOT NULL, checksum TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (stream_id, partition, number)) WITHOUT ROWID;
"""


_HEAD = "SELECT stream_id, epoch, status, owner, updated_at FROM stream"


class Picture:
    """What can be read of a file: no lock, nothing is written, whoever owns it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def load(self, stream_id: str) -> tuple[Head, list[Saved]] | None:
        run = self._connection.execute
        head = run(f"{_HEAD} WHERE stream_id = ? AND partition = 0", (stream_id,)).fetchone()
        if head is None:
            return None
        rows = run(
            "SELECT number, epoch, CAST(body AS BLOB), checksum FROM snapshot WHERE stream_id = ? AND partition = 0"
            " ORDER BY number DESC",
            (stream_id,),
        )
        return Head(*head), [Saved(row[0], row[1], row[2].decode("utf-8", "replace"), row[3]) for row in rows]

    def heads(self) -> list[Head]:
        return [Head(*row) for row in self._connection.execute(f"{_HEAD} ORDER BY stream_id")]


class SqliteStore(Picture):
    """The file `place`, or `streams.db` in the folder `place`.

    The OS lock beside it lasts as long as the store is open, or the process lives.
    """

    durable = True
    remote = False
    failures: tuple[type[Exception], ...] = (sqlite3.Error, OSError)

    def __init__(self, place: str, durability: str = "normal") -> None:
        self.url = f"sqlite:{place}"
        self.file = Path(place) if Path(place).suffix in _SUFFIXES else Path(place) / FILE
        folder = self.file.parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise fault(3, p="checkpoint :store", kind="folder to write in", value=f"{folder}: {error}") from None
        try:
            self._lock = take_lock(folder / f"{self.file.name}.lock")
        except Locked:
            raise InUse(str(folder), _peek(self.file)) from None
        try:
            super().__init__(sqlite3.connect(self.file, isolation_level=None))
            self._prepare(durability)
        except BaseException:
            self._lock.release()
            raise

    def _prepare(self, durability: str) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
        self._connection.executescript(_TABLES)
        found = run("SELECT version FROM schema_version").fetchone()
        if found is None:
            run("INSERT INTO schema_version VALUES (?)", (SCHEMA_VERSION,))
        elif found[0] > SCHEMA_VERSION:
            raise fault(33, e=f"the layout {found[0]} of {self.file} is newer than {SCHEMA_VERSION}")

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        cursor = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")

    def claim(self, stream_id: str, seen: int | None, owner: str) -> int:
        epoch = (seen or 0) + 1
        with self._transaction() as cursor:
            cursor.execute("SELECT epoch FROM stream WHERE stream_id = ? AND partition = 0", (stream_id,))
            stored = cursor.fetchone()
            if (None if stored is None else stored[0]) != seen:
                raise Taken(0 if stored is None else stored[0])
            if stored is None:
                cursor.execute("INSERT INTO stream VALUES (?, 0, ?, 'active', ?, 0)", (stream_id, epoch, owner))
            else:
                cursor.execute("UPDATE stream SET epoch = ?, owner = ? WHERE stream_id = ?", (epoch, owner, stream_id))
        return epoch

    def commit(self, rows: Sequence[Row]) -> dict[str, int]:
        fenced: dict[str, int] = {}
        with self._transaction() as cursor:
            run = cursor.execute
            for row in rows:
                key = (row.stream_id, row.epoch)
                run(
                    "UPDATE stream SET status = ?, updated_at = ? WHERE stream_id = ? AND partition = 0 AND epoch = ?",
                    (row.status, row.created_at, *key),
                )
                if cursor.rowcount != 1:
                    run("SELECT epoch FROM stream WHERE stream_id = ? AND partition = 0", key[:1])
                    found = cursor.fetchone()
                    fenced[row.stream_id] = 0 if found is None else found[0]
                    continue
                run(
                    "INSERT OR REPLACE INTO snapshot VALUES (?, 0, ?, ?, ?, ?, ?)",
                    (row.stream_id, row.number, row.epoch, row.body, row.checksum, row.created_at),
                )
                run(
                    "DELETE FROM snapshot WHERE stream_id = ? AND partition = 0 AND number <= ?",
                    (row.stream_id, row.number - row.keep),
                )
        return fenced

    def delete(self, stream_id: str, *, forget: bool = True) -> None:
        with self._transaction() as cursor:
            cursor.execute("DELETE FROM snapshot WHERE stream_id = ?", (stream_id,))
            if forget:
                cursor.execute("DELETE FROM stream WHERE stream_id = ?", (stream_id,))

    def close(self) -> None:
        self._connection.close()
        self._lock.release()


@contextlib.contextmanager
def read_only(file: Path) -> Iterator[Picture]:
    """The streams of a file that another process may own."""
    uri = f"{file.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=1.0)) as connection:
        yield Picture(connection)


def _peek(file: Path) -> list[Head]:
    """The streams of a file that another process owns: read only, and nothing at all if that fails."""
    if not file.exists():
        return []
    try:
        with read_only(file) as picture:
            return picture.heads()
    except sqlite3.Error:
        return []


def open_store(place: str, durability: str) -> SqliteStore:
    """The store of a state directory, which is made when it is missing."""
    return SqliteStore(os.path.abspath(place), durability)
