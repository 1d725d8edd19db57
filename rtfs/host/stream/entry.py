"""Server entries of a configuration, checked before anybody uses them (streaming.md §3.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.host.stream.catalogue import fault
from rtfs.lang.errors import StreamError

TYPES = ("stdio", "http", "streamable-http", "streamableHttp", "sse", "ws")
_SCHEMES = ("http://", "https://", "ws://", "wss://")


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, (str, int, float)) for word in value)


def _texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(item, (str, int, float)) for item in value.values())


_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "command": (_text, "text"),
    "args": (_words, "list of texts"),
    "env": (_texts, "map of texts"),
    "cwd": (_text, "text"),
    "url": (lambda value: isinstance(value, str) and value.startswith(_SCHEMES), "URL of http, https, ws or wss"),
    "type": (lambda value: value in TYPES, f"one of {' '.join(TYPES)}"),
    "transport": (lambda value: value in TYPES, f"one of {' '.join(TYPES)}"),
    "headers": (_texts, "map of texts"),
    "disabled": (lambda value: isinstance(value, bool), "true or false"),
    "timeout": (lambda value: type(value) in (int, float) and value > 0, "milliseconds > 0"),
}
_SECRET = ("env", "headers", "url", "args")  # their values are not shown


def checked(entry: Any, server: str) -> dict[str, Any]:
    """The entry, if every key that rtfs reads is of its kind; keys it does not know are an editor's own. S003."""
    if not isinstance(entry, dict):
        raise _wrong(server, "", "map", type(entry).__name__)
    found = {key: value for key, value in entry.items() if value is not None}
    for key, (right, kind) in _KEYS.items():
        if key in found and not right(found[key]):
            shown = "another value" if key in _SECRET else repr(found[key])[:100]
            raise _wrong(server, f" {key}", kind, shown)
    if "command" not in found and "url" not in found:
        raise _wrong(server, "", "entry with url or command", "neither")
    return found


def kind_of(entry: dict[str, Any]) -> str | None:
    """`sse`, `ws`, `http` or None when the entry does not say how its URL is spoken."""
    kind = entry.get("type", entry.get("transport"))
    return "http" if kind in ("streamable-http", "streamableHttp") else kind


def _wrong(server: str, key: str, kind: str, value: str) -> StreamError:
    return fault(3, p=f"server '{server}'{key}", kind=kind, value=value)
