"""Dead letters: what is kept of a chunk that failed for good, and how it gets another chance (§1.8, §6.9)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtfs.host.stream import letters
from rtfs.host.stream.adapters.memory import Topic
from rtfs.lang.collections import Map
from rtfs.lang.errors import StreamError
from rtfs.lang.names import Keyword as K


def m(**pairs: Any) -> Map:
    return Map.of([(K(name.replace("_", "-")), value) for name, value in pairs.items()])


class Picky:
    """Adds chunks up; refuses those of `bad`."""

    def __init__(self, *bad: Any) -> None:
        self.bad = set(bad)

    def __call__(self, state: Any, chunk: Any) -> Map:
        if chunk in self.bad:
            raise ValueError(f"no {chunk}")
        return m(state=state + chunk)


async def start(registry: Any, picky: Any, **options: Any) -> Any:
    options = {"on_error": K("dead-letter"), "state": 0, **options}
    return await registry.start("gauge", processor=lambda state, chunk: picky(state, chunk), **options)


async def listed(registry: Any, **parameters: Any) -> list[Any]:
    return list(await letters.listed(registry, (m(**parameters),)))


async def test_a_letter_has_item_metadata_error_and_attempts_and_the_stream_goes_on(ground: Any) -> None:
    registry = ground.registry()
    stream = await start(registry, Picky(13), stream_id="s", on_error=m(retry=2, then=K("dead-letter")))
    for chunk in (1, 13, 2):
        await stream.send(chunk, m(lane=7), ack="processed")
    (letter,) = await listed(registry, stream="s")
    assert [letter[K(key)] for key in ("id", "stream-id", "seq", "item", "attempts", "redriven-at")] == [
        "s/1.1", "s", 1, 13, 3, None,
    ]  # fmt: skip
    assert (letter[K("metadata")][K("lane")], letter[K("error")][K("code")]) == (7, "RTFS-S010")
    assert "no 13" in letter[K("error")][K("message")]
    stats = stream.inspect()[K("stats")]
    assert (stream.state, stats[K("dead-lettered")], stats[K("failed")], stats[K("retried")]) == (3, 1, 1, 2)
    assert [event.data["at_seq"] for event in ground.named("dead-lettered")] == [1]


async def test_letters_of_a_durable_stream_are_there_in_a_new_process(ground: Any, tmp_path: Path) -> None:
    registry = ground.registry(tmp_path)
    stream = await start(registry, Picky(13), stream_id="s")
    await stream.send(13, ack="processed")
    await registry.shutdown(strategy="immediate")
    assert [letter[K("item")] for letter in await listed(ground.registry(tmp_path), stream="s")] == [13]


async def test_a_letter_is_stored_with_the_position_behind_its_chunk(ground: Any, tmp_path: Path) -> None:
    for _ in range(2):
        registry = ground.registry(tmp_path)
        registry.topics["t"] = Topic(range(20))
        stream = await registry.start("memory:t", processor=Refuse(7), on_error=K("dead-letter"), state=0,
                                      stream_id="s", outputs=K("block"), checkpoint=m(every_ms=60_000))  # fmt: skip
        await stream.until(lambda stream=stream: stream.owner.stats.dead_lettered == 1)
        stream.owner.checkpoints.close(gone=True)  # killed before anything of it was stored
        await registry.shutdown(strategy="immediate")
        assert await listed(ground.registry(tmp_path), stream="s") == []
        for again in ground.registries:
            await again.shutdown(strategy="immediate")


def Refuse(bad: int) -> Any:
    picky = Picky(bad)
    return lambda state, chunk: picky(state, chunk)


async def test_a_named_queue_collects_the_letters_of_several_streams(ground: Any) -> None:
    registry = ground.registry()
    for name in ("a", "b"):
        stream = await start(registry, Picky(1, 2), stream_id=name, dead_letter_queue="poison")
        for chunk in (1, 2):
            await stream.send(chunk, ack="processed")
    found = await listed(registry, queue="poison")
    assert [letter[K("id")] for letter in found] == ["a/1.0", "a/1.1", "b/1.0", "b/1.1"]
    assert [letter[K("id")] for letter in await listed(registry, queue="poison", after="a/1.0", limit=2)] == [
        "a/1.1", "b/1.0",
    ]  # fmt: skip


async def test_redriving_after_a_fix_delivers_each_letter_once_and_says_when(ground: Any) -> None:
    registry, picky = ground.registry(), Picky(13, 14)
    seen: list[int] = []

    def process(state: Any, chunk: Any, metadata: Map) -> Map:
        seen.append(metadata[K("attempt")])
        return picky(state, chunk)

    stream = await registry.start("gauge", processor=process, state=0, on_error=K("dead-letter"), stream_id="s")
    for chunk in (13, 14, 1):
        await stream.send(chunk, ack="processed")
    picky.bad.clear()
    assert await letters.redrive(registry, (m(stream="s", limit=1),)) == m(redriven=("s/1.0",), left=1)
    await letters.redrive(registry, (m(stream="s"),))
    assert await letters.redrive(registry, (m(stream="s"),)) == m(redriven=(), left=2)
    await stream.until(lambda: not stream.owner.queue.items)
    assert (stream.state, seen) == (28, [1, 1, 1, 2, 2])
    assert all(letter[K("redriven-at")] for letter in await listed(registry, stream="s"))


async def test_one_letter_can_be_sent_to_another_stream(ground: Any) -> None:
    registry = ground.registry()
    stream = await start(registry, Picky(13), stream_id="s")
    other = await start(registry, Picky(), stream_id="other")
    await stream.send(13, ack="processed")
    await letters.redrive(registry, (m(queue="s", ids=("s/1.0",), to="other"),))
    await other.until(lambda: other.state == 13)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        (m(), "S002"),
        (m(queue="s", ids=("x",)), "S003"),
        (m(queue="s", nonsense=1), "S006"),
        (m(stream=7), "S004"),
        (m(queue=""), "S003"),
    ],
)
async def test_what_is_wrong_with_redrive_is_said(ground: Any, parameters: Map, code: str) -> None:
    with pytest.raises(StreamError) as caught:
        await letters.redrive(ground.registry(), (parameters,))
    assert caught.value.code == f"RTFS-{code}"


async def test_redriving_to_a_stream_that_is_gone_leaves_the_letter_unsent(ground: Any) -> None:
    registry = ground.registry()
    stream = await start(registry, Picky(13), stream_id="s")
    await stream.send(13, ack="processed")
    await stream.cancel()
    with pytest.raises(StreamError, match="No stream with id: s"):
        await letters.redrive(registry, (m(stream="s"),))
    assert (await listed(registry, stream="s"))[0][K("redriven-at")] is None


async def test_an_item_without_a_text_is_kept_as_its_print(ground: Any) -> None:
    registry = ground.registry()
    marker = object()
    stream = await start(registry, Picky(marker), stream_id="s")
    await stream.send(marker, ack="processed")
    (letter,) = await listed(registry, stream="s")
    assert letter[K("item")] == m(unstorable=repr(marker))
