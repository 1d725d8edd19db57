"""The door of a stream: every chunk is numbered and timed here, and meets the overflow policy (streaming.md §4.2)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import GUARDED, K_ACTION, Chunk, Extra
from rtfs.host.stream.lifecycle import ACTIONS, ACTIVE, CANCEL, COMPLETE, PAUSE, RESUME, STOP, TERMINAL
from rtfs.host.stream.settings import SKIP
from rtfs.host.stream.spill import NoDisk
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

WIRE_ACTION = Keyword("rtfs/action")


class Flooded(Exception):
    """A source that cannot be held back brought more than memory and disk may hold."""


class Intake:
    """Numbers and queues chunks.

    seq: the next number; time: ms of the last chunk; position: source position after the last accepted chunk;
    attempt: which connection brings the chunks, from 1; quiet_since: ms since when the source has been silent.
    """

    __slots__ = (
        "owner", "queue", "seq", "time", "position", "attempt", "last_frame_at", "quiet_since", "_now", "_wire",
        "_singly", "_bad", "_bad_from",
    )  # fmt: skip

    def __init__(self, owner: Owner, seq: int = 0, time: int = 0, position: Any = None) -> None:
        self.owner = owner
        self.queue = owner.queue
        self.seq = seq
        self.time = time
        self.position = position
        self.attempt = 1
        self.last_frame_at: int | None = None
        self.quiet_since = 0
        self._bad, self._bad_from = 0, -1
        self._now = owner.services.clock.now_ms
        self._wire = owner.settings["in-band-directives"]
        bounds = owner.queue.bounds
        self._singly = (
            self._wire or bool(owner.settings["dedupe"]) or bounds.policy != "block" or bounds.bytes is not None
        )

    # ---- from a transport

    def offer(self, data: Any, offset: Any = None, metadata: dict[Keyword, Any] | None = None) -> None:
        """One chunk from the source; never waits. offset: position after it. Flooded when no more may wait."""
        if self._wire and type(data) is Map and WIRE_ACTION in data and self._directed(data, offset, metadata):
            return
        if metadata is None and self.attempt == 1:
            self.append(data, offset, None)
        else:
            self.append(data, offset, Extra(metadata, self.attempt))

    def append(self, data: Any, offset: Any, extra: Extra | None) -> None:
        """Number the chunk and put it into the queue."""
        queue = self.queue
        now = self._now()
        self.last_frame_at = self.quiet_since = now
        if now > self.time:
            self.time = now
        ledger = self.owner.checkpoints.ledger
        if ledger.seen is not None and ledger.seen.knows(data, extra):
            self.owner.stats.ignored += 1
            if extra is not None and extra.ack is not None:
                extra.ack.set_result(True)
            return
        if (queue.crowded or self.owner.status in TERMINAL) and not self._make_room():
            return
        depth = len(queue.items)
        chunk = (self.seq, data, self.time, offset, extra)
        if ledger.logging:
            self._log(chunk)
        if ledger.seen is not None:
            ledger.seen.note(*chunk[:2], extra)
        try:
            if queue.push(chunk):
                self._spilled(chunk)
        except NoDisk as problem:
            raise Flooded(f"{queue.depth} chunks are waiting, and nothing can be put on disk: {problem}") from None
        self.seq += 1
        if offset is not None:
            self.position = offset
        if (depth + 1 >= queue.high or queue.bounds.bytes is not None) and not queue.shut:
            self.owner.adjust_gate()
        if not depth:
            self.owner.wake()

    def _log(self, chunk: Chunk) -> None:
        """Have the store keep a chunk. S031 when it has no text."""
        checkpoints = self.owner.checkpoints
        checkpoints.ledger.take_in(chunk)
        checkpoints.noted()

    def take_up(self, chunk: Chunk) -> None:
        """A chunk that an earlier process accepted."""
        self.queue.push(chunk)
        self.seq = chunk[0] + 1
        self.time = max(self.time, chunk[2])
        if chunk[3] is not None:
            self.position = chunk[3]

    def _spilled(self, chunk: Chunk) -> None:
        """A chunk went to disk. The snapshot has only the queue in memory, so the store keeps it by itself."""
        owner, spill = self.owner, self.queue.spill
        owner.stats.spilled += 1
        if self._to_keep and not owner.checkpoints.ledger.logging:
            self._log(chunk)
        if spill is not None and len(spill) == 1:
            owner.emit("spill", waiting=len(self.queue.items))

    def extend(self, items: list[Any], first: int | None) -> None:
        """Several plain chunks at once, no more than `room`. first: position after the first; None: no positions."""
        queue = self.queue
        now = self._now()
        self.last_frame_at = self.quiet_since = now
        time = self.time = max(now, self.time)
        numbers = range(self.seq, self.seq + len(items))
        if first is None:
            queue.items.extend([(seq, item, time, None, None) for seq, item in zip(numbers, items, strict=True)])
        else:
            ahead = first - self.seq
            queue.items.extend([(seq, item, time, seq + ahead, None) for seq, item in zip(numbers, items, strict=True)])
            self.position = first + len(items) - 1
        self.seq += len(items)
        if len(queue.items) >= queue.high and not queue.shut:
            self.owner.adjust_gate()
        self.owner.wake()

    @property
    def _to_keep(self) -> bool:
        """Would a chunk be lost with this process, as the source cannot send it again?"""
        owner = self.owner
        lasting = owner.checkpoints.committer.store.durable
        return lasting and (owner.source is None or not owner.source.replayable)

    @property
    def room(self) -> int:
        """How many chunks `extend` may bring: up to the high mark; 0 when each chunk has to be looked at by itself."""
        if self._singly or self.queue.spill is not None or self.owner.status in TERMINAL:
            return 0
        return max(0, self.queue.high - len(self.queue.items))

    def _make_room(self) -> bool:
        """Apply the overflow policy for a chunk of the source: may it enter?"""
        owner, queue = self.owner, self.queue
        if owner.status in TERMINAL:
            owner.stats.ignored += 1
            return False
        policy = owner.settings["overflow"].name
        if policy == "drop-oldest":
            while queue.crowded and queue.items:
                self.drop(queue.items.popleft())
                owner.stats.dropped_oldest += 1
        elif policy == "drop-newest":
            owner.stats.dropped_newest += 1
            owner.emit("dropped", policy=policy, dropped=self.seq)
            self.seq += 1
            return False
        elif policy == "error":
            owner.overflowed()
            return False
        elif queue.disk_full:
            owner.emit("overflow", waiting=queue.depth)
            raise Flooded(f"{queue.depth} chunks are waiting, no more fit on the disk")
        return True

    def malformed(self, why: str) -> None:
        """A frame that nobody can read: counted, and S026 when the stream bears none or too many came in a row."""
        owner = self.owner
        owner.stats.malformed_frames += 1
        self._bad = self._bad + 1 if self._bad_from == self.seq else 1  # a chunk in between starts the count anew
        self._bad_from = self.seq
        owner.emit("malformed", why=why)
        if owner.settings["malformed"].name == "fail" or self._bad > owner.settings["max-malformed"]:
            raise fault(26, why=why)

    def oversize(self, size: int) -> None:
        """A message of `size` bytes, which nobody keeps: counted, and S025 unless `:on-error` skips what fails."""
        owner = self.owner
        problem = fault(25, n=size, m=owner.settings["max-message-bytes"])
        skip = owner.settings["on-error"].then is SKIP
        owner.stats.failed += 1
        event = "chunk-skipped" if skip else "chunk-failed"
        owner.emit(event, at_seq=self.seq, code=problem.code, message=problem.message)
        if not skip:
            raise problem
        owner.stats.skipped += 1

    def heard(self) -> None:
        """The source is alive, though it may not have brought a chunk: its silence starts anew."""
        self.last_frame_at = self.quiet_since = self._now()

    def drop(self, chunk: Chunk) -> None:
        """Tell what became of a chunk that is dropped."""
        self.owner.emit("gap", dropped=chunk[0])
        answer(chunk, dropped=True)

    @property
    def open(self) -> bool:
        """May the source go on? When not, it awaits `opened`: `:block` holds it back, and `:spill` on a full disk."""
        return not self.queue.holding

    async def opened(self) -> None:
        """Wait until the gate is open; the source's watchdog rests meanwhile."""
        await self.queue.opened()

    def _directed(self, data: Map, offset: Any, metadata: dict[Keyword, Any] | None) -> bool:
        """A directive from the wire, where values are strings."""
        name = data.get(WIRE_ACTION)
        if type(name) is not str:
            return False
        self.direct(Keyword(name), data, Extra(metadata, self.attempt), bare=len(data) == 1, offset=offset)
        return True

    # ---- from a program

    def direct(self, action: Keyword, data: Any, extra: Extra, *, bare: bool, offset: Any = None) -> None:
        """Apply a directive chunk (§1.6): at once, or behind the queue when it has data or ends the stream."""
        owner = self.owner
        if action not in ACTIONS:
            owner.unknown_directive(action)
        elif action is RESUME or action is CANCEL or (bare and action is not COMPLETE):
            owner.act(action)
        else:
            extra.directive = action if action in (PAUSE, COMPLETE, STOP) else None
            extra.bare = bare
            self.append(data, offset, extra)
            return
        if extra.ack is not None and not extra.ack.done():
            extra.ack.set_result(True)

    async def inject(
        self,
        data: Any,
        metadata: Map | None,
        ack: asyncio.Future[Any] | None,
        timeout_ms: int,
        *,
        kept: bool = False,
        attempt: int = 1,
    ) -> int | None:
        """One chunk from a program: its number, or None when it was dropped or ignored.

        S020 when the queue is full and stays so for `timeout_ms`. `ack` is answered when the chunk's step is over.
        kept: the store has the chunk when this answers, as always with `:durable-intake`. attempt: what the chunk says
        of how often it was tried.
        """
        owner = self.owner
        extra = Extra(None if metadata is None else _allowed(metadata), attempt, ack=ack)
        if owner.status in TERMINAL:
            owner.stats.ignored += 1
            if ack is not None:
                ack.set_result(True)
            return None
        action = data.get(K_ACTION) if type(data) is Map else None
        bare = type(action) is Keyword and len(data) == 1
        if not (bare and action is not COMPLETE) and self.queue.full and not await self._admit(timeout_ms):
            answer((0, data, 0, None, extra), dropped=True)
            return None
        number = self.seq
        try:
            if type(action) is Keyword:
                self.direct(action, data, extra, bare=bare)
            else:
                self.append(data, None, extra)
        except Flooded as flood:
            raise fault(20, data={"why": str(flood)}) from None
        await self._kept(number, data, extra, kept)
        return number

    async def put(self, data: Any, metadata: dict[Keyword, Any] | None, timeout_ms: float) -> int | None:
        """One item for a sink, whatever it looks like: its number, None when it was dropped or nobody will take it.

        S020 when the queue stays full for `timeout_ms`.
        """
        owner, clock = self.owner, self.owner.services.clock
        deadline = clock.monotonic() + timeout_ms / 1000
        while self.queue.full and owner.status not in TERMINAL:
            left = (deadline - clock.monotonic()) * 1000
            if owner.settings["overflow"].name != "block" or left <= 0:
                if not await self._admit(0):
                    return None
                break
            try:
                await owner.services.timers.within(left, self.queue.room())
            except TimeoutError:
                raise fault(20) from None
        if owner.status in TERMINAL or owner.draining:
            return None
        number = self.seq
        self.append(data, None, None if metadata is None else Extra(metadata))
        return number

    async def _kept(self, number: int, data: Any, extra: Extra, wanted: bool) -> None:
        """Wait until the store has a chunk, if that is asked for."""
        checkpoints = self.owner.checkpoints
        if self.seq > number and wanted and not checkpoints.ledger.logging:
            self._log((number, data, self.time, None, extra))
        if checkpoints.ledger.logging:
            await checkpoints.written()

    async def _admit(self, timeout_ms: int) -> bool:
        """Room for an injected chunk by the overflow policy; False when the policy drops it."""
        owner = self.owner
        policy = owner.settings["overflow"].name
        if policy == "drop-oldest":
            return True  # `append` makes room
        if policy == "drop-newest":
            return self._make_room()
        if policy == "error":
            owner.overflow_injected()
            raise fault(20)
        if owner.status is ACTIVE:
            await asyncio.sleep(0)  # the owner may be just about to make room
            await asyncio.sleep(0)
        if self.queue.full and timeout_ms > 0:
            try:
                await owner.services.timers.within(timeout_ms, self.queue.room())
            except TimeoutError:
                raise fault(20) from None
        if self.queue.full:
            raise fault(20)
        return True


def _allowed(metadata: Map) -> dict[Keyword, Any]:
    """The metadata a caller may set."""
    return {key: value for key, value in metadata.entries() if type(key) is Keyword and key not in GUARDED}


def answer(chunk: Chunk, error: Exception | None = None, dropped: bool = False) -> None:
    """Tell the sender that waits for this chunk how it went."""
    extra = chunk[4]
    if extra is None or extra.ack is None or extra.ack.done():
        return
    if error is not None:
        extra.ack.set_exception(error)
    else:
        extra.ack.set_result(not dropped)
