"""`rtfs test` as a user meets it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Any

GOOD = "(deftest adds (is (= 4 (+ 2 2))))\n"
BAD = '(deftest sells (testing "two" (is (= {:left 1 :sold [2 3]} {:left 1 :sold [2 4]}))))\n'


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    def write(**files: str) -> None:
        for name, text in files.items():
            place = tmp_path / f"{name.replace('__', '/')}.rtfs"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)

    return write


def test_tests_that_pass_are_counted(rtfs: Run, write: Any) -> None:
    write(a_test=GOOD, tests__b=GOOD, other=BAD)
    done = rtfs("test")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2 passed in ")


def test_a_failure_tells_the_places_that_differ_and_not_two_walls_of_text(rtfs: Run, write: Any) -> None:
    write(a_test=f'{GOOD}(println "loading")\n{BAD}')
    done = rtfs("test", "a_test.rtfs")
    assert done.returncode == 1
    told = done.stdout.rpartition(" in ")[0]
    assert told == (
        "failed a_test.rtfs:3 sells\n"
        "  error[RTFS-E410] AssertionError: Assertion failed: two: (= {:left 1 :sold [2 3]} {:left 1 :sold [2 4]})\n"
        "   ┌─ a_test.rtfs:3:31\n"
        '  3 │ (deftest sells (testing "two" (is (= {:left 1 :sold [2 3]} {:left 1 :sold [2 4]}))))\n'
        "    │                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "    = in fn, called from a_test.rtfs:3:16\n"
        "    = in sells\n"
        "    = at [:sold 1]: expected 3, got 4\n"
        "1 passed, 1 failed"
    )


def test_what_a_failed_test_printed_is_shown_and_nothing_else(rtfs: Run, write: Any) -> None:
    write(a_test='(deftest a (println "quiet"))\n(deftest b (println "loud") (is false))\n')
    said = rtfs("test").stdout
    assert "  it printed:\n    loud\n" in said
    assert "quiet" not in said


def test_tests_are_chosen_by_name(rtfs: Run, write: Any) -> None:
    write(a_test=GOOD + BAD, b_test=BAD)
    assert rtfs("test", "-k", "adds").stdout.startswith("1 passed in ")
    assert "2 failed" in rtfs("test", "-k", "se*").stdout
    assert "1 failed" in rtfs("test", "-k", "b_test.rtfs:*").stdout
    assert rtfs("test", "--list").stdout == "a_test.rtfs:1 adds\na_test.rtfs:2 sells\nb_test.rtfs:1 sells\n"
    assert rtfs("test", "-x").stdout.count("failed b_test") == 0
    assert rtfs("test", "-v", "-k", "adds").stdout.startswith("passed a_test.rtfs:1 adds (")


def test_json_is_one_object_per_test(rtfs: Run, write: Any) -> None:
    write(a_test=GOOD + BAD)
    done = rtfs("test", "--json")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["file"], first["line"], first["name"], first["outcome"]) == ("a_test.rtfs", 1, "adds", "passed")
    assert second["outcome"] == "failed"
    assert second["error"]["kind"] == "AssertionError"
    assert second["differences"] == [{"path": [":sold", "1"], "expected": "3", "actual": "4"}]
    assert json.loads(rtfs("test", "--list", "--json").stdout.splitlines()[0])["name"] == "adds"


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        (GOOD, (), 0),
        (BAD, (), 1),
        ("(deftest a (", (), 1),
        ("(nonsense)", (), 1),
        ("1 ;=> 2\n", (), 1),
        ("1\n;=> 1\n2\n", (), 1),
        ("(defn f [] 1)", (), 2),
        (GOOD, ("nowhere",), 2),
        (GOOD, ("-k", "nothing"), 2),
        ('(deftest a (read-file "x"))', (), 3),
        ('(deftest a (read-file "x")) (deftest b (is false))', (), 1),
        ("(deftest a (loop [] (recur)))", ("--limit", "steps=1000"), 4),
    ],
)
def test_the_exit_code_says_what_went_wrong(
    rtfs: Run, write: Any, text: str, words: tuple[str, ...], code: int
) -> None:
    write(a_test=text)
    assert rtfs("test", *words).returncode == code


def test_a_file_that_cannot_be_loaded_fails_and_the_others_run(rtfs: Run, write: Any) -> None:
    write(a_test="(deftest a (\n(]", b_test=GOOD)
    done = rtfs("test")
    assert done.returncode == 1
    assert done.stdout.startswith("failed a_test.rtfs:1\n  error[RTFS-E10")
    assert "1 passed, 1 failed" in done.stdout


def test_the_same_flags_as_for_a_run_allow_more(rtfs: Run, write: Any, tmp_path: Path) -> None:
    write(a_test='(deftest a (is (= "here" (read-file "x.txt"))))')
    (tmp_path / "x.txt").write_text("here")
    assert rtfs("test").returncode == 3
    assert rtfs("test", "--allow-read", ".").returncode == 0
    (tmp_path / "rtfs.toml").write_text('[capabilities]\nread = ["."]\n')
    assert rtfs("test").returncode == 0


def test_modules_are_found_beside_a_test_and_above_it(rtfs: Run, write: Any) -> None:
    write(stock="(defn left [n] (- 5 n))", tests__a="(import stock :as s) (deftest a (is (= 3 (s/left 2))))")
    assert rtfs("test").returncode == 0


def test_the_project_file_says_what_test_files_are_called(rtfs: Run, write: Any, tmp_path: Path) -> None:
    write(a_test=BAD, check_a=GOOD)
    (tmp_path / "rtfs.toml").write_text('[test]\nfiles = ["check_*.rtfs"]\n')
    assert rtfs("test").stdout.startswith("1 passed in ")
    (tmp_path / "rtfs.toml").write_text("[test]\nfiles = 5\n")
    done = rtfs("test")
    assert (done.returncode, done.stderr.endswith("[test] has files, a list of globs\n")) == (2, True)


def test_an_imported_test_runs_where_it_is_defined_only(rtfs: Run, write: Any) -> None:
    write(a_test=GOOD, b_test="(import a_test) (deftest mine (is true))")
    assert rtfs("test", "--list").stdout == "a_test.rtfs:1 adds\nb_test.rtfs:1 mine\n"


def test_tests_of_a_module_form_are_found(rtfs: Run, write: Any) -> None:
    write(a_test="(module m (deftest inner (is true)))")
    assert rtfs("test", "--list").stdout == "a_test.rtfs:1 m/inner\n"


def test_cases_tell_what_happened_instead(rtfs: Run, write: Any) -> None:
    write(a_test='(+ 1 1) ;=> 2\n(call :a 1)\n;-> a 1 => 5\n;=> 6\n(+ 1 "x") ;=> !TypeError\n')
    done = rtfs("test")
    assert done.returncode == 1
    assert done.stdout.startswith("failed a_test.rtfs:2 2\n  ended with 5, not 6\n  (call :a 1)\n2 passed, 1 failed")


def test_ctrl_c_ends_with_130(environment: dict[str, str], write: Any, tmp_path: Path) -> None:
    write(a_test='(deftest a (println "x"))', b_test="(deftest b (loop [] (recur)))")
    command = [sys.executable, "-m", "rtfs", "test", "-v"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=tmp_path
    ) as one:
        assert one.stdout is not None
        assert one.stdout.readline().startswith(b"passed a_test.rtfs:1 a")
        one.send_signal(signal.SIGINT)
        said, errors = one.communicate(timeout=60)
    assert (said.startswith(b"1 passed in "), errors, one.returncode) == (True, b"interrupted\n", 130)


@pytest.mark.parametrize(("extra", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_are_for_terminals(
    environment: dict[str, str], write: Any, tmp_path: Path, extra: dict[str, str], colored: bool
) -> None:
    write(a_test=BAD)
    plain = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rtfs", "test"]
    subprocess.run(command, stdout=theirs, env={**plain, "TERM": "xterm", **extra}, cwd=tmp_path, timeout=60)
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert (b"\x1b[1;31mfailed" in said) is colored
    assert b"expected 3, got 4" in said
