"""`ccos.resource.*`: giving back what a capability opened."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword
from rtfs.lang.values import ResourceHandle


def _close_again(ctx: CallContext, answer: None, handle: Any) -> Any:
    return close(ctx, handle)


@provides(
    "ccos.resource.close",
    input={"handle": ":any"},
    output=":nil",
    effects=[],
    idempotent=True,
    renew=_close_again,
    examples=[("(call :ccos.resource.close resource://db/1)", "nil")],
)
def close(ctx: CallContext, handle: Any) -> Any:
    """Close a resource. What is closed already, or needs no closing, stays as it is."""
    name = _name(handle)
    closing = ctx.host.resources.pop(name, None) if name is not None else None
    result = None if closing is None else closing()
    return _end(result) if result is not None and hasattr(result, "__await__") else None


def _name(handle: Any) -> str | None:
    """How the host knows a resource: the text of its handle, or the id in the map that stands for a stream or sink."""
    if type(handle) is ResourceHandle:
        return handle.text
    if type(handle) is Map:
        name = handle.get(Keyword("stream-id")) or handle.get(Keyword("sink-id"))
        return name if type(name) is str else None
    return None


async def _end(closing: Awaitable[Any]) -> None:
    await closing
