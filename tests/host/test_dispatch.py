"""The pipeline of a host call: what a provider may do and what the program then sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from rtfs.host import answer as answers
from rtfs.host import waiting
from rtfs.lang.errors import EvaluationError, LimitError, RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import RuntimeContext


@pytest.fixture
def table(bench: Callable[..., Any]) -> Any:
    return bench()


def register(table: Any, function: Any, **facts: Any) -> None:
    table.market.capability("t.f", **{"effects": [], **facts})(function)


def test_a_synchronous_capability_answers_at_once(table: Any) -> None:
    register(table, lambda a, b: [a, b])
    assert table.do("t.f", 1, "x") == (1, "x")


async def test_a_coroutine_answers_when_awaited(table: Any) -> None:
    async def slow(a: int) -> dict[str, int]:
        await table.clock.sleep(1)
        return {"a": a}

    register(table, slow)
    pending = asyncio.ensure_future(table.wait("t.f", 5))
    await table.clock.advance(1)
    assert table.host.marketplace is table.market
    assert (await pending).entries() == [("a", 5)]


async def test_an_async_generator_answers_the_vector_of_its_items(table: Any) -> None:
    async def count(n: int) -> AsyncIterator[int]:
        for i in range(n):
            yield i

    register(table, count)
    assert await table.wait("t.f", 3) == (0, 1, 2)


def test_a_generator_answers_the_vector_of_its_items(table: Any) -> None:
    def count(n: int) -> Iterator[int]:
        yield from range(n)

    register(table, count, output=":int")
    assert table.do("t.f", 3) == (0, 1, 2)


async def test_items_of_a_source_come_one_by_one_and_are_checked(table: Any) -> None:
    closed = []

    async def source(n: int) -> AsyncIterator[Any]:
        try:
            for i in range(n):
                yield i
            yield "no number"
        finally:
            closed.append(True)

    register(table, source, output=":int")
    seen = []
    with pytest.raises(RtfsError, match=r"Invalid output of t.f") as caught:
        async for item in table.host.items(table.call("t.f", 2)):
            seen.append(item)
    assert caught.value.type == "output-validation"
    assert (seen, closed) == ([0, 1], [True])


async def test_a_source_is_admitted_before_its_first_item(bench: Callable[..., Any]) -> None:
    table = bench(RuntimeContext.pure())
    register(table, lambda: iter(()))
    with pytest.raises(RtfsError, match="Security violation"):
        table.host.items(table.call("t.f"))


async def test_a_source_that_is_no_generator_yields_its_one_value(table: Any) -> None:
    register(table, lambda: 7)
    assert [item async for item in table.host.items(table.call("t.f"))] == [7]


# ---- containment


def test_an_exception_becomes_a_host_error_with_its_text(table: Any) -> None:
    def broken() -> None:
        raise ValueError("no such city")

    register(table, broken)
    with pytest.raises(RtfsError) as caught:
        table.do("t.f")
    error = caught.value
    assert (error.kind, error.type, error.code) == ("HostError", "host-error", "RTFS-E501")
    assert error.message == "no such city"
    assert error.data.get(Keyword("capability")) == "t.f"
    assert isinstance(error.__cause__, ValueError)


def test_an_exception_without_text_is_named_by_its_class(table: Any) -> None:
    def broken() -> None:
        raise KeyError

    register(table, broken)
    with pytest.raises(RtfsError, match=r"^KeyError$"):
        table.do("t.f")


async def test_an_exception_of_a_coroutine_is_contained_too(table: Any) -> None:
    async def broken() -> None:
        raise ZeroDivisionError("by zero")

    register(table, broken)
    with pytest.raises(RtfsError, match="by zero") as caught:
        await table.wait("t.f")
    assert caught.value.kind == "HostError"


def test_the_text_of_an_exception_never_brings_half_a_character_pair(table: Any) -> None:
    def broken() -> None:
        raise ValueError("x\ud800y")

    register(table, broken)
    with pytest.raises(RtfsError, match=r"^x\?y$"):
        table.do("t.f")


def test_an_interrupt_passes_through_a_provider(table: Any) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    register(table, interrupted)
    with pytest.raises(KeyboardInterrupt):
        table.do("t.f")


async def test_cancellation_passes_through_a_provider(table: Any) -> None:
    async def waiting() -> None:
        await table.clock.sleep(10)

    register(table, waiting)
    task = asyncio.ensure_future(table.wait("t.f"))
    await table.clock.advance(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_an_error_of_evaluation_in_a_provider_is_the_hosts_error(table: Any) -> None:
    def broken() -> None:
        raise EvaluationError("JsonError", "JSON error: x")

    register(table, broken)
    with pytest.raises(RtfsError) as caught:
        table.do("t.f")
    assert (caught.value.kind, caught.value.type, caught.value.message) == ("HostError", "json-error", "JSON error: x")


def test_a_limit_error_in_a_provider_stays_uncatchable(table: Any) -> None:
    def exhausted() -> None:
        raise LimitError("Cancelled", "Cancelled")

    register(table, exhausted)
    with pytest.raises(LimitError):
        table.do("t.f")


@pytest.mark.parametrize("result", [object(), {1, 2, object()}, "\ud800", lambda: 1])
def test_garbage_is_an_output_validation_error(table: Any, result: Any) -> None:
    register(table, lambda: result)
    if callable(result):
        assert callable(table.do("t.f"))
        return
    with pytest.raises(RtfsError) as caught:
        table.do("t.f")
    assert (caught.value.kind, caught.value.type) == ("HostError", "output-validation")


@pytest.mark.parametrize(
    ("output", "good", "bad"),
    [
        (":int", 1, 1.5),
        (":int", 1, True),
        (":string?", None, 1),
        ("[:vector :int]", [1, 2], [1, "2"]),
        ("[:map-of :string :int]", {"a": 1}, {"a": "1"}),
    ],
)
def test_a_result_of_another_type_than_declared_never_reaches_the_program(
    table: Any, output: str, good: Any, bad: Any
) -> None:
    results = [good, bad]
    register(table, lambda: results.pop(0), output=output)
    table.do("t.f")
    with pytest.raises(RtfsError, match=r"Invalid output of t.f: ") as caught:
        table.do("t.f")
    assert caught.value.type == "output-validation"


async def test_a_flood_of_items_is_cut_off(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "ELEMENTS", 1000)
    closed = []

    async def flood() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    register(table, flood)
    with pytest.raises(LimitError, match="Memory limit exceeded: collection of 1001 exceeds 1000"):
        await table.wait("t.f")
    assert closed == [True]


async def test_a_call_with_a_time_limit_gives_up_and_cancels_its_provider(table: Any) -> None:
    ended = []

    async def hanging() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    register(table, hanging)
    pending = asyncio.ensure_future(table.wait("t.f", timeout_ms=500))
    await table.clock.advance(0.499)
    assert not pending.done()
    await table.clock.advance(0.001)
    with pytest.raises(RtfsError, match=r"t.f gave no answer within 500 ms") as caught:
        await pending
    assert (caught.value.kind, caught.value.type, ended) == ("HostError", "timeout", [True])


# ---- admission


def test_a_refused_capability_does_not_run(bench: Callable[..., Any]) -> None:
    ran = []
    refused = bench(RuntimeContext.controlled(["other.*"]))
    register(refused, lambda: ran.append(1))
    with pytest.raises(RtfsError) as caught:
        refused.do("t.f")
    assert (caught.value.kind, ran) == ("SecurityViolation", [])
    allowed = bench(RuntimeContext.controlled(["t.*"]), marketplace=refused.market)
    allowed.do("t.f")
    assert ran == [1]


def test_every_refusal_is_an_error_of_its_own(bench: Callable[..., Any]) -> None:
    table = bench(RuntimeContext.pure())
    errors = []
    for _ in range(2):
        with pytest.raises(RtfsError) as caught:
            table.do("ccos.echo", 1)
        errors.append(caught.value)
    assert errors[0] is not errors[1]


@pytest.mark.parametrize("id", ["ccos.echo", "ccos.io.println", "ccos.system.get-env", "ccos.resource.close"])
def test_a_pure_context_refuses_everything(bench: Callable[..., Any], id: str) -> None:
    with pytest.raises(RtfsError, match="not allowed in context: pure"):
        bench(RuntimeContext.pure()).do(id, "HOME")


@pytest.mark.parametrize("state", ["pending", "revoked"])
def test_a_capability_without_approval_is_refused_until_it_has_it(table: Any, state: str) -> None:
    register(table, lambda: 1, approval=state)
    with pytest.raises(RtfsError, match=r"^Capability 't.f' is pending approval$") as caught:
        table.do("t.f")
    assert (caught.value.kind, caught.value.data.get(Keyword("approval"))) == ("ApprovalRequired", Keyword(state))
    table.market.set_approval("t.f", "approved")
    assert table.do("t.f") == 1


def test_an_unknown_capability_names_its_neighbours(table: Any) -> None:
    with pytest.raises(RtfsError, match=r"^Unknown capability: ccos.io.printn$") as caught:
        table.do("ccos.io.printn", 1)
    assert caught.value.kind == "UnknownCapability"
    assert "did you mean `ccos.io.println`?" in caught.value.notes


@pytest.mark.parametrize(
    "id", ["", "x", "os.path", "..", "ccos..echo", "ccos.echo\n", "__init__.x", "ccos/../echo", "a" * 5000 + ".b"]
)
def test_an_id_of_strange_form_is_unknown(table: Any, id: str) -> None:
    with pytest.raises(RtfsError) as caught:
        table.do(id)
    assert caught.value.kind == "UnknownCapability"


def test_contexts_do_not_share_decisions(bench: Callable[..., Any]) -> None:
    table = bench(RuntimeContext.controlled(["ccos.echo"]))
    assert table.do("ccos.echo", 1) == 1
    for context in (RuntimeContext.pure(), RuntimeContext.controlled([])):
        with pytest.raises(RtfsError, match="Security violation"):
            table.host.dispatch(table.call("ccos.echo", 1).replace(security=context))
    assert table.do("ccos.echo", 1) == 1


def test_many_contexts_are_not_kept_for_ever(table: Any) -> None:
    for _ in range(500):
        table.context = RuntimeContext.controlled(["ccos.echo"])
        assert table.do("ccos.echo", 1) == 1
    assert len(table.host._contexts) < 100


def test_a_registration_takes_effect_at_the_next_call(table: Any) -> None:
    register(table, lambda: 1)
    assert table.do("t.f") == 1
    register(table, lambda: 2, replace=True)
    assert table.do("t.f") == 2


def test_a_provider_sees_the_hints_of_its_call(table: Any) -> None:
    register(table, lambda ctx: dict(ctx.call.metadata.hints))
    hints = {"runtime.learning.metrics": True, "runtime.learning.cache": None}
    assert dict(table.do("t.f", hints=hints).entries()) == hints


async def test_a_provider_that_does_not_let_itself_be_cancelled_is_left_behind(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "GRACE", 0.01)
    finish = asyncio.Event()

    async def stubborn() -> None:
        while not finish.is_set():
            try:
                await finish.wait()
            except asyncio.CancelledError:
                continue

    register(table, stubborn)
    pending = asyncio.ensure_future(table.wait("t.f", timeout_ms=500))
    await table.clock.advance(0.5)
    with pytest.raises(RtfsError, match="gave no answer within 500 ms"):
        await pending
    finish.set()
