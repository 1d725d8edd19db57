"""How a stream ends with its host: by which strategy, and in what time (streaming.md §4.6, §6.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtfs.host.stream.lifecycle import PAUSED

if TYPE_CHECKING:
    from rtfs.host.stream.stream import Stream

LAST_MS = 1_000  # for what has to leave everything as it is


class Parting:
    """The end of one stream. Its own strategy and time count more than those of the host."""

    def __init__(self, stream: Stream, timeout: float, strategy: str) -> None:
        """timeout: seconds of the host."""
        self._owner, self._stream = stream.owner, stream
        own, limit = self._owner.settings["drain-strategy"], self._owner.settings["shutdown-timeout-ms"]
        self._strategy: str = strategy if own is None else own.name
        self._clock = self._owner.services.clock
        self._deadline = self._clock.monotonic() + (timeout if own is None or limit is None else limit / 1000)

    def begin(self) -> None:
        """Close the source. What is queued is left for later by some strategies, and where the stream is paused; what
        comes from runs that it reads is taken."""
        owner, strategy = self._owner, self._strategy
        owner.outputs.release()
        paused = owner.status is PAUSED and strategy != "drain-all"
        owner.flushing = strategy == "finish-current-batch" and not owner.follows and not paused
        owner.leaving = strategy == "immediate" or paused or owner.flushing
        owner.begin_drain("shutdown")

    async def ended(self) -> None:
        """Wait until it has; when its time is over it is stored as it is, and what still runs is cancelled."""
        owner = self._owner
        if not await self._stream.until(lambda: owner.terminal, self.left_s * 1000):
            owner.leaving = owner.overdue = True
            owner.wake()
            await self._stream.until(lambda: owner.terminal, LAST_MS)

    @property
    def left_s(self) -> float:
        """The seconds that are left for its sink."""
        return 0.0 if self._strategy == "immediate" else max(0.0, self._deadline - self._clock.monotonic())
