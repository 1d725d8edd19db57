"""When a stream is stored, and the transaction that several streams share (streaming.md §5.2, §5.4)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rtfs.host.stream.ledger import Ledger
from rtfs.host.stream.lifecycle import TERMINAL
from rtfs.host.stream.settings import Cadence
from rtfs.host.stream.snapshot import Snapshot, Written
from rtfs.host.stream.stores import Changes, Letter, Row, Store
from rtfs.host.stream.timers import Timer, Timers
from rtfs.lang.errors import HostCallError, RtfsError

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

GROUP_MS = 5.0  # streams that are due within this time share one transaction
LEDGER_MS = 100  # what goes with no snapshot waits so long, where the cadence does not say
NEVER = 1 << 62  # steps that are never made
RETRIES = 3
RETRY_MS = 50.0
BROKEN_RETRY_MS = 5_000.0
RETAIN_MS = 3_600_000  # how long a stream that ended answers (§1.6)
RETAIN_DURABLE_MS = 7 * 24 * 3_600_000


class Checkpoints:
    """The snapshots of one stream: how much is unsaved, which number is next, what went wrong.

    problem: text of the last failure; error: the same once the stream stands still for it; at: host ms of the last
    success; last_duration_ms: what writing it took; closed: no snapshot any more; gone: nothing at all any more.
    patient: outputs that somebody waits for are stored when a snapshot is due, or no step was made for a while.
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
        self.ledger = Ledger(owner)
        self.told: list[Callable[[Snapshot], None]] = []  # who is told of each snapshot that is stored
        self.closed = self.gone = self.patient = False
        self._seen = 0  # the outputs there were when the timer was set
        self._timer: Timer | None = None
        self._whole = False  # the next commit has a snapshot
        self._pressed = False  # what the stream reads waits for a snapshot
        self._flying: tuple[Snapshot | None, Changes, int] | None = None  # what is being written; the steps in it

    @property
    def room(self) -> int:
        """How many steps may be made before the next snapshot, where their number is exact."""
        counted = self.exact and not self.closed and self._writes
        return max(1, self.cadence.every_chunks - self.unsaved) if counted else NEVER

    @property
    def exact(self) -> bool:
        """Is there a snapshot after so many chunks, whatever the time? Ticks do not count then."""
        return self.cadence.every_ms is None

    @property
    def _writes(self) -> bool:
        """Is a snapshot worth anything: in a store that lasts, or to somebody who is told of it?"""
        return self.committer.store.durable or bool(self.told)

    def worked(self, steps: int) -> bool:
        """The stream made steps: write a snapshot when enough of them, or enough time, have passed.

        True when the stream has to wait until that is done.
        """
        if self.closed or not self._writes:
            return False
        self.unsaved += steps
        outputs, exact = self.owner.outputs, self.exact
        full = exact and outputs.uncommitted_full
        awaited = outputs.awaited and not self.patient
        if self.unsaved >= self.cadence.every_chunks or awaited or full or self._pressed:
            self._whole = True
            if exact and steps:
                return True
            if outputs.uncommitted_full and not self.committer.store.remote:
                self.committer.flush_here(self)  # the stream would only wait for it
            else:
                self.committer.request(self)
        elif not exact or outputs.awaited:
            self._soon()
        return False

    def hurry(self) -> None:
        """Somebody waits for outputs: store them soon if there are any."""
        outputs = self.owner.outputs
        if outputs.mode == "durable" and outputs.committed < outputs.next and not self.closed:
            if self.patient:
                self._soon()
                return
            self._whole = True
            self.committer.request(self)

    def press(self) -> None:
        """What the stream reads cannot go on before a snapshot says that its outputs are not needed any more."""
        self._pressed = True
        if self.unsaved and not self.closed:
            self._whole = True
            self.committer.request(self)

    def bury(self, letter: Letter) -> None:
        """Keep a dead letter, in the same commit as the position behind its chunk."""
        self.ledger.bury(letter)
        if not self.committer.store.durable:
            self._whole = True
            self.committer.flush_here(self)

    def noted(self) -> None:
        """The ledger has something to write: with the next snapshot, or by itself when none comes."""
        if not self.gone:
            self._soon()

    def _soon(self) -> None:
        if self._timer is None:
            self._seen = self.owner.outputs.next
            self._timer = self.committer.timers.after(self.cadence.every_ms or LEDGER_MS, self._late)

    def _late(self) -> None:
        self._timer = None
        outputs = self.owner.outputs
        idle = outputs.awaited and outputs.next == self._seen
        self._whole = self._whole or (self.unsaved > 0 and (self.cadence.every_ms is not None or idle))
        if outputs.awaited and not self._whole:
            self._soon()
        if self._whole or self.ledger.waiting:
            self.committer.request(self)

    async def force(self) -> str | None:
        """Write now. The problem as text, or None when the snapshot is stored."""
        if self.closed:
            return None
        self._whole = True
        await self.committer.flush(self)
        return self.problem

    def last_wish(self, *, whole: bool) -> None:
        """Have the next commit, which need not come soon, write a snapshot, or at least what the ledger has."""
        self._whole = self._whole or whole
        if whole or self.ledger.waiting:
            self.committer.due[self] = None

    async def written(self) -> None:
        """Wait until what the ledger has now is stored. HostError when the store refuses."""
        await asyncio.sleep(0)  # others may come along
        if self.ledger.waiting and not self.gone:
            await self.committer.flush(self)
        if self.ledger.waiting and self.problem is not None:
            raise HostCallError("HostError", f"Checkpoint failed: {self.problem}")

    @property
    def silent(self) -> bool:
        """Is there nothing that may be written?"""
        return self.gone or (self.closed and not self.ledger.waiting)

    def row(self) -> Row:
        """The stream as it stands, or only its ledger. S031 when it cannot be stored."""
        if self.closed or not self._whole:
            changes = self.ledger.changes(None)
            self._flying = (None, changes, 0)
            now = self.owner.services.clock.now_ms()
            return Row(self.owner.id, self.owner.epoch, 0, "", None, "", now, 0, changes=changes)
        return self._row(self.owner.capture())

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
        written = snapshot.written() if durable else Written(snapshot, "", ())
        changes = self.ledger.changes(snapshot)
        self.good = snapshot
        self._flying = (snapshot, changes, self.unsaved)
        over = snapshot.status in TERMINAL
        return Row(
            snapshot.stream_id,
            snapshot.epoch,
            snapshot.number,
            snapshot.status.name,
            written.body,
            written.checksum,
            snapshot.created_at,
            self.cadence.keep,
            snapshot.created_at + max(1, self.retain_ms) if over else 0,
            changes,
            written.parts,
        )

    @property
    def retain_ms(self) -> int:
        """How long the stream answers after its end; a durable one is stored for as long."""
        given: int | None = self.owner.settings["retain-ms"]
        if given is None:
            return RETAIN_DURABLE_MS if self.committer.store.durable else RETAIN_MS
        return given

    def _tell(self, number: int, took_ms: float) -> None:
        instruments = self.owner.services.instruments
        if instruments is not None:
            instruments.checkpoint(self.owner, took_ms, None)
        self.owner.emit("checkpoint", number=number, took_ms=round(took_ms, 3))

    def done(self, row: Row, took_ms: float) -> None:
        assert self._flying is not None
        snapshot, changes, steps = self._flying
        self._flying = None
        self.ledger.done(changes, snapshot)
        self.failures = 0
        self.problem = None
        if snapshot is not None:
            self.number, self.at, self.last_duration_ms = row.number, row.created_at, took_ms
            self.unsaved -= steps
            self._whole = self._pressed = False
            if self.committer.store.durable:
                self._tell(row.number, took_ms)
            for tell in self.told:
                tell(snapshot)
            if snapshot.status in TERMINAL:
                self.close()
        if self.unsaved or self.ledger.waiting:  # something came while this was on its way
            self.worked(0)
            self.noted()
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

    async def amended(self) -> None:
        """Write the last snapshot once more: the stream did not end as it said."""
        if not self.gone:
            self.closed = False
            await self.force()
            self.close()

    def close(self, *, gone: bool = False) -> None:
        """Write no snapshot any more; when the stream is gone, nothing at all."""
        self.closed = True
        self.gone = self.gone or gone
        if self.gone and self.ledger.answers is not None:
            self.ledger.answers.lost(self.owner.id, self.owner.epoch)
        if self._timer is not None and not self.ledger.waiting:
            self._timer.cancel()
            self._timer = None
        if self.silent:
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
        if checkpoints.silent:
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
