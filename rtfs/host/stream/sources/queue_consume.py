"""`:stream.queue.consume`: the messages of a queue, acknowledged when nothing of them can be lost (streaming.md §6.2).

A message is acknowledged when its chunk is processed, what came of it is with those who read the stream (or stored with
it), and a checkpoint says so. What is not acknowledged is delivered again, to this reader or to another one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import letter, queues
from rtfs.host.stream.adapters import Plain, Session
from rtfs.host.stream.brokers import Broker, Consumer, Message, Reading, UnknownQueue
from rtfs.host.stream.brokers.memory import Topic
from rtfs.host.stream.catalogue import fault
from rtfs.host.stream.chunk import Extra
from rtfs.host.stream.lifecycle import COMPLETED
from rtfs.host.stream.retry import Lost
from rtfs.host.stream.sources import SourceKind
from rtfs.host.waiting import end
from rtfs.lang.collections import EMPTY_MAP, Map, vector
from rtfs.lang.names import Keyword
from rtfs.lang.operator import SETS, SLOTS, parameter_table

if TYPE_CHECKING:
    from rtfs.host.stream.intake import Intake
    from rtfs.host.stream.owner import Owner
    from rtfs.host.stream.registry import Services
    from rtfs.host.stream.settings import Settings

K_ID, K_IDS, K_BODY, K_HEADERS, K_DELIVERIES, K_KEY, K_EXT = map(
    Keyword, ("id", "ids", "body", "headers", "deliveries", "key", "ext")
)
GROUP, BATCH_SIZE, MAX_WAIT, CREATE, BATCHES = map(
    Keyword, ("group", "batch-size", "max-wait-ms", "create", "in-batches")
)
VISIBILITY_S, VISIBILITY_MS, MAX_DELIVERIES = map(
    Keyword, ("visibility-timeout", "visibility-timeout-ms", "max-deliveries")
)
ON_BATCH, ON_ACK = Keyword("on-batch"), Keyword("on-ack")
ACK, AFTER_BATCH = Keyword("ack"), Keyword("after-batch")
EXTEND_PARTS = 3  # a third of the visibility time passes between two signs of life


class ConsumeAdapter(Plain):
    """`_held`: messages that are not acknowledged, each with the number of its chunk, in the order of the chunks."""

    name = "queue.consume"
    connects = False
    endless = False
    replayable = False
    guarantee = "at-least-once"

    def __init__(self, settings: Settings, params: Map, services: Services) -> None:
        super().__init__(settings)
        self._params = params
        self._broker: Broker = queues.open_queue(params, services)
        self._batches: bool = params.get(BATCHES) is True
        self._visible_ms: int = params.get(VISIBILITY_MS) or params.get(VISIBILITY_S) * 1000
        self._stored: bool = params.get(ACK) is not AFTER_BATCH
        self._held: deque[tuple[int, Message]] = deque()
        self._acknowledged: asyncio.Future[None] | None = None
        self._moved = asyncio.Event()
        if settings["dedupe"]:
            self.guarantee = "exactly-once"

    # ---- reading

    async def run(self, session: Session, intake: Intake) -> None:
        owner = intake.owner
        try:
            consumer = await self._consumer()
            await self._attached(consumer, session, intake, owner)
        except self._broker.failures as error:
            raise Lost(str(error) or type(error).__name__) from error
        finally:
            if not isinstance(self._broker, Topic):
                await asyncio.shield(self._closed())

    async def _closed(self) -> None:
        try:
            await self._broker.close()
        except self._broker.failures:
            pass  # the connection is gone already

    async def _consumer(self) -> Consumer:
        name = self._params.get(queues.NAME)
        try:
            wanted = Reading(self._params.get(GROUP), self._visible_ms, self._params.get(CREATE))
            return await self._broker.consumer(wanted)
        except UnknownQueue:
            why = "there is no such queue; :create true makes it"
            raise fault(24, a=":queue.consume", endpoint=name, why=why) from None

    async def _attached(self, consumer: Consumer, session: Session, intake: Intake, owner: Owner) -> None:
        owner.outputs.settled = lambda number: self._moved.set()
        keeping = [
            asyncio.ensure_future(self._acknowledging(consumer, owner)),
            asyncio.ensure_future(self._extending(consumer, session)),
        ]
        try:
            await self._read(consumer, intake, keeping)
            await self._processed(owner)
        except asyncio.CancelledError:
            if owner.draining or owner.status is COMPLETED:
                await self._processed(owner)
            raise
        finally:
            owner.outputs.settled = None
            await asyncio.shield(self._leave(consumer, keeping, owner))

    async def _read(self, consumer: Consumer, intake: Intake, keeping: Sequence[asyncio.Future[None]]) -> None:
        me, size, wait_ms = asyncio.current_task(), self._params.get(BATCH_SIZE), self._params.get(MAX_WAIT)
        while not consumer.ended:
            if not intake.open:
                await intake.opened()
            found = await consumer.fetch(size, wait_ms)
            if me is not None and me.cancelling():  # some libraries swallow that
                raise asyncio.CancelledError
            fresh = await self._sorted(consumer, found, intake)
            if fresh and self._batches:
                self._offer(intake, fresh, vector([_map(message) for message in fresh]))
            elif fresh:
                for message in fresh:
                    self._offer(intake, [message], _map(message))
            for failed in keeping:
                if failed.done():
                    failed.result()

    def _offer(self, intake: Intake, messages: list[Message], data: Any) -> None:
        self._held.extend((intake.seq, message) for message in messages)
        about = (K_IDS, vector([one.id for one in messages])) if self._batches else (K_ID, messages[0].id)
        metadata: dict[Keyword, Any] = {K_EXT: Map.of([about, (K_DELIVERIES, messages[0].deliveries)])}
        if not self._batches:
            metadata[K_HEADERS] = messages[0].headers
            if messages[0].key is not None:
                metadata[K_KEY] = messages[0].key
        intake.offer(data, None, metadata)

    async def _sorted(self, consumer: Consumer, found: list[Message], intake: Intake) -> list[Message]:
        """Without those that came too often, which go to the dead letters, and in batches those that are known."""
        owner, most = intake.owner, self._params.get(MAX_DELIVERIES)
        seen = owner.checkpoints.ledger.seen
        fresh, dead, known = [], [], []
        for message in found:
            if self._batches and seen is not None and seen.has(message.id):
                known.append(message)
            elif message.deliveries > most:
                dead.append(message)
            else:
                fresh.append(message)
        for message in dead:
            owner.stats.dead_lettered += 1
            error = fault(10, e=f"the message was delivered {message.deliveries - 1} times and never acknowledged")
            owner.emit("dead-lettered", at_seq=intake.seq, code=error.code, message=error.message)
            extra = Extra({K_EXT: Map.of([(K_ID, message.id)])}, message.deliveries - 1)
            owner.checkpoints.bury(letter.write(owner, (intake.seq, _map(message), intake.time, None, extra), error))
        if known or dead:
            owner.stats.ignored += len(known)
            if await owner.checkpoints.force() is None:
                await consumer.ack([*known, *dead])
        return fresh

    # ---- acknowledging

    async def _acknowledging(self, consumer: Consumer, owner: Owner) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            self._acknowledged = asyncio.ensure_future(self._acknowledge(consumer, owner))
            await asyncio.shield(self._acknowledged)  # once begun it goes on to the program, whatever ends meanwhile
            if self._held and not owner.terminal:
                self._watch(owner)

    def _watch(self, owner: Owner) -> None:
        """Look again when more is processed, which need not be when something leaves."""
        before, event = _processed_below(owner), self._moved
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        told.add_done_callback(lambda done: event.set())
        owner.watchers.append((lambda: _processed_below(owner) > before or owner.terminal, told))

    async def _acknowledge(self, consumer: Consumer, owner: Owner) -> None:
        """Those that are settled; first the checkpoint, then the broker, then the program."""
        below = self._settled_below(owner)
        done = [message for number, message in self._held if number < below]
        if not done:
            return
        if self._stored and not owner.checkpoints.closed and await owner.checkpoints.force() is not None:
            return
        await consumer.ack(done)
        for _ in done:
            self._held.popleft()
        self._moved.set()
        if self.tell is not None:
            await self.tell(ON_ACK, vector([message.id for message in done]))

    def _settled_below(self, owner: Owner) -> int:
        """The number of the first chunk that is not processed, or of whose outputs a reader is not finished with all.

        What is stored is finished, where the acknowledgement comes after that; but `:on-batch` comes before it.
        """
        outputs = owner.outputs
        stored = outputs.mode == "durable" and self._stored
        first = outputs.committed if stored else outputs.next
        if self._batches or not stored:
            done = min(
                (reader.done for reader in outputs.readers.values()), default=0 if outputs.next else outputs.next
            )
            first = min(first, done)
        waiting = outputs.next - first
        if waiting <= 0:
            return _processed_below(owner)
        found = outputs.kept(first)
        return 0 if found is None else found.seq

    async def _processed(self, owner: Owner) -> None:
        """Wait until the readers that will come back are finished with everything."""
        while self._held and self._settled_below(owner) <= self._held[-1][0] and _awaited(owner):
            self._moved.clear()
            self._watch(owner)
            await self._moved.wait()

    async def _extending(self, consumer: Consumer, session: Session) -> None:
        while True:
            await session.timers.clock.sleep(self._visible_ms / EXTEND_PARTS / 1000)
            await consumer.extend([message for _, message in self._held])

    async def _leave(self, consumer: Consumer, keeping: Sequence[asyncio.Future[None]], owner: Owner) -> None:
        """Acknowledge what is settled, give back the rest."""
        await end(keeping)
        try:
            if self._acknowledged is not None:
                await self._acknowledged
            await self._acknowledge(consumer, owner)
            await consumer.close([message for _, message in self._held])
        except self._broker.failures:
            pass  # the broker delivers them again
        self._held.clear()


def _processed_below(owner: Owner) -> int:
    """The number of the first chunk that is not processed."""
    items = owner.queue.items
    return items[0][0] if items else owner.intake.seq - owner.queue.depth


def _awaited(owner: Owner) -> bool:
    """Is there a reader that will come back?"""
    readers = owner.outputs.readers.values()
    return any(reader.lasting or (reader.holds and not owner.terminal) for reader in readers)


def _map(message: Message) -> Map:
    return Map.of([
        (K_ID, message.id), (K_BODY, message.body), (K_HEADERS, message.headers or EMPTY_MAP),
        (K_DELIVERIES, message.deliveries), (K_KEY, message.key),
    ])  # fmt: skip


def _table() -> Map:
    table = parameter_table(
        "queue.consume",
        main="name",
        params={
            "name": {"kind": "string", "required": True, "text": "the queue"},
            "broker": queues.BROKER_ROW,
            "group": {"kind": "string", "default": "rtfs", "text": "readers of one group share the messages"},
            "batch-size": {"kind": "int", "min": 1, "max": 10_000, "default": 10, "text": "messages fetched at once"},
            "visibility-timeout": {
                "kind": "int", "min": 1, "default": 300,
                "text": "seconds after which a message of a reader that gives no sign of life is delivered again",
            },
            "visibility-timeout-ms": {"kind": "int", "min": 100, "text": "the same in milliseconds"},
            "max-wait-ms": {"kind": "int", "min": 1, "default": 1000, "text": "how long one look waits for messages"},
            "max-deliveries": {
                "kind": "int", "min": 1, "default": 5,
                "text": "a message that came more often than that goes to the dead letters",
            },
            "ack": {
                "kind": "keyword", "one-of": ["after-checkpoint", "after-batch"],
                "default": Keyword("after-checkpoint"),
                "text": "when messages are acknowledged: stored with all before them, or once readers have them",
            },
            "create": {"kind": "boolean", "default": False, "text": "make a queue that is not there"},
            "in-batches": {
                "kind": "boolean", "default": False,
                "text": "a chunk is a vector of messages, as it is with `:on-batch`",
            },
        },
        slots={"on-batch": ["messages"], "on-ack": ["ids"]},
        when={"on-ack": "side"},
    )  # fmt: skip
    slots = table.get(SLOTS)
    batch = slots.get(ON_BATCH).assoc(SETS, Map.of([(BATCHES, True)]))
    return table.assoc(SLOTS, slots.assoc(ON_BATCH, batch))


SOURCE = SourceKind(
    table=_table(),
    open=ConsumeAdapter,
    finite=lambda params: False,
    effects=(":queue",),
    doc="The messages of a queue: maps of `:id :body :headers :deliveries :key`, acknowledged after a checkpoint.",
    examples=(('(:rtfs/node (call :stream.queue.consume "orders" {:create true}))', ":queue.consume"),),
    needs=queues.needs,
)
