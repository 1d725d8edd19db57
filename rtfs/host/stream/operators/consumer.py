"""`:stream.consumer`: items are processed one at a time, behind a buffer that tells when it is full (§6.3)."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from rtfs.host.stream.adapters import Session
from rtfs.host.stream.input import Input
from rtfs.host.stream.intake import Intake
from rtfs.host.stream.operators import HostOperator, Single
from rtfs.host.stream.outputs import Output
from rtfs.host.waiting import end


class Consumer(Single):
    """What it gives for an item leaves; the position is behind the items that were processed, not those buffered."""

    name = "consumer"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._processor = self.around.slot("processor", self.param("processor"))
        self._full = self.around.maybe("on-buffer-full", self.param("on-buffer-full"), 0)
        self._drained = self.around.maybe("on-drained", self.param("on-drained"), 0)
        self._size: int = self.param("buffer-size")
        self._buffer: deque[Output] = deque()
        self._moved = asyncio.Event()
        self._filled = False  # since it was empty

    async def work(self, session: Session, intake: Intake) -> None:
        (source,) = self.inputs
        source.open(0 if intake.position is None else intake.position[0])
        self.intake = intake
        filling = asyncio.ensure_future(self._fill(source))
        filling.add_done_callback(lambda done: self._moved.set())
        try:
            while self._buffer or not filling.done():
                if self._buffer:
                    await self._processed()
                else:
                    await self._change()
            filling.result()
        finally:
            await end([filling])

    async def _fill(self, source: Input) -> None:
        """Read ahead as far as the buffer reaches."""
        while (output := await source.next()) is not None:
            self._buffer.append(output)
            self._moved.set()
            if len(self._buffer) >= self._size and not self._filled:
                self._filled = True
                await self._tell(self._full)
            while len(self._buffer) >= self._size:
                await self._change()

    async def _processed(self) -> None:
        """The first item of the buffer, which has room for another one then."""
        output = self._buffer.popleft()
        self._moved.set()
        await self._taken(output)
        if self._filled and not self._buffer:
            self._filled = False
            await self._tell(self._drained)

    async def _change(self) -> None:
        self._moved.clear()
        await self._moved.wait()

    async def _tell(self, slot: Any) -> None:
        if slot is not None:
            await self.intake.owner.ask(slot, self.intake.seq)

    async def take(self, output: Output) -> None:
        await self.give(await self.ask(self._processor, output.value), output)


OPERATOR = HostOperator(Consumer, starts=True)
