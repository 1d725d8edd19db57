"""The maps that show a stream: handle, status, short and full inspection (streaming.md §3.1, §9.1)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.host.stream import credential
from rtfs.host.stream.circuit import HELD
from rtfs.host.stream.queue import size_of
from rtfs.lang.collections import List, Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.printer import show_brief
from rtfs.lang.regex import compile_regex
from rtfs.lang.values import is_vector, type_name

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

MAX_CHARS = 4_000
MEASURED = 64  # queued chunks whose size is looked at: inspecting must not hold up the loop


def keyed(**pairs: Any) -> Map:
    """A map with keyword keys; `_` in a name is `-` in the key."""
    return Map.of([(Keyword(name.replace("_", "-")), value) for name, value in pairs.items()])


def handle(owner: Owner) -> Map:
    """What `start` and `resume` answer."""
    source = owner.source
    pairs = keyed(
        stream_id=owner.id,
        kind=Keyword(owner.kind),
        endpoint=endpoint(owner),
        adapter=Keyword(owner.adapter),
        status=owner.status,
        transport=_transport_state(owner),
        guarantee=Keyword("at-most-once" if source is None else source.guarantee),
        epoch=owner.epoch,
        started_at=owner.started_at,
    )
    return pairs.assoc(Keyword("resumed"), True) if owner.resumed else pairs


def endpoint(owner: Owner) -> str:
    """The endpoint without credentials."""
    text: str = owner.settings["endpoint"]
    return credential.shown(text) if "://" in text else text


def _transport_state(owner: Owner) -> Keyword:
    return Keyword("closed" if owner.source is None else owner.source.state)


def status(owner: Owner) -> Map:
    """`:mcp.stream.status`."""
    return keyed(
        stream_id=owner.id,
        status=owner.status,
        transport=_transport_state(owner),
        intake=_intake(owner),
        error=owner.error,
        queue_depth=owner.queue.depth,
        seq=owner.intake.seq,
        output_seq=owner.outputs.next,
    )


def short(owner: Owner) -> Map:
    """One entry of `:mcp.stream.list`."""
    return keyed(
        stream_id=owner.id,
        kind=Keyword(owner.kind),
        name=owner.settings["name"],
        endpoint=endpoint(owner),
        status=owner.status,
        started_at=owner.started_at,
        queue_depth=owner.queue.depth,
        processed=owner.stats.processed,
        outputs=owner.outputs.next,
    )


def _intake(owner: Owner) -> Keyword:
    return Keyword("shut" if owner.queue.shut else "open")


def full(owner: Owner, items: int = 10, redact: tuple[str, ...] = (), max_chars: int = MAX_CHARS) -> Map:
    """`:mcp.stream.inspect` with the exact keys of §9.1. Never waits, never changes anything."""
    settings, now = owner.settings, owner.services.clock.now_ms()
    clean = _cleaner(redact, max_chars)
    in_rate, out_rate = owner.rate.per_second(now, owner.intake.seq, owner.outputs.next)
    return keyed(
        stream_id=owner.id,
        kind=Keyword(owner.kind),
        name=settings["name"],
        endpoint=endpoint(owner),
        adapter=Keyword(owner.adapter),
        era=None if owner.source is None else owner.source.era,
        guarantee=Keyword("at-most-once" if owner.source is None else owner.source.guarantee),
        status=owner.status,
        error=owner.error,
        reason=owner.reason,
        transitions=owner.transitions,
        transport=_transport(owner),
        queue=_queue(owner, items, now, clean),
        stats=owner.stats.as_map(owner.intake.seq),
        latency=owner.latency.as_map(),
        rates=keyed(in_per_s=in_rate, out_per_s=out_rate),
        outputs=_outputs(owner),
        checkpoint=_checkpoint(owner, now),
        position=owner.position,
        seq=owner.intake.seq,
        output_seq=owner.outputs.next,
        watermark=owner.watermark,
        state=clean(owner.shown_state),
        initial_state=clean(owner.fixed.initial_state),
        processor=_processor(owner),
        graph=None,  # a run of one adds it
        started_at=owner.started_at,
        last_chunk_at=owner.last_chunk_at,
        observed_at=now,
        duration_ms=now - owner.started_at,
        blocked_on=blocked_on(owner),
    )


def _transport(owner: Owner) -> Map:
    source = owner.source
    return keyed(
        state=_transport_state(owner),
        intake=_intake(owner),
        attempt=owner.intake.attempt,
        reconnects=0 if source is None else source.reconnects,
        connected_at=None if source is None else source.connected_at,
        last_frame_at=owner.intake.last_frame_at,
        malformed_frames=owner.stats.malformed_frames,
        last_error=None if source is None else source.last_error,
        progress_token=None if source is None else source.progress_token,
        auto_connect=source is not None,
        server_url=None if source is None else source.shown_url,
    )


def _queue(owner: Owner, items: int, now: int, clean: Any) -> Map:
    queue = owner.queue
    waiting = tuple(queue.items)  # while long values are shown other tasks run, and the queue moves on
    listed = [
        keyed(seq=chunk[0], chunk=clean(chunk[1]), waiting_ms=now - chunk[2]) for chunk in waiting[: max(0, items)]
    ]
    return keyed(
        depth=queue.depth,
        bytes=_bytes(waiting) + (0 if queue.spill is None else queue.spill.bytes),
        capacity=queue.capacity,
        high=queue.high,
        low=queue.low,
        overflow=owner.settings["overflow"],
        oldest_ms=now - waiting[0][2] if waiting else None,
        items=vector(listed),
    )


def brief(value: Any, width: int) -> str:
    """A value as people read it, cut after `width` characters, which bounds the work as well."""
    if type_name(value) == "object":
        return repr(value)[: width + 1]
    return show_brief(value, width)


def _bytes(items: Collection[Any]) -> int:
    """The size of queued chunks as text; of many, what the first ones let expect."""
    measured = [size_of(chunk[1]) for chunk, _ in zip(items, range(MEASURED), strict=False)]
    return sum(measured) * len(items) // len(measured) if measured else 0


def _outputs(owner: Owner) -> Map:
    outputs = owner.outputs
    readers = [
        keyed(id=reader.id, after=reader.cursor - 1, lag=outputs.next - reader.wants)
        for reader in outputs.readers.values()
    ]
    return keyed(
        mode=Keyword(outputs.mode),
        next=outputs.next,
        oldest=outputs.start,
        pending=outputs.pending,
        readers=vector(readers),
    )


def _checkpoint(owner: Owner, now: int) -> Map:
    saved = owner.checkpoints
    return keyed(
        store=saved.committer.store.url,
        number=saved.number,
        epoch=owner.epoch,
        at=saved.at,
        age_ms=None if saved.at is None else now - saved.at,
        every_chunks=saved.cadence.every_chunks,
        every_ms=saved.cadence.every_ms,
        last_duration_ms=round(saved.last_duration_ms, 3),
        survives=getattr(saved.committer.store, "guarantee", None),
        error=saved.error,
    )


def _processor(owner: Owner) -> Map:
    processor = owner.processor
    return keyed(
        name=processor.name,
        hash=processor.identity.digest,
        arity=processor.arity,
        control=vector([Keyword(name) for name in sorted(owner.settings["control"])]),
        stages=_stages(owner),
    )


def _stages(owner: Owner) -> Any:
    """The stages of a chain. What passes between two of them is not counted: it never leaves their one function."""
    line = owner.processor.line
    if line is None:
        return vector([])
    first, last = next((at for at, stage in enumerate(line.stages) if stage.op), 0), len(line.stages) - 1
    shown = [
        keyed(
            op=Keyword(stage.op),
            name=stage.name,
            **{"in": owner.stats.processed + owner.stats.failed if at == first else None},
            out=owner.outputs.next if at == last else None,
            failed=owner.stats.failed_in.get(at, 0),
            busy_ms=None,
        )
        for at, stage in enumerate(line.stages)
        if stage.op
    ]
    return vector(shown)


def blocked_on(owner: Owner) -> Map | None:
    """Why a stream with work to do does not do it."""
    if owner.store_is_broken:
        return keyed(what=Keyword("checkpoint"), id=owner.checkpoints.committer.store.url)
    if owner.outputs.uncommitted_full:
        return keyed(what=Keyword("checkpoint"), id=owner.checkpoints.committer.store.url)
    if owner.id in owner.services.slots:
        return keyed(what=Keyword("slot"), id=owner.services.slots[owner.id])
    if owner.outputs.next >= owner.outputs.limit:
        if owner.sink is not None:
            return keyed(what=Keyword("sink"), id=owner.sink.outlet.name)
        slowest = min(owner.outputs.readers.values(), key=lambda reader: reader.cursor, default=None)
        return keyed(what=Keyword("reader"), id=None if slowest is None else slowest.id)
    if HELD in owner.held and owner.guard is not None:
        return keyed(what=Keyword(HELD), id=owner.guard.circuit.name)
    if owner.source is not None and owner.source.adapter.waits is not None:
        what, id = owner.source.adapter.waits
        return keyed(what=Keyword(what), id=id)
    return None


def _cleaner(patterns: tuple[str, ...], max_chars: int) -> Any:
    """Redact what hides under keys that match a pattern, and cut what prints too long."""
    compiled = [compile_regex(pattern) for pattern in patterns]

    def clean(value: Any) -> Any:
        hidden = _redacted(value, compiled) if compiled else value
        printed = brief(hidden, max_chars)
        return f"{printed[: max_chars - 1]}…" if len(printed) > max_chars else hidden

    return clean


def _redacted(value: Any, patterns: list[Any], depth: int = 0) -> Any:
    if depth > 100:
        return "…"
    if type(value) is Map:
        return Map.of(
            (key, "[redacted]" if _hidden(key, patterns) else _redacted(item, patterns, depth + 1))
            for key, item in value.entries()
        )
    if is_vector(value):
        return vector([_redacted(item, patterns, depth + 1) for item in value])
    if type(value) is List:
        return List([_redacted(item, patterns, depth + 1) for item in value])
    return value


def _hidden(key: Any, patterns: list[Any]) -> bool:
    name = key.name if type(key) is Keyword else key
    return type(name) is str and any(pattern.search(name) for pattern in patterns)


class Progress(NamedTuple):
    """One stream for a live line. rate: chunks in per second; checkpoint_age_ms: None without a durable snapshot."""

    name: str
    id: str
    received: int
    outputs: int
    rate: float
    depth: int
    capacity: int
    status: str
    transport: str
    checkpoint_age_ms: int | None


def progress(owner: Owner, now: int) -> Progress:
    """The figures of a stream."""
    saved = owner.checkpoints.at if owner.checkpoints.committer.store.durable else None
    return Progress(
        owner.settings["name"] or owner.settings["endpoint"],
        owner.id,
        owner.intake.seq,
        owner.outputs.next,
        owner.rate.per_second(now, owner.intake.seq, owner.outputs.next)[0],
        owner.queue.depth,
        owner.queue.capacity,
        owner.status.name,
        "closed" if owner.source is None else owner.source.state,
        None if saved is None else now - saved,
    )
