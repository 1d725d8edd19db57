"""`:replay`: a recording of a plain server, frame by frame (streaming.md §3.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtfs.host.stream import adapters
from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import K_DURATION, K_OFFSET, K_SOURCE, K_TIME
from rtfs.host.stream.framed import Framed
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.recording import Recorded, Recording
    from rtfs.host.stream.settings import Settings


class ReplayAdapter(Plain):
    """The chunks that were recorded, with the metadata they had; the position is the number of the line."""

    name = "replay"
    connects = False
    endless = False
    guarantee = "exactly-once"

    def __init__(self, settings: Settings, recording: Recording) -> None:
        super().__init__(settings)
        self._recording = recording
        inner = adapters.load(recording.adapter, settings)
        if not isinstance(inner, Framed):
            why = f"a recording of :{recording.adapter} has no frames of its own"
            raise fault(24, a=":replay", endpoint=f"replay:{recording.path}", why=why)
        self._inner = inner

    def memory(self) -> Any:
        return self._inner.memory()

    def remember(self, memory: Any) -> None:
        self._inner.remember(memory)

    async def run(self, session: Session, intake: Intake) -> None:
        after = intake.position if type(intake.position) is int else 0
        before: int | None = None
        for frame in self._recording.frames(after):
            if frame.kind == "open":
                intake.attempt = frame.connection
            if frame.direction != "in" or frame.kind != self._inner.frame_kind or type(frame.data) is not dict:
                continue
            if self.settings["speed"] and before is not None and frame.at > before:
                await session.timers.clock.sleep((frame.at - before) / 1000 / self.settings["speed"])
            before = frame.at
            if not intake.open:
                await intake.opened()
            self._inner.take(frame.data, _Again(intake, frame, self._recording, self._inner.name))  # type: ignore[arg-type]
            if intake.open and not frame.line % 64:
                await adapters.breathe()


class _Again:
    """An intake as the recorded adapter sees it: its chunks get the line as position and look as they did."""

    def __init__(self, intake: Intake, frame: Recorded, recording: Recording, adapter: str) -> None:
        self._intake = intake
        self._frame = frame
        self._was = {
            K_SOURCE: Keyword(adapter),
            K_TIME: frame.at,
            K_DURATION: frame.at - recording.started_at,
        }

    def offer(self, data: Any, offset: Any = None, metadata: dict[Keyword, Any] | None = None) -> None:
        self._intake.offer(data, self._frame.line, {**(metadata or {}), **self._was, K_OFFSET: offset})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._intake, name)


ADAPTER = ReplayAdapter
