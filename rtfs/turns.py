"""The order in which programs got their answers, kept when they run again (language.md §11.2).

Functions that the host runs beside each other share definitions and context: what each of them sees depends on when the
others went on. So of all programs only the one goes on that did so in the earlier process, and new calls wait until
everything recorded was repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rtfs.mismatch import mismatch, shown_call

if TYPE_CHECKING:
    from rtfs.host.history import Entry, History

PATIENCE = 60.0  # seconds without any progress, after which a call will not be repeated any more


class Turns:
    """Whose turn it is. settled: will the call of a key not be repeated, since the call around it has its answer?"""

    def __init__(self, history: History, settled: Callable[[str], bool]) -> None:
        self._history = history
        self._settled = settled
        self._waiting: list[Any] = []
        self._now: Entry | None = None
        self._seek(0)

    @property
    def over(self) -> bool:
        """Is everything repeated?"""
        return self._now is None

    def here(self, entry: Entry) -> bool:
        """May the program of a call go on with its answer?"""
        return self._now is None or entry.number <= self._now.number

    def take(self, entry: Entry) -> None:
        """The program of a call goes on now; when it waits again, or has ended, it is the next one's turn."""
        if self._now is not None and self._now.number == entry.number:
            self._seek(entry.number)

    def look(self) -> None:
        """A call got its answer in this process: what was called inside it need not be repeated any more."""
        if self._now is not None and self._settled(self._now.key):
            self._seek(self._now.number)

    def _seek(self, number: int) -> None:
        found = self._history.next_answer(number)
        while found is not None and self._settled(found.key):
            found = self._history.next_answer(found.number)
        self._now = found
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def come(self, entry: Entry | None) -> None:
        """Wait for the turn of a call; for None until everything is repeated. ReplayMismatch when it never comes."""
        import asyncio  # deferred: programs that never wait need no event loop

        while not (self.over if entry is None else self.here(entry)):
            before = self._now
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            try:
                await asyncio.wait_for(future, PATIENCE)
            except TimeoutError:
                if self._now is before and before is not None:
                    raise mismatch(f"recorded {shown_call(before.call)}, which is not made again") from None
