"""Programs with streams, in processes that die at an exact place.

Reads lines of JSON `[STATE_DIR, "PLACE:NUMBER", TEXT]` and answers each with a line `{"code": …, "end": …}` when the
process it forked for it has ended; `end` is what the program gave, printed, or its error.

PLACE is where SIGKILL strikes: `commit` (before a commit of a store), `committed` (after one), `pwrite` (when half of a
write to a file is done), `written` (after one), `rename` (before one), `renamed` (after one) or `never`; NUMBER counts
from the start of the process.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import rtfs
from rtfs.host.stream.stores import sqlite

LEFT: dict[str, int] = {}
WRITE, RENAME, COMMIT = os.pwrite, os.rename, sqlite.SqliteStore.commit


def reach(place: str) -> bool:
    """Has this place been reached often enough?"""
    if place in LEFT:
        LEFT[place] -= 1
        return LEFT[place] == 0
    return False


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write(descriptor: int, content: Any, at: int) -> int:
    if reach("pwrite"):
        WRITE(descriptor, content[: len(content) // 2], at)
        die()
    done = WRITE(descriptor, content, at)
    if reach("written"):
        die()
    return done


def rename(*paths: Any, **places: Any) -> None:
    if reach("rename"):
        die()
    RENAME(*paths, **places)
    if reach("renamed"):
        die()


def commit(self: Any, rows: Any) -> Any:
    if reach("commit"):
        die()
    result = COMMIT(self, rows)
    if reach("committed"):
        die()
    return result


def live(state_dir: str, text: str) -> str:
    os.pwrite, os.rename, sqlite.SqliteStore.commit = write, rename, commit  # type: ignore[method-assign]
    session = rtfs.Session(state_dir=state_dir, context=rtfs.RuntimeContext.full(), limits=rtfs.Limits.unlimited())
    try:
        return str(rtfs.show(session.run(text)))
    except rtfs.RtfsError as error:
        return f"{error.code} {error.message}"


def main() -> None:
    for line in sys.stdin:
        state_dir, fuse, text = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            place, _, number = fuse.partition(":")
            LEFT[place] = int(number or 0)
            os.write(writing, json.dumps(live(state_dir, text)).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as report:
            end = report.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"code": code, "end": json.loads(end or "null")}), flush=True)


main()
