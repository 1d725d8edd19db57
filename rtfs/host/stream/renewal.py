"""Runs of graphs in a durable program: what an answer of an earlier process stands for is brought back (host.md §2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.lang.collections import Map
from rtfs.lang.errors import StreamError
from rtfs.lang.operator import NODE, STREAM_ID, is_node

if TYPE_CHECKING:
    from rtfs.host.provider import CallContext

GONE = "RTFS-S032"  # nothing is stored of it


async def renew(ctx: CallContext, act: Callable[..., Any], answer: Any, arguments: tuple[Any, ...]) -> None:
    """Go on with the run that a call began, if its answer is a handle or an id; one that is not stored begins anew."""
    id = answer.get(STREAM_ID) if type(answer) is Map and NODE not in answer else answer
    if type(id) is not str or id in ctx.host.streams.streams:
        return
    again = _named(arguments, id)
    ctx.renewing = True
    try:
        await act(ctx, *again)
    except StreamError as error:
        if error.code != GONE:
            raise
        ctx.renewing = False
        await act(ctx, *again)


def _named(arguments: tuple[Any, ...], id: str) -> tuple[Any, ...]:
    """The arguments with the id of the run among the options, which come last."""
    last = arguments[-1]
    if (len(arguments) > 1 and type(last) is Map) or (type(last) is Map and not is_node(last)):
        return *arguments[:-1], last.assoc(STREAM_ID, id)
    return *arguments, Map.of([(STREAM_ID, id)])
