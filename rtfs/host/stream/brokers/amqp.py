"""RabbitMQ: `amqp://user:password@host:port/vhost/NAME` or `amqps://…`.

NAME is the queue of the group `rtfs`, which other programs may know as well; other groups have a queue `NAME.GROUP`.
Who sends, sends to the exchange `rtfs.NAME`, to which all of them are bound. Queues that are made here are quorum
queues: they count deliveries. Repeats are not dropped, but carry the id that they were sent under. A message belongs to
its reader until that lets go of it or loses its connection, however long it takes.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rtfs.host.stream.brokers import Consumer, Message, Producer, Reading, UnknownQueue, packed, unpacked
from rtfs.host.stream.catalogue import fault
from rtfs.lang.collections import Map

if TYPE_CHECKING:
    from rtfs.host.clock import Clock

SCHEMES = ("amqp", "amqps")
CONNECT_S = 5
ANSWER_S = 10
OWN_GROUP = "rtfs"
LOOK_MS, LOOK_MOST_MS = 5, 100  # how often a waiting reader looks, at first and at last
QUORUM = {"x-queue-type": "quorum"}
KEY, COUNT = "rtfs-key", "x-delivery-count"


class AmqpBroker:
    """One queue of a server; the connection is opened when it is needed, and again when it was lost."""

    def __init__(self, server: str, name: str, clock: Clock, failures: tuple[type[Exception], ...]) -> None:
        self.failures = failures
        self.name = name
        self.clock = clock
        self._server = server
        self._connection: Any = None
        self._opening = asyncio.Lock()

    async def channel(self) -> Any:
        """A channel of its own, which confirms what is sent."""
        import aio_pika

        async with self._opening:
            if self._connection is None or self._connection.is_closed:
                async with asyncio.timeout(CONNECT_S):
                    self._connection = await aio_pika.connect(self._server)
        try:
            return await self._connection.channel(publisher_confirms=True)
        except RuntimeError as error:  # the connection is gone, and the library does not know it yet
            self._connection = None
            raise ConnectionError(str(error)) from error

    async def exchange(self, channel: Any) -> Any:
        """Where messages are sent to."""
        return await channel.declare_exchange(f"rtfs.{self.name}", "fanout", durable=True, timeout=ANSWER_S)

    async def queue(self, channel: Any, group: str, create: bool) -> Any:
        """The queue of a group, as it is there or as it is made here."""
        import aio_pika.exceptions

        name = self.name if group == OWN_GROUP else f"{self.name}.{group}"
        probe = await self.channel()
        try:
            await probe.declare_queue(name, passive=True, timeout=ANSWER_S)
            arguments: dict[str, Any] = {"passive": True}
        except aio_pika.exceptions.ChannelNotFoundEntity:
            if not create:
                raise UnknownQueue(name) from None
            arguments = {"durable": True, "arguments": QUORUM}
        finally:
            if not probe.is_closed:
                await probe.close()
        found = await channel.declare_queue(name, timeout=ANSWER_S, **arguments)
        await found.bind(await self.exchange(channel), timeout=ANSWER_S)
        return found

    async def consumer(self, reading: Reading) -> Consumer:
        channel = await self.channel()
        if reading.group is None:
            queue = await channel.declare_queue(None, exclusive=True, timeout=ANSWER_S)
            await queue.bind(await self.exchange(channel), timeout=ANSWER_S)
        else:
            queue = await self.queue(channel, reading.group, reading.create)
        return Member(channel, queue, self.clock)

    async def producer(self) -> Producer:
        channel = await self.channel()
        await self.queue(channel, OWN_GROUP, True)  # so that what nobody reads yet is kept
        return Sender(channel, await self.exchange(channel))

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed:
            await connection.close()


class Member:
    """One reader; the token of a message is the message of the library."""

    ended = False

    def __init__(self, channel: Any, queue: Any, clock: Clock) -> None:
        self._channel = channel
        self._queue = queue
        self._clock = clock

    async def fetch(self, most: int, wait_ms: int) -> list[Message]:
        until, look = self._clock.monotonic() + wait_ms / 1000, LOOK_MS
        while True:
            found: list[Message] = []
            while len(found) < most:
                got = await self._queue.get(fail=False, timeout=ANSWER_S)
                if got is None:
                    break
                found.append(_message(got))
            left = (until - self._clock.monotonic()) * 1000
            if found or left <= 0:
                return found
            await self._clock.sleep(min(look, left) / 1000)
            look = min(LOOK_MOST_MS, look * 2)

    async def ack(self, messages: list[Message]) -> None:
        for message in messages:
            await message.token.ack()

    async def extend(self, messages: list[Message]) -> None:
        """Nobody else gets them as long as the connection is there."""

    async def release(self, messages: list[Message]) -> None:
        for message in reversed(messages):
            await message.token.nack(requeue=True)

    async def close(self, unfinished: Sequence[Message] = ()) -> None:
        await self._channel.close()  # the server gives back what was not acknowledged


class Sender:
    """One sender."""

    def __init__(self, channel: Any, exchange: Any) -> None:
        self._channel = channel
        self._exchange = exchange

    async def publish(self, body: Any, *, id: str | None = None, key: str | None = None) -> bool:
        import aio_pika

        data, content_type = packed(body)
        message = aio_pika.Message(
            data,
            headers={} if key is None else {KEY: key},
            content_type=content_type,
            message_id=id or uuid.uuid4().hex,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        await self._exchange.publish(message, routing_key="", timeout=ANSWER_S)
        return True

    async def close(self) -> None:
        if not self._channel.is_closed:
            await self._channel.close()


def _message(found: Any) -> Message:
    given = found.headers or {}
    headers = Map.of((name, _plain(value)) for name, value in given.items() if name not in (KEY, COUNT))
    deliveries = int(given[COUNT]) + 1 if COUNT in given else 2 if found.redelivered else 1
    key = given.get(KEY)
    body = unpacked(found.body, found.content_type)
    id = found.message_id or uuid.uuid4().hex  # one that was sent without is never known again
    return Message(id, body, headers, None if key is None else str(_plain(key)), deliveries, found)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def open_broker(url: str, clock: Clock) -> AmqpBroker:
    """The broker of a URL; the last part of its path is the name, what is before it the virtual host. S003, S007."""
    try:
        import aio_pika  # noqa: F401 - it is needed later
        import aiormq.exceptions as known
    except ImportError:
        raise fault(7, feature=f"an {url.partition(':')[0]}:// queue", extra="amqp") from None
    parts = urlsplit(url)
    vhost, _, name = parts.path.removeprefix("/").rpartition("/")
    if not parts.hostname or not name:
        raise fault(3, p="id", kind="amqp://host/vhost/name", value=url)
    server = f"{parts.scheme}://{parts.netloc}/{vhost or '%2F'}"
    failures = (known.AMQPError, known.ChannelInvalidStateError, OSError, asyncio.TimeoutError)
    return AmqpBroker(server, name, clock, failures)
