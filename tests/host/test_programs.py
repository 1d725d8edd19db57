"""Programs and their host together, through a session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.clock import VirtualClock
from rtfs.host.marketplace import Marketplace
from rtfs.host.policy import CLI_DEFAULT
from rtfs.lang.errors import RtfsError
from rtfs.lang.outcome import RuntimeContext
from rtfs.lang.printer import show
from rtfs.session import Session


@pytest.fixture
def session(paper: Any) -> Iterator[Callable[..., Session]]:
    """`session(context=…, marketplace=…)`: without a context everything is allowed."""
    made: list[Session] = []

    def make(**options: Any) -> Session:
        made.append(Session(**{"context": RuntimeContext.full(), "console": paper(), "cache": False, **options}))
        return made[-1]

    yield make
    for one in made:
        one.shutdown()


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("(call :ccos.echo {:a [1 2]})", "{:a [1 2]}"),
        ("(parallel [a (+ 1 1) b (call :ccos.echo 5)])", "{:a 2 :b 5}"),
        ("(step-parallel (do (sleep 5) 1) (do (sleep 1) 2))", "[1 2]"),
        ("(try (step-parallel 1 (/ 1 0)) (catch DivisionByZero e (:type e)))", ":division-by-zero"),
        ("(call :ccos.async/await (call :ccos.async/spawn (fn [] (sleep 1) (* 6 7))))", "42"),
        ("(let [h (call :ccos.async/spawn (fn [] (/ 1 0)))] "
         "(try (call :ccos.async/await h) (catch DivisionByZero e (:code e))))", '"RTFS-E405"'),
        ("(do (kv/put :k {:n 1}) (kv/assoc! :k :n 2) (kv/conj! :list 1) [(kv/get :k) (kv/get :list)])", "[{:n 2} [1]]"),
        ("(do (context/set :user \"Ada\") [@user (context/get \"user\")])", '["Ada" "Ada"]'),
        ("(map (fn [x] (call :ccos.math.add x 1)) [1 2 3])", "[2 3 4]"),
        ("(try (call :no.such) (catch UnknownCapability e (:data e)))", '{:capability "no.such"}'),
        ("(try (call :ccos.random.int 0) (catch HostError e (:type e)))", ":input-validation"),
        ("(type (current-time))", ":timestamp"),
        ("(count (call :ccos.marketplace/search {:text \"kv\" :limit 2}))", "2"),
    ],
)  # fmt: skip
def test_a_program_uses_its_host(session: Callable[..., Session], text: str, printed: str) -> None:
    assert show(session().run(text)) == printed


def test_a_python_exception_is_catchable_and_shows_only_its_text(session: Callable[..., Session]) -> None:
    market = Marketplace()

    @market.capability("shop.buy", input="[:map [:item :string] [:count :int ?]]", effects=[":network"])
    def buy(item: str, count: int = 1) -> str:
        raise LookupError(f"no {item}")

    one = session(marketplace=market)
    caught = one.run('(try (call :shop.buy "tea") (catch HostError e [(ex-message e) (:data e)]))')
    assert show(caught) == '["no tea" {:capability "shop.buy"}]'


def test_coroutines_of_an_embedder_answer_calls(session: Callable[..., Session]) -> None:
    market = Marketplace()

    @market.capability("weather.now", input="[:map [:city :string]]", output=":float", effects=[":network"])
    async def weather_now(city: str) -> float:
        await asyncio.sleep(0)
        return 21.5

    allowed = session(marketplace=market, context=RuntimeContext.controlled(["weather.*"]))
    assert allowed.run('(map (fn [c] (call :weather.now {:city c})) ["Rome" "Oslo"])') == (21.5, 21.5)


async def test_branches_wait_at_the_same_time(session: Callable[..., Session]) -> None:
    clock = VirtualClock()
    running = asyncio.ensure_future(
        session(clock=clock).run_async("(step-parallel (sleep 1000) (sleep 1000) (do (sleep 500) (sleep 500)))")
    )
    await clock.advance(1)
    assert running.done()
    await running


async def test_cancelling_a_run_cancels_the_call_it_waits_for(session: Callable[..., Session]) -> None:
    market, ended = Marketplace(), []

    @market.capability("t.hang", effects=[":network"])
    async def hang() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    running = asyncio.ensure_future(session(marketplace=market).run_async("(call :t.hang)"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises((asyncio.CancelledError, RtfsError)):
        await running
    assert ended == [True]


def test_with_resource_closes_what_it_opened(session: Callable[..., Session]) -> None:
    market, log = Marketplace(), []

    @market.capability("t.open", effects=[":x"])
    def open_(ctx: Any) -> Any:
        from rtfs.lang.values import ResourceHandle

        ctx.host.resources["resource://thing/1"] = lambda: log.append("closed")
        log.append("opened")
        return ResourceHandle("resource://thing/1")

    one = session(marketplace=market)
    with pytest.raises(RtfsError, match="Division by zero"):
        one.run("(with-resource [r (call :t.open)] (call :ccos.echo r) (/ 1 0))")
    assert log == ["opened", "closed"]


def test_state_in_a_folder_outlives_the_session(session: Callable[..., Session], tmp_path: Path) -> None:
    folder = str(tmp_path / "state")
    session(state_dir=folder).run("(do (kv/put :k '(1 [2])) (call :ccos.state.counter.inc :c))")
    assert show(session(state_dir=folder).run("[(kv/get :k) (call :ccos.state.counter.inc :c)]")) == "[(1 [2]) 2]"


REACHING_OUT = [
    '(println "x")', '(read-file "/etc/passwd")', '(get-env "HOME")', "(current-time)", "(rand)", "(sleep 1)",
    '(http-fetch {:url "http://127.0.0.1/"})', '(call :ccos.marketplace/discover "**")', '(kv/get "k")',
    "(context/set :a 1)",
    "(step-parallel 1 2)", "(call :ccos.async/spawn (fn [] 1))", '(call "ccos.echo" 1)', "(apply call [:ccos.echo 1])",
    '(map (fn [c] (call c 1)) [:ccos.echo])',
]  # fmt: skip


@pytest.mark.parametrize("text", REACHING_OUT)
def test_a_pure_session_answers_no_call_at_all(session: Callable[..., Session], text: str) -> None:
    with pytest.raises(RtfsError) as caught:
        session(context=RuntimeContext.pure()).run(text)
    assert caught.value.kind == "SecurityViolation"
    assert caught.value.span is not None


def test_the_command_lines_context_computes_talks_and_remembers_and_no_more(
    session: Callable[..., Session], paper: Any
) -> None:
    console = paper("Ada")
    one = session(context=CLI_DEFAULT, console=console)
    one.run('(println (str "hello " (call :ccos.io.read-line)) (call :ccos.state.counter.inc "c"))')
    assert console.text == "hello Ada 1\n"
    for text in ('(read-file "x")', '(get-env "HOME")', '(http-fetch {:url "http://localhost/"})', '(delete-file "x")'):
        with pytest.raises(RtfsError) as caught:
            one.run(text)
        assert caught.value.kind == "SecurityViolation"
        assert any(note.startswith("allow it with --allow-") for note in caught.value.notes)
