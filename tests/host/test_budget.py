"""Budgets: exact counting, warnings, policies, and errors that name what was spent where (host.md §5)."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs import Budget, Marketplace, RuntimeContext, Session
from rtfs.lang.errors import HostCallError, RtfsError
from rtfs.lang.names import Keyword


def refused(work: Callable[[], Any]) -> HostCallError:
    with pytest.raises(HostCallError) as caught:
        work()
    assert caught.value.kind == "BudgetExhausted"
    return caught.value


# ---- host calls


def test_the_call_beyond_the_limit_is_refused_and_says_everything(bench: Callable[..., Any]) -> None:
    table = bench(budget=Budget(host_calls=2))
    assert [table.do("ccos.echo", n) for n in (1, 2)] == [1, 2]
    error = refused(lambda: table.do("ccos.echo", 3))
    assert error.message == "Resource budget exhausted: host-calls (policy: stop)"
    assert error.notes == ["budget: used 3 of 2"]
    facts = {key.name: value for key, value in error.data.entries()}
    assert facts == {
        "dimension": Keyword("host-calls"),
        "limit": 2,
        "used": 3,
        "policy": Keyword("stop"),
        "capability": "ccos.echo",
    }
    assert table.host.budget.report()["host-calls"]["used"] == 2


def test_a_script_can_catch_it_and_cannot_go_on_calling() -> None:
    session = Session(context=RuntimeContext.full(), budget=Budget(host_calls=1))
    source = "(map (fn [n] (try (call :ccos.echo n) (catch BudgetExhausted e :over))) [1 2 3])"
    assert session.run(source) == (1, Keyword("over"), Keyword("over"))


async def test_concurrent_calls_never_pass_the_limit(bench: Callable[..., Any]) -> None:
    table = bench(budget=Budget(host_calls=10))
    served = []

    async def slow(n: int) -> int:
        await asyncio.sleep(0)
        served.append(n)
        return n

    table.market.capability("t.f", effects=[])(slow)
    answers = await asyncio.gather(*(table.wait("t.f", n) for n in range(50)), return_exceptions=True)
    assert len(served) == 10
    assert sum(isinstance(answer, RtfsError) for answer in answers) == 40


# ---- what providers report


def spender(table: Any, **amounts: Any) -> None:
    def spend(ctx: Any) -> str:
        ctx.meter(**amounts)
        return "done"

    table.market.capability("t.spend", effects=[], replace=True)(spend)


def test_what_a_provider_spends_counts_even_when_it_is_too_much(bench: Callable[..., Any]) -> None:
    table = bench(budget=Budget(tokens=100, cost=1.0))
    spender(table, tokens=60, cost=0.25)
    assert table.do("t.spend") == "done"
    error = refused(lambda: table.do("t.spend"))
    assert error.message == "Resource budget exhausted: tokens (policy: stop)"
    assert {name: each["used"] for name, each in table.host.budget.report().items()} == {"tokens": 120, "cost": 0.25}
    refused(lambda: table.do("ccos.echo", 1))  # nothing is left: no further call is made


def test_a_limit_that_is_just_met_is_not_exceeded(bench: Callable[..., Any]) -> None:
    table = bench(budget=Budget(tokens=100))
    spender(table, tokens=100)
    assert table.do("t.spend") == "done"
    refused(lambda: table.do("ccos.echo", 1))


@pytest.mark.parametrize("amounts", [{"tokns": 1}, {"tokens": -1}, {"tokens": float("nan")}])
def test_a_report_that_makes_no_sense_is_an_error_of_the_provider(
    bench: Callable[..., Any], amounts: dict[str, Any]
) -> None:
    table = bench(budget=Budget(tokens=100))
    spender(table, **amounts)
    with pytest.raises(HostCallError) as caught:
        table.do("t.spend")
    assert caught.value.kind == "HostError"
    assert table.host.budget.report()["tokens"]["used"] == 0


def test_threads_are_counted_exactly() -> None:
    budget = Budget(tokens=1_000_000)
    threads = [threading.Thread(target=lambda: [budget.charge({"tokens": 1}) for _ in range(2_000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.report()["tokens"]["used"] == 16_000


def test_files_and_stored_values_count_by_their_bytes(bench: Callable[..., Any], tmp_path: Path) -> None:
    table = bench(budget=Budget(storage_bytes=20))
    path = str(tmp_path / "a")
    table.do("ccos.io.write-file", path, "é" * 4)
    table.do("ccos.state.kv.put", "k", "12345678")
    assert table.host.budget.report()["storage-bytes"]["used"] == 18
    refused(lambda: table.do("ccos.io.append-file", path, "1234"))
    assert Path(path).read_text() == "é" * 4
    table = bench(budget=Budget(storage_bytes=5))
    refused(lambda: table.do("ccos.state.kv.put", "k", "123456"))
    assert table.host.state.get("k") is None


# ---- time


async def test_a_call_that_waits_ends_with_the_time_of_the_session(bench: Callable[..., Any]) -> None:
    table = bench(budget=Budget(wall_clock_ms=1000))
    waiting = asyncio.ensure_future(table.wait("ccos.system.sleep-ms", 5000))
    await table.clock.advance(2)
    with pytest.raises(HostCallError) as caught:
        await waiting
    assert caught.value.message == "Resource budget exhausted: wall-clock-ms (policy: stop)"
    refused(lambda: table.do("ccos.echo", 1))


async def test_more_time_can_be_granted_while_a_call_waits(bench: Callable[..., Any]) -> None:
    asked = []

    def ask(dimension: str, used: float, limit: float, call: Any) -> float:
        asked.append((dimension, limit, call.capability_id))
        return 10_000

    table = bench(budget=Budget(wall_clock_ms=(1000, "ask"), ask=ask))
    waiting = asyncio.ensure_future(table.wait("ccos.system.sleep-ms", 5000))
    await table.clock.advance(6)
    assert await waiting is None
    assert asked == [("wall-clock-ms", 1000, "ccos.system.sleep-ms")]


# ---- policies and warnings


def test_half_and_four_fifths_are_warned_of_once(bench: Callable[..., Any]) -> None:
    warned: list[Any] = []
    table = bench(budget=Budget(host_calls=(10, "warn"), on_warning=lambda *facts: warned.append(facts)))
    for n in range(30):
        assert table.do("ccos.echo", n) == n
    assert warned == [("host-calls", 5, 10), ("host-calls", 8, 10)]


def test_ask_gives_more_or_stops(bench: Callable[..., Any]) -> None:
    grants = [1, None]
    table = bench(budget=Budget(host_calls=(1, "ask"), ask=lambda *facts: grants.pop(0)))
    assert [table.do("ccos.echo", n) for n in (1, 2)] == [1, 2]
    error = refused(lambda: table.do("ccos.echo", 3))
    assert error.message == "Resource budget exhausted: host-calls (policy: ask)"


def test_ask_with_nobody_to_ask_stops(bench: Callable[..., Any]) -> None:
    table = bench(budget=Budget(host_calls=(1, "ask")))
    table.do("ccos.echo", 1)
    refused(lambda: table.do("ccos.echo", 2))


@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"tokns": 5}, "a budget has no tokns; it has steps, wall-clock-ms"),
        ({"tokens": -5}, "the limit of tokens must be a number from 0, got -5"),
        ({"tokens": True}, "the limit of tokens must be a number from 0, got True"),
        ({"tokens": (5, "maybe")}, "the policy of tokens must be one of stop, warn, ask, got 'maybe'"),
    ],
)
def test_a_malformed_budget_is_refused(limits: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        Budget(**limits)
    assert str(caught.value).startswith(text)


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(0, 200))
def test_what_is_used_is_the_sum_of_what_was_spent(amounts: list[int], limit: int) -> None:
    budget, spent, stopped = Budget(tokens=limit), 0, False
    for amount in amounts:
        spent += amount
        try:
            budget.charge({"tokens": amount})
        except HostCallError:
            stopped = True
        assert stopped == (spent > limit)
    assert budget.report()["tokens"]["used"] == spent


# ---- streams and the network


def test_a_stream_is_counted_when_it_is_started() -> None:
    session = Session(context=RuntimeContext.full(), budget=Budget(streams=1))
    start = '(mcp-stream "unconnected" (fn [state chunk] {:state state}))'
    try:
        assert session.run(f"(:status {start})") is Keyword("active")
        with pytest.raises(HostCallError) as caught:
            session.run(start)
        assert caught.value.message == "Resource budget exhausted: streams (policy: stop)"
    finally:
        session.shutdown()


def test_a_capability_without_a_budget_may_meter() -> None:
    market = Marketplace()
    market.capability("t.f", effects=[])(lambda ctx: ctx.meter(tokens=5))
    assert Session(marketplace=market, context=RuntimeContext.full()).run("(call :t.f)") is None


# ---- steps of evaluation


def test_steps_are_counted_over_all_runs_of_a_session_and_end_uncatchably() -> None:
    budget = Budget(steps=10_000)
    session = Session(budget=budget)
    session.run("(loop [i 0] (if (< i 1000) (recur (inc i)) i))")
    used = budget.report()["steps"]["used"]
    assert 1_000 <= used < 5_000
    with pytest.raises(RtfsError) as caught:
        session.run("(try (loop [] (recur)) (catch e :caught))")
    assert (caught.value.kind, caught.value.message) == (
        "BudgetExhausted",
        "Resource budget exhausted: steps (policy: stop)",
    )
    with pytest.raises(RtfsError) as caught:
        session.run("(reduce + (map inc (range 1000)))")
    assert caught.value.kind == "BudgetExhausted"
    assert budget.report()["steps"]["used"] == 10_000


def test_the_limit_of_a_run_and_the_budget_of_the_session_both_hold() -> None:
    from rtfs import Limits

    session = Session(budget=Budget(steps=5_000), limits=Limits(steps=3_000))
    kinds = []
    for _ in range(3):
        with pytest.raises(RtfsError) as caught:
            session.run("(loop [] (recur))")
        kinds.append(caught.value.kind)
    assert kinds == ["StepLimitExceeded", "BudgetExhausted", "BudgetExhausted"]


def test_used_up_steps_do_not_keep_finished_values_from_their_host() -> None:
    session = Session(budget=Budget(steps=1_000, host_calls=5), context=RuntimeContext.full())
    assert session.run("(call :ccos.echo 1)") == 1
