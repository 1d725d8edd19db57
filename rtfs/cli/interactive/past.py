"""What was typed so far, and going on from another point of it: back, in a stored session, or under other limits."""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from rtfs.lang.collections import List, Map
from rtfs.lang.values import ErrorValue, is_vector

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl
    from rtfs.session import Session

LOOKED_AT = 100_000  # collections of a result that are searched for functions


class Input:
    """One input of the session: the text, how many programs it was to the session's recording, whether it failed."""

    __slots__ = ("text", "programs", "failed")

    def __init__(self, text: str, programs: int = 0, *, failed: bool = False) -> None:
        self.text = text
        self.programs = programs
        self.failed = failed


def step_back(repl: Repl, count: int) -> list[Input]:
    """Undo the last `count` inputs; those that are gone. InvalidArgument when that is impossible."""
    kept = len(repl.inputs) - count
    gone = repl.inputs[kept:]
    _go_on(repl, repl.session.fork(undo=sum(each.programs for each in gone)))
    del repl.inputs[kept:]
    return gone


def restore(repl: Repl, data: bytes) -> None:
    """Go on in the session of a snapshot. InvalidArgument, ReplayMismatch when that is impossible."""
    from rtfs.handover import restored_beside

    repl.session = restored_beside(repl.session, data)
    repl.inputs.clear()
    defined = 0  # an input goes with the definitions before it
    for kind, *what in repl.session.recording.events:
        defined += kind == "define"
        if kind == "begin" and what[0].begun[0] == "text":
            repl.inputs.append(Input(what[0].begun[2], 1 + defined, failed=what[0].ended != "value"))
            defined = 0


def limit(repl: Repl, **bounds: Any) -> None:
    """Bound evaluations by other limits from now on."""
    from rtfs.lang.limits import Limits

    before = {name: getattr(repl.session.limits, name) for name in Limits.__slots__}
    _go_on(repl, repl.session.fork(limits=Limits(**{**before, **bounds})))


def _go_on(repl: Repl, session: Session) -> None:
    """Go on in another session with the same host: streams run on."""
    from rtfs.handover import take_over

    take_over(session, repl.session)
    repl.session = session


def may_hold_opaques(value: Any) -> bool:
    """May a value hold functions or errors? Only so much of it is looked at."""
    seen: set[int] = set()
    pending = [value]
    while pending and len(seen) < LOOKED_AT:
        part = pending.pop()
        kind = type(part)
        if kind is FunctionType or kind is ErrorValue:
            return True
        if kind is not Map and not is_vector(part) and kind is not List:
            continue
        if id(part) not in seen:
            seen.add(id(part))
            pending.extend([piece for entry in part.entries() for piece in entry] if kind is Map else part)
    return bool(pending)
