"""Snapshots in memory: they live as long as the store object (streaming.md §5.2)."""

from __future__ import annotations

from collections.abc import Sequence

from rtfs.host.stream.stores import Changes, Entry, Head, Letter, Row, Saved, Taken

MOST_LETTERS = 10_000  # of a queue; older ones are forgotten


class MemoryStore:
    """References to immutable values; nothing is copied or encoded."""

    durable = False
    remote = False
    failures: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, place: str = "") -> None:
        self.url = f"memory:{place}"
        self._heads: dict[str, Head] = {}
        self._expiry: dict[str, int] = {}
        self._saved: dict[str, list[Saved]] = {}
        self._entries: dict[tuple[str, str], dict[int, str]] = {}
        self._marks: dict[str, dict[str, int]] = {}
        self._letters: dict[str, dict[str, Letter]] = {}
        self._count = 0

    def claim(self, stream_id: str, seen: int | None, owner: str) -> int:
        head = self._heads.get(stream_id)
        stored = None if head is None else head.epoch
        if stored != seen:
            raise Taken(stored or 0)
        epoch = (seen or 0) + 1
        status, updated = ("active", 0) if head is None else (head.status, head.updated_at)
        self._heads[stream_id] = Head(stream_id, epoch, status, owner, updated)
        self._expiry[stream_id] = 0
        return epoch

    def commit(self, rows: Sequence[Row]) -> dict[str, int]:
        fenced: dict[str, int] = {}
        for row in rows:
            head = self._heads.get(row.stream_id)
            if head is None or head.epoch != row.epoch:
                fenced[row.stream_id] = 0 if head is None else head.epoch
                continue
            if row.body is not None:
                self._heads[row.stream_id] = head._replace(status=row.status, updated_at=row.created_at)
                self._expiry[row.stream_id] = row.expires_at
                saved = self._saved.setdefault(row.stream_id, [])
                parts = {part.partition: part.body for part in row.parts}
                saved.insert(0, Saved(row.number, row.epoch, row.body, row.checksum, parts))
                del saved[row.keep :]
            self._change(row.stream_id, row.changes)
        return fenced

    def _change(self, stream_id: str, changes: Changes) -> None:
        for table, entries, below, first in changes.tables():
            kept = self._entries.setdefault((table, stream_id), {})
            for number in [number for number in kept if number < below or (first is not None and number >= first)]:
                del kept[number]
            kept.update(entries)
        if changes.marks:
            self._marks.setdefault(stream_id, {}).update(changes.marks)
        for letter in changes.letters:
            self._count += 1
            queue = self._letters.setdefault(letter.queue, {})
            queue[letter.id] = letter._replace(number=self._count)
            if len(queue) > MOST_LETTERS:
                del queue[next(iter(queue))]

    def load(self, stream_id: str) -> tuple[Head, list[Saved]] | None:
        head = self._heads.get(stream_id)
        return None if head is None else (head, list(self._saved.get(stream_id, ())))

    def heads(self) -> list[Head]:
        return list(self._heads.values())

    def entries(self, table: str, stream_id: str, first: int, most: int) -> list[Entry]:
        kept = self._entries.get((table, stream_id), {})
        return [Entry(number, kept[number]) for number in sorted(number for number in kept if number >= first)[:most]]

    def marks(self, stream_id: str) -> dict[str, int]:
        return dict(self._marks.get(stream_id, {}))

    def letters(self, queue: str, after: int, most: int) -> list[Letter]:
        found = sorted(self._letters.get(queue, {}).values(), key=lambda letter: letter.number)
        return [letter for letter in found if letter.number > after][:most]

    def redriven(self, queue: str, ids: Sequence[str], at: int) -> None:
        kept = self._letters.get(queue, {})
        for id in ids:
            if id in kept:
                kept[id] = kept[id]._replace(redriven_at=at)

    def delete(self, stream_id: str, *, forget: bool = True) -> None:
        self._saved.pop(stream_id, None)
        self._marks.pop(stream_id, None)
        for key in [key for key in self._entries if key[1] == stream_id]:
            del self._entries[key]
        if forget:
            self._heads.pop(stream_id, None)
            self._expiry.pop(stream_id, None)
            self._letters.pop(stream_id, None)

    def sweep(self, now: int) -> int:
        over = [id for id, expires_at in self._expiry.items() if 0 < expires_at <= now]
        for id in over:
            self.delete(id)
        return len(over)

    def close(self) -> None:
        """Nothing to give back."""


def open_store(place: str, durability: str) -> MemoryStore:
    """A new, empty store."""
    return MemoryStore(place)
