"""`:subscription`: the outputs of a running stream from now on, where its handle is an operand (streaming.md §1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.lifecycle import ERROR

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings
    from rtfs.host.stream.stream import Stream

BATCH = 64


class SubscriptionAdapter(Plain):
    """A reader that holds the stream back when this one does not keep up."""

    name = "subscription"
    connects = False
    endless = False
    replayable = False
    guarantee = "at-most-once"

    def __init__(self, settings: Settings, stream: Stream) -> None:
        super().__init__(settings)
        self._stream = stream
        self._reader = stream.reader(f"subscription-{stream.owner.services.serial()}")

    async def run(self, session: Session, intake: Intake) -> None:
        owner = self._stream.owner
        try:
            while found := await self._stream.read(self._reader, BATCH):
                for output in found:
                    if not intake.open:
                        await intake.opened()
                    intake.offer(output.value, None, output.metadata)
            if owner.status is ERROR and owner.failure is not None:
                raise owner.failure
        finally:
            owner.outputs.detach(self._reader.id)

    def may_repeat(self) -> bool:
        return False


ADAPTER = SubscriptionAdapter
