"""The history of a durable run: what began it and the calls it got answers to, in a SQLite file (host.md §2).

Whatever is written is there when the process is killed at the next instruction. What a call that must not be made
twice depends on is on the disk itself before the program goes on.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream.lock import Locked, take_lock
from rtfs.lang.errors import HostCallError, RtfsError

if TYPE_CHECKING:
    import sqlite3

FILE = "run.db"
FORMAT = 1

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS module (name TEXT PRIMARY KEY, source TEXT NOT NULL, text TEXT NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE IF NOT EXISTS call (
        number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, call TEXT NOT NULL,
        state TEXT NOT NULL, answer TEXT, note TEXT, waited INTEGER NOT NULL DEFAULT 0
    )
    """,
)


class Entry(NamedTuple):
    """One call. state: `made` while nobody knows if it was done, then `value`, `error`, or `again` when its answer
    cannot be stored and comes from making it once more.

    waited: did its program wait for the answer? number: the place among all answers, in the order of their coming.
    """

    key: str
    call: str
    state: str = "value"
    answer: str | None = None
    note: str | None = None
    waited: int = 0
    number: int = 0


class History:
    """The history in a directory, which is made when missing, for its owner alone. One process may hold it at a time.

    HostError with `:type :durable` when another process holds it, and when the file cannot be read or written.
    """

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._connection: sqlite3.Connection | None = None
        self._full: bool | None = None
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            self._lock = take_lock(Path(directory) / f"{FILE}.lock")
        except Locked:
            raise history_error(f"the run in '{directory}' goes on in {self._owner()}", "wait for its end") from None
        except OSError as error:
            raise history_error(f"cannot keep a run in '{directory}': {error.strerror}") from None
        try:
            self._open(Path(directory) / FILE)
        except BaseException:
            self.close()
            raise

    def _open(self, file: Path) -> None:
        import sqlite3  # deferred: most runs keep no history

        self._failures = (sqlite3.Error, OSError)
        try:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite's own files beside it have the same mode
            self._connection = sqlite3.connect(file, isolation_level=None)
        except self._failures as error:
            raise self._broken(error) from error
        self._do("PRAGMA journal_mode=WAL")
        for statement in _SCHEMA:
            self._do(statement)
        self._sync(False)
        self.known: int = self._do("SELECT coalesce(max(number), 0) FROM call")[0][0]  # of earlier processes

    def _owner(self) -> str:
        """Who holds the lock, as far as it tells."""
        try:
            found = (Path(self.directory) / f"{FILE}.lock").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            found = ""
        return f"process {found}" if found.isdigit() else "another process"

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._lock.release()

    # ---- the run

    def get(self, name: str) -> str | None:
        """A fact of the run by name."""
        rows = self._do("SELECT value FROM run WHERE name = ?", name)
        return rows[0][0] if rows else None

    def put(self, **facts: str) -> None:
        """Write down facts of the run, all or none."""
        self._do("BEGIN")
        for name, value in facts.items():
            self._do("INSERT OR REPLACE INTO run VALUES (?, ?)", name, value)
        self._do("COMMIT")

    def module(self, name: str) -> tuple[str, str] | None:
        """Source name and text of a module that the run has read."""
        rows = self._do("SELECT source, text FROM module WHERE name = ?", name)
        return (rows[0][0], rows[0][1]) if rows else None

    def add_module(self, name: str, source: str, text: str) -> None:
        self._do("INSERT INTO module VALUES (?, ?, ?)", name, source, text)

    # ---- its calls

    def find(self, key: str) -> Entry | None:
        """The call of a key, if an earlier process made it."""
        if not self.known:
            return None
        return self._one("WHERE key = ?", key)

    def next_answer(self, number: int) -> Entry | None:
        """The first answer after a place that came to an earlier process."""
        return self._one("WHERE number > ? AND number <= ? AND state <> 'made' ORDER BY number", number, self.known)

    def has_inner(self, key: str) -> bool:
        """Did functions that the host ran for a call make calls?"""
        return self._one("WHERE key > ? AND key < ?", f"{key}.", f"{key}/") is not None  # `/` follows `.`

    def make(self, key: str, call: str) -> None:
        """A call that must not be made twice is about to be made."""
        self._sync(True)
        self._do("INSERT OR IGNORE INTO call (key, call, state) VALUES (?, ?, 'made')", key, call)

    def answer(self, entry: Entry) -> None:
        """A call has its answer; the program gets it when this is written."""
        columns = "key, call, state, answer, note, waited, number"
        place = "(SELECT coalesce(max(number), 0) + 1 FROM call)"
        self._do(f"INSERT OR REPLACE INTO call ({columns}) VALUES (?, ?, ?, ?, ?, ?, {place})", *entry[:6])
        self._sync(False)

    def unanswered(self) -> list[Entry]:
        """The calls of which nobody knows if they were done, oldest first."""
        return [Entry(*row) for row in self._do(f"SELECT {_FIELDS} FROM call WHERE state = 'made' ORDER BY number")]

    def forget(self, key: str) -> None:
        """Let a call be made again."""
        self._do("DELETE FROM call WHERE key = ?", key)

    def last_failure(self) -> Entry | None:
        """The last call of the program itself that failed."""
        failed = "state = 'error' AND key NOT GLOB '*/*.*'"
        return self._one(f"WHERE {failed} ORDER BY number DESC")

    def after(self, entry: Entry) -> list[Entry]:
        """The calls that were made after one."""
        first = "(SELECT number FROM call WHERE key = ?)"
        return [Entry(*row) for row in self._do(f"SELECT {_FIELDS} FROM call WHERE number > {first}", entry.key)]

    def forget_failure(self, failure: Entry) -> None:
        """Let a call that failed be made again, with what failed inside it, and all that was made after it."""
        self._do("BEGIN")
        self._do("DELETE FROM call WHERE number >= (SELECT number FROM call WHERE key = ?)", failure.key)
        low, high = f"{failure.key}.", f"{failure.key}/"
        self._do("DELETE FROM call WHERE key > ? AND key < ? AND state = 'error'", low, high)
        self._do("COMMIT")

    # ---- SQLite

    def _sync(self, full: bool) -> None:
        if full is not self._full:
            self._do(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._full = full

    def _one(self, condition: str, *values: Any) -> Entry | None:
        rows = self._do(f"SELECT {_FIELDS} FROM call {condition} LIMIT 1", *values)
        return Entry(*rows[0]) if rows else None

    def _do(self, command: str, *values: Any) -> list[Any]:
        assert self._connection is not None
        try:
            return self._connection.execute(command, values).fetchall()
        except self._failures as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> RtfsError:
        return history_error(f"the history of the run in '{self.directory}' cannot be used: {error}")


_FIELDS = "key, call, state, answer, note, waited, number"


def history_error(text: str, *notes: str) -> RtfsError:
    """An error that ends the run: no script can catch it."""
    return HostCallError("HostError", f"Durable run: {text}", type="durable", base="!", notes=notes)
