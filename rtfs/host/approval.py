"""Capabilities that wait for somebody's approval: what was asked for, and what was decided (host.md §4).

A capability whose manifest says `:pending` may be called once it is approved here. The first call of it enters the
queue; a decision holds for all later calls until it is changed. In a file, the queue is shared by processes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import sqlite3

    from rtfs.lang.outcome import HostCall

STATES = ("pending", "approved", "rejected")
SHOWN = 2_000  # characters of the arguments that are kept for the one who decides

_TABLE = """
CREATE TABLE IF NOT EXISTS approval (
    capability TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'rejected')),
    arguments TEXT NOT NULL,
    place TEXT,
    calls INTEGER NOT NULL,
    asked_ms INTEGER NOT NULL,
    decided_ms INTEGER,
    reason TEXT
) WITHOUT ROWID
"""


class Approval(NamedTuple):
    """One row of the queue. `arguments`, `place`: of the first call; `calls`: how many there were while pending."""

    capability: str
    state: str
    arguments: str
    place: str | None
    calls: int
    asked_ms: int
    decided_ms: int | None
    reason: str | None


class Approvals:
    """The queue, in a SQLite file or in memory. `path` None: it lives as long as this object."""

    def __init__(self, path: str | None = None, *, now_ms: Callable[[], int] | None = None) -> None:
        import sqlite3  # deferred: most hosts approve nothing

        self._now = now_ms or (lambda: time.time_ns() // 1_000_000)
        if path is not None:
            os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        self._connection: sqlite3.Connection = sqlite3.connect(path or ":memory:", timeout=10, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute(_TABLE)

    def state(self, capability: str) -> str | None:
        """`pending`, `approved` or `rejected`; None when it was never asked for."""
        row = self._connection.execute("SELECT state FROM approval WHERE capability = ?", (capability,)).fetchone()
        return None if row is None else str(row[0])

    def ask(self, call: HostCall) -> None:
        """Enter a call, or count it when its capability waits already."""
        from rtfs.lang.printer import show

        arguments = " ".join(show(argument) for argument in call.args)[:SHOWN]
        place = None if call.span is None else f"{call.span.source.name}:{call.span.line}"
        self._connection.execute(
            "INSERT INTO approval VALUES (?, 'pending', ?, ?, 1, ?, NULL, NULL) "
            "ON CONFLICT (capability) DO UPDATE SET calls = calls + 1 WHERE state = 'pending'",
            (call.capability_id, arguments, place, self._now()),
        )

    def decide(self, capability: str, state: str, reason: str | None = None) -> bool:
        """Approve or reject a capability, asked for or not; did that change anything? ValueError for another state."""
        if state not in STATES:
            raise ValueError(f"an approval is one of {', '.join(STATES)}, got {state!r}")
        changed = self._connection.execute(
            "INSERT INTO approval VALUES (?, ?, '', NULL, 0, ?, ?, ?) ON CONFLICT (capability) DO UPDATE "
            "SET state = excluded.state, decided_ms = excluded.decided_ms, reason = excluded.reason "
            "WHERE state <> excluded.state",
            (capability, state, now := self._now(), now, reason),
        ).rowcount
        return changed > 0

    def reason(self, capability: str) -> str | None:
        """Why it was decided so, when somebody said."""
        row = self._connection.execute("SELECT reason FROM approval WHERE capability = ?", (capability,)).fetchone()
        return None if row is None else row[0]

    def rows(self, state: str | None = None) -> list[Approval]:
        """All rows, or those in a state; longest waiting first."""
        query = "SELECT * FROM approval WHERE ? IS NULL OR state = ? ORDER BY asked_ms, capability"
        rows: list[Any] = self._connection.execute(query, (state, state)).fetchall()
        return [Approval(*row) for row in rows]

    def close(self) -> None:
        self._connection.close()
