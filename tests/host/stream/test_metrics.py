"""Metrics of streams for Prometheus (streaming.md §9.3)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from rtfs.host.stream.exposition import Endpoint, parse_address
from rtfs.host.stream.meter import METRICS, PREFIX, measured
from rtfs.host.stream.registry import StreamRegistry
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    if chunk == "bad":
        raise ValueError("bad")
    if chunk == "pause":
        return m(action=K("pause"))
    return m(state=chunk, output=chunk)


@pytest_asyncio.fixture
async def endpoint(registry: StreamRegistry) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(registry)
    yield endpoint
    await endpoint.aclose()


async def fetch(endpoint: Endpoint, request: bytes = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n") -> tuple[str, str]:
    """Status line and body."""
    reader, writer = await asyncio.open_connection(*endpoint.address)
    writer.write(request)
    answer = (await asyncio.wait_for(reader.read(), 20)).decode()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    return head.partition("\r\n")[0], body


async def scraped(endpoint: Endpoint) -> dict[tuple[str, ...], float]:
    """Every sample: (name without prefix, label values except the stream's …) → value."""
    status, body = await fetch(endpoint)
    assert status == "HTTP/1.1 200 OK"
    found = {}
    for family in text_string_to_metric_families(body):
        for sample in family.samples:
            assert sample.name.startswith(PREFIX)
            labels = {key: value for key, value in sample.labels.items() if key not in ("stream", "le")}
            key = (sample.name.removeprefix(PREFIX), sample.labels["stream"], *labels.values())
            if sample.labels.get("le", "+Inf") == "+Inf":
                found[key] = sample.value
    return found


async def test_every_metric_of_the_specification_is_offered_under_its_name(
    registry: StreamRegistry, endpoint: Endpoint
) -> None:
    _, body = await fetch(endpoint)
    names = {line.split(" ")[2] for line in body.splitlines() if line.startswith("# TYPE ")}
    assert names == {PREFIX + name for name in METRICS}
    assert sorted(METRICS) == sorted(
        ["chunks_received_total", "chunks_processed_total", "chunks_failed_total", "chunks_dropped_total",
         "outputs_total", "outputs_pending", "dead_letters_total", "retries_total", "reconnects_total",
         "intake_shut_seconds_total", "breaker_state", "queue_depth", "queue_capacity", "queue_wait_seconds",
         "step_seconds", "end_to_end_seconds", "watermark_lag_seconds", "checkpoint_seconds",
         "checkpoint_age_seconds", "checkpoint_failures_total", "active", "spill_bytes"]
    )  # fmt: skip


async def test_counters_are_exact_and_labelled_by_name_action_code_and_policy(
    registry: StreamRegistry, endpoint: Endpoint
) -> None:
    policy = m(retry=1, then=K("skip"))
    stream = await registry.start("gauge", keep, 0, name="hall", on_error=policy, queue_capacity=2,
                                  overflow=K("drop-oldest"))  # fmt: skip
    for chunk in (1, 2, "bad", 3, "pause"):
        await stream.send(chunk, ack="processed")
    for chunk in range(4):
        await stream.send(chunk)
    found = await scraped(endpoint)
    assert found["chunks_received_total", "hall"] == 9
    assert found["chunks_processed_total", "hall", "continue"] == 3
    assert found["chunks_processed_total", "hall", "pause"] == 1
    assert found["chunks_failed_total", "hall", "RTFS-S010"] == 1
    assert found["chunks_dropped_total", "hall", "drop-oldest"] == 2
    assert (found["outputs_total", "hall"], found["retries_total", "hall"]) == (3, 1)
    assert (found["queue_depth", "hall"], found["queue_capacity", "hall"]) == (2, 2)
    assert found["active", "hall", "paused"] == 1


async def test_histograms_count_each_step_once(ground: Any) -> None:
    registry = ground.registry()
    meter = measured(registry)
    assert measured(registry) is meter
    stream = await registry.start("gauge", keep, 0, queue_capacity=100)
    await stream.pause()
    for chunk in range(90):
        await stream.send(chunk)
    await ground.clock.advance(0.2)
    await stream.resume(drained=True)
    counted = {name: histogram.buckets()[-1][1] for (name, _), histogram in meter.histograms.items()}
    assert counted == {"queue_wait_seconds": 90, "step_seconds": 90, "end_to_end_seconds": 90}
    waits = dict(meter.histograms["queue_wait_seconds", ("mcp",)].buckets())
    assert (waits["0.1"], waits["0.5"]) == (0, 90)


async def test_counters_go_on_when_a_stream_is_forgotten(registry: StreamRegistry, endpoint: Endpoint) -> None:
    for _ in range(3):
        stream = await registry.start("gauge", keep, 0, name="hall")
        await stream.send(1, ack="processed")
        await stream.send("pause", ack="processed")
        await stream.cancel()
        registry.delete(stream.id)
    found = await scraped(endpoint)
    assert found["chunks_received_total", "hall"] == 6
    assert found["chunks_processed_total", "hall", "pause"] == 3
    assert ("active", "hall", "cancelled") not in found


async def test_streams_without_a_name_share_the_label_of_their_kind(
    registry: StreamRegistry, endpoint: Endpoint
) -> None:
    for n in range(5):
        stream = await registry.start(f"gauge-{n}", keep, 0)
        await stream.send(1, ack="processed")
    found = await scraped(endpoint)
    assert found["chunks_received_total", "mcp"] == 5
    assert found["active", "mcp", "active"] == 5


async def test_checkpoints_and_the_shut_gate_are_measured(ground: Any, tmp_path: Path) -> None:
    registry = ground.registry(tmp_path)
    meter = measured(registry)
    stream = await registry.start("gauge", keep, 0, queue_capacity=2, stream_id="s")
    await stream.pause()
    for chunk in range(2):
        await stream.send(chunk)
    await ground.clock.advance(3)
    values = meter.values()
    assert values["intake_shut_seconds_total"]["mcp",] == 3
    assert values["checkpoint_age_seconds"]["mcp",] == 3
    assert meter.histograms["checkpoint_seconds", ("mcp",)].buckets()[-1][1] == 2


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"),
        (b"HEAD /metrics HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK"),
        (b"GET /metrics?x=1 HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n", "HTTP/1.1 200 OK"),
        (b"\x16\x03\x01 nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", ""),
    ],
)
async def test_other_requests_are_refused(endpoint: Endpoint, request_: bytes, status: str) -> None:
    try:
        assert (await fetch(endpoint, request_))[0] == status
    except ConnectionResetError:
        assert status == ""


async def test_scrapers_that_say_nothing_are_few(registry: StreamRegistry, endpoint: Endpoint) -> None:
    silent = [await asyncio.open_connection(*endpoint.address) for _ in range(40)]
    closed = 0
    for reader, _ in silent[8:]:
        try:
            closed += await asyncio.wait_for(reader.read(1), 20) == b""
        except ConnectionResetError:
            closed += 1
    assert closed == 32
    for _, writer in silent:
        writer.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [("9464", ("127.0.0.1", 9464)), (":1", ("127.0.0.1", 1)), ("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:5", ("::1", 5))],
)
def test_an_address_without_host_is_loopback(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "x", "localhost:", "1.2.3.4:99999", "1.2.3.4:-1", "host:٣"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"an address looks like 127\.0\.0\.1:9464"):
        parse_address(text)


def test_without_the_extra_the_message_says_what_to_install() -> None:
    text = """
import asyncio, sys
sys.modules["prometheus_client"] = None
from rtfs import Session, RuntimeContext
from rtfs.host.stream.exposition import Endpoint
session = Session(context=RuntimeContext.full())
session.run('(call :mcp.stream.start {:endpoint "r" :stream-id "s"})')
async def main():
    try:
        Endpoint(session.host.streams)
    except Exception as error:
        print(error.code, error.message)
asyncio.run(main())
print(session.run('(:processed (:stats (call :mcp.stream.inspect "s")))'))
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert done.stdout == "RTFS-S007 metrics for Prometheus needs the extra rtfs[metrics]\n0\n", done.stderr
