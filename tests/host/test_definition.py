"""Capabilities that RTFS files define."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.host.budget import Budget
from rtfs.host.journal import Journal
from rtfs.host.marketplace import Marketplace
from rtfs.lang.errors import RtfsError
from rtfs.lang.limits import Limits
from rtfs.lang.outcome import RuntimeContext
from rtfs.lang.printer import show
from rtfs.session import Session

WEATHER = """
(defstruct Report :city :string :warm? :bool)
(defn- degrees [city] (count city))
(capability "weather/report"
  :version "1.2.0"
  :description "Is it warm there?"
  :input-schema [:map [:city :string] [:limit :int ?]]
  :output-schema Report
  :effects [:console]
  :domains ["weather"]
  :implementation (fn [input]
                    (call :ccos.io.println (:city input))
                    {:city (:city input) :warm? (> (degrees (:city input)) (:limit input 3))}))
(capability "weather/double" :effects [] :implementation (fn [x] (* 2 x)))
"""


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    def write(text: str, name: str = "caps.rtfs") -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


@pytest.fixture
def session(paper: Any) -> Iterator[Callable[..., Session]]:
    made: list[Session] = []

    def make(**options: Any) -> Session:
        made.append(Session(**{"context": RuntimeContext.full(), "console": paper(), "cache": False, **options}))
        return made[-1]

    yield make
    for one in made:
        one.shutdown()


def failure(work: Callable[[], Any]) -> RtfsError:
    with pytest.raises(RtfsError) as caught:
        work()
    return caught.value


# ---- what a file gives


def test_a_file_defines_capabilities_that_programs_call(session: Any, file: Any) -> None:
    one = session()
    assert one.host.load_capabilities(file(WEATHER)) == ["weather/report", "weather/double"]
    assert show(one.run('(call :weather/report {:city "Rome"})')) == '{:city "Rome" :warm? true}'
    assert show(one.run('(call :weather/report "Oslo" 10)')) == '{:city "Oslo" :warm? false}'
    assert one.run("(map (fn [n] (call :weather/double n)) [1 2])") == (2, 4)
    assert one.host.console.text == "Rome\nOslo\n"


def test_its_manifest_says_what_the_form_says(session: Any, file: Any) -> None:
    one = session()
    one.host.load_capabilities(file(WEATHER))
    manifest = show(one.run('(call :ccos.marketplace/load "weather/report")'))
    assert manifest == (
        '{:id "weather/report" :name "weather/report" :description "Is it warm there?" :version "1.2.0" '
        ':provider "rtfs" :input-schema [:map [:city :string] [:limit :int ?]] '
        ":output-schema [:map [:city :string] [:warm? :bool]] :effects [:console] :permissions [] :idempotent false "
        ':approval :auto :domains ["weather"] :categories [] :metadata nil :examples []}'
    )


def test_wrong_input_and_output_are_errors_of_the_call(session: Any, file: Any) -> None:
    one = session()
    one.host.load_capabilities(file(WEATHER.replace(":warm? (> (degrees (:city input)) (:limit input 3))", ":warm? 7")))
    wrong = failure(lambda: one.run("(call :weather/report {:city 5})"))
    assert (wrong.type, wrong.message) == (
        "input-validation", "Invalid input for weather/report: :city: Type mismatch: expected :string, got integer",
    )  # fmt: skip
    assert failure(lambda: one.run("(call :weather/double 1 2)")).type == "input-validation"
    assert failure(lambda: one.run('(call :weather/report {:city "x"})')).type == "output-validation"


@pytest.mark.parametrize(
    ("schema", "arguments", "input"),
    [
        (":int", "5", "5"),
        ("[:vector :int]", "[1 2]", "[1 2]"),
        ("[:vector :int]", "1 2", "[1 2]"),
        ("[:vector :int]", "1", "[1]"),
        ("[:map [:a-b :int] [:a_b :int]]", "1 2", "{:a-b 1 :a_b 2}"),
        ('[:map ["x y" :int] [:k :int ?]]', '{"x y" 1}', '{"x y" 1}'),
        ("[:map [:k :int ?]]", "", "{}"),
        ("{:k :int}", "{:k 1}", "{:k 1}"),
        (":any", "{:k 1}", "{:k 1}"),
    ],
)
def test_the_implementation_gets_one_input(session: Any, file: Any, schema: str, arguments: str, input: str) -> None:
    one = session()
    one.host.load_capabilities(
        file(f'(capability "t/f" :input-schema {schema} :effects [] :implementation (fn [x] x))')
    )
    assert show(one.run(f"(call :t/f {arguments})")) == input


def test_types_of_the_file_may_be_recursive_and_secret(session: Any, file: Any) -> None:
    one = session()
    text = """
      (deftype Tree [:map [:value :int] [:left [:maybe Tree]]])
      (capability "t/f" :input-schema [:map [:tree Tree] [:key ^{:secret true} :string ?]] :effects []
                        :implementation (fn [{t :tree}] (:value t)))"""
    one.host.load_capabilities(file(text))
    assert one.run("(call :t/f {:tree {:value 1 :left {:value 2 :left nil}}})") == 1
    assert failure(lambda: one.run('(call :t/f {:tree {:value "1" :left nil}})')).type == "input-validation"
    assert ":secret true" in show(one.run('(call :ccos.marketplace/load "t/f")'))


def test_forms_may_come_from_macros_and_imports(session: Any, file: Any, tmp_path: Path) -> None:
    (tmp_path / "units.rtfs").write_text("(defn half [x] (/ x 2))")
    text = """
      (import units :as u)
      (defmacro tool [id f] `(capability ~id :effects [] :implementation (fn [x] (~f x))))
      (do (tool "t/half" u/half) (tool "t/inc" inc))"""
    one = session(folder=str(tmp_path))
    assert one.host.load_capabilities(file(text)) == ["t/half", "t/inc"]
    assert one.run("[(call :t/half 4) (call :t/inc 4)]") == (2, 5)


# ---- whose rights, limits and records


def test_an_implementation_may_do_no_more_than_the_program_that_calls_it(session: Any, file: Any) -> None:
    path = file('(capability "t/env" :effects [:environment] :implementation (fn [x] (call :ccos.system.get-env x)))')
    market = Marketplace()
    session(marketplace=market).host.load_capabilities(path)
    confined = session(marketplace=market, context=RuntimeContext.controlled(["t/*"]))
    refused = failure(lambda: confined.run('(call :t/env "HOME")'))
    assert (refused.kind, refused.notes[0]) == ("SecurityViolation", "rule: not in the allow list")
    granted = RuntimeContext.controlled(["t/*"], grants=[("env", "RTFS_NOTHING")])
    assert session(marketplace=market, context=granted).run('(call :t/env "RTFS_NOTHING")') is None


@pytest.mark.parametrize(
    "work",
    [
        "(call :ccos.system.get-env x)",
        "(first (call :ccos.concurrent/parallel (fn [] (call :ccos.system.get-env x))))",
        "(call :ccos.async/await (call :ccos.async/spawn (fn [] (call :ccos.system.get-env x))))",
        "(call :t/all x)",
    ],
)
def test_an_implementation_has_no_effects_but_those_it_declares(session: Any, file: Any, work: str) -> None:
    one = session()
    text = f"""
      (capability "t/all" :effects [:environment] :implementation (fn [x] (call :ccos.system.get-env x)))
      (capability "t/pure" :effects [] :implementation (fn [x] {work}))"""
    one.host.load_capabilities(file(text))
    assert one.run('(call :t/all "RTFS_NOTHING")') is None
    refused = failure(lambda: one.run('(call :t/pure "HOME")'))
    assert refused.kind == "SecurityViolation"
    assert "rule: effect :environment not allowed" in refused.notes
    assert "in: t/pure, which declares the effects []" in refused.notes


def test_loading_a_file_makes_no_host_call_and_ends(session: Any, file: Any) -> None:
    one = session(limits=Limits(seconds=0.1))
    loud = failure(lambda: one.host.load_capabilities(file('(call :ccos.io.println "x")')))
    assert (loud.kind, one.host.console.text) == ("SecurityViolation", "")
    assert failure(lambda: one.host.load_capabilities(file("(loop [] (recur))"))).kind == "DeadlineExceeded"


def test_its_failure_is_a_host_error_that_says_where(session: Any, file: Any) -> None:
    one = session()
    path = file('(capability "t/f" :effects []\n  :implementation (fn [x] (/ 1 x)))')
    one.host.load_capabilities(path)
    failed = failure(lambda: one.run("(call :t/f 0)"))
    assert (failed.kind, failed.type, failed.message) == ("HostError", "division-by-zero", "Division by zero")
    assert f"caused by DivisionByZero at {path}:2:32" in failed.notes
    assert show(one.run("(try (call :t/f 0) (catch HostError e (:type e)))")) == ":division-by-zero"


def test_it_uses_up_the_steps_and_the_budget_of_its_caller(session: Any, file: Any) -> None:
    path = file('(capability "t/f" :effects [] :implementation (fn [x] (call :ccos.echo (count (map inc (range x))))))')
    steps = session(limits=Limits.untrusted(steps=5_000))
    steps.host.load_capabilities(path)
    assert failure(lambda: steps.run("(dotimes [i 100] (call :t/f 200))")).kind == "StepLimitExceeded"
    calls = session(budget=Budget(host_calls=5))
    calls.host.load_capabilities(path)
    assert failure(lambda: calls.run("(dotimes [i 3] (call :t/f 1))")).kind == "BudgetExhausted"


def test_its_calls_stand_below_its_own_in_the_journal(session: Any, file: Any) -> None:
    journal = Journal()
    one = session(journal=journal)
    one.host.load_capabilities(file('(capability "t/f" :effects [] :implementation (fn [x] (call :ccos.echo x)))'))
    one.run("(call :ccos.echo 0) (call :t/f 1)")
    rows = {(row["type"], row["function"]): row for row in journal.rows() if row["function"]}
    inner, outer = rows["call", "ccos.echo"], rows["call-started", "t/f"]
    assert '"path":"1.0.0"' in inner["metadata"]
    assert inner["parent"] == outer["id"]


async def test_cancelling_the_run_cancels_it(session: Any, file: Any) -> None:
    market, ended = Marketplace(), []

    @market.capability("t.hang", effects=[])
    async def hang() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append(True)

    one = session(marketplace=market)
    one.host.load_capabilities(file('(capability "t/f" :effects [] :implementation (fn [x] (call :t.hang)))'))
    running = asyncio.ensure_future(one.run_async("(call :t/f 1)"))
    while not ended and not running.done():
        await asyncio.sleep(0)
        running.cancel()
    with pytest.raises((asyncio.CancelledError, RtfsError)):
        await running
    assert ended == [True]
    await one.host.shutdown()


def test_capabilities_that_call_themselves_come_to_an_end(session: Any, file: Any) -> None:
    one = session()
    one.host.load_capabilities(file('(capability "t/f" :effects [] :implementation (fn [x] (call :t/f (inc x))))'))
    assert failure(lambda: one.run("(call :t/f 0)")).message == "Stack overflow: call depth exceeded 400"


def test_sessions_of_one_marketplace_run_it_each_in_its_own_world(session: Any, file: Any) -> None:
    market = Marketplace()
    one, other = session(marketplace=market), session(marketplace=market)
    path = file('(def n 1) (capability "t/f" :effects [] :implementation (fn [x] (context/get "who")))')
    one.host.load_capabilities(path)
    assert other.host.load_capabilities(path) == ["t/f"]
    one.run('(context/set "who" "one")')
    assert [each.run("(call :t/f 1)") for each in (one, other)] == ["one", None]


# ---- versions, and what is wrong with a file


def test_a_taken_id_goes_to_a_higher_version_that_breaks_no_caller(session: Any, file: Any) -> None:
    one = session()
    text = '(capability "t/f" :version "{}" :input-schema {} :effects [] :implementation (fn [x] "{}"))'
    record = "[:map [:a :int]]"
    one.host.load_capabilities(file(text.format("1.0.0", record, "old")))
    for version, schema, reason in [
        ("1.0.0", record, "which 1.0.0 does not exceed"),
        ("1.1.0", "[:map [:a :int] [:b :int]]", "it needs :b"),
        ("2.0.0", record, "version 2.0.0 of t/f breaks with 1.0.0"),
    ]:
        refused = failure(lambda v=version, s=schema: one.host.load_capabilities(file(text.format(v, s, "new"))))  # type: ignore[misc]
        assert reason in refused.message
    assert one.run("(call :t/f {:a 1})") == "old"
    one.host.load_capabilities(file(text.format("1.1.0", "[:map [:a :int] [:b :int ?]]", "new")))
    assert one.run("(call :t/f {:a 1})") == "new"
    one.host.load_capabilities(file(text.format("3.0.0", ":int", "forced")), replace=True)
    assert one.run("(call :t/f 1)") == "forced"


FINE = '(capability "t/good" :effects [] :implementation (fn [x] x))'


@pytest.mark.parametrize(
    ("form", "text", "place"),
    [
        ('(capability "t/f")', 'capability "t/f": it has no :implementation', "2:13"),
        ('(capability "t/f" :implementation 5)', ":implementation: expected a function, got 5", "2:13"),
        ('(capability "t/f" :implementation (fn [a b] a))', "must take one argument, the input", "2:13"),
        ('(capability "t/f" :implementation (fn [] 1))', "must take one argument, the input", "2:13"),
        ('(capability "t/f" :efects [] :implementation inc)', "property :efects; did you mean :effects?", "2:13"),
        ('(capability "t/f" :effects :x :implementation inc)', "expected a vector of keywords, got :x", "2:13"),
        ('(capability "t/f" :language python :implementation inc)', ":language: expected rtfs20, got python", "2:13"),
        ('(capability "t/f" :input-schema [:vectr :int] :implementation inc)', "unknown type [:vectr", "2:13"),
        ('(capability "t/f" :output-schema Nope :implementation inc)', "unknown type Nope", "2:13"),
        ('(capability "f" :implementation inc)', "a capability id looks like a.b.c or a.b/c", "2:13"),
        ('(capability "t/f" :version "one" :implementation inc)', "a version looks like 1.2.3", "2:13"),
        ('(capability "t/f" :approval :maybe :implementation inc)', "approval is one of", "2:13"),
        ('(capability "ccos.echo" :implementation inc)', "is registered with version 1.0.0", "2:13"),
        ('(capability "t/good" :implementation inc)', "it is defined twice", "1:13"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_form_is_said_at_its_id_and_nothing_of_the_file_is_entered(
    session: Any, file: Any, form: str, text: str, place: str
) -> None:
    one = session()
    wrong = failure(lambda: one.host.load_capabilities(file(f"{FINE}\n{form}")))
    assert wrong.kind == "InvalidArgument"
    assert text in wrong.message
    assert f"{wrong.span.line}:{wrong.span.column}" == place if wrong.span else False
    assert one.host.marketplace.find("t/good") is None


def test_a_file_without_capabilities_or_that_cannot_be_read_is_an_error(session: Any, file: Any) -> None:
    one = session()
    assert "defines no capability" in failure(lambda: one.host.load_capabilities(file("(+ 1 2)"))).message
    assert failure(lambda: one.host.load_capabilities(file("(+ 1"))).kind == "ParseError"
    with pytest.raises(FileNotFoundError):
        one.host.load_capabilities("/nowhere/at/all.rtfs")
