"""What the adapters of plain servers have in common: they connect by themselves and take one frame after the other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.chunk import NotJson, parse_json
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

Frame = dict[str, Any]
"""JSON data of one event, message or line; `{"oversize" n}` and `{"malformed" why}` stand for those that cannot be
read."""
Frames = AsyncGenerator[Frame, None]


class Framed(Plain):
    """frame_kind: what a recording calls the frames.

    `connected` gives the frames of one connection, and `offer` makes a chunk of one; a recording needs `offer` only.
    """

    connects = False
    replayable = False
    guarantee = "at-most-once"
    frame_kind = "frame"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.most: int = settings["max-message-bytes"]
        self._keywords = settings["key-style"] is Keyword("keyword")

    @abstractmethod
    def connected(self, session: Session, intake: Intake) -> AbstractAsyncContextManager[Frames]:
        """A connection that is open, and its frames until the other side is done."""

    @abstractmethod
    def offer(self, frame: Frame, intake: Intake) -> None:
        """The chunk of a frame that can be read."""

    async def run(self, session: Session, intake: Intake) -> None:
        async with self.connected(session, intake) as frames, aclosing(frames):
            session.opened()
            async for frame in frames:
                if session.recorder is not None:
                    session.recorder.frame("in", self.frame_kind, frame)
                self.take(frame, intake)
                if not intake.open:  # nothing more is read from the socket meanwhile
                    await intake.opened()

    def take(self, frame: Frame, intake: Intake) -> None:
        """One frame: S025 and S026 when it cannot be read and the stream bears none."""
        if "oversize" in frame:
            intake.oversize(frame["oversize"])
        elif "malformed" in frame:
            intake.malformed(frame["malformed"])
        else:
            self.offer(frame, intake)

    def value(self, text: str) -> Any:
        """JSON as a value; any other text is itself."""
        try:
            return parse_json(text, self._keywords)
        except NotJson:
            return text
