"""What every source promises: each file in `rtfs/host/stream/sources/` is held to it, in a world of its own (§6.2)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import rtfs
from rtfs.host.clock import Clock
from rtfs.host.stream import brokers, sources
from rtfs.host.stream.brokers import Reading
from rtfs.lang.names import Keyword as K
from rtfs.lang.operator import MAIN, PARAMS, REQUIRED, slots_of
from tests.host.stream.unruly import Peer, unruly

ITEMS = list(range(1, 13))
TEXT = "".join(f"{item}\n" for item in ITEMS)


class World(NamedTuple):
    """Where a source gives the items: a node that does, and what names a place that is not there. replays: can it go on
    where it was?"""

    opened: Callable[[Path], AbstractAsyncContextManager[str]]
    nowhere: str
    replays: bool = True


def standing(text: str) -> Callable[[Path], AbstractAsyncContextManager[str]]:
    """A world that is nothing but a text."""

    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[str]:
        yield text

    return opened


@asynccontextmanager
async def file(folder: Path) -> AsyncIterator[str]:
    (folder / "in").write_text(TEXT)
    yield f'(stream.map (call :stream.file.read "{folder}/in" {{:mode :json-lines}}) identity)'


@asynccontextmanager
async def page(folder: Path) -> AsyncIterator[str]:
    async def script(peer: Peer) -> None:
        first = int(peer.headers.get("range", "bytes=0-")[6:-1])
        place = {"content_range": f"bytes {first}-{len(TEXT) - 1}/{len(TEXT)}"} if first else {}
        if first >= len(TEXT):
            await peer.answer(416, content_range=f"bytes */{len(TEXT)}")
        else:
            body = TEXT[first:].encode()
            await peer.answer(206 if first else 200, body, etag='"1"', accept_ranges="bytes", **place)

    async with unruly(script) as server:
        yield f'(call :stream.http.get "{server.url}" {{:mode :json-lines}})'


@asynccontextmanager
async def socket(folder: Path) -> AsyncIterator[str]:
    async def script(peer: Peer) -> None:
        await peer.upgrade()
        for item in ITEMS:
            await peer.say(item)
        await peer.hear()

    async with unruly(script) as server:
        yield f'(call :stream.ws.connect "{server.socket_url}" {{:mode :json}})'


@asynccontextmanager
async def database(folder: Path) -> AsyncIterator[str]:
    with sqlite3.connect(folder / "t.db") as connection:
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
        connection.executemany("INSERT INTO t VALUES (?)", [(item,) for item in ITEMS])
    connection.close()
    yield f"""(stream.map (call :stream.db.query "SELECT n FROM t"
                {{:connection "sqlite:{folder}/t.db" :key-column "n"}}) :n)"""


@asynccontextmanager
async def queue(folder: Path) -> AsyncIterator[str]:
    broker = brokers.open_broker(f"sqlite:{folder}/q.db/q", Clock())
    await broker.consumer(Reading("rtfs", 1_000, create=True))
    producer = await broker.producer()
    for item in ITEMS:
        await producer.publish(item)
    await broker.close()
    yield f"""(stream.distinct (stream.map (call :stream.queue.consume "q"
                {{:broker "sqlite:{folder}/q.db" :max-wait-ms 20 :visibility-timeout-ms 300}}) :body))"""


COUNTING = f"(fn [n] (if (> n {len(ITEMS)}) :done [n (inc n)]))"
WORLDS = {
    "file.read": World(file, '"/nowhere/at/all"'),
    "http.get": World(page, '"http://127.0.0.1:9/"'),
    "ws.connect": World(socket, '"ws://127.0.0.1:9/"', replays=False),
    "from-collection": World(standing(f"(call :stream.from-collection {rtfs.show(tuple(ITEMS))})"), "[1]"),
    "generate": World(standing(f"(call :stream.generate {COUNTING} {{:initial-state 1}})"), "(fn [n] :done)"),
    "periodic": World(
        standing(f"(stream.map (call :stream.periodic 1 {{:limit {len(ITEMS)} :missed :burst}}) inc)"), "1000"
    ),
    "producer": World(standing(f"(call :stream.producer {COUNTING} {{:initial-state 1}})"), "(fn [] :done)"),
    "db.query": World(database, '"SELECT 1" {:connection "sqlite:/nowhere/at/all.db"}'),
    "queue.consume": World(queue, '"q" {:broker "sqlite:/nowhere/at/all.db"}'),
}


@pytest.fixture(params=sources.names())
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@asynccontextmanager
async def session(**options: Any) -> AsyncIterator[rtfs.Session]:
    made = rtfs.Session(limits=rtfs.Limits.unlimited(), **{"context": rtfs.RuntimeContext.full(), **options})
    try:
        yield made
    finally:
        await made.host.ended(30, "immediate")
        made.close()


async def refused(text: str, **options: Any) -> str:
    async with session(**options) as one:
        with pytest.raises(rtfs.RtfsError) as caught:
            await one.run_async(text)
        assert await one.run_async("(count (call :stream.list))") == 0
    return f"{caught.value.code[5:]} {caught.value.message}"


def test_every_source_has_a_world_here() -> None:
    assert sorted(WORLDS) == sorted(sources.names())


def test_it_says_what_it_is_and_what_it_needs(name: str) -> None:
    kind = sources.find(name)
    assert kind is not None
    assert kind.doc.endswith(".")
    assert kind.examples
    assert (kind.open is None) is (kind.calls is not None)
    assert kind.needs is not None or not set(kind.effects) - {":clock"}
    assert {K("on-complete"), K("on-error")} <= set(slots_of(kind.table))


async def test_describing_it_opens_nothing_and_is_plain_data(name: str) -> None:
    async with session() as one:
        node = await one.run_async(f"(call :stream.{name} {WORLDS[name].nowhere})")
        assert node[K("rtfs/node")] is K(name)
        assert await one.run_async("(count (call :stream.list))") == 0


async def test_it_refuses_to_run_without_what_it_needs(name: str) -> None:
    kind = sources.find(name)
    assert kind is not None
    main = kind.table.get(MAIN)
    if (kind.table.get(PARAMS).get(main) or slots_of(kind.table).get(main)).get(REQUIRED):
        text = f"(call :stream.to-collection (call :stream.{name}) {{:limit 1}})"
        assert (await refused(text)).startswith(f"S002 Missing required field '{main.name}'")


async def test_it_names_the_option_that_a_misspelt_one_means(name: str) -> None:
    nowhere = WORLDS[name].nowhere.partition(" {:")[0]
    text = f"(call :stream.{name} {nowhere} {{:on-complet identity}})"
    assert (await refused(text)).startswith("S006 Unknown option ':on-complet'")


async def test_what_it_needs_is_asked_before_anything_opens(name: str) -> None:
    """A60."""
    kind = sources.find(name)
    assert kind is not None
    for label in kind.effects:
        context = rtfs.RuntimeContext.full().replace(denied_effects=(label,))
        text = f"(call :stream.to-collection (call :stream.{name} {WORLDS[name].nowhere}) {{:limit 1}})"
        assert await refused(text, context=context) == f"S053 Effect {label} denied for stream.{name}"


async def test_its_items_come_once_and_in_order_however_slowly_they_are_read(name: str, tmp_path: Path) -> None:
    async with WORLDS[name].opened(tmp_path) as node, session() as one:
        assert list(await one.run_async(f"(call :stream.to-collection {node} {{:limit {len(ITEMS)}}})")) == ITEMS

    found: list[Any] = []

    async def slowly(item: Any) -> None:
        await asyncio.sleep(0)
        found.append(item)

    (tmp_path / "again").mkdir()
    async with WORLDS[name].opened(tmp_path / "again") as node, session() as one:
        one.define("slowly", slowly)
        one.define("tell", found.append)
        slots = ":on-item slowly :on-complete (fn [] (tell :end))"
        options = f"{{{slots} :queue-capacity 2 :output-capacity 1}}"
        await one.run_async(f"(call :stream.wait (call :stream.take {node} {len(ITEMS)} {options}))")
    assert found == [*ITEMS, K("end")]


async def test_a_run_that_is_left_goes_on_in_another_process(name: str, tmp_path: Path) -> None:
    found: list[Any] = []
    options = '{:stream-id "s" :outputs :durable :queue-capacity 2 :output-capacity 2}'
    async with WORLDS[name].opened(tmp_path) as node:
        for take, lives in ((3, 3), (2, 8), (100, len(ITEMS))):
            async with session(state_dir=str(tmp_path / "state")) as one:
                await one.run_async(f"(def h (call :stream.create {node} {options}))")
                while len(found) < lives:
                    next = f"(call :stream.next h {{:max {take} :after {len(found) - 1} :timeout-ms 20000}})"
                    found += await one.run_async(next)
    if WORLDS[name].replays:
        assert found == ITEMS
    else:
        assert found[:3] == ITEMS[:3]
        assert set(found) <= set(ITEMS)
