"""Providers that mean harm or are broken: a typed error at the call, and the session and its loop alive afterwards."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from rtfs.host import answer as answers
from rtfs.host import waiting
from rtfs.host.marketplace import Marketplace
from rtfs.lang.errors import RtfsError
from rtfs.lang.outcome import RuntimeContext
from rtfs.lang.printer import show
from rtfs.session import Session


class Unspeakable(Exception):
    """Cannot even say what it is."""

    def __str__(self) -> str:
        raise ValueError("no text")


class Own(BaseException):
    """An exception that is none of Exception."""


@pytest.fixture
def session() -> Iterator[Session]:
    one = Session(context=RuntimeContext.full(), marketplace=Marketplace(), cache=False)
    yield one
    one.shutdown()


def register(session: Session, function: Callable[..., Any], id: str = "t.f", **facts: Any) -> None:
    session.host.marketplace.capability(id, **{"effects": [], **facts})(function)


def failure(session: Session, text: str = "(call :t.f)") -> RtfsError:
    with pytest.raises(RtfsError) as caught:
        session.run(text)
    return caught.value


def alive(session: Session) -> None:
    """The session still answers calls, at once and in its loop, and catches what a provider did."""
    register(session, lambda: 1, "t.alive", replace=True)
    assert session.run("[(call :t.alive) (do (sleep 0) 2) (step-parallel 3 (do (sleep 0) 4))]") == (1, 2, (3, 4))


# ---- raising

RAISED = [
    ValueError("x"), KeyError(), Unspeakable(), OSError(5, "io"), StopIteration(3), RecursionError(), MemoryError(),
    AssertionError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), ExceptionGroup("g", [ValueError()]),
    Own("own"), SystemExit(3), BaseExceptionGroup("g", [Own()]), Exception("x\ud800" * 3),
    Exception("y" * 10_000_000),
]  # fmt: skip


@pytest.mark.parametrize("how", ["at once", "awaited", "item", "async item"])
@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_whatever_it_raises_is_a_host_error(session: Session, error: BaseException, how: str) -> None:
    def plain() -> None:
        raise error

    async def coroutine() -> None:
        await asyncio.sleep(0)
        raise error

    def generator() -> Iterator[int]:
        yield 1
        raise error

    async def async_generator() -> AsyncIterator[int]:
        yield 1
        raise error

    functions = {"at once": plain, "awaited": coroutine, "item": generator, "async item": async_generator}
    register(session, functions[how])
    failed = failure(session)
    assert failed.kind == "HostError"
    assert len(failed.message) <= 20_000
    failed.message.encode()
    failed.rendered()
    assert session.run("(try (call :t.f) (catch HostError e :caught))") == show_keyword("caught")
    alive(session)


def show_keyword(name: str) -> Any:
    from rtfs.lang.names import Keyword

    return Keyword(name)


def test_ctrl_c_in_a_provider_ends_the_program_and_nothing_else(session: Session) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    register(session, interrupted)
    with pytest.raises(KeyboardInterrupt):
        session.run("(try (call :t.f) (catch Exception e 1))")
    alive(session)


# ---- hanging, and not letting itself be cancelled


@pytest.mark.parametrize("stubborn", [False, True])
def test_one_that_hangs_is_given_up_after_the_time_limit(
    session: Session, monkeypatch: pytest.MonkeyPatch, stubborn: bool
) -> None:
    monkeypatch.setattr(waiting, "GRACE", 0.01)
    finish: list[asyncio.Event] = []

    async def hang() -> None:
        finish.append(asyncio.Event())
        while not finish[0].is_set():
            try:
                await finish[0].wait()
            except asyncio.CancelledError:
                if not stubborn:
                    raise

    register(session, hang)
    failed = failure(session, "^{:runtime.learning.timeout {:absolute-ms 5}} (call :t.f)")
    assert (failed.kind, failed.type) == ("HostError", "timeout")
    finish[0].set()
    alive(session)


async def test_a_run_is_cancelled_while_a_provider_ignores_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Session(context=RuntimeContext.full(), marketplace=Marketplace(), cache=False)
    stop = asyncio.Event()
    begun = asyncio.Event()

    async def stubborn() -> int:
        begun.set()
        while not stop.is_set():
            try:
                await stop.wait()
            except asyncio.CancelledError:
                stop.set()
        return 1

    register(one, stubborn)
    running = asyncio.ensure_future(one.run_async("[(call :t.f) (call :t.f)]"))
    await begun.wait()
    running.cancel()
    await asyncio.wait({running}, timeout=10)
    assert running.done()
    if not running.cancelled():
        running.exception()
    assert await one.run_async("(+ 1 1)") == 2
    await one.host.shutdown()


# ---- garbage


def cyclic() -> Any:
    found: list[Any] = []
    found.append(found)
    return found


def nested() -> Any:
    found: Any = []
    for _ in range(100_000):
        found = [found]
    return found


def shared() -> Any:
    """Small, and enormous once it is written out."""
    found: Any = ["x"]
    for _ in range(60):
        found = [found, found]
    return found


class Odd(dict):  # type: ignore[type-arg]
    """A dict that lies about itself."""

    def items(self) -> Any:
        raise RuntimeError("no items")


GARBAGE: dict[str, Callable[[], Any]] = {
    "cyclic": cyclic,
    "nested": nested,
    "object": object,
    "class": lambda: Odd,
    "lying dict": lambda: Odd(a=1),
    "set": lambda: {1},
    "bytes": lambda: b"x",
    "lone surrogate": lambda: "\ud800",
    "surrogate key": lambda: {"\ud800": 1},
    "unhashable inside": lambda: {(1,): [object()]},
    "complex": lambda: 1j,
    "module": lambda: asyncio,
}


@pytest.mark.parametrize("output", [None, ":any", "[:vector :int]"])
@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_never_reaches_the_program(session: Session, name: str, output: str | None) -> None:
    register(session, GARBAGE[name], **({} if output is None else {"output": output}))
    failed = failure(session)
    assert (failed.kind, failed.type) in {("HostError", "output-validation"), ("StackOverflow", "stack-overflow")}
    alive(session)


def test_strange_but_honest_values_arrive(session: Session) -> None:
    register(session, lambda: {float("nan"): float("-inf"), 1: True, None: [(), {}], "k": 2**5000})
    assert show(session.run("(count (call :t.f))")) == "4"
    register(session, shared, replace=True)
    assert show(session.run("(count (call :t.f))")) == "2"
    alive(session)


def test_an_enormous_answer_is_refused_or_taken_but_never_kills(session: Session) -> None:
    register(session, lambda: [0] * 3_000_000)
    failed = failure(session, "(count (concat (call :t.f) [1]))")
    assert failed.kind == "MemoryLimitExceeded"
    alive(session)


# ---- flooding


def test_a_flood_of_items_is_cut_off(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "ELEMENTS", 1_000)

    def flood() -> Iterator[int]:
        while True:
            yield 1

    async def async_flood() -> AsyncIterator[int]:
        while True:
            yield 1

    for function in (flood, async_flood):
        register(session, function, replace=True)
        assert failure(session).kind == "MemoryLimitExceeded"
    alive(session)


# ---- reaching for what is not theirs


def test_what_it_does_to_its_arguments_stays_with_it(session: Session) -> None:
    def vandal(data: Any) -> None:
        data["list"].append(4)
        data.clear()

    register(session, vandal, input="[:map [:data :any]]")
    assert show(session.run('(def d {"list" [1 2 3]}) (call :t.f d) d')) == '{"list" [1 2 3]}'


def test_calling_back_into_the_running_session_is_an_error_of_the_call(session: Session) -> None:
    async def back() -> Any:
        return session.run("(call :ccos.echo 1)")

    register(session, back)
    failed = failure(session)
    assert (failed.kind, failed.type) == ("HostError", "invalid-argument")
    assert "the session is running already" in failed.message
    alive(session)


def test_calling_back_in_the_right_way_works(session: Session) -> None:
    async def back() -> Any:
        return await session.run_async("(call :ccos.echo 7)")

    register(session, back)
    assert session.run("(call :t.f)") == 7
    alive(session)


def test_threads_it_leaves_behind_harm_nobody(session: Session) -> None:
    done = threading.Event()

    def threads() -> int:
        for _ in range(5):
            threading.Thread(target=done.wait, daemon=True).start()
        return 1

    register(session, threads)
    assert session.run("(call :t.f)") == 1
    alive(session)
    done.set()


def test_an_answer_from_another_thread_that_comes_twice_counts_once(session: Session) -> None:
    def twice(loop: Any, future: Any) -> None:
        for value in (1, 2):
            loop.call_soon_threadsafe(lambda v=value: future.done() or future.set_result(v))

    async def answered() -> Any:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        thread = threading.Thread(target=twice, args=(loop, future), daemon=True)
        thread.start()
        value = await future
        thread.join()  # its second answer must be posted while the loop is still open
        return value

    register(session, answered)
    assert session.run("(call :t.f)") == 1
    alive(session)


@pytest.mark.parametrize("what", ["stop", "close"])
def test_one_that_stops_or_closes_the_loop_cannot_end_the_process(what: str) -> None:
    one = Session(context=RuntimeContext.full(), marketplace=Marketplace(), cache=False)

    async def vandal() -> int:
        loop = asyncio.get_running_loop()
        getattr(loop, what)()
        return 1

    register(one, vandal)
    try:
        one.run("(call :t.f)")
    except (RtfsError, RuntimeError):
        pass
    assert Session(context=RuntimeContext.full(), cache=False).run("(+ 1 1)") == 2
    one.close()


def test_one_that_registers_and_replaces_capabilities_takes_effect_at_the_next_call(session: Session) -> None:
    def replace(ctx: Any) -> int:
        ctx.host.marketplace.capability("t.f", effects=[], replace=True)(lambda: 2)
        return 1

    register(session, replace)
    assert session.run("[(call :t.f) (call :t.f)]") == (1, 2)
