"""`ccos.concurrent/parallel` and `ccos.async/*`: functions of a program beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from rtfs.lang.errors import EvaluationError, RtfsError
from rtfs.lang.values import ResourceHandle


@pytest.fixture
def table(bench: Callable[..., Any]) -> Any:
    return bench()


def parallel(table: Any, *functions: Any, **metadata: Any) -> Any:
    return asyncio.ensure_future(table.wait("ccos.concurrent/parallel", *functions, **metadata))


def after(table: Any, seconds: float, value: Any, log: list[Any] | None = None) -> Callable[[], Any]:
    """A function that waits, then gives `value` or raises it; `log` gets it even when it is cancelled."""

    async def work() -> Any:
        try:
            await table.clock.sleep(seconds)
        except asyncio.CancelledError:
            if log is not None:
                log.append(f"cancelled {value}")
            raise
        if isinstance(value, Exception):
            raise value
        return value

    return work


# ---- parallel


async def test_values_come_in_the_order_of_the_functions(table: Any) -> None:
    work = parallel(table, after(table, 3, "a"), lambda: "b", after(table, 1, "c"))
    await table.clock.advance(3)
    assert await work == ("a", "b", "c")


async def test_branches_really_run_at_once(table: Any) -> None:
    start = table.clock.monotonic()
    work = parallel(table, *[after(table, 1, n) for n in range(100)])
    await table.clock.advance(1)
    assert work.done()
    assert list(await work) == list(range(100))
    assert table.clock.monotonic() - start == 1


async def test_branches_can_wait_for_each_other(table: Any) -> None:
    met = asyncio.Event()

    async def first() -> str:
        await met.wait()
        return "first"

    assert await parallel(table, first, lambda: met.set()) == ("first", None)


async def test_no_function_gives_no_value(table: Any) -> None:
    assert await parallel(table) == ()


async def test_the_first_failure_cancels_the_others_at_once_and_keeps_its_kind(table: Any) -> None:
    log: list[Any] = []
    failure = EvaluationError("DivisionByZero", "Division by zero")
    work = parallel(table, after(table, 100, "slow", log), after(table, 1, failure), after(table, 100, "other", log))
    await table.clock.advance(1)
    with pytest.raises(RtfsError) as caught:
        await work
    assert caught.value is failure
    assert sorted(log) == ["cancelled other", "cancelled slow"]


async def test_of_two_failures_at_once_the_first_in_order_is_raised(table: Any) -> None:
    errors = [EvaluationError("ApplicationError", text) for text in ("a", "b")]
    work = parallel(table, after(table, 2, 1), *[after(table, 1, error) for error in errors])
    await table.clock.advance(1)
    with pytest.raises(RtfsError, match=r"^a$"):
        await work


async def test_cancelling_the_call_cancels_every_branch_and_waits_for_it(table: Any) -> None:
    log: list[Any] = []
    work = parallel(table, after(table, 100, 1, log), after(table, 100, 2, log))
    await table.clock.advance(1)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert sorted(log) == ["cancelled 1", "cancelled 2"]


async def test_a_time_limit_of_the_call_ends_every_branch(table: Any) -> None:
    log: list[Any] = []
    work = parallel(table, after(table, 100, 1, log), timeout_ms=1000)
    await table.clock.advance(1)
    with pytest.raises(RtfsError, match="gave no answer within 1000 ms"):
        await work
    assert log == ["cancelled 1"]


async def test_what_cannot_be_called_is_an_error(table: Any) -> None:
    with pytest.raises(RtfsError):
        await parallel(table, 5)


# ---- spawn and await


async def test_a_spawned_function_runs_beside_and_is_awaited_by_its_handle(table: Any) -> None:
    handle = await table.wait("ccos.async/spawn", after(table, 1, "done"))
    assert type(handle) is ResourceHandle
    assert table.host.busy
    waiting = asyncio.ensure_future(table.wait("ccos.async/await", handle))
    await table.clock.advance(1)
    assert await waiting == "done"
    assert await table.wait("ccos.async/await", handle) == "done"
    assert not table.host.busy


async def test_a_failure_is_raised_where_it_is_awaited_in_its_own_kind(table: Any) -> None:
    failure = EvaluationError("DivisionByZero", "Division by zero")
    handle = await table.wait("ccos.async/spawn", after(table, 0, failure))
    for _ in range(2):
        with pytest.raises(RtfsError) as caught:
            await table.wait("ccos.async/await", handle)
        assert caught.value is failure
    await table.host.join()
    assert table.paper.logged == []


@pytest.mark.parametrize("handle", ["resource://task/99", "resource://other/1"])
async def test_an_unknown_handle_is_an_error(table: Any, handle: str) -> None:
    with pytest.raises(RtfsError, match=f"No task {handle}") as caught:
        await table.wait("ccos.async/await", ResourceHandle(handle))
    assert caught.value.type == "not-found"


async def test_tasks_of_another_host_are_out_of_reach(table: Any, bench: Callable[..., Any]) -> None:
    handle = await table.wait("ccos.async/spawn", lambda: 1)
    with pytest.raises(RtfsError, match="No task"):
        await bench().wait("ccos.async/await", handle)
    await table.host.join()


async def test_who_waits_may_be_cancelled_without_harm_to_the_task(table: Any) -> None:
    handle = await table.wait("ccos.async/spawn", after(table, 2, "done"))
    waiting = asyncio.ensure_future(table.wait("ccos.async/await", handle))
    await table.clock.advance(1)
    waiting.cancel()
    await table.clock.advance(1)
    assert await table.wait("ccos.async/await", handle) == "done"


async def test_closing_the_handle_cancels_the_task(table: Any) -> None:
    log: list[Any] = []
    handle = await table.wait("ccos.async/spawn", after(table, 100, 1, log))
    await table.clock.advance(1)
    assert table.do("ccos.resource.close", handle) is None
    await table.clock.advance(0)
    assert log == ["cancelled 1"]
    assert table.do("ccos.resource.close", handle) is None


async def test_join_waits_for_tasks_and_what_they_spawn_and_reports_what_nobody_awaited(table: Any) -> None:
    async def parent() -> None:
        await table.wait("ccos.async/spawn", after(table, 1, EvaluationError("ApplicationError", "child broke")))

    await table.wait("ccos.async/spawn", parent)
    joining = asyncio.ensure_future(table.host.join())
    await table.clock.advance(1)
    await joining
    assert table.paper.logged == [("error", "resource://task/2 failed: child broke")]


async def test_shutdown_cancels_what_still_runs(table: Any) -> None:
    log: list[Any] = []
    await table.wait("ccos.async/spawn", after(table, 100, 1, log))
    await table.clock.advance(1)
    await table.host.shutdown()
    assert log == ["cancelled 1"]
    assert not table.host.busy
