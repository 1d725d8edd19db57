"""How parameters are written into a request: the styles of OpenAPI (§4.8.12.4 of 3.1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

_RESERVED = ":/?#[]@!$&'()*+,;="
Encode = Callable[[Any], str]


def text(value: Any) -> str:
    """A plain JSON value as the text of a parameter."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encoded(value: Any, *, reserved: bool = False) -> str:
    """The same, percent-encoded; `reserved`: but for the reserved characters of URLs."""
    return quote(text(value), safe=_RESERVED if reserved else "")


def pairs(name: str, value: Any, style: str, explode: bool, encode: Encode) -> list[tuple[str, str]]:
    """Name and value of what stands in a query or among the cookies: styles form, spaceDelimited, pipeDelimited,
    deepObject.
    """
    key = encode(name)
    if isinstance(value, dict):
        if style == "deepObject":
            return [(f"{key}[{encode(inner)}]", encode(item)) for inner, item in value.items()]
        if explode:
            return [(encode(inner), encode(item)) for inner, item in value.items()]
        return [(key, ",".join(encode(part) for item in value.items() for part in item))]
    if isinstance(value, list):
        if explode:
            return [(key, encode(item)) for item in value]
        between = {"spaceDelimited": "%20", "pipeDelimited": "|"}.get(style, ",")
        return [(key, between.join(encode(item) for item in value))]
    return [(key, encode(value))]


def segment(name: str, value: Any, style: str, explode: bool, encode: Encode) -> str:
    """What stands in a path or a header: styles simple, label, matrix."""
    if style == "matrix":
        return _matrix(name, value, explode, encode)
    start, between = (".", "." if explode else ",") if style == "label" else ("", ",")
    if isinstance(value, dict):
        joined = "=" if explode else ","
        return start + between.join(f"{encode(key)}{joined}{encode(item)}" for key, item in value.items())
    if isinstance(value, list):
        return start + between.join(encode(item) for item in value)
    return start + encode(value)


def _matrix(name: str, value: Any, explode: bool, encode: Encode) -> str:
    if isinstance(value, dict) and explode:
        return "".join(f";{encode(key)}={encode(item)}" for key, item in value.items())
    if isinstance(value, dict):
        value = [part for item in value.items() for part in item]
        explode = False
    if isinstance(value, list) and explode:
        return "".join(f";{name}={encode(item)}" for item in value)
    return (
        f";{name}={','.join(encode(item) for item in value)}" if isinstance(value, list) else f";{name}={encode(value)}"
    )
