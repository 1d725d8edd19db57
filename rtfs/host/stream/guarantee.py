"""How often an item may arrive at the end of a graph: what the weakest of its parts says (streaming.md §5.7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from rtfs.host.stream import sinks

if TYPE_CHECKING:
    from rtfs.host.stream.run import Run

WEAKEST_FIRST = ("at-most-once", "latest-state", "at-least-once", "effectively-once", "exactly-once")


class Link(NamedTuple):
    """A part of a graph: its class, and the name of the source, the sink, the `callbacks` or the `store`."""

    promise: str
    name: str


def weakest(run: Run) -> Link:
    """The link that decides; of equal ones the one nearer to the sources."""
    return min(_links(run), key=lambda link: WEAKEST_FIRST.index(link.promise))


def _links(run: Run) -> Iterator[Link]:
    owner = run.owner
    yield from _sources(run)
    if not owner.checkpoints.committer.store.durable:
        yield Link("at-most-once", "store")
    if owner.sink is not None:
        outlet = owner.sink.outlet
        kind = sinks.find(outlet.name)
        yield Link(outlet.guarantee or (kind.guarantee if kind is not None else WEAKEST_FIRST[0]), outlet.name)
    elif run.delivery is not None:
        yield Link("effectively-once" if owner.settings["journal"] else "at-least-once", "callbacks")


def _sources(run: Run) -> Iterator[Link]:
    for each in run.inputs:
        yield from _sources(each.stream)
    source = run.owner.source
    if source is not None and not source.adapter.follows:
        yield Link(source.guarantee, source.adapter_name)
    elif source is None:  # it ended in an earlier process
        yield Link("exactly-once", run.capability)
