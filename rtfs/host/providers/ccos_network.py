"""`ccos.network.*`: requests over HTTP, held to the hosts that the program was granted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.http import Answer

_BYTES = 10 * 1024 * 1024
_TIMEOUT_MS = 30_000
_POSITIVE = [":and", ":int", [":>", 0]]
_INPUT = {
    "url": ":string",
    "method?": ":any",
    "headers?": [":map-of", ":any", ":any"],
    "body?": ":string?",
    "timeout-ms?": _POSITIVE,
    "max-bytes?": _POSITIVE,
}
_OUTPUT = [":map", [":status", ":int"], [":headers", ":map"], [":body", ":string"]]


@provides(
    "ccos.network.http-fetch",
    input=_INPUT,
    output=_OUTPUT,
    effects=[":network"],
    grant=("net", "url"),
    examples=[('(:status (call :ccos.network.http-fetch "https://example.org/"))', "200")],
)
async def http_fetch(ctx: CallContext, url: str, method: Any = "GET", headers: Any = None, **options: Any) -> Map:
    """One HTTP request, redirects followed: `{:status :headers :body}`; header names in lower case, the body as text.

    Every host on the way must be granted. At most 30 seconds and 10 MiB unless given otherwise.
    """
    from rtfs.host.http import Fetch, Request

    request = Request(
        url=url,
        method=_text(method).upper(),
        headers=[(_text(name), _text(value)) for name, value in (headers or EMPTY_MAP).entries()],
        body=options.get("body"),
    )
    fetch = Fetch(ctx, limit=options.get("max_bytes", _BYTES), seconds=options.get("timeout_ms", _TIMEOUT_MS) / 1000)
    return _value(await fetch(request))


def _text(value: Any) -> str:
    if type(value) is Keyword:
        return value.name
    if type(value) is not str:
        raise ValueError("a method, header name or header value is a string or keyword")
    return value


def _value(answer: Answer) -> Map:
    headers = Map.of(list(answer.headers.items()))
    fields = (("status", answer.status), ("headers", headers), ("body", answer.body))
    return Map.of([(Keyword(name), value) for name, value in fields])
