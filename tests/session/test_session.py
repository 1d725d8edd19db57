"""Sessions as an embedder drives them: values in and out, providers that answer at once or wait, limits, caching."""

from __future__ import annotations

import asyncio
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import rtfs
from rtfs.loader import Cache, Texts


@pytest.fixture
def market() -> rtfs.Marketplace:
    market = rtfs.Marketplace()

    @market.capability("shop.price", input=":string", output=":int", effects=[":none"])
    def price(item: str) -> int:
        return {"pear": 3, "fig": 5}[item]

    @market.capability("shop.order", input=":string", output=":string", effects=[":none"])
    async def order(item: str) -> str:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return f"ordered {item}"

    @market.capability("shop.quick", output=":int", effects=[":none"])
    async def quick() -> int:
        return 7

    return market


def controlled(market: rtfs.Marketplace, **options: Any) -> rtfs.Session:
    context = rtfs.RuntimeContext.controlled(allow=["shop.*"])
    return rtfs.Session(marketplace=market, context=context, cache=False, **options)


def test_a_synchronous_provider_answers_a_synchronous_run(market: rtfs.Marketplace) -> None:
    assert controlled(market).run('(map (fn [x] (call :shop.price x)) ["pear" "fig"])') == (3, 5)


def test_a_coroutine_that_waits_is_awaited_from_any_depth_of_a_synchronous_run(market: rtfs.Marketplace) -> None:
    text = '(sort-by count (map (fn [x] (call :shop.order x)) ["fig" "a" "pear"]))'
    session = controlled(market)
    try:
        assert session.run(text) == ("ordered a", "ordered fig", "ordered pear")
    finally:
        session.close()


def test_the_same_program_runs_inside_an_event_loop(market: rtfs.Marketplace) -> None:
    async def main() -> Any:
        session = controlled(market)
        several = [session.run_async(f'(call :shop.order "{n}")') for n in range(3)]
        return [await one for one in several], await session.run_async("(+ (call :shop.quick) 1)")

    assert asyncio.run(main()) == (["ordered 0", "ordered 1", "ordered 2"], 8)


def test_hundred_sessions_wait_at_the_same_time_in_one_loop(market: rtfs.Marketplace) -> None:
    async def main() -> Any:
        sessions = [controlled(market) for _ in range(100)]
        return await asyncio.gather(*[s.run_async('(call :shop.order "x")') for s in sessions])

    assert asyncio.run(main()) == ["ordered x"] * 100


def test_a_cancelled_task_ends_its_program_with_cancelled(market: rtfs.Marketplace) -> None:
    @market.capability("shop.never", effects=[":none"])
    async def never() -> None:
        await asyncio.Event().wait()

    seen = []

    async def main() -> None:
        session = controlled(market)
        task = asyncio.ensure_future(session.run_async("(try (call :shop.never) (catch e :caught) (finally 1))"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except (rtfs.RtfsError, asyncio.CancelledError) as error:
            seen.append(error)

    asyncio.run(main())
    assert len(seen) == 1
    assert isinstance(seen[0], asyncio.CancelledError) or seen[0].kind == "Cancelled"


def test_a_provider_that_raises_is_a_host_error_the_script_can_catch(market: rtfs.Marketplace) -> None:
    text = '(try (call :shop.price "plum") (catch HostError e [(:type e) (:capability (:data e))]))'
    assert rtfs.show(controlled(market).run(text)) == '[:host-error "shop.price"]'


def test_a_session_keeps_its_definitions(market: rtfs.Marketplace) -> None:
    session = controlled(market)
    session.define("rate", 2)
    session.run("(defn twice [x] (* rate x))")
    assert session.run("(twice 21)") == 42
    assert session.call(session.lookup("twice"), 4) == 8
    assert session.lookup("rate") == 2
    with pytest.raises(KeyError):
        session.lookup("nothing-of-that-name")


def test_sessions_share_no_definitions() -> None:
    rtfs.Session(cache=False).run("(def mine 1)")
    with pytest.raises(rtfs.RtfsError, match="Undefined symbol: mine"):
        rtfs.Session(cache=False).run("mine")


def test_python_values_go_in_and_come_out() -> None:
    session = rtfs.Session(cache=False)
    session.define("data", {"a": [1, 2.5, None, True], "b": {"c": "d"}})
    assert session.run('(get-in data ["a" 1])') == 2.5
    assert rtfs.to_python(session.run("data")) == {"a": [1, 2.5, None, True], "b": {"c": "d"}}


def test_a_pure_session_reaches_no_capability() -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.Session(cache=False).run('(call :ccos.io.read-file "/etc/passwd")')
    assert raised.value.kind == "SecurityViolation"


def test_the_context_of_the_host_is_read_with_at() -> None:
    session = rtfs.Session(cache=False, values={"user": "Ada"})
    assert session.run('[@user @"user" (get :user) <user> @missing (context/get :missing 3)]') == (
        "Ada", "Ada", "Ada", "Ada", None, 3,
    )  # fmt: skip


def test_steps_are_told_to_the_observer() -> None:
    seen: list[tuple[str, str]] = []
    session = rtfs.Session(cache=False, on_step=lambda event: seen.append((event.kind, event.name)))
    with pytest.raises(rtfs.RtfsError):
        session.run('(step "a" (step "b" 1)) (step "c" (/ 1 0))')
    assert seen == [
        ("start", "a"), ("start", "b"), ("complete", "b"), ("complete", "a"), ("start", "c"), ("fail", "c"),
    ]  # fmt: skip


def test_nothing_runs_when_any_part_of_a_text_cannot_be_read(market: rtfs.Marketplace) -> None:
    calls: list[str] = []
    session = controlled(market, trace=lambda call: calls.append(call.capability_id))
    with pytest.raises(rtfs.RtfsError) as raised:
        session.run('(call :shop.price "pear") (+ 1')
    assert raised.value.kind == "ParseError"
    assert calls == []


def test_a_form_is_expanded_and_compiled_before_its_first_effect(market: rtfs.Marketplace) -> None:
    calls: list[str] = []
    session = controlled(market, trace=lambda call: calls.append(call.capability_id))
    with pytest.raises(rtfs.RtfsError):
        session.run('(call :shop.price "pear") (do-nothing (call :shop.price "fig") (if))')
    assert calls == ["shop.price"]


# ---- modules and the cache of compiled code ---------------------------------------------------------------------


def test_modules_come_from_the_lookup_and_run_once() -> None:
    texts = {"geo.area": "(def pi 3) (defn circle [r] (* pi (* r r))) (defn- hidden [] 1)"}
    session = rtfs.Session(cache=False, lookup=Texts(texts))
    assert session.run("(import geo.area :as g) [(g/circle 2) (geo.area/circle 1)]") == (12, 3)
    with pytest.raises(rtfs.RtfsError, match="Undefined symbol: g/hidden"):
        session.run("(g/hidden)")


def test_an_import_cycle_is_named() -> None:
    texts = {"a": "(import b)", "b": "(import c)", "c": "(import a)"}
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.Session(cache=False, lookup=Texts(texts)).run("(import a)")
    assert raised.value.message == "Module error: import cycle: a -> b -> c -> a"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    tmp_path.chmod(0o700)
    return Cache(str(tmp_path / "cache"))


PROGRAM = """
(defmacro twice [x] `(do ~x ~x))
(module m (:exports [f]) (defn f [x] (* 2 x)))
(import m :as m)
(defn tag [x] {:k 'sym :t 2031-02-03T04:05:06Z :v [x "s" :k]})
[(twice (m/f 4)) (tag 1) (for [x [1 2 3] :when (odd? x)] x) (sum [1 2]) (match [1 2] [a b] (+ a b))]
"""


def test_a_cached_program_gives_what_the_fresh_one_gave(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    import rtfs.compiled
    import rtfs.program

    fresh = rtfs.show(rtfs.Session(cache=cache).run(PROGRAM, name="p.rtfs"))
    monkeypatch.setattr(rtfs.compiled, "_MEMORY", {})
    monkeypatch.setattr(rtfs.program.World, "_fresh", None)  # reading or compiling now would fail
    assert rtfs.show(rtfs.Session(cache=cache).run(PROGRAM, name="p.rtfs")) == fresh


def test_a_cached_program_is_compiled_again_when_a_module_it_imports_changes(cache: Cache) -> None:
    def run(text: str) -> Any:
        return rtfs.Session(cache=cache, lookup=Texts({"m": text})).run("(import m :only [x]) (x 1)", name="p.rtfs")

    assert run("(defmacro x [y] y)") == 1
    assert run("(defmacro x [y] `(+ 1 ~y))") == 2


def test_errors_of_a_cached_program_keep_their_places(cache: Cache) -> None:
    def place() -> str:
        with pytest.raises(rtfs.RtfsError) as raised:
            rtfs.Session(cache=cache).run('(defn f [x]\n  (+ x "a"))\n(defn g [] (f 1))\n(g)', name="p.rtfs")
        return f"{raised.value.span!r} {[name for name, _ in raised.value.trace]}"

    rtfs.Session(cache=cache).run('(defn f [x]\n  (+ x "a"))\n(defn g [] (f 1))', name="p.rtfs")
    assert place() == place() == "p.rtfs:2:8-2:11 ['f', 'g', None]"


@pytest.mark.parametrize("limits", [rtfs.Limits(seconds=0.05), rtfs.Limits(seconds=None, steps=1000)])
def test_cleanup_after_a_limit_has_a_short_grace_and_cannot_delay_the_end(limits: rtfs.Limits) -> None:
    forever = "(loop [] (recur))"
    nested = f"(try (try (try {forever} (finally {forever})) (catch e 1) (finally {forever})) (finally {forever}))"
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.Session(cache=False, limits=limits).run(nested)
    assert raised.value.kind in ("DeadlineExceeded", "StepLimitExceeded")


def test_cleanup_after_a_limit_still_closes_its_resource() -> None:
    rtfs.evaluate("1")  # loads the library, which may take longer than the limit
    text = "(with-resource [r (call :open)] (loop [] (recur)))"
    rtfs.Session(cache=False).start(text)  # loading the library is no part of the time below
    outcome = rtfs.Session(cache=False, limits=rtfs.Limits(seconds=0.05)).start(text)
    assert isinstance(outcome, rtfs.RequiresHost)
    outcome = outcome.resume("handle")
    assert isinstance(outcome, rtfs.RequiresHost)
    assert (outcome.call.capability_id, outcome.call.args) == ("ccos.resource.close", ("handle",))
    with pytest.raises(rtfs.RtfsError) as raised:
        outcome.resume(None)
    assert raised.value.kind == "DeadlineExceeded"


def test_a_late_interrupt_leaves_no_mark() -> None:
    from rtfs.lang.errors import LimitError
    from rtfs.lang.signal import FLAG

    session = rtfs.Session(cache=False)
    session.run("(+ 1 2)")
    run = session.new_run(lambda call: None)
    run.done = True
    run.interrupt(LimitError("Cancelled", "Cancelled"))
    assert run not in FLAG


def test_a_waiting_program_that_nobody_holds_goes_away_without_cleaning_up() -> None:
    session = rtfs.Session(cache=False)
    text = "(try (map (fn [x] (call :a x)) [1]) (catch e (call :b)) (finally (call :c)))"
    waiting = weakref.ref(session.start(text).continuation.program)  # type: ignore[union-attr]
    assert waiting() is None
    assert session.run("(+ 1 2)") == 3


def test_waiting_for_the_host_is_no_evaluation_time() -> None:
    rtfs.evaluate("1")
    session = rtfs.Session(cache=False, limits=rtfs.Limits(seconds=0.2))
    outcome = session.start("(call :slow) (loop [i 0] (if (< i 10) (recur (inc i)) :done))")
    assert isinstance(outcome, rtfs.RequiresHost)
    threading.Event().wait(0.4)
    outcome = outcome.resume(1)
    assert isinstance(outcome, rtfs.Complete)
    assert rtfs.show(outcome.value) == ":done"
