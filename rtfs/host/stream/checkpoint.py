"""When a stream is stored, and the transaction that several streams share (streaming.md §5.2, §5.4)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.settings import Cadence
from rtfs.host.stream.snapshot import Snapshot, checksum
from rtfs.host.stream.stores import Row, Store
from rtfs.host.stream.timers import Timer, Timers
from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

GROUP_MS = 5.0  # streams that are due within this time share one transaction
RETRIES = 3
RETRY_MS = 50.0
BROKEN_RETRY_MS = 5_000.0


class Checkpoints:
    """The snapshots of one stream: how much is unsaved, which number is next, what went wrong.

    problem: text of the last failure; error: the same once the stream stands still for it; at: host ms of the last
    success; last_duration_ms: what writing it took.
    """

    def __init__(self, owner: Owner, committer: Committer, cadence: Cadence, number: int) -> None:
        self.owner = owner
        self.committer = committer
        self.cadence = cadence
        self.number = number
        self.at: int | None = None
        self.last_duration_ms = 0.0
        self.error: str | None = None
        self.problem: str | None = None
        self.failures = 0
        self.good: Snapshot | None = None  # the last one that could be stored
        self.unsaved = 0
        self.closed = False
        self._timer: Timer | None = None

    def worked(self, steps: int) -> None:
        """The stream made steps: write a snapshot when enough of them, or enough time, have passed."""
        if self.closed or not self.committer.store.durable:
            return
        self.unsaved += steps
        if self.unsaved >= self.cadence.every_chunks:
            self.committer.request(self)
        elif self._timer is None:
            self._timer = self.committer.timers.after(self.cadence.every_ms, self._late)

    def _late(self) -> None:
        self._timer = None
        if self.unsaved:
            self.committer.request(self)

    async def force(self) -> str | None:
        """Write now. The problem as text, or None when the snapshot is stored."""
        if self.closed:
            return None
        await self.committer.flush(self)
        return self.problem

    def row(self) -> Row:
        """The stream as it stands. S031 when it cannot be stored."""
        snapshot = self.owner.capture()
        return self._row(snapshot)

    def last_good(self) -> Row:
        """The last state that could be stored, under the present status and error."""
        snapshot = self.owner.capture()
        if self.good is not None:
            for name in ("state", "position", "memory", "queue", "seq", "output_seq"):
                setattr(snapshot, name, getattr(self.good, name))
        else:
            snapshot.state = None
            snapshot.queue = []
        return self._row(snapshot)

    def _row(self, snapshot: Snapshot) -> Row:
        snapshot.number = self.number + 1
        durable = self.committer.store.durable
        body: Any = snapshot.text() if durable else snapshot
        self.good = snapshot
        return Row(
            snapshot.stream_id,
            snapshot.epoch,
            snapshot.number,
            snapshot.status.name,
            body,
            checksum(body) if durable else "",
            snapshot.created_at,
            self.cadence.keep,
        )

    def done(self, row: Row, took_ms: float) -> None:
        self.number, self.at, self.last_duration_ms = row.number, row.created_at, took_ms
        self.unsaved = 0
        self.failures = 0
        self.problem = None
        instruments = self.owner.services.instruments
        if self.committer.store.durable and instruments is not None:
            instruments.checkpoint(self.owner, took_ms, None)
        if self.committer.store.durable:
            self.owner.emit("checkpoint", number=row.number, took_ms=round(took_ms, 3))
        if self.owner.terminal:
            self.close()
        if self.error is not None:
            self.error = None
            self.owner.store_recovered()

    def failed(self, problem: str) -> None:
        """The store refused: again soon, after some attempts every five seconds while the stream stands still."""
        self.failures += 1
        self.problem = problem
        instruments = self.owner.services.instruments
        if instruments is not None:
            instruments.checkpoint(self.owner, 0.0, problem)
        wait = RETRY_MS * self.failures * self.owner.services.random.uniform(0.5, 1.5)
        if self.failures > RETRIES:
            wait = BROKEN_RETRY_MS
            if self.error is None:
                self.error = problem
                self.owner.store_broken(problem)
        self.committer.timers.after(wait, lambda: self.committer.request(self))

    def close(self) -> None:
        """Write nothing any more."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.committer.due.pop(self, None)


class Committer:
    """Writes the snapshots that are due to one store, all in one transaction."""

    def __init__(self, store: Store, timers: Timers) -> None:
        self.store = store
        self.timers = timers
        self.due: dict[Checkpoints, None] = {}
        self._timer: Timer | None = None
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._cost_ms = 0.0

    def request(self, checkpoints: Checkpoints) -> None:
        """Write this one with all others that come within the group's window.

        The window grows with what the last transaction cost, so that storing takes at most a third of the time.
        """
        if checkpoints.closed:
            return
        self.due[checkpoints] = None
        if self._timer is None:
            self._timer = self.timers.after(max(GROUP_MS, 2 * self._cost_ms), self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self.store.remote:
            self._task = asyncio.get_running_loop().create_task(self.flush())
        else:
            self.flush_here()

    async def flush(self, first: Checkpoints | None = None) -> None:
        """Write `first` and what else is due, now. A store over the network gets a thread, so that the loop goes on."""
        if not self.store.remote:
            self.flush_here(first)
            return
        async with self._lock:
            started = time.perf_counter()
            rows = self._rows(first)
            try:
                fenced = await asyncio.to_thread(self.store.commit, [row for _, row in rows])
            except self.store.failures as error:
                self._refused(rows, error)
            else:
                self._settle(rows, fenced, started)

    def flush_here(self, first: Checkpoints | None = None) -> None:
        """The same in this thread."""
        started = time.perf_counter()
        rows = self._rows(first)
        if not rows:
            return
        try:
            fenced = self.store.commit([row for _, row in rows])
        except self.store.failures as error:
            self._refused(rows, error)
        else:
            self._settle(rows, fenced, started)

    def _rows(self, first: Checkpoints | None) -> list[tuple[Checkpoints, Row]]:
        """The rows that are due, for as long as the loop may be held up; the others are next."""
        rows: list[tuple[Checkpoints, Row]] = []
        until = time.perf_counter() + GROUP_MS / 1000
        if first is not None:
            self.due = {first: None, **self.due}
        while self.due and (not rows or time.perf_counter() < until):
            checkpoints = next(iter(self.due))
            del self.due[checkpoints]
            try:
                rows.append((checkpoints, checkpoints.row()))
            except RtfsError as error:
                checkpoints.owner.not_storable(error)
                rows.append((checkpoints, checkpoints.last_good()))
        if self.due and self._timer is None:
            self._timer = self.timers.after(0, self._begin)
        return rows

    def _refused(self, rows: list[tuple[Checkpoints, Row]], error: Exception) -> None:
        for checkpoints, _ in rows:
            checkpoints.failed(f"{type(error).__name__}: {error}")

    def _settle(self, rows: list[tuple[Checkpoints, Row]], fenced: dict[str, int], started: float) -> None:
        self._cost_ms = (time.perf_counter() - started) * 1000
        for checkpoints, row in rows:
            if row.stream_id in fenced:
                checkpoints.owner.fenced(fenced[row.stream_id])
            else:
                checkpoints.done(row, self._cost_ms)
