"""`rtfs run` as a user meets it: processes, what they print, their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Write a script; its file name, relative to the folder in which `rtfs` runs."""

    def write(text: str, name: str = "script.rtfs") -> str:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        return name

    return write


def result(done: subprocess.CompletedProcess[str]) -> tuple[str, str, int]:
    return done.stdout, done.stderr, done.returncode


# ---- what is printed


@pytest.mark.parametrize("words", [("script.rtfs",), ("run", "script.rtfs")])
def test_a_script_prints_its_last_value(rtfs: Run, script: Callable[..., str], words: tuple[str, ...]) -> None:
    script('(def name "Ada")\n[(str "Hello, " name) :done]\n')
    assert result(rtfs(*words)) == ('["Hello, Ada" :done]\n', "", 0)


def test_nil_is_not_printed(rtfs: Run) -> None:
    assert result(rtfs("-e", '(println "hi")')) == ("hi\n", "", 0)


def test_quiet_prints_only_what_the_program_prints(rtfs: Run) -> None:
    assert result(rtfs("run", "--quiet", "-e", '(do (println "hi") 42)')) == ("hi\n", "", 0)


def test_a_dash_is_standard_input(rtfs: Run) -> None:
    assert result(rtfs("-", stdin="(+ 1 2)")) == ("3\n", "", 0)
    assert result(rtfs("run", "-", "x", stdin="(count args)")) == ("1\n", "", 0)


def test_an_empty_script_prints_nothing(rtfs: Run, script: Callable[..., str]) -> None:
    assert result(rtfs(script("; nothing here\n"))) == ("", "", 0)


def test_a_script_may_start_with_a_byte_order_mark_and_a_shebang(rtfs: Run, script: Callable[..., str]) -> None:
    assert result(rtfs(script("\ufeff#!/usr/bin/env rtfs\n(+ 1 2)\n"))) == ("3\n", "", 0)


def test_arguments_arrive_as_the_vector_args(rtfs: Run, script: Callable[..., str]) -> None:
    script("args")
    assert result(rtfs("script.rtfs", "Ada", "", "ünï code")) == ('["Ada" "" "ünï code"]\n', "", 0)
    assert result(rtfs("run", "--quiet", "script.rtfs", "--", "--loud")) == ("", "", 0)
    assert result(rtfs("run", "script.rtfs", "--", "--loud")) == ('["--loud"]\n', "", 0)
    assert result(rtfs("-e", "args", "a", "b")) == ('["a" "b"]\n', "", 0)


def test_a_script_may_define_args_itself(rtfs: Run) -> None:
    assert result(rtfs("-e", "(def args 1) args", "a")) == ("1\n", "", 0)


def test_modules_come_from_the_folder_of_the_script(rtfs: Run, script: Callable[..., str]) -> None:
    script("(defn area [r] (* 3 r r))", "lib/geo/flat.rtfs")
    script("(import geo.flat :as flat) (flat/area 2)", "lib/main.rtfs")
    assert result(rtfs("lib/main.rtfs")) == ("12\n", "", 0)


def test_modules_come_from_the_search_path(rtfs: Run, script: Callable[..., str], tmp_path: Path) -> None:
    script("(defn area [r] (* 3 r r))", "lib/geo.rtfs")
    assert result(rtfs("-e", "(import geo :only [area]) (area 2)", RTFS_PATH=str(tmp_path / "lib"))) == ("12\n", "", 0)


def test_a_changed_module_is_seen_by_the_next_run(rtfs: Run, script: Callable[..., str]) -> None:
    script("(def x 1)", "m.rtfs")
    script("(import m) m/x")
    assert rtfs("script.rtfs").stdout == "1\n"
    script("(def x 2)", "m.rtfs")
    assert rtfs("script.rtfs").stdout == "2\n"


def test_stored_values_outlive_the_run_with_state(rtfs: Run) -> None:
    count = '(call :ccos.state.counter.inc "runs")'
    assert [rtfs("run", "--state", "kept", "-e", count).stdout for _ in range(2)] == ["1\n", "2\n"]
    assert [rtfs("run", "-e", count).stdout for _ in range(2)] == ["1\n", "1\n"]


def test_trace_shows_each_host_call_as_one_line(rtfs: Run, script: Callable[..., str]) -> None:
    script('(println "a")\n(call :ccos.math.add 1 2)\n')
    done = rtfs("run", "--trace", "script.rtfs")
    assert done.stdout == "a\n3\n"
    assert done.stderr.splitlines()[-1] == "script.rtfs:2: (call :ccos.math.add 1 2)"
    assert '(call :ccos.io.println "a")' in done.stderr.splitlines()[0]


# ---- what goes wrong


def test_a_missing_file_is_a_usage_error(rtfs: Run) -> None:
    assert result(rtfs("nowhere.rtfs")) == ("", "error: cannot read nowhere.rtfs: No such file or directory\n", 2)


def test_a_folder_is_no_script(rtfs: Run) -> None:
    assert result(rtfs(".")) == ("", "error: cannot read .: Is a directory\n", 2)


def test_a_mistyped_command_is_recognized(rtfs: Run) -> None:
    expected = "error: cannot read rum: No such file or directory\n  = hint: did you mean the command `run`?\n"
    assert result(rtfs("rum")) == ("", expected, 2)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("run",), "give a FILE to run, `-` for standard input, -e EXPR or -I EXPR"),
        (("run", "--nonsense", "x"), "No such option '--nonsense'"),
        (("run", "--limit", "steps=few", "x"), "steps must be a positive whole number, got 'few'"),
        (("run", "--progress", "loud", "x"), "'loud' is not one of 'auto', 'json', 'off'"),
        (("run", "-e"), "Option '-e' requires an argument"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(rtfs: Run, words: tuple[str, ...], complaint: str) -> None:
    done = rtfs(*words)
    assert complaint in done.stderr
    assert (done.stdout, done.returncode) == ("", 2)


def test_an_error_shows_the_failing_expression(rtfs: Run, script: Callable[..., str]) -> None:
    script('(defn total [xs]\n  (reduce (fn [sum x] (+ sum x)) 0 xs))\n(println "before")\n(total [1 "2"])\n')
    done = rtfs("script.rtfs")
    assert (done.stdout, done.returncode) == ("before\n", 1)
    expected = (
        "error[RTFS-E403] TypeError: Type error in +: expected number, got string\n"
        " ┌─ script.rtfs:2:30\n"
        "2 │   (reduce (fn [sum x] (+ sum x)) 0 xs))\n"
        "  │                              ^"
    )
    assert done.stderr.startswith(expected)
    assert "in total, called from script.rtfs:4:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_syntax_errors_are_reported_and_nothing_runs(rtfs: Run, script: Callable[..., str]) -> None:
    done = rtfs(script('(println "never")\n(let [x 1) 2]\n"\\q"\n'))
    assert (done.stdout, done.returncode) == ("", 1)
    assert [line for line in done.stderr.splitlines() if line.startswith("error[")] == [
        "error[RTFS-E101] ParseError: unexpected ')'",
        "error[RTFS-E101] ParseError: unexpected ']'",
        "error[RTFS-E104] ParseError: bad escape \\q",
    ]


def test_a_file_that_is_not_utf8_is_a_parse_error(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "latin.rtfs").write_bytes(b'(println "caf\xe9")\n')
    done = rtfs("latin.rtfs")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.startswith("error[RTFS-E101] ParseError: byte 0xe9 is not UTF-8\n ┌─ latin.rtfs:1:14\n")


def test_an_unknown_capability_fails_the_run(rtfs: Run) -> None:
    done = rtfs("-e", "(call :weather.now)")
    assert done.returncode == 1
    assert done.stderr.startswith("error[RTFS-E502] UnknownCapability: ")


def test_a_refused_capability_ends_with_3_and_names_the_flag(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("content")
    done = rtfs("-e", '(read-file "data/a.txt")')
    assert done.returncode == 3
    assert f"  = hint: allow it with --allow-read {tmp_path / 'data'}" in done.stderr.splitlines()
    assert result(rtfs("run", "--allow-read", "data", "-e", '(read-file "data/a.txt")')) == ('"content"\n', "", 0)
    assert rtfs("run", "--allow-read", "data", "-e", '(read-file "data/../b.txt")').returncode == 3


@pytest.mark.parametrize("flags", [("--allow", "ccos.system.*"), ("--allow-env", "COLOR"), ("--allow-all",)])
def test_a_flag_allows_what_it_names(rtfs: Run, flags: tuple[str, ...]) -> None:
    assert result(rtfs("run", *flags, "-e", '(get-env "COLOR")', COLOR="blue")) == ('"blue"\n', "", 0)
    assert rtfs("-e", '(get-env "COLOR")', COLOR="blue").returncode == 3


@pytest.mark.parametrize(("limit", "kind"), [("steps=10000", "StepLimitExceeded"), ("time=100ms", "DeadlineExceeded")])
def test_a_limit_ends_with_4(rtfs: Run, limit: str, kind: str) -> None:
    done = rtfs("run", "--limit", limit, "-e", "(loop [] (recur))")
    assert (done.stdout, done.returncode) == ("", 4)
    assert f"{kind}: " in done.stderr.splitlines()[0]


def test_errors_as_json_are_one_object_per_line(rtfs: Run, script: Callable[..., str]) -> None:
    script('(throw {:type :no-stock :message "sold out" :sku 9})\n')
    done = rtfs("run", "--json", "script.rtfs")
    assert done.returncode == 1
    (data,) = [json.loads(line) for line in done.stderr.splitlines()]
    assert data == {
        "kind": "ApplicationError",
        "code": "RTFS-E409",
        "message": "sold out",
        "type": "no-stock",
        "span": {"file": "script.rtfs", "line": 1, "column": 1, "end_line": 1, "end_column": 53},
        "trace": [{"function": None, "span": data["span"]}],
        "notes": [],
        "value": None,
        "data": {"type": "no-stock", "message": "sold out", "sku": 9},
    }
    done = rtfs("run", "--json", "-e", "(]")
    assert [json.loads(line)["kind"] for line in done.stderr.splitlines()] == ["ParseError", "ParseError"]


def test_python_frames_are_shown_only_with_trace(rtfs: Run) -> None:
    assert "Traceback" not in rtfs("run", "-e", '(+ 1 "a")').stderr
    assert "Traceback" in rtfs("run", "--trace", "-e", '(+ 1 "a")').stderr


def test_deep_recursion_is_an_error_and_not_a_crash(rtfs: Run) -> None:
    done = rtfs("-e", "(defn f [x] (+ 1 (f x))) (f 1)")
    assert (done.stdout, done.returncode) == ("", 4)
    assert done.stderr.startswith("error[RTFS-E703] StackOverflow: ")


# ---- the process


def test_a_reader_that_goes_away_ends_the_run_in_silence(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "rtfs", "-e", "(dotimes [n 1000000] (println n))"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == (b"", 141)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_an_output_that_cannot_be_written_is_one_clear_error(environment: dict[str, str]) -> None:
    environment = {**environment, "PYTHONUNBUFFERED": ""}
    for text in ("42", "(println 42)"):
        with open("/dev/full", "w") as full:
            command = [sys.executable, "-m", "rtfs", "-e", text]
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=environment, timeout=60)
        expected = b"error: cannot write to standard output: No space left on device\n"
        assert (done.stderr, done.returncode) == (expected, 1)


@pytest.mark.parametrize(
    ("closed", "words", "said", "code"),
    [
        (">&-", ["-e", "(println 42)"], "error: cannot write to standard output: Bad file descriptor\n", 1),
        ("<&-", ["-"], "error: cannot read -: Bad file descriptor\n", 2),
        ("<&-", ["check", "-"], "Error: Could not open file '-': Bad file descriptor\n", 1),
        ("<&-", ["fmt", "-"], "error: cannot read standard input: Bad file descriptor\n", 1),
        ("2>&-", ["-e", "(log :info 1)"], "", 0),
        ("<&- >&- 2>&-", ["-e", "nil"], "", 0),
    ],
)
def test_a_closed_standard_stream_is_an_error_only_to_those_who_use_it(
    environment: dict[str, str], closed: str, words: list[str], said: str, code: int
) -> None:
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "rtfs", *words]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, timeout=60)
    assert (done.stderr.decode(), done.returncode) == (said, code)


def test_an_encoding_without_the_character_gets_an_escape(rtfs: Run) -> None:
    assert result(rtfs("-e", '(do (println "é") "ü")', PYTHONIOENCODING="ascii")) == ('\\xe9\n"\\xfc"\n', "", 0)


def test_an_argument_that_is_no_text_is_a_usage_error(environment: dict[str, str]) -> None:
    command = [sys.executable.encode(), b"-m", b"rtfs", b"-e", b"args", b"fine", b"\xff"]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
    assert (done.stdout, done.stderr) == (b"", b"error: argument 2 is not valid text: '\\udcff'\n")
    assert done.returncode == 2


def test_help_shows_an_example_and_the_exit_codes(rtfs: Run) -> None:
    for words in (("--help",), ("run", "--help")):
        done = rtfs(*words)
        assert done.returncode == 0 and "Examples:" in done.stdout
    assert "130 interrupted" in done.stdout


def test_every_command_of_the_folder_is_listed_with_help_and_an_example(rtfs: Run) -> None:
    listed = rtfs("--help").stdout
    names = [line.split()[0] for line in listed.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()]
    assert "run" in names
    for name in names:
        assert "Examples:" in rtfs(name, "--help").stdout


def test_the_version_is_told(rtfs: Run) -> None:
    from rtfs import __version__

    assert result(rtfs("--version")) == (f"rtfs {__version__}\n", "", 0)


def test_a_damaged_cache_entry_is_compiled_again_in_silence(rtfs: Run, tmp_path: Path) -> None:
    home = {"XDG_CACHE_HOME": str(tmp_path)}
    assert result(rtfs("-e", "(+ 1 2)", **home)) == ("3\n", "", 0)
    entries = [entry for entry in (tmp_path / "rtfs").rglob("*") if entry.is_file()]
    assert entries
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:-1])
    assert result(rtfs("-e", "(+ 1 2)", **home)) == ("3\n", "", 0)


def test_a_cache_folder_that_others_may_write_to_is_not_used(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "rtfs").mkdir(mode=0o777)
    os.chmod(tmp_path / "rtfs", 0o777)
    assert result(rtfs("-e", "(+ 1 2)", XDG_CACHE_HOME=str(tmp_path))) == ("3\n", "", 0)
    assert [entry for entry in (tmp_path / "rtfs").rglob("*") if entry.is_file()] == []


def test_a_run_works_without_a_home_and_with_a_read_only_cache(rtfs: Run) -> None:
    assert result(rtfs("-e", "(+ 1 2)", XDG_CACHE_HOME="/proc/nothing", HOME="/nonexistent")) == ("3\n", "", 0)


@pytest.mark.parametrize("seed", ["0", "1"])
def test_output_does_not_depend_on_the_hash_seed(rtfs: Run, seed: str) -> None:
    text = '(println {:b 1 :a 2 "x" 3} (frequencies [:z :y :z :x]) (group-by odd? [1 2 3]))'
    expected = '{:b 1 :a 2 "x" 3} {:z 2 :y 1 :x 1} {true [1 3] false [2]}\n'
    assert result(rtfs("-e", text, PYTHONHASHSEED=seed)) == (expected, "", 0)


def test_a_budget_that_is_used_up_ends_the_run_with_code_4_and_is_warned_of(rtfs: Run) -> None:
    done = rtfs("run", "--limit", "calls=4", "-e", "(dotimes [n 5] (println n))")
    assert (done.stdout, done.returncode) == ("0\n1\n2\n3\n", 4)
    first, second, error = done.stderr.split("\n")[:3]
    assert (first, second) == ("warning: host-calls: 2 of 4 used", "warning: host-calls: 4 of 4 used")
    assert error == "error[RTFS-E505] BudgetExhausted: Resource budget exhausted: host-calls (policy: stop)"
    assert "  = budget: used 5 of 4" in done.stderr


# ---- levels and profiles


@pytest.mark.parametrize(("level", "code"), [("off", 0), ("basic", 1), ("standard", 1), ("strict", 1)])
def test_annotations_are_checked_as_far_as_wanted(rtfs: Run, level: str, code: int) -> None:
    assert rtfs("run", "--check", level, "-e", '(defn f [x : :int] x) (f "a")').returncode == code
    assert rtfs("run", "--check", "some", "-e", "1").returncode == 2


def test_a_profile_tells_functions_and_host_calls(rtfs: Run, script: Callable[..., str]) -> None:
    script("(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))\n(println (fib 21))\n(sleep 1)\n(fib 1)\n")
    done = rtfs("run", "--profile", "script.rtfs")
    assert (done.stdout, done.returncode) == ("10946\n1\n", 0)
    lines = done.stderr.splitlines()
    assert lines[0].startswith("profile: ") and " s computing" in lines[0]
    assert any(line.endswith("%  fib, script.rtfs:1") for line in lines)
    counts = {line.split()[2]: line.split()[0] for line in lines if " ccos." in line}
    assert counts == {"ccos.io.println": "1", "ccos.system.sleep-ms": "1"}


def test_a_program_that_fails_is_profiled_too(rtfs: Run) -> None:
    done = rtfs("run", "--profile", "-e", "(/ 1 0)")
    assert (done.returncode, done.stderr.startswith("profile: "), "DivisionByZero" in done.stderr) == (1, True, True)


@pytest.mark.parametrize(
    ("options", "program", "lines"),
    [
        ((), '(println "first") (/ 1 0)', ["first\n", "DivisionByZero: Division by zero"]),
        (
            ("--trace",),
            '(println "first") (call :ccos.system.current-time) (println "last")',
            ["\nfirst\n", "(call :ccos.system.current-time)", "\nlast\n"],
        ),
        (
            ("--quiet",),
            "(println (call :stream.to-collection (stream.map [2 0 4] (fn [n] (/ 8 n)))"
            ' {:on-error (fn [error n] (println "none of" n) :skip)}))',
            ["none of 0\n", "warning: stream run", "[4 2]\n"],
        ),
    ],
)
def test_what_goes_to_both_outputs_of_one_file_stands_in_order(
    environment: dict[str, str], options: tuple[str, ...], program: str, lines: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rtfs", "run", "--allow-all", *options, "-e", program],
        env={**environment, "PYTHONUNBUFFERED": ""}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=60,
    )  # fmt: skip
    places = [done.stdout.find(line) for line in lines]
    assert places == sorted(places), done.stdout
    assert -1 not in places, done.stdout
