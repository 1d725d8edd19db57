"""A suspended program is data: snapshots, restoring and forking (host.md §2)."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.collections import vector
from rtfs.lang.equality import same_key
from rtfs.loader import Texts
from tests.session import generated
from tests.strategies import values

FIXTURES = Path(__file__).parent / "recordings"


def session(**options: Any) -> rtfs.Session:
    return rtfs.Session(cache=False, **options)


def restore(data: bytes, **options: Any) -> rtfs.Session:
    return rtfs.Session.restore(data, cache=False, **options)


def waiting(outcome: Any) -> rtfs.RequiresHost:
    assert isinstance(outcome, rtfs.RequiresHost)
    return outcome


def described(error: rtfs.RtfsError) -> str:
    """All that can be told apart of two errors."""
    return f"{error.kind} {error.message} {error.span!r} {error.trace!r}"


def end(outcome: Any) -> str:
    """How a program ends whose host answers as that of the generated programs: its printed value, or its error."""
    try:
        while isinstance(outcome, rtfs.RequiresHost):
            outcome = generated.go_on(outcome)
        return rtfs.show(outcome.value)
    except rtfs.RtfsError as error:
        return described(error)


def restored(outcome: rtfs.RequiresHost, **options: Any) -> rtfs.RequiresHost:
    """The same outcome in a session of its own, made from bytes."""
    return waiting(restore(outcome.snapshot(), **options).outcome)


# ---- laws -------------------------------------------------------------------------------------------------------


@pytest.mark.fuzz
def test_a_program_restored_at_every_call_ends_as_the_uninterrupted_one(fuzz: Any) -> None:
    for number in range(fuzz.seed, fuzz.seed + (300 if fuzz.long else 4)):
        text = generated.program(number)
        outcome: Any = session().start(text, name="p.rtfs")
        try:
            while isinstance(outcome, rtfs.RequiresHost):
                again = restored(outcome)
                assert again.snapshot() == outcome.snapshot()
                assert again.call.metadata.idempotency_key == outcome.call.metadata.idempotency_key
                outcome = generated.go_on(again)
            ended = rtfs.show(outcome.value)
        except rtfs.RtfsError as error:
            ended = described(error)
        assert ended == end(session().start(text, name="p.rtfs")), f"program {number}"


@pytest.mark.fuzz
def test_a_suspended_run_ends_as_a_direct_one(fuzz: Any) -> None:
    market = rtfs.Marketplace()
    for name in ("ask", "fail", "note"):
        market.capability(f"t.{name}", effects=[":none"])(lambda ctx, *args: generated.answer(ctx.call))
    for number in range(fuzz.seed, fuzz.seed + (300 if fuzz.long else 12)):
        text = generated.program(number)
        direct = session(marketplace=market, context=rtfs.RuntimeContext.full())
        try:
            ended = rtfs.show(direct.run(text, name="p.rtfs"))
        except rtfs.RtfsError as error:
            ended = described(error)
        assert ended.split(" at ")[0] == end(session().start(text, name="p.rtfs")), f"program {number}"


@given(st.lists(values(with_nan=True), min_size=1, max_size=3))
@settings(max_examples=50)
def test_answers_of_every_kind_come_back_exactly(answers: list[Any]) -> None:
    outcome = waiting(session().start(f"[{'(call :a)' * len(answers)} (call :b)]"))
    for value in answers:
        outcome = waiting(outcome.resume(value))
    complete = restored(outcome).resume(None)
    assert isinstance(complete, rtfs.Complete)
    assert same_key(complete.value, vector([*answers, None]))


# ---- what a snapshot holds --------------------------------------------------------------------------------------


def test_earlier_inputs_definitions_and_context_are_there_again() -> None:
    first = session(values={"user": "Ada"})
    first.run("(defmacro inc2 [x] `(+ 2 ~x)) (def a 1)")
    first.define("b", [1, {"k": 2.5}])
    mid = waiting(first.start("(def c (call :seed)) (context/set :n (inc2 c))"))
    mid = waiting(mid.resume(40))
    assert isinstance(mid.resume(None), rtfs.Complete)
    data = waiting(first.start("(call :go a b c @n @user)")).snapshot()
    again = restore(data)
    assert again.outcome is not None
    assert rtfs.show(again.outcome.call.args) == '[1 [1 {"k" 2.5}] 40 42 "Ada"]'
    assert (again.lookup("c"), again.run("(inc2 c)")) == (40, 42)
    again.define("d", 5)
    assert again.run("(+ c d)") == 45


def test_modules_are_what_they_were_and_others_come_from_the_new_lookup() -> None:
    first = session(lookup=Texts({"m": "(defn f [] (call :old))"}))
    data = waiting(first.start("(import m :as m) (m/f)")).snapshot()
    again = restore(data, lookup=Texts({"m": "(defn f [] (call :new))", "n": "(def x 3)"}))
    assert again.outcome is not None
    assert again.outcome.call.capability_id == "old"
    assert again.run("(import m :as m) (import n :as n) [(fn? m/f) n/x]") == (True, 3)


def test_check_level_and_limits_are_kept_but_never_wider_than_those_of_a_new_session() -> None:
    limits = rtfs.Limits(steps=500, seconds=None, elements=99)
    data = waiting(session(check="strict", limits=limits).start("(call :a)")).snapshot()
    again = restore(data)
    assert (again.check, again.limits.steps, again.limits.seconds, again.limits.elements) == ("strict", 500, 30.0, 99)
    chosen = restore(data, limits=rtfs.Limits(seconds=2.0))
    assert (chosen.limits.steps, chosen.limits.seconds) == (None, 2.0)


def test_a_snapshot_says_nothing_about_what_the_new_session_may_do() -> None:
    data = waiting(session(context=rtfs.RuntimeContext.full()).start("(call :a)")).snapshot()
    assert restore(data).context == rtfs.RuntimeContext.pure()
    with pytest.raises(rtfs.RtfsError) as raised:
        restore(data).run('(call :ccos.io.read-file "/etc/passwd")')
    assert raised.value.kind == "SecurityViolation"


FUNCTIONS = """
(defn g [x] (call :use x))
(def h (fn [x] (+ x (call :seed))))
[((call :pick [g (fn [y] y)] h) 3) (call :done)]
"""


@pytest.mark.parametrize(
    "pick",
    [
        lambda call, _: call.args[1],
        lambda call, _: call.args[0][0],
        lambda call, _: call.args[0][1],
        lambda _, session: session.lookup("g"),
        lambda _, session: session.lookup("inc"),
        lambda _, session: session.lookup("sum"),
    ],
)
def test_functions_go_in_and_out_of_calls_by_where_they_were_met(pick: Callable[[Any, Any], Any]) -> None:
    def transcript(*, interrupted: bool) -> list[str]:
        one = session()
        outcome: Any = one.start(FUNCTIONS)
        seen = []
        while isinstance(outcome, rtfs.RequiresHost):
            if interrupted:
                one = restore(outcome.snapshot())
                outcome = one.outcome
                assert outcome is not None
            seen.append(f"{outcome.call.capability_id} {len(outcome.call.args)}")
            answer = pick(outcome.call, one) if outcome.call.capability_id == "pick" else 7
            try:
                outcome = outcome.resume(answer)
            except rtfs.RtfsError as error:
                return [*seen, error.message]
        return [*seen, rtfs.show(outcome.value)]

    assert transcript(interrupted=True) == transcript(interrupted=False)


def test_an_error_that_went_out_comes_back_as_the_same_one() -> None:
    text = "(try (/ 1 0) (catch e [(= e (call :log e)) (:message e) (:span e)]))"
    outcome = waiting(session().start(text, name="p.rtfs"))
    direct = outcome.call.args[0]
    data = outcome.snapshot()
    expected = outcome.resume(direct)
    again = waiting(restore(data).outcome)
    later = again.resume(again.call.args[0])
    assert isinstance(later, rtfs.Complete)
    assert isinstance(expected, rtfs.Complete)
    assert rtfs.show(later.value) == rtfs.show(expected.value)
    assert later.value[0] is True


def test_a_failure_comes_back_with_all_that_a_program_can_ask_of_it() -> None:
    text = "(def e (try (call :a) (catch x x))) (call :b) [(:type e) (:kind e) (:data e) (:span e) (:trace e) (str e)]"
    error = rtfs.RtfsError("HostError", "no", type="quota", data=rtfs.from_python({"left": 0}), notes=("wait",))
    outcome = waiting(waiting(session().start(text, name="p.rtfs")).fail(error))
    again = restored(outcome)
    values = [each.resume(None) for each in (outcome, again)]
    assert len({rtfs.show(each.value) for each in values if isinstance(each, rtfs.Complete)}) == 1


def test_a_function_of_python_has_no_place_in_a_snapshot() -> None:
    outcome = waiting(waiting(session().start("((call :f) 1) (call :b)")).resume(lambda x: x))
    with pytest.raises(rtfs.RtfsError) as raised:
        outcome.snapshot()
    expected = "Invalid argument: no snapshot: the answer to call 0 of 'f' holds a function that cannot be stored"
    assert raised.value.message == expected


def test_long_arguments_are_known_by_a_digest() -> None:
    outcome = waiting(waiting(session().start('(call :a (repeat 9000 "x")) (call :b)')).resume(1))
    data = outcome.snapshot()
    assert len(data) < 2_000
    assert restored(outcome).call.capability_id == "b"
    changed = sealed(data.replace(b"9000", b"9001"))
    with pytest.raises(rtfs.RtfsError) as raised:
        restore(changed)
    assert raised.value.kind == "ReplayMismatch"


# ---- one-shot, several programs, calls --------------------------------------------------------------------------


def test_a_restored_outcome_is_one_shot_as_any_other() -> None:
    outcome = restored(waiting(session().start("(call :a) (call :b)")))
    outcome.resume(1)
    for use in (lambda: outcome.resume(1), outcome.snapshot):
        with pytest.raises(rtfs.RtfsError, match="was answered before; an outcome is one-shot"):
            use()


def test_a_call_of_a_function_is_restored_as_well() -> None:
    first = session()
    result = first.start("(defn f [x] (fn [y] (call :a x y))) (f 2)")
    assert isinstance(result, rtfs.Complete)
    outcome = restored(waiting(first.start_call(result.value, [3, "k"])))
    assert rtfs.show(outcome.call.args) == '[2 [3 "k"]]'


def test_a_function_that_is_called_is_found_again_by_its_name() -> None:
    first = session()
    first.run("(defn f [x] (call :b x))")
    outcome = restored(waiting(first.start_call(first.lookup("f"), 1)))
    assert (outcome.call.capability_id, outcome.call.args) == ("b", (1,))


def test_programs_of_one_session_that_wait_together_wait_together_again() -> None:
    first = session()
    one = waiting(first.start("(def a (call :one)) (call :one-more a)"))
    two = waiting(first.start("(def b (call :two)) (call :both a b)"))
    one = waiting(one.resume(1))
    two = waiting(two.resume(2))
    again = restore(two.snapshot())
    assert [outcome.call.capability_id for outcome in again.waiting] == ["one-more", "both"]
    assert again.outcome is again.waiting[1]
    assert again.outcome.call.args == (1, 2)
    assert isinstance(again.waiting[0].resume(0), rtfs.Complete)
    assert restore(again.snapshot()).waiting[0].call.capability_id == "both"


def test_a_program_that_nobody_holds_any_more_does_not_wait_again() -> None:
    first = session()
    first.start("(call :forgotten)")
    gc.collect()
    again = restore(waiting(first.start("(call :a)")).snapshot())
    assert [outcome.call.capability_id for outcome in again.waiting] == ["a"]


def test_steps_are_told_once() -> None:
    seen: list[str] = []
    first = session(on_step=lambda event: seen.append(f"{event.kind} {event.name}"))
    outcome = waiting(first.start('(step "a" (call :x)) (step "b" (call :y))').resume(1))  # type: ignore[union-attr]
    again = restored(outcome, on_step=lambda event: seen.append(f"again: {event.kind} {event.name}"))
    assert isinstance(again.resume(1), rtfs.Complete)
    assert seen == ["start a", "complete a", "start b", "again: complete b"]


# ---- forks ------------------------------------------------------------------------------------------------------


def test_a_fork_goes_its_own_way_from_the_same_point() -> None:
    first = session()
    outcome = waiting(first.start("(def a (call :x)) (def b (call :y))"))
    outcome = waiting(outcome.resume(1))
    fork = first.fork()
    assert isinstance(outcome.resume(2), rtfs.Complete)
    (other,) = fork.waiting
    assert other.call.metadata.idempotency_key != outcome.call.metadata.idempotency_key
    assert isinstance(other.resume(30), rtfs.Complete)
    fork.run("(def a 100)")
    assert (first.run("[a b]"), fork.run("[a b]")) == ((1, 2), (100, 30))


@pytest.mark.fuzz
def test_forks_of_every_call_end_as_the_program_does(fuzz: Any) -> None:
    for number in range(fuzz.seed, fuzz.seed + (100 if fuzz.long else 2)):
        first = session()
        outcome: Any = first.start(generated.program(number))
        forks = []
        try:
            while isinstance(outcome, rtfs.RequiresHost):
                forks.append(first.fork())
                outcome = generated.go_on(outcome)
            ended = rtfs.show(outcome.value)
        except rtfs.RtfsError as error:
            ended = described(error)
        assert {end(fork.waiting[0]) for fork in forks} == {ended}, f"program {number}"


def test_undoing_leaves_out_the_last_inputs() -> None:
    market = rtfs.Marketplace()
    count = iter(range(100))
    market.capability("n.next", effects=[":none"])(lambda: next(count))
    first = session(marketplace=market, context=rtfs.RuntimeContext.full(), record=True)
    first.run("(def a (call :n.next))")
    first.run("(def b (call :n.next)) (context/set :k b)")
    first.define("c", 7)
    first.run("(def a (call :n.next))")
    assert (first.run("[a b c @k]"), next(count)) == ((2, 1, 7, 1), 3)
    undone = [first.fork(undo=n) for n in range(5)]
    assert [one.run("[a]") for one in undone] == [(2,), (2,), (0,), (0,), (0,)]
    assert undone[2].run("[b c @k]") == (1, 7, 1)
    assert undone[3].run("[b @k]") == (1, 1)
    assert undone[4].run("@k") is None
    with pytest.raises(rtfs.RtfsError, match="Undefined symbol: b"):
        undone[4].run("b")
    with pytest.raises(rtfs.RtfsError, match="undo is a number from 0 to 5, the inputs of the session, got 6"):
        first.fork(undo=6)
    assert next(count) == 4


def test_an_input_that_was_stopped_is_replayed_as_far_as_it_came() -> None:
    async def stopped() -> rtfs.Session:
        market = rtfs.Marketplace()

        @market.capability("w.never", effects=[":none"])
        async def never() -> None:
            await asyncio.Event().wait()

        market.capability("w.now", effects=[":none"])(lambda: 5)
        one = session(marketplace=market, context=rtfs.RuntimeContext.full(), record=True)
        text = "(def a (call :w.now)) (module m (def x 1)) (do (def b 2) (context/set :k 3) (call :w.never)) (def c 4)"
        task = asyncio.ensure_future(one.run_async(text))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        (done,), _ = await asyncio.wait([task])
        assert done.cancelled() or done.exception() is not None
        return one

    one = asyncio.run(stopped())
    fork = one.fork()
    assert fork.run("(import m :as m) [a b @k m/x]") == one.run("(import m :as m) [a b @k m/x]") == (5, 2, 3, 1)
    with pytest.raises(rtfs.RtfsError, match="Undefined symbol: c"):
        fork.run("c")


def test_a_deadline_ends_the_replay_of_a_program_where_it_ended_it() -> None:
    first = session(limits=rtfs.Limits(seconds=0.05))
    with pytest.raises(rtfs.RtfsError):
        first.start("(def a 1) (loop [] (recur))")
    data = waiting(first.start("(call :a a)")).snapshot()
    assert restore(data).outcome is not None


# ---- what is recorded -------------------------------------------------------------------------------------------


def test_answers_of_the_marketplace_are_kept_only_on_request() -> None:
    first = session(context=rtfs.RuntimeContext.full())
    first.run("(def a 1)")
    first.call(first.run("(fn [] 2)"))
    assert first.fork().run("a") == 1
    first.run("(call :ccos.echo 1)")
    with pytest.raises(rtfs.RtfsError) as raised:
        first.fork()
    expected = "program 3 made host calls whose answers were not kept: use record=True"
    assert raised.value.message == f"Invalid argument: this session cannot be made again: {expected}"


def test_a_session_that_cannot_be_made_again_keeps_nothing_more() -> None:
    first = session(context=rtfs.RuntimeContext.full())
    waits = waiting(first.start("(call :a) (call :b)"))
    first.run("(call :ccos.echo 1)")
    waits = waiting(waits.resume(1))
    first.define("n", 1)
    first.run("n")
    assert first.recording.events == []
    with pytest.raises(rtfs.RtfsError, match="cannot be made again"):
        waits.snapshot()
    assert isinstance(waits.resume(2), rtfs.Complete)


def test_a_session_may_keep_nothing() -> None:
    first = session(record=False)
    with pytest.raises(rtfs.RtfsError, match="cannot be made again: it was made with record=False"):
        waiting(first.start("(call :a)")).snapshot()


def test_what_the_host_runs_for_a_call_changes_the_context_of_a_fork_too() -> None:
    first = session(context=rtfs.RuntimeContext.full(), record=True)
    assert first.run("[(step-parallel (context/set :a 1) (do (context/set :b 2) 5)) @a @b]") == ((None, 5), 1, 2)
    assert first.fork().run("[@a @b]") == (1, 2)
    first.close()


# ---- differences ------------------------------------------------------------------------------------------------


def sealed(data: bytes) -> bytes:
    """The same lines with a checksum that fits."""
    body = data.partition(b"\n")[2]
    return b"rtfs-recording 1 %s\n%s" % (blake2b(body, digest_size=16).hexdigest().encode(), body)


PROGRAM = '(step "s" (call :a 1 {:k "x"})) (call :f (fn [] 1)) (call :b) (+ 1 (call :c))'


@pytest.mark.parametrize(
    ("old", "new", "message", "notes"),
    [
        ("(call :b)", "(call :b 1)", "recorded (call :b), but the program made (call :b 1)", ()),
        ("(call :a 1", "(call :z 1", 'recorded (call :a 1 {:k "x"}), but the program made (call :z 1 {:k "x"})', ()),
        ("(step \\\"s\\\" ", "(do ", 'recorded (call :a 1 {:k "x"}), but the program made (call :a 1 {:k "x"})',
         ('steps: recorded ["s"], now []',)),
        ("(call :b)", "^{:runtime.x 1} (call :b)", "recorded (call :b), but the program made (call :b)",
         ('hints: recorded {}, now {"runtime.x" 1}',)),
        ("(fn [] 1)", "(fn [] 2)", "recorded (call :f #<function>), but the program made (call :f #<function>)",
         ("what they are given differs where it is not shown",)),
        ("(call :b)", "(def q 1)", "recorded (call :b), but the program made (call :c)", ()),
        ("(call :c)", "5", "recorded (call :c), but the program ended with 6", ()),
        ("(call :c)", "(/ 1 0)", "recorded (call :c), but the program ended with DivisionByZero", ()),
    ],
)  # fmt: skip
def test_a_program_that_does_something_else_is_a_mismatch(
    old: str, new: str, message: str, notes: tuple[str, ...]
) -> None:
    outcome = waiting(session().start(PROGRAM))
    for answer in range(3):
        outcome = waiting(outcome.resume(answer))
    data = sealed(outcome.snapshot().replace(old.encode(), new.encode(), 1))
    with pytest.raises(rtfs.RtfsError) as raised:
        restore(data)
    assert raised.value.kind == "ReplayMismatch"
    assert not raised.value.catchable
    assert (raised.value.message, tuple(raised.value.notes)) == (f"Replay mismatch: {message}", notes)


def test_a_program_that_ends_otherwise_is_a_mismatch() -> None:
    first = session()
    first.run("(def a 1)")
    data = waiting(first.start("(call :x)")).snapshot()
    for new, message in [
        (b"(/ 1 0)", "recorded its end, but the program ended with DivisionByZero: Division by zero"),
        (b"(call :q 1)", "recorded its end, but the program made (call :q 1)"),
    ]:
        with pytest.raises(rtfs.RtfsError) as raised:
            restore(sealed(data.replace(b"(def a 1)", new)))
        assert raised.value.message == f"Replay mismatch: {message}"


# ---- hostile bytes ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def picture() -> bytes:
    first = session(values={"k": 1}, lookup=Texts({"m": "(def x 1)"}))
    first.define("f", [1, "two"])
    outcome = waiting(first.start("(import m) (call :a (fn [x] x) f)"))
    return outcome.snapshot()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "these bytes are no recording of rtfs"),
        (b"rtfs-recording", "these bytes are no recording of rtfs"),
        (b"rtfs-recording x y\n", "these bytes are no recording of rtfs"),
        (b"rtfs-recording -1 y\n", "these bytes are no recording of rtfs"),
        (b"\x80\x04\x95pickle\x94.", "these bytes are no recording of rtfs"),
        (b"rtfs-recording 2 y\n", f"its format 2 is newer than 1, the newest that rtfs {rtfs.__version__} knows"),
        (b"rtfs-recording 1 y\n{}\n", "its bytes were changed: the checksum does not match"),
        (sealed(b"\n{}\n"), "its header has no right :rtfs"),
        (sealed(b"\n\n"), "not one value"),
        (sealed(b"\n\xff\n"), "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (sealed(b"\n" + b"[" * 20_000 + b"\n"), "nested too deeply"),
    ],
)
def test_bytes_that_are_no_snapshot_say_so(data: bytes, why: str) -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        restore(data)
    assert raised.value.message == f"Invalid argument: cannot restore: {why}"


def test_a_snapshot_cut_short_or_with_a_bit_turned_is_refused(picture: bytes) -> None:
    for length in range(0, len(picture), 7):
        with pytest.raises(rtfs.RtfsError, match="cannot restore"):
            restore(picture[:length])
    for place in range(0, len(picture), 5):
        turned = bytearray(picture)
        turned[place] ^= 1 << place % 8
        with pytest.raises(rtfs.RtfsError, match="cannot restore"):
            restore(bytes(turned))


LINES = [
    "answer 0 1", "answer 9 1", "fail 0 1", "fail 0 nil", 'fail 0 (rtfs/opaque "[1]")', "end 0 nil", 'end 0 "X"',
    "text 0 1", 'text 3 ["a"]', 'text 0 ["a" "1"]', 'text 7 ["a" 1]', 'text 7 ["a" "(call :x)"]', "text -1 nil",
    "text", "call 8 [1 2]", "call 8 [1 [2]]", "call 8 [(rtfs/opaque [:argument 0 0 99]) []]", "call 8 []", "set 1",
    'set ["k" 2]',
    "set [1 2]", 'define ["z" (rtfs/opaque [:global "user" "nothing" 0])]', "define [1 2]", "cut 0 nil", "cut x y",
    'define ["z" (rtfs/opaque [:library "" "__class__" 0])]', 'define ["z" (rtfs/opaque [:result 0 0 0])]',
    'define ["z" (rtfs/opaque [:global "os" "system" 0])]', "ask 0 [1 2 3]", 'ask 0 ["a" [1] {} [] "user"]', "ask 5 x",
    "nonsense 1 2", "", "answer 99999999999999999999999999 1", "answer ² 1", 'set ["k" (rtfs/opaque (rtfs/opaque 1))]',
    f'set ["k" {"9" * 100_000}]', 'cut 7 [0 (rtfs/opaque "[]")]', "define nil", "_begin 1 2", "run 1 2", "value 1 2",
]  # fmt: skip


@given(st.data())
@settings(max_examples=60)
def test_lines_that_make_no_sense_are_refused_with_a_typed_error(picture: bytes, data: st.DataObject) -> None:
    lines = picture.decode().split("\n")[1:-1]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(1, len(lines)))
        if data.draw(st.booleans()) or place == len(lines):
            lines.insert(place, data.draw(st.sampled_from(LINES)))
        else:
            del lines[place]
    try:
        restore(sealed(("\n" + "\n".join(lines) + "\n").encode()), limits=rtfs.Limits(seconds=1))
    except rtfs.RtfsError as error:
        assert error.kind != "InternalError"


@pytest.mark.parametrize("line", LINES)
def test_a_line_added_is_refused_or_replayed(picture: bytes, line: str) -> None:
    try:
        restore(sealed(picture + line.encode() + b"\n"), limits=rtfs.Limits(seconds=1))
    except rtfs.RtfsError as error:
        assert error.kind != "InternalError"


@pytest.mark.parametrize(
    "part", ["[", "[] ", "{} ", "1 ", '"a" ', ":a ", "(1) ", "(rtfs/opaque 1) ", "a ", '"\\u{1F600}" ']
)
def test_reading_takes_memory_in_proportion_to_the_bytes(part: str) -> None:
    inside = part * (20_000 // len(part))
    data = sealed(f"\n{{:modules [{inside}]}}\n".encode())
    with pytest.raises(rtfs.RtfsError):  # once before: what is imported for it does not count
        restore(data)
    tracemalloc.start()
    try:
        with pytest.raises(rtfs.RtfsError, match="cannot restore"):
            restore(data)
        assert tracemalloc.get_traced_memory()[1] < 300 * len(data)
    finally:
        tracemalloc.stop()


def test_a_program_that_never_ends_is_stopped_by_the_limits_of_whoever_restores(picture: bytes) -> None:
    data = sealed(picture.replace(b"(import m)", b"(loop [] (recur))"))
    with pytest.raises(rtfs.RtfsError) as raised:
        restore(data, limits=rtfs.Limits(steps=10_000))
    assert raised.value.kind == "StepLimitExceeded"


# ---- versions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.rtfs-recording")), ids=lambda path: path.stem)
def test_a_recording_of_an_earlier_version_still_loads(path: Path) -> None:
    again = restore(path.read_bytes())
    assert again.outcome is not None
    assert end(again.outcome) == path.with_suffix(".txt").read_text(encoding="utf-8").rstrip("\n")
