"""What a store has of a stream, and which of its snapshots it goes on from (streaming.md §5.6)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.lifecycle import COMPLETED, TERMINAL
from rtfs.host.stream.snapshot import Damaged, Snapshot, load
from rtfs.host.stream.stores import Head, Saved, Store, reach
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

TERMINAL_NAMES = frozenset(status.name for status in TERMINAL)


class Wanted(NamedTuple):
    """How a stored stream is to go on. checkpoint: the id of the snapshot, None for the newest; force: also when
    outputs after it were delivered; told: is called once, before the first chunk."""

    checkpoint: str | None = None
    force: bool = False
    told: Callable[[Owner, Snapshot], Awaitable[None]] | None = None


async def chosen(store: Store, id: str, saved: list[Saved], wanted: Wanted) -> list[Saved]:
    """The snapshots that a stream may go on from. S032 when the one that is wanted is not there, S003 when outputs
    after it were delivered, and that is not forced."""
    if wanted.checkpoint is None:
        return saved
    found = [entry for entry in saved if f"{id}@{entry.epoch}.{entry.number}" == wanted.checkpoint]
    if not found:
        raise fault(32, id=f"{id} ({wanted.checkpoint})")
    if found[0].number < saved[0].number and not wanted.force:
        await _nothing_delivered(store, newest(found, []))
    return found


async def _nothing_delivered(store: Store, snapshot: Snapshot) -> None:
    """S003 when a sink has got outputs that the snapshot does not know of."""
    marks = await reach(store, store.marks, snapshot.stream_id)
    late = sorted(sink for sink, mark in marks.items() if mark >= snapshot.output_seq)
    if late:
        kind = f"true, as outputs after {snapshot.id} were delivered to {', '.join(late)}"
        raise fault(3, p="force", kind=kind, value="nothing")


async def unfinished(store: Store, head: Head, saved: list[Saved]) -> bool:
    """Has a stored stream still something to do?"""
    return head.status not in TERMINAL_NAMES or await _undelivered(store, head, saved)


async def _undelivered(store: Store, head: Head, saved: list[Saved]) -> bool:
    """Did a stream complete, but not its sink? Then it goes on with the outputs that are left."""
    if head.status != COMPLETED.name or not saved or not store.durable:
        return False
    try:
        snapshot = newest(saved, [])
    except RtfsError:
        return False
    if snapshot.sink is None:
        return False
    marks = await reach(store, store.marks, head.stream_id)
    return int(marks.get(snapshot.sink.get(Keyword("name")), -1)) + 1 < snapshot.output_seq


def newest(saved: list[Saved], skipped: list[tuple[Saved, str]]) -> Snapshot:
    """The newest readable snapshot; newer ones go into `skipped`, with what is wrong. S033 when none can be read."""
    for entry in saved:
        if isinstance(entry.body, Snapshot):
            return entry.body
        try:
            return load(entry.body, entry.checksum, entry.parts)
        except Damaged as problem:
            skipped.append((entry, f"number {entry.number}: {problem}"))
    raise fault(33, e="; ".join(problem for _, problem in skipped) or "there is none")


def behind(damaged: Saved, next: int) -> int | None:
    """How many chunks a damaged snapshot had, from number `next` on, as far as its text still tells."""
    found = re.search(r" :seq (\d+) :output-seq ", damaged.body)
    return None if found is None else max(0, int(found[1]) - next)
