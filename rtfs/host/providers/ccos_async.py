"""`ccos.async/*`: functions of the program that run beside it."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides
from rtfs.lang.values import ResourceHandle


async def _spawn_again(ctx: CallContext, answer: ResourceHandle, function: Any) -> ResourceHandle:
    ctx.host.tasks.enter(1)
    return ctx.host.tasks.spawn(ctx.invoke(function), ctx.once)


@provides(
    "ccos.async/spawn",
    input={"function": ":fn"},
    output=":resource",
    effects=[],
    renew=_spawn_again,
    examples=[("(resource? (call :ccos.async/spawn (fn [] (+ 1 2))))", "true")],
)
async def spawn(ctx: CallContext, function: Any) -> ResourceHandle:
    """Start a function without parameters; a handle for `ccos.async/await`. The run ends when all have ended."""
    ctx.host.tasks.enter(1)
    return ctx.host.tasks.spawn(ctx.invoke(function), ctx.once)


@provides(
    "ccos.async/await",
    input={"handle": ":resource"},
    effects=[],
    transparent=True,
    examples=[("(call :ccos.async/await (call :ccos.async/spawn (fn [] (+ 1 2))))", "3")],
)
async def await_(ctx: CallContext, handle: ResourceHandle) -> Any:
    """The value of a spawned function; its failure is raised here."""
    return await ctx.host.tasks.result(handle)
