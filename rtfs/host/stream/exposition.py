"""Metrics for Prometheus: a collector for any registry of prometheus-client, and a small endpoint of our own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.meter import METRICS, PREFIX, Labels, Metric, measured

if TYPE_CHECKING:
    from rtfs.host.stream.registry import StreamRegistry

PATH = "/metrics"
LOOPBACK = "127.0.0.1"
SCRAPERS = 8  # at the same time
PATIENCE = 5.0  # seconds for a request, and for taking the answer
REQUEST_BYTES = 8_192


def collector(registry: StreamRegistry) -> Any:
    """What `prometheus_client.CollectorRegistry.register` takes. S007 without the extra."""
    try:
        from prometheus_client import metrics_core as core
    except ImportError:
        raise fault(7, feature="metrics for Prometheus", extra="metrics") from None
    meter = measured(registry)

    class Streams:
        """Asked for by each scrape, in the thread of the streams."""

        def collect(self) -> Iterator[Any]:
            values = meter.values()
            for name, metric in METRICS.items():
                labels = ["stream", *([] if metric.label is None else [metric.label])]
                yield samples(name, metric, labels, values)

    def samples(name: str, metric: Metric, labels: list[str], values: dict[str, dict[Labels, float]]) -> Any:
        if metric.kind == "histogram":
            histograms = core.HistogramMetricFamily(PREFIX + name, metric.help, labels=labels)
            for (known, given), histogram in meter.histograms.items():
                if known == name:
                    histograms.add_metric(given, histogram.buckets(), histogram.sum)
            return histograms
        kind = core.CounterMetricFamily if metric.kind == "counter" else core.GaugeMetricFamily
        family = kind(PREFIX + name, metric.help, labels=labels)
        for given, value in values[name].items():
            family.add_metric(given, value)
        return family

    return Streams()


class Endpoint:
    """`GET /metrics` at one address, in the loop of the streams, which runs; open until `aclose` or `close`.

    port: 0 takes a free one. OSError when the address cannot be had, S007 without the extra.
    """

    def __init__(self, registry: StreamRegistry, host: str = LOOPBACK, port: int = 0) -> None:
        streams = collector(registry)
        from prometheus_client import CollectorRegistry

        self._metrics = CollectorRegistry()
        self._metrics.register(streams)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self._server: asyncio.Server | None = None
        self._scrapers = 0
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._meet, sock=self._socket, limit=REQUEST_BYTES)

    async def aclose(self) -> None:
        """Listen no longer."""
        self.close()
        await asyncio.gather(self._task, return_exceptions=True)

    def close(self) -> None:
        """The same when the loop no longer runs."""
        self._task.cancel()
        if self._server is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._server.close()
        self._socket.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._scrapers += 1
        try:
            if self._scrapers <= SCRAPERS:
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
                writer.write(self._answer(head.decode("latin-1")))
                await asyncio.wait_for(writer.drain(), PATIENCE)
                writer.close()
                await asyncio.wait_for(writer.wait_closed(), PATIENCE)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass  # a scraper that breaks off, or sends what is no request, gets nothing
        finally:
            self._scrapers -= 1
            writer.transport.abort()

    def _answer(self, head: str) -> bytes:
        from prometheus_client.exposition import choose_encoder

        line, *fields = head.split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _response("400 Bad Request", "text/plain", b"no request\n")
        if words[0] not in ("GET", "HEAD"):
            return _response("405 Method Not Allowed", "text/plain", b"only GET\n", "Allow: GET, HEAD\r\n")
        if words[1].partition("?")[0] != PATH:
            return _response("404 Not Found", "text/plain", f"see {PATH}\n".encode())
        accepted = ",".join(field[7:].strip() for field in fields if field.lower().startswith("accept:"))
        encode, kind = choose_encoder(accepted)
        body = encode(self._metrics)
        return _response("200 OK", kind, b"" if words[0] == "HEAD" else body)


def _response(status: str, kind: str, body: bytes, more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    )
    return head.encode() + body


def parse_address(text: str) -> tuple[str, int]:
    """`9464`, `:9464`, `127.0.0.1:9464` or `[::1]:9464`: host and port. ValueError for anything else."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65_536):
        raise ValueError(f"an address looks like {LOOPBACK}:9464, got {text!r}")
    return host.strip("[]") or LOOPBACK, int(port)
