"""Traces of streams, seen by the exporter of the OpenTelemetry SDK (streaming.md §9.4)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp.server.lowlevel import Server
from mcp_types import CallToolResult, ListToolsResult, ReadResourceResult, TextContent, TextResourceContents, Tool
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from rtfs.host.clock import Clock
from rtfs.host.stream.adapters.memory import ABORT, Topic
from rtfs.host.stream.registry import StreamRegistry
from rtfs.host.stream.slot import Slot
from rtfs.host.stream.tracing import Tracer
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword as K

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    return m(state=chunk, output=chunk)


class Traced:
    """A provider with everything that it was told."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]


@pytest.fixture
def traced(registry: StreamRegistry) -> Traced:
    traced = Traced()
    registry.instrument(Tracer(traced.provider))
    return traced


async def test_a_stream_is_a_span_from_its_start_to_its_end(registry: StreamRegistry, traced: Traced) -> None:
    stream = await registry.start("gauge", keep, 0, stream_id="s", name="hall")
    await stream.send(1, ack="processed")
    assert traced.spans("rtfs.stream") == []
    await stream.cancel()
    await stream.owner.task  # type: ignore[misc]
    (span,) = traced.spans("rtfs.stream")
    assert dict(span.attributes or {}) == {
        "rtfs.stream.id": "s", "rtfs.stream.adapter": "none", "rtfs.stream.epoch": 1, "rtfs.stream.name": "hall",
        "rtfs.stream.status": "cancelled", "rtfs.stream.processed": 1,
    }  # fmt: skip
    assert span.parent is None


async def test_who_started_a_stream_is_a_link_and_no_parent(registry: StreamRegistry, traced: Traced) -> None:
    with traced.provider.get_tracer("t").start_as_current_span("request") as request:
        stream = await registry.start("gauge", keep, 0)
    await stream.cancel()
    await stream.owner.task  # type: ignore[misc]
    (span,) = traced.spans("rtfs.stream")
    assert span.parent is None
    assert [link.context.span_id for link in span.links] == [request.get_span_context().span_id]


async def test_a_turn_with_chunks_is_one_span_whatever_their_number(registry: StreamRegistry, traced: Traced) -> None:
    stream = await registry.start("gauge", keep, 0, queue_capacity=100)
    await stream.pause()
    for chunk in range(50):
        await stream.send(chunk)
    await stream.resume(drained=True)
    batches = traced.spans("rtfs.stream.batch")
    seen = [dict(batch.attributes or {}) for batch in batches]
    assert sum(int(batch["rtfs.stream.count"]) for batch in seen) == 50  # type: ignore[call-overload]
    assert (seen[0]["rtfs.stream.first_seq"], seen[-1]["rtfs.stream.last_seq"]) == (0, 49)
    assert (seen[-1]["rtfs.stream.queue_depth"], sum(batch["rtfs.stream.outputs"] for batch in seen)) == (0, 50)  # type: ignore[misc]
    await stream.cancel()
    await stream.owner.task  # type: ignore[misc]
    (whole,) = traced.spans("rtfs.stream")
    assert {batch.parent.span_id for batch in batches if batch.parent} == {whole.context.span_id}


async def test_the_context_that_a_transport_brings_becomes_a_link(registry: StreamRegistry, traced: Traced) -> None:
    stream = await registry.start("gauge", keep, 0)
    headers = Map.of([("traceparent", f"00-{TRACE}-{SPAN}-01")])
    await stream.send(1, m(headers=headers), ack="processed")
    for nonsense in ("00-zz", 5, "", f"00-{'0' * 32}-{'0' * 16}-01"):
        await stream.send(1, m(headers=Map.of([("traceparent", nonsense)])), ack="processed")
    batches = traced.spans("rtfs.stream.batch")
    assert [[f"{link.context.span_id:016x}" for link in batch.links] for batch in batches] == [[SPAN], [], [], [], []]


@pytest.mark.parametrize(
    "options",
    [
        {"tool": "t"},
        {"tool": "t", "adapter": K("poll"), "interval_ms": 20},
        {"resource": "test://r", "adapter": K("resource"), "interval_ms": 20},
    ],
    ids=["result of a tool", "poll", "resource"],
)
async def test_the_context_in_the_meta_of_an_mcp_answer_becomes_a_link(ground: Any, options: dict[str, Any]) -> None:
    meta = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "a=b", "other": 1}
    text = TextContent(type="text", text='{"n": 1}')

    async def call(ctx: Any, params: Any) -> CallToolResult:
        return CallToolResult(content=[text], _meta=meta)

    async def read(ctx: Any, params: Any) -> ReadResourceResult:
        return ReadResourceResult(contents=[TextResourceContents(uri=params.uri, text="{}")], _meta=meta)

    async def tools(ctx: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(tools=[Tool(name="t", input_schema={"type": "object"})])

    registry, traced, headers = ground.registry(clock=Clock()), Traced(), []
    registry.instrument(Tracer(traced.provider))
    registry.servers["s"] = Server("s", on_call_tool=call, on_read_resource=read, on_list_tools=tools)

    def seen(state: Any, chunk: Any, metadata: Map) -> Map:
        headers.append(metadata[K("headers")])
        return m(state=chunk)

    stream = await registry.start("memory:s", processor=seen, max_chunks=1, **options)
    await asyncio.wait_for(stream.result(), 30)
    assert headers == [Map.of([("traceparent", meta["traceparent"]), ("tracestate", "a=b")])]
    (batch,) = traced.spans("rtfs.stream.batch")
    assert [f"{link.context.span_id:016x}" for link in batch.links] == [SPAN]


async def test_a_failing_stream_has_a_span_in_error(registry: StreamRegistry, traced: Traced) -> None:
    stream = await registry.start("gauge", lambda s, c: 42, 0)
    await stream.send(1)
    await stream.owner.task  # type: ignore[misc]
    (span,) = traced.spans("rtfs.stream")
    assert span.status.status_code.name == "ERROR"
    assert (span.status.description or "").startswith("RTFS-S011 Processor '")
    assert len(traced.spans("rtfs.stream.batch")) == 1


async def test_snapshots_of_a_durable_stream_are_spans(ground: Any, tmp_path: Path) -> None:
    registry, traced = ground.registry(tmp_path), Traced()
    registry.instrument(Tracer(traced.provider))
    stream = await registry.start("gauge", keep, 0)
    await stream.checkpoint()
    assert [dict(span.attributes or {}) for span in traced.spans("rtfs.stream.checkpoint")] == [
        {"rtfs.stream.checkpoint": 1}, {"rtfs.stream.checkpoint": 2},
    ]  # fmt: skip


async def test_each_opening_of_a_connection_is_a_span(ground: Any) -> None:
    registry, traced = ground.registry(), Traced()
    registry.instrument(Tracer(traced.provider))
    registry.topics["n"] = Topic([1, ABORT, 2])
    stream = await registry.start("memory:n", keep, 0)
    await ground.happened("retrying")
    await ground.clock.advance(10)
    await ground.until(stream, lambda: stream.owner.terminal)
    attempts = [dict(span.attributes or {})["rtfs.stream.attempt"] for span in traced.spans("rtfs.stream.connect")]
    assert attempts == [1, 2]


async def test_the_host_calls_of_an_effect_slot_are_below_its_span(registry: StreamRegistry, traced: Traced) -> None:
    stream = await registry.start("gauge", keep, 0, stream_id="s")
    tracer = traced.provider.get_tracer("t")

    async def callback(item: Any) -> None:
        assert stream.inspect()[K("blocked-on")] == m(what=K("slot"), id="on-item")
        with tracer.start_as_current_span("http"):
            pass

    await Slot("on-item", callback, registry.services)("s", 7, 1)
    (slot,), (call,) = traced.spans("rtfs.stream.slot"), traced.spans("http")
    assert call.parent is not None and call.parent.span_id == slot.context.span_id
    assert dict(slot.attributes or {}) == {
        "rtfs.stream.id": "s", "rtfs.stream.seq": 7, "rtfs.stream.slot": "on-item",
    }  # fmt: skip
    assert stream.inspect()[K("blocked-on")] is None


def test_a_provider_that_was_set_up_before_is_used_and_nothing_is_imported_without_one() -> None:
    text = """
import sys
if "otel" in sys.argv:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    trace.set_tracer_provider(TracerProvider())
from rtfs import Session, RuntimeContext
session = Session(context=RuntimeContext.full())
session.run('(call :mcp.stream.start {:endpoint "r" :stream-id "s"})')
print(session.host.streams.services.instruments is not None, "opentelemetry" in sys.modules)
session.shutdown()
"""
    for words, expected in (([], "False False\n"), (["otel"], "True True\n")):
        done = subprocess.run([sys.executable, "-c", text, *words], capture_output=True, text=True, timeout=60)
        assert (done.stdout, done.stderr) == (expected, "")
