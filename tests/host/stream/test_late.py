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
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K

TALKATIVE = """
import json, sys
def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")
    sys.stdout.flush()
results = {
    "initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                   "serverInfo": {"name": "t", "version": "1"}},
    "tools/list": {"tools": [{"name": "talk", "inputSchema": {"type": "object"}}]},
    "tools/call": {"content": [{"type": "text", "text": "{}"}]},
}
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    if asked["method"] not in results:
        say(id=asked["id"], error={"code": -32601, "message": "no such method"})
        continue
    token = asked.get("params", {}).get("_meta", {}).get("progressToken")
    note = {"method": "notifications/progress", "params": {"progressToken": token, "progress": 1}}
    if token is not None:
        say(**note)
    say(id=asked["id"], result=results[asked["method"]])
    if token is not None:
        say(**note)
        say(**note)
"""


def keep(state: Any, chunk: Any) -> Map:
    return Map.of([(K("state"), vector([*state, chunk]))])


async def test_notes_after_the_answer_are_no_chunks_and_are_counted(ground: Any, tmp_path: Path) -> None:
    program = tmp_path / "talkative.py"
    program.write_text(TALKATIVE)
    registry = ground.registry(clock=Clock())
    stream = await registry.start(f"stdio:{sys.executable} {program}", processor=keep, state=(), tool="talk")
    assert len(await asyncio.wait_for(stream.result(), 30)) == 2
    again = await registry.start(f"stdio:{sys.executable} {program}", processor=keep, state=(), tool="talk")
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
