"""Reading the parameters of `marketplace.stream.*` calls: one table each (streaming.md §3.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream import options, request
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.channel import Channel
from rtfs.host.stream.options import START as MCP_START
from rtfs.host.stream.options import Option, Table, anything, boolean, integer, one_of, optional, text
from rtfs.host.stream.request import Asked
from rtfs.host.stream.stream import Stream
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.registry import StreamRegistry

CAPABILITY = "marketplace.stream."
_HANDLE: Table = {name: Option(anything) for name in ("handle", "stream", "stream-id", "sink-id")}

START: Table = {
    "id": Option(text),
    "config": Option(options.a_map, EMPTY_MAP),
    "direction": Option(optional(one_of("unidirectional", "bidirectional", "duplex"))),
    "stream-id": Option(optional(text)),
    "name": Option(optional(text)),
    "detached": Option(boolean, False),
    "queue-capacity": Option(integer(1), 32),
    "output-capacity": Option(integer(1), 32),
    "reader-timeout-ms": MCP_START["reader-timeout-ms"],
    "retain-ms": MCP_START["retain-ms"],
    "options": Option(options.a_map, EMPTY_MAP),
}
BROKER: Table = {
    **START,
    "group": Option(optional(text)),
    "visibility-timeout-ms": Option(optional(integer(1000))),
    "retry": MCP_START["retry"],
    **{name: MCP_START[name] for name in ("processor", "initial-state", "checkpoint", "dedupe", "journal", "keep")},
}
SINK: Table = {
    "id": Option(text),
    "config": Option(options.a_map, EMPTY_MAP),
    "queue-capacity": Option(integer(1), 32),
    "overflow": Option(one_of("block", "error", "drop-oldest", "drop-newest"), Keyword("block")),
    "retry": MCP_START["retry"],
    "options": Option(options.a_map, EMPTY_MAP),
}

TABLES: dict[str, Table] = {
    "next": {
        **_HANDLE,
        "timeout-ms": Option(integer(0), 1000),
        "max": Option(integer(1), 1),
        "envelope": Option(boolean, False),
    },
    "register-callbacks": {
        **_HANDLE,
        "on-item": Option(anything),
        "on-error": Option(anything),
        "on-complete": Option(anything),
        "slot-timeout-ms": Option(optional(integer(1))),
        "options": Option(options.a_map, EMPTY_MAP),
    },
    "send": {
        **_HANDLE,
        "item": Option(anything),
        "key": Option(optional(text)),
        "timeout-ms": Option(integer(0), 30_000),
        "options": Option(options.a_map, EMPTY_MAP),
    },
    "close": {**_HANDLE, "drain": Option(boolean, True)},
    "pause": {**_HANDLE, "reason": Option(optional(text))},
    "resume": {**_HANDLE, "reason": Option(optional(text)), "wait": Option(optional(one_of("drained")))},
    "stop": {
        **_HANDLE,
        "drain": Option(boolean, False),
        "timeout-ms": Option(integer(0), 30_000),
        "reason": Option(optional(text)),
    },
    "status": _HANDLE,
    "list": {**request.TABLES["list"], "kind": Option(one_of("mcp", "marketplace"), Keyword("marketplace"))},
}


def _opened(arguments: tuple[Any, ...], capability: str) -> dict[str, Any]:
    """The parameters of `start` and `open-sink` by normal key, those of `:options` under the others. S001, S002."""
    if len(arguments) != 1 or type(arguments[0]) is not Map:
        raise fault(1, capability=f":{capability}")
    given = options.normalised(arguments[0])
    inner = given.pop("options", None)
    if inner is not None:
        given = {**options.normalised(options.check("options", inner, options.a_map, capability)), **given}
    if type(given.get("id")) is not str or not given["id"].strip():
        raise fault(2, field="id")
    return given


def _checked(given: dict[str, Any], table: Table, capability: str) -> dict[str, Any]:
    values = options.read(Map.of([(Keyword(name), value) for name, value in given.items()]), table, capability)
    return options.defaulted(values, table)


def read_start(
    registry: StreamRegistry, arguments: tuple[Any, ...], capability: str = f"{CAPABILITY}start"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What concerns the stream, with defaults, and what its provider gets. S001, S002, S003, S006."""
    given = _opened(arguments, capability)
    if registry.market.is_broker(given["id"]):
        values = _checked(given, BROKER, capability)
        if "group" not in given:
            del values["group"]  # nil says something else than nothing
        return values, {}
    own = {name: value for name, value in given.items() if name in START}
    return _checked(own, START, capability), {name: value for name, value in given.items() if name not in START}


def read_open_sink(arguments: tuple[Any, ...]) -> dict[str, Any]:
    """The parameters of `open-sink`. S001, S002, S003, S006."""
    capability = f"{CAPABILITY}open-sink"
    return _checked(_opened(arguments, capability), SINK, capability)


def read_request(registry: StreamRegistry, capability: str, arguments: tuple[Any, ...]) -> Asked:
    """The call's parameters and its stream. S001, S003, S004, S005, S006."""
    return request.read_request(registry, capability, arguments, TABLES)


def channel_of(stream: Stream) -> Channel:
    """The stream as one of the marketplace. S004 when it is none."""
    if not isinstance(stream, Channel):
        raise fault(4, value=f"{stream.id}, which is none of the marketplace")
    return stream


def read_list(capability: str, arguments: tuple[Any, ...]) -> dict[str, Any]:
    """The filters of `list`."""
    return request.read_list(capability, arguments, TABLES["list"])


def registered(names: list[str]) -> Any:
    """Names of callbacks as a vector of keywords."""
    return vector([Keyword(name) for name in names])
