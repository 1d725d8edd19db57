"""State directories as SIGKILL leaves them, without killing anybody: copies made behind a commit."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from rtfs.host.stream.stores.sqlite import SqliteStore


class Copies:
    """Copies of a state directory as SIGKILL would leave it behind some of its commits."""

    def __init__(self, place: Path, folder: Path, after: set[int]) -> None:
        self.place, self.folder, self.after = place, folder, after
        self.made: list[Path] = []
        self._count = 0

    def __enter__(self) -> Copies:
        self._commit = commit = SqliteStore.commit

        def copying(store: SqliteStore, rows: Any) -> Any:
            result = commit(store, rows)
            self._count += 1
            if self._count in self.after:
                self.made.append(self.folder / str(self._count))
                shutil.copytree(self.place, self.made[-1])
            return result

        SqliteStore.commit = copying  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        SqliteStore.commit = self._commit  # type: ignore[method-assign]


def stored(folder: Path, id: str) -> bool:
    """Is there a snapshot of that stream?"""
    with closing(sqlite3.connect(folder / "streams.db")) as connection:
        return bool(connection.execute("SELECT count(*) FROM snapshot WHERE stream_id = ?", (id,)).fetchone()[0])
