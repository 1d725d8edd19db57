"""Reading the parameters of `mcp.stream.*` calls that name a stream (streaming.md §3.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import options
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.inspection import keyed
from rtfs.host.stream.options import Option, Table, anything, boolean, integer, one_of, optional, shown, text
from rtfs.host.stream.settings import RESUME, stream_id
from rtfs.host.stream.stream import Stream
from rtfs.lang.collections import EMPTY_MAP, Map
from rtfs.lang.names import Keyword
from rtfs.lang.operator import NODE
from rtfs.lang.regex import compile_regex

if TYPE_CHECKING:
    from rtfs.host.stream.registry import StreamRegistry


def patterns(value: Any) -> tuple[str, ...]:
    """Regular expressions over names of keys."""
    for pattern in options.strings(value):
        try:
            compile_regex(pattern)  # scripts give them: none may take longer than its text is long
        except ValueError as problem:
            raise options.Wrong(f"vector of regular expressions ({problem})") from None
    return options.strings(value)


_STREAM: Table = {name: Option(anything) for name in ("stream", "handle", "stream-id")}
_REASON: Table = {**_STREAM, "reason": Option(optional(text))}
_STATUSES = ("active", "paused", "completed", "stopped", "cancelled", "error")

TABLES: dict[str, Table] = {
    "next": {
        **_STREAM,
        "timeout-ms": Option(integer(0), 1000),
        "max": Option(integer(1), 1),
        "after": Option(optional(integer(-1))),
        "envelope": Option(boolean, False),
    },
    "await": {
        **_STREAM,
        "timeout-ms": Option(optional(integer(0))),
        "until": Option(one_of("terminal", *_STATUSES), Keyword("terminal")),
        "chunks": Option(optional(integer(0))),
        "status": Option(optional(one_of(*_STATUSES))),
    },
    "send": {
        **_STREAM,
        "chunk": Option(anything),
        "metadata": Option(options.a_map, EMPTY_MAP),
        "to": Option(optional(one_of("processor", "server"))),
        "timeout-ms": Option(optional(integer(0))),
        "ack": Option(one_of("accepted", "processed", "durable"), Keyword("accepted")),
    },
    "pause": _REASON,
    "resume": {**RESUME, "reason": Option(optional(text)), "wait": Option(optional(one_of("drained")))},
    "cancel": _REASON,
    "stop": {**_REASON, "drain": Option(boolean, False), "timeout-ms": Option(integer(0), 30_000)},
    "inspect": {
        **_STREAM,
        "queue": Option(integer(0), 10),
        "redact": Option(patterns, ()),
        "max-chars": Option(integer(1), 4_000),
    },
    "list": {
        "status": Option(optional(one_of(*_STATUSES))),
        "kind": Option(optional(one_of("mcp", "marketplace", "dataflow"))),
        "prefix": Option(text, ""),
        "limit": Option(integer(1), 1000),
    },
    "outputs": {
        **_STREAM,
        "after": Option(integer(-1), -1),
        "limit": Option(integer(1), 100),
        "follow": Option(boolean, False),
    },
    "status": _STREAM,
    "checkpoint": _STREAM,
    "delete": _STREAM,
}
TABLES["wait"] = TABLES["await"]  # `:stream.wait` is its name for any stream


class Asked(dict[str, Any]):
    """The parameters of one call by normal key, defaults filled in, and the stream that it is about."""

    def __init__(self, stream: Stream, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.stream = stream

    def changed(self, changed: bool) -> Map:
        """What control calls answer."""
        return keyed(stream_id=self.stream.id, status=self.stream.status, changed=changed)

    @property
    def to_server(self) -> bool:
        """Is the chunk meant for the server rather than for the processor? A graph has a way back or none."""
        return self._has_way_back if self["to"] is None else self["to"] is Keyword("server")

    @property
    def timeout_ms(self) -> int:
        """How long sending may wait; a socket that a graph is about to open is waited for."""
        given: int | None = self["timeout-ms"]
        return given if given is not None else CONNECTING_MS if self._has_way_back else 0

    @property
    def _has_way_back(self) -> bool:
        owner = self.stream.owner
        return owner.kind == "dataflow" and owner.source is not None and owner.source.adapter.sends


CONNECTING_MS = 30_000


def _sent(capability: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """`(stream message)` and `(stream message {…})` with the message as `:chunk`; other arguments as they are."""
    if capability not in ("stream.send", "mcp.stream.send") or not 2 <= len(arguments) <= 3:
        return arguments
    stream, message, *more = arguments
    if not more and type(message) is Map and any(options.normal(key) == "chunk" for key in message):
        return arguments
    given = more[0] if more else EMPTY_MAP
    if type(given) is not Map:
        raise fault(1, capability=f":{capability}")
    return stream, given.assoc(Keyword("chunk"), message)


def _is_handle(value: Map) -> bool:
    """Is the map what `start` answers, rather than parameters?"""
    named = Keyword("stream-id") in value or Keyword("sink-id") in value
    return named and (Keyword("kind") in value or Keyword("capability") in value)


def _parameters(capability: str, arguments: tuple[Any, ...]) -> Map:
    """One map of parameters from `{…}`, a handle, an id, or one of the latter two and a map of options. S001."""
    if arguments and type(arguments[0]) is Map and NODE in arguments[0]:
        error = fault(4, value=shown(arguments[0]))
        error.remark("it only describes one: :stream.pipeline or :stream.create begins a run of it")
        raise error
    if len(arguments) == 1 and type(arguments[0]) is Map and not _is_handle(arguments[0]):
        return arguments[0]
    more = arguments[1] if len(arguments) == 2 else EMPTY_MAP
    if not arguments or len(arguments) > 2 or type(more) is not Map or type(arguments[0]) not in (str, Map):
        raise fault(1, capability=f":{capability}")
    return Map.of([(Keyword("stream"), arguments[0]), *more.entries()])


def read_request(
    registry: StreamRegistry, capability: str, arguments: tuple[Any, ...], tables: Mapping[str, Table] = TABLES
) -> Asked:
    """The call's parameters and its stream. S001, S003, S004, S005, S006."""
    table = tables[capability.rpartition(".")[2]]
    parameters = options.merged(_parameters(capability, _sent(capability, arguments)), table, capability)
    values = options.defaulted(options.read(parameters, table, capability), table)
    return Asked(registry.find(stream_id(parameters)), values)


def resume_parameters(capability: str, arguments: tuple[Any, ...]) -> tuple[str, Map]:
    """The id and the parameters of a resume call, whether or not the stream lives here."""
    parameters = _parameters(capability, arguments)
    return stream_id(parameters), parameters


def read_list(capability: str, arguments: tuple[Any, ...], table: Table = TABLES["list"]) -> dict[str, Any]:
    """The filters of `list`."""
    given = arguments[0] if arguments and arguments[0] is not None else EMPTY_MAP
    if type(given) is not Map or len(arguments) > 1:
        raise fault(1, capability=f":{capability}")
    values = options.defaulted(options.read(given, table, capability), table)
    return {name: values[name] for name in ("status", "kind", "prefix", "limit")}
