"""Snapshots in one SQLite file of a state directory that one process owns at a time (streaming.md §5.3, §5.8)."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rtfs.host.stream import layout
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.lock import Locked, take_lock
from rtfs.host.stream.stores import Entry, Head, InUse, Letter, Row, Saved, Taken

FILE = "streams.db"
_SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3"})

# The layout, version by version: each text makes the next one of the one before.
_LAYOUT = (
    """
CREATE TABLE schema_version (version INTEGER NOT NULL);
CREATE TABLE stream (
  stream_id TEXT NOT NULL, partition INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL, status TEXT NOT NULL,
  owner TEXT NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (stream_id, partition)) WITHOUT ROWID;
CREATE TABLE snapshot (
  stream_id TEXT NOT NULL, partition INTEGER NOT NULL DEFAULT 0, number INTEGER NOT NULL, epoch INTEGER NOT NULL,
  body TEXT NOT NULL, checksum TEXT NOT NULL, created_at INTEGER NOT NULL,
  PRIMARY KEY (stream_id, partition, number)) WITHOUT ROWID
""",
    """
ALTER TABLE stream ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;
UPDATE stream SET expires_at = updated_at + 604800000 WHERE status IN ('completed', 'stopped', 'cancelled', 'error');
CREATE TABLE intake (
  stream_id TEXT NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (stream_id, seq)) WITHOUT ROWID;
CREATE TABLE outbox (
  stream_id TEXT NOT NULL, output_seq INTEGER NOT NULL, epoch INTEGER NOT NULL, body TEXT NOT NULL, key TEXT,
  PRIMARY KEY (stream_id, output_seq)) WITHOUT ROWID;
CREATE TABLE seen (
  stream_id TEXT NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (stream_id, seq)) WITHOUT ROWID;
CREATE TABLE delivered (
  stream_id TEXT NOT NULL, sink TEXT NOT NULL, output_seq INTEGER NOT NULL,
  PRIMARY KEY (stream_id, sink)) WITHOUT ROWID;
CREATE TABLE dead_letter (
  number INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, stream_id TEXT NOT NULL,
  body TEXT NOT NULL, redriven_at INTEGER NOT NULL DEFAULT 0, UNIQUE (queue, id))
""",
    """
CREATE TABLE journal (
  stream_id TEXT NOT NULL, number INTEGER NOT NULL, epoch INTEGER NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (stream_id, number)) WITHOUT ROWID
""",
)
SCHEMA_VERSION = len(_LAYOUT)


class Picture:
    """What can be read of a file: no lock, nothing is written, whoever owns it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def load(self, stream_id: str) -> tuple[Head, list[Saved]] | None:
        run = self._connection.execute
        head = run(f"{_sql(layout.HEAD)} AND stream_id = ?", (stream_id,)).fetchone()
        if head is None:
            return None
        return Head(*head), layout.saved(run(_sql(layout.SAVED), (stream_id,)), _text)

    def heads(self) -> list[Head]:
        return [Head(*row) for row in self._connection.execute(f"{_sql(layout.HEAD)} ORDER BY stream_id")]

    def entries(self, table: str, stream_id: str, first: int, most: int) -> list[Entry]:
        return [Entry(*row) for row in self._connection.execute(_sql(layout.entries(table)), (stream_id, first, most))]

    def marks(self, stream_id: str) -> dict[str, int]:
        return dict(self._connection.execute(_sql(layout.MARKS), (stream_id,)))

    def letters(self, queue: str, after: int, most: int) -> list[Letter]:
        return [Letter(*row) for row in self._connection.execute(_sql(layout.LETTERS), (queue, after, most))]


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
            self._connection = sqlite3.connect(self.file, isolation_level=None)
            self._prepare(durability)
        except BaseException:
            self._lock.release()
            raise

    def _prepare(self, durability: str) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
        with self._transaction("EXCLUSIVE") as cursor:
            self._upgrade(cursor)

    def _upgrade(self, cursor: sqlite3.Cursor) -> None:
        """Bring the layout to the present version, or refuse a newer one."""
        run = cursor.execute
        made = run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'").fetchone()
        found = run("SELECT version FROM schema_version").fetchone() if made else None
        version = found[0] if found else 0
        if version > SCHEMA_VERSION:
            raise fault(33, e=f"the layout {version} of {self.file} is newer than {SCHEMA_VERSION}")
        if version == SCHEMA_VERSION:
            return
        for text in _LAYOUT[version:]:
            for statement in text.split(";"):
                run(statement)
        run("DELETE FROM schema_version")
        run("INSERT INTO schema_version VALUES (?)", (SCHEMA_VERSION,))

    @contextlib.contextmanager
    def _transaction(self, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Cursor]:
        cursor = self._connection.cursor()
        cursor.execute(f"BEGIN {kind}")
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
                cursor.execute("INSERT INTO stream VALUES (?, 0, ?, 'active', ?, 0, 0)", (stream_id, epoch, owner))
            else:
                cursor.execute(
                    "UPDATE stream SET epoch = ?, owner = ?, expires_at = 0 WHERE stream_id = ?",
                    (epoch, owner, stream_id),
                )
        return epoch

    def commit(self, rows: Sequence[Row]) -> dict[str, int]:
        fenced: dict[str, int] = {}
        with self._transaction() as cursor:
            for row in rows:
                if self._owned(cursor, row):
                    _run(cursor, layout.writes(row, str))
                else:
                    found = cursor.execute(_sql(layout.EPOCH), (row.stream_id,)).fetchone()
                    fenced[row.stream_id] = 0 if found is None else found[0]
        return fenced

    def _owned(self, cursor: sqlite3.Cursor, row: Row) -> bool:
        """Is the row's epoch the stored one? Writes the head of a row with a snapshot."""
        key = (row.stream_id, row.epoch)
        if row.body is None:
            cursor.execute("SELECT 1 FROM stream WHERE stream_id = ? AND partition = 0 AND epoch = ?", key)
            return cursor.fetchone() is not None
        cursor.execute(
            "UPDATE stream SET status = ?, updated_at = ?, expires_at = ?"
            " WHERE stream_id = ? AND partition = 0 AND epoch = ?",
            (row.status, row.created_at, row.expires_at, *key),
        )
        return cursor.rowcount == 1

    # ---- housekeeping

    def redriven(self, queue: str, ids: Sequence[str], at: int) -> None:
        with self._transaction() as cursor:
            cursor.executemany(_sql(layout.REDRIVEN), [(at, queue, id) for id in ids])

    def delete(self, stream_id: str, *, forget: bool = True) -> None:
        with self._transaction() as cursor:
            _run(cursor, layout.deletions(stream_id, forget))

    def sweep(self, now: int) -> int:
        with self._transaction() as cursor:
            over = cursor.execute(_sql(layout.OVER), (now,)).fetchall()
            for (id,) in over:
                _run(cursor, layout.deletions(id, forget=True))
        return len(over)

    def close(self) -> None:
        self._connection.close()
        self._lock.release()


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


@functools.cache
def _sql(text: str) -> str:
    """A statement of the common layout in SQLite's own words."""
    return text.replace("{s}", "").replace("{body}", "CAST(body AS BLOB)")


def _run(cursor: sqlite3.Cursor, statements: Iterable[layout.Statement]) -> None:
    for text, parameters in statements:
        if len(parameters) == 1:
            cursor.execute(_sql(text), parameters[0])
        else:
            cursor.executemany(_sql(text), parameters)


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
