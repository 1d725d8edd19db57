"""`memory:` topics: messages between sinks and streams of one process, by reference.

A topic holds a bounded number of messages that some reader has not acknowledged; beyond it a sender waits. Messages
sent before the first reader came wait for it. A topic ends when its last sender closes.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.brokers import DEDUPE, Message, Reading, UnknownQueue

if TYPE_CHECKING:
    from rtfs.host.clock import Clock
    from rtfs.host.stream.brokers import Consumer, Producer

SCHEMES = ("memory",)
CAPACITY = 32


class Group:
    """Readers that share messages. next: number of the next message; again: those given back; out: number → message."""

    __slots__ = ("name", "next", "again", "out", "readers")

    def __init__(self, name: str | None, first: int) -> None:
        self.name = name
        self.readers = 0
        self.next = first
        self.again: deque[Message] = deque()
        self.out: dict[int, Message] = {}

    @property
    def floor(self) -> int:
        """The oldest message that this group still needs."""
        waiting = [int(message.id) for message in self.again]
        return min([*self.out, *waiting, self.next])


class Topic:
    """The messages of one name."""

    failures: tuple[type[Exception], ...] = ()

    def __init__(self, capacity: int = CAPACITY) -> None:
        self.capacity = capacity
        self.senders = 0
        self.ended = False
        self._kept: deque[Message] = deque()
        self._next = 0
        self._groups: list[Group] = []
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._waiting: list[asyncio.Future[None]] = []

    # ---- for brokers

    async def consumer(self, reading: Reading) -> Consumer:
        """A reader; the first one gets what waits."""
        if not (reading.create or self._groups or self._kept or self.senders):
            raise UnknownQueue("memory")
        return self.reader(reading.group)

    async def producer(self) -> Producer:
        """A sender."""
        return self.sender()

    async def close(self) -> None:
        """Nothing is kept open."""

    # ---- the same without waiting

    def reader(self, group: str | None) -> Reader:
        """A reader of a group, or with one of its own."""
        found = next((one for one in self._groups if group is not None and one.name == group), None)
        if found is None:
            oldest = self._next - len(self._kept)
            found = Group(group, oldest if group is not None or not self._groups else self._next)
            self._groups.append(found)
        found.readers += 1
        return Reader(self, found)

    def sender(self) -> Sender:
        """A sender; an ended topic begins again."""
        self.senders += 1
        self.ended = False
        return Sender(self)

    @property
    def read(self) -> bool:
        """Is there a reader?"""
        return any(group.readers for group in self._groups)

    @property
    def waiting(self) -> int:
        """How many messages are kept."""
        return len(self._kept)

    # ---- for readers and senders

    @property
    def full(self) -> bool:
        return len(self._kept) >= self.capacity

    def put(self, body: Any, id: str | None, key: str | None) -> bool:
        """One message more; False when one of that id was there."""
        if id is not None:
            if id in self._ids:
                return False
            self._ids[id] = None
            if len(self._ids) > DEDUPE:
                self._ids.popitem(last=False)
        self._kept.append(Message(str(self._next), body, key=key))
        self._next += 1
        self.changed()
        return True

    def at(self, number: int) -> Message | None:
        """The message of a number, None when it is not there yet."""
        first = self._next - len(self._kept)
        return self._kept[number - first] if first <= number < self._next else None

    def forget(self) -> None:
        """Let go of what every reader is finished with."""
        if not self._groups:
            return
        floor = min(group.floor for group in self._groups)
        while self._kept and int(self._kept[0].id) < floor:
            self._kept.popleft()
        self.changed()

    def end(self) -> None:
        """Nobody will send any more."""
        self.ended = True
        self.changed()

    def leave(self, group: Group) -> None:
        """One reader of the group less; one without a name goes with its reader."""
        group.readers -= 1
        if group.name is None:
            self._groups.remove(group)
            self.forget()

    def changed(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def change(self) -> None:
        """Wait until something happened."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future


class Reader:
    """One reader of a topic."""

    def __init__(self, topic: Topic, group: Group) -> None:
        self._topic = topic
        self._group = group
        self._mine: set[int] = set()
        self._open = True

    @property
    def ended(self) -> bool:
        return self._topic.ended and not self._group.again and self._topic.at(self._group.next) is None

    async def fetch(self, most: int, wait_ms: int) -> list[Message]:
        found = self._take(most)
        if not found and not self.ended and wait_ms:
            try:
                async with asyncio.timeout(wait_ms / 1000):
                    while not found and not self.ended:
                        await self._topic.change()
                        found = self._take(most)
            except TimeoutError:
                return []
        return found

    def _take(self, most: int) -> list[Message]:
        group = self._group
        found: list[Message] = []
        while len(found) < most:
            if group.again:
                message = group.again.popleft()
            else:
                following = self._topic.at(group.next)
                if following is None:
                    break
                message = following
                group.next += 1
            number = int(message.id)
            group.out[number] = message
            self._mine.add(number)
            found.append(message)
        return found

    async def ack(self, messages: list[Message]) -> None:
        for message in messages:
            self._group.out.pop(int(message.id), None)
            self._mine.discard(int(message.id))
        self._topic.forget()

    async def extend(self, messages: list[Message]) -> None:
        """Nobody else gets them as long as this reader is there."""

    async def release(self, messages: list[Message]) -> None:
        self._give_back(messages)

    def _give_back(self, messages: list[Message]) -> None:
        for message in sorted(messages, key=lambda one: int(one.id), reverse=True):
            number = int(message.id)
            if self._group.out.pop(number, None) is not None:
                self._group.again.appendleft(message._replace(deliveries=message.deliveries + 1))
            self._mine.discard(number)
        self._topic.changed()

    async def close(self, unfinished: Sequence[Message] = ()) -> None:
        self.leave()

    def leave(self) -> None:
        """The same without waiting."""
        if self._open:
            self._open = False
            self._give_back([self._group.out[number] for number in self._mine if number in self._group.out])
            self._topic.leave(self._group)


class Sender:
    """One sender to a topic."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._open = True

    async def publish(self, body: Any, *, id: str | None = None, key: str | None = None) -> bool:
        while self._topic.full:
            await self._topic.change()
        return self._topic.put(body, id, key)

    async def close(self) -> None:
        if self._open:
            self._open = False
            self._topic.senders -= 1
            if not self._topic.senders:
                self._topic.end()


def open_broker(url: str, clock: Clock) -> Topic:
    """A topic of its own; those that share a name come from the host (`Market.topic`)."""
    return Topic()
