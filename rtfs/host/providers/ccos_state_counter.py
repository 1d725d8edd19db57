"""`ccos.state.counter.*`: counters."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides

_INPUT = {"key": ":any", "by?": ":int"}


@provides(
    "ccos.state.counter.inc",
    input=_INPUT,
    output=":int",
    effects=[":state"],
    idempotent=True,
    examples=[('(call :ccos.state.counter.inc "visits") (call :ccos.state.counter.inc "visits" 10)', "11")],
)
def inc(ctx: CallContext, key: Any, by: int = 1) -> int:
    """Add to a counter, which begins at 0; the new number. Not made twice under one idempotency key."""
    return ctx.host.state.increment(key, by, ctx.once)
