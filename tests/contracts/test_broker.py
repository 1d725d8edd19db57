"""Every broker in the folder keeps the same promises; the services are real ones of the machine."""

from __future__ import annotations

import asyncio
import pkgutil
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rtfs.host.clock import Clock
from rtfs.host.stream import brokers
from rtfs.host.stream.brokers import Broker, Consumer, Message, Reading, UnknownQueue
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K
from rtfs.lang.names import Symbol

NAMES = sorted(module.name for module in pkgutil.iter_modules(brokers.__path__))
WAIT_MS = 2_000
VISIBLE_MS = 1_000


class Ground:
    """One empty queue; `again` opens it as another process would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.open: list[Broker] = []
        self.again = self._new if not url.startswith("memory:") else self._same

    def _new(self) -> Broker:
        self.open.append(brokers.open_broker(self.url, Clock()))
        return self.open[-1]

    def _same(self) -> Broker:
        return self.open[0] if self.open else self._new()


@pytest_asyncio.fixture(params=NAMES)
async def ground(request: pytest.FixtureRequest, services: Any, tmp_path: Path) -> AsyncIterator[Ground]:
    token = f"rtfs_test_{uuid.uuid4().hex}"
    urls: dict[str, Callable[[], str]] = {
        "memory": lambda: f"memory:{token}",
        "redis": lambda: f"{services.redis()}/{token}",
        "nats": lambda: f"{services.nats()}/{token}.items",
        "amqp": lambda: f"{services.amqp()}/{token}",
        "sqlite": lambda: f"sqlite:{tmp_path}/queue.db/{token}",
    }
    ground = Ground(urls[request.param]())
    yield ground
    for broker in ground.open:
        await broker.close()
    if request.param == "redis":
        services.drop_keys(services.redis(), token)
        services.drop_keys(services.redis(), f"{{{token}")
    elif request.param == "nats":
        await services.drop_nats(services.nats(), f"{token}_items")
    elif request.param == "amqp":
        await services.drop_amqp(services.amqp(), token, "g", "h")


async def sent(broker: Broker, *bodies: Any) -> None:
    producer = await broker.producer()
    for body in bodies:
        assert await producer.publish(body)


async def got(consumer: Consumer, count: int) -> list[Message]:
    found: list[Message] = []
    while len(found) < count:
        more = await consumer.fetch(count - len(found), WAIT_MS)
        assert more, f"{len(found)} of {count} messages came"
        found += more
    return found


def bodies(messages: list[Message]) -> list[Any]:
    return [message.body for message in messages]


async def test_messages_come_in_the_order_of_sending_and_are_what_was_sent(ground: Ground) -> None:
    values = [
        1, -2.5, True, None, "text", '"json in a string"', "ünï\U0001f600", 10**30, vector([1, vector([])]), (),
        Map.of([(K("a"), Map.of([("b c", 1)]))]), K("keyword"), Map.of([(1, K("x"))]), Symbol("s"), "",
    ]  # fmt: skip
    broker = ground.again()
    consumer = await broker.consumer(Reading("g"))
    await sent(broker, *values)
    assert bodies(await got(consumer, len(values))) == values


async def test_a_message_tells_its_key_and_how_often_it_came(ground: Ground) -> None:
    broker = ground.again()
    consumer = await broker.consumer(Reading("g"))
    await (await broker.producer()).publish(1, key="k")
    (message,) = await got(consumer, 1)
    assert (message.key, message.deliveries) == ("k", 1)
    await consumer.release([message])
    (again,) = await got(consumer, 1)
    assert (again.id, again.key, again.deliveries) == (message.id, "k", 2)


async def test_fetching_takes_no_more_than_asked_and_waits_no_longer_than_told(ground: Ground) -> None:
    broker = ground.again()
    consumer = await broker.consumer(Reading("g"))
    assert await consumer.fetch(5, 50) == []
    await sent(broker, 1, 2, 3)
    assert len(await got(consumer, 2)) == 2
    assert bodies(await got(consumer, 1)) == [3]


async def test_what_is_acknowledged_does_not_come_again(ground: Ground) -> None:
    broker = ground.again()
    consumer = await broker.consumer(Reading("g", VISIBLE_MS))
    await sent(broker, 1, 2, 3)
    await consumer.ack((await got(consumer, 3))[:2])
    await consumer.close()
    other = await ground.again().consumer(Reading("g", VISIBLE_MS))
    assert bodies(await got(other, 1)) == [3]
    assert await other.fetch(5, 50) == []


async def test_what_a_crashed_reader_had_comes_again(ground: Ground) -> None:
    broker = ground.again()
    crashed = await broker.consumer(Reading("g", VISIBLE_MS))
    await sent(broker, 1, 2)
    await got(crashed, 2)
    if ground.url.startswith("memory:"):
        await crashed.close()  # in one process nobody crashes alone
    elif ground.url.startswith("amqp:"):
        await broker.close()  # a server that knows no time limit notices a crash by its connection
    other = await ground.again().consumer(Reading("g", VISIBLE_MS))
    found = await got(other, 2)
    assert (sorted(bodies(found)), {message.deliveries for message in found}) == ([1, 2], {2})


async def test_what_is_given_back_comes_again_at_once(ground: Ground) -> None:
    broker = ground.again()
    consumer = await broker.consumer(Reading("g"))
    await sent(broker, 1, 2)
    await consumer.release(await got(consumer, 2))
    assert sorted(bodies(await got(consumer, 2))) == [1, 2]


async def test_what_is_still_worked_on_does_not_come_again(ground: Ground) -> None:
    broker = ground.again()
    slow = await broker.consumer(Reading("g", VISIBLE_MS))
    other = await ground.again().consumer(Reading("g", VISIBLE_MS))
    await sent(broker, 1)
    held, kept = await got(slow, 1), 0
    while kept < 6:
        asked = time.monotonic()
        await slow.extend(held)
        if not (found := await other.fetch(1, VISIBLE_MS // 4)):
            kept += 1
            continue
        assert time.monotonic() - asked > VISIBLE_MS / 1000, "it came while it was worked on"
        slow, other, held, kept = other, slow, found, 0  # the machine stood still for longer: once more
    await slow.ack(held)


async def test_readers_of_a_group_share_and_groups_do_not(ground: Ground) -> None:
    broker = ground.again()
    one = await broker.consumer(Reading("g"))
    two = await ground.again().consumer(Reading("g"))
    other = await ground.again().consumer(Reading("h"))
    await sent(broker, *range(10))
    found = bodies(await got(one, 5)) + bodies(await got(two, 5))
    assert sorted(found) == list(range(10))
    assert bodies(await got(other, 10)) == list(range(10))


async def test_readers_without_a_group_get_everything_from_now_on(ground: Ground) -> None:
    broker = ground.again()
    await broker.consumer(Reading("g"))
    await sent(broker, "before")
    readers = [await ground.again().consumer(Reading(None)) for _ in range(2)]
    await sent(broker, 1, 2)
    assert [bodies(await got(reader, 2)) for reader in readers] == [[1, 2], [1, 2]]


async def test_a_message_sent_again_under_its_id_is_dropped_or_known_by_it(ground: Ground) -> None:
    broker = ground.again()
    consumer = await broker.consumer(Reading("g"))
    one, two = await broker.producer(), await ground.again().producer()
    if ground.url.startswith("amqp:"):  # the server keeps no ids
        assert [await sender.publish(1, id="a") for sender in (one, one, two)] == [True] * 3
        assert [(message.id, message.body) for message in await got(consumer, 3)] == [("a", 1)] * 3
        return
    answers = [await one.publish(1, id="a"), await one.publish(1, id="a"), await two.publish(1, id="a")]
    assert [*answers, await two.publish(2, id="b")] == [True, False, False, True]
    assert bodies(await got(consumer, 2)) == [1, 2]


async def test_a_reader_that_is_cancelled_while_it_waits_loses_nothing(ground: Ground) -> None:
    broker = ground.again()
    consumer = await broker.consumer(Reading("g", VISIBLE_MS))
    waiting: asyncio.Future[Any] = asyncio.ensure_future(_later(consumer.fetch(1, 2_000)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await sent(broker, 1)
    await consumer.close()
    other = await ground.again().consumer(Reading("g", VISIBLE_MS))
    assert bodies(await got(other, 1)) == [1]


async def test_a_queue_that_is_not_there_is_told_when_it_is_not_to_be_made(ground: Ground) -> None:
    with pytest.raises(UnknownQueue):
        await ground.again().consumer(Reading("rtfs", create=False))
    await sent(ground.again(), 1)
    assert bodies(await got(await ground.again().consumer(Reading("rtfs", create=False)), 1)) == [1]


async def _later(work: Awaitable[Any]) -> Any:
    return await work
