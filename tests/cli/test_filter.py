"""`rtfs -I EXPR` as a filter in a pipe."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

Run = Any


@pytest.fixture
def started(environment: dict[str, str]) -> Any:
    def start(*words: str) -> Any:
        command = [sys.executable, "-m", "rtfs", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)

    return start


@pytest.mark.parametrize(
    ("words", "given", "printed"),
    [
        (("-I", "#(str % 1)"), "a\nb\n", "a1\nb1\n"),
        (("-I", "string-upper"), "a\nb", "A\nB\n"),
        (("-I", '(when (!= % "a") %)'), "a\nb\na\nc\n", "b\nc\n"),
        (("-I", "(defn twice [x] [x x]) twice"), "a\n", '["a" "a"]\n'),
        (("-I", "(= % (first args))", "b"), "a\nb\n", "false\ntrue\n"),
        (("-I", "#(str % 1)"), "", ""),
        (("-I", "count"), "\n\r\nü\r\n", "0\n0\n1\n"),
        (("-I", '(println "said" %)'), "a\n", "said a\n"),
        (("-I", ":a", "--jsonl"), '{"a": [1, null]}\n\n{"a": null}\n{"a": "x"}\n', '[1,null]\n"x"\n'),
        (("run", "-q", "-I", "(assoc % :n 1)", "--jsonl"), '{"a": true}\n', '{"a":true,"n":1}\n'),
    ],
)
def test_each_line_goes_through_the_function_and_nil_prints_nothing(
    rtfs: Run, words: tuple[str, ...], given: str, printed: str
) -> None:
    done = rtfs(*words, stdin=given)
    assert (done.stdout, done.stderr, done.returncode) == (printed, "", 0)


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("-I", "5"), "error: -I takes a function or an expression with %, got 5\n", 2),
        (("-I", "(+ % 1)"), "error[RTFS-E403]", 1),
        (("-I", "(+ %"), "error[RTFS-E102]", 1),
        (("-I", "read-file"), "error[RTFS-E503]", 3),
        (("run", "--limit", "steps=1000", "-I", "(loop [] (recur %))"), "error[RTFS-E3", 1),
        (("run", "--limit", "time=100ms", "-I", "(do % (loop [] (recur)))"), "error[RTFS-E702]", 4),
        (("-I", "%", "--jsonl"), "error[RTFS-E411] JsonError: ", 1),
        (("-I", "%", "-e", "1"), "Usage: ", 2),
        (("-e", "1", "--jsonl"), "Usage: ", 2),
        (("run", "-I", "%", "--durable", "d"), "Usage: ", 2),
    ],
)
def test_what_goes_wrong_ends_the_filter(rtfs: Run, words: tuple[str, ...], said: str, code: int) -> None:
    done = rtfs(*words, stdin="x\ny\n")
    assert done.stderr.startswith(said), done.stderr
    assert (done.stdout, done.returncode) == ("", code)


def test_an_error_names_the_line_and_what_came_before_it_is_out(rtfs: Run) -> None:
    done = rtfs("-I", "(+ 1 (parse-int %))", stdin="1\n2\nx\n4\n")
    assert (done.stdout, done.returncode) == ("2\n3\n", 1)
    assert done.stderr.splitlines()[-1] == "  = input: line 3"
    data = json.loads(rtfs("run", "--json", "-I", "(+ 1 (parse-int %))", stdin="x\n").stderr)
    assert data["notes"][-1] == "input: line 1"


def test_a_line_is_answered_before_the_next_one_comes(started: Any) -> None:
    with started("-I", "#(str % %)") as process:
        for line in (b"a", b"b"):
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == line + line + b"\n"
        process.stdin.close()
        assert (process.stdout.read(), process.stderr.read(), process.wait(60)) == (b"", b"", 0)


def test_bytes_that_are_no_text_harm_nothing(started: Any) -> None:
    with started("-I", "%") as process:
        said, errors = process.communicate(b"\x00\xff\xfe\na\x80\r\n" + bytes(range(256)).replace(b"\n", b""), 60)
    assert said.splitlines()[:2] == [b"\x00\\xff\\xfe", b"a\\x80"]
    assert (errors, process.returncode) == (b"", 0)


def test_a_reader_that_goes_away_ends_the_filter_in_silence(started: Any) -> None:
    with started("-I", "%") as process:
        process.stdin.write(b"a\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"a\n"
        process.stdout.close()
        process.stdin.write(b"b\n")
        process.stdin.flush()
        assert (process.stderr.read(), process.wait(60)) == (b"", 141)


def test_ctrl_c_while_it_waits_ends_with_130(started: Any) -> None:
    with started("-I", "%") as process:
        process.stdin.write(b"a\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"a\n"
        process.send_signal(signal.SIGINT)
        assert (process.stderr.read(), process.wait(60)) == (b"interrupted\n", 130)


def test_a_line_without_end_does_not_fill_the_memory(started: Any) -> None:
    with started("-I", "%") as process:
        try:
            for _ in range(40):
                process.stdin.write(b"x" * (1 << 19))
        except BrokenPipeError:
            pass
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert b"a line of standard input is longer than 16777216 bytes" in process.stderr.read()
        assert process.wait(60) == 1
