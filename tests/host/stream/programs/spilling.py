"""Lets items wait for a reader that takes none before the last one is made; prints what came of them.

Arguments: folder for what waits on disk, number of items, bytes of each, bytes that may wait in memory. Prints how many
came in order, how often a program was told that items go to disk, what was in the folder at the end, and by how many
bytes the memory grew beyond that of a short run.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys

import rtfs


class Reader:
    """What came in order, and how often items began to go to disk."""

    count = spills = 0


def run(folder: str, items: int, size: int, memory: int) -> Reader:
    session = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
    reader = Reader()

    async def item(text: str) -> None:
        if reader.count == 0:  # everything is made before the first one is taken
            source = session.host.streams.find("waiting/0").owner
            while not source.terminal:
                await asyncio.sleep(0.01)
        assert int(text[:12]) == reader.count
        reader.count += 1

    def spilled(info: object) -> None:
        reader.spills += 1

    session.define("item", item)
    session.define("spilled", spilled)
    session.define("filler", "x" * (size - 12))
    session.run(f"""
      (def numbered (call :stream.generate (fn [n] (if (= n {items}) :done
        [(str (subs (str (+ 1000000000000 n)) 1) filler) (inc n)])) {{:initial-state 0}}))
      (def h (call :stream.memory-efficient numbered
        {{:max-memory {memory} :temp-dir "{folder}" :on-spill spilled :on-item item :stream-id "waiting"}}))
      (let [end (call :stream.wait h)] (when (:error end) (throw (:error end))))""")
    session.close()
    return reader


def main() -> None:
    folder, items, size, memory = sys.argv[1], *map(int, sys.argv[2:])
    run(folder, 1_000, size, memory)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader = run(folder, items, size, memory)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    print(reader.count, reader.spills, len(os.listdir(folder)), grown)


main()
