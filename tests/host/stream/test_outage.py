"""Real servers that are killed and started again under running graphs: everything goes on by itself, nothing that was
accepted is lost (streaming.md §5.7, §6.2, §6.3)."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

import rtfs
from rtfs.host.clock import Clock
from rtfs.host.stream import brokers
from rtfs.host.stream.brokers import Reading
from tests.outage import Server, running

COUNT = 600
PATIENT = ":retry {:max-attempts 1000 :base-ms 20 :cap-ms 200 :stable-ms 0}"


@pytest.fixture(scope="module", params=["redis", "nats", "amqp"])
def broker(request: pytest.FixtureRequest) -> Iterator[Server]:
    if request.param == "amqp" and not os.environ.get("RTFS_KILLS"):
        pytest.skip("a killed RabbitMQ sometimes elects no leader for a quorum queue again: `make crash` tries it")
    with running(request.param) as server:
        yield server


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with running("postgresql") as server:
        yield server


class Outages:
    """Kills a server when the program has told of so many things; what tells waits until it runs again.

    away: seconds that the server is not there.
    """

    def __init__(self, server: Server, *at: int, away: float = 0.3) -> None:
        self.count = 0
        self.done = 0
        self._server = server
        self._at = list(at)
        self._away = away

    async def tell(self, more: int = 1) -> None:
        self.count += more
        if self._at and self.count >= self._at[0]:
            self._at.pop(0)
            await asyncio.to_thread(self._outage)
            self.done += 1

    def _outage(self) -> None:
        self._server.kill()
        time.sleep(self._away)
        self._server.start()


@asynccontextmanager
async def session(**names: Any) -> AsyncIterator[rtfs.Session]:
    made = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
    for name, value in names.items():
        made.define(name, value)
    try:
        yield made
    finally:
        await made.host.ended(30, "immediate")
        made.close()


# ---- brokers


async def fill(url: str, count: int) -> None:
    broker = brokers.open_broker(url, Clock())
    await broker.consumer(Reading("rtfs", 1_000, create=True))
    producer = await broker.producer()
    for number in range(count):
        await producer.publish(number)
    await producer.close()
    await broker.close()


async def rest(url: str) -> list[Any]:
    """What another group of readers finds in a queue."""
    broker = brokers.open_broker(url, Clock())
    consumer = await broker.consumer(Reading("rtfs", 60_000, create=True))
    found: list[Any] = []
    while more := await consumer.fetch(100, 500):
        found += [message.body for message in more]
        await consumer.ack(more)
    await consumer.close()
    await broker.close()
    return found


def queue(server: Server, name: str) -> str:
    return f"{server.url}/{name}"


def options(server: Server) -> str:
    return f':broker "{server.url}"'


async def test_a58_a_broker_that_restarts_under_a_copy_loses_nothing(broker: Server) -> None:
    await fill(queue(broker, "in"), COUNT)
    slow = broker.url.startswith("amqp")  # it takes long to start
    outages = Outages(broker, *([COUNT // 2] if slow else [COUNT // 3, 2 * COUNT // 3]))

    async def tell(count: int) -> None:
        await outages.tell(count)

    async with session(tell=tell) as one:
        await asyncio.wait_for(
            one.run_async(f"""
          (def all (stream.map
            (call :stream.queue.consume "in" {{{options(broker)} :visibility-timeout-ms 500 :max-wait-ms 50}}) :body))
          (def seen (stream.take (stream.distinct all) {COUNT}))
          (call :stream.wait (call :stream.queue.produce "out" {{{options(broker)} :data-stream seen
            :batch-size 20 :max-wait-ms 5 :stream-id "copy" :on-sent tell {PATIENT}}}))"""),
            200,
        )
    assert outages.done == (1 if slow else 2)
    found = Counter(await rest(queue(broker, "out")))
    assert set(found) == set(range(COUNT))
    if not slow:  # RabbitMQ does not know repeats
        assert max(found.values()) == 1


async def test_a_cache_whose_server_restarts_costs_no_item_and_is_used_again() -> None:
    computed: list[int] = []
    with running("redis") as server:
        outages = Outages(server, 100)

        async def compute(item: int) -> int:
            computed.append(item)
            await outages.tell()
            return item * item

        async with session(compute=compute) as one:
            items = "(concat (range 200) (range 200))"
            found = await asyncio.wait_for(
                one.run_async(f"""(call :stream.to-collection
              (stream.with-cache {items} compute {{:cache-key identity :store "{server.url}" :name "squares"}}))"""),
                60,
            )
    assert list(found) == [n * n for n in range(200)] * 2
    assert outages.done == 1
    assert 200 <= len(computed) <= 201  # the one that was computed while nothing could be kept


# ---- PostgreSQL


def test_a57_a_database_that_dies_under_query_and_upsert_ends_with_equal_tables(database: Server) -> None:
    import psycopg

    with psycopg.connect(database.url) as connection:
        connection.execute("CREATE TABLE source (id int PRIMARY KEY, name text)")
        connection.execute("CREATE TABLE target (id int PRIMARY KEY, name text)")
        connection.execute("INSERT INTO source SELECT n, 'name ' || n FROM generate_series(1, 5000) n")
    outages = Outages(database, 1_000, 3_000)

    async def tell(count: int) -> None:
        await outages.tell(count)

    async def work() -> Any:
        async with session(tell=tell) as one:
            return await asyncio.wait_for(
                one.run_async(f"""
              (call :stream.wait (call :stream.db.bulk-insert "target"
                {{:connection "{database.url}" :mode :upsert :key "id" :batch-size 250 :on-batch-complete tell {PATIENT}
                  :data-stream (call :stream.db.query "SELECT id, name FROM source"
                    {{:connection "{database.url}" :key-column "id" :fetch-size 100}})}}))"""),
                120,
            )

    ended = asyncio.run(work())
    assert (rtfs.show(ended[rtfs.Keyword("status")]), outages.done) == (":completed", 2)
    with psycopg.connect(database.url) as connection:
        different = (
            "SELECT count(*) FROM source FULL JOIN target USING (id, name) WHERE source.id IS NULL OR target.id IS NULL"
        )
        assert connection.execute(different).fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM target").fetchone() == (5000,)


def test_a_query_without_a_key_column_does_not_begin_again(database: Server) -> None:
    outages = Outages(database, 100)

    async def tell(row: Any) -> None:
        await outages.tell()

    async def work() -> Any:
        async with session(tell=tell) as one:
            return await asyncio.wait_for(
                one.run_async(f"""
              (call :stream.wait (call :stream.db.query "SELECT n FROM generate_series(1, 20000) n"
                {{:connection "{database.url}" :fetch-size 10 :on-row tell {PATIENT}}}))"""),
                120,
            )

    ended = asyncio.run(work())
    assert (rtfs.show(ended[rtfs.Keyword("status")]), outages.done) == (":error", 1)
    error = ended[rtfs.Keyword("error")]
    assert error[rtfs.Keyword("code")] == "RTFS-S024"
    assert "rows without a :key-column: " in error[rtfs.Keyword("message")]
