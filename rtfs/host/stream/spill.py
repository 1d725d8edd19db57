"""The part of a queue that is on disk: one SQLite file of its own, first in first out (streaming.md §4.2).

The file has no name from the moment it is open, so it is gone with the stream or the process, however that ends. What
must outlive the process is the store's business.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections import deque
from collections.abc import Iterator

from rtfs.host.stream.chunk import Chunk
from rtfs.host.stream.snapshot import chunk_map, read_chunk
from rtfs.lang.codec import NotStorable, decode, encode

BATCH = 512  # chunks that are written, and read, at once
BATCH_BYTES = 1 << 20  # and what of them is written at once, however few they are

Entry = tuple[int, "str | None", int]  # seq, text, size; without text the chunk itself stays in memory


class NoDisk(Exception):
    """No file can be made."""


class Spill:
    """Chunks behind those in memory. bytes: of their texts; full: `most` is reached, or the disk is full."""

    __slots__ = ("most", "bytes", "problem", "_connection", "_kept", "_tail", "_tail_bytes", "_stored")

    def __init__(self, folder: str, most: int) -> None:
        self.most = most
        self.bytes = 0
        self.problem: str | None = None  # why the last batch could not be written
        self._kept: dict[int, Chunk] = {}  # those whose sender waits, and those that have no text
        self._tail: deque[Entry] = deque()
        self._tail_bytes = 0
        self._stored = 0
        self._connection = _nameless(folder)

    def __len__(self) -> int:
        return self._stored + len(self._tail)

    @property
    def full(self) -> bool:
        return self.bytes >= self.most or (self.problem is not None and len(self._tail) >= BATCH)

    def append(self, chunk: Chunk) -> None:
        """At the end."""
        extra = chunk[4]
        try:
            text: str | None = encode(chunk_map(chunk))
        except NotStorable:
            text = None
        if text is None or (extra is not None and extra.ack is not None):
            self._kept[chunk[0]] = chunk
        size = 0 if text is None else len(text)
        self.bytes += size
        self._tail.append((chunk[0], text, size))
        self._tail_bytes += size
        if len(self._tail) >= BATCH or self._tail_bytes >= BATCH_BYTES:
            self._write()

    def _write(self) -> None:
        try:
            self._connection.execute("BEGIN")
            self._connection.executemany("INSERT INTO spill (seq, body, size) VALUES (?, ?, ?)", self._tail)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.problem = f"{type(error).__name__}: {error}"
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return
        self.problem = None
        self._stored += len(self._tail)
        self._tail.clear()
        self._tail_bytes = 0

    def take(self, most: int) -> list[Chunk]:
        """The oldest ones, no more than `most`."""
        if self._stored:
            run = self._connection.execute
            rows = run(
                "SELECT place, seq, body, size FROM spill ORDER BY place LIMIT ?", (min(most, BATCH),)
            ).fetchall()
            run("DELETE FROM spill WHERE place <= ?", (rows[-1][0],))
            self._stored -= len(rows)
            return [self._back(*row[1:]) for row in rows]
        taken = [self._tail.popleft() for _ in range(min(most, len(self._tail)))]
        self._tail_bytes -= sum(size for _, _, size in taken)
        return [self._back(*entry) for entry in taken]

    def _back(self, seq: int, text: str | None, size: int) -> Chunk:
        self.bytes -= size
        kept = self._kept.pop(seq, None)
        return read_chunk(decode(text)) if kept is None and text is not None else kept  # type: ignore[return-value]

    def kept(self) -> Iterator[Chunk]:
        """Those that stayed in memory."""
        return iter(self._kept.values())

    def clear(self) -> int:
        """Forget all of them: how many they were."""
        count = len(self)
        if self._stored:
            self._connection.execute("DELETE FROM spill")
        self._tail.clear()
        self._kept.clear()
        self._stored = self.bytes = self._tail_bytes = 0
        return count

    def close(self) -> None:
        """Give the disk back."""
        self._connection.close()


def _nameless(folder: str) -> sqlite3.Connection:
    """A database in a file of that folder which has no name any more."""
    try:
        descriptor, name = tempfile.mkstemp(prefix="rtfs-spill-", suffix=".db", dir=folder)
        os.close(descriptor)
        try:
            connection = sqlite3.connect(name, isolation_level=None)
            for setting in ("locking_mode = EXCLUSIVE", "journal_mode = MEMORY", "synchronous = OFF"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("CREATE TABLE spill (place INTEGER PRIMARY KEY, seq INTEGER, body TEXT, size INTEGER)")
        finally:
            os.unlink(name)
    except (OSError, sqlite3.Error) as error:
        raise NoDisk(f"{folder}: {error}") from None
    return connection
