"""NATS JetStream: `nats://host:port/SUBJECT` or `tls://…`.

The stream that covers the subject is used, and made when there is none. A group is a durable consumer. Ids of sent
messages are JetStream message ids, so that repeats within the stream's window are dropped by the server.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rtfs.host.stream.brokers import Consumer, Message, Producer, Reading, UnknownQueue, packed, place_of, unpacked
from rtfs.host.stream.catalogue import fault
from rtfs.lang.collections import Map

if TYPE_CHECKING:
    from rtfs.host.clock import Clock

SCHEMES = ("nats", "tls")
CONNECT_S = 5
TYPE, KEY, ID = "Content-Type", "Rtfs-Key", "Nats-Msg-Id"
ANSWER_S = 5


class NatsBroker:
    """One subject of a server; the connection is opened when it is needed, and again when it was lost."""

    def __init__(self, server: str, subject: str, failures: tuple[type[Exception], ...]) -> None:
        self.failures = failures
        self.subject = subject
        self._server = server
        self._connection: Any = None
        self._opening = asyncio.Lock()

    async def jetstream(self) -> Any:
        """JetStream of an open connection."""
        import nats

        async with self._opening:
            if self._connection is None or not self._connection.is_connected:
                await self.close()
                async with asyncio.timeout(CONNECT_S):  # the library's own limits leave it trying
                    self._connection = await nats.connect(
                        self._server,
                        connect_timeout=CONNECT_S,
                        allow_reconnect=False,
                        max_reconnect_attempts=1,
                        reconnect_time_wait=0,
                        error_cb=_quiet,
                    )
        return self._connection.jetstream(timeout=ANSWER_S)

    async def stream(self, jetstream: Any, create: bool) -> str:
        """The name of the stream that covers the subject."""
        from nats.js.errors import NotFoundError

        try:
            return str(await jetstream.find_stream_name_by_subject(self.subject))
        except NotFoundError:
            if not create:
                raise UnknownQueue(self.subject) from None
        name = _plain(self.subject)
        await jetstream.add_stream(name=name, subjects=[self.subject])
        return name

    async def flush(self) -> None:
        """Wait until the server has everything that was said."""
        await self._connection.flush(ANSWER_S)

    async def consumer(self, reading: Reading) -> Consumer:
        from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

        jetstream = await self.jetstream()
        stream = await self.stream(jetstream, reading.create)
        durable = None if reading.group is None else _plain(f"{reading.group}-{self.subject}")
        wanted = ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=reading.visibility_ms / 1000,
            deliver_policy=DeliverPolicy.NEW if durable is None else DeliverPolicy.ALL,
            inactive_threshold=60 if durable is None else None,
        )
        subscription = await jetstream.pull_subscribe(self.subject, durable, stream=stream, config=wanted)
        return Member(self, subscription)

    async def producer(self) -> Producer:
        await self.stream(await self.jetstream(), True)
        return Sender(self)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed:
            await connection.close()


class Member:
    """One reader; the token of a message is the message of the library."""

    ended = False

    def __init__(self, broker: NatsBroker, subscription: Any) -> None:
        self._broker = broker
        self._subscription = subscription

    async def fetch(self, most: int, wait_ms: int) -> list[Message]:
        import nats.errors

        try:
            found = await self._subscription.fetch(most, timeout=max(0.05, wait_ms / 1000))
        except (TimeoutError, nats.errors.TimeoutError):
            return []
        return [_message(one) for one in found]

    async def ack(self, messages: list[Message]) -> None:
        for message in messages:
            await message.token.ack()
        await self._broker.flush()

    async def extend(self, messages: list[Message]) -> None:
        for message in messages:
            await message.token.in_progress()

    async def release(self, messages: list[Message]) -> None:
        for message in messages:
            await message.token.nak()
        if messages:
            await self._broker.flush()

    async def close(self, unfinished: Sequence[Message] = ()) -> None:
        await self._subscription.unsubscribe()
        await self._broker.flush()  # or what is given back would come to the request that is still open
        await self.release(list(unfinished))


class Sender:
    """One sender."""

    def __init__(self, broker: NatsBroker) -> None:
        self._broker = broker

    async def publish(self, body: Any, *, id: str | None = None, key: str | None = None) -> bool:
        data, content_type = packed(body)
        headers = {TYPE: content_type}
        if id is not None:
            headers[ID] = id
        if key is not None:
            headers[KEY] = key
        jetstream = await self._broker.jetstream()
        answer = await jetstream.publish(self._broker.subject, data, headers=headers)
        return not answer.duplicate

    async def close(self) -> None:
        """The connection is the broker's."""


def _message(found: Any) -> Message:
    given = found.headers or {}
    headers = Map.of((name, value) for name, value in given.items() if name not in (TYPE, KEY, ID))
    about = found.metadata
    body = unpacked(found.data, given.get(TYPE))
    return Message(str(about.sequence.stream), body, headers, given.get(KEY), about.num_delivered, found)


def _plain(name: str) -> str:
    """A name as JetStream allows it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


async def _quiet(error: Exception) -> None:
    """What goes wrong is raised where it is waited for."""


def open_broker(url: str, clock: Clock) -> NatsBroker:
    """The broker of a URL whose path is the subject. S003, S007."""
    try:
        import nats.errors
    except ImportError:
        raise fault(7, feature="a nats:// subject", extra="nats") from None
    server, subject = place_of(url, "subject")
    return NatsBroker(server, subject, (nats.errors.Error, OSError, asyncio.TimeoutError))
