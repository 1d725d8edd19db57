"""What a program leaves in a store and another process finds there, each a run of `rtfs` (streaming.md §5)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Begin = Callable[[str], "subprocess.Popen[str]"]

PROCESSORS = "(defn keep [s c] {:state (conj s c)}) (defn nonsense [s c] 42)"
START = (
    PROCESSORS
    + """
(def h (call :mcp.stream.start {:endpoint "gauge" :processor %s :initial-state [] :stream-id "s"%s}))
(defn put [item ack] (call :mcp.stream.send {:stream h :chunk item :ack ack}))
"""
)
RESUME = (
    PROCESSORS
    + """
(def h (call :mcp.stream.resume %s))
(defn seen [] (call :mcp.stream.inspect h))
"""
)


@pytest.fixture
def begin(environment: dict[str, str], tmp_path: Path) -> Iterator[Begin]:
    """`begin(program)`: a run of `rtfs` in the background; it is killed when the test ends."""
    children: list[subprocess.Popen[str]] = []

    def start(program: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "rtfs", "run", "--allow-all", "--state", "here", "-e", program]
        children.append(
            subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
            )
        )
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.communicate()


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def say(child: subprocess.Popen[str], text: str) -> None:
    assert child.stdin is not None
    child.stdin.write(text + "\n")
    child.stdin.flush()


def run(rtfs: Run, program: str) -> tuple[int, str]:
    done = rtfs("run", "-q", "--allow-all", "--state", "here", "-e", program)
    return done.returncode, done.stdout.strip()


def test_a11_an_unknown_directive_leaves_an_error_that_a_new_process_keeps(rtfs: Run) -> None:
    sent = run(
        rtfs, START % ("keep", "") + "(put 1 :processed) (println (:accepted (put {:action :explode} :accepted)))"
    )
    assert sent == (1, "true")
    look = RESUME % '"s"' + "(println (:status (seen)) (:state (seen)) (:code (:error (seen))))"
    for _ in range(2):
        assert run(rtfs, look) == (0, ":error [1] RTFS-S013")


def test_a12_a_result_that_is_no_map_leaves_its_error_to_a_new_process(rtfs: Run) -> None:
    sent = run(rtfs, START % ("nonsense", "") + "(println (try (put 1 :processed) (catch e (:code e))))")
    assert sent == (1, "RTFS-S011")
    look = "(println (:status (seen)) (:state (seen)) (:failed (:stats (seen))) (:message (:error (seen))))"
    code, text = run(rtfs, RESUME % '"s"' + look)
    assert (code, text[:13]) == (0, ":error [] 1 P")
    assert text.endswith("returned invalid shape (expected map), got: 42")


def test_a47_a_paused_stream_with_seven_queued_goes_on_in_the_process_after_a_kill(rtfs: Run, begin: Begin) -> None:
    child = begin(START % ("keep", " :queue-capacity 9") + """
      (put "first" :processed)
      (call :mcp.stream.pause {:stream h :reason "lunch"})
      (doseq [n (range 7)] (put n :accepted))
      (call :mcp.stream.checkpoint h)
      (println "stored")
      (call :ccos.io.read-line)""")  # fmt: skip
    assert line(child) == "stored"
    child.kill()
    assert child.wait() == -signal.SIGKILL
    code, text = run(rtfs, RESUME % '"s"' + """
      (let [{:keys [status reason queue stats state]} (seen)]
        (println status reason (:depth queue) (:capacity queue) (:received stats) (:processed stats) state))
      (call :mcp.stream.resume {:stream h :wait :drained})
      (println (:state (seen)) (:received (:stats (seen))))""")  # fmt: skip
    assert (code, text) == (0, ':paused lunch 7 9 8 1 ["first"]\n["first" 0 1 2 3 4 5 6] 8')


@pytest.mark.parametrize("name", ["sqlite", "postgresql", "redis"])
def test_a43_of_two_processes_that_resume_one_stream_one_is_fenced_and_writes_nothing(
    name: str, store_place: Callable[[str], str], rtfs: Run, begin: Begin
) -> None:
    place = f'{{:store "{store_place(name)}"}}'
    started = START % ("keep", f" :checkpoint {place}")
    assert run(rtfs, started + '(put 1 :durable) (call :mcp.stream.pause h) (println "left")') == (0, "left")
    resumed = RESUME % f'{{:stream-id "s" :checkpoint {place}}}'
    racer = f"""(call :ccos.io.read-line)
      (try (do {resumed} (println "won")) (catch e (println (:code e))))
      (call :ccos.io.read-line)
      (try (call :mcp.stream.resume {{:stream "s" :wait :drained}}) (catch e nil))
      (println (try (:status (call :mcp.stream.send {{:stream "s" :chunk 2 :ack :durable}})) (catch e (:code e))))
      (call :ccos.io.read-line)"""
    racers = [begin(racer), begin(racer)]
    for child in racers:
        say(child, "go")
    said = [line(child) for child in racers]
    assert sorted(said) == ["RTFS-S040", "won"]
    assert run(rtfs, f"(try (do {started}) (catch e (println (:code e))))") == (0, "RTFS-S008")
    loser, winner = racers if said[0] == "RTFS-S040" else reversed(racers)
    say(loser, "write")
    assert line(loser) == "RTFS-S005"  # it never had the stream
    say(winner, "write")
    assert line(winner) == ":active"
    for child in (winner, loser):
        say(child, "end")
        child.wait(60)
    assert run(rtfs, resumed + "(println (:state (seen)) (:epoch (:checkpoint (seen))))") == (0, "[1 2] 3")
