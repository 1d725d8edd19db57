"""A server over stdio that says the progress notes it is asked for: `notes` before its answer, and `late` behind it.

A note is what stands in its params beside the token; with `as_text` the token is sent as text.
"""

from __future__ import annotations

import json
import sys
from typing import Any

RESULTS: dict[str, Any] = {
    "initialize": {
        "protocolVersion": "2025-06-18",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "t", "version": "1"},
    },
    "tools/list": {"tools": [{"name": "talk", "inputSchema": {"type": "object"}}]},
    "tools/call": {"content": [{"type": "text", "text": "{}"}]},
}


def say(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def notes(asked: dict[str, Any], name: str) -> None:
    params = asked.get("params", {})
    for note in params.get("arguments", {}).get(name, []):
        token = params["_meta"]["progressToken"]
        token = str(token) if note.pop("as_text", False) else token
        say(method="notifications/progress", params={"progressToken": token, **note})


for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    if asked["method"] not in RESULTS:
        say(id=asked["id"], error={"code": -32601, "message": "no such method"})
        continue
    notes(asked, "notes")
    say(id=asked["id"], result=RESULTS[asked["method"]])
    notes(asked, "late")
