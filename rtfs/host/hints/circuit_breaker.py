"""`runtime.learning.circuit-breaker {:failure-threshold? :cooldown-ms? :success-threshold?}`: rest after failures.

Closed: calls pass; as many failures in a row as the threshold says open it. Open: calls fail at once until the cooldown
is over. Half open: one call at a time passes; enough successes close it, one failure opens it again.
"""

from __future__ import annotations

from types import CoroutineType
from typing import TYPE_CHECKING, Any

from rtfs.host.hint import Field, memory, transient
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.adapt import Handler
    from rtfs.host.pipeline import Route
    from rtfs.lang.outcome import HostCall

ORDER = 60
FIELDS = {
    "failure-threshold": Field("positive", 5),
    "cooldown-ms": Field("positive", 30_000),
    "success-threshold": Field("positive", 2),
}


class Circuit:
    """The state of one capability's breaker."""

    __slots__ = ("failures", "opened", "successes", "probing")

    def __init__(self) -> None:
        self.failures = 0  # in a row
        self.opened: float | None = None  # when, on the clock; None while closed
        self.successes = 0  # since it was half open
        self.probing = False

    def admit(self, cooldown: int, now: float) -> tuple[bool, int]:
        """Is the next call a probe, and if it may not pass: how many milliseconds are left, at least 1."""
        if self.opened is None:
            return False, 0
        left = cooldown - (now - self.opened) * 1000
        if left > 0 or self.probing:
            return False, max(1, round(left))
        self.probing = True
        return True, 0

    def succeeded(self, threshold: int) -> None:
        self.failures = 0
        if self.opened is not None:
            self.successes += 1
            if self.successes >= threshold:
                self.opened = None

    def failed(self, threshold: int, now: float) -> None:
        self.failures += 1
        if self.opened is not None or self.failures >= threshold:
            self.opened, self.successes = now, 0


def around(way: Route, options: dict[str, Any], inner: Handler) -> Handler:
    circuit: Circuit = memory(way, "circuit-breaker", Circuit)
    clock = way.host.clock

    def note(error: BaseException | None) -> None:
        if error is None:
            circuit.succeeded(options["success_threshold"])
        elif transient(error):
            circuit.failed(options["failure_threshold"], clock.monotonic())

    async def awaited(work: Any, probe: bool) -> Any:
        try:
            result = await work
        except BaseException as error:
            note(error)
            raise
        else:
            note(None)
            return result
        finally:
            circuit.probing = circuit.probing and not probe

    def breaking(call: HostCall, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        probe, left = circuit.admit(options["cooldown_ms"], clock.monotonic())
        if left:
            raise _open(way, left)
        waits = False
        try:
            result = inner(call, args, named)
            waits = type(result) is CoroutineType
        except BaseException as error:
            note(error)
            raise
        finally:
            circuit.probing = circuit.probing and not (probe and not waits)
        if waits:
            return awaited(result, probe)
        note(None)
        return result

    return breaking


def _open(way: Route, left: int) -> HostCallError:
    data = Map.of([(Keyword("capability"), way.id), (Keyword("retry-after-ms"), left)])
    text = f"The circuit of '{way.id}' is open after repeated failures; next try in {left} ms"
    return HostCallError("HostError", text, type="circuit-open", data=data)
