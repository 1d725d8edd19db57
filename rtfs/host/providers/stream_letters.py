"""`stream.dead-letters`, `stream.redrive`: what streams could not process (streaming.md §6.9)."""

from __future__ import annotations

from typing import Any

from rtfs.host.provider import CallContext, provides

EFFECTS = [":streaming"]

_START = """(def s (call :mcp.stream.start
  {:endpoint "room" :on-error :dead-letter :initial-state 0
   :processor (fn [n c] {:state (+ n (if (= c 13) (throw "unlucky") c))})}))
(doseq [c [1 13 2]] (call :mcp.stream.send {:stream s :chunk c :ack :processed}))"""


@provides(
    "stream.dead-letters",
    effects=EFFECTS,
    idempotent=True,
    examples=[(f"{_START}\n(map :item (call :stream.dead-letters {{:stream s}}))", "[13]")],
)
async def dead_letters(ctx: CallContext, *arguments: Any) -> Any:
    """The dead letters of a stream or of a `:queue`, the oldest first: item, metadata, error, attempts."""
    from rtfs.host.stream.letters import listed  # deferred: a program without streams never loads them

    return await listed(ctx.host.streams, arguments)


@provides(
    "stream.redrive",
    effects=EFFECTS,
    idempotent=False,
    examples=[(f"{_START}\n(:left (call :stream.redrive {{:stream s}}))", "0")],
)
async def redrive(ctx: CallContext, *arguments: Any) -> Any:
    """Send dead letters again, to their stream or `:to` another: those of `:ids`, or all not sent again before."""
    from rtfs.host.stream.letters import redrive

    return await redrive(ctx.host.streams, arguments)
