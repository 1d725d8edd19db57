"""A child process that does not keep to lines of UTF-8 (streaming.md §3.8)."""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import sys
from pathlib import Path

import pytest

from rtfs.host.stream.connection import Connection
from rtfs.host.stream.lines import OVERSIZE, encoding
from rtfs.host.stream.loss import as_loss
from rtfs.host.stream.retry import Lost
from rtfs.host.stream.transports import Limits, Target
from rtfs.lang.errors import StreamError

MOST = 10_000
ANSWERING = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    sys.stdout.buffer.write(b"\\xff\\xfe no text\\n")
    if asked["method"] == "initialize":
        result = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "t", "version": "1"}}
    else:
        result = {"tools": [{"name": "Zoë", "inputSchema": {"type": "object"}}]}
    answer = {"jsonrpc": "2.0", "id": asked["id"], "result": result}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\\n")
    sys.stdout.flush()
"""
ENDLESS = "import sys\nwhile True: sys.stdout.write('A' * 100_000)"


def decoder(most: int) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder(encoding(most))()


def connection(program: str) -> Connection:
    target = Target("stdio", sys.executable, "stdio:test", arguments=("-c", program), key="test")
    return Connection(target, "legacy", Limits(30_000, MOST))


async def test_a_line_that_is_no_text_is_counted_and_the_next_one_is_read() -> None:
    connected = connection(ANSWERING)
    client = await asyncio.wait_for(connected.opened(), 30)
    assert [tool.name for tool in (await client.list_tools()).tools] == ["Zoë"]
    assert connected.link.tap.malformed == 2  # type: ignore[attr-defined]
    await asyncio.wait_for(connected.close(5_000), 10)


async def test_a_line_that_never_ends_ends_the_connection() -> None:
    connected = connection(ENDLESS)
    with pytest.raises(StreamError) as caught:
        await asyncio.wait_for(connected.opened(), 30)
    assert caught.value.code == "RTFS-S025"
    await asyncio.wait_for(connected.close(5_000), 10)


async def test_a_request_after_the_child_has_gone_is_a_lost_connection() -> None:
    connected = connection(ANSWERING)
    client = await asyncio.wait_for(connected.opened(), 30)
    connected.lost("the child has gone")
    await asyncio.wait_for(connected.ended(), 30)
    with pytest.raises(RuntimeError) as caught:
        await client.list_tools()
    loss = await as_loss(caught.value, connected, "resource", "stdio:test")
    assert isinstance(loss, Lost)
    assert loss.why == "the child has gone"


async def test_a_child_that_does_not_want_to_end_is_killed(tmp_path: Path) -> None:
    stubborn = f"""
import os, pathlib, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
{ANSWERING}
while True:
    time.sleep(60)
"""
    connected = connection(stubborn)
    await asyncio.wait_for(connected.opened(), 30)
    await asyncio.wait_for(connected.close(1), 30)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_lines_come_whole_whatever_the_chunks(size: int) -> None:
    data = "é𝔘\n\nzwei\r\n".encode() + b"\xff\n" + "letzte ß\nrest".encode()
    lines = decoder(MOST)
    text = "".join(lines.decode(data[at : at + size]) for at in range(0, len(data), size))
    assert text == "é𝔘\n\nzwei\r\n\nletzte ß\n"
    assert lines.decode(b"", final=True) == ""


def test_of_a_line_that_is_too_long_a_notice_is_left_and_the_next_one_is_whole() -> None:
    assert decoder(5).decode(b"abcde\n") == "abcde\n"
    lines = decoder(5)
    assert lines.decode(b"abcde") == ""
    assert json.loads(lines.decode(b"f")) == {"jsonrpc": "2.0", "method": OVERSIZE}
    assert lines.decode(b"ghi") == ""
    assert lines.decode(b"j\nnext\n") == "next\n"
