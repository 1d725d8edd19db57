"""`stream.resume-from-checkpoint`: stored runs go on, with all that belongs to them (streaming.md §6.7)."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

EFFECTS = [":streaming"]

_START = """(call :stream.create [1 2 3] {:stream-id "numbers"})
(call :stream.next "numbers") (call :stream.next "numbers")
(call :stream.cancel "numbers")
"""


async def _again(ctx: CallContext, answer: Any, *arguments: Any) -> None:
    if answer.get(Keyword("stream-id")) not in ctx.host.streams.streams:
        await _resumed(ctx, arguments)


async def _resumed(ctx: CallContext, arguments: tuple[Any, ...]) -> Any:
    from rtfs.host.stream.request import resume_parameters  # deferred: a program without streams never loads them
    from rtfs.host.stream.revival import call

    _, parameters = resume_parameters(ctx.capability_id, arguments)
    return await call(ctx, parameters)


@provides(
    "stream.resume-from-checkpoint",
    effects=EFFECTS,
    idempotent=True,
    renew=_again,
    examples=[
        (
            f"{_START}(call :stream.resume-from-checkpoint"
            ' {:stream-id "numbers" :checkpoint-id "numbers@1.1"})\n(call :stream.next "numbers")',
            "1",
        )
    ],
)
async def resume_from_checkpoint(ctx: CallContext, *arguments: Any) -> Map:
    """Go on with a stored stream: state, position, what it reads, and the sink or callbacks that take its items.

    `:checkpoint-id` is `:latest` or an older one, which takes back what came after it, with `:force true` also what was
    delivered. `:graph` is the node, where it is not stored; `:store` a URL or the kind of a store; `:on-resumed` gets
    `{:checkpoint-id :position :seq …}` before the first item. Answers the handle.
    """
    stream = await _resumed(ctx, arguments)
    handle: Map = stream.handle()
    return handle
