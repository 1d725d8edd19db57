"""`rtfs expand` and `rtfs compile`."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

Run = Any

TEXT = """(import math)
(defmacro twice [x] `(do ~x ~x))
(defn f [n] (when (> n 1) (twice (println n)) (-> n inc str)))
(module geo (:exports [area]) (defn area [r] (* 3 r r)))
(println "never printed")
"""

EXPANDED = """(import math)
(defmacro twice [x] (rtfs/list (quote do) x x))
(defn f [n] (if (> n 1) (do (do (println n) (println n)) (str (inc n)))))
; module geo
(defn area [r] (* 3 r r))
; module user
(println "never printed")
"""


@pytest.fixture
def script(tmp_path: Path) -> str:
    (tmp_path / "s.rtfs").write_text(TEXT)
    return "s.rtfs"


def test_macros_are_expanded_and_nothing_runs(rtfs: Run, script: str) -> None:
    done = rtfs("expand", script)
    assert (done.stdout, done.stderr, done.returncode) == (EXPANDED, "", 0)
    assert rtfs("expand", "-", stdin=TEXT).stdout == EXPANDED


def test_forms_as_json(rtfs: Run, script: str) -> None:
    rows = [json.loads(line) for line in rtfs("expand", "--json", script).stdout.splitlines()]
    assert [(row["module"], row["line"]) for row in rows] == [
        ("user", 1), ("user", 2), ("user", 3), ("geo", 4), ("user", 5),
    ]  # fmt: skip
    assert rows[3]["core"] == "(defn area [r] (* 3 r r))"


def test_the_python_of_a_program_is_shown(rtfs: Run, script: str) -> None:
    done = rtfs("compile", "--show", script)
    assert (done.stderr, done.returncode) == ("", 0)
    assert "# line 3\ndef #top():\n\n    def f~1:1(n~2):" in done.stdout
    rows = [json.loads(line) for line in rtfs("compile", "--show", "--json", script).stdout.splitlines()]
    assert rows[0]["python"] is None
    assert rows[2]["python"].endswith("return #define('f', f~1:1)")
    renamed = rows[4]["python"].replace("#", "_").replace("(println", "println", 1)
    ast.parse(renamed)


def test_without_show_it_says_whether_the_program_compiles(rtfs: Run, script: str) -> None:
    done = rtfs("compile", script)
    assert (done.stdout, done.stderr, done.returncode) == ("s.rtfs: 5 forms compiled\n", "", 0)


@pytest.mark.parametrize("command", ["expand", "compile"])
def test_every_error_is_told(rtfs: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "wrong.rtfs").write_text("(let [x] 1)\n(if)\n(+ 1 2)\n")
    done = rtfs(command, "wrong.rtfs")
    assert done.returncode == 1
    assert [line[:17] for line in done.stderr.splitlines() if line.startswith("error")] == ["error[RTFS-E301] "] * 2
    (tmp_path / "wrong.rtfs").write_text("(let [x 1) 2]\n")
    done = rtfs(command, "wrong.rtfs")
    assert (done.returncode, done.stderr.count("error[RTFS-E10")) == (1, 3)
    assert rtfs(command, "nowhere.rtfs").returncode == 2
    (tmp_path / "latin.rtfs").write_bytes(b'"\xe9"')
    assert "byte 0xe9 is not UTF-8" in rtfs(command, "latin.rtfs").stderr


def test_a_macro_that_does_not_end_is_stopped(rtfs: Run) -> None:
    done = rtfs("expand", "-", stdin="(defmacro m [] (loop [] (recur)))\n(m)\n")
    assert (done.returncode, "error[RTFS-E70" in done.stderr) == (1, True)
