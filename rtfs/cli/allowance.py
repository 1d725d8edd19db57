"""A budget that runs low: told on standard error, and on a terminal the person is asked for more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rtfs.host.console import typed_line

if TYPE_CHECKING:
    from rtfs.host.budget import Number
    from rtfs.lang.outcome import HostCall


def warn(dimension: str, used: Number, limit: Number) -> None:
    """Say how much of a budget is used."""
    from rtfs.cli.report import warn as say

    say(f"{dimension}: {used:g} of {limit:g} used")


def ask(dimension: str, used: Number, limit: Number, call: HostCall | None) -> Number | None:
    """How much more may be spent; None when nobody is there to say, or says no."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    what = "" if call is None else f" for {call.capability_id}"
    sys.stderr.write(f"budget of {dimension} is used up: {used:g} of {limit:g}{what}. Allow how much more? [no] ")
    sys.stderr.flush()
    answer = typed_line().strip()
    try:
        more = float(answer)
    except ValueError:
        return None
    return more if 0 < more < float("inf") else None
