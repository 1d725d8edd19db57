"""`:dedupe`: what comes again under an id that was accepted before is left out, also after a restart (§5.7)."""

from __future__ import annotations

from typing import Any

import pytest

from rtfs.host.stream.adapters.memory import Topic
from rtfs.host.stream.dedupe import Seen
from rtfs.lang.collections import Map, vector
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


def keep(state: Any, chunk: Any) -> Map:
    return m(state=vector([*state, chunk[K("n")]]))


async def life(ground: Any, url: str, **options: Any) -> Any:
    options = {"dedupe": (K("id"),), "checkpoint": m(store=url), **options}
    return await ground.registry().start("gauge", processor=keep, state=(), stream_id="s", **options)


async def test_a_chunk_of_a_known_id_is_answered_as_duplicate_and_not_processed(ground: Any) -> None:
    stream = await life(ground, "memory:")
    for number, id in enumerate("abac"):
        answer = await stream.send(m(id=id, n=number), ack="processed")
    assert answer[K("accepted")] is True
    assert await stream.send(m(id="b", n=9)) == m(accepted=False, seq=None, status=K("active"), reason=K("duplicate"))
    assert (stream.state, stream.inspect()[K("stats")][K("ignored")]) == ((0, 1, 3), 2)


async def test_chunks_without_an_id_are_never_duplicates(ground: Any) -> None:
    stream = await life(ground, "memory:")
    for _ in range(2):
        await stream.send(m(n=1), ack="processed")
    assert stream.state == (1, 1)


@pytest.mark.parametrize("name", ["sqlite", "postgresql", "redis"])
@pytest.mark.parametrize("intake", [False, True])
async def test_ids_are_known_after_a_crash_as_far_as_their_chunks_are(
    ground: Any, store_place: Any, name: str, intake: bool
) -> None:
    url = store_place(name)
    stream = await life(ground, url, durable_intake=intake)
    await stream.send(m(id="stored", n=1), ack="durable")
    await stream.pause()
    await stream.send(m(id="queued", n=2))
    await stream.checkpoint()
    await stream.send(m(id="late", n=3))
    stream.owner.checkpoints.close(gone=True)
    await ground.registries.pop().shutdown(strategy="immediate")
    stream = await life(ground, url, durable_intake=intake)
    await stream.resume()
    for id, number in (("stored", 1), ("queued", 2), ("late", 3)):
        await stream.send(m(id=id, n=number), ack="processed")
    await stream.until(lambda: not stream.owner.queue.items)
    assert stream.state == (1, 2, 3)


async def test_a_source_that_repeats_itself_counts_once(ground: Any) -> None:
    registry = ground.registry()
    registry.topics["t"] = Topic([m(id=n % 7, n=n) for n in range(100)])
    stream = await registry.start("memory:t", processor=keep, state=(), dedupe=(K("id"),))
    assert await stream.result() == tuple(range(7))


async def test_a_dropped_chunk_may_come_again(ground: Any) -> None:
    stream = await life(ground, "memory:", overflow=K("drop-newest"), queue_capacity=1)
    await stream.pause()
    await stream.send(m(id="a", n=1))
    await stream.send(m(id="b", n=2))
    await stream.resume(drained=True)
    await stream.send(m(id="b", n=2), ack="processed")
    assert stream.state == (1, 2)


def test_the_oldest_ids_leave_the_window() -> None:
    seen = Seen((K("id"),), window=3)
    for number in range(5):
        seen.note(number, m(id=number), None)
    assert [seen.knows(m(id=number), None) for number in range(5)] == [False, False, True, True, True]
    assert seen.below == 2


def test_the_id_of_a_broker_is_in_the_metadata() -> None:
    from rtfs.host.stream.chunk import Extra

    seen, extra = Seen(None), Extra({K("ext"): m(id="x-1")})
    seen.note(0, "body", extra)
    assert seen.knows("other", Extra({K("ext"): m(id="x-1")}))
    assert not seen.knows("body", None)
