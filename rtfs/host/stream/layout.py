"""What the SQL stores have in common: the statements of a commit, in SQLite's spelling (streaming.md §5.3, §5.4).

`{s}` stands before the name of a table for its schema, and `?` for a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from rtfs.host.stream.stores import NO_CHANGES, Changes, Part, Row, Saved

NUMBER = {"intake": "seq", "outbox": "output_seq", "seen": "seq", "journal": "number"}  # what numbers their entries
OF_STREAM = ("snapshot", "intake", "outbox", "seen", "journal", "delivered")  # only matter while the stream is there

Pack = Callable[[str], Any]
Statement = tuple[str, list[tuple[Any, ...]]]
"""SQL, and the parameters of each time it runs."""

HEAD = "SELECT stream_id, epoch, status, owner, updated_at FROM {s}stream WHERE partition = 0"
EPOCH = "SELECT epoch FROM {s}stream WHERE stream_id = ? AND partition = 0"
SAVED = (
    "SELECT number, epoch, {body}, checksum, partition FROM {s}snapshot WHERE stream_id = ?"
    " ORDER BY number DESC, partition"
)
MARKS = "SELECT sink, output_seq FROM {s}delivered WHERE stream_id = ?"
LETTERS = (
    "SELECT id, queue, stream_id, body, redriven_at, number FROM {s}dead_letter"
    " WHERE queue = ? AND number > ? ORDER BY number LIMIT ?"
)
REDRIVEN = "UPDATE {s}dead_letter SET redriven_at = ? WHERE queue = ? AND id = ?"
OVER = "SELECT stream_id FROM {s}stream WHERE expires_at > 0 AND expires_at <= ?"

_SNAPSHOT = (
    "INSERT INTO {s}snapshot (stream_id, partition, number, epoch, body, checksum, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream_id, partition, number) DO UPDATE SET epoch = excluded.epoch,"
    " body = excluded.body, checksum = excluded.checksum, created_at = excluded.created_at"
)
_OLD_SNAPSHOTS = "DELETE FROM {s}snapshot WHERE stream_id = ? AND number <= ?"
_MARK = (
    "INSERT INTO {s}delivered (stream_id, sink, output_seq) VALUES (?, ?, ?)"
    " ON CONFLICT (stream_id, sink) DO UPDATE SET output_seq = excluded.output_seq"
)
_LETTER = (
    "INSERT INTO {s}dead_letter (queue, id, stream_id, body, redriven_at) VALUES (?, ?, ?, ?, 0)"
    " ON CONFLICT (queue, id) DO UPDATE SET body = excluded.body"
)


def saved(rows: Iterable[Sequence[Any]], unpack: Callable[[Any], str]) -> list[Saved]:
    """The snapshots in what SAVED finds. A partition without the row of its stream is none."""
    found: list[Saved] = []
    parts: dict[int, str] = {}
    for number, epoch, body, checksum, partition in rows:
        if partition == 0:
            parts = {}
            found.append(Saved(number, epoch, unpack(body), checksum, parts))
        elif found and found[-1].number == number:
            parts[partition] = unpack(body)
    return found


def entries(table: str) -> str:
    """Reads entries from a number on."""
    number = NUMBER[table]
    return f"SELECT {number}, body FROM {{s}}{table} WHERE stream_id = ? AND {number} >= ? ORDER BY {number} LIMIT ?"


def writes(row: Row, pack: Pack) -> Iterator[Statement]:
    """What a row writes once its epoch is known to be the stored one. pack: a text as the column holds it."""
    if row.body is not None:
        parts = (Part(0, row.body, row.checksum), *row.parts)
        yield (
            _SNAPSHOT,
            [(row.stream_id, n, row.number, row.epoch, pack(text), sum, row.created_at) for n, text, sum in parts],
        )
        yield _OLD_SNAPSHOTS, [(row.stream_id, row.number - row.keep)]
    if row.changes is not NO_CHANGES:
        yield from _changed(row.stream_id, row.epoch, row.changes, pack)


def _changed(id: str, epoch: int, changes: Changes, pack: Pack) -> Iterator[Statement]:
    for table, new, below, first in changes.tables():
        number = NUMBER[table]
        if below:
            yield f"DELETE FROM {{s}}{table} WHERE stream_id = ? AND {number} < ?", [(id, below)]
        if first is not None:
            yield f"DELETE FROM {{s}}{table} WHERE stream_id = ? AND {number} >= ?", [(id, first)]
        if new:
            yield (
                f"INSERT INTO {{s}}{table} (stream_id, {number}, epoch, body) VALUES (?, ?, ?, ?)"
                f" ON CONFLICT (stream_id, {number}) DO UPDATE SET epoch = excluded.epoch, body = excluded.body",
                [(id, entry.number, epoch, pack(entry.body)) for entry in new],
            )
    if changes.marks:
        yield _MARK, [(id, sink, number) for sink, number in changes.marks.items()]
    if changes.letters:
        yield _LETTER, [(letter.queue, letter.id, letter.stream_id, pack(letter.body)) for letter in changes.letters]


def deletions(id: str, forget: bool) -> Iterator[Statement]:
    """What deleting a stream runs."""
    for table in OF_STREAM:
        yield f"DELETE FROM {{s}}{table} WHERE stream_id = ?", [(id,)]
    if forget:
        yield "DELETE FROM {s}dead_letter WHERE queue = ?", [(id,)]
        yield "DELETE FROM {s}stream WHERE stream_id = ?", [(id,)]
