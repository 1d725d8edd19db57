"""Many sessions in one process share code and library, not state; what a cancelled run had under way ends with it."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from typing import Any

import rtfs
from rtfs.lang.outcome import RuntimeContext
from rtfs.lang.values import ResourceHandle


def test_a_thousand_sessions_share_code_and_library_but_no_state() -> None:
    text = '(def n (count args)) (defn f [x] (reduce + (map (fn [y] (* x y)) (range 5)))) [(f n) (string/upper "a")]'
    market = rtfs.Marketplace()
    context = RuntimeContext.controlled(["ccos.**"])

    def one(number: int) -> rtfs.Session:
        session = rtfs.Session(marketplace=market, context=context, cache=False)
        session.define("args", [0] * (number % 7))
        assert session.run(text, name="shared.rtfs") == (10 * (number % 7), "A")
        session.define("number", number)
        session.run("(call :ccos.state.kv.put :who number)")
        return session

    warm = [one(n) for n in range(3)]
    gc.collect()
    tracemalloc.start()
    sessions = [one(n) for n in range(3, 103)]
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sessions += [one(n) for n in range(103, 1_000)]
    assert size / 100 < 60_000, f"{size / 100:.0f} bytes for a session"
    assert sessions[0].lookup("f").__code__ is sessions[-1].lookup("f").__code__
    assert [s.run("(call :ccos.state.kv.get :who)") for s in (sessions[0], sessions[-1])] == [3, 999]
    for session in (*warm, *sessions):
        session.close()


async def test_cancelling_a_run_ends_its_calls_branches_and_tasks_and_closes_what_they_opened() -> None:
    market, log = rtfs.Marketplace(), []

    @market.capability("t.open", effects=[])
    def open_(ctx: Any, name: str) -> Any:
        handle = f"resource://thing/{name}"
        ctx.host.resources[handle] = lambda: log.append(f"closed {name}")
        return ResourceHandle(handle)

    @market.capability("t.hang", effects=[])
    async def hang(name: str) -> None:
        try:
            log.append(f"begun {name}")
            await asyncio.get_running_loop().create_future()
        finally:
            log.append(f"ended {name}")

    session = rtfs.Session(marketplace=market, context=RuntimeContext.full(), cache=False)
    text = """
      (with-resource [a (call :t.open "a")]
        (step-parallel (with-resource [b (call :t.open "b")] (call :t.hang "b"))
                       (step-parallel (call :t.hang "c") (call :t.hang "d"))))"""
    running = asyncio.ensure_future(session.run_async(text))
    while len(log) < 3:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})
    if not running.cancelled():
        assert running.exception() is not None
    ended = {"ended b", "ended c", "ended d", "closed a", "closed b"}
    assert set(log) == {"begun b", "begun c", "begun d"} | ended
    assert await session.run_async("(+ 1 1)") == 2
    await session.host.shutdown()


async def test_a_failing_branch_cancels_the_others_and_closes_what_they_opened() -> None:
    market, log = rtfs.Marketplace(), []
    begun = asyncio.Event()

    @market.capability("t.open", effects=[])
    def open_(ctx: Any) -> Any:
        ctx.host.resources["resource://thing/1"] = lambda: log.append("closed")
        return ResourceHandle("resource://thing/1")

    @market.capability("t.hang", effects=[])
    async def hang() -> None:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            log.append("ended")

    @market.capability("t.wait", effects=[])
    async def wait() -> None:
        await begun.wait()

    session = rtfs.Session(marketplace=market, context=RuntimeContext.full(), cache=False)
    text = """
      (try (step-parallel (with-resource [r (call :t.open)] (call :t.hang)) (do (call :t.wait) (/ 1 0)))
           (catch DivisionByZero e :caught))"""
    assert str(await session.run_async(text)) == ":caught"
    assert log == ["ended", "closed"]
    await session.host.shutdown()
