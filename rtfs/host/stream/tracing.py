"""Traces of streams through the API of OpenTelemetry: whoever wants them sets a provider up (streaming.md §9.4)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.instrument import Instrument
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner

LINKS = 32  # of one batch at most
_HEADERS, _TRACEPARENT = Keyword("headers"), "traceparent"


def wanted() -> bool:
    """Did the program that embeds us, or `opentelemetry-instrument`, set a provider up? Asking imports nothing."""
    trace = sys.modules.get("opentelemetry.trace")
    return trace is not None and getattr(trace, "_TRACER_PROVIDER", None) is not None


class Tracer(Instrument):
    """Spans of streams: `rtfs.stream` from start to end, and below it batches, snapshots, connections and slots.

    provider: a TracerProvider; None: the one that was set up globally. S007 without the extra.
    """

    def __init__(self, provider: Any = None) -> None:
        try:
            from opentelemetry import trace
        except ImportError:
            raise fault(7, feature="tracing", extra="otel") from None
        self._trace = trace
        self._tracer = trace.get_tracer("rtfs", tracer_provider=provider)
        self._spans: dict[str, Any] = {}

    def began(self, owner: Owner) -> None:
        current = self._trace.get_current_span().get_span_context()
        links = [self._trace.Link(current)] if current.is_valid else []  # it lives longer than who started it
        attributes: dict[str, Any] = {
            "rtfs.stream.id": owner.id,
            "rtfs.stream.adapter": owner.adapter,
            "rtfs.stream.epoch": owner.epoch,
        }
        if owner.settings["name"]:
            attributes["rtfs.stream.name"] = owner.settings["name"]
        from opentelemetry.context import Context

        self._spans[owner.id] = self._tracer.start_span(
            "rtfs.stream", context=Context(), links=links, attributes=attributes, start_time=_now(owner)
        )

    def ended(self, owner: Owner) -> None:
        span = self._spans.pop(owner.id, None)
        if span is None:
            return
        span.set_attribute("rtfs.stream.status", owner.status.name)
        span.set_attribute("rtfs.stream.processed", owner.stats.processed)
        if owner.failure is not None:
            self._fail(span, f"{owner.failure.code} {owner.failure.message}")
        span.end(end_time=_now(owner))

    @contextmanager
    def turn(self, owner: Owner) -> Iterator[None]:
        """`rtfs.stream.batch`, when there is a chunk in it."""
        items, stats = owner.queue.items, owner.stats
        if not items:
            yield
            return
        first, started = items[0][0], _now(owner)
        contexts = [(chunk[0], found) for chunk in islice(items, 64) if (found := self._context_of(chunk)) is not None]
        before, outputs = stats.processed + stats.failed, owner.outputs.next
        yield
        count = stats.processed + stats.failed - before
        if count <= 0:
            return
        last = items[0][0] - 1 if items else owner.intake.seq - 1
        links = [self._trace.Link(context) for seq, context in contexts if seq <= last][:LINKS]
        attributes = {
            "rtfs.stream.first_seq": first,
            "rtfs.stream.last_seq": last,
            "rtfs.stream.count": count,
            "rtfs.stream.outputs": owner.outputs.next - outputs,
            "rtfs.stream.queue_depth": owner.queue.depth,
        }
        self._below(owner, "batch", started, attributes, links=links)

    def checkpoint(self, owner: Owner, took_ms: float, problem: str | None) -> None:
        attributes = {"rtfs.stream.checkpoint": owner.checkpoints.number}
        self._below(owner, "checkpoint", _now(owner) - int(took_ms * 1_000_000), attributes, problem)

    def connected(self, owner: Owner, took_ms: float, problem: str | None) -> None:
        attributes = {"rtfs.stream.attempt": owner.intake.attempt}
        self._below(owner, "connect", _now(owner) - int(took_ms * 1_000_000), attributes, problem)

    @contextmanager
    def slot(self, stream_id: str, seq: int, name: str) -> Iterator[None]:
        """`rtfs.stream.slot`, the current span while the slot makes its host calls."""
        attributes: dict[str, Any] = {"rtfs.stream.id": stream_id, "rtfs.stream.seq": seq, "rtfs.stream.slot": name}
        with self._tracer.start_as_current_span(
            "rtfs.stream.slot", context=self._parent(stream_id), attributes=attributes
        ):
            yield

    # ---- inside

    def _parent(self, stream_id: str) -> Any:
        span = self._spans.get(stream_id)
        return None if span is None else self._trace.set_span_in_context(span)

    def _below(
        self, owner: Owner, name: str, started: int, attributes: dict[str, Any], problem: str | None = None, **more: Any
    ) -> None:
        span = self._tracer.start_span(
            f"rtfs.stream.{name}",
            context=self._parent(owner.id),
            attributes=attributes,
            start_time=started,
            **more,
        )
        if problem is not None:
            self._fail(span, problem)
        span.end(end_time=_now(owner))

    def _fail(self, span: Any, problem: str) -> None:
        span.set_status(self._trace.StatusCode.ERROR, problem)

    def _context_of(self, chunk: Any) -> Any:
        """The span that a transport says a chunk comes from; None when it says nothing, or nonsense."""
        extra = chunk[4]
        headers = None if extra is None or extra.metadata is None else extra.metadata.get(_HEADERS)
        if type(headers) is not Map:
            return None
        found = headers.get(_TRACEPARENT, headers.get(Keyword(_TRACEPARENT)))
        if type(found) is not str:
            return None
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carried = TraceContextTextMapPropagator().extract({_TRACEPARENT: found})
        context = self._trace.get_current_span(carried).get_span_context()
        return context if context.is_valid and context.is_remote else None


def _now(owner: Owner) -> int:
    """Nanoseconds of the host's clock."""
    return owner.services.clock.now_micros() * 1000
