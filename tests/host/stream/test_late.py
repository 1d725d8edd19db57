"""A server that goes on reporting after its answer (streaming.md §3.5), and one whose resource holds for a while."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp_types import ReadResourceResult, TextResourceContents

from rtfs.host.clock import Clock
from rtfs.host.stream.chunk import from_json
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K

PROGRAM = Path(__file__).parent / "programs" / "talkative.py"


def keep(state: Any, chunk: Any) -> Map:
    return Map.of([(K("state"), vector([*state, chunk]))])


async def test_notes_after_the_answer_are_no_chunks_and_are_counted(ground: Any) -> None:
    registry, note = ground.registry(clock=Clock()), {"progress": 1}
    asked = {"processor": keep, "state": (), "tool": "talk"}
    args = from_json({"notes": [note], "late": [note, note]})
    stream = await registry.start(f"stdio:{sys.executable} {PROGRAM}", args=args, **asked)
    assert len(await asyncio.wait_for(stream.result(), 30)) == 2
    again = await registry.start(f"stdio:{sys.executable} {PROGRAM}", **asked)
    await asyncio.wait_for(again.result(), 30)  # over the same pipe, behind the late notes of the first call
    assert stream.inspect()[K("stats")][K("ignored")] == 2


async def test_a_resource_is_read_again_when_the_time_is_over_for_which_it_holds(ground: Any) -> None:
    count = 0

    async def read(ctx: Any, params: Any) -> ReadResourceResult:
        nonlocal count
        count += 1
        return ReadResourceResult(contents=[TextResourceContents(uri=params.uri, text=str(count))], ttl_ms=20)

    registry = ground.registry(clock=Clock())
    registry.servers["s"] = Server("s", on_read_resource=read, cache_hints={"resources/read": CacheHint(ttl_ms=20)})
    stream = await registry.start(
        "memory:s", processor=keep, state=(), resource="test://r", adapter=K("resource"), max_chunks=4
    )
    chunks = await asyncio.wait_for(stream.result(), 30)  # four of the default interval would take 15 s
    assert [chunk[K("contents")] for chunk in chunks] == ["1", "2", "3", "4"]
