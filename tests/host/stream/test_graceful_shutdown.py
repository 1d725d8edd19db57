"""`:stream.graceful-shutdown`: what is finished when a graph is stopped or its host ends, and what goes on (§6.9)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K
from rtfs.session import Session
from tests.host.stream.timed import Timed

FULL = rtfs.RuntimeContext.full()
ALONE = Session(context=FULL, limits=rtfs.Limits.unlimited())
GRACEFUL = """(stream.graceful-shutdown {node} {strategy}
                 {{:shutdown-timeout {limit} :on-shutdown-complete (fn [info] (tell info))}})"""


def graceful(node: str, strategy: str, limit: int = 30_000) -> str:
    return GRACEFUL.format(node=node, strategy=strategy, limit=limit)


# ---- stopped by a call

SLOW = "(stream.batch (stream.rate-limit (range 900) {:rate 100 :burst 1}) 1000)"


def stopped(strategy: str) -> tuple[list[Any], Any]:
    """The items of the open batch that left after a stop in mid-run, and what the program heard."""
    timed = Timed()
    timed.run(f"""(let [h (call :stream.map {graceful(SLOW, strategy)} identity {{:on-chunk (fn [x] (tell x))}})]
                 (call :stream.wait h {{:timeout-ms 195}})
                 (call :stream.stop h)
                 (call :stream.wait h))""")
    *batches, info = timed.values
    return [item for batch in batches for item in batch], info


def test_a_stop_goes_by_the_strategy() -> None:
    finished, all_of_it = stopped(":finish-current-batch"), stopped(":drain-all")
    nothing, info = stopped(":immediate")
    assert (nothing, info[K("reason")]) == ([], K("stop"))
    for items, told in (finished, all_of_it):
        assert items == list(range(len(items)))
        assert (told[K("status")], told[K("reason")], told[K("timed-out")]) == (K("stopped"), K("stop-drain"), False)
    assert 20 <= len(finished[0]) < len(all_of_it[0]) < 900


def test_what_takes_too_long_is_cancelled_and_counted() -> None:
    timed = Timed()
    node = "(stream.tap (range 300) (fn [n] (call :ccos.system.sleep-ms 1000)))"
    timed.run(f"""(let [h (call :stream.map {graceful(node, ":drain-all", 2500)} identity {{:on-chunk (fn [x] x)}})]
                 (call :stream.wait h {{:timeout-ms 3000}})
                 (call :stream.stop h) (call :stream.wait h))""")
    (info,) = timed.values
    assert info[K("status")] is K("stopped")
    assert info[K("processed")] < 10
    assert info[K("timed-out")] is True


# ---- the end of the host


@pytest.mark.parametrize("how", ["completed", "cancelled", "error"])
def test_the_callback_comes_once_and_last_however_a_graph_ends(how: str) -> None:
    told: list[Any] = []
    session = Session(context=FULL)
    session.define("tell", told.append)
    bad = "(fn [n] (/ 1 (- n 50)))" if how == "error" else "identity"
    source = "(range 100)" if how != "cancelled" else "(call :stream.periodic 60000)"
    node = graceful(f"(stream.map {source} {bad})", ":drain-all")
    session.run(f"""(call :stream.map {node} identity
        {{:stream-id "s" :on-chunk (fn [n] n) :on-error (fn [e] (tell :failed)) :on-complete (fn [] (tell :done))}})
      {'(call :stream.cancel "s")' if how == "cancelled" else ""} (call :stream.wait "s")""")
    session.shutdown()
    *before, info = told
    assert before == {"completed": [K("done")], "cancelled": [], "error": [K("failed")]}[how]
    assert info[K("status")] is K(how)


def test_a_host_that_shuts_down_at_once_keeps_to_the_strategy_of_the_graph(tmp_path: Path) -> None:
    told: list[Any] = []
    session = Session(context=FULL, state_dir=str(tmp_path / "s"))
    session.define("tell", told.append)
    (tmp_path / "in").write_text("".join(f"{n}\n" for n in range(10)))
    source = f'(call :stream.file.read "{tmp_path}/in" {{:follow true :mode :lines}})'
    node = graceful(f"(stream.batch (stream.take {source} 1000) 4)", ":finish-current-batch")
    session.run(f"""(call :stream.file.write "{tmp_path}/out"
      {{:data-source {node} :mode :append :format :json-lines :stream-id "s"}})
      (call :stream.wait "s" {{:chunks 10}})""")
    session.shutdown(timeout=5.0, strategy="immediate")
    assert [len(json.loads(line)) for line in (tmp_path / "out").read_text().split("\n") if line] == [4, 4, 2]
    (info,) = told
    assert (info[K("status")], info[K("reason")]) == (K("stopped"), K("shutdown"))
    assert rtfs.show(info[K("left")]) == "{:queued 0 :undelivered 0 :discarded 0}"


def test_the_callback_may_look_at_its_graph() -> None:
    told: list[Any] = []
    session = Session(context=FULL)
    session.define("tell", told.append)
    looking = "(fn [info] (tell (:status (call :stream.wait (:stream-id info)))))"
    node = f"(stream.graceful-shutdown [1 2] {{:on-shutdown-complete {looking}}})"
    session.run(f"(call :stream.wait (call :stream.map {node} inc {{:on-chunk (fn [n] n)}}))")
    session.shutdown()
    assert told == [K("completed")]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 60), st.integers(1, 9), st.sampled_from([":finish-current-batch", ":drain-all", ":immediate"]))
def test_a_graph_that_ends_by_itself_gives_the_same_under_every_strategy(count: int, size: int, strategy: str) -> None:
    plain = f"(stream.batch (range {count}) {size})"
    wrapped = f"(stream.graceful-shutdown {plain} {strategy})"
    collect = "(call :stream.to-collection {})"
    assert ALONE.run(collect.format(wrapped)) == ALONE.run(collect.format(plain))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            ":slowly",
            "S003 Parameter 'drain-strategy': expected one of :finish-current-batch :drain-all :immediate, got :slowly",
        ),
        ("{:shutdown-timeout -1}", "S003 Parameter 'shutdown-timeout': expected integer >= 0, got -1"),
        (
            ":immediate {:strategy :immediate}",
            "S006 Unknown option ':strategy' for stream.graceful-shutdown; did you mean ':drain-strategy'?",
        ),
        ("{:on-shutdown-complete (fn [a b] a)}", "S015 Callback 'fn' takes 2 arguments; :on-shutdown-complete gives 1"),
    ],
)
def test_bad_input_is_refused_by_name(parameters: str, message: str) -> None:
    with pytest.raises(rtfs.RtfsError) as found:
        ALONE.run(f"(call :stream.to-collection (stream.graceful-shutdown [1] {parameters}))")
    assert f"{found.value.code[5:]} {found.value.message}" == message


# ---- signals

PROGRAM = """
(def graph (-> (call :stream.file.read "{folder}/in" {{:mode :lines :follow (= (first args) "follow")}})
               (stream.tap println)
               (stream.batch 100)
               (stream.graceful-shutdown :finish-current-batch
                 {{:on-shutdown-complete (fn [info] (println "ended" (:reason info) (:left info)))}})))
(call :stream.file.write "{folder}/out" {{:data-source graph :mode :append :format :json-lines :stream-id "s"}})"""


def lines(numbers: range) -> str:
    return "".join(f"{number}\n" for number in numbers)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a37_a_signal_at_item_130_lets_a_batch_of_30_leave_and_nothing_is_lost(
    number: signal.Signals, code: int, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "program.rtfs").write_text(PROGRAM.format(folder=tmp_path))
    source = tmp_path / "in"
    source.write_text(lines(range(130)))
    command = [sys.executable, "-m", "rtfs", "run", "--allow-all", "--quiet", "--state", str(tmp_path / "state")]
    command.append(str(tmp_path / "program.rtfs"))
    with subprocess.Popen([*command, "follow"], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert [int(process.stdout.readline()) for _ in range(130)] == list(range(130))
        process.send_signal(number)
        rest = process.stdout.read()
    assert (process.returncode, rest) == (code, "ended :shutdown {:queued 0 :undelivered 0 :discarded 0}\n")
    batches = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [len(batch) for batch in batches] == [100, 30]
    with source.open("a") as more:
        more.write(lines(range(130, 250)))
    subprocess.run([*command, "end"], stdout=subprocess.DEVNULL, env=environment, timeout=60, check=True)
    batches = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert [len(batch) for batch in batches] == [100, 30, 100, 20]
    assert [int(item) for batch in batches for item in batch] == list(range(250))


def test_a_graph_whose_time_is_over_is_stored_as_it_is_and_loses_nothing(tmp_path: Path) -> None:
    def session(**names: Any) -> Session:
        made = Session(context=FULL, limits=rtfs.Limits.unlimited(), state_dir=str(tmp_path))
        for name, value in names.items():
            made.define(name, value)
        return made

    told: list[Any] = []
    slow = "(stream.tap (range 300) (fn [n] (if (= n 50) (call :ccos.system.sleep-ms 600000) n)))"
    first = session(tell=told.append)
    first.run(f"""(call :stream.create {graceful(slow, ":drain-all", 100)} {{:stream-id "s" :outputs :durable}})
                  (call :stream.next "s" {{:max 50}}) (call :stream.wait "s" {{:chunks 50}})""")
    first.shutdown()
    (info,) = told
    assert (info[K("status")], info[K("reason")], info[K("timed-out")]) == (K("stopped"), K("shutdown"), True)
    assert info[K("processed")] == 50
    again = session(tell=told.append)
    quick = graceful("(stream.tap (range 300) (fn [n] n))", ":drain-all")
    again.run(f'(call :stream.resume-from-checkpoint {{:stream-id "s" :graph {quick}}})')
    found: list[int] = []
    while more := again.run(f'(call :stream.next "s" {{:max 500 :after {len(found) - 1}}})'):
        found += more
    again.shutdown()
    assert found == list(range(300))
