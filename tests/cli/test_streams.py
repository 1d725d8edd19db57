"""Runs with streams: live lines on a terminal, silence in a pipe, one clear message for each way to fail."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER = f"{sys.executable} {ROOT / 'examples' / 'servers' / 'weather.py'}"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def program(processor: str, *, server: str = SERVER, options: str = '{:tool "watch" :args {:limit 20}}') -> str:
    """A program that streams readings through a processor and prints how the stream ended."""
    return f"""
(defn on-reading [state reading metadata]
  {processor})
(def stream (mcp-stream "stdio:{server}" on-reading {{:n 0}} {options}))
(let [end (call :mcp.stream.await stream)]
  (println (:status end) (:state end)))
"""


COUNT = "{:state (assoc state :n (inc (:n state)))}"


# ---- what is shown


def test_in_a_pipe_nothing_extra_is_shown(rtfs: Run) -> None:
    done = rtfs("run", "--allow-all", "-e", program(COUNT))
    assert (done.stdout, done.stderr, done.returncode) == (":completed {:n 21}\n", "", 0)


def test_on_a_terminal_a_live_line_shows_each_stream(environment: dict[str, str], tmp_path: Path) -> None:
    text = program(COUNT, options='{:name "hall" :tool "watch" :args {:limit 60 :interval_ms 10}}')
    command = [sys.executable, "-m", "rtfs", "run", "--allow-all", "-e", f'{text} (println "bye")']
    shown = on_terminal(command, environment, tmp_path)
    assert re.search(r"hall \d+ in · \d+ out · [\d.]+/s · queue \d+/32 · open", shown)
    assert re.search(r"hall 61 in · 0 out · completed", shown)
    assert re.search(r"^:completed \{:n 61\}\s*$", shown, re.MULTILINE)
    assert re.search(r"^bye\s*$", shown, re.MULTILINE)


def test_progress_can_be_switched_off_on_a_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rtfs", "run", "--allow-all", "--progress", "off", "-e", program(COUNT)]
    assert on_terminal(command, environment, tmp_path) == ":completed {:n 21}\n\n"


def on_terminal(command: list[str], environment: dict[str, str], folder: Path) -> str:
    """What a terminal of 100 columns is sent, without its control sequences."""
    parent, child = pty.openpty()
    environment = {**environment, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=environment, cwd=folder) as process:
        os.close(child)
        chunks = []
        while True:
            try:
                chunk = os.read(parent, 65536)
            except OSError:  # the terminal's other end was closed: the process ended
                break
            chunks.append(chunk)
        os.close(parent)
        assert process.wait(60) == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(chunks).decode()).replace("\r", "\n")


def test_progress_as_json_goes_to_standard_error(rtfs: Run) -> None:
    done = rtfs("run", "--allow-all", "--progress", "json", "-e", program(COUNT))
    assert done.stdout == ":completed {:n 21}\n"
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["in"], last["status"]) == (21, "completed")


def test_the_run_stays_until_its_streams_have_ended(rtfs: Run) -> None:
    text = program(COUNT, options='{:tool "watch" :args {:limit 5}}').partition("(let [end")[0]
    done = rtfs("run", "--allow-all", "--progress", "json", "-e", f'{text} (println "program ended")')
    assert done.stdout == "program ended\n"
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["in"], last["status"], done.returncode) == (6, "completed", 0)


def test_an_unconnected_stream_is_named_and_not_waited_for(rtfs: Run) -> None:
    text = '(defn f [state chunk] state) (mcp-stream "somewhere.else" f {} {:stream-id "lonely"}) (println "ended")'
    done = rtfs("run", "--allow-all", "-e", text)
    assert (done.stdout, done.returncode) == ("ended\n", 0)
    assert done.stderr == "warning: stream lonely is connected to nothing: not waiting for it\n"


def test_a_stream_that_stays_paused_is_named_while_it_is_waited_for(rtfs: Run) -> None:
    text = """(call :stream.map (range 10) inc
                {:stream-id "held" :on-chunk (fn [n] (if (= n 3) (call :stream.pause "held")))})
              (call :stream.periodic 20 {:limit 100 :on-value (fn [n] (call :stream.resume "held"))})"""
    done = rtfs("run", "--allow-all", "--quiet", "-e", text)
    told = "warning: stream held is paused, and the run waits for it: `rtfs stream resume held` lets it go on\n"
    assert (done.stderr, done.returncode) == (told, 0)


def test_a_stream_that_goes_on_from_the_store_is_not_called_paused(environment: dict[str, str], tmp_path: Path) -> None:
    text = '(call :stream.batch (call :stream.periodic 1) 5 {:stream-id "s" :on-batch (fn [items] (println "batch"))})'
    command = [sys.executable, "-m", "rtfs", "run", "--allow-all", "--quiet", "--state", "kept", "-e", text]
    around = {**environment, "PYTHONUNBUFFERED": "1"}
    for _ in range(2):
        with subprocess.Popen(
            command, cwd=tmp_path, env=around, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as run:
            assert run.stdout is not None
            assert [run.stdout.readline() for _ in range(50)] == ["batch\n"] * 50
            run.kill()
            told = run.communicate()[1]
    assert told == ""


# ---- what goes wrong


def one_error(done: subprocess.CompletedProcess[str]) -> str:
    """The headline of the only thing that a run reports."""
    headline, *rest = done.stderr.splitlines()
    assert "Traceback" not in done.stderr and not [line for line in rest if line[:1] not in " 0123456789"], done.stderr
    return headline


def test_streaming_is_refused_without_permission(rtfs: Run) -> None:
    done = rtfs("-e", program(COUNT))
    assert one_error(done).startswith("error[RTFS-E503] SecurityViolation: ")
    assert done.returncode == 3


@pytest.mark.parametrize("server", ["/no/such/program", f"{sys.executable} -c pass", "false"])
def test_a_server_that_does_not_start_is_one_clear_error(rtfs: Run, server: str) -> None:
    options = '{:tool "watch" :retry {:max-attempts 1 :base-ms 1}}'
    done = rtfs("run", "--allow-all", "-e", program(COUNT, server=server, options=options))
    assert one_error(done).startswith("error[RTFS-S0")
    assert done.returncode == 1


DYING = """
import os, sys
sys.path.insert(0, sys.argv[1])
import weather
server = weather.build(0)
from mcp.server.mcpserver import Context
@server.tool()
async def die(ctx: Context) -> str:
    for n in range(1, 6):
        await ctx.report_progress(n, 100, '{"n": %d}' % n)
    os._exit(7)
server.run()
"""


def test_a_server_that_dies_ends_the_stream_with_one_error_and_the_state_saved(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    server = f"{sys.executable} {tmp_path / 'dying.py'} {ROOT / 'examples' / 'servers'}"
    options = '{:stream-id "s" :tool "die" :retry {:max-attempts 1 :base-ms 1}}'
    done = rtfs("run", "--allow-all", "--state", "kept", "-e", program(COUNT, server=server, options=options))
    assert one_error(done).startswith("error[RTFS-S023]")
    assert re.fullmatch(r":error \{:n [1-5]\}\n", done.stdout)  # the pipe may die with notes in it
    assert done.returncode == 1


def test_a_lost_connection_that_is_tried_again_is_told(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    server = f"{sys.executable} {tmp_path / 'dying.py'} {ROOT / 'examples' / 'servers'}"
    options = '{:stream-id "s" :tool "die" :reissue true :retry {:max-attempts 2 :base-ms 1}}'
    done = rtfs("run", "--allow-all", "-e", program(COUNT, server=server, options=options))
    warning, error = done.stderr.splitlines()
    lost = "Connection closed|the server closed the connection"  # whoever notices first
    assert re.fullmatch(rf"warning: stream s: retrying \(problem: (?:{lost}), wait ms: \d+\)", warning)
    assert error.startswith("error[RTFS-S023] StreamError: ")


def test_servers_can_be_named_in_a_configuration_file(rtfs: Run, tmp_path: Path) -> None:
    command, *arguments = SERVER.split()
    servers = {"mcpServers": {"hall": {"command": command, "args": arguments}}}
    (tmp_path / "servers.json").write_text(json.dumps(servers))
    text = '(defn f [n reading] {:state (inc n)}) (def s (mcp-stream "hall/watch" f 0 {:args {:limit 3}}))'
    words = ("run", "--allow-all", "--mcp-config", "servers.json", "-e", f"{text} (:state (call :mcp.stream.await s))")
    done = rtfs(*words)
    assert (done.stdout, done.stderr, done.returncode) == ("4\n", "", 0)


def test_a_processor_that_gives_nonsense_is_one_clear_error(rtfs: Run) -> None:
    done = rtfs("run", "--allow-all", "-e", program("42"))
    assert one_error(done).startswith("error[RTFS-S011]")
    assert (done.stdout, done.returncode) == (":error {:n 0}\n", 1)


def test_a_processor_that_raises_is_shown_with_its_expression(rtfs: Run) -> None:
    raising = "(if (= 3 (:n state)) (+ 1 (:time reading)) {:state {:n (inc (:n state))}})"
    done = rtfs("run", "--allow-all", "-e", program(raising))
    assert "expected number, got string" in one_error(done)
    assert "(+ 1 (:time reading))" in done.stderr
    assert (done.stdout, done.returncode) == (":error {:n 3}\n", 1)


def test_a_processor_that_calls_the_host_is_refused(rtfs: Run) -> None:
    done = rtfs("run", "--allow-all", "-e", program('(println "no")'))
    assert one_error(done).startswith("error[RTFS-S017]")
    assert (done.stdout, done.returncode) == (":error {:n 0}\n", 1)
