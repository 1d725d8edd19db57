"""`ccos.concurrent/*`: several functions of the program at once."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.collections import vector


async def _parallel_again(ctx: CallContext, answer: Any, *functions: Any) -> Any:
    return await parallel(ctx, *functions)


@provides(
    "ccos.concurrent/parallel",
    output=":vector",
    effects=[],
    transparent=True,
    renew=_parallel_again,
    examples=[("(call :ccos.concurrent/parallel (fn [] 1) (fn [] 2))", "[1 2]")],
)
async def parallel(ctx: CallContext, *functions: Any) -> Any:
    """The values of functions without parameters, in their order. The first failure cancels the others."""
    from rtfs.host.task import together
    from rtfs.lang.access import callee

    if not functions:
        return ()
    callees = [callee(f, "parallel") for f in functions]
    ctx.host.tasks.enter(len(callees))
    try:
        return vector(await together([ctx.invoke(f) for f in callees]))
    finally:
        ctx.host.tasks.leave(len(callees))
