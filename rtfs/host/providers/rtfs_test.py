"""`rtfs.test.*`: what tests in the language ask of their host."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides


@provides(
    "rtfs.test.stream",
    input={"options": ":map"},
    output=":map",
    effects=[],
    transparent=True,
    examples=[
        (
            "(:outputs (call :rtfs.test.stream {:processor (fn [n c] {:state (+ n c) :output (+ n c)}) :state 0"
            " :chunks [1 2 :crash 3 :eof]}))",
            "[1 3 6]",
        )
    ],
)
async def stream(ctx: CallContext, options: Any) -> Any:
    """Feed chunks to a stream on a virtual clock; its outputs, state and status. `deftest-stream` makes this call.

    Options are those of `:mcp.stream.start`, and `:chunks`, `:state` and `:crash-at` (`:all` or numbers of chunks):
    at each of these places the stream is killed and resumed, and `:divergent` tells what was not the same then.
    """
    from rtfs.host.stream.rehearsal import rehearse  # deferred: a program without streams never loads them

    return await rehearse(options, ctx.call.module, ctx.evaluator)
