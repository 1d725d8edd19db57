"""Streams of a state directory that no process runs: what they look like, and changes of their status."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.checkpoint import RETAIN_DURABLE_MS
from rtfs.host.stream.inspection import brief, keyed
from rtfs.host.stream.lifecycle import TERMINAL, transition
from rtfs.host.stream.snapshot import Snapshot
from rtfs.host.stream.stored import newest
from rtfs.host.stream.stores import Head, Row, Saved
from rtfs.host.stream.stores.sqlite import FILE, SqliteStore, read_only
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

KEEP = 3  # snapshots: what streams keep unless they say otherwise


def listed(folder: str) -> list[Map]:
    """Every stream of a state directory, by id; nothing is written. FileNotFoundError when it has none."""
    with read_only(_file(folder)) as store:
        return [_short(head, *_newest(store, head.stream_id)) for head in store.heads()]


def inspected(folder: str, id: str, max_chars: int = 4_000) -> Map:
    """One stream as its newest readable snapshot has it. S005, S033."""
    with read_only(_file(folder)) as store:
        head, snapshot = _found(store, id)
    number = snapshot.number
    return keyed(
        stream_id=head.stream_id,
        status=Keyword(head.status),
        error=snapshot.error,
        reason=snapshot.reason,
        transitions=snapshot.transitions,
        queue=keyed(depth=len(snapshot.queue)),
        stats=snapshot.stats,
        checkpoint=keyed(store=f"sqlite:{folder}", number=number, epoch=head.epoch, at=snapshot.created_at),
        position=snapshot.position,
        seq=snapshot.seq,
        output_seq=snapshot.output_seq,
        state=_cut(snapshot.state, max_chars),
        initial_state=_cut(snapshot.fixed.initial_state, max_chars),
        processor=keyed(name=snapshot.fixed.processor.name, hash=snapshot.fixed.processor.digest),
        started_at=snapshot.fixed.started_at,
        owner=head.owner,
    )


def change(folder: str, id: str, event: str, reason: str | None, now_ms: int) -> Map:
    """Write what `pause`, `resume`, `cancel` or `stop` makes of a stored stream, as its next owner would.

    InUse when a living process owns the directory. S005, S033, S040.
    """
    _file(folder)
    store = SqliteStore(folder)
    try:
        head, snapshot = _found(store, id)
        move = transition(event, Keyword(head.status))
        if move.to is None:
            return keyed(stream_id=id, status=Keyword(head.status), changed=False)
        snapshot.epoch = store.claim(id, head.epoch, f"rtfs stream {event}, process {os.getpid()}")
        snapshot.status, snapshot.reason = move.to, reason if reason is not None else snapshot.reason
        snapshot.transitions += 1
        snapshot.number += 1
        snapshot.created_at = now_ms
        if move.queue == "discard":
            _discard(snapshot)
        body, checksum, parts = snapshot.written()
        over = now_ms + RETAIN_DURABLE_MS if move.to in TERMINAL else 0
        row = Row(id, snapshot.epoch, snapshot.number, move.to.name, body, checksum, now_ms, KEEP, over, parts=parts)
        fenced = store.commit([row])
        if fenced:
            raise fault(40, id=id, n=fenced[id])
        return keyed(stream_id=id, status=move.to, changed=True)
    finally:
        store.close()


def _discard(snapshot: Snapshot) -> None:
    key = Keyword("discarded")
    before = snapshot.stats.get(key)
    count = len(snapshot.queue) + (before if type(before) is int else 0)
    snapshot.stats = snapshot.stats.assoc(key, count)
    snapshot.queue = []


def _file(folder: str) -> Path:
    file = Path(folder) / FILE
    if not file.is_file():
        raise FileNotFoundError(f"{folder} holds no streams")
    return file


def _found(store: Any, id: str) -> tuple[Head, Snapshot]:
    stored = store.load(id)
    if stored is None:
        raise fault(5, id=id)
    head, saved = stored
    snapshot = newest(saved, [])
    snapshot.number = max(snapshot.number, *(entry.number for entry in saved))
    return head, snapshot


def _newest(store: Any, id: str) -> tuple[Snapshot | None, str | None]:
    """The newest readable snapshot of a stream, or why there is none."""
    stored: tuple[Head, list[Saved]] | None = store.load(id)
    try:
        return (None, "gone") if stored is None else (newest(stored[1], []), None)
    except Exception as problem:  # a damaged one must not hide the others
        return None, getattr(problem, "message", str(problem))


def _short(head: Head, snapshot: Snapshot | None, problem: str | None) -> Map:
    """The keys of `:mcp.stream.list`, of which a snapshot knows these."""
    get: Callable[[str], Any] = (
        (lambda name: None) if snapshot is None else (lambda name: snapshot.fixed.given.get(Keyword(name)))
    )
    return keyed(
        stream_id=head.stream_id,
        kind=Keyword("mcp"),
        name=get("name"),
        endpoint=get("endpoint"),
        status=Keyword(head.status),
        started_at=None if snapshot is None else snapshot.fixed.started_at,
        queue_depth=None if snapshot is None else len(snapshot.queue),
        processed=None if snapshot is None else snapshot.stats.get(Keyword("processed")),
        outputs=None if snapshot is None else snapshot.output_seq,
        problem=problem,
    )


def _cut(value: Any, most: int) -> Any:
    printed = brief(value, most)
    return f"{printed[: most - 1]}…" if len(printed) > most else value
