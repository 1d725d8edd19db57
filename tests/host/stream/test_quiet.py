"""Stages that ask for a moment, so that quiet streams go on: after restarts, in company, while paused (§6.10)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

import rtfs
from rtfs.host.clock import VirtualClock
from rtfs.lang.names import Keyword as K


class Life:
    """A process on a virtual clock: a session and the stream `s` in it."""

    def __init__(self, folder: Path, start_ms: int) -> None:
        self.clock = VirtualClock(start_ms)
        self.session = rtfs.Session(
            limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full(), clock=self.clock,
            state_dir=str(folder / "state"),
        )  # fmt: skip
        self.outputs: list[Any] = []
        self.session.define("tell", self.outputs.append)

    async def run(self, text: str) -> Any:
        task = asyncio.ensure_future(self.session.run_async(text))
        while not task.done():
            await self.clock.advance(0)
            await asyncio.sleep(0.001)
        return task.result()

    @property
    def stream(self) -> Any:
        return self.session.host.streams.find("s")

    async def until(self, processed: int, told: int = 0) -> None:
        while self.stream.owner.stats.processed < processed or len(self.outputs) < told:
            await self.clock.advance(0.1)  # a file that is followed is looked at from time to time
            await asyncio.sleep(0.001)

    async def end(self) -> None:
        await self.session.host.streams.shutdown(strategy="immediate")
        self.session.close()


@pytest_asyncio.fixture
async def life(tmp_path: Path) -> AsyncIterator[Life]:
    life = Life(tmp_path, 1_700_000_000_000)
    yield life
    await life.end()


def follow(path: Path, *stages: str) -> str:
    """The form that starts `s`: the lines of a file that may grow, as RTFS values, through stages."""
    source = f"(call :stream.file.read {rtfs.show(str(path))} {{:mode :json-lines :follow true}})"
    graph = f"(-> {source} {' '.join(stages)})"
    return f'(call :stream.pipeline {graph} {{:stream-id "s" :on-result (fn [value] (tell value))}})'


async def test_a52_open_sessions_survive_a_restart_and_close_on_time_with_no_further_traffic(tmp_path: Path) -> None:
    clicks = tmp_path / "clicks"
    clicks.write_text("".join(f'{{"user": "{user}", "at": {at}}}\n' for user, at in [("a", 0), ("b", 10), ("c", 20)]))
    text = follow(clicks, "(stream.session-window {:session-key :user :timeout 5000 :time-fn :at})")
    first = Life(tmp_path, 1_700_000_000_000)
    await first.run(text)
    await first.until(3)
    assert first.outputs == []
    await first.end()
    second = Life(tmp_path, 1_700_000_001_000)
    await second.run(text)
    await second.clock.advance(1)
    assert (second.stream.owner.resumed, second.outputs) == (True, [])
    await second.clock.advance(6)
    closed = [(session[K("key")], session[K("reason")]) for session in second.outputs]
    assert closed == [("a", K("idle")), ("b", K("idle")), ("c", K("idle"))]
    await second.end()


async def test_of_two_stages_that_wait_the_sooner_one_is_not_forgotten(life: Life, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("1\n2\n")
    batches = "(stream.batch {:size 2 :max-wait-ms 5000})"
    await life.run(follow(lines, batches, "(stream.batch {:size 10 :max-wait-ms 2000})"))
    await life.until(2)  # a whole batch, which waits in the second stage
    with lines.open("a") as more:
        more.write("3\n")
    await life.until(3)  # one that waits in the first, and for longer
    await life.clock.advance(2.1)
    assert life.outputs == [((1, 2),)]
    await life.clock.advance(3.5)
    assert life.outputs == [((1, 2),)]  # the second stage got it now, and waits
    await life.clock.advance(2.1)
    assert life.outputs == [((1, 2),), ((3,),)]


async def test_a_batch_is_not_given_early_because_another_stage_had_its_moment(life: Life, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("1\n2\n3\n")
    await life.run(follow(lines, "(stream.batch {:size 2 :max-wait-ms 3000})"))
    await life.until(3)  # the moment that the first batch asked for comes, and the second one is younger
    late = life.clock.now_ms()
    with lines.open("a") as more:
        more.write("4\n5\n")
    await life.until(5, told=2)
    assert life.outputs == [(1, 2), (3, 4)]
    began = life.clock.now_ms()
    assert began - late < 3000
    await life.clock.advance(3 - (began - late) / 1000 - 0.2)
    assert life.outputs == [(1, 2), (3, 4)]
    await life.clock.advance(3)
    assert life.outputs == [(1, 2), (3, 4), (5,)]


async def test_the_stages_of_a_paused_chain_get_no_ticks_until_it_goes_on(life: Life, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    lines.write_text("1\n")
    await life.run(follow(lines, "(stream.batch {:size 2 :max-wait-ms 1000})"))
    await life.until(1)
    await life.run('(call :stream.pause "s")')
    await life.clock.advance(5)
    assert life.outputs == []
    await life.run('(call :stream.resume "s")')
    await life.clock.advance(0.01)
    assert life.outputs == [(1,)]


@pytest.mark.parametrize("keys", [1, 50])
async def test_what_windows_and_sessions_give_does_not_depend_on_how_many_are_open(life: Life, keys: int) -> None:
    """They look at all that is open only when something closes."""
    items = rtfs.from_python([{"at": at, "key": at * 7 % keys} for at in range(600)])
    life.session.define("items", items)
    by_key = '{:key-fn (fn [x] (get x "key")) :time-fn (fn [x] (get x "at"))}'
    windows = await life.run(f"(call :stream.to-collection (stream.window (vec items) 100 {by_key}))")
    expected = {(start, at * 7 % keys) for at in range(600) for start in (at // 100 * 100,)}
    assert {(window[K("start")], window[K("key")]) for window in windows} == expected
    assert [window[K("start")] for window in windows] == sorted(window[K("start")] for window in windows)
    assert sum(window[K("count")] for window in windows) == 600
