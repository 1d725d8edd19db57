"""Runners: who works on the partitions of a parallel stream, one file each (streaming.md §10.1).

`local` works on all of them here, `procs` in processes of this machine. Batches of one partition are given one after
the other, each when the one before is answered; those of different partitions at the same time.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from rtfs.host.stream.partition import Item, Reply


class Runner(Protocol):
    """name: of the file. What was answered is done once and for all, whatever becomes of who did it."""

    name: str

    async def work(self, partition: int, items: list[Item]) -> Reply:
        """What a partition makes of a batch."""
        ...

    async def control(self, partition: int, control: str, time: int) -> Reply:
        """A `tick` or the `flush` of a partition."""
        ...

    def close(self) -> None:
        """Work no more, at once."""
        ...


async def breathe() -> None:
    """Hand the loop back once."""
    await asyncio.sleep(0)
