"""What the host runs for a call of a program shares the limits and the rights of that program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import rtfs
from rtfs.lang.errors import RtfsError
from rtfs.lang.outcome import RuntimeContext


@pytest.fixture
def session() -> Iterator[Callable[..., rtfs.Session]]:
    made: list[rtfs.Session] = []

    def make(**options: Any) -> rtfs.Session:
        made.append(rtfs.Session(**{"context": RuntimeContext.full(), "cache": False, **options}))
        return made[-1]

    yield make
    for one in made:
        one.shutdown()


def failure(one: rtfs.Session, text: str) -> RtfsError:
    with pytest.raises(RtfsError) as caught:
        one.run(text)
    return caught.value


SPIN = "(defn spin [n] (loop [i 0] (if (< i n) (recur (inc i)) i)))"


def test_branches_use_up_the_steps_of_their_program_together(session: Callable[..., rtfs.Session]) -> None:
    limits = rtfs.Limits.untrusted(steps=20_000)
    text = f"{SPIN} (step-parallel (spin 1500) (spin 1500) (spin 1500))"
    assert session(limits=limits).run(text) == (1500, 1500, 1500)
    text = f"{SPIN} (step-parallel (spin 4000) (spin 4000) (spin 4000))"
    assert failure(session(limits=limits), text).kind == "StepLimitExceeded"


def test_branches_one_after_the_other_use_up_the_cells_of_their_program(session: Callable[..., rtfs.Session]) -> None:
    limits = rtfs.Limits.untrusted(cells=100_000)
    text = "(dotimes [i 20] (step-parallel (vec (range 10000))))"
    assert failure(session(limits=limits), text).kind == "MemoryLimitExceeded"


def test_branches_use_up_the_time_of_their_program_together(session: Callable[..., rtfs.Session]) -> None:
    limits = rtfs.Limits(seconds=0.2)
    text = "(defn f [] (loop [] (recur))) (dotimes [i 50] (try (step-parallel (f)) (catch Exception e nil)))"
    assert failure(session(limits=limits), text).message == "Deadline exceeded: 200 ms"


def test_time_goes_on_for_a_program_after_a_function_that_the_host_ran_at_once(
    session: Callable[..., rtfs.Session],
) -> None:
    market = rtfs.Marketplace()

    @market.capability("t.run", effects=[])
    async def run(ctx: Any, function: Any) -> Any:
        return await ctx.invoke(function)

    text = "(call :t.run (fn [] 1)) (call :t.run (fn [] (call :ccos.echo 2))) (loop [] (recur))"
    assert failure(session(marketplace=market, limits=rtfs.Limits(seconds=0.1)), text).kind == "DeadlineExceeded"


@pytest.mark.parametrize("limits", [rtfs.Limits(), rtfs.Limits.untrusted()])
def test_functions_that_the_host_runs_for_functions_that_it_runs_do_not_nest_without_end(
    session: Callable[..., rtfs.Session], limits: rtfs.Limits
) -> None:
    text = "(defn f [n] (if (= n 0) 0 (inc (first (step-parallel (f (dec n))))))) (f {})"
    assert session(limits=limits).run(text.format(50)) == 50
    assert failure(session(limits=limits), text.format(500)).message == "Stack overflow: call depth exceeded 400"


def test_branches_have_the_rights_that_a_person_gave_meanwhile(session: Callable[..., rtfs.Session]) -> None:
    market = rtfs.Marketplace()
    for name in ("a", "b"):
        market.capability(f"t.{name}", effects=[":x"])(lambda: 1)
    asked = []

    def allow(call: rtfs.HostCall, refusal: RtfsError) -> bool:
        asked.append(call.capability_id)
        return True

    context = RuntimeContext.controlled(["ccos.concurrent/*"])
    one = session(marketplace=market, context=context, on_refusal=allow)
    text = "(step-parallel (do (call :t.a) (call :t.b)) (do (call :t.b) (call :t.a) (call :t.b)))"
    assert one.run(f"{text} {text}") == (1, 1)
    assert sorted(asked) == ["t.a", "t.b"]


@pytest.mark.parametrize(
    "text",
    [
        "(apply call :ccos.concurrent/parallel (repeat 21 (fn [] 1)))",
        "(defn f [n] (if (= n 0) 1 (step-parallel (f (dec n)) (f (dec n)) (f (dec n))))) (f 5)",
        "(dotimes [i 21] (call :ccos.async/spawn (fn [] (sleep 100000))))",
    ],
)
def test_no_more_functions_run_at_once_than_memory_is_meant_for(
    session: Callable[..., rtfs.Session], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr("rtfs.host.task.AT_ONCE", 20)
    one = session()
    for _ in range(3):  # those that ended make room
        one.run("(apply call :ccos.concurrent/parallel (repeat 20 (fn [] 1)))")
    assert failure(one, text).kind == "MemoryLimitExceeded"
