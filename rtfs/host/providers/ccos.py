"""`ccos.echo`: the smallest capability."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides


@provides("ccos.echo", input={"value": ":any"}, effects=[])
def echo(ctx: CallContext, value: Any) -> Any:
    """The value given."""
    return value
