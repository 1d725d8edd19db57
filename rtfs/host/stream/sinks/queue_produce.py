"""`:stream.queue.produce`: outputs as messages of a queue (streaming.md §6.3).

Each goes under an id made of the stream and the number of the output, by which brokers know one that is sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rtfs.host.stream import queues
from rtfs.host.stream.brokers import Broker, Producer
from rtfs.host.stream.options import shown
from rtfs.host.stream.retry import Lost
from rtfs.host.stream.sinks import Outlet, Refused, SinkKind
from rtfs.lang.collections import Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.operator import PURE, REQUIRED, SLOTS, parameter_table

if TYPE_CHECKING:
    from rtfs.host.stream.operators import Around
    from rtfs.host.stream.outputs import Output

NAME = "queue.produce"
KEY_FN = Keyword("key-fn")
_KNOWN_BY = {"amqp": "at-least-once", "memory": "at-most-once"}
"""Brokers that do not know a message that is sent again, or lose all of them."""


class QueueOutlet(Outlet):
    """`_sent`: number of the last output that the broker confirmed, so that a batch is not sent from its beginning."""

    name = NAME
    splits = True
    each = "on-sent"

    def __init__(self, params: Map, around: Around, stream_id: str) -> None:
        super().__init__(params, around, stream_id)
        self.size: int = self.param("batch-size")
        self.wait_ms: float = self.param("max-wait-ms")
        self._key_fn = self.param("key-fn")
        self._broker: Broker = queues.open_queue(params, around.services)
        self.guarantee = _KNOWN_BY.get(str(self.param("broker")).partition(":")[0])
        self._producer: Producer | None = None
        self._sent = -1

    async def give(self, batch: Sequence[Output]) -> tuple[Any, ...]:
        broker = self._broker
        prepared = [(output, self._key(output.value)) for output in batch if output.output_seq > self._sent]
        try:
            if self._producer is None:
                self._producer = await broker.producer()
            for output, key in prepared:
                await self._publish(self._producer, output, key)
        except broker.failures as error:
            self._producer = None
            raise Lost(str(error) or type(error).__name__) from error
        return (len(batch),)

    async def _publish(self, producer: Producer, output: Output, key: str | None) -> None:
        try:
            await producer.publish(output.value, id=f"{self.stream_id}/{output.output_seq}", key=key)
        except RtfsError as error:  # a value that has no text
            raise Refused(error.message) from error
        self._sent = output.output_seq

    def _key(self, value: Any) -> str | None:
        if self._key_fn is None:
            return None
        try:
            key = self.around.pure("key-fn", self._key_fn, value)
        except RtfsError as error:
            raise Refused(error.message) from error
        if key is None or type(key) is str:
            return key
        return key.name if type(key) is Keyword else shown(key)

    async def complete(self, count: int) -> Map:
        await self._close()
        return Map.of([(Keyword("queue"), self.param("name")), (Keyword("sent"), count)])

    async def end(self, fate: str) -> None:
        await self._close()

    async def _close(self) -> None:
        producer, self._producer = self._producer, None
        await queues.let_go(self._broker, producer)


def _table() -> Map:
    table = parameter_table(
        NAME,
        main="name",
        params={
            "name": {"kind": "string", "required": True, "text": "the queue, made when it is not there"},
            "data-stream": {"kind": "any", "required": True, "text": "the stream or collection that is sent"},
            "broker": queues.BROKER_ROW,
            "batch-size": {"kind": "int", "min": 1, "max": 10_000, "default": 50, "text": "how many are sent together"},
            "max-wait-ms": {"kind": "int", "min": 0, "default": 100, "text": "how long the first of them waits"},
        },
        slots={"on-sent": ["count"], "on-complete": ["summary"], "on-error": ["error", "items"]},
        pure={"key-fn": ["item"]},
    )  # fmt: skip
    slots = table.get(SLOTS)
    return table.assoc(SLOTS, slots.assoc(KEY_FN, Map.of([(PURE, slots.get(KEY_FN).get(PURE)), (REQUIRED, False)])))


SINK = SinkKind(
    table=_table(),
    stream="data-stream",
    open=QueueOutlet,
    effects=(":queue",),
    guarantee="effectively-once",
    doc="Sends a stream to a queue; `:on-sent` is called with the number of messages that the broker confirmed.",
    examples=(
        (
            '(:summary (call :stream.wait (call :stream.queue.produce "numbers" {:data-stream [1 2 3]'
            ' :broker "memory:"})))',
            '{:queue "numbers" :sent 3}',
        ),
    ),
    needs=queues.needs,
)
