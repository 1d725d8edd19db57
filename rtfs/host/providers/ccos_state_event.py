"""`ccos.state.event.*`: append-only logs."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides

_INPUT = {"key": ":any", "event": ":any"}


@provides(
    "ccos.state.event.append",
    input=_INPUT,
    output=":int",
    effects=[":state"],
    idempotent=True,
    examples=[('[(call :ccos.state.event.append "log" {:n 1}) (call :ccos.state.event.append "log" {:n 2})]', "[0 1]")],
)
def append(ctx: CallContext, key: Any, event: Any) -> int:
    """Put an event at the end of a log; its position, from 0. Not made twice under one idempotency key."""
    return ctx.host.state.append(key, event, ctx.once)
