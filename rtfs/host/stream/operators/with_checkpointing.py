"""`:stream.with-checkpointing`: how often a whole graph is stored, and where (streaming.md §6.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.checkpoint import NEVER
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.lifecycle import TERMINAL
from rtfs.host.stream.operators import Around, Whole
from rtfs.host.stream.options import normalised
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.run import Run
    from rtfs.host.stream.slot import Slot
    from rtfs.host.stream.snapshot import Snapshot


def options(params: Map) -> Map:
    """The cadence and the store of the runs, and the id of the graph."""
    interval, store = params.get(Keyword("checkpoint-interval")), params.get(Keyword("checkpoint-store"))
    given = {"every-chunks": interval} if type(interval) is int else normalised(interval)
    cadence: dict[str, Any] = {"every-chunks": NEVER, "every-ms": None, **given, "keep": params.get(Keyword("keep"))}
    if store is not None:
        cadence["store"] = store
    found = keyed(checkpoint=Map.of((Keyword(name), value) for name, value in cadence.items()))
    id = params.get(Keyword("stream-id"))
    return found if id is None else found.assoc(Keyword("stream-id"), id)


class Telling:
    """Tells the program of snapshots that are stored: where their interval is exact of one after each, and of the last.

    Others there are as well: of a pause, or because somebody waits for items and no more come.
    """

    def __init__(self, run: Run, slot: Slot) -> None:
        self._run, self._slot = run, slot
        checkpoints = run.owner.checkpoints
        self._every = checkpoints.cadence.every_chunks if checkpoints.cadence.every_ms is None else 0
        self._told = run.owner.intake.seq
        checkpoints.patient = self._every > 0
        checkpoints.told.append(self)

    def __call__(self, snapshot: Snapshot) -> None:
        if snapshot.status in TERMINAL or snapshot.seq - self._told >= self._every:
            self._told = snapshot.seq
            line = self._run.owner.processor.line
            state = snapshot.state if line is None else line.shown(snapshot.state)
            self._run.notices.add(self._slot, snapshot.seq, state, about(snapshot))


def attend(params: Map, around: Around) -> Callable[[Run], None]:
    """Have the program told of snapshots."""
    slot = around.maybe("on-checkpoint", params.get(Keyword("on-checkpoint")), 2)

    def hang(run: Run) -> None:
        if slot is not None:
            Telling(run, slot)

    return hang


def about(snapshot: Snapshot) -> Map:
    """What a program learns of a snapshot beside its state."""
    return keyed(
        stream_id=snapshot.stream_id,
        checkpoint_id=snapshot.id,
        number=snapshot.number,
        status=snapshot.status,
        position=snapshot.position,
        seq=snapshot.seq,
        output_seq=snapshot.output_seq,
        at=snapshot.created_at,
    )


OPERATOR = Whole(options, attend)
