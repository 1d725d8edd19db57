"""`rtfs repl` without a terminal: a pipe or a file works as a script."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Run


def test_each_input_of_a_pipe_is_evaluated_and_its_value_printed(rtfs: Run) -> None:
    done = rtfs("repl", stdin='(def x 1)\n(+ x\n 1)\n(println "out")\n[*1 x]')
    assert (done.stdout, done.stderr, done.returncode) == ("1\n2\nout\n[nil 1]\n", "", 0)


def test_a_file_is_read_as_a_pipe_is(environment: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "in.txt"
    script.write_text("(+ 1 2)\n:type 1\n")
    with open(script) as file:
        command = [sys.executable, "-m", "rtfs", "repl"]
        done = subprocess.run(command, stdin=file, capture_output=True, encoding="utf-8", env=environment, timeout=60)
    assert (done.stdout, done.returncode) == ("3\n:int\n", 0)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("(+ 1 nil)", 1, "TypeError"),
        ("(def x", 1, "unterminated list"),
        ('(call :ccos.io.write-file "f" "x")', 3, "SecurityViolation"),
        (":nothing", 2, "no command :nothing"),
        (":load nowhere.rtfs", 1, "nowhere.rtfs: No such file or directory"),
        (":doc", 2, "the name is missing"),
    ],
)
def test_the_first_failure_ends_a_script_with_its_code(rtfs: Run, text: str, code: int, said: str) -> None:
    done = rtfs("repl", stdin=f"1\n{text}\n" + ("" if "(def" in text else "(println :never)\n"))
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert done.stdout.startswith("1\n") and ":never" not in done.stdout


def test_a_limit_ends_a_script_with_4(rtfs: Run) -> None:
    assert rtfs("repl", "--limit", "steps=1000", stdin="(loop [] (recur))\n").returncode == 4


def test_programs_read_the_lines_that_follow_them(rtfs: Run) -> None:
    done = rtfs("repl", stdin='(def name (call :ccos.io.read-line))\nAda\n(str "hello " name)\n')
    assert done.stdout == '"Ada"\n"hello Ada"\n'


def test_an_empty_input_and_the_end_in_the_middle_are_no_failures(rtfs: Run) -> None:
    assert rtfs("repl", stdin="").returncode == 0
    assert rtfs("repl", stdin="\n\n; only a comment\n").stdout == ""


def test_bytes_that_are_no_text_are_an_error(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rtfs", "repl"], input=b'"\xff"\n', capture_output=True, env=environment, timeout=60
    )
    assert done.returncode == 1 and b"not Unicode text" in done.stderr


def test_a_reader_that_went_away_ends_it_quietly(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rtfs", "repl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout is not None and process.stdin is not None and process.stderr is not None
    process.stdout.close()
    process.stdin.write(b"(range 1000)\n" * 10)
    process.stdin.close()
    assert process.wait(60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_files_are_loaded_first(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "a.rtfs").write_text("(def x 41)")
    assert rtfs("repl", "--load", "a.rtfs", stdin="(inc x)\n").stdout == "41\n42\n"


def test_ctrl_c_ends_a_script_with_130(environment: dict[str, str], tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rtfs", "repl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None and process.stdin is not None
    process.stdin.write('(do (println "begun") (loop [] (recur)))\n(println "never")\n')
    process.stdin.flush()
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.read() == "interrupted\n"
    assert process.wait(60) == 130
    process.stdin.close()
    process.stdout.close()


def test_a_very_long_input_of_many_lines(rtfs: Run) -> None:
    text = "(def v [" + "\n".join(str(n) for n in range(20_000)) + "])\n(count v)\n"
    assert rtfs("repl", stdin=text).stdout.endswith("\n20000\n")
