"""`memory:rtfs.events`: what happens to the streams of a host, as a stream (streaming.md §9.2)."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters.memory import Topic
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.event import Event
    from rtfs.host.stream.registry import StreamRegistry

NAME = "rtfs.events"
ENDPOINT = f"memory:{NAME}"
HELD = 1_024  # events that wait for a slow stream of events; of older ones it is told how many it missed
_DATA, _MISSED = Keyword("data"), Keyword("missed")


class Feed:
    """The events of a host from now on, for one stream of them."""

    def __init__(self, registry: StreamRegistry) -> None:
        self._registry = registry
        self._waiting: deque[Event] = deque()
        self._missed = 0
        self._arrival: asyncio.Future[None] | None = None
        self._listen(weakref.ref(self))

    def _listen(self, reference: weakref.ref[Feed]) -> None:
        observers = self._registry.services.events.observers

        def observe(event: Event) -> None:
            feed = reference()
            if feed is None:  # the stream is gone
                observers.remove(observe)
            else:
                feed._take(event)

        observers.append(observe)

    def _take(self, event: Event) -> None:
        stream = self._registry.streams.get(event.stream_id)
        if stream is not None and stream.owner.settings["endpoint"] == ENDPOINT:
            return  # what streams of events tell of themselves would go round for ever
        if len(self._waiting) == HELD:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(event)
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    async def items(self, start: int = 0) -> AsyncIterator[Any]:
        """The events as maps; never ends."""
        while True:
            while self._waiting:
                item = self._waiting.popleft().as_map()
                if self._missed:
                    item, self._missed = item.assoc(_DATA, item.get(_DATA).assoc(_MISSED, self._missed)), 0
                yield item
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival


def topic(registry: StreamRegistry) -> Topic:
    """The events from now on."""
    return Topic(Feed(registry).items, replayable=False)
