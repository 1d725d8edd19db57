"""Programs in an event loop: long pure code hands it back, several take turns, and cancelling one ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

import rtfs
from rtfs import Limits
from rtfs.eval.machine import RUN, Run
from rtfs.host.marketplace import Marketplace
from rtfs.lang import signal
from rtfs.lang.errors import LimitError

ENDLESS = "(loop [i 0] (recur (inc i)))"
CALLING = "(defn f [n] (if (pos? n) (f (dec n)) 0)) (loop [] (f 50) (recur))"
VARIANTS = [Limits.unlimited(), Limits(seconds=50.0), Limits(steps=10**15, seconds=50.0)]


def session(limits: Limits | None = None) -> rtfs.Session:
    return rtfs.Session(limits=limits or Limits(seconds=50.0), cache=False)


async def ended(task: asyncio.Task[object]) -> str:
    """The kind of the error that a cancelled program ends with."""
    task.cancel()
    with pytest.raises(rtfs.RtfsError) as raised:
        await task
    return raised.value.kind


@pytest.mark.parametrize("text", [ENDLESS, CALLING])
@pytest.mark.parametrize("limits", VARIANTS)
async def test_pure_code_hands_the_loop_back_and_can_be_cancelled(text: str, limits: Limits) -> None:
    task = asyncio.create_task(session(limits).run_async(text))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    assert await ended(task) == "Cancelled"


async def test_a_function_of_a_program_that_can_be_interrupted_hands_it_back_when_it_is_called() -> None:
    one = session()
    function = await one.run_async(f"(fn [] {ENDLESS})")
    task = asyncio.create_task(one.call_async(function))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await ended(task) == "Cancelled"


async def test_several_programs_take_turns() -> None:
    endless = [asyncio.create_task(session().run_async(ENDLESS)) for _ in range(3)]
    total = await session().run_async("(loop [i 0 sum 0] (if (< i 300000) (recur (inc i) (+ sum i)) sum))")
    assert total == sum(range(300_000))
    assert [await ended(task) for task in endless] == ["Cancelled"] * 3


async def test_programs_of_one_session_take_turns() -> None:
    one = session()
    endless = asyncio.create_task(one.run_async(ENDLESS))
    await asyncio.sleep(0)
    assert await one.run_async("(+ 1 2)") == 3
    assert await ended(endless) == "Cancelled"
    assert await one.run_async("(+ 3 4)") == 7


async def test_a_cancelled_program_runs_its_finally_and_catches_nothing() -> None:
    seen = []
    one = rtfs.Session(cache=False, on_step=lambda event: seen.append(event.name))
    text = f'(try (try {ENDLESS} (catch e (step "caught" 1))) (finally (step "cleaned" 2)))'
    task = asyncio.create_task(one.run_async(text))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await ended(task) == "Cancelled"
    assert set(seen) == {"cleaned"}


async def test_turns_are_no_evaluation_time() -> None:
    waiting = asyncio.create_task(session(Limits(seconds=50.0)).run_async(ENDLESS))
    count = await session(Limits(steps=10**9, seconds=50.0)).run_async("(count (map (fn [x] (* x x)) (range 200000)))")
    assert count == 200_000
    assert await ended(waiting) == "Cancelled"


async def test_a_program_that_hands_the_loop_back_counts_the_same_steps() -> None:
    text = "(loop [i 0] (if (< i 100000) (recur (inc i)) i))"
    steps = 100_001 + 100_001 + 100_000
    assert await session(Limits(steps=steps)).run_async(text) == 100_000
    with pytest.raises(rtfs.RtfsError, match="Step limit exceeded"):
        await session(Limits(steps=steps - 1)).run_async(text)


async def test_programs_of_one_session_expand_macros_one_after_the_other() -> None:
    one = session()
    await one.run_async("(defmacro slow [n x] (do (loop [i 0] (if (< i n) (recur (inc i)) i)) (list 'inc x)))")
    programs = [one.run_async(f"(slow 60000 (slow 60000 {number}))") for number in range(4)]
    assert await asyncio.gather(*programs) == [2, 3, 4, 5]


@pytest.mark.parametrize("limits", [Limits(seconds=0.1), Limits(seconds=0.1, steps=10**12)])
@pytest.mark.parametrize(
    "text",
    [
        "(do " + "(+ (inc 1) (inc 2)) " * 50_000 + ")",
        "(list 1 2 3) " * 50_000,
        "(cond false (let [x 1] x)) " * 20_000,
        "[1 2 (3 4)] " * 300_000,
    ],
)
def test_a_deadline_is_noticed_while_a_text_is_read_expanded_and_compiled(limits: Limits, text: str) -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        session(limits).run(text)
    assert raised.value.kind == "DeadlineExceeded"


def asking(limits: Limits, ask: Callable[[Run], None]) -> tuple[rtfs.Session, list[int]]:
    """A session with a capability whose task, which begins in a program, walks over a value when that program was asked
    something; and how often it came through."""
    market, walked = Marketplace(), []

    @market.capability("t.ask", effects=[])
    async def answer() -> int:
        await asyncio.sleep(0)
        ask(RUN.get())
        signal.visited(100)
        walked.append(1)
        return len(walked)

    context = rtfs.RuntimeContext.full()
    return rtfs.Session(marketplace=market, context=context, limits=limits, cache=False), walked


@pytest.mark.parametrize("limits", VARIANTS)
async def test_a_task_of_the_host_does_not_hand_the_loop_back_for_the_program_it_began_in(limits: Limits) -> None:
    one, walked = asking(limits, lambda run: run.ask_pause())
    await one.run_async("(step-parallel [(call :t.ask) (call :t.ask)] (do (call :t.ask) (call :t.ask)))")
    assert len(walked) == 4


@pytest.mark.parametrize("limits", VARIANTS)
async def test_what_ends_a_program_is_not_taken_by_a_task_of_the_host(limits: Limits) -> None:
    one, walked = asking(limits, lambda run: run.interrupt(LimitError("Cancelled", "Cancelled")))
    with pytest.raises(rtfs.RtfsError) as raised:
        await one.run_async("(step-parallel (call :t.ask) 1) (loop [] (recur))")
    assert (raised.value.kind, len(walked)) == ("Cancelled", 1)
