"""An append-only chain of rows in SQLite: each row's hash covers the row and the hash before it (host.md §6).

With a key the hash is an HMAC, so that nobody without the key can write a row that fits. The head (how many rows, the
last hash) is kept beside the key, so that a cut tail shows. Without a key only what breaks the chain is found.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import sqlite3

FIELDS = (
    "id", "parent", "session", "plan", "intent", "step", "type", "function", "arguments", "result", "error", "cost",
    "duration_us", "time_us", "metadata",
)  # fmt: skip
START = "0" * 64  # the hash before the first row

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS action (
    seq INTEGER PRIMARY KEY, {", ".join(FIELDS)}, previous_hash TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS ledger (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS by_function ON action (function);
"""


class Key(NamedTuple):
    """The secret of a ledger's hashes, and the folder in which it and the heads of its ledgers are kept."""

    secret: bytes
    folder: str | None


class Finding(NamedTuple):
    """What `verify` says. `problem`: None when the chain holds; `row`: the number of the first row that does not."""

    rows: int
    keyed: bool
    problem: str | None = None
    row: int | None = None


def canonical(seq: int, fields: dict[str, Any], previous: str) -> bytes:
    """The one encoding of a row that its hash covers: JSON with sorted keys, which tells text from numbers."""
    content = {**{name: fields[name] for name in FIELDS}, "seq": seq, "previous_hash": previous}
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


class Ledger:
    """The rows of one file, or of memory (`path` None). Processes may share a file; rows are only ever added."""

    def __init__(self, path: str | None = None, key: Key | None = None) -> None:
        import sqlite3  # deferred: most runs keep no ledger

        self.key = key
        self._connection: sqlite3.Connection = sqlite3.connect(
            path or ":memory:", timeout=10, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._connection.execute("INSERT OR IGNORE INTO ledger VALUES ('id', ?)", (uuid.uuid4().hex,))
        self.id = str(self._connection.execute("SELECT value FROM ledger WHERE name = 'id'").fetchone()[0])
        self._heads = _Heads(key.folder) if key is not None and key.folder is not None else None

    def append(self, fields: dict[str, Any]) -> int:
        """Add a row (one value for each of FIELDS: text, int, float or None); its number, from 1."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            last = connection.execute("SELECT seq, hash FROM action ORDER BY seq DESC LIMIT 1").fetchone()
            seq, previous = (1, START) if last is None else (last[0] + 1, last[1])
            digest = self.digest(canonical(seq, fields, previous))
            values = (seq, *(fields[name] for name in FIELDS), previous, digest)
            connection.execute(f"INSERT INTO action VALUES ({', '.join('?' * len(values))})", values)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        if self._heads is not None:
            self._heads.put(self.id, seq, digest)
        return int(seq)

    def digest(self, content: bytes) -> str:
        """The hash of bytes: an HMAC under the key, when there is one."""
        if self.key is None:
            return hashlib.sha256(content).hexdigest()
        return hmac.new(self.key.secret, content, hashlib.sha256).hexdigest()

    def rows(self, where: str = "1", parameters: tuple[Any, ...] = (), limit: int = -1) -> Iterator[dict[str, Any]]:
        """Rows in order as dicts of `seq`, FIELDS, `previous_hash`, `hash`. `where` is SQL of ours, never of others."""
        names = ("seq", *FIELDS, "previous_hash", "hash")
        query = f"SELECT {', '.join(names)} FROM action WHERE {where} ORDER BY seq LIMIT ?"
        for row in self._connection.execute(query, (*parameters, limit)):
            yield dict(zip(names, row, strict=True))

    def close(self) -> None:
        self._connection.close()
        if self._heads is not None:
            self._heads.close()

    # ---- verifying

    def verify(self) -> Finding:
        """Read the whole chain; the first row that was changed, inserted, moved or removed, and a cut tail."""
        import sqlite3

        previous, count = START, 0
        try:
            for row in self.rows():
                count += 1
                problem = self._problem(row, count, previous)
                if problem is not None:
                    return Finding(count, self.key is not None, problem, count)
                previous = row["hash"]
            return Finding(count, self.key is not None, *self._tail(count))
        except sqlite3.DatabaseError as error:  # the file itself is damaged
            return Finding(count, self.key is not None, f"row {count + 1} cannot be read: {error}", count + 1)

    def _problem(self, row: dict[str, Any], number: int, previous: str) -> str | None:
        """What is wrong with the row that stands at place `number`."""
        if row["seq"] != number:
            return f"row {number} was removed"
        if row["previous_hash"] == previous and self._holds(row, number):
            return None
        content = self._number_of(row, number)
        following = next(self.rows("seq = ?", (number + 1,)), None)
        if content is None:
            inserted = following is not None and following["previous_hash"] == previous
            return f"row {number} was inserted" if inserted else f"row {number} was changed"
        if content > number and self._number_elsewhere(number, previous) is None:
            return f"row {number} was removed"
        return f"row {number} was reordered: it is row {content} of the chain"

    def _holds(self, row: dict[str, Any], number: int) -> bool:
        try:
            content = canonical(number, row, row["previous_hash"])
        except (ValueError, TypeError):  # a value that no row of ours has, such as bytes
            return False
        return hmac.compare_digest(self.digest(content), str(row["hash"]))

    def _number_of(self, row: dict[str, Any], number: int) -> int | None:
        """The place that the row was written for, if it is a row of this chain at all."""
        total = self._connection.execute("SELECT count(*) FROM action").fetchone()[0]
        places = (number, *range(1, total + 64))
        return next((place for place in places if self._holds(row, place)), None)

    def _number_elsewhere(self, number: int, previous: str) -> int | None:
        """Where the row that belongs to place `number` stands now."""
        for row in self.rows("previous_hash = ?", (previous,)):
            if self._holds(row, number):
                return int(row["seq"])
        return None

    def _tail(self, count: int) -> tuple[str | None, int | None]:
        head = None if self._heads is None else self._heads.get(self.id)
        if head is None:
            return (None, None) if self._heads is None else ("no head is known for this ledger", None)
        known, digest = head
        if known > count:
            lost = f"row {known} was" if known == count + 1 else f"rows {count + 1} to {known} were"
            return f"{lost} cut off", count + 1
        stored = next(self.rows("seq = ?", (known,)), None) if known else None
        if stored is not None and stored["hash"] != digest:
            return f"row {known} is not the one that was written", known
        return None, None


class _Heads:
    """How far each ledger of a key has come, in a file beside the key."""

    def __init__(self, folder: str) -> None:
        import sqlite3

        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._connection: sqlite3.Connection = sqlite3.connect(
            os.path.join(folder, "heads.db"), timeout=10, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute("CREATE TABLE IF NOT EXISTS head (ledger TEXT PRIMARY KEY, count INTEGER, hash TEXT)")

    def put(self, ledger: str, count: int, digest: str) -> None:
        self._connection.execute(
            "INSERT INTO head VALUES (?, ?, ?) ON CONFLICT (ledger) DO UPDATE "
            "SET count = excluded.count, hash = excluded.hash WHERE excluded.count > count",
            (ledger, count, digest),
        )

    def get(self, ledger: str) -> tuple[int, str] | None:
        row = self._connection.execute("SELECT count, hash FROM head WHERE ledger = ?", (ledger,)).fetchone()
        return None if row is None else (int(row[0]), str(row[1]))

    def close(self) -> None:
        self._connection.close()


def load_key(folder: str) -> Key:
    """The key in a folder of the user's own, made at first use. OSError when others could read or write it."""
    path = os.path.join(folder, "journal.key")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if not os.path.exists(path):
        _make_key(path)
    facts = os.stat(path)
    if facts.st_mode & 0o077 or (hasattr(os, "getuid") and facts.st_uid != os.getuid()):
        raise PermissionError(f"{path}: the key of the journal must be readable by its owner alone (chmod 600)")
    with open(path, "rb") as file:
        secret = file.read()
    if len(secret) < 32:
        raise OSError(f"{path}: not a key: {len(secret)} bytes instead of 32")
    return Key(secret, folder)


def _make_key(path: str) -> None:
    """Write a new key so that nobody ever sees half of it; when two do this at once, the first one counts."""
    import secrets

    draft = f"{path}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
