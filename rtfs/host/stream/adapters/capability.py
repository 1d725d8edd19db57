"""`:capability`: the items that a streaming capability of the marketplace yields (streaming.md §3.10)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Plain, Session, breathe

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

TURN = 64  # items between two looks at the loop, of a provider that never waits


class CapabilityAdapter(Plain):
    """Pulls one item after the other, and none while the queue is full. What the provider raises ends the stream."""

    name = "capability"
    connects = False
    endless = False
    replayable = False
    guarantee = "at-most-once"

    def __init__(self, settings: Settings, items: AsyncGenerator[Any, None]) -> None:
        super().__init__(settings)
        self._items = items

    async def run(self, session: Session, intake: Intake) -> None:
        count = 0
        async with aclosing(self._items) as items:
            async for item in items:
                intake.offer(item)
                count += 1
                if not intake.open:
                    await intake.opened()
                elif count % TURN == 0:
                    await breathe()

    def may_repeat(self) -> bool:
        return False


ADAPTER = CapabilityAdapter
