"""The causal chain of a session: each host call, step and start as a row of a ledger (host.md §6).

A call with effects is written down twice, before it is made (`call-started`) and when it ended (`call`): what happened
just before a crash is known to have begun. A call without effects has only its end. What a type marks as secret, and
what is too long, is kept as a digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.host.ledger import FIELDS, Finding, Ledger
from rtfs.lang.codec import NotStorable, encode
from rtfs.lang.collections import List, vector
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Symbol
from rtfs.lang.printer import show

if TYPE_CHECKING:
    from rtfs.host.clock import Clock
    from rtfs.host.secret import Redaction
    from rtfs.lang.outcome import HostCall, StepEvent

LONGEST = 65_536  # characters of arguments or a result that are kept as they are
_SECRET, _CUT = Symbol("rtfs/secret"), Symbol("rtfs/cut")


class Journal:
    """What one session writes into a ledger. Sessions may share a ledger; a journal belongs to one session.

    ledger: a Ledger; without one it is in memory. session: the id that its rows carry.
    """

    def __init__(self, ledger: Ledger | None = None, *, session: str = "session") -> None:
        self.ledger = ledger if ledger is not None else Ledger()
        self.session = session
        self._count = 0
        self._clock: Clock | None = None
        self._root: str | None = None
        self._steps: dict[tuple[str, ...], str] = {}  # by path: the action that started it
        self._calls: dict[str, str] = {}  # by key of a call under way: its action
        self._spent: dict[str, dict[str, Any]] = {}  # by path of a call under way: what its provider reported

    def begin(self, clock: Clock, session: str, level: str) -> None:
        """The session starts: its first row."""
        self._clock, self.session = clock, session
        self._root = self._append("session-started", metadata={"level": level})

    # ---- what the host tells

    def started(self, call: HostCall, redaction: Redaction | None) -> None:
        """A call with effects is about to be made."""
        self._calls[_key(call)] = self._call("call-started", call, arguments=self._arguments(call, redaction))

    def ended(self, call: HostCall, redaction: Redaction | None, outcome: Any, seconds: float = 0.0) -> None:
        """A call ended: outcome is its answer, or the exception that took the place of one."""
        failed = isinstance(outcome, BaseException)
        answer = outcome if redaction is None or failed else redaction.answer(outcome, self._hide)
        self._call(
            "call",
            call,
            arguments=self._arguments(call, redaction),
            result=None if failed else self._text(answer),
            error=_error_text(outcome) if failed else None,
            duration_us=round(seconds * 1_000_000),
        )
        self._calls.pop(_key(call), None)

    def spent(self, call: HostCall, amounts: dict[str, Any]) -> None:
        """What a provider reports of a call under way."""
        sums = self._spent.setdefault(call.path, {})
        for name, amount in amounts.items():
            sums[name] = sums.get(name, 0) + amount

    def watching(self, observer: Callable[[StepEvent], None] | None) -> Callable[[StepEvent], None]:
        """An observer of steps that writes each down before it tells the one given."""

        def observe(event: StepEvent) -> None:
            self.step(event)
            if observer is not None:
                observer(event)

        return observe

    def step(self, event: StepEvent) -> None:
        """A step starts, completes or fails."""
        started = self._steps.pop(event.path, None) if event.kind != "start" else None
        parent = started or self._steps.get(event.path[:-1]) or self._root
        failed = isinstance(event.value, RtfsError)
        text = None if failed else self._text(event.value)
        action = self._append(
            f"step-{event.kind}",
            parent=parent,
            step="/".join(event.path),
            function=event.name,
            arguments=text if event.kind == "start" else None,
            result=None if event.kind == "start" else text,
            error=_error_text(event.value) if failed else None,
        )
        if event.kind == "start":
            self._steps[event.path] = action

    def stream(self, id: str, before: str | None, status: str, reason: str | None, error: RtfsError | None) -> None:
        """A stream took a status; `before` is None at its start."""
        metadata = {"from": before, "to": status, **({} if reason is None else {"reason": reason})}
        self._append(
            "stream-transition",
            parent=self._root,
            function=id,
            error=_error_text(error) if status == "error" and error is not None else None,
            metadata=metadata,
        )

    # ---- asking

    def rows(
        self, *, function: str | None = None, type: str | None = None, failed: bool = False, limit: int = -1
    ) -> Any:
        """Rows in order, as dicts: of a capability or step, of a type, or only failures."""
        where, parameters = ["1"], []
        for name, value in (("function", function), ("type", type)):
            if value is not None:
                where.append(f"{name} = ?")
                parameters.append(value)
        if failed:
            where.append("error IS NOT NULL")
        return list(self.ledger.rows(" AND ".join(where), tuple(parameters), limit))

    def verify(self) -> Finding:
        """Does the chain hold? See Ledger.verify."""
        return self.ledger.verify()

    def close(self) -> None:
        self.ledger.close()

    # ---- inside

    def _call(self, type: str, call: HostCall, **fields: Any) -> str:
        spent = self._spent.pop(call.path, {}) if type == "call" else {}
        metadata: dict[str, Any] = {"path": call.path, "module": call.module}
        if call.metadata.idempotency_key is not None:
            metadata["key"] = call.metadata.idempotency_key
        if call.span is not None:
            metadata["place"] = f"{call.span.source.name}:{call.span.line}:{call.span.column}"
        if call.hints:
            metadata["hints"] = {name: self._text(value) for name, value in call.hints.items()}
        if spent:
            metadata["spent"] = spent
        causal = call.causal
        return self._append(
            type,
            parent=self._above(call),
            plan=causal.plan_id,
            intent=causal.intent_id,
            step=causal.step_id,
            function=call.capability_id,
            cost=spent.get("cost"),
            metadata=metadata,
            **fields,
        )

    def _above(self, call: HostCall) -> str | None:
        """The action under which a call is made: its own start, the call that runs it, its step, or the session."""
        outer = call.causal.parent_action_id
        found = self._calls.get(_key(call)) or (outer and self._calls.get(outer, outer))
        return found or self._steps.get(call.step_path) or self._root

    def _append(self, type: str, *, metadata: dict[str, Any] | None = None, **fields: Any) -> str:
        self._count += 1
        action = f"{self.session}:{self._count}"
        row = {
            **dict.fromkeys(FIELDS),
            **fields,
            "id": action,
            "session": self.session,
            "type": type,
            "time_us": None if self._clock is None else self._clock.now_micros(),
            "metadata": json.dumps(metadata or {}, sort_keys=True, ensure_ascii=False, separators=(",", ":")),
        }
        self.ledger.append(row)
        return action

    def _arguments(self, call: HostCall, redaction: Redaction | None) -> str:
        args = call.args if redaction is None else redaction.arguments(call.args, self._hide)
        return self._text(vector(args))

    def _hide(self, value: Any) -> Any:
        return List([_SECRET, self.ledger.digest(_plain(value).encode())])

    def _text(self, value: Any) -> str:
        text = _plain(value)
        if len(text) <= LONGEST:
            return text
        content = text.encode()
        return show(List([_CUT, len(content), self.ledger.digest(content)]))


def _plain(value: Any) -> str:
    try:
        return encode(value, lambda part: show(part))
    except NotStorable:
        return show(show(value, LONGEST))


def _key(call: HostCall) -> str:
    return call.metadata.idempotency_key or call.path


def _error_text(error: BaseException) -> str:
    if isinstance(error, RtfsError):
        return f"{error.code} {error.kind} :{error.type} {error.message}"[:LONGEST]
    return type(error).__name__
