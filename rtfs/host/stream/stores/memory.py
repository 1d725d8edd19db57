"""Snapshots in memory: they live as long as the store object (streaming.md §5.2)."""

from __future__ import annotations

from collections.abc import Sequence

from rtfs.host.stream.stores import Head, Row, Saved, Taken


class MemoryStore:
    """References to immutable values; nothing is copied or encoded."""

    durable = False
    remote = False
    failures: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, place: str = "") -> None:
        self.url = f"memory:{place}"
        self._heads: dict[str, Head] = {}
        self._saved: dict[str, list[Saved]] = {}

    def claim(self, stream_id: str, seen: int | None, owner: str) -> int:
        head = self._heads.get(stream_id)
        stored = None if head is None else head.epoch
        if stored != seen:
            raise Taken(stored or 0)
        epoch = (seen or 0) + 1
        status, updated = ("active", 0) if head is None else (head.status, head.updated_at)
        self._heads[stream_id] = Head(stream_id, epoch, status, owner, updated)
        return epoch

    def commit(self, rows: Sequence[Row]) -> dict[str, int]:
        fenced: dict[str, int] = {}
        for row in rows:
            head = self._heads.get(row.stream_id)
            if head is None or head.epoch != row.epoch:
                fenced[row.stream_id] = 0 if head is None else head.epoch
                continue
            self._heads[row.stream_id] = head._replace(status=row.status, updated_at=row.created_at)
            saved = self._saved.setdefault(row.stream_id, [])
            saved.insert(0, Saved(row.number, row.epoch, row.body, row.checksum))
            del saved[row.keep :]
        return fenced

    def load(self, stream_id: str) -> tuple[Head, list[Saved]] | None:
        head = self._heads.get(stream_id)
        return None if head is None else (head, list(self._saved.get(stream_id, ())))

    def heads(self) -> list[Head]:
        return list(self._heads.values())

    def delete(self, stream_id: str, *, forget: bool = True) -> None:
        self._saved.pop(stream_id, None)
        if forget:
            self._heads.pop(stream_id, None)

    def close(self) -> None:
        """Nothing to give back."""


def open_store(place: str, durability: str) -> MemoryStore:
    """A new, empty store."""
    return MemoryStore(place)
