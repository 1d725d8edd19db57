"""What a run tells its program beside the items: calls of effect slots, one after the other (streaming.md §6.7)."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from rtfs.lang.errors import RtfsError

if TYPE_CHECKING:
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.slot import Slot


HELD = "notice"


class Notices:
    """The calls that are due. A call that fails is an event, and the run goes on; no step is made before the calls that
    are due have ended."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._waiting: deque[tuple[Slot, int, tuple[Any, ...], str]] = deque()
        self._task: asyncio.Task[None] | None = None

    @property
    def due(self) -> bool:
        """Has a call not ended yet?"""
        return self._task is not None and not self._task.done()

    @property
    def asks(self) -> bool:
        """Is it one of the calls that wants to know?"""
        return self._task is not None and asyncio.current_task() is self._task

    def add(self, slot: Slot, number: int, *args: Any, part: str = "") -> None:
        """Make a call when those before it have ended. number: of the chunk that it is about; part: which of several
        calls for it."""
        self._waiting.append((slot, number, args, part))
        if not self.due:
            self._owner.hold(HELD)
            name = f"rtfs notices of stream {self._owner.id}"
            self._task = asyncio.get_running_loop().create_task(self._run(), name=name)

    async def _run(self) -> None:
        owner = self._owner
        while self._waiting:
            slot, number, args, part = self._waiting.popleft()
            try:
                await owner.ask(slot, number, *args, part=part)
            except RtfsError as error:
                owner.emit("callback-failed", slot=slot.name, code=error.code, message=error.message)
        owner.go_on(HELD)

    async def done(self) -> None:
        """Wait until all are made; not in one of them."""
        while self._task is not None and self.due and not self.asks:
            await asyncio.wait({self._task})
