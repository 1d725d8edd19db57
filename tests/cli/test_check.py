"""`rtfs check` as a user meets it: what it prints, for people, editors and machines, and its exit codes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> None:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    return write


def test_findings_stand_in_a_line_each_with_their_place_below(rtfs: Run, write: Write) -> None:
    write("a.rtfs", '(defn f [x :int] x)\n(let [unused 1]\n  (f "ä"))\n(prnt 1)\n')
    done = rtfs("check", "a.rtfs")
    assert done.stdout == (
        "a.rtfs:2:7: note[RTFS-W302]: unused is not used; write _ if it need not be\n"
        "2 │ (let [unused 1]\n"
        "  │       ^^^^^^\n"
        "a.rtfs:3:6: error[RTFS-W101]: argument 1 of f: expected :int, got :string\n"
        '3 │   (f "ä"))\n'
        "  │      ^^^\n"
        "a.rtfs:4:2: error[RTFS-W104]: undefined symbol prnt\n"
        "4 │ (prnt 1)\n"
        "  │  ^^^^\n"
        "  = hint: did you mean `print`?\n"
        "  = hint: did you mean `prn`?\n"
        "1 file checked: 2 errors, 1 note\n"
    )
    assert (done.stderr, done.returncode) == ("", 1)


def test_nothing_of_the_program_runs(rtfs: Run, write: Write) -> None:
    write("a.rtfs", '(println "ran")\n(throw "no")\n(str args)\n')
    done = rtfs("check", "a.rtfs")
    assert (done.stdout, done.returncode) == ("1 file checked: nothing found\n", 0)


def test_every_syntax_error_of_a_text_is_reported(rtfs: Run, write: Write) -> None:
    write("a.rtfs", '(inc 12ab)\n(str "\\q")\n')
    done = rtfs("check", "-q", "a.rtfs")
    assert [line for line in done.stdout.splitlines() if line.startswith("a.rtfs")] == [
        "a.rtfs:1:6: error[RTFS-E103]: ParseError: bad number 12ab",
        "a.rtfs:2:7: error[RTFS-E104]: ParseError: bad escape \\q",
    ]
    assert done.returncode == 1


def test_a_wrong_form_does_not_hide_the_others(rtfs: Run, write: Write) -> None:
    write("a.rtfs", "(let [x] x)\n(defn f [x] (when))\n(if)\n(f (inc :a))\n")
    done = rtfs("check", "-q", "--json", "a.rtfs")
    assert [(each["span"]["line"], each["code"]) for each in map(json.loads, done.stdout.splitlines())] == [
        (1, "RTFS-E301"), (2, "RTFS-E301"), (3, "RTFS-E301"), (4, "RTFS-W101"),
    ]  # fmt: skip


def test_json_has_one_object_per_finding(rtfs: Run, write: Write) -> None:
    write("a.rtfs", "(inc :a)\n")
    done = rtfs("check", "--json", "a.rtfs")
    assert json.loads(done.stdout) == {
        "severity": "error",
        "code": "RTFS-W101",
        "text": "argument 1 of inc: expected :number, got :keyword",
        "span": {"file": "a.rtfs", "line": 1, "column": 6, "end_line": 1, "end_column": 8},
        "notes": [],
    }


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        ("(inc :a)", (), 1),
        ("(defn f [x] (match x y y 1 2))", (), 0),
        ("(defn f [x] (match x y y 1 2))", ("--strict",), 1),
        ("(let [x 1] 2)", ("--strict",), 0),
    ],
)
def test_errors_fail_and_warnings_do_when_asked(
    rtfs: Run, write: Write, text: str, words: tuple[str, ...], code: int
) -> None:
    write("a.rtfs", text)
    assert rtfs("check", *words, "a.rtfs").returncode == code


def test_folders_are_searched_and_their_modules_found(rtfs: Run, write: Write) -> None:
    write("src/main.rtfs", '(import lib.text :as t)\n(t/twice 5)\n(t/once "a")\n')
    write("src/lib/text.rtfs", "(defn twice [s :string] (str s s))\n")
    write("src/deep/other.rtfs", '(import lib.text :only [twice])\n(twice "a")\n')
    write("src/.hidden/bad.rtfs", "(((")
    done = rtfs("check", "-q", "src")
    assert [line for line in done.stdout.splitlines() if line.startswith("src")] == [
        "src/main.rtfs:2:10: error[RTFS-W101]: argument 1 of t/twice: expected :string, got :int",
        "src/main.rtfs:3:2: error[RTFS-W104]: undefined symbol t/once",
    ]
    assert done.stdout.endswith("3 files checked: 2 errors\n")


def test_what_is_wrong_in_a_module_is_reported_once(rtfs: Run, write: Write) -> None:
    write("a.rtfs", "(import m)\n(m/f 1)\n")
    write("b.rtfs", "(import m)\n(m/f 2)\n")
    write("m.rtfs", "(defn f [x] (inc :x))\n")
    for paths in (("a.rtfs", "b.rtfs", "m.rtfs"), (".",)):
        done = rtfs("check", "-q", *paths)
        assert done.stdout.count("error") == 2, done.stdout  # the finding and the summary


def test_nothing_is_told_about_the_bundled_library(rtfs: Run, write: Write) -> None:
    write("a.rtfs", '(import string :as s)\n(s/pad-left "5" 3)\n')
    assert rtfs("check", "a.rtfs").stdout == "1 file checked: nothing found\n"


def test_standard_input_can_be_checked(rtfs: Run) -> None:
    done = rtfs("check", "-", stdin="(inc :a)")
    assert done.stdout.startswith("<stdin>:1:6: error[RTFS-W101]: ")


def test_bytes_that_are_no_text_are_an_error_of_the_file(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "a.rtfs").write_bytes(b"(inc 1)\n\xff")
    done = rtfs("check", "a.rtfs")
    assert done.stdout.startswith("a.rtfs:2:1: error[RTFS-E101]: ParseError: byte 0xff is not UTF-8\n")


@pytest.mark.parametrize("words", [(), ("no-such-file.rtfs",), ("--unknown", ".")])
def test_wrong_usage_is_exit_code_2(rtfs: Run, words: tuple[str, ...]) -> None:
    assert rtfs("check", *words).returncode == 2


def test_a_macro_that_never_ends_ends_the_check(rtfs: Run, write: Write) -> None:
    write("a.rtfs", "(defmacro forever [] (loop [] (recur)))\n(forever)\n")
    done = rtfs("check", "a.rtfs")
    assert done.stdout == (
        "a.rtfs:1:31: error[RTFS-E701]: StepLimitExceeded: Step limit exceeded: 10000000\n"
        "1 │ (defmacro forever [] (loop [] (recur)))\n"
        "  │                               ^^^^^^^\n"
        "1 file checked: 1 error\n"
    )
