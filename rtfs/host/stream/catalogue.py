"""The stream errors of streaming.md §0.1: one number, one text; code elsewhere names numbers only."""

from __future__ import annotations

from typing import Any

from rtfs.lang.collections import Map
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword

TEXTS: dict[int, str] = {
    1: "{capability} expects a map",
    2: "Missing required string field '{field}'",
    3: "Parameter '{p}': expected {kind}, got {value}",
    4: "Not a stream: {value}",
    5: "No stream with id: {id}",
    6: "Unknown option '{k}' for {capability}; did you mean '{n}'?",
    7: "{feature} needs the extra rtfs[{extra}]",
    8: "Stream '{id}' already exists",
    10: "Processor invocation error: {e}",
    11: "Processor '{f}' returned invalid shape (expected map), got: {value}",
    12: "Processor '{f}' returned an ambiguous map: {keys}; put the state under :state",
    13: "Unknown action directive: {x}",
    14: "Processor '{f}' is not defined",
    15: "Processor '{f}' takes {n} arguments; a stream processor takes 2 or 3",
    16: "Step budget exhausted after {n} ticks",
    17: "Processor '{f}' is not pure: it called {capability}",
    18: "Step produced {n} outputs (limit {m})",
    19: "Tool '{tool}' failed: {text}",
    20: "Stream queue is full",
    21: "Stream '{id}' is receive-only",
    22: "Bidirectional MCP streaming not supported",
    23: "Transport failed after {n} attempts: {e}",
    24: "Adapter {a} cannot serve {endpoint}: {why}",
    25: "Message of {n} bytes exceeds the limit of {m}",
    26: "Malformed frame: {why}",
    27: "Source is not finite; give :limit",
    28: "{operator}: more than {n} {things} held",
    29: "Invalid auth header: {why}",
    30: "Stream persistence backend not configured",
    31: "State is not storable: {path} holds {kind}",
    32: "No persisted snapshot for stream: {id}",
    33: "Failed to load snapshot: {e}",
    34: "Processor changed since the snapshot: {f}",
    35: "State directory '{dir}' is in use by another process",
    40: "Fenced: stream '{id}' is owned by epoch {n}",
    41: "Sink '{s}' failed: {e}",
    42: "Circuit open for '{s}'",
    50: "Input of '{id}' failed schema validation: {errors}",
    51: "Output of '{id}' failed schema validation: {errors}",
    52: "State of '{id}' failed schema validation: {errors}",
    53: "Effect {e} denied for {capability}",
}

_LIMITS = frozenset({16, 18, 28})


def fault(number: int, /, *, data: dict[str, Any] | None = None, **fields: Any) -> StreamError:
    """The error S0nn with its text filled in; `data` becomes a map with keyword keys."""
    found = None if data is None else Map.of([(Keyword(key), value) for key, value in data.items()])
    return StreamError(number, TEXTS[number].format(**fields), data=found, limit=number in _LIMITS)


def unserved(option: str, capability: str) -> StreamError:
    """An option or value of the specification that this version does not serve: S006, naming it."""
    return StreamError(6, f"Option {option} of {capability} is not available in this version of rtfs")
