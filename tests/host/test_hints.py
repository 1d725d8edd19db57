"""Execution hints: what each does to the calls of a form, and how they nest (host.md §5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rtfs import Marketplace, RuntimeContext, Session
from rtfs.lang.errors import HostCallError, RtfsError


class Provider:
    """`t.f`: fails as often as it is told to, then answers its argument; counts its calls."""

    def __init__(self, failures: int = 0) -> None:
        self.left = failures
        self.calls: list[Any] = []
        self.times: list[float] = []

    def __call__(self, value: Any = None) -> Any:
        self.calls.append(value)
        if self.left:
            self.left -= 1
            raise RuntimeError("down")
        return value


@pytest.fixture
def table(bench: Callable[..., Any]) -> Any:
    made = bench()

    def offer(provider: Any, id: str = "t.f") -> Any:
        def serve(value: Any = None) -> Any:
            provider.times.append(made.clock.monotonic())
            return provider(value)

        made.market.capability(id, effects=[])(serve)
        return provider

    made.offer = offer
    return made


@pytest.fixture
def hinted(table: Any, m: Callable[..., Any]) -> Callable[..., Any]:
    """`hinted(value, retry={…})` calls `t.f` under hints; a coroutine."""

    def call(value: Any = 1, id: str = "t.f", **hints: Any) -> Any:
        named = {
            f"runtime.learning.{name.replace('_', '-')}": m(**options) if isinstance(options, dict) else options
            for name, options in hints.items()
        }
        return table.wait(id, value, hints=named)

    return call


@pytest.fixture
def session() -> Iterator[Callable[..., Session]]:
    """`session(market, context)`, closed at the end of the test."""
    made = []

    def make(market: Marketplace | None = None, context: RuntimeContext | None = None) -> Session:
        made.append(Session(marketplace=market, context=context or RuntimeContext.full()))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def market() -> Marketplace:
    return Marketplace()


def offered(market: Marketplace, failures: int = 0) -> Provider:
    provider = Provider(failures)
    market.capability("t.f", effects=[])(lambda value: provider(value))
    return provider


async def settled(table: Any, work: Any, seconds: float) -> Any:
    """The result of work that needs virtual time to pass."""
    task = asyncio.ensure_future(work)
    await table.clock.advance(seconds)
    assert task.done()
    return await task


# ---- retry


async def test_retry_waits_longer_each_time(table: Any, hinted: Any) -> None:
    provider = table.offer(Provider(failures=3))
    options = {"max_retries": 3, "initial_delay_ms": 100, "backoff_multiplier": 3}
    assert await settled(table, hinted(5, retry=options), 2) == 5
    assert provider.times == pytest.approx([0, 0.1, 0.4, 1.3])


async def test_the_last_failure_says_how_often_it_was_tried(table: Any, hinted: Any) -> None:
    table.offer(Provider(failures=9))
    with pytest.raises(RtfsError, match="down") as caught:
        await settled(table, hinted(retry={"max_retries": 2, "initial_delay_ms": 1}), 1)
    assert caught.value.notes == ["tried 3 times"]


async def test_wrong_input_is_not_tried_again(table: Any, hinted: Any) -> None:
    table.market.capability("t.g", input=":string", effects=[])(lambda value: value)
    with pytest.raises(RtfsError) as caught:
        await hinted(5, id="t.g", retry=True)
    assert caught.value.type == "input-validation"
    assert caught.value.notes == []


async def test_all_tries_carry_one_idempotency_key(table: Any) -> None:
    keys = []

    def flaky(ctx: Any) -> Any:
        keys.append(ctx.once)
        if len(keys) < 3:
            raise RuntimeError("down")

    table.market.capability("t.f", effects=[])(flaky)
    hints = {"runtime.learning.retry": True}
    await settled(table, table.wait("t.f", hints=hints, idempotency_key="k"), 1)
    assert keys == ["k", "k", "k"]


# ---- timeout


async def test_timeout_bounds_the_call_with_its_retries(table: Any, hinted: Any) -> None:
    provider = table.offer(Provider(failures=99))
    with pytest.raises(RtfsError) as caught:
        await settled(table, hinted(timeout={"absolute_ms": 250}, retry={"initial_delay_ms": 100, "max_retries": 9}), 1)
    assert (caught.value.type, caught.value.message) == ("timeout", "t.f gave no answer within 250 ms")
    assert len(provider.calls) == 2


# ---- cache


async def test_cache_answers_equal_arguments_until_the_ttl_is_over(table: Any, hinted: Any) -> None:
    provider = table.offer(Provider())
    for value in (1, 1.0, 1, True, 1):
        assert await hinted(value, cache={"ttl_ms": 1000}) == value
    assert provider.calls == [1, 1.0, True]
    await table.clock.advance(1.5)
    await hinted(1, cache={"ttl_ms": 1000})
    assert provider.calls == [1, 1.0, True, 1]


async def test_cache_forgets_what_was_not_used_for_longest(table: Any, hinted: Any) -> None:
    provider = table.offer(Provider())
    for value in (1, 2, 1, 3, 1, 2):
        await hinted(value, cache={"max_entries": 2})
    assert provider.calls == [1, 2, 3, 2]


async def test_cache_keeps_no_failure(table: Any, hinted: Any) -> None:
    provider = table.offer(Provider(failures=1))
    with pytest.raises(RtfsError):
        await hinted(1, cache=True)
    assert await hinted(1, cache=True) == 1
    assert len(provider.calls) == 2


async def test_arguments_that_only_exist_here_are_not_cached(table: Any) -> None:
    count = []
    table.market.capability("t.f", effects=[])(lambda f: count.append(1))
    for _ in range(2):
        await table.wait("t.f", len, hints={"runtime.learning.cache": True})
    assert len(count) == 2


# ---- fallback


async def test_fallback_answers_for_a_capability_that_failed(table: Any, hinted: Any) -> None:
    table.offer(Provider(failures=1))
    other = table.offer(Provider(), "t.other")
    assert await hinted(5, fallback={"capability": "t.other"}) == 5
    assert other.calls == [5]


async def test_fallback_can_go_without_the_arguments(table: Any, hinted: Any) -> None:
    table.offer(Provider(failures=1))
    table.market.capability("t.other", effects=[])(lambda: "cold")
    assert await hinted(5, fallback={"capability": "t.other", "pass_original_args": False}) == "cold"


async def test_a_fallback_that_fails_says_for_whom_it_stood_in(table: Any, hinted: Any) -> None:
    table.offer(Provider(failures=1))
    table.offer(Provider(failures=1), "t.other")
    with pytest.raises(RtfsError) as caught:
        await hinted(5, fallback={"capability": "t.other"})
    assert caught.value.notes == ["it was the fallback of 't.f', which failed: down"]


def test_a_fallback_is_held_to_the_rules_of_the_program(session: Any, market: Marketplace) -> None:
    offered(market, failures=1)
    market.capability("secret.f", effects=[])(lambda value: value)
    run = session(market, RuntimeContext.controlled(allow=["t.*"])).run
    with pytest.raises(HostCallError) as caught:
        run('^{:runtime.learning.fallback {:capability "secret.f"}} (call :t.f 1)')
    assert caught.value.kind == "SecurityViolation"


# ---- circuit breaker


async def test_the_circuit_opens_after_failures_in_a_row_and_fails_at_once(table: Any, hinted: Any) -> None:
    provider = table.offer(Provider(failures=9))
    options = {"failure_threshold": 2, "cooldown_ms": 1000}
    for _ in range(2):
        with pytest.raises(RtfsError, match="down"):
            await hinted(circuit_breaker=options)
    with pytest.raises(RtfsError) as caught:
        await hinted(circuit_breaker=options)
    assert caught.value.type == "circuit-open"
    assert caught.value.message == "The circuit of 't.f' is open after repeated failures; next try in 1000 ms"
    assert len(provider.calls) == 2


async def test_a_half_open_circuit_closes_after_successes_and_reopens_on_a_failure(table: Any, hinted: Any) -> None:
    provider = table.offer(Provider(failures=2))
    options = {"failure_threshold": 2, "cooldown_ms": 1000, "success_threshold": 2}
    for _ in range(2):
        with pytest.raises(RtfsError, match="down"):
            await hinted(circuit_breaker=options)
    await table.clock.advance(1)
    assert await hinted(7, circuit_breaker=options) == 7
    provider.left = 1
    with pytest.raises(RtfsError, match="down"):
        await hinted(circuit_breaker=options)
    with pytest.raises(RtfsError, match="open"):
        await hinted(circuit_breaker=options)
    await table.clock.advance(1)
    for _ in range(2):
        assert await hinted(7, circuit_breaker=options) == 7
    provider.left = 1
    with pytest.raises(RtfsError, match="down"):
        await hinted(circuit_breaker=options)
    assert await hinted(7, circuit_breaker=options) == 7  # closed: one failure is not two


async def test_a_half_open_circuit_lets_one_call_pass_at_a_time(table: Any, hinted: Any) -> None:
    gate: asyncio.Event | None = None

    async def slow(value: Any) -> Any:
        if gate is None:
            raise RuntimeError("down")
        await gate.wait()
        return value

    table.market.capability("t.f", effects=[])(slow)
    options = {"failure_threshold": 1, "cooldown_ms": 1000, "success_threshold": 1}
    with pytest.raises(RtfsError, match="down"):
        await hinted(circuit_breaker=options)
    await table.clock.advance(1)
    gate = asyncio.Event()
    probe = asyncio.ensure_future(hinted(1, circuit_breaker=options))
    await asyncio.sleep(0)
    with pytest.raises(RtfsError, match="open"):
        await hinted(2, circuit_breaker=options)
    gate.set()
    assert await probe == 1
    assert await hinted(2, circuit_breaker=options) == 2


# ---- rate limit


async def test_calls_beyond_the_rate_wait_for_their_turn(table: Any, hinted: Any) -> None:
    provider = table.offer(Provider())
    options = {"requests_per_second": 10, "burst": 2}
    work = asyncio.gather(*(hinted(n, rate_limit=options) for n in range(5)))
    await settled(table, work, 1)
    assert provider.calls == [0, 1, 2, 3, 4]
    assert provider.times == pytest.approx([0, 0, 0.1, 0.2, 0.3])


# ---- metrics


async def test_metrics_count_calls_and_failures_by_label(table: Any, hinted: Any) -> None:
    table.offer(Provider(failures=1))
    with pytest.raises(RtfsError):
        await hinted(metrics={"label": "weather"})
    await hinted(metrics={"label": "weather"})
    await hinted(metrics=True)
    shown = {label: stats.as_dict() for label, stats in table.host.metrics.items()}
    assert (shown["weather"]["calls"], shown["weather"]["failures"], shown["t.f"]["calls"]) == (2, 1, 1)
    assert shown["weather"]["p50_ms"] == 0


# ---- malformed


@pytest.mark.parametrize(
    ("source", "message", "notes"),
    [
        ("{:runtime.learning.retri {}}", "runtime.learning.retri: there is no such hint", "runtime.learning.retry"),
        ("{:runtime.other 1}", "runtime.other: there is no such hint", None),
        ("{:runtime.learning.retry 3}", "runtime.learning.retry: expected a map, got 3", None),
        (
            "{:runtime.learning.retry {:max-retrie 3}}",
            "runtime.learning.retry: unknown option :max-retrie",
            ":max-retries",
        ),
        (
            "{:runtime.learning.retry {:max-retries -1}}",
            "runtime.learning.retry: :max-retries: expected a whole number from 0, got -1",
            None,
        ),
        ("{:runtime.learning.timeout {}}", "runtime.learning.timeout: :absolute-ms is missing", None),
        (
            "{:runtime.learning.fallback {:capability 5}}",
            "runtime.learning.fallback: :capability: expected the id of a capability, got 5",
            None,
        ),
    ],
)
def test_a_malformed_hint_fails_the_first_call_under_it(
    session: Any, source: str, message: str, notes: str | None
) -> None:
    run = session().run
    assert run(f"^{source} (+ 1 1)") == 2
    with pytest.raises(RtfsError) as caught:
        run(f"^{source} (call :ccos.echo 1)")
    assert (caught.value.kind, caught.value.type) == ("HostError", "bad-hint")
    assert caught.value.message == f"Invalid hint {message}"
    if notes is not None:
        assert caught.value.notes == [f"did you mean `{notes}`?"]


# ---- nesting


def test_inner_hints_win_key_by_key_and_nil_takes_an_outer_one_away(session: Any, market: Marketplace) -> None:
    provider, run = offered(market, failures=99), session(market).run
    outer = "^{:runtime.learning.retry {:max-retries 2 :initial-delay-ms 0}}"
    for inner, calls in (
        ("", 3),
        ("^{:runtime.learning.retry {:max-retries 0}}", 1),
        ("^{:runtime.learning.retry nil}", 1),
    ):
        provider.calls.clear()
        run(f"{outer} (do {inner} (try (call :t.f 1) (catch e nil)))")
        assert len(provider.calls) == calls, inner


def test_hints_reach_calls_of_functions_that_the_form_calls_and_end_with_it(session: Any, market: Marketplace) -> None:
    provider, run = offered(market, failures=1), session(market).run
    run("(defn ask [x] (call :t.f x))")
    assert run("^{:runtime.learning.retry {:initial-delay-ms 0}} (first (map ask [4]))") == 4
    provider.left = 1
    with pytest.raises(RtfsError, match="down"):
        run("(ask 4)")


def test_hints_work_without_an_event_loop_until_one_is_needed(session: Any, market: Marketplace) -> None:
    provider, made = offered(market), session(market)
    hints = "{:runtime.learning.cache {} :runtime.learning.circuit-breaker {} :runtime.learning.metrics {}}"
    assert made.run(f"^{hints} [(call :t.f 1) (call :t.f 1)]") == (1, 1)
    assert provider.calls == [1]
    assert not made._driver.has_loop
