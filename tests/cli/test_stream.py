"""`rtfs stream` against processes that really run, state directories they left, and peers that mean no good."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtfs.cli.reach import Unreachable, peers
from rtfs.host.stream import rendezvous

Run = Callable[..., "subprocess.CompletedProcess[str]"]
ROOM = """
(defn total [sum n] {:state (+ sum n) :output (* n n)})
(def room (call :mcp.stream.start {:endpoint "room" :processor total :initial-state 0 :stream-id "room-1"}))
(dotimes [n 5] (call :mcp.stream.send {:stream room :chunk n :ack :processed}))
(println "ready")
(println (:status (call :mcp.stream.await room)))
"""


@pytest.fixture
def environment(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """With a runtime folder of the test's own, which the process of the tests sees too."""
    return {**environment, "XDG_RUNTIME_DIR": str(tmp_path_factory.mktemp("run"))}


@pytest.fixture
def sockets(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", environment["XDG_RUNTIME_DIR"])
    return rendezvous.folder()


class Host:
    """A running `rtfs run` that has said that it is ready."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    @property
    def pid(self) -> int:
        return self.process.pid

    def ended(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@pytest.fixture
def host(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """`host(*options, text=…)` starts a script in the test's folder; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str, text: str = ROOM) -> Host:
        command = [sys.executable, "-m", "rtfs", "run", "--allow-all", *options, "-e", text]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
        )
        started.append(process)
        return Host(process)

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


# ---- a running host


def test_ls_shows_the_streams_of_running_hosts(host: Callable[..., Host], rtfs: Run) -> None:
    one = host()
    done = rtfs("stream", "ls")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["STREAM", "STATUS", "DONE", "OUT", "QUEUE", "ENDPOINT", "HOST"],
        ["room-1", "active", "5", "5", "0", "room", "process", str(one.pid)],
    ]
    (row,) = [json.loads(line) for line in rtfs("stream", "ls", "--json").stdout.splitlines()]
    assert (row["stream-id"], row["status"], row["processed"], row["pid"]) == ("room-1", "active", 5, one.pid)


def test_info_shows_the_map_of_inspect_by_the_beginning_of_an_id(host: Callable[..., Host], rtfs: Run) -> None:
    host()
    done = rtfs("stream", "info", "room", "--json")
    seen = json.loads(done.stdout)
    assert (seen["stream-id"], seen["state"], seen["stats"]["processed"], seen["blocked-on"]) == ("room-1", 10, 5, None)
    page = rtfs("stream", "info", "room-1").stdout
    assert "\nstate                  10\n" in page
    assert "\n  processed            5\n" in page


def test_graph_draws_a_running_stream_with_its_counters(host: Callable[..., Host], rtfs: Run) -> None:
    host()
    assert rtfs("stream", "graph", "room").stdout == (
        'flowchart LR\n  n0(["room"])\n  n1["total<br/>active in 5 out 5"]\n  n0 --> n1\n'
    )
    assert json.loads(rtfs("stream", "graph", "room-1", "--format", "json").stdout)["edges"] == [
        {"from": "n0", "to": "n1"}
    ]
    assert rtfs("stream", "graph", "nobody").returncode == 1


def test_tail_prints_kept_outputs_and_follows_until_the_stream_ends(
    host: Callable[..., Host], rtfs: Run, environment: dict[str, str]
) -> None:
    text = ROOM.replace(
        '(println "ready")',
        '(println "ready") (call :mcp.stream.await {:stream room :status :paused})'
        "(call :mcp.stream.resume room) (call :mcp.stream.send {:stream room :chunk 9 :ack :processed})"
        "(call :mcp.stream.stop {:stream room :drain true})",
    )
    one = host(text=text)
    assert rtfs("stream", "tail", "room-1", "-n", "2", "--no-follow").stdout == "9\n16\n"
    command = [sys.executable, "-m", "rtfs", "stream", "tail", "room-1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as tail:
        assert tail.stdout is not None
        lines = [json.loads(tail.stdout.readline()) for _ in range(5)]
        assert [line["value"] for line in lines] == [0, 1, 4, 9, 16]
        assert rtfs("stream", "pause", "room-1").returncode == 0
        assert [json.loads(line)["value"] for line in tail.stdout] == [81]
        assert tail.wait(60) == 0
    assert one.ended()[0] == 0


def test_a_stream_is_paused_resumed_and_stopped_from_outside(host: Callable[..., Host], rtfs: Run) -> None:
    one = host()
    assert rtfs("stream", "pause", "room-1", "--reason", "tea – 4 o'clock").stdout == "room-1 is paused\n"
    assert json.loads(rtfs("stream", "info", "room-1", "--json").stdout)["reason"] == "tea – 4 o'clock"
    assert rtfs("stream", "pause", "room-1").stdout == "room-1 is paused already\n"
    changed = json.loads(rtfs("stream", "resume", "room-1", "--json").stdout)
    assert changed == {"stream-id": "room-1", "status": "active", "changed": True}
    assert rtfs("stream", "stop", "room-1", "--drain").stdout == "room-1 is stopped\n"
    assert one.ended() == (0, ":stopped\n", "")


def test_cancel_ends_the_stream_and_the_script_goes_on(host: Callable[..., Host], rtfs: Run) -> None:
    one = host()
    assert rtfs("stream", "cancel", "room-1").stdout == "room-1 is cancelled\n"
    assert one.ended() == (0, ":cancelled\n", "")


@pytest.mark.parametrize("words", [("info", "hall"), ("pause", "hall"), ("tail", "hall"), ("cancel", "")])
def test_a_stream_that_nobody_has_is_one_line_and_exit_code_1(
    host: Callable[..., Host], rtfs: Run, words: tuple[str, str]
) -> None:
    host()
    done = rtfs("stream", *words)
    message = f"Error: no running host has a stream {words[1]}; name a state directory with --state DIR\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", message)


def test_the_beginning_of_several_ids_names_none_of_them(host: Callable[..., Host], rtfs: Run) -> None:
    host(text=ROOM.replace('(println "ready")', """
      (call :mcp.stream.start {:endpoint "room" :stream-id "room-2"}) (println "ready")"""))  # fmt: skip
    assert rtfs("stream", "cancel", "room-").returncode == 1
    assert rtfs("stream", "cancel", "room-1").returncode == 0


def test_hosts_are_told_apart_by_process_and_state_directory(
    host: Callable[..., Host], rtfs: Run, tmp_path: Path
) -> None:
    one, other = host(), host("--state", str(tmp_path / "state"), text=ROOM.replace("room-1", "hall-1"))
    assert "hall-1" not in rtfs("stream", "ls", "--pid", str(one.pid)).stdout
    assert "room-1" not in rtfs("stream", "ls", "--state", str(tmp_path / "state")).stdout
    assert rtfs("stream", "pause", "hall", "--state", str(tmp_path / "state")).stdout == "hall-1 is paused\n"
    assert str(other.pid) in rtfs("stream", "ls", "--state", str(tmp_path / "state")).stdout
    done = rtfs("stream", "ls", "--pid", "1")
    assert done.stdout == "" and done.returncode == 0


def test_a_run_can_keep_to_itself(host: Callable[..., Host], rtfs: Run) -> None:
    host("--no-control")
    done = rtfs("stream", "ls")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no running host has streams\n")


def test_a_script_without_streams_makes_no_socket_and_imports_nothing_for_it(rtfs: Run, sockets: Path) -> None:
    done = rtfs("run", "-e", "(println 1)", PYTHONPROFILEIMPORTTIME="1")
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert not sockets.exists()
    assert "rtfs.cli.script" in done.stderr
    assert not re.search(r"rtfs\.host\.stream|asyncio|prometheus|opentelemetry", done.stderr)


def test_the_socket_is_gone_when_the_run_has_ended(host: Callable[..., Host], rtfs: Run, sockets: Path) -> None:
    one = host()
    assert len(list(sockets.iterdir())) == 1
    assert sockets.stat().st_mode & 0o777 == 0o700
    rtfs("stream", "cancel", "room-1")
    one.ended()
    assert list(sockets.iterdir()) == []


def test_what_a_killed_host_left_is_removed(host: Callable[..., Host], rtfs: Run, sockets: Path) -> None:
    one = host()
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    assert len(list(sockets.iterdir())) == 1
    assert rtfs("stream", "ls").stderr == "no running host has streams\n"
    assert list(sockets.iterdir()) == []


def test_a_host_that_is_stopped_is_named_and_not_waited_for(host: Callable[..., Host], rtfs: Run) -> None:
    one = host()
    one.process.send_signal(signal.SIGSTOP)
    try:
        done = rtfs("stream", "ls")
    finally:
        one.process.send_signal(signal.SIGCONT)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith(f"process {one.pid} does not answer: it is busy, or stopped\n")


# ---- those who mean no good


def test_a_folder_of_somebody_else_or_open_to_others_is_not_used(rtfs: Run, sockets: Path) -> None:
    sockets.mkdir(mode=0o700)
    sockets.chmod(0o777)
    done = rtfs("run", "--allow-all", "-e", '(call :mcp.stream.start {:endpoint "x" :stream-id "x"}) nil')
    warning = f"warning: `rtfs stream` cannot reach this run: {sockets} is open to others (chmod 700 {sockets})\n"
    assert (done.returncode, done.stderr.splitlines(True)[0]) == (0, warning)
    assert list(sockets.iterdir()) == []
    done = rtfs("stream", "ls")
    assert (done.returncode, done.stderr) == (1, f"Error: {sockets} is open to others (chmod 700 {sockets})\n")
    with pytest.raises(Unreachable):
        peers()


def test_a_link_in_place_of_the_folder_is_not_followed(sockets: Path, tmp_path: Path) -> None:
    (tmp_path / "trap").mkdir(mode=0o700)
    sockets.symlink_to(tmp_path / "trap")
    with pytest.raises(rendezvous.Unsafe, match="is no folder"):
        rendezvous.prepared(sockets)


NONSENSE = [b"", b"\n", b"GET / HTTP/1.1\r\n\r\n", b"[]\n", b"5\n", b'{"do": 5}\n', b'{"do": "pause"}\n',
            b'{"do": "tail", "stream": "room-1", "last": -1}\n', b'{"do": "info", "stream": ["room-1"]}\n',
            b"x" * 200_000, b"\xff\xfe\n", b"[" * 60_000 + b"\n",
            b'{"do": "__init__", "stream": "room-1"}\n']  # fmt: skip


def test_nonsense_gets_no_answer_and_harms_nothing(host: Callable[..., Host], rtfs: Run, sockets: Path) -> None:
    one = host()
    (path,) = sockets.iterdir()
    for request in NONSENSE:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(20)
            peer.connect(str(path))
            try:
                peer.sendall(request)
                peer.shutdown(socket.SHUT_WR)
                assert peer.recv(100) == b""
            except (BrokenPipeError, ConnectionResetError):
                pass  # it would not even read to the end
    assert rtfs("stream", "stop", "room-1").returncode == 0
    assert one.ended() == (0, ":stopped\n", "")


def test_peers_that_say_nothing_do_not_lock_others_out_for_long(
    host: Callable[..., Host], sockets: Path, rtfs: Run
) -> None:
    one = host()
    (path,) = sockets.iterdir()
    silent = []
    for _ in range(40):
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(20)
        peer.connect(str(path))
        silent.append(peer)
    silent[-1].sendall(b'{"do": "hello"}\n')
    try:
        assert silent[-1].recv(1000) == b""  # too many at once: refused, not kept waiting
    except ConnectionResetError:
        pass
    for peer in silent:
        peer.close()
    assert rtfs("stream", "cancel", "room-1").returncode == 0
    assert one.ended()[0] == 0


def test_a_tail_that_reads_nothing_does_not_hold_the_stream(host: Callable[..., Host], sockets: Path) -> None:
    text = """(defn big [s n] {:state n :output (str/repeat "x" 10000)})
      (def room (call :mcp.stream.start {:endpoint "room" :processor big :stream-id "room-1" :initial-state 0}))
      (println "ready")
      (call :mcp.stream.await {:stream room :status :paused})
      (call :mcp.stream.resume room)
      (dotimes [n 2000] (call :mcp.stream.send {:stream room :chunk n :ack :processed}))
      (println (:state (call :mcp.stream.inspect room)))
      (call :mcp.stream.stop room)
      nil"""
    one = host(text=text.replace("str/repeat", "string/repeat"))
    (path,) = sockets.iterdir()
    with socket.socket(socket.AF_UNIX) as peer, socket.socket(socket.AF_UNIX) as commander:
        peer.connect(str(path))
        peer.sendall(b'{"do": "tail", "stream": "room-1", "last": 0, "follow": true}\n')
        commander.connect(str(path))
        commander.sendall(b'{"do": "pause", "stream": "room-1"}\n')
        code, out, err = one.ended()
    assert (code, out, err) == (0, "1999\n", "")


# ---- a state directory that nobody runs


def left_behind(host: Callable[..., Host], state: Path) -> None:
    one = host("--state", str(state), text=ROOM.replace(":processed", ":durable"))
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()


def test_stored_streams_are_listed_and_shown_without_a_host(
    host: Callable[..., Host], rtfs: Run, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    left_behind(host, state)
    before = sorted(path.name for path in state.iterdir())
    done = rtfs("stream", "ls", "--state", str(state))
    assert done.stdout.splitlines()[1].split() == ["room-1", "active", "5", "5", "0", "room", "stored"]
    seen = json.loads(rtfs("stream", "info", "room-1", "--state", str(state), "--json").stdout)
    assert (seen["status"], seen["state"], seen["stats"]["processed"]) == ("active", 10, 5)
    assert sorted(path.name for path in state.iterdir() if not path.name.endswith("-shm")) == [
        name for name in before if not name.endswith("-shm")
    ]


def test_a_stored_stream_is_paused_and_is_so_when_it_is_started_again(
    host: Callable[..., Host], rtfs: Run, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    left_behind(host, state)
    words = ("room-1", "--state", str(state))
    assert rtfs("stream", "pause", *words, "--reason", "tea").stdout == "room-1 is paused\n"
    assert rtfs("stream", "pause", *words).stdout == "room-1 is paused already\n"
    again = ROOM.partition("(dotimes")[0] + "(println (:status room) (:reason (call :mcp.stream.inspect room)))"
    done = rtfs("run", "--allow-all", "--state", str(state), "-e", again)
    assert done.stdout.splitlines()[0] == ":paused tea"
    assert rtfs("stream", "resume", *words).stdout == "room-1 is active\n"
    assert rtfs("stream", "cancel", *words).stdout == "room-1 is cancelled\n"
    assert rtfs("stream", "resume", *words).stdout == "room-1 is cancelled already\n"
    seen = json.loads(rtfs("stream", "info", *words, "--json").stdout)
    assert (seen["status"], seen["state"], seen["transitions"]) == ("cancelled", 10, 3)


def test_what_needs_the_running_stream_is_refused_for_a_stored_one(
    host: Callable[..., Host], rtfs: Run, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    left_behind(host, state)
    for words, reason in [
        (("stop", "--drain"), "room-1 does not run: only a running stream can process what is queued"),
        (("tail",), "room-1 does not run, and outputs are kept by running streams only"),
    ]:
        done = rtfs("stream", *words, "room-1", "--state", str(state))
        assert (done.returncode, done.stderr) == (1, f"Error: {reason}\n")
    done = rtfs("stream", "pause", "hall", "--state", str(state))
    assert (done.returncode, done.stderr) == (1, "Error: [RTFS-S005] No stream with id: hall\n")
    done = rtfs("stream", "ls", "--state", str(tmp_path / "nowhere"))
    assert (done.returncode, done.stderr) == (1, f"Error: {tmp_path / 'nowhere'} holds no streams\n")


def test_the_store_of_a_host_that_cannot_be_reached_is_not_changed(
    host: Callable[..., Host], rtfs: Run, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    host("--state", str(state), "--no-control")
    assert "room-1" in rtfs("stream", "ls", "--state", str(state)).stdout
    done = rtfs("stream", "cancel", "room-1", "--state", str(state))
    assert (done.returncode, done.stderr) == (1, f"Error: {state} is in use by a process that cannot be reached\n")


# ---- metrics


def metrics_of(line: str) -> str:
    (url,) = re.findall(r"^note: metrics are at (http://127\.0\.0\.1:\d+/metrics)$", line.strip())
    with urllib.request.urlopen(url, timeout=20) as answer:
        text: str = answer.read().decode()
    return text


def test_a_run_offers_metrics_at_a_port_of_loopback(host: Callable[..., Host], rtfs: Run) -> None:
    one = host("--metrics", "0")
    assert one.process.stderr is not None
    assert 'rtfs_stream_chunks_processed_total{action="continue",stream="mcp"} 5.0' in metrics_of(
        one.process.stderr.readline()
    )
    rtfs("stream", "stop", "room-1")
    assert one.ended() == (0, ":stopped\n", "")


def test_the_project_file_switches_metrics_on(rtfs: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "rtfs.toml").write_text(f'[metrics]\nlisten = "127.0.0.1:{port}"\n')
        (tmp_path / "room.rtfs").write_text(
            '(call :mcp.stream.start {:endpoint "r" :stream-id "r" :detached true}) nil'
        )
        done = rtfs("run", "--allow-all", "room.rtfs")
        assert done.stderr.startswith(f"warning: no metrics at 127.0.0.1:{port}: ")  # somebody else is there already
    (tmp_path / "rtfs.toml").write_text("[metrics]\nport = 1\n")
    done = rtfs("run", "--allow-all", "room.rtfs")
    assert (done.returncode, "[metrics] has listen, an address" in done.stderr) == (2, True)


def test_an_address_that_is_none_is_a_usage_error(rtfs: Run) -> None:
    done = rtfs("run", "--metrics", "nowhere", "-e", "(println 1)")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--metrics: an address looks like 127.0.0.1:9464, got 'nowhere'" in done.stderr


# ---- try

SCRIPT = """(defn total [sum c]
  (cond (= (:n c) 3) 42
        (= (:n c) 4) {:action :pause}
        :else {:state (+ sum (:n c)) :output (* 2 (:n c))}))
(def first-one (mcp-stream "hall.x" (fn [s c] {:state (:n c)}) nil {:name "hall"}))
(def stream (mcp-stream "stdio:/no/such/program" total 0 {:tool "watch" %s}))
(println "not reached")
"""


def sample(folder: Path, *numbers: int) -> str:
    path = folder / "chunks.jsonl"
    path.write_text("\n".join(json.dumps({"n": n}) for n in numbers) + "\n\n")
    return str(path)


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., str]:
    def write(options: str = "") -> str:
        path = tmp_path / "total.rtfs"
        path.write_text(SCRIPT % options)
        return str(path)

    return write


def test_try_shows_state_and_outputs_after_each_chunk_and_an_error_at_its_chunk(
    rtfs: Run, script: Callable[..., str], tmp_path: Path
) -> None:
    chunks = sample(tmp_path, 1, 4, 5, 3, 7)
    done = rtfs("stream", "try", script(), "--sample", chunks, "--stream", "stdio:/no/such/program")
    assert (
        done.stdout
        == """chunk 0  {:n 1}
  output  2
  state   1
chunk 1  {:n 4}
  state   1
  paused
chunk 2  {:n 5}
  output  10
  state   6
chunk 3  {:n 3}
  error   RTFS-S011 Processor 'total' returned invalid shape (expected map), got: 42
  state   6
  error
"""
    )
    assert (done.returncode, done.stderr) == (1, "the stream is error: 1 chunks are left\n")


def test_try_goes_on_after_a_chunk_that_is_skipped_and_says_why(
    rtfs: Run, script: Callable[..., str], tmp_path: Path
) -> None:
    words = ("--sample", sample(tmp_path, 1, 3, 7), "--stream", "stdio:/no/such/program", "--json")
    done = rtfs("stream", "try", script(":on-error :skip"), *words)
    steps: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(step["state"], step["outputs"], step["status"]) for step in steps] == [
        (1, [2], "active"), (1, [], "active"), (8, [14], "active"),
    ]  # fmt: skip
    assert steps[1]["error"]["code"] == "RTFS-S011"
    assert done.returncode == 1


def test_try_takes_the_first_stream_unless_one_is_named(rtfs: Run, script: Callable[..., str], tmp_path: Path) -> None:
    chunks = sample(tmp_path, 8)
    for words in ((), ("--stream", "hall"), ("--stream", "hall.x")):
        done = rtfs("stream", "try", script(), "--sample", chunks, *words)
        assert (done.returncode, done.stdout) == (0, "chunk 0  {:n 8}\n  state   8\n")
    done = rtfs("stream", "try", script(), "--sample", chunks, "--stream", "cellar")
    assert (done.returncode, done.stderr) == (1, f"Error: {script()} starts no stream cellar\n")


def test_try_needs_a_script_that_runs_and_a_sample_of_json(
    rtfs: Run, script: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "bad.jsonl").write_text('{"n": 1}\nnot json\n')
    done = rtfs("stream", "try", script(), "--sample", str(tmp_path / "bad.jsonl"))
    assert done.returncode == 2 and "line 2 of the sample is not JSON" in done.stderr
    done = rtfs("stream", "try", str(tmp_path / "none.rtfs"), "--sample", sample(tmp_path, 1))
    assert done.returncode == 2 and "none.rtfs" in done.stderr
    (tmp_path / "wrong.rtfs").write_text("(undefined-thing)")
    done = rtfs("stream", "try", str(tmp_path / "wrong.rtfs"), "--sample", sample(tmp_path, 1))
    assert done.returncode == 1 and "undefined-thing" in done.stderr and "Traceback" not in done.stderr


def test_try_lets_a_script_do_only_what_it_may(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "reads.rtfs").write_text(f'(call :ccos.io.read-file "{os.devnull}")')
    done = rtfs("stream", "try", "reads.rtfs", "--sample", sample(tmp_path, 1))
    assert done.returncode == 3 and "SecurityViolation" in done.stderr
