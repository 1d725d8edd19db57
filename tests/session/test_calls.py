"""What a host call carries beside its capability and arguments, and what observers of steps are told (host.md §1)."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import rtfs
from rtfs.lang.outcome import StepEvent


def calls(text: str, answer: Any = None, **options: Any) -> list[rtfs.HostCall]:
    """The calls of a program whose host answers all of them alike."""
    seen = []
    outcome = rtfs.Session(cache=False, **options).start(text)
    while isinstance(outcome, rtfs.RequiresHost):
        seen.append(outcome.call)
        outcome = outcome.resume(answer)
    return seen


def test_calls_are_numbered_within_their_program() -> None:
    made = calls("(map (fn [x] (call :a x)) [1 2]) (call :b)")
    assert [(call.capability_id, call.args, call.seq, call.path) for call in made] == [
        ("a", (1,), 0, "0"), ("a", (2,), 1, "1"), ("b", (), 2, "2"),
    ]  # fmt: skip


def test_an_idempotency_key_is_the_session_the_program_and_the_number_of_the_call() -> None:
    session = rtfs.Session(cache=False, id="run-7")
    first, second = session.start("(call :a)"), session.start("(call :b) (call :c)")
    assert isinstance(first, rtfs.RequiresHost)
    assert isinstance(second, rtfs.RequiresHost)
    third = second.resume(1)
    assert isinstance(third, rtfs.RequiresHost)
    keys = [outcome.call.metadata.idempotency_key for outcome in (first, second, third)]
    assert keys == ["run-7/0/0", "run-7/1/0", "run-7/1/1"]


def test_sessions_have_keys_of_their_own() -> None:
    keys = {calls("(call :a)")[0].metadata.idempotency_key for _ in range(3)}
    assert len(keys) == 3


NESTED = """
(step "outer"
  ^{:runtime.learning.retry {:max-retries 2}}
  (step-parallel (call :seen.a 1) (do (call :seen.b 1) (call :seen.b 2))))
(call :seen.c)
"""


def test_a_call_inside_a_function_that_the_host_runs_has_the_path_hints_and_steps_of_the_call_around_it() -> None:
    market, seen = rtfs.Marketplace(), []

    def note(ctx: Any, *args: Any) -> None:
        seen.append(ctx.call)

    for name in "abc":
        market.capability(f"seen.{name}", effects=[":none"])(note)
    session = rtfs.Session(marketplace=market, context=rtfs.RuntimeContext.full(), cache=False, id="run")
    session.run(NESTED)
    session.close()
    made = {call.path: call for call in seen}
    assert {path: call.capability_id for path, call in made.items()} == {
        "0.0.0": "seen.a", "0.1.0": "seen.b", "0.1.1": "seen.b", "1": "seen.c",
    }  # fmt: skip
    inner, last = made["0.1.1"], made["1"]
    assert inner.metadata.idempotency_key == "run/0/0.1.1"
    assert inner.metadata.hints == {"runtime.learning.retry": rtfs.read("{:max-retries 2}")[0]}
    assert (inner.step_path, inner.causal.parent_action_id) == (("outer", "step-parallel"), "run/0/0")
    assert (last.step_path, last.causal.parent_action_id, last.metadata.hints) == ((), None, {})


async def test_a_slot_of_a_stream_has_keys_of_the_streams_own() -> None:
    seen: list[Any] = []
    market = rtfs.Marketplace()
    market.capability("seen.a", effects=[":none"])(lambda ctx: seen.append(ctx.call.metadata.idempotency_key))
    session = rtfs.Session(marketplace=market, context=rtfs.RuntimeContext.full(), cache=False)
    slot = await session.run_async("(fn [] (call :seen.a) (call :seen.a))")
    await session.host.evaluator.effect(slot, origin="weather-1/7/on-sent/")
    assert seen == ["weather-1/7/on-sent/0", "weather-1/7/on-sent/1"]


def test_a_call_knows_its_intent_plan_and_step() -> None:
    text = '(plan "trip" :intent-id "holiday" :body (step "book" (do (step "pay" (call :pay)) (call :confirm))))'
    causes = [(call.causal.intent_id, call.causal.plan_id, call.causal.step_id) for call in calls(text)]
    assert causes == [("holiday", "trip", "book/pay"), ("holiday", "trip", "book")]


@pytest.mark.parametrize(
    ("options", "exposed"),
    [
        ("", "nil"),
        (":expose-context true", '{"user" "Ada" "city" "Lyon"}'),
        (":expose-context true :context-keys [:city]", '{"city" "Lyon"}'),
        (':context-keys ["user" missing]', '{"user" "Ada"}'),
        (":expose-context false :context-keys [:city]", "nil"),
    ],
)
def test_a_step_decides_what_of_the_context_its_calls_carry(options: str, exposed: str) -> None:
    options = options.replace("missing", "'missing")
    made = calls(f'(step "s" {options} (step "inner" (call :a))) (call :b)', values={"user": "Ada", "city": "Lyon"})
    assert [rtfs.show(call.metadata.context) for call in made] == [exposed, "nil"]


def test_the_security_context_may_narrow_what_is_exposed() -> None:
    context = rtfs.RuntimeContext("pure", exposed_keys=("city",))
    made = calls('(step "s" :expose-context true (call :a))', values={"user": "Ada", "city": "Lyon"}, context=context)
    assert rtfs.show(made[0].metadata.context) == '{"city" "Lyon"}'


def test_observers_are_told_how_steps_start_and_end() -> None:
    seen: list[StepEvent] = []
    session = rtfs.Session(cache=False, on_step=seen.append, values={"user": "Ada"})
    with pytest.raises(rtfs.RtfsError):
        session.run('(step "a" :params {:n 1} :expose-context true (step "b" 2)) (step "c" (/ 1 0))')
    told = [(e.kind, e.name, "/".join(e.path), str(e.value), rtfs.show(e.context)) for e in seen]
    assert told == [
        ("start", "a", "a", "{:n 1}", '{"user" "Ada"}'),
        ("start", "b", "a/b", "None", '{"user" "Ada"}'),
        ("complete", "b", "a/b", "2", '{"user" "Ada"}'),
        ("complete", "a", "a", "2", '{"user" "Ada"}'),
        ("start", "c", "c", "None", "nil"),
        ("fail", "c", "c", "Division by zero", "nil"),
    ]


def test_each_form_of_step_is_told_by_its_name() -> None:
    seen: list[StepEvent] = []
    session = rtfs.Session(cache=False, on_step=seen.append)
    outcome = session.start("(step-if true 1) (step-loop false 2) (step :k 3) (step-parallel 4)")
    assert isinstance(outcome, rtfs.RequiresHost)
    outcome.resume((4,))
    told = [("step-if", 1), ("step-loop", None), ("k", 3), ("step-parallel", (4,))]
    assert [(e.name, e.value) for e in seen if e.kind == "complete"] == told
    assert [e.name for e in seen if e.kind == "start"] == [name for name, _ in told]


def test_of_a_run_that_is_dropped_inside_a_step_nobody_is_told() -> None:
    seen: list[StepEvent] = []
    outcome = rtfs.Session(cache=False, on_step=seen.append).start('(step "a" (call :x))')
    assert isinstance(outcome, rtfs.RequiresHost)
    del outcome
    assert [e.kind for e in seen] == ["start"]


@pytest.mark.parametrize(
    "form", ['(call :ccos.context.set "n" 2)', "(context/set :n 2)", "(call :ccos.context.set {:key :n :value 2})"]
)
def test_setting_the_context_takes_effect_at_the_answer(form: str) -> None:
    text = f"[@n {form} @n]"
    session = rtfs.Session(cache=False, values={"n": 1}, context=rtfs.RuntimeContext.full())
    assert session.run(text) == (1, None, 2)
    outcome = rtfs.Session(cache=False, values={"n": 1}).start(text)
    assert isinstance(outcome, rtfs.RequiresHost)
    outcome = outcome.resume(None)
    assert isinstance(outcome, rtfs.Complete)
    assert outcome.value == (1, None, 2)


def test_setting_the_context_changes_nothing_where_the_host_refuses() -> None:
    outcome = rtfs.Session(cache=False, values={"n": 1}).start("[(try (context/set :n 2) (catch e :refused)) @n]")
    assert isinstance(outcome, rtfs.RequiresHost)
    outcome = outcome.fail("no")
    assert isinstance(outcome, rtfs.Complete)
    assert rtfs.show(outcome.value) == "[:refused 1]"


ORDER = """
(def words {"pear" 1 "fig" 2 "plum" 3 "date" 4 "lime" 5 "kiwi" 6 "nut" 7})
(defn ask [k] (call :ask k))
[(map (fn [[k v]] (call :first k v)) words)
 (sort-by ask (keys words))
 (group-by ask (keys (dissoc words "fig")))
 (for [k (keys (assoc words :a 1 'b 2))] (call :last k))
 (reduce-kv (fn [sum k v] (+ sum (call :kv k v))) 0 words)]
"""

ORDER_PROGRAM = """
import sys, rtfs
outcome = rtfs.Session(cache=False).start(sys.stdin.read())
while isinstance(outcome, rtfs.RequiresHost):
    call = outcome.call
    print(call.path, call.capability_id, *map(rtfs.show, call.args))
    outcome = outcome.resume(len(rtfs.show(call.args[0])))
print(rtfs.show(outcome.value))
"""


def test_the_calls_of_a_program_and_their_order_are_the_same_in_every_process() -> None:
    def transcript(seed: str) -> str:
        command = [sys.executable, "-c", ORDER_PROGRAM]
        run = subprocess.run(
            command, input=ORDER, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}, check=True
        )
        return run.stdout

    transcripts = {transcript(seed) for seed in ("0", "1", "4711")}
    assert len(transcripts) == 1
    assert len(transcripts.pop().splitlines()) == 37
