"""`ccos.echo`: the smallest capability."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides


@provides(
    "ccos.echo", input={"value": ":any"}, effects=[], examples=[('(call :ccos.echo [1 {:a "b"}])', '[1 {:a "b"}]')]
)
def echo(ctx: CallContext, value: Any) -> Any:
    """The value given."""
    return value
