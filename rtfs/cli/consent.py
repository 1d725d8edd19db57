"""A refused call on a terminal: the person is asked once whether it may be made (host.md §4)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rtfs.host.console import typed_line

if TYPE_CHECKING:
    from rtfs.lang.errors import HostCallError
    from rtfs.lang.outcome import HostCall


class Consent:
    """Asks for each kind of right once; a no is remembered for the rest of the run, a yes by the host."""

    def __init__(self) -> None:
        self._refused: set[str] = set()

    def __call__(self, call: HostCall, refusal: HostCallError) -> bool:
        advice = refusal.notes[-1] if refusal.notes else ""
        if advice in self._refused:
            return False
        sys.stdout.flush()
        place = "" if call.span is None else f" at {call.span.source.name}:{call.span.line}"
        flag = advice.removeprefix("allow it with ")
        sys.stderr.write(f"{call.capability_id} is not allowed{place}. Allow it for this run, as {flag} would? [y/N] ")
        sys.stderr.flush()
        if typed_line().strip().lower() in ("y", "yes"):
            return True
        self._refused.add(advice)
        return False
