"""What a session may spend in all: counted where it is spent, warned of twice, and refused when it is used up.

host.md §5. Dimensions and their units:

    steps           ticks of evaluation        network-bytes   bytes sent and received
    wall-clock-ms   since the budget began     storage-bytes   bytes written
    host-calls      calls of capabilities      streams         streams started
    tokens          of language models         cost            in the currency of the embedder
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.clock import Clock
    from rtfs.lang.outcome import HostCall

Number = int | float

DIMENSIONS = (
    "steps", "wall-clock-ms", "host-calls", "tokens", "cost", "network-bytes", "storage-bytes", "streams",
)  # fmt: skip
POLICIES = ("stop", "warn", "ask")
MARKS = (0.5, 0.8)  # shares of a limit at which the embedder is warned, once each

Warn = Callable[[str, Number, Number], None]
Ask = Callable[[str, Number, Number, "HostCall | None"], "Number | None"]


class Allowance:
    """The account of one dimension: limit, policy and what was used."""

    __slots__ = ("dimension", "limit", "policy", "used", "warned")

    def __init__(self, dimension: str, limit: Number, policy: str) -> None:
        self.dimension = dimension
        self.limit = limit
        self.policy = policy
        self.used: Number = 0
        self.warned = 0  # how many of MARKS were passed


class Budget:
    """Limits by dimension, Python names (`host_calls=100`, `cost=(2.5, "ask")`); a dimension not named is unlimited.

    A limit comes alone or with its policy: `stop` (the default: BudgetExhausted), `warn` (go on), `ask` (call `ask`
    with dimension, used, limit and call; it gives how much more is allowed, or None to stop). on_warning: called with
    dimension, used and limit when half and when four fifths of a limit are used, once each. One budget belongs to one
    session; it may be charged from any thread. ValueError for an unknown dimension, policy or a limit below 0.
    """

    def __init__(self, *, on_warning: Warn | None = None, ask: Ask | None = None, **limits: Any) -> None:
        self.on_warning = on_warning
        self.ask = ask
        self._lock = threading.RLock()
        self._allowances: dict[str, Allowance] = {}
        self._clock: Clock | None = None
        self._began = 0.0
        for name, given in limits.items():
            limit, policy = given if isinstance(given, tuple) else (given, "stop")
            self._allowances[name.replace("_", "-")] = _allowance(name.replace("_", "-"), limit, policy)

    def begin(self, clock: Clock) -> None:
        """Let the wall clock run, from the first call of this on."""
        if self._clock is None:
            self._clock, self._began = clock, clock.monotonic()

    def limits(self, dimension: str) -> bool:
        """Is there a limit on this dimension?"""
        return dimension in self._allowances

    def left(self, dimension: str) -> Number | None:
        """What is left before the limit, not below 0; None when nothing is refused beyond it."""
        with self._lock:
            self._tell_time()
            allowance = self._allowances.get(dimension)
            if allowance is None or allowance.policy == "warn":
                return None
            return max(0, allowance.limit - allowance.used)

    def admit(self, call: HostCall) -> None:
        """Count a host call before it is made. BudgetExhausted, uncounted, when any dimension has nothing left."""
        with self._lock:
            self._tell_time()
            calls = self._allowances.get("host-calls")
            for allowance in self._allowances.values():
                if allowance.dimension not in ("host-calls", "steps") and allowance.used >= allowance.limit:
                    self._exceeded(allowance, allowance.used, call)
            if calls is not None:
                self._charge(calls, 1, call)

    def check(self, dimension: str, call: HostCall | None = None) -> None:
        """BudgetExhausted when a dimension has nothing left."""
        with self._lock:
            self._tell_time()
            allowance = self._allowances.get(dimension)
            if allowance is not None and allowance.used >= allowance.limit:
                self._exceeded(allowance, allowance.used, call)

    def charge(self, amounts: dict[str, Number], call: HostCall | None = None) -> None:
        """Add what was spent. BudgetExhausted when that is more than the limit; it counts all the same."""
        with self._lock:
            for name, amount in amounts.items():
                dimension = name.replace("_", "-")
                if dimension not in DIMENSIONS:
                    raise ValueError(f"a budget has no {name}; it has {', '.join(DIMENSIONS)}")
                if not amount >= 0:
                    raise ValueError(f"what is spent is not below 0, got {amount!r} {name}")
                allowance = self._allowances.get(dimension)
                if allowance is None:
                    continue
                spent = allowance.used + amount
                try:
                    self._charge(allowance, amount, call)
                except HostCallError:
                    allowance.used = spent
                    raise

    def note(self, dimension: str, used: Number) -> None:
        """What was used in all of a dimension that is counted, and refused, elsewhere: the steps of evaluation."""
        with self._lock:
            allowance = self._allowances[dimension]
            allowance.used = min(used, allowance.limit) if allowance.policy != "warn" else used
            self._warn(allowance)

    def exhausted(self, dimension: str) -> HostCallError:
        """The error of a dimension that is counted elsewhere; no script catches it."""
        allowance = self._allowances[dimension]
        error = exhausted(allowance, allowance.limit, None)
        error.base = "!"
        return error

    def report(self) -> dict[str, dict[str, Any]]:
        """Per limited dimension: `used`, `limit`, `policy`."""
        with self._lock:
            self._tell_time()
            return {
                name: {"used": allowance.used, "limit": allowance.limit, "policy": allowance.policy}
                for name, allowance in self._allowances.items()
            }

    # ---- inside, under the lock

    def _charge(self, allowance: Allowance, amount: Number, call: HostCall | None) -> None:
        used = allowance.used + amount
        if used > allowance.limit:
            self._exceeded(allowance, used, call)
        allowance.used = used
        self._warn(allowance)

    def _exceeded(self, allowance: Allowance, used: Number, call: HostCall | None) -> None:
        """More than the limit: what the policy makes of it."""
        if allowance.policy == "ask" and self.ask is not None:
            more = self.ask(allowance.dimension, used, allowance.limit, call)
            if more is not None and allowance.limit + more >= used and more > 0:
                allowance.limit += more
                return
        if allowance.policy != "warn":
            raise exhausted(allowance, used, call)

    def _warn(self, allowance: Allowance) -> None:
        while (
            allowance.limit
            and allowance.warned < len(MARKS)
            and allowance.used >= MARKS[allowance.warned] * allowance.limit
        ):
            allowance.warned += 1
            if self.on_warning is not None:
                self.on_warning(allowance.dimension, allowance.used, allowance.limit)

    def _tell_time(self) -> None:
        allowance = self._allowances.get("wall-clock-ms")
        if allowance is not None and self._clock is not None:
            allowance.used = round((self._clock.monotonic() - self._began) * 1000)
            self._warn(allowance)


def _allowance(dimension: str, limit: Any, policy: str) -> Allowance:
    if dimension not in DIMENSIONS:
        raise ValueError(f"a budget has no {dimension}; it has {', '.join(DIMENSIONS)}")
    if type(limit) not in (int, float) or not limit >= 0:
        raise ValueError(f"the limit of {dimension} must be a number from 0, got {limit!r}")
    if policy not in POLICIES:
        raise ValueError(f"the policy of {dimension} must be one of {', '.join(POLICIES)}, got {policy!r}")
    return Allowance(dimension, limit, policy)


def exhausted(allowance: Allowance, used: Number, call: HostCall | None) -> HostCallError:
    """The error that names dimension, limit, what was used and the call."""
    facts = {
        "dimension": Keyword(allowance.dimension),
        "limit": allowance.limit,
        "used": used,
        "policy": Keyword(allowance.policy),
        "capability": None if call is None else call.capability_id,
    }
    text = f"Resource budget exhausted: {allowance.dimension} (policy: {allowance.policy})"
    note = f"budget: used {used:g} of {allowance.limit:g}"
    data = Map.of([(Keyword(key), value) for key, value in facts.items()])
    return HostCallError("BudgetExhausted", text, data=data, notes=(note,))
