"""`rtfs run --durable`, `--record` and `--replay` as a user sees them (host.md §2)."""

from __future__ import annotations

import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

ROOT = Path(__file__).resolve().parents[2]
SERVER = f"stdio:{sys.executable} {ROOT / 'examples' / 'servers' / 'weather.py'}"

SHOP = """
import os, signal
from pathlib import Path
from rtfs.host.provider import provides

@provides("shop.pay", input={"amount": ":int"}, effects=[":money"])
def pay(ctx, amount):
    with open("payments", "a") as file:
        file.write(f"{amount}\\n")
    if os.path.exists("power-cut"):
        os.unlink("power-cut")
        os.kill(os.getpid(), signal.SIGKILL)
    return amount * 100

@provides("shop.stock", input={}, output=":int", effects=[":net"], idempotent=True)
def stock(ctx):
    if not os.path.exists("stock"):
        raise OSError("the shop is closed")
    return int(Path("stock").read_text())
"""
BUY = '(println "buying" (first args)) (def cents (call :shop.pay 5)) (println "paid") [cents]'


@pytest.fixture
def shop(rtfs: Run, tmp_path: Path) -> Run:
    """Run `rtfs` where an installed package brings `shop.pay`, which dies after paying while there is a `power-cut`."""
    info = tmp_path / "packages" / "shop-1.0.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "packages" / "shop_capabilities.py").write_text(SHOP)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[rtfs.providers]\nshop = shop_capabilities\n")
    (tmp_path / "buy.rtfs").write_text(BUY)

    def run(*words: str, **options: str) -> subprocess.CompletedProcess[str]:
        return rtfs("run", *words, PYTHONPATH=str(tmp_path / "packages"), **options)

    return run


def payments(tmp_path: Path) -> list[str]:
    return (tmp_path / "payments").read_text().split()


COMMAND = ("--allow", "shop.*", "--durable", "here", "buy.rtfs", "tea")
QUESTION = (
    "HostError: Durable run: call 1, (call :shop.pay 5), was being made when the run was stopped: nobody knows if it "
    "was done\n  = hint: --retry-call makes it again, --skip-call VALUE goes on with VALUE as its answer\n"
)


def test_a_killed_run_asks_about_the_call_under_way_and_goes_on_as_told(shop: Run, tmp_path: Path) -> None:
    (tmp_path / "power-cut").touch()
    killed = shop(*COMMAND)
    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "buying tea\n")
    asked = shop(*COMMAND)
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.endswith(QUESTION)
    retried = shop("--retry-call", *COMMAND)
    assert (retried.returncode, retried.stdout) == (0, "paid\n[500]\n")
    assert payments(tmp_path) == ["5", "5"]
    again = shop(*COMMAND)
    assert (again.returncode, again.stdout) == (0, "[500]\n")
    assert payments(tmp_path) == ["5", "5"]


def test_a_call_under_way_may_be_skipped_with_a_value(shop: Run, tmp_path: Path) -> None:
    (tmp_path / "power-cut").touch()
    shop(*COMMAND)
    skipped = shop("--skip-call", "{:seen :at-the-bank}", *COMMAND)
    assert (skipped.returncode, skipped.stdout) == (0, "paid\n[{:seen :at-the-bank}]\n")
    assert payments(tmp_path) == ["5"]
    assert "no call waits for a decision" in shop("--retry-call", *COMMAND[:3], "other", *COMMAND[4:]).stderr


def test_a_refused_call_is_made_when_it_is_allowed(shop: Run, tmp_path: Path) -> None:
    refused = shop(*COMMAND[2:])
    assert (refused.returncode, refused.stdout) == (3, "buying tea\n")
    allowed = shop(*COMMAND)
    assert (allowed.returncode, allowed.stdout) == (0, "paid\n[500]\n")


def test_a_run_that_failed_fails_again_until_its_call_is_retried(shop: Run, tmp_path: Path) -> None:
    (tmp_path / "buy.rtfs").write_text('(println "looking") (call :shop.stock)')
    closed = shop(*COMMAND)
    assert (closed.returncode, closed.stdout) == (1, "looking\n")
    (tmp_path / "stock").write_text("3")
    still = shop(*COMMAND)
    assert (still.returncode, still.stdout) == (1, "")
    assert "HostError: the shop is closed" in still.stderr
    assert "hint: the run ended with this error before; --retry-call makes the failed call again" in still.stderr
    assert shop("--retry-call", *COMMAND).stdout == "3\n"


def test_another_program_or_other_arguments_are_refused_with_what_differs(shop: Run, tmp_path: Path) -> None:
    shop(*COMMAND)
    other = shop(*COMMAND[:-1], "coffee")
    assert (other.returncode, other.stdout) == (1, "")
    expected = 'the run in \'here\' began with the arguments ["tea"], not ["coffee"]'
    assert f"ReplayMismatch: Replay mismatch: {expected}\n" in other.stderr
    (tmp_path / "buy.rtfs").write_text(BUY.replace("5", "6"))
    changed = shop(*COMMAND)
    assert "the program is not the one that the run in 'here' began with: line 1 was `(println" in changed.stderr
    assert "give another directory, or remove 'here' to start anew" in changed.stderr


def test_a_run_of_a_newer_version_is_refused(shop: Run, tmp_path: Path) -> None:
    shop(*COMMAND)
    with closing(sqlite3.connect(tmp_path / "here" / "run.db", isolation_level=None)) as connection:
        connection.execute("UPDATE run SET value = '2' WHERE name = 'format'")
        connection.execute("UPDATE run SET value = '7.1' WHERE name = 'rtfs'")
    newer = shop(*COMMAND)
    assert newer.returncode == 1
    assert "Durable run: the run in 'here' was written by a newer rtfs, 7.1" in newer.stderr


def test_a_call_that_was_cancelled_is_made_again_and_cleaning_up_is_no_part_of_the_run(
    environment: dict[str, str], rtfs: Run, tmp_path: Path
) -> None:
    (tmp_path / "a.rtfs").write_text(
        '(with-resource [r (call :ccos.echo 1)] (println "sleeping") (call :ccos.system.sleep-ms 400)) (println "done")'
    )
    command = [sys.executable, "-m", "rtfs", "run", "--durable", "here", "a.rtfs"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "sleeping\n"
        while len(answered(tmp_path / "here")) < 2:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    finished = rtfs("run", "--durable", "here", "a.rtfs")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "done\n", "")


def answered(folder: Path) -> list[str]:
    """The calls of a run that have their answer."""
    with closing(sqlite3.connect(folder / "run.db", isolation_level=None)) as connection:
        return [call for (call,) in connection.execute("SELECT call FROM call WHERE state = 'value'")]


STREAM = """
(defn on-reading [state reading metadata]
  (if (:n reading)
    {{:state (-> state (update :count inc) (update :sum + (:n reading))) :output (:n reading)
      :action (if (= (:n reading) 150) :complete :continue)}}
    {{:state state}}))
(def stream (mcp-stream "{server}" on-reading {{:count 0 :sum 0}}
  {{:tool "watch" :args {{:interval_ms 2}} :since-arg "since" :since-path [:n] :reissue true :output-capacity 600}}))
(println "started")
(loop [wanted 1]
  (let [n (call :mcp.stream.next {{:stream stream :timeout-ms 50000}})]
    (assert (= n wanted) (str "expected " wanted ", got " n))
    (if (= n 60) (println "half"))
    (if (< n 120) (recur (inc wanted)))))
(let [end (call :mcp.stream.await stream)] (println (:status end) (:state end)))
"""


def test_streams_of_a_killed_run_go_on_where_they_were(environment: dict[str, str], rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "a.rtfs").write_text(STREAM.format(server=SERVER))
    words = ["run", "--allow-all", "--durable", "here", "a.rtfs"]
    command = [sys.executable, "-m", "rtfs", *words]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["started\n", "half\n"]
        while not any("half" in call for call in answered(tmp_path / "here")):
            assert process.poll() is None
        process.kill()
    finished = rtfs(*words)
    assert (finished.returncode, finished.stdout) == (0, ":completed {:count 150 :sum 11325}\n"), finished.stderr


def test_a_tape_replays_without_any_capability(shop: Run, rtfs: Run, tmp_path: Path) -> None:
    recorded = shop("--allow", "shop.*", "--record", "t.tape", "buy.rtfs", "tea")
    assert recorded.stdout == "buying tea\npaid\n[500]\n"
    assert stat.S_IMODE((tmp_path / "t.tape").stat().st_mode) == 0o600
    replayed = rtfs("run", "--replay", "t.tape")
    assert (replayed.returncode, replayed.stdout, replayed.stderr) == (0, "[500]\n", "")
    assert payments(tmp_path) == ["5"]
    (tmp_path / "buy.rtfs").write_text(BUY.replace("[cents]", "(inc cents)"))
    assert rtfs("run", "--replay", "t.tape", "buy.rtfs").stdout == "501\n"
    (tmp_path / "buy.rtfs").write_text(BUY.replace("5", "6"))
    other = rtfs("run", "--replay", "t.tape", "buy.rtfs")
    assert (other.returncode, other.stdout) == (1, "")
    expected = "Replay mismatch: recorded (call :shop.pay 5), but the program made (call :shop.pay 6)"
    assert f"ReplayMismatch: {expected}\n" in other.stderr
    longer = rtfs("run", "--replay", "t.tape", "-e", f"{BUY} (call :shop.stock)", "tea")
    assert "Replay mismatch: recorded its end, but the program made (call :shop.stock)" in longer.stderr


def test_a_run_that_fails_is_recorded_too(rtfs: Run, tmp_path: Path) -> None:
    failed = rtfs("run", "--record", "t.tape", "-e", "(println 1) (/ 1 0)")
    replayed = rtfs("run", "--replay", "t.tape")
    assert (failed.returncode, replayed.returncode) == (1, 1)
    assert failed.stderr == replayed.stderr
    assert replayed.stdout == ""


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--retry-call", "-e", "1"), "--retry-call is about a run with --durable"),
        (("--skip-call", "1", "-e", "1"), "--skip-call is about a run with --durable"),
        (
            ("--durable", "d", "--retry-call", "--skip-call", "1", "-e", "1"),
            "--retry-call and --skip-call exclude",
        ),
        (("--durable", "d", "--record", "t", "-e", "1"), "--durable and --record exclude each other"),
        ((), "give a FILE to run"),
    ],
)
def test_options_that_do_not_go_together_are_usage_errors(rtfs: Run, words: tuple[str, ...], problem: str) -> None:
    refused = rtfs("run", *words)
    assert refused.returncode == 2
    assert problem in refused.stderr


def test_a_tape_that_is_none_is_said_so(rtfs: Run, tmp_path: Path) -> None:
    assert "cannot read nothing: No such file" in rtfs("run", "--replay", "nothing").stderr
    (tmp_path / "t").write_text("{}")
    assert "cannot restore: these bytes are no recording of rtfs" in rtfs("run", "--replay", "t").stderr
