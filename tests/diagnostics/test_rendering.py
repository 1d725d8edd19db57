"""Errors in odd texts, in colour, as data, and from the library and macros: always at the place in the user's code."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

import rtfs
from rtfs.lang.diagnostic import as_data
from tests.diagnostics.test_programs import failure

Run = Callable[..., "subprocess.CompletedProcess[str]"]

ODD = {
    "a tab counts to the next stop": (
        '(do\n\t(+ 1\t"x"))',
        [' ┌─ t.rtfs:2:7', '2 │     (+ 1    "x"))', "  │             ^^^"],
    ),
    "wide characters take two columns": (
        '(let [名前 "x"] (+ 1 名前))',
        [" ┌─ t.rtfs:1:20", '1 │ (let [名前 "x"] (+ 1 名前))', "  │" + " " * 22 + '^^^^ this is "x"'],
    ),
    "emoji take two columns": (
        '(str "😀😀" (inc "1"))',
        [" ┌─ t.rtfs:1:16", '1 │ (str "😀😀" (inc "1"))', "  │" + " " * 18 + "^^^"],
    ),
    "combining characters take none": (
        '(str "e\u0301e\u0301" (inc "1"))',
        [" ┌─ t.rtfs:1:18", '1 │ (str "e\u0301e\u0301" (inc "1"))', "  │" + " " * 16 + "^^^"],
    ),
    "line ends may be those of Windows": (
        '(def a 1)\r\n(+ a "x")\r\n',
        [" ┌─ t.rtfs:2:6", '2 │ (+ a "x")', "  │      ^^^"],
    ),
    "the last line needs no end": (
        '(def a 1)\n(+ a "x")',
        [" ┌─ t.rtfs:2:6", '2 │ (+ a "x")', "  │      ^^^"],
    ),
    "a byte-order mark and a shebang are lines like others": (
        '\ufeff#!/usr/bin/env rtfs\n(+ 1 "x")',
        [" ┌─ t.rtfs:2:6", '2 │ (+ 1 "x")', "  │      ^^^"],
    ),
    "a span over lines shows its first and its last": (
        "(inc (str 1\n          2\n          3))",
        [
            " ┌─ t.rtfs:1:6",
            "1 │ (inc (str 1",
            "  │      ^^^^^^",
            "  ⋮",
            "3 │           3))",
            '  │           ^^ this is "123"',
        ],
    ),
    "the gutter is as wide as the line number": (
        "\n" * 11 + '(+ 1 "x")',
        ["  ┌─ t.rtfs:12:6", '12 │ (+ 1 "x")', "   │      ^^^"],
    ),
    "a comment between operands is none": (
        '(+ 1 ; one "\n   #_ (two) #| (three |# "x")',
        [" ┌─ t.rtfs:2:26", '2 │    #_ (two) #| (three |# "x")', "  │" + " " * 26 + "^^^"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "excerpt"), ODD.values(), ids=ODD)
def test_carets_stand_under_what_is_wrong_in_any_text(text: str, excerpt: list[str]) -> None:
    assert failure(text).rendered().splitlines()[1 : 1 + len(excerpt)] == excerpt


def test_a_very_long_line_is_cut_around_the_carets() -> None:
    lines = failure(f'(str "{"a" * 500}" (inc "1") "{"b" * 500}")').rendered().splitlines()
    assert len(lines[2]) < 140
    assert lines[2].count("…") == 2
    assert lines[2][lines[3].index("^") : lines[3].rindex("^") + 1] == '"1"'


def test_a_long_value_is_cut_beside_the_carets() -> None:
    line = failure("(inc (vec (range 1000)))").rendered().splitlines()[3]
    assert line.startswith("  │      ^^^^^^^^^^^^^^^^^^ this is [0 1 2 ")
    assert line.endswith("…")
    assert len(line) < 110


LIBRARY = {
    '(median [1 "x"])': '(median [1 "x"])',
    '(for [x [1]\n      y "ab"]\n  (+ x y))': "y",
    "(doseq [x 5] x)": "5",
    '(cond (> 1 "x") 1)': '"x"',
    '(->> [1 "x"]\n     (map inc))': "(map inc)",
    '(some-> {:a "x"} :a (+ 1))': "(+ 1)",
    '(is (= 1 (inc "x")))': '"x"',
    '(with-resource [x (inc "x")] x)': '"x"',
    '(when-let [x 1] (inc "y"))': '"y"',
    '(case (inc "x") 1 2)': '"x"',
    '(dotimes [i 2] (inc "z"))': '"z"',
    '(if-let [x (inc "q")] x)': '"q"',
    '(as-> 1 v (+ v "k"))': '"k"',
    '(pad-left 5 "x")': "5",
    '(kv/put (inc "x") 1)': '"x"',
}


@pytest.mark.parametrize(("text", "pointed"), LIBRARY.items())
def test_an_error_in_the_library_or_its_macros_is_shown_in_the_program(text: str, pointed: str) -> None:
    error = failure(text)
    assert error.span is not None
    assert (error.span.source.name, error.span.text()) == ("t.rtfs", pointed)
    assert "stdlib" not in error.rendered()


def test_an_error_of_an_imported_module_is_shown_in_its_file() -> None:
    from rtfs.loader import Texts

    session = rtfs.Session(cache=False, lookup=Texts({"geo": "(defn area [r] (* 3 r))"}))
    with pytest.raises(rtfs.RtfsError) as raised:
        session.run('(import geo)\n(geo/area "2")', name="t.rtfs")
    assert raised.value.rendered().splitlines()[1:] == [
        " ┌─ geo.rtfs:1:21",
        "1 │ (defn area [r] (* 3 r))",
        '  │                     ^ this is "2"',
        "  = in area, called from t.rtfs:2:1",
        "  = hint: (parse-int r)",
    ]


def test_an_error_from_the_cache_is_the_same() -> None:
    text = "(defn f [m] (+ 1 (:temprature m)))\n(def ok 1)\n(if (= 1 (count args)) (f {:temperature 4}))"
    said = []
    for _ in range(2):  # the second one runs compiled code without reading the text
        session = rtfs.Session()
        session.define("args", [])
        session.run(text, name="cached.rtfs")
        session = rtfs.Session()
        session.define("args", [1])
        with pytest.raises(rtfs.RtfsError) as raised:
            session.run(text, name="cached.rtfs")
        said.append(raised.value.rendered())
    assert said[0] == said[1]
    assert said[0].endswith("hint: m has no :temprature; did you mean `:temperature`?\n")


def test_a_caught_error_has_the_same_place() -> None:
    session = rtfs.Session(cache=False)
    found = session.run('(try (+ 1 2\n "x") (catch e (:span e)))', name="t.rtfs")
    assert rtfs.show(found) == '{:source "t.rtfs" :line 2 :column 2 :end-line 2 :end-column 5}'


def test_the_whole_is_there_as_data() -> None:
    error = failure("(defn f [m] (+ 1 (:b m))) (f {:a 1})")
    data = as_data(error)
    assert data["span"] == {"file": "t.rtfs", "line": 1, "column": 18, "end_line": 1, "end_column": 24}
    assert (data["kind"], data["code"], data["value"]) == ("TypeError", "RTFS-E403", "nil")
    assert data["notes"] == ["m has no :b; its keys are :a"]
    assert [entry["function"] for entry in data["trace"]] == ["f", None]
    assert json.loads(json.dumps(data)) == data


def test_json_of_a_run_is_that_data(rtfs: Run) -> None:
    done = rtfs("run", "--json", "-e", "(defn f [m] (+ 1 (:b m))) (f {:a 1})")
    data = json.loads(done.stderr)
    assert data["notes"] == ["m has no :b; its keys are :a"]
    assert (data["value"], data["span"]["column"]) == ("nil", 18)


def on_a_terminal(environment: dict[str, str]) -> str:
    """What `rtfs` says on standard error that is a terminal."""
    ours, theirs = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "rtfs", "-e", '(+ 1 "x")'],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=theirs,
            timeout=60,
        )
        return os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_terminal_gets_colours_a_pipe_and_no_color_do_not(rtfs: Run, environment: dict[str, str]) -> None:
    plain = rtfs("-e", '(+ 1 "x")').stderr
    coloured = on_a_terminal(environment)
    assert "\x1b[1;31merror[RTFS-E403] TypeError\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).replace("\r\n", "\n") == plain
    assert on_a_terminal({**environment, "NO_COLOR": "1"}).replace("\r\n", "\n") == plain
