"""`:broker`: the messages of a queue or topic, acknowledged when they were processed (streaming.md §3.10, §5.7)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.brokers import Consumer, Message
from rtfs.host.stream.lifecycle import COMPLETED, TERMINAL
from rtfs.host.stream.retry import Lost
from rtfs.host.waiting import end
from rtfs.lang.collections import Map
from rtfs.lang.names import Keyword

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.settings import Settings
    from rtfs.host.stream.snapshot import Snapshot

BATCH = 64
WAIT_MS = 1_000
K_ID, K_DELIVERIES, K_HEADERS, K_KEY, K_EXT = map(Keyword, ("id", "deliveries", "headers", "key", "ext"))


class Inlet:
    """What a stream reads from: `open` gives the consumer; failures: what means that the service cannot be reached."""

    def __init__(
        self,
        open: Callable[[], Awaitable[Consumer]],
        failures: tuple[type[Exception], ...] = (),
        extend_ms: int | None = None,
    ) -> None:
        self.open = open
        self.failures = failures
        self.extend_ms = extend_ms


class BrokerAdapter(Plain):
    """Reads no more than the queue has room for; `extend_ms`: how often the broker is told that work goes on.

    What is acknowledged is, in a store that lasts, what is processed and stored; the outputs are stored with it.
    Otherwise every chunk is one output, and it is what the readers of the stream have finished with.
    """

    name = "broker"
    connects = False
    endless = False
    replayable = False
    guarantee = "at-least-once"

    def __init__(self, settings: Settings, inlet: Inlet) -> None:
        super().__init__(settings)
        self._inlet = inlet
        self._held: deque[tuple[int, Message]] = deque()
        self._done: list[Message] = []
        self._below = 0  # messages of the chunks below may be acknowledged
        self._settling, self._moved = asyncio.Event(), asyncio.Event()

    async def run(self, session: Session, intake: Intake) -> None:
        try:
            consumer = await self._inlet.open()
        except self._inlet.failures as error:
            raise Lost(str(error) or type(error).__name__) from error
        owner = intake.owner
        lasting = owner.checkpoints.committer.store.durable
        if lasting and self._stored not in owner.checkpoints.told:  # what is there was stored before this began
            waiting = intake.queue.items
            self._settled(waiting[0][0] if waiting else intake.seq)
            owner.checkpoints.told.append(self._stored)
        elif not lasting:
            owner.outputs.settled = self._settled
        keeping = [
            asyncio.ensure_future(self._acknowledge(consumer)),
            asyncio.ensure_future(self._extend(consumer, session)),
        ]
        try:
            await self._read(consumer, intake, keeping)
            if not lasting:
                await self._processed(owner)
        except asyncio.CancelledError:
            if owner.draining and not lasting:
                await self._processed(owner)
            raise
        except self._inlet.failures as error:
            raise Lost(str(error) or type(error).__name__) from error
        finally:
            owner.outputs.settled = None
            await asyncio.shield(self._leave(consumer, keeping))

    def _stored(self, snapshot: Snapshot) -> None:
        """A snapshot is stored. What waited at a sudden end was discarded, and the chunk that failed is no success."""
        if snapshot.status not in TERMINAL or snapshot.status is COMPLETED:
            self._settled(snapshot.queue[0][0] if snapshot.queue else snapshot.seq)

    def _settled(self, number: int) -> None:
        """The messages of chunks below that number may be acknowledged."""
        self._below = max(self._below, number)
        while self._held and self._held[0][0] < self._below:
            self._done.append(self._held.popleft()[1])
        self._settling.set()
        self._moved.set()

    async def _read(self, consumer: Consumer, intake: Intake, keeping: Sequence[asyncio.Future[None]]) -> None:
        me = asyncio.current_task()
        while not consumer.ended:
            if not intake.open:
                await intake.opened()
            for message in await consumer.fetch(max(1, min(BATCH, intake.room)), WAIT_MS):
                self._take(message, intake)
            if me is not None and me.cancelling():  # some libraries swallow that
                raise asyncio.CancelledError
            for failed in keeping:
                if failed.done():
                    failed.result()

    def _take(self, message: Message, intake: Intake) -> None:
        """Offer a message. One that came before may be acknowledged with what was accepted until now."""
        number = intake.seq
        self._held.append((number, message))
        intake.offer(message.body, None, _metadata(message))
        if intake.seq == number and not intake.owner.terminal:
            self._held[-1] = (number - 1, message)
            self._settled(self._below)

    async def _processed(self, owner: Owner) -> None:
        """Wait until the readers that will come back are finished with everything."""
        while self._held and any(
            reader.lasting or (reader.holds and not owner.terminal) for reader in owner.outputs.readers.values()
        ):
            self._moved.clear()
            await self._moved.wait()

    async def _acknowledge(self, consumer: Consumer) -> None:
        while True:
            await self._settling.wait()
            self._settling.clear()
            await self._flush(consumer)

    async def _flush(self, consumer: Consumer) -> None:
        done, self._done = self._done, []
        if done:
            try:
                await consumer.ack(done)
            except BaseException:
                self._done[:0] = done
                raise

    async def _extend(self, consumer: Consumer, session: Session) -> None:
        while self._inlet.extend_ms is not None:
            await session.timers.clock.sleep(self._inlet.extend_ms / 1000)
            await consumer.extend([message for _, message in self._held])

    async def _leave(self, consumer: Consumer, keeping: Sequence[asyncio.Future[None]]) -> None:
        """Acknowledge what is processed, give back the rest."""
        await end(keeping)
        try:
            await self._flush(consumer)
            await consumer.close([message for _, message in self._held])
        except self._inlet.failures:
            self._done.clear()  # the broker delivers them again
        self._held.clear()


def _metadata(message: Message) -> dict[Keyword, Any]:
    more = Map.of([(K_ID, message.id), (K_DELIVERIES, message.deliveries)])
    found: dict[Keyword, Any] = {K_EXT: more, K_HEADERS: message.headers}
    if message.key is not None:
        found[K_KEY] = message.key
    return found


ADAPTER = BrokerAdapter
