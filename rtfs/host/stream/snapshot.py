"""The durable picture of a stream at a chunk boundary, as text with a checksum (streaming.md §5.1)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import Chunk, Extra
from rtfs.host.stream.keyed import Way, cut, joined
from rtfs.host.stream.options import shown
from rtfs.host.stream.stores import Part
from rtfs.lang.codec import NotStorable, Unreadable, decode, encode
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.evaluator import FunctionIdentity
from rtfs.lang.names import Keyword

UPGRADES: tuple[Callable[[Map], Map], ...] = ()  # each makes the next format of the one before, from 1 on
SCHEMA = len(UPGRADES) + 1

K = {
    name: Keyword(name)
    for name in (
        "schema", "stream-id", "partition", "epoch", "number", "status", "error", "reason", "state", "initial-state",
        "state-version", "position", "seq", "output-seq", "time", "watermark", "queue", "pending", "config", "given",
        "changed", "processor", "stats", "transitions", "created-at", "memory", "name", "module", "source", "hash",
        "captures", "started-at", "sink", "keyed", "partitions", "part",
    )
}  # fmt: skip


class Fixed:
    """What of a stream hardly ever changes; its text is made once.

    given: the start parameters that can be stored; changed: what `:config` results changed, by key; keyed: which maps
    of the state are stored by partition.
    """

    __slots__ = ("initial_state", "state_version", "given", "changed", "processor", "started_at", "keyed", "_text")

    def __init__(
        self, initial_state: Any, state_version: int, given: Map, processor: FunctionIdentity, started_at: int,
        keyed: Sequence[Way] = (),
    ) -> None:  # fmt: skip
        self.initial_state = initial_state
        self.state_version = state_version
        self.given = given
        self.changed = EMPTY_MAP
        self.processor = processor
        self.started_at = started_at
        self.keyed = keyed
        self._text: str | None = None

    def change(self, changes: Map) -> None:
        """A `:config` result changed parameters."""
        self.changed = self.changed.merge(changes)
        self._text = None

    def text(self) -> str:
        if self._text is None:
            config = Map.of([(K["given"], self.given), (K["changed"], self.changed)])
            self._text = (
                f":initial-state {text_of(self.initial_state, ('initial-state',))} :state-version {self.state_version}"
                f" :config {text_of(config, ('config',))} :processor {encode(processor_map(self.processor))}"
                f" :started-at {self.started_at}"
            )
        return self._text


def processor_map(identity: FunctionIdentity) -> Map:
    """How to find the processor again; the captures of a literal only if all of them can be stored."""
    captures: Any = Map.of(identity.captures.items())
    try:
        encode(captures)
    except NotStorable:
        captures = None  # resuming then needs the processor from the call
    names = ("name", "module", "source", "hash", "captures")
    values = (identity.name, identity.module, identity.text, identity.digest, captures)
    return Map.of(zip((K[name] for name in names), values, strict=True))


class Written(NamedTuple):
    """A snapshot as text: the row of the stream, and those of further partitions."""

    body: Any  # the snapshot itself where nothing is written
    checksum: str
    parts: tuple[Part, ...]


class Snapshot:
    """One picture. Values are shared with the running stream, which is safe because they never change.

    sink: what the sink at the end of a graph has to know to go on, None without one.
    """

    __slots__ = (
        "stream_id", "epoch", "number", "status", "error", "reason", "state", "position", "memory", "seq", "output_seq",
        "time", "watermark", "queue", "pending", "stats", "transitions", "created_at", "fixed", "sink",
    )  # fmt: skip
    stream_id: str
    epoch: int
    number: int
    status: Keyword
    error: Map | None
    reason: str | None
    state: Any
    position: Any
    memory: Any
    seq: int
    output_seq: int
    time: int
    watermark: int | None
    queue: list[Chunk]
    pending: Map
    stats: Map
    transitions: int
    created_at: int
    fixed: Fixed
    sink: Any

    def written(self) -> Written:
        """The canonical text. S031 when the state, or a queued chunk, holds what cannot be stored."""
        state, parts = self._state()
        queue = vector([chunk_map(chunk) for chunk in self.queue])
        position = text_of(self.position, ("position",))
        sink = "" if self.sink is None else f" :sink {text_of(self.sink, ('sink',))}"
        body = (
            f"{{:schema {SCHEMA} :stream-id {encode(self.stream_id)} :partition 0 :epoch {self.epoch}"
            f" :number {self.number} :status {encode(self.status)} :error {encode(self.error)}"
            f" :reason {encode(self.reason)} :state {state} :position {position}"
            f" :memory {text_of(self.memory, ('memory',))} :seq {self.seq} :output-seq {self.output_seq}"
            f" :time {self.time} :watermark {encode(self.watermark)} :queue {text_of(queue, ('queue',))}"
            f" :pending {encode(self.pending)}"
            f" :stats {encode(self.stats)} :transitions {self.transitions} :created-at {self.created_at}"
            f"{sink} {self.fixed.text()}}}"
        )
        return Written(body, checksum(body), parts)

    def _state(self) -> tuple[str, tuple[Part, ...]]:
        """The text of the state, and the parts of it that are rows of their own.

        The part of partition 0 stands in the row of the stream, which names the checksums of the others.
        """
        if not self.fixed.keyed:
            return text_of(self.state, ()), ()
        rest, ways, found = cut(self.state, self.fixed.keyed)
        try:
            texts = {number: encode(part) for number, part in found.items()}
        except NotStorable:
            return text_of(self.state, ()), ()  # says where in the whole state it is
        own = texts.pop(0, "[]")
        parts = tuple(self._part(number, text) for number, text in texts.items())
        sums = Map.of((part.partition, part.checksum) for part in parts)
        keyed = vector([vector(list(way)) for way in ways])
        return f"{text_of(rest, ())} :keyed {encode(keyed)} :part {own} :partitions {encode(sums)}", parts

    def _part(self, number: int, text: str) -> Part:
        body = (
            f"{{:schema {SCHEMA} :stream-id {encode(self.stream_id)} :partition {number} :epoch {self.epoch}"
            f" :number {self.number} :part {text}}}"
        )
        return Part(number, body, checksum(body))

    @property
    def id(self) -> str:
        """The checkpoint id."""
        return f"{self.stream_id}@{self.epoch}.{self.number}"


def checksum(body: str) -> str:
    """The hash that tells a damaged body."""
    return hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def text_of(value: Any, path: tuple[str, ...]) -> str:
    """The text of a value that is found at `path` of a snapshot. S031 when it has none."""
    try:
        return encode(value)
    except NotStorable as problem:
        place = vector([*(Keyword(name) for name in path), *problem.path])
        raise fault(31, path=encode(place) if problem.path or path else "the state itself", kind=problem.kind) from None


def chunk_map(chunk: Chunk) -> Map:
    """A queued chunk as data, without the sender that waits for it."""
    seq, data, time, offset, extra = chunk
    entries: dict[Any, Any] = {Keyword("seq"): seq, Keyword("data"): data, Keyword("time"): time}
    if offset is not None:
        entries[Keyword("offset")] = offset
    if extra is not None:
        entries[Keyword("metadata")] = None if extra.metadata is None else Map.of(extra.metadata.items())
        entries[Keyword("attempt")] = extra.attempt
        entries[Keyword("directive")] = extra.directive
        entries[Keyword("bare")] = extra.bare
    return Map.holding(entries)


def read_chunk(saved: Map) -> Chunk:
    """The chunk of such a map."""
    seq, data, time, offset = (saved.get(Keyword(name)) for name in ("seq", "data", "time", "offset"))
    if Keyword("attempt") not in saved:
        return (seq, data, time, offset, None)
    metadata = saved.get(Keyword("metadata"))
    extra = Extra(
        None if metadata is None else dict(metadata.entries()),
        saved.get(Keyword("attempt")),
        saved.get(Keyword("directive")),
        saved.get(Keyword("bare")),
    )
    return (seq, data, time, offset, extra)


class Damaged(Exception):
    """A stored snapshot cannot be used: why, in words."""


_SHAPE = {
    **dict.fromkeys(
        ("epoch", "number", "seq", "output-seq", "time", "transitions", "created-at", "state-version"), int
    ),
    **dict.fromkeys(("stats", "pending", "config", "processor"), Map),
    "stream-id": str,
    "status": Keyword,
}


def load(body: str, stored_checksum: str, parts: Mapping[int, str] = {}) -> Snapshot:
    """The snapshot of a stored text and those of its partitions. Damaged when bytes changed; S033 when a newer rtfs
    wrote it."""
    saved = _read(body, stored_checksum)
    if type(saved) is not Map or type(saved.get(K["schema"])) is not int or saved.get(K["schema"]) < 1:
        raise Damaged("not a snapshot")
    if saved.get(K["schema"]) > SCHEMA:
        raise fault(33, e=f"its format {saved.get(K['schema'])} is newer than {SCHEMA}, the newest this rtfs knows")
    for upgrade in UPGRADES[saved.get(K["schema"]) - 1 :]:
        saved = upgrade(saved)
    for name, kind in _SHAPE.items():
        if type(saved.get(K[name])) is not kind:
            raise Damaged(f"its :{name} is {shown(saved.get(K[name]))}")
    try:
        return _restore(saved, {number: _read(parts.get(number, ""), sum) for number, sum in _partitions(saved)})
    except (AttributeError, IndexError, TypeError) as problem:  # a checksum is no signature: anybody may have made it
        raise Damaged(f"not the shape of a snapshot: {problem}") from None


def _read(body: str, stored_checksum: str) -> Any:
    if checksum(body) != stored_checksum:
        raise Damaged("checksum does not match")
    try:
        return decode(body)
    except (Unreadable, ValueError) as problem:
        raise Damaged(str(problem)) from None


def _partitions(saved: Map) -> list[tuple[int, str]]:
    found: Map = saved.get(K["partitions"], EMPTY_MAP)
    return found.entries()


def _restore(saved: Map, parts: Mapping[int, Map]) -> Snapshot:
    snapshot = Snapshot()
    for name in ("stream-id", "epoch", "number", "status", "error", "reason", "state", "position", "memory", "seq",
                 "output-seq", "time", "watermark", "stats", "transitions", "created-at", "sink"):  # fmt: skip
        setattr(snapshot, name.replace("-", "_"), saved.get(K[name]))
    ways = tuple(Way(*way) for way in saved.get(K["keyed"], ()))
    if ways:
        found = {number: part.get(K["part"]) for number, part in ((0, saved), *parts.items())}
        snapshot.state = joined(snapshot.state, ways, {number: part for number, part in found.items() if len(part)})
    snapshot.pending = saved.get(K["pending"])
    snapshot.queue = [read_chunk(entry) for entry in saved.get(K["queue"])]
    config, processor = saved.get(K["config"]), saved.get(K["processor"])
    captures = processor.get(K["captures"])
    identity = FunctionIdentity(
        processor.get(K["name"]),
        processor.get(K["module"]),
        processor.get(K["source"]),
        processor.get(K["hash"]),
        {} if captures is None else dict(captures.entries()),
    )
    snapshot.fixed = Fixed(
        saved.get(K["initial-state"]),
        saved.get(K["state-version"]),
        config.get(K["given"]),
        identity,
        saved.get(K["started-at"]),
        ways,
    )
    snapshot.fixed.change(config.get(K["changed"]))
    return snapshot
