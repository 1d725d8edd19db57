"""Streams in stores that machines share: owners live by their heartbeat, and who lost a stream writes nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from rtfs.host.stream.stores import RemoteStore, open_store
from rtfs.lang.collections import Map, vector
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K


def keep(state: Any, chunk: Any) -> Map:
    return Map.of([(K("state"), vector([*state, chunk])), (K("output"), chunk)])


@pytest.fixture(params=["postgresql", "redis"])
def url(request: pytest.FixtureRequest, store_place: Callable[[str], str]) -> str:
    return store_place(request.param)


async def start(ground: Any, url: str, **options: Any) -> Any:
    """A process of its own, as far as stores can tell, with stream `s` in it."""
    ground.evaluator.globals["keep"] = keep
    options = {"processor": "keep", "state": (), "checkpoint": Map.of([(K("store"), url)]), **options}
    return await ground.registry().start("gauge", stream_id="s", **options)


def fall_silent(url: str, epoch: int) -> None:
    """What fifteen seconds without a heartbeat are for the others."""
    store: RemoteStore = open_store(url, "normal")  # type: ignore[assignment]
    store.leave({"s": epoch})
    store.close()


async def test_a_stream_goes_on_in_another_process_once_it_was_left(url: str, ground: Any) -> None:
    stream = await start(ground, url)
    await stream.send(1, ack="durable")
    await ground.registries.pop().shutdown(strategy="immediate")
    again = await start(ground, url)
    assert again.handle()[K("resumed")] is True
    await again.send(2, ack="durable")
    assert (again.state, again.owner.epoch) == ((1, 2), 2)


async def test_a43_a_start_while_the_owner_lives_is_s008_and_a_resume_s040(url: str, ground: Any) -> None:
    stream = await start(ground, url)
    await stream.send(1, ack="durable")
    with pytest.raises(StreamError) as caught:
        await start(ground, url)
    assert caught.value.code == "RTFS-S008"
    assert caught.value.data.get(K("owner")) == ground.registries[0].identity
    parameters = Map.of([(K("stream-id"), "s"), (K("checkpoint"), Map.of([(K("store"), url)]))])
    with pytest.raises(StreamError) as caught:
        await ground.registry().resume_stored(parameters)
    assert caught.value.code == "RTFS-S040"
    await stream.send(2, ack="durable")
    assert stream.state == (1, 2)


async def test_a44_an_owner_that_was_silent_too_long_is_fenced_at_its_next_commit(url: str, ground: Any) -> None:
    first = await start(ground, url)
    await first.send(1, ack="durable")
    fall_silent(url, 1)
    second = await start(ground, url)
    await second.send(2, ack="durable")
    with pytest.raises(StreamError):
        await first.send(3, ack="durable")
    assert first.owner.terminal and first.owner.failure.code == "RTFS-S040"
    await second.send(4, ack="durable")
    assert second.state == (1, 2, 4)
    store = open_store(url, "normal")
    found = store.load("s")
    store.close()
    assert found is not None and {saved.epoch for saved in found[1]} == {2}


async def test_a_heartbeat_keeps_the_stream_and_tells_a_lost_one(url: str, ground: Any) -> None:
    first = await start(ground, url)
    fall_silent(url, 1)
    await ground.clock.advance(5)  # its heartbeat comes in time
    beat = next(iter(ground.registries[0]._beats.values()))
    await beat
    with pytest.raises(StreamError):
        await start(ground, url)
    fall_silent(url, 1)
    await start(ground, url)
    await ground.clock.advance(5)
    await asyncio.gather(*(task for registry in ground.registries for task in registry._beats.values()))
    assert first.owner.failure is not None and first.owner.failure.code == "RTFS-S040"


async def test_the_password_of_a_store_is_not_shown(ground: Any, services: Any) -> None:
    url = services.postgresql().replace("postgres@", "postgres:s3cret@")
    from rtfs.host.stream.stores import masked

    assert "s3cret" not in masked(url) and "postgres:***@" in masked(url)


async def test_inspect_says_what_of_a_commit_survives_a_crash_of_the_server(url: str, ground: Any) -> None:
    seen = (await start(ground, url)).inspect()[K("checkpoint")][K("survives")]
    if url.startswith("redis"):
        assert seen.startswith(("what the last save of the server holds", "the append file (appendfsync "))
    else:
        assert seen is None
