"""Items that fail: who decides about them, and what becomes of them (streaming.md §6.1, §6.5, §6.9)."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K
from tests.host.stream.timed import Timed

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
INTEGERS = st.lists(st.integers(-9, 9), max_size=30)
THIRD = '(stream.map (range 100) (fn [n] (if (= 2 (mod n 3)) (throw "third") n)))'


def run(text: str, **names: Any) -> Any:
    for name, value in names.items():
        SESSION.define(name, value if callable(value) else rtfs.from_python(value))
    return SESSION.run(text)


def collect(text: str, **names: Any) -> list[Any]:
    return list(run(f"(call :stream.to-collection {text})", **names))


def refused(text: str) -> str:
    with pytest.raises(rtfs.RtfsError) as caught:
        SESSION.run(text)
    return f"{caught.value.code[5:]} {caught.value.message}"


# ---- pipeline-with-recovery


def test_every_third_item_of_a_hundred_is_handled_and_the_others_are_results() -> None:
    """The acceptance of `:stream.pipeline-with-recovery` in streaming.md §6.5."""
    results: list[Any] = []
    handled: list[Any] = []
    run(
        f"""(call :stream.wait (call :stream.pipeline-with-recovery
              {{:pipeline {THIRD}
                :error-handler (fn [error item] (do (handle [item (:message error)]) :skip))
                :on-result (fn [item] (result item))}}))""",
        handle=handled.append,
        result=results.append,
    )
    assert results == [n for n in range(100) if n % 3 != 2]
    assert handled == [(n, "Processor invocation error: third") for n in range(2, 100, 3)]


@settings(max_examples=40)
@given(INTEGERS, st.integers(1, 7))
def test_a_value_takes_the_place_of_what_the_failed_stage_would_have_given(items: list[int], size: int) -> None:
    graph = """(-> xs (stream.flat-map identity)
                   (stream.stateful (fn [n x] [(inc n) [n x]]) {:initial-state 0})
                   (stream.map (fn [[n x]] [n (/ 60 x)]))
                   (stream.filter (fn [[n x]] (or (nil? n) (even? n) (> x 0))))
                   (stream.stateful (fn [n x] [(inc n) [n x]]) {:initial-state 0}))"""
    batches = [items[at : at + size] for at in range(0, len(items), size)]
    found = collect(
        f"(stream.pipeline-with-recovery {graph} (fn [error item] {{:replace [nil (first item)]}}))", xs=batches
    )
    passed = []
    for number, item in enumerate(items):
        first = items[number - number % size]
        value = (number, rtfs.evaluate(f"(/ 60 {item})")) if item else (None, first)
        if value[0] is None or number % 2 == 0 or value[1] > 0:
            passed.append(value)
    assert found == list(enumerate(passed))


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("nil", [4, 2]), (":skip", [4, 2]), ("0", [4, 0, 2]), ("false", [4, False, 2]),
        ("{:replace :skip}", [4, K("skip"), 2]), ("{:replace nil}", [4, None, 2]),
    ],
)  # fmt: skip
def test_what_a_handler_may_answer(answer: str, found: list[Any]) -> None:
    assert (
        collect(f"(stream.pipeline-with-recovery (stream.map [2 0 4] (fn [n] (/ 8 n))) (fn [e n] {answer}))") == found
    )


def test_a_handler_may_keep_a_letter_or_fail_the_run() -> None:
    graph = "(stream.pipeline-with-recovery (stream.map [2 0 4] (fn [n] (/ 8 n))) (fn [e n] {}))"
    handle = run(f'(def h (call :stream.create {graph.format(":dead-letter")} {{:dead-letter-queue "handled"}}))')
    assert run(f'[(call :stream.next "{handle}") (call :stream.next "{handle}")]') == (4, 2)
    (letter,) = run('(call :stream.dead-letters {:queue "handled"})')
    assert (letter[K("item")], letter[K("stage")]) == (0, "map")
    assert refused(f"(call :stream.to-collection {graph.format(':fail')})") == (
        "S010 Processor invocation error: Division by zero"
    )


def test_a_handler_that_fails_fails_the_run() -> None:
    text = '(stream.pipeline-with-recovery (stream.map [0] (fn [n] (/ 8 n))) (fn [e n] (throw "helpless")))'
    assert refused(f"(call :stream.to-collection {text})") == "S010 Processor invocation error: helpless"


def test_an_item_is_tried_again_after_waits_that_double_and_then_fails() -> None:
    timed = Timed()
    with pytest.raises(rtfs.RtfsError, match="Division by zero"):
        timed.run("""(call :stream.to-collection (stream.pipeline-with-recovery
                       (stream.map [0] (fn [n] (/ 8 n)))
                       (fn [error item] (do (tell item) :retry)) {:max-retries 3 :backoff-ms 1000}))""")
    assert [round((time - timed.told[0][0]) / 1000) for time, _ in timed.told] == [0, 1, 3, 7]


def test_an_operator_of_the_host_that_fails_has_its_item_handled_too() -> None:
    told: list[Any] = []
    graph = """(stream.map (stream.tap [1 2 3 4] (fn [n] (if (busy n) (throw "busy")))) inc)"""
    failing = {2: 2, 4: 1}  # how often each of them fails

    def busy(n: int) -> bool:
        told.append(n)
        failing[n] = failing.get(n, 0) - 1
        return failing[n] >= 0

    handler = "(fn [error n] (if (= n 2) :retry {:replace 40}))"
    assert collect(f"(stream.pipeline-with-recovery {graph} {handler} {{:backoff-ms 0}})", busy=busy) == [2, 3, 4, 41]
    assert told == [1, 2, 2, 2, 3, 4]


def test_the_wrapper_that_is_nearer_to_the_source_decides() -> None:
    fails = "(stream.map [1 0] (fn [n] (/ 1 n)))"
    inner = f"(stream.pipeline-with-recovery {fails} (fn [e n] :inner))"
    assert collect(f'(stream.with-dead-letter {inner} "outer")') == [1, K("inner")]
    inner = f'(stream.with-dead-letter {fails} {{:dead-letter-queue "inner" :max-retries 0}})'
    assert collect(f"(stream.pipeline-with-recovery {inner} (fn [e n] :outer))") == [1]
    assert len(run('(call :stream.dead-letters {:queue "inner"})')) == 1


def test_what_a_branch_says_of_its_own_failures_is_nearer_than_a_handler() -> None:
    asked: list[Any] = []
    results: list[Any] = []
    run(
        """(call :stream.wait (call :stream.branch (stream.map [1 0 2] (fn [n] (if (= n 2) (throw "two") n)))
             {:branches [{:name :own :processor (fn [n] (result [:own (/ 1 n)])) :on-error :skip}
                         {:name :run :processor (fn [n] (result [:run (/ 1 n)]))}]
              :on-error (fn [error n] (do (ask n) :skip))}))""",
        ask=asked.append,
        result=results.append,
    )
    assert asked == [0, 2] or asked == [2, 0]  # one by the branch, one in front of both
    assert sorted(rtfs.show(rtfs.from_python(each)) for each in results) == ["[:own 1]", "[:run 1]"]


def test_what_a_handler_was_answered_is_not_asked_again_after_a_kill(
    store_place: Callable[[str], str], environment: dict[str, str], tmp_path: Path
) -> None:
    url = store_place("sqlite")
    program = Path(__file__).parent / "programs" / "recover.py"

    def life(place: str) -> int:
        command = [sys.executable, str(program), str(tmp_path), url, place]
        return subprocess.run(command, env=environment, timeout=100).returncode

    for number in (2, 2):  # the second of a life, as the first is told again
        assert life(f"tell:{number}") == -signal.SIGKILL
    assert life("never") == 0
    calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    assert [item for name, item, _ in calls if name == "ask"] == ["2", "5", "8", "11"]
    assert (tmp_path / "outputs").read_text() == "0 1 -2 3 4 -5 6 7 -8 9 10 -11"


def test_a_run_whose_handler_waits_can_be_cancelled() -> None:
    timed = Timed()
    found = timed.run("""
      (def empty (call :mcp.stream.start {:endpoint "empty" :processor :identity}))
      (def run (call :stream.create (stream.pipeline-with-recovery (stream.map [0] (fn [n] (/ 1 n)))
        (fn [error n] (do (tell :asked) (call :stream.next {:stream empty :timeout-ms 100000}) (tell :answered))))))
      (call :stream.next run {:timeout-ms 500})
      (def held (filter some? (map (fn [s] (:blocked-on (call :stream.inspect s))) (call :stream.list))))
      (call :stream.cancel run)
      (call :stream.next run {:timeout-ms 500})
      [held (:status (call :stream.status run))]""")
    assert rtfs.show(rtfs.from_python(found)) == '[[{:what :slot :id "error-handler"}] :cancelled]'
    assert timed.values == [K("asked")]
    assert timed.clock.monotonic() < 5


def test_items_that_are_left_out_move_the_position_of_a_stored_graph(tmp_path: Path) -> None:
    graph = """(stream.tap (range 1500) (fn [n] (if (< n 1499) (throw "no"))))"""
    for _ in range(2):
        with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
            found = session.run(f"""
              (def h (call :stream.create (stream.pipeline-with-recovery {graph} (fn [e n] :skip))
                       {{:stream-id "g" :outputs :durable}}))
              [(call :stream.next h {{:after -1 :timeout-ms 60000}})
               (:skipped (:stats (call :stream.inspect "g/0")))]""")
            assert found == (1499, 1499)


@pytest.mark.parametrize("more", ["", " {:effects [:network]}"])
def test_a_letter_is_stored_with_the_position_behind_its_item(more: str, tmp_path: Path) -> None:
    graph = f"""(stream.with-dead-letter
      (stream.map (range 40) (fn [n] (if (= n 20) (throw "no") n)){more}) {{:dead-letter-queue "q" :max-retries 0}})"""
    if not more:
        graph = graph.replace("stream.map (range 40)", "stream.tap (range 40)")
    for life in range(3):
        with closing(rtfs.Session(context=rtfs.RuntimeContext.full(), state_dir=str(tmp_path))) as session:
            session.run(f"""
              (def h (call :stream.create {graph} {{:stream-id "g" :outputs :durable :checkpoint {{:every-ms 5}}
                                                   :output-capacity 4 :keep 4}}))
              (call :stream.pause "g/0")
              (call :stream.next {{:stream h :timeout-ms 300}})""")
            if life == 2:
                session.run("""(call :stream.resume "g/0") (call :stream.wait "g" {:timeout-ms 20000})""")
            letters = session.run('(call :stream.dead-letters {:queue "q"})')
            assert len(letters) == (life == 2)
    assert letters[0][K("item")] == 20


# ---- :on-error of a run as a function


@pytest.mark.parametrize(("answer", "results", "status"), [(":skip", [4, 2], "completed"), (":fail", [4], "error"),
                                                           ("nil", [4], "error"), ("7", [4], "error")])  # fmt: skip
def test_the_function_under_on_error_hears_of_each_failure_once_and_may_skip(
    answer: str, results: list[int], status: str
) -> None:
    found: list[Any] = []
    heard: list[Any] = []
    answered = run(
        f"""(call :stream.wait (call :stream.map (stream.tap [2 0 4] identity) (fn [n] (/ 8 n))
              {{:on-chunk (fn [n] (result n)) :on-error (fn [error chunk] (do (hear chunk) {answer}))}}))""",
        hear=heard.append,
        result=found.append,
    )
    assert (found, heard, answered[K("status")]) == (results, [0], K(status))


def test_a_failure_of_no_chunk_is_told_with_nil() -> None:
    heard: list[Any] = []
    run("""(call :stream.wait (call :stream.map (call :stream.file.read "/nowhere/at/all") count
             {:on-error (fn [error chunk] (hear [(:code error) chunk]))}))""", hear=heard.append)  # fmt: skip
    assert heard == [("RTFS-S003", None)]


def test_on_error_may_try_again_and_covers_what_is_read() -> None:
    heard: list[Any] = []
    found = collect(
        """(stream.tap (stream.map [2 0 4] (fn [n] (/ 8 n))) identity)
           {:on-error (fn [error n] (do (hear n) (if (< (heard-of) 3) :retry :dead-letter)))
            :dead-letter-queue "tried"}""",
        hear=heard.append,
        **{"heard-of": lambda: len(heard)},
    )
    assert (found, heard) == ([4, 2], [0, 0, 0])
    (letter,) = run('(call :stream.dead-letters {:queue "tried"})')
    assert letter[K("attempts")] == 3


# ---- with-dead-letter


def test_a_letter_is_told_and_only_what_is_worth_it_is_tried_again() -> None:
    told: list[Any] = []
    graph = """(stream.map ["a" 0 2] (fn [n] (if (string? n) (throw "hopeless") (/ 8 n))) {:name "eighths"})"""
    text = f"""(stream.with-dead-letter {graph} {{:dead-letter-queue "eighths" :max-retries 2
                 :error-predicate (fn [error] (not= (:code (:data error)) "RTFS-E409"))
                 :on-dead-letter (fn [item error] (tell [item (:message error)]))}})"""
    assert collect(text, tell=told.append) == [4]
    assert told == [("a", "Processor invocation error: hopeless"), (0, "Processor invocation error: Division by zero")]
    letters = run('(call :stream.dead-letters {:queue "eighths"})')
    assert [(letter[K("item")], letter[K("attempts")], letter[K("stage")]) for letter in letters] == [
        ("a", 1, "eighths"), (0, 3, "eighths"),
    ]  # fmt: skip


@settings(max_examples=30)
@given(INTEGERS, st.integers(0, 2))
def test_items_are_results_or_letters_each_in_its_order(items: list[int], retries: int) -> None:
    graph = "(stream.map xs (fn [n] (do (/ 1 n) n)))"
    queue = f"law-{next(NUMBERS)}"
    found = collect(
        f'(stream.with-dead-letter {graph} {{:dead-letter-queue "{queue}" :max-retries {retries}}})', xs=items
    )
    letters = run(f'(call :stream.dead-letters {{:queue "{queue}" :limit 1000}})')
    assert found == [item for item in items if item]
    assert [letter[K("seq")] for letter in letters] == [at for at, item in enumerate(items) if not item]
    assert {letter[K("attempts")] for letter in letters} <= {retries + 1}


NUMBERS = iter(range(10_000))


def test_a_predicate_that_fails_fails_the_run() -> None:
    text = '(stream.with-dead-letter (stream.map [0] (fn [n] (/ 1 n))) {:error-predicate (fn [e] (throw "dim"))})'
    assert refused(f"(call :stream.to-collection {text})") == "S010 Processor invocation error: dim"


REDRIVEN = {
    "operator": '(stream.map (stream.tap in (fn [n] (if (fits n) n (throw "no")))) inc)',
    "lifted": '(stream.map in (fn [n] (if (fits n) (inc n) (throw "no"))) {:effects [:network]})',
    "stage": "(stream.map (stream.tap in identity) (fn [n] (inc (fit n))))",
    "parallel": "(stream.parallel in {:parallelism 2 :ordered true :processor (fn [s] (stream.map s"
    ' (fn [n] (if (= n 13) (throw "no") (inc n)))))})',
}


@pytest.mark.parametrize("place", REDRIVEN)
def test_letters_are_delivered_by_redriving_them_after_a_fix(place: str) -> None:
    """The acceptance of `:stream.with-dead-letter` in streaming.md §6.9, and A55 for items that fail upstream."""
    told: list[Any] = []
    checked: list[int] = []
    broken = {13}

    def fits(n: int) -> bool:
        checked.append(n)
        return n not in broken

    graph = REDRIVEN[place].replace("in ", "(stream.map source identity) ", 1)
    with closing(rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())) as session:
        session.define("fits", fits)
        session.define("tell", told.append)
        session.run(f"""
          (def fit (fn [n] (if (= n 13) (throw "unfit") n)))
          (def source (call :mcp.stream.start {{:endpoint "plain" :processor :identity :outputs :block}}))
          (def run (call :stream.with-dead-letter {graph} {{:dead-letter-queue "unfit" :on-item (fn [n] (tell n))}}))
          (doseq [n (range 10 20)] (call :mcp.stream.send {{:stream source :chunk n}}))
          (call :stream.wait run {{:chunks 9 :timeout-ms 20000}})""")
        (letter,) = session.run('(call :stream.dead-letters {:queue "unfit"})')
        assert (letter[K("item")], letter[K("attempts")]) == (13, 4)
        assert told == [n + 1 for n in range(10, 20) if n != 13]
        broken.clear()
        again = session.run('(call :stream.redrive {:queue "unfit"})')
        assert again[K("left")] == 0
        if place in ("operator", "lifted"):
            session.run("(call :stream.wait run {:chunks 10 :timeout-ms 20000})")
            assert (told[-1], checked.count(13)) == (14, 5)
        else:  # the stage is as it was, so that there is another letter
            letters: Any = ()
            while len(letters) < 2:
                letters = session.run("""(do (call :stream.wait run {:timeout-ms 20})
                                             (call :stream.dead-letters {:queue "unfit"}))""")
            assert [each[K("attempts")] for each in letters] == [4, 8]


@pytest.mark.parametrize("broker", ["memory:bad", "sqlite:{folder}/letters.db/bad", "redis"])
def test_a_broker_gets_a_copy_of_each_letter(broker: str, tmp_path: Path, services: Any) -> None:
    url = f"{services.redis()}/bad-{uuid.uuid4().hex}" if broker == "redis" else broker.format(folder=tmp_path)
    place, _, name = url.rpartition(":" if broker.startswith("memory") else "/")
    with closing(rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())) as session:
        session.run(f"""
          (def read (call :stream.queue.consume "{name}" {{:broker "{place}{":" if place == "memory" else ""}"
                                                           :create true :max-wait-ms 10}}))
          (def h (call :stream.create (stream.map read (fn [m] (:body m)))))
          (call :stream.next {{:stream h :timeout-ms 1}})""")
        found = session.run(f"""(call :stream.to-collection (stream.with-dead-letter
          (stream.map [2 0 4] (fn [n] (/ 8 n))) {{:dead-letter-queue "{url}" :max-retries 1}}))""")
        copy = session.run("(call :stream.next {:stream h :timeout-ms 20000})")
        (letter,) = session.run(f"""(call :stream.dead-letters {{:queue "{url}"}})""")
    assert list(found) == [4, 2]
    assert (copy[K("id")], copy[K("item")], copy[K("attempts")]) == (letter[K("id")], 0, 2)


def test_a_broker_that_takes_no_letter_fails_the_run() -> None:
    text = """(call :stream.to-collection (stream.with-dead-letter (stream.map [0] (fn [n] (/ 8 n)))
                {:dead-letter-queue "redis://ada:secret@127.0.0.1:9/bad" :max-retries 0})
                {:retry {:max-attempts 2 :base-ms 1}})"""
    with pytest.raises(rtfs.RtfsError) as caught:
        SESSION.run(text)
    assert caught.value.code == "RTFS-S041"
    assert "secret" not in caught.value.rendered()
    context = rtfs.RuntimeContext.controlled(["stream.*"])
    with closing(rtfs.Session(context=context)) as session, pytest.raises(rtfs.RtfsError) as caught:
        session.run(text)
    assert caught.value.code == "RTFS-S053"


# ---- what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(call :stream.pipeline-with-recovery {:pipeline [1]})",
         "S002 Missing required field 'error-handler' of stream.pipeline-with-recovery"),
        ("(call :stream.pipeline-with-recovery {:error-handler identity})",
         "S002 Missing required field 'pipeline' of stream.pipeline-with-recovery"),
        ("(stream.pipeline-with-recovery [1] 7)", "S003 Parameter 'error-handler': expected function, got 7"),
        ("(call :stream.to-collection (stream.pipeline-with-recovery [1] (fn [a b c] a)))",
         "S015 Callback 'fn' takes 3 arguments; :error-handler gives 2"),
        ("(stream.pipeline-with-recovery [1] identity {:max-retries -1})",
         "S003 Parameter 'max-retries': expected integer >= 0, got -1"),
        ("(stream.with-dead-letter [1] {:error-predicate 5})",
         "S003 Parameter 'error-predicate': expected function, got 5"),
        ("(call :stream.to-collection (stream.with-dead-letter [1] {:on-dead-letter (fn [a b c] a)}))",
         "S015 Callback 'fn' takes 3 arguments; :on-dead-letter gives 2"),
        ("(call :stream.map [1] inc {:on-error (fn [a b c] a)})",
         "S015 Callback 'fn' takes 3 arguments; :on-error gives 2"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(text: str, message: str) -> None:
    assert refused(text) == message
