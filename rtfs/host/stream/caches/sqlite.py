"""Values in a SQLite file, which processes may share: `cache.db` in a folder, or the file that is named."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from rtfs.host.stream.caches import Bounds, key_text, value_text
from rtfs.host.stream.catalogue import fault
from rtfs.lang.codec import decode
from rtfs.lang.collections import MISSING

FILE = "cache.db"
_SUFFIXES = frozenset({".db", ".sqlite", ".sqlite3"})
_LAYOUT = """
CREATE TABLE IF NOT EXISTS cache (
  name TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL, used INTEGER NOT NULL,
  PRIMARY KEY (name, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cache_used ON cache (name, used)
"""
_NEXT = "(SELECT COALESCE(MAX(used), 0) + 1 FROM cache WHERE name = :name)"
_GET = f"UPDATE cache SET used = {_NEXT} WHERE name = :name AND key = :key RETURNING body, at"
_PUT = f"INSERT OR REPLACE INTO cache (name, key, body, at, used) VALUES (:name, :key, :body, :at, {_NEXT})"
_COUNT = "SELECT COUNT(*) FROM cache WHERE name = :name"
_TRIM = """DELETE FROM cache WHERE name = :name AND key IN
  (SELECT key FROM cache WHERE name = :name ORDER BY used LIMIT :surplus)"""
BUSY_S = 2.0


class SqliteCache:
    """A crash of the machine may cost what was kept last: it can be computed again."""

    failures: tuple[type[Exception], ...] = (sqlite3.Error, OSError)

    def __init__(self, file: Path, name: str, bounds: Bounds) -> None:
        self._bounds = bounds
        self._name = name
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(file, timeout=BUSY_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.executescript(_LAYOUT)
            self._count = self._counted()
        except (sqlite3.Error, OSError) as error:
            raise fault(3, p="store", kind="file of a cache", value=f"{file}: {error}") from None

    def _counted(self) -> int:
        found: int = self._connection.execute(_COUNT, {"name": self._name}).fetchone()[0]
        return found

    async def get(self, key: Any) -> Any:
        row = self._connection.execute(_GET, {"name": self._name, "key": key_text(key)}).fetchone()
        return decode(row[0]) if row is not None and self._bounds.fresh(row[1]) else MISSING

    async def put(self, key: Any, value: Any) -> None:
        entry = {"name": self._name, "key": key_text(key), "body": value_text(value), "at": self._bounds.now_ms()}
        self._connection.execute(_PUT, entry)
        self._count += 1  # perhaps one too many, and without those of other processes
        if self._count > self._bounds.most:
            self._count = self._counted()
            surplus = {"name": self._name, "surplus": max(0, self._count - self._bounds.most)}
            self._count -= self._connection.execute(_TRIM, surplus).rowcount

    async def close(self) -> None:
        self._connection.close()


def open_cache(place: str, name: str, bounds: Bounds) -> SqliteCache:
    file = Path(place.removeprefix("//") if place.startswith("///") else place)
    return SqliteCache(file if file.suffix in _SUFFIXES else file / FILE, name, bounds)
