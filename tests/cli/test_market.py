"""How a run ends whose streams and sinks are those of the marketplace (streaming.md §4.6)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def script(folder: Path, text: str) -> str:
    path = folder / "script.rtfs"
    path.write_text(text)
    return str(path)


def test_a37_what_is_queued_when_the_program_ends_is_processed_and_reaches_the_sinks(rtfs: Run, tmp_path: Path) -> None:
    done = rtfs("run", "-q", "--allow-all", script(tmp_path, """
      (def s (stream-source "memory:in" {:queue-capacity 600}))
      (def in (stream-sink "memory:in" {:queue-capacity 600}))
      (def out (stream-sink "memory:out"))
      (defn forward [n] (call :ccos.async/await (call :ccos.async/spawn (fn [] (stream-produce out (* 2 n))))))
      (stream-consume s {:on-item forward :on-complete (fn [end] (println "in" (:items end)))})
      (stream-consume (stream-source "memory:out")
        {:on-item (fn [n] (when (= n 998) (println "last" n)))
         :on-complete (fn [e] (println "out" (:items e)))})
      (doseq [n (range 500)] (stream-produce in n))
      (println "program over")"""))  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n")[0] == "program over"
    assert sorted(done.stdout.split("\n")[1:]) == ["", "in 500", "last 998", "out 500"]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ('(stream-consume (stream-source "memory:t") {:on-item (fn [x] (println x)) :on-complete (fn [] (println 9))})',
         0, "9\n"),
        ('(println (call :marketplace.stream.next {:handle (stream-source "memory:t") :timeout-ms 5}))', 0, "\n"),
        ('(def s (stream-source "memory:t")) (def k (stream-sink "memory:t")) (stream-produce k 1) (stream-produce k 2)'
         ' (println (call :marketplace.stream.next s))', 0, "1\n"),
        ('(def s (stream-source "memory:t")) (stream-consume s {:on-item (fn [x] (throw "bad"))})'
         ' (stream-produce (stream-sink "memory:t") 1)', 1, ""),
        ('(def s (stream-source "memory:t")) (stream-consume s {:on-complete (fn [x] (throw "late"))})'
         ' (stream-produce (stream-sink "memory:t") 1)', 1, ""),
    ],
    ids=["nobody sends", "nobody sent", "pulled in part", "a callback throws", "the last callback throws"],
)  # fmt: skip
def test_a_run_ends_when_nothing_can_come_any_more(rtfs: Run, text: str, code: int, said: str) -> None:
    done = rtfs("run", "-q", "--allow-all", "-e", text)
    assert (done.returncode, done.stdout) == (code, said)


def test_a_callback_that_may_not_what_it_does_makes_the_run_refused(rtfs: Run) -> None:
    text = """(stream-consume (stream-source "memory:t") {:on-item (fn [x] (call :ccos.io.read-file x))})
              (stream-produce (stream-sink "memory:t") "/etc/hostname")"""
    done = rtfs("run", "-q", "--allow", "marketplace.stream.*", "-e", text)
    assert done.returncode == 3 and "SecurityViolation" in done.stderr


def test_items_that_nobody_will_read_are_said_to_be_dropped(rtfs: Run) -> None:
    text = '(def k (stream-sink "memory:t")) (doseq [n (range 40)] (stream-produce k n))'
    done = rtfs("run", "-q", "--allow-all", "-e", text)
    assert done.returncode == 0 and "policy: unread, dropped: 40" in done.stderr


def test_a_second_interrupt_ends_a_run_whose_callback_waits(environment: dict[str, str]) -> None:
    text = """(def s (stream-source "memory:t")) (def k (stream-sink "memory:t"))
              (stream-consume s {:on-item (fn [x] (println "in") (call :ccos.system.sleep-ms 600000))})
              (stream-produce k 1)"""
    command = [sys.executable, "-m", "rtfs", "run", "-q", "--allow-all", "-e", text]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"in\n"
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)  # it drains
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)  # not the half minute that draining may take
    assert process.returncode == 130
