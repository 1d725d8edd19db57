"""`:stream.graceful-shutdown`: what of a graph is finished when it is stopped, or its host ends (streaming.md §6.9)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.operators import Around, Whole
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.run import Run


def options(params: Map) -> Map:
    """How its runs end."""
    return keyed(
        drain_strategy=params.get(Keyword("drain-strategy")),
        shutdown_timeout_ms=params.get(Keyword("shutdown-timeout")),
    )


def attend(params: Map, around: Around) -> Callable[[Run], None]:
    """Tell the program once, when nothing of the graph moves any more."""
    slot = around.maybe("on-shutdown-complete", params.get(Keyword("on-shutdown-complete")))

    def hang(run: Run) -> None:
        if slot is not None:
            run.farewells.append(lambda: run.notices.add(slot, run.owner.intake.seq, report(run)))

    return hang


def report(run: Run) -> Map:
    """How a graph ended, and what of it is left: for another process, or for nobody where the store does not last."""
    owner = run.owner
    undelivered = 0 if run.delivery is None else run.delivery.undelivered
    return keyed(
        stream_id=owner.id,
        status=owner.status,
        reason=Keyword(owner.ending),
        strategy=owner.settings["drain-strategy"],
        processed=owner.stats.processed,
        outputs=owner.outputs.next,
        left=keyed(queued=run.waiting(), undelivered=undelivered, discarded=owner.stats.discarded),
        timed_out=owner.overdue,
        duration_ms=owner.services.clock.now_ms() - owner.started_at,
    )


OPERATOR = Whole(options, attend)
