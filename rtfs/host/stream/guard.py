"""May this program reach that server? Asked before any connection (streaming.md §8)."""

from __future__ import annotations

from rtfs.host.policy import effect_rule, grants_of
from rtfs.host.stream import transports
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.transports import Target
from rtfs.lang.outcome import RuntimeContext


def admit(security: RuntimeContext, target: Target) -> None:
    """S053 when the context denies the effect of the transport, or no grant reaches the host."""
    label = transports.effect(target.scheme)
    if effect_rule(security, (label,)) is not None:
        raise fault(53, e=label, capability="mcp.stream.start")
    granted = grants_of(security, "net")
    if target.scheme != "http" or granted is None:
        return
    from rtfs.host.net import endpoint, granting

    try:
        allowed = granting(granted, endpoint(target.place)) is not None
    except ValueError as problem:
        raise fault(24, a=":auto", endpoint=target.shown, why=str(problem)) from None
    if not allowed:
        raise fault(53, e=f"{label} to {target.shown}", capability="mcp.stream.start")
