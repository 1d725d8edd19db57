"""What every execution hint keeps to: one place among the others, declared options, and nothing lost on the way."""

from __future__ import annotations

import asyncio
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from rtfs.host import hints as folder
from rtfs.host.clock import VirtualClock
from rtfs.host.hint import KINDS, PREFIX
from rtfs.host.host import Host
from rtfs.host.marketplace import Marketplace
from rtfs.lang.collections import Map
from rtfs.lang.errors import HostCallError, RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import CallMetadata, HostCall, RuntimeContext

FILES = sorted(entry.name for entry in pkgutil.iter_modules(folder.__path__))
NEEDED: dict[str, dict[str, Any]] = {"timeout": {"absolute-ms": 1000}, "fallback": {"capability": "t.other"}}
REFUSALS = ("SecurityViolation", "ApprovalRequired", "BudgetExhausted")


def make(file: str, function: Callable[..., Any], clock: VirtualClock) -> Callable[..., Any]:
    """`t.f` under one hint with the options it needs."""
    market = Marketplace()
    market.capability("t.f", effects=[])(function)
    host = Host(marketplace=market, context=RuntimeContext.full(), clock=clock)
    options = Map.of([(Keyword(key), value) for key, value in NEEDED.get(file, {}).items()])
    hints = {PREFIX + file.replace("_", "-"): options}

    async def call(*args: Any) -> Any:
        made = HostCall("t.f", args, RuntimeContext.full(), metadata=CallMetadata(hints=hints))
        answer = host.dispatch(made)
        return await answer if asyncio.iscoroutine(answer) else answer

    return call


def test_no_two_hints_have_the_same_place() -> None:
    places = [import_module(f"{folder.__name__}.{file}").ORDER for file in FILES]
    assert len(set(places)) == len(FILES)


def test_the_order_is_the_documented_one() -> None:
    found = sorted(FILES, key=lambda file: import_module(f"{folder.__name__}.{file}").ORDER)
    assert found == ["metrics", "cache", "fallback", "timeout", "retry", "circuit_breaker", "rate_limit"]


@pytest.mark.parametrize("file", FILES)
def test_options_are_of_declared_kinds_and_defaults_fit_them(file: str) -> None:
    for key, field in import_module(f"{folder.__name__}.{file}").FIELDS.items():
        assert key == key.lower() and "_" not in key
        fits, _ = KINDS[field.kind]
        assert field.default is ... or field.default is None or fits(field.default)


@pytest.mark.parametrize("file", FILES)
async def test_an_answer_that_is_there_at_once_passes_unchanged(file: str) -> None:
    assert await make(file, lambda a, b: [a, b], VirtualClock())(1, "x") == (1, "x")


@pytest.mark.parametrize("file", FILES)
async def test_an_answer_that_is_waited_for_passes_unchanged(file: str) -> None:
    async def later(a: int) -> int:
        await asyncio.sleep(0)
        return a

    assert await make(file, later, VirtualClock())(7) == 7


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("file", FILES)
async def test_a_refusal_passes_at_once_and_once(file: str, kind: str) -> None:
    made = []

    def refuse() -> None:
        made.append(1)
        raise HostCallError(kind, "no")

    with pytest.raises(RtfsError) as caught:
        await make(file, refuse, VirtualClock())()
    assert (caught.value.kind, made) == (kind, [1])


@pytest.mark.parametrize("file", FILES)
async def test_cancelling_the_call_cancels_the_provider(file: str) -> None:
    ended = asyncio.Event()
    begun = asyncio.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.ensure_future(make(file, wait, VirtualClock())())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
