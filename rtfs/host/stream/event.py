"""What happens to streams, told to the log and to observers (streaming.md §9.2)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from rtfs.host.stream.chunk import to_json
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.values import type_name

LOGGER = logging.getLogger("rtfs.stream")
LOGGER.addHandler(logging.NullHandler())  # whoever wants events on stderr says so
PER_SECOND = 10
SLOWER = {"gap": 1}  # of some names fewer (§4.2)
DETAIL = "chunk"  # the event of each chunk, for those who debug

_NUMBERS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_LEVELS = dict.fromkeys((DETAIL, "checkpoint", "gate-shut", "gate-open"), "debug")
_LEVELS |= dict.fromkeys(("error", "chunk-failed", "fenced"), "error")
_LEVELS |= dict.fromkeys(
    ("dropped", "overflow", "retrying", "malformed", "checkpoint-failed", "snapshot-skipped", "processor-changed",
     "config-ignored", "result-keys-ignored", "reader-released", "chunk-skipped", "gap"),
    "warning",
)  # fmt: skip


class Event(NamedTuple):
    """at: host ms. data: further facts by name; `suppressed` counts events of this name left out before it."""

    at: int
    level: str
    event: str
    stream_id: str
    seq: int
    status: str
    data: dict[str, Any]

    def as_json(self) -> str:
        """One line."""
        data = {key.replace("_", "-"): to_json(value) for key, value in self.data.items()}
        fields = {"at": self.at, "level": self.level, "event": self.event, "stream-id": self.stream_id, "seq": self.seq,
                  "status": self.status, "data": data}  # fmt: skip
        return json.dumps(fields, ensure_ascii=False, default=str)

    def as_map(self) -> Map:
        """As a chunk of `memory:rtfs.events`."""
        data = {Keyword(key.replace("_", "-")): _value(value) for key, value in self.data.items()}
        values = (self.at, Keyword(self.level), Keyword(self.event), self.stream_id, self.seq, Keyword(self.status))
        return Map.of([*zip(_FIELDS, values, strict=True), (Keyword("data"), Map.of(data.items()))])


_FIELDS = tuple(map(Keyword, ("at", "level", "event", "stream-id", "seq", "status")))


def _value(value: Any) -> Any:
    return str(value) if type_name(value) == "object" else value


Observer = Callable[[Event], None]


class Events:
    """Sends events on, at most ten a second of one name and stream."""

    def __init__(self) -> None:
        self.observers: list[Observer] = []
        self._window: dict[tuple[str, str], list[int]] = {}  # (stream, name) → [second, sent, suppressed]

    def heard(self, name: str) -> bool:
        """Does anybody listen to events of this name?"""
        return bool(self.observers) or LOGGER.isEnabledFor(_NUMBERS[_LEVELS.get(name, "info")])

    @property
    def detailed(self) -> bool:
        """Does somebody want an event for each chunk?"""
        return LOGGER.isEnabledFor(logging.DEBUG)

    def emit(self, at: int, name: str, stream_id: str, seq: int, status: str, data: dict[str, Any]) -> None:
        """Send an event on, unless too many of its kind came this second."""
        level = _LEVELS.get(name, "info")
        number = _NUMBERS[level]
        window = self._window.setdefault((stream_id, name), [0, 0, 0])
        second = at // 1000
        if window[0] != second:
            window[0], window[1] = second, 0
        if window[1] >= SLOWER.get(name, PER_SECOND):
            window[2] += 1
            return
        window[1] += 1
        if window[2]:
            data = {**data, "suppressed": window[2]}
            window[2] = 0
        event = Event(at, level, name, stream_id, seq, status, data)
        if LOGGER.isEnabledFor(number):
            LOGGER.log(number, "%s", event.as_json())
        for observer in list(self.observers):
            try:
                observer(event)
            except Exception:  # whoever looks on must not harm the stream
                LOGGER.exception("an observer of stream events failed")

    def forget(self, stream_id: str) -> None:
        """A stream is gone."""
        for key in [key for key in self._window if key[0] == stream_id]:
            del self._window[key]
