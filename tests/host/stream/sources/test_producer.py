"""`:stream.producer` and `:stream.consumer`: buffers before and behind a graph (streaming.md §6.2, §6.3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K


@asynccontextmanager
async def session(**options: Any) -> AsyncIterator[rtfs.Session]:
    made = rtfs.Session(limits=rtfs.Limits.unlimited(), **{"context": rtfs.RuntimeContext.full(), **options})
    try:
        yield made
    finally:
        await made.host.ended(30, "immediate")
        made.close()


async def run(text: str, **names: Any) -> Any:
    async with session() as one:
        for name, value in names.items():
            one.define(name, value)
        return await asyncio.wait_for(one.run_async(text), 60)


COUNT = "(fn [n] (if (= n 1000) :done [n (inc n)]))"


async def test_a_slow_reader_meets_a_buffer_that_never_overflows_and_each_crossing_is_told_once() -> None:
    told: list[tuple[str, int]] = []
    depths: list[int] = []
    async with session() as one:

        def depth() -> int:
            return int(one.host.streams.find("p").owner.queue.depth)

        async def look(item: int) -> None:
            depths.append(depth())
            await asyncio.sleep(0)

        one.define("look", look)
        one.define("tell", lambda what: told.append((what, depth())))
        await one.run_async(f"""(call :stream.wait (call :stream.producer {COUNT}
          {{:initial-state 0 :stream-id "p" :on-backpressure (fn [] (tell "full")) :on-resume (fn [] (tell "on"))
            :on-value look}}))""")
    assert len(depths) == 1000
    assert max(depths) <= 100
    assert [what for what, _ in told] == ["full", "on"] * (len(told) // 2)
    assert {depth for what, depth in told if what == "full"} == {80}
    assert max(depth for what, depth in told if what == "on") <= 20
    assert len(told) >= 2 * (1000 - 80) // 60


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(), max_size=60), st.integers(2, 20), st.data())
def test_the_values_are_those_of_the_generator_whatever_the_marks(items: list[int], size: int, data: Any) -> None:
    high = data.draw(st.integers(1, size))
    low = data.draw(st.integers(0, high - 1))
    marks = f":buffer-size {size} :high-water-mark {high} :low-water-mark {low}"
    text = f"""(call :stream.to-collection (call :stream.producer
      (fn [n] (if (< n (count xs)) [(nth xs n) (inc n)] :done)) {{:initial-state 0 {marks}}}))"""
    assert list(asyncio.run(run(text, xs=tuple(items)))) == items
    assert list(asyncio.run(run(f"(call :stream.to-collection (call :stream.producer {{:generator (stream.map xs inc)"
                                f" {marks}}}))", xs=tuple(items)))) == [item + 1 for item in items]  # fmt: skip


@pytest.mark.parametrize(
    "stream",
    [
        "(stream.take (call :stream.producer (fn [] (made))) 3)",
        "(stream.take (call :stream.producer (fn [] (made))) 3) {:overflow :spill}",
        "(call :stream.producer (fn [] (made))) {:max-chunks 3}",
    ],
)
async def test_an_endless_producer_ends_with_its_reader(stream: str) -> None:
    calls = 0

    def made() -> int:
        nonlocal calls
        calls += 1
        assert calls < 10_000, "it goes on for ever"
        return calls

    assert list(await run(f"(call :stream.to-collection {stream})", made=made)) == [1, 2, 3]


async def test_a_collection_is_read_ahead_like_any_stream() -> None:
    assert list(await run("(call :stream.to-collection (call :stream.producer {:generator [1 2]}))")) == [1, 2]


async def test_a_generator_without_a_state_may_ask_the_host() -> None:
    queue = [1, 2, 3, K("done")]
    marks = "{:buffer-size 5 :high-water-mark 4 :low-water-mark 1}"
    text = f"(call :stream.to-collection (call :stream.producer (fn [] (pull)) {marks}))"
    assert await run(text, pull=lambda: queue.pop(0)) == (1, 2, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("{}", "S002 Missing required string field 'generator'"),
        (f"{COUNT} {{:low-water-mark 80}}", "S003 Parameter 'low-water-mark': expected mark below the high one (80)"),
        (
            f"{COUNT} {{:buffer-size 50}}",
            "S003 Parameter 'high-water-mark': expected mark above 0 and at most 50, got 80",
        ),
        ("(fn [a b] a)", "S015 Callback 'fn' takes 2 arguments; :generator gives 1"),
        ("(fn [n] n)", "S003 Parameter 'result of generator': expected [value state] or :done, got nil"),
        (
            f"{COUNT} {{:bufer-size 5}}",
            "S006 Unknown option ':bufer-size' for stream.producer; did you mean ':buffer-size'?",
        ),
    ],
)
async def test_bad_input_is_refused_by_name(call: str, message: str) -> None:
    with pytest.raises(rtfs.RtfsError) as caught:
        await run(f"(call :stream.to-collection (call :stream.producer {call}))")
    assert f"{caught.value.code[5:]} {caught.value.message}".startswith(message)


async def test_a_producer_goes_on_with_its_state_in_another_process(tmp_path: Path) -> None:
    found: list[int] = []
    create = f"""(def h (call :stream.create (call :stream.producer {COUNT} {{:initial-state 0}})
                   {{:stream-id "p" :outputs :durable}}))"""
    for take in (7, 150, 1000):
        async with session(state_dir=str(tmp_path)) as one:
            await one.run_async(create)
            while len(found) < 1000 and (more := await one.run_async(
                f"(call :stream.next h {{:max {take} :after {len(found) - 1}}})"
            )):  # fmt: skip
                found += more
                if take < 1000:
                    break
    assert found == list(range(1000))


# ---- consumer


async def test_a_full_buffer_signals_once_and_nothing_is_lost() -> None:
    told: list[Any] = []
    running = [0]
    gate = asyncio.Event()

    async def work(item: int) -> int:
        running[0] += 1
        assert running[0] == 1, "one at a time"
        if item == 0:
            await gate.wait()
        running[0] -= 1
        return item * 10

    def tell(what: str) -> None:
        told.append(what)
        gate.set()

    found: list[int] = []
    text = """(call :stream.wait (call :stream.consumer {:source (range 30) :processor work :buffer-size 29
      :on-buffer-full (fn [] (tell "full")) :on-drained (fn [] (tell "drained")) :on-item (fn [v] (note v))}))"""
    await run(text, work=work, tell=tell, note=found.append)
    assert told == ["full", "drained"]
    assert found == [item * 10 for item in range(30)]


async def test_a_consumer_runs_when_it_is_called_and_a_program_waits_for_it() -> None:
    seen: list[int] = []
    result = await run("(:status (call :stream.wait (call :stream.consumer [1 2 3] look)))", look=seen.append)
    assert (result, seen) == (K("completed"), [1, 2, 3])


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(), max_size=40), st.integers(1, 10))
def test_what_leaves_is_what_the_processor_gave_whatever_the_buffer(items: list[int], size: int) -> None:
    text = f"(call :stream.to-collection (stream.consumer xs inc {{:buffer-size {size}}}))"
    assert list(asyncio.run(run(text, xs=tuple(items)))) == [item + 1 for item in items]


async def test_items_that_fail_follow_the_policy_and_the_others_are_processed() -> None:
    failing = "(call :stream.to-collection (stream.consumer [1 0 2] (fn [x] (/ 4 x))) {%s})"
    assert await run(failing % ":on-error :skip") == (4, 2)
    with pytest.raises(rtfs.RtfsError, match="Division by zero"):
        await run(failing % "")


async def test_what_was_read_ahead_is_read_again_by_another_process(tmp_path: Path) -> None:
    found: list[int] = []
    create = """(def h (call :stream.create (stream.consumer (range 300) inc) {:stream-id "c" :outputs :durable}))"""
    for take in (7, 100, 1000):
        async with session(state_dir=str(tmp_path)) as one:
            await one.run_async(create)
            while len(found) < 300 and (more := await one.run_async(
                f"(call :stream.next h {{:max {take} :after {len(found) - 1}}})"
            )):  # fmt: skip
                found += more
                if take < 1000:
                    break
    assert found == list(range(1, 301))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("{:source [1]}", "S002 Missing required field 'processor' of stream.consumer"),
        ("{:processor inc}", "S002 Missing required field 'source' of stream.consumer"),
        ("[1] inc {:buffer-size 0}", "S003 Parameter 'buffer-size': expected integer >= 1, got 0"),
        ("[1] (fn [a b] a)", "S015 Callback 'fn' takes 2 arguments; :processor gives 1"),
        ("42 inc", "S004 Not a stream: 42"),
    ],
)
async def test_a_consumer_without_what_it_needs_is_refused(call: str, message: str) -> None:
    with pytest.raises(rtfs.RtfsError) as caught:
        await run(f"(call :stream.consumer {call})")
    assert f"{caught.value.code[5:]} {caught.value.message}" == message
