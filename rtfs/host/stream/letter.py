"""Dead letters: chunks that their stream could not process, kept with the reason (streaming.md §1.8, §6.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream.chunk import Chunk
from rtfs.host.stream.options import shown
from rtfs.host.stream.processor import K_NAME, K_OP
from rtfs.host.stream.stores import Letter
from rtfs.lang.codec import NotStorable, decode, encode
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.errors import RtfsError, StreamError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

K_LETTER, K_ITEM = Keyword("rtfs/letter"), Keyword("item")
K_AT, K_REDRIVEN, K_BEFORE = Keyword("at"), Keyword("redriven-at"), Keyword("before")
UNSTORABLE = Keyword("unstorable")  # the key of the print of an item that has no text


def write(
    owner: Owner, chunk: Chunk, error: RtfsError, part: int = 0, *, before: bool = False, lasting: bool = False
) -> Letter:
    """The letter of a chunk that failed for good, in the queue of its stream or the one of `:dead-letter-queue`.

    part: tells further letters of one chunk from the first. before: it failed in the operator that the run begins with,
    and so before it was a chunk. lasting: its number is the same when a later process takes it again, whose letter then
    replaces this one.
    """
    seq, data, time, offset, extra = chunk
    attempts = 1 if extra is None else extra.attempt + extra.tries
    more = {} if extra is None or extra.metadata is None else extra.metadata
    metadata: dict[Any, Any] = {Keyword("seq"): seq, Keyword("time"): time, Keyword("offset"): offset, **more}
    life = owner.started_at if lasting else owner.epoch
    id = f"{owner.id}/{life}.{seq}{f'.{part}' if part else ''}"
    body = {
        "id": id,
        "stream-id": owner.id,
        "seq": seq,
        "item": storable(data),
        "metadata": storable(Map.holding(metadata)),
        "error": Map.of(
            [
                (Keyword("code"), error.code),
                (Keyword("message"), error.message),
                (Keyword("data"), storable(error.data)),
            ]
        ),
        "attempts": attempts,
        "stage": _stage(owner, error),
        "at": owner.services.clock.now_ms(),
        **({K_BEFORE.name: True} if before else {}),
    }
    text = encode(Map.of([(Keyword(name), value) for name, value in body.items()]))
    return Letter(id, owner.settings["dead-letter-queue"] or owner.id, owner.id, text)


def buried(owner: Owner, produced: Any, seq: int, time: int) -> list[Any]:
    """The outputs of a step but for those that its stages give up, which become letters."""
    kept: list[Any] = []
    parts = 0
    for value in produced:
        if type(value) is not Map or K_LETTER not in value:
            kept.append(value)
            continue
        owner.stats.dead_lettered += 1
        text, place = value.get(K_LETTER), Map.of([(K_OP, value.get(K_OP))])
        owner.emit("dead-lettered", at_seq=seq, code=None, message=text)
        problem = StreamError(10, text, data=place)
        owner.checkpoints.bury(write(owner, (seq, value.get(K_ITEM), time, None, None), problem, parts))
        parts += 1
    return kept


def _stage(owner: Owner, error: RtfsError) -> str:
    """The stage that failed, by its name or its operator; the processor where the error does not tell."""
    place = error.data if type(error.data) is Map else EMPTY_MAP
    op, name = place.get(K_OP), place.get(K_NAME)
    if type(op) is not Keyword:
        return owner.processor.name
    return op.name if name is None else name.name if type(name) is Keyword else str(name)


def failed_before(letter: Letter) -> bool:
    """Did the item fail in the operator that its run begins with, before it was a chunk of the run?"""
    return decode(letter.body).get(K_BEFORE) is True


def storable(value: Any) -> Any:
    """The value, or `{:unstorable "its print"}`."""
    try:
        encode(value)
    except NotStorable:
        return Map.holding({UNSTORABLE: shown(value)})
    return value


def read(letter: Letter) -> Map:
    """A stored letter as programs see it."""
    body: Map = decode(letter.body)
    return body.dissoc(K_BEFORE).assoc(K_REDRIVEN, letter.redriven_at or None)
