"""`ccos.system.*`: environment and time."""

from __future__ import annotations

import os
from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.values import Timestamp

_MS = [":and", ":number", [":>=", 0]]
_CLOCK: dict[str, Any] = {"input": {}, "effects": [":clock"], "idempotent": True}


@provides(
    "ccos.system.get-env",
    input={"name": ":string"},
    output=":string?",
    effects=[":environment"],
    grant=("env", "name"),
    idempotent=True,
    examples=[('(call :ccos.system.get-env "NO_SUCH_NAME")', "nil")],
)
def get_env(ctx: CallContext, name: str) -> str | None:
    """The value of an environment variable, nil when it is not set."""
    from rtfs.host.providers.ccos_io import whole

    if not name or "=" in name or "\0" in name:
        return None
    return whole(os.environ.get(name), f"the variable {name}")


@provides(
    "ccos.system.current-time",
    output=":timestamp",
    **_CLOCK,
    examples=[("(timestamp? (call :ccos.system.current-time))", "true")],
)
def current_time(ctx: CallContext) -> Timestamp:
    """Now, as a timestamp."""
    return Timestamp(ctx.clock.now_micros())


@provides(
    "ccos.system.current-timestamp-ms",
    output=":int",
    **_CLOCK,
    examples=[("(int? (call :ccos.system.current-timestamp-ms))", "true")],
)
def current_timestamp_ms(ctx: CallContext) -> int:
    """Now, in milliseconds since 1970-01-01T00:00:00Z."""
    return ctx.clock.now_ms()


@provides(
    "ccos.system.sleep-ms",
    input={"ms": _MS},
    output=":nil",
    effects=[":clock"],
    idempotent=True,
    examples=[("(call :ccos.system.sleep-ms 1)", "nil")],
)
async def sleep_ms(ctx: CallContext, ms: float) -> None:
    """Wait for so many milliseconds."""
    await ctx.clock.sleep(ms / 1000)
