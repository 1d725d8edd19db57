"""The console of programs in a REPL: what they read comes from where inputs are typed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rtfs.cli.output import Hangup, Output, flush

if TYPE_CHECKING:
    from rtfs.cli.interactive.repl import Repl


class Typed(Output):
    """Standard output and error of the process; lines come from whoever types. `repl` is set once it is made."""

    repl: Repl

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._due = False

    def write(self, text: str) -> None:
        """Write, and have it reach its reader soon: streams print while nobody types."""
        super().write(text)
        if not self._due and self.loop is not None:
            self._due = True
            self.loop.call_soon_threadsafe(self._flush)

    def _flush(self) -> None:
        self._due = False
        try:
            flush()
        except Hangup as hangup:
            self.repl.broken = hangup
            self.repl.leave()

    def read_line(self, prompt: str = "") -> str | None:
        """The next line that is typed; called from a thread of its own, so that streams run meanwhile."""
        assert self.loop is not None and self.repl.ask is not None
        question = asyncio.run_coroutine_threadsafe(self.repl.ask(prompt), self.loop)
        self.repl.questions.add(question)
        try:
            return question.result()
        finally:
            self.repl.questions.discard(question)
