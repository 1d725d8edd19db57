"""`:memory`: the items of a Python iterable or async iterator of this process (streaming.md §3.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Plain, Session, breathe
from rtfs.host.stream.retry import Lost

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.settings import Settings

BATCH = 1_024  # items between two looks at the loop


class EOF:
    """In a source's items: it ends here."""


class ABORT:
    """In a source's items: the connection breaks here."""


class MALFORMED:
    """In a source's items: a frame nobody can read."""


class PAUSE:
    """In a source's items: silence for some milliseconds of host time."""

    def __init__(self, milliseconds: float) -> None:
        self.milliseconds = milliseconds


_CONTROLS = frozenset({type, PAUSE})


class Topic:
    """What `memory:name` stands for: `items(start)` gives an iterator, plain or asynchronous, from item `start` on.

    replayable: `items` gives the same ones each time, so that accepted chunks need not be stored.
    """

    def __init__(
        self, items: Callable[[int], Iterable[Any] | AsyncIterator[Any]] | Iterable[Any], *, replayable: bool = True
    ) -> None:
        self.items = items if callable(items) else _from(items)
        self.replayable = replayable


def _from(items: Iterable[Any]) -> Callable[[int], Iterator[Any]]:
    kept = items if isinstance(items, (list, tuple, range)) else list(items)
    return lambda start: iter(kept[start:])


class MemoryAdapter(Plain):
    """Offers the items; the position is the number of items taken, controls included."""

    name = "memory"
    connects = False
    endless = False

    def __init__(self, settings: Settings, topic: Topic) -> None:
        super().__init__(settings)
        self._topic = topic
        self._taken = 0
        self.replayable = topic.replayable
        self.guarantee = "exactly-once" if topic.replayable else "at-most-once"

    async def run(self, session: Session, intake: Intake) -> None:
        start = max(intake.position or 0, self._taken) if self.replayable else self._taken
        items = self._topic.items(start)
        if isinstance(items, AsyncIterator):
            await self._run_async(items, start, session, intake)
        else:
            await self._run_plain(iter(items), start, session, intake)

    async def _run_async(self, items: AsyncIterator[Any], number: int, session: Session, intake: Intake) -> None:
        async for item in items:
            number += 1
            if not await self._take(item, number, session, intake):
                return

    async def _run_plain(self, items: Iterator[Any], number: int, session: Session, intake: Intake) -> None:
        while True:
            if not intake.open:
                await intake.opened()
            room = intake.room
            batch = list(islice(items, min(room or BATCH, BATCH)))
            if not batch:
                return
            if not room or not _CONTROLS.isdisjoint(map(type, batch)):
                for number, item in enumerate(batch, number + 1):  # noqa: B020 - goes on counting after the loop
                    if not await self._take(item, number, session, intake):
                        return
            else:
                intake.extend(batch, number + 1 if self.replayable else None)
                number = self._taken = number + len(batch)
                if intake.open:
                    await breathe()

    async def _take(self, item: Any, number: int, session: Session, intake: Intake) -> bool:
        """One item or control; False at the end."""
        self._taken = number
        if not intake.open:
            await intake.opened()
        if item is EOF:
            return False
        if item is ABORT:
            raise Lost("aborted")
        if item is MALFORMED:
            intake.malformed("not a value")
        elif isinstance(item, PAUSE):
            await session.timers.clock.sleep(item.milliseconds / 1000)
        else:
            intake.offer(item, number if self.replayable else None)
        return True


ADAPTER = MemoryAdapter
