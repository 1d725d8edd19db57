"""`:stream.http.bulk-post`: outputs posted to a web service, some at a time (streaming.md §6.3)."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import web
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import to_json
from rtfs.host.stream.credential import masked
from rtfs.host.stream.guard import Need
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.operators import Around
from rtfs.host.stream.options import Option, integer, one_of, read
from rtfs.host.stream.outputs import Output
from rtfs.host.stream.refusal import seconds
from rtfs.host.stream.retry import LONGEST_WISH_MS, TRANSIENT, Attempts, Lost
from rtfs.host.stream.settings import Retry
from rtfs.host.stream.sinks import Outlet, Refused, SinkKind
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.operator import parameter_table

if TYPE_CHECKING:
    import httpx2

NAME = "http.bulk-post"
ANSWER = 65_536  # bytes of an answer that are kept
SECONDS = 30.0
_POLICY = {
    "max-attempts": Option(integer(1), 3),
    "backoff": Option(one_of("exponential", "constant", "linear"), Keyword("exponential")),
    "base-ms": Option(integer(0), 250),
    "cap-ms": Option(integer(0), 30_000),
}
_TYPES = {"json-array": "application/json", "json-lines": "application/x-ndjson"}
_OWN = frozenset({"content-type", "content-length", "host", "transfer-encoding", "connection", "idempotency-key"})


class Paced(Attempts):
    """Attempts whose waits grow as `:backoff` says, each up to half as long again, so that not all come at once."""

    def __init__(self, policy: Retry, backoff: str, chance: random.Random) -> None:
        super().__init__(policy, chance)
        self._backoff = backoff
        self._luck = chance

    def wait_ms(self, loss: Lost) -> float | None:
        self.failures += 1
        if self.failures >= self.policy.max_attempts:
            return None
        factor: int = {"exponential": 2 ** (self.failures - 1), "linear": self.failures, "constant": 1}[self._backoff]
        wait: float = min(self.policy.cap_ms, self.policy.base_ms * factor) * self._luck.uniform(1, 1.5)
        asked = 0.0 if loss.retry_after is None else min(loss.retry_after * 1000, LONGEST_WISH_MS)
        return max(wait, asked)


class BulkPost(Outlet):
    """Each batch has the key `STREAM/FIRST-LAST`, the same in every attempt, so that a service can know a repeat."""

    name = NAME
    skips = True
    each = "on-success"

    def __init__(self, params: Map, around: Around, stream_id: str) -> None:
        super().__init__(params, around, stream_id)
        self._url = web.address(self.param("url"), "http", "https")
        self.size, self.wait_ms = self.param("batch-size"), float(self.param("max-wait-ms"))
        self.concurrency = self.param("concurrency")
        self._format: str = self.param("format").name
        self._headers = _headers(self.param("headers") or EMPTY_MAP)
        given = read(self.param("retry-policy") or EMPTY_MAP, _POLICY, "the :retry-policy")
        policy = {key: given.get(key, option.default) for key, option in _POLICY.items()}
        self._retry = Retry(policy["max-attempts"], policy["base-ms"], policy["cap-ms"], 0)
        self._backoff: str = policy["backoff"].name
        self._client: httpx2.AsyncClient | None = None

    def attempts(self, default: Retry) -> Attempts:
        return Paced(self._retry, self._backoff, self.around.services.random)

    async def open(self, memory: Any, *, resumed: bool) -> None:
        import httpx2

        self._client = httpx2.AsyncClient(timeout=SECONDS, verify=web.security())

    async def give(self, batch: Sequence[Output]) -> tuple[Any, ...]:
        import httpx2

        assert self._client is not None
        headers = {
            **self._headers,
            "content-type": _TYPES[self._format],
            "idempotency-key": f"{self.stream_id}/{batch[0].output_seq}-{batch[-1].output_seq}",
        }
        try:
            async with self._client.stream("POST", self._url, content=self._body(batch), headers=headers) as response:
                text = await _text(response)
        except (httpx2.TransportError, OSError) as error:
            raise Lost(masked(str(error)) or type(error).__name__) from error
        status = response.status_code
        if status in TRANSIENT or status >= 500:
            wish = seconds(response.headers.get("retry-after"))
            raise Lost(f"HTTP status {status}", retry_after=wish, status=status)
        if not 200 <= status < 300:
            raise Refused(f"HTTP status {status}", data={"status": status, "body": text[:1000]})
        answer = keyed(status=status, body=text, content_type=response.headers.get("content-type"))
        return answer, vector([output.value for output in batch])

    def _body(self, batch: Sequence[Output]) -> bytes:
        values = [to_json(output.value) for output in batch]
        try:
            if self._format == "json-array":
                return json.dumps(values, ensure_ascii=False, allow_nan=False).encode()
            return "".join(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n" for value in values).encode()
        except ValueError as problem:
            raise Refused(f"an item has no JSON: {problem}") from None

    async def complete(self, count: int) -> Map:
        await self._close()
        return keyed(url=masked(self._url), items=count)

    async def end(self, fate: str) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


async def _text(response: httpx2.Response) -> str:
    """The answer, or the beginning of it."""
    content = b""
    async for part in response.aiter_bytes():
        content += part
        if len(content) > ANSWER:
            break
    return content[:ANSWER].decode("utf-8", "replace")


def _headers(given: Map) -> dict[str, str]:
    """The headers that a program adds. S029 for what is none, or is not the program's to set."""
    found: dict[str, str] = {}
    for key, value in given.entries():
        name = (key.name if type(key) is Keyword else str(key)).lower()
        plain = type(value) is str and value.isprintable() and value.isascii()
        if not name.replace("-", "").isalnum() or not name.isascii() or name in _OWN or not plain:
            raise fault(29, why=f"header {name[:80]} cannot be set so")
        found[name] = value
    return found


def _needs(params: Map) -> tuple[Need, ...]:
    return (Need.of("net", params.get(Keyword("url")), verb="POST"),)


SINK = SinkKind(
    table=parameter_table(
        NAME,
        main="url",
        params={
            "url": {"kind": "string", "required": True, "text": "where batches are posted to"},
            "data-stream": {"kind": "any", "required": True, "text": "the stream or collection that is posted"},
            "batch-size": {"kind": "int", "min": 1, "default": 100, "text": "items of a batch"},
            "max-wait-ms": {"kind": "int", "min": 0, "default": 1000, "text": "how long an item waits for others"},
            "concurrency": {"kind": "int", "min": 1, "default": 1, "text": "requests that are under way at once"},
            "format": {
                "kind": "keyword", "one-of": list(_TYPES), "default": Keyword("json-array"), "text": "of the body",
            },
            "headers": {"kind": "map", "text": "further headers, which may be secret"},
            "retry-policy": {
                "kind": "map", "text": "`{:max-attempts 3 :backoff :exponential :base-ms 250 :cap-ms 30000}`",
            },
        },
        slots={
            "on-success": ["response", "batch"], "on-complete": ["summary"], "on-error": ["error", "batch"],
        },
    ),
    stream="data-stream",
    open=BulkPost,
    effects=(":network",),
    guarantee="at-least-once",
    doc="Posts a stream to a web service, in batches.",
    examples=(
        ('(try (call :stream.http.bulk-post "ftp://host/" {:data-stream [1]}) (catch e (:code e)))', '"RTFS-S003"'),
    ),
    needs=_needs,
)  # fmt: skip
