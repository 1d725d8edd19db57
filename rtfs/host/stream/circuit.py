"""Circuits: after too many failed calls none is made for a while, then a few on trial (streaming.md §6.9)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from rtfs.host.stream.catalogue import fault
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword

HELD = "breaker"  # why a run with an open circuit stands still
CLOSED, HALF_OPEN, OPEN = range(3)
STATES = ("closed", "half-open", "open")


class Rules(NamedTuple):
    """threshold: the share of failures among the last `window` calls, at least `least` of them, that opens it;
    recovery_ms: until the next trial; probes: calls of a trial."""

    threshold: float
    window: int
    least: int
    recovery_ms: int
    probes: int


class Circuit:
    """The circuit of one place where calls are made. changed: told when it has opened, and when it has closed."""

    def __init__(self, name: str, rules: Rules, now: Callable[[], float], changed: Callable[[Circuit], None]) -> None:
        self.name = name
        self.opened = 0  # how often
        self._rules = rules
        self._now = now
        self._changed = changed
        self._state = CLOSED
        self._calls: deque[bool] = deque(maxlen=rules.window)
        self._since = 0.0  # it opened, in seconds
        self._turn = 0  # of its states: outcomes of calls that began in an earlier one mean nothing
        self._trying = self._tried = 0

    @property
    def state(self) -> int:
        """Closed, half-open or open, at this time."""
        if self._state == OPEN and self._since + self._rules.recovery_ms / 1000 <= self._now() + 1e-6:
            self._enter(HALF_OPEN)
        return self._state

    @property
    def failures(self) -> int:
        """Of the calls that count now."""
        return self._calls.count(False)

    @property
    def calls(self) -> int:
        return len(self._calls)

    @property
    def wait_ms(self) -> float:
        """Until the next trial, when it is open."""
        return max(0.0, self._rules.recovery_ms - (self._now() - self._since) * 1000)

    @property
    def lets(self) -> bool:
        """May a call be made now?"""
        state = self.state
        return state == CLOSED or (state == HALF_OPEN and self._trying + self._tried < self._rules.probes)

    def begin(self) -> int:
        """A call begins, which it `lets`; what `end` wants to know of it."""
        if self._state == HALF_OPEN:
            self._trying += 1
        return self._turn

    def end(self, turn: int, *, good: bool) -> None:
        """How a call ended."""
        if turn != self._turn:
            return
        if self._state == HALF_OPEN:
            self._trying -= 1
            self._tried += 1
            if not good:
                self._calls.append(good)
                self._open()
            elif self._tried == self._rules.probes:
                self._enter(CLOSED)
                self._changed(self)
            return
        self._calls.append(good)
        least, threshold = self._rules.least, self._rules.threshold
        if len(self._calls) >= least and self.failures >= threshold * len(self._calls):
            self._open()

    def _open(self) -> None:
        self._enter(OPEN)
        self.opened += 1
        self._since = self._now()
        self._changed(self)

    def _enter(self, state: int) -> None:
        self._state = state
        self._turn += 1
        self._trying = self._tried = 0
        if state == CLOSED:
            self._calls.clear()


def refusal(name: str, when_open: Keyword) -> StreamError:
    """S042: no call is made. when_open: what becomes of the item."""
    return fault(42, data={"when-open": when_open}, s=name)


def refused(error: Exception) -> Keyword | None:
    """What a refusal says of `:when-open`; None for other errors."""
    if not isinstance(error, StreamError) or error.code != "RTFS-S042":
        return None
    found: Keyword = error.data.get(Keyword("when-open"))
    return found
