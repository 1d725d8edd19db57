"""`:stream.with-cache` in places that last (streaming.md §6.6)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import rtfs
from rtfs.lang.names import Keyword as K


@asynccontextmanager
async def session(told: list[Any], **options: Any) -> AsyncIterator[rtfs.Session]:
    made = rtfs.Session(limits=rtfs.Limits.unlimited(), **{"context": rtfs.RuntimeContext.full(), **options})
    made.define("tell", told.append)
    try:
        yield made
    finally:
        await made.host.ended(30, "immediate")
        made.close()


def cached(store: str, more: str = ':name "squares"', items: str = "xs") -> str:
    return f"""(stream.with-cache {items} (fn [x] (do (tell x) (* x x)))
                 {{:cache-key identity :store {store} {more}}})"""


async def collect(node: str, items: list[int], told: list[Any], **options: Any) -> list[Any]:
    async with session(told, **options) as one:
        one.define("xs", tuple(items))
        return list(await one.run_async(f"(call :stream.to-collection {node})"))


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
async def test_what_one_process_computed_another_finds(kind: str, store_place: Callable[[str], str]) -> None:
    store, told = rtfs.show(store_place(kind)), []  # type: ignore[var-annotated]
    assert await collect(cached(store), [1, 2, 1], told) == [1, 4, 1]
    assert await collect(cached(store), [3, 2, 1], told) == [9, 4, 1]
    assert await collect(cached(store, ':name "others"'), [1], told) == [1]
    assert told == [1, 2, 3, 1]


async def test_a_state_directory_is_the_place_of_its_kind(tmp_path: Path) -> None:
    told: list[Any] = []
    for _ in range(2):
        assert await collect(cached(":sqlite"), [1, 2], told, state_dir=str(tmp_path)) == [1, 4]
    assert told == [1, 2]
    assert (tmp_path / "cache.db").exists()


async def test_the_id_of_the_run_is_a_name_as_well(tmp_path: Path) -> None:
    told: list[Any] = []
    node = cached(":sqlite", "")
    for _ in range(2):
        async with session(told, state_dir=str(tmp_path)) as one:
            one.define("xs", (1, 2))
            run = f'(call :stream.to-collection {node} {{:stream-id "s" :if-exists :replace}})'
            assert await one.run_async(run) == (1, 4)
    assert told == [1, 2]


@pytest.mark.parametrize(
    ("store", "more", "message"),
    [
        (":sqlite", "", "S030 Stream persistence backend not configured"),
        ('"sqlite:/tmp/x"', "", "S002 Missing required string field 'name'"),
        ('"ftp://x"', ':name "n"', "S003 Parameter 'store': expected URL with one of the schemes memory redis sqlite"),
        (":disk", "", "S003 Parameter 'store': expected URL of a store, or one of :memory :sqlite :redis"),
    ],
)
async def test_a_place_that_is_none_is_refused(store: str, more: str, message: str) -> None:
    with pytest.raises(rtfs.RtfsError) as caught:
        await collect(cached(store, more), [1], [])
    assert f"{caught.value.code[5:]} {caught.value.message}".startswith(message)


async def test_a60_a_place_that_a_program_names_is_asked_for() -> None:
    context = rtfs.RuntimeContext.full().replace(denied_effects=(":filesystem",))
    with pytest.raises(rtfs.RtfsError) as caught:
        await collect(cached('"sqlite:/tmp/nowhere/c.db"'), [1], [], context=context)
    assert caught.value.message == "Effect :filesystem denied for stream.with-cache"


async def test_a_place_that_cannot_be_reached_costs_time_and_no_item() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told: list[Any] = []
    async with session(told) as one:
        events: list[Any] = []
        one.host.streams.on_event(events.append)
        node = cached(f'"redis://127.0.0.1:{port}"', items="[1 1]")
        assert await one.run_async(f"(call :stream.to-collection {node})") == (1, 1)
    assert told == [1, 1]
    assert {event.event for event in events} >= {"cache-failed"}


async def test_a_failure_is_not_kept_and_the_next_item_of_its_key_is_computed() -> None:
    told: list[Any] = []
    async with session(told) as one:
        node = """(stream.with-cache [0 1 0] (fn [x] (do (tell x) (/ 1 x))) {:cache-key identity})"""
        assert await one.run_async(f"(call :stream.to-collection {node} {{:on-error :skip}})") == (1,)
    assert told == [0, 1, 0]


async def test_one_key_is_computed_by_one_item_at_a_time_in_the_order_of_the_items() -> None:
    running, most = [0], [0]

    async def compute(item: Any) -> Any:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0)
        running[0] -= 1
        return item

    async with session([]) as one:
        one.define("compute", compute)
        hits = "(fn [cached item] (tell [:hit cached]))"
        node = f"(stream.with-cache [:a :b :a :a] compute {{:cache-key identity :on-hit {hits}}})"
        told: list[Any] = []
        one.define("tell", told.append)
        assert await one.run_async(f"(call :stream.to-collection {node})") == (K("a"), K("b"), K("a"), K("a"))
    assert (most[0], len(told)) == (1, 2)
