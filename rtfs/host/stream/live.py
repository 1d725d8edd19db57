"""The picture of a graph that runs: each of its runs with its status and its counters (`rtfs stream graph`)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from rtfs.host.stream import inspection
from rtfs.host.stream.operators import text_of
from rtfs.host.stream.picture import Picture
from rtfs.host.stream.run import Run
from rtfs.lang.operator import NAME

if TYPE_CHECKING:
    from rtfs.host.stream.stream import Stream


def live(stream: Stream) -> Picture:
    """What a stream consists of, down to its sources, as it is now."""
    picture = Picture()
    _drawn(picture, stream, {})
    return picture


def _drawn(picture: Picture, stream: Stream, known: dict[str, str]) -> str:
    """Draw a stream and what it reads; the box that its items leave. known: of streams that are drawn."""
    if stream.id in known:
        return known[stream.id]
    owner = stream.owner
    before, steps = [], [owner.processor.name]
    label = inspection.endpoint(owner) or stream.id
    if isinstance(stream, Run):
        origin = stream.chain.origin
        before = [_drawn(picture, each.stream, known) for each in stream.inputs]
        named = origin.params.get(NAME)
        label = origin.name if named is None else f"{origin.name} {text_of(named)}"
        steps = [stage.name or stage.op for stage in stream.chain.stages if stage.op]
    boxes = [picture.box("operator" if before else "source", label, "" if steps else _counters(stream))]
    boxes += [picture.box("operator", step) for step in steps[:-1]]
    if steps:
        boxes.append(picture.box("operator", steps[-1], _counters(stream)))
    for each in before:
        picture.arrow(each, boxes[0])
    for start, end in pairwise(boxes):
        picture.arrow(start, end)
    if owner.sink is not None:
        end = picture.box("sink", str(stream.chain.title if isinstance(stream, Run) else stream.id))
        picture.arrow(boxes[-1], end)
    known[stream.id] = boxes[-1]
    return boxes[-1]


def _counters(stream: Stream) -> str:
    """In a few words: what came in and went out, what waits, what failed."""
    owner = stream.owner
    told = [owner.status.name, f"in {owner.intake.seq}", f"out {owner.outputs.next}"]
    if owner.queue.depth:
        told.append(f"queue {owner.queue.depth}/{owner.queue.capacity}")
    if owner.stats.failed:
        told.append(f"failed {owner.stats.failed}")
    return " ".join(told)
