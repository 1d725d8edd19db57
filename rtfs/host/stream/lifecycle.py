"""Statuses, actions and the only transition table of streams (streaming.md §1.6)."""

from __future__ import annotations

from typing import NamedTuple

from rtfs.lang.names import Keyword

ACTIVE, PAUSED = Keyword("active"), Keyword("paused")
COMPLETED, STOPPED, CANCELLED, ERROR = Keyword("completed"), Keyword("stopped"), Keyword("cancelled"), Keyword("error")
TERMINAL = frozenset({COMPLETED, STOPPED, CANCELLED, ERROR})

CONTINUE, PAUSE, RESUME = Keyword("continue"), Keyword("pause"), Keyword("resume")
COMPLETE, STOP, CANCEL = Keyword("complete"), Keyword("stop"), Keyword("cancel")
ACTIONS = frozenset({CONTINUE, PAUSE, RESUME, COMPLETE, STOP, CANCEL})


class Move(NamedTuple):
    """What an event does.

    to: the new status, None when it stays. queue: `keep` it, `enqueue` the chunk, `mark` its end, `drain` it before the
    new status, `discard` it (counted), `ignore` the chunk (counted). flush: the processor gets its flush before the new
    status.
    """

    to: Keyword | None = None
    queue: str = "keep"
    flush: bool = False

    @property
    def changes(self) -> bool:
        return self.to is not None


class Row(NamedTuple):
    """One event, by the status it meets."""

    active: Move
    paused: Move
    terminal: Move

    def meets(self, status: Keyword) -> Move:
        return self.active if status is ACTIVE else self.paused if status is PAUSED else self.terminal


_STAY = Move()
_COMPLETE = Move(COMPLETED, "discard", flush=True)
_STOP = Move(STOPPED, "discard")
_STOP_DRAIN = Move(STOPPED, "drain", flush=True)
_CANCEL = Move(CANCELLED, "discard")
_FAIL = Move(ERROR)

# The numbers are the rows of streaming.md §1.6. Row 12 (lost transport) moves only the transport, §1.9.
TABLE: dict[str, Row] = {
    #                        from :active                        from :paused              from terminal
    "chunk": Row(Move(queue="enqueue"), Move(queue="enqueue"), Move(queue="ignore")),  # 1
    "continue": Row(_STAY, _STAY, _STAY),  # 2
    "pause": Row(Move(PAUSED), _STAY, _STAY),  # 3
    "resume": Row(_STAY, Move(ACTIVE), _STAY),  # 4
    "complete": Row(_COMPLETE, _COMPLETE, _STAY),  # 5
    "end-marker": Row(Move(queue="mark"), Move(queue="mark"), Move(queue="ignore")),  # 6
    "stop": Row(_STOP, _STOP, _STAY),  # 7
    "stop-drain": Row(_STOP_DRAIN, _STOP_DRAIN, _STAY),  # 7
    "cancel": Row(_CANCEL, _CANCEL, _STAY),  # 8
    "unknown": Row(_FAIL, _FAIL, Move(queue="ignore")),  # 9
    "failure": Row(_FAIL, _FAIL, _STAY),  # 10
    "source-ended": Row(Move(COMPLETED, "drain", flush=True), _STAY, _STAY),  # 11
    "lost": Row(_STAY, _STAY, _STAY),  # 12
    "source-failed": Row(Move(ERROR, "drain"), _STAY, _STAY),  # 13
    "overflow": Row(_FAIL, _FAIL, _STAY),  # 14, a transport that met a full queue
    "overflow-injected": Row(_FAIL, _STAY, _STAY),  # 14, injection that may not wait
    "sink-failed": Row(_FAIL, _FAIL, _STAY),  # 15
    "end-failed": Row(_STAY, _STAY, _FAIL),  # 15, the sink of a completed stream, when it closes what it wrote
    "fenced": Row(_FAIL, _FAIL, _STAY),  # 16
    "shutdown": Row(Move(STOPPED, "drain"), Move(STOPPED), _STAY),  # 17; the store keeps the status from before
}


def transition(event: str, status: Keyword) -> Move:
    """The entry of the table for an event in a status."""
    return TABLE[event].meets(status)
