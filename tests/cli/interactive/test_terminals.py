"""`rtfs repl` on terminals of all kinds, with texts of all kinds."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.cli.interactive.conftest import Start
from tests.cli.interactive.pseudo import BUSY, CTRL_C, CTRL_D, ENTER, pasted

COLOR = re.compile(r"\x1b\[[0-9;]*3[0-7]m")


@pytest.mark.parametrize("size", [(24, 80), (5, 20), (2, 10), (60, 300)])
def test_terminals_of_all_sizes(terminal: Start, size: tuple[int, int]) -> None:
    typed = terminal(size=size)
    typed.line('(def text "' + "long " * 30 + '")')
    assert typed.tell("(count text)") == "150"


def test_the_size_changes_while_one_types(terminal: Start) -> None:
    typed = terminal()
    typed.type("(def x ")
    for columns in (20, 200, 8, 80):
        typed.resize(24, columns)
        os.killpg(typed.process.pid, signal.SIGWINCH)
    typed.line("77)")
    assert typed.tell("x") == "77"


def test_wide_characters(terminal: Start) -> None:
    typed = terminal(size=(24, 30))
    typed.line('(def text "日本語 👩‍👩‍👧 é́ עברית")')
    assert typed.tell('(= text "日本語 👩‍👩‍👧 é́ עברית")') == "true"


def test_a_very_long_line(terminal: Start) -> None:
    typed = terminal()
    typed.type(pasted("(def sum (+ " + "1 " * 20_000 + "))"))
    typed.line("")
    assert typed.tell("sum") == "20000"


def test_a_result_of_a_megabyte_is_cut(terminal: Start) -> None:
    typed = terminal()
    typed.line('(def text (apply str (repeat 1000000 "x")))')
    typed.line("text")
    typed.until("; cut after 2,000 characters")
    assert typed.tell("(count text)") == "1000000"
    assert len(typed.output) < 100_000


def test_no_color_means_no_colors(terminal: Start) -> None:
    plain, colored = terminal(NO_COLOR="1"), terminal()
    for typed in (plain, colored):
        typed.line('(def x "text")')
        typed.line('(+ 1 "a")')
        typed.until("expected number")
        assert typed.tell("x") == "text"
    assert not COLOR.search(plain.output)
    assert len(COLOR.findall(colored.output)) > 5


def test_a_dumb_terminal_has_prompts_and_nothing_else(terminal: Start, tmp_path: Path) -> None:
    typed = terminal(TERM="dumb")
    typed.type("(def x" + ENTER)
    typed.until("....> ")
    typed.line("3)")
    assert typed.tell("x") == "3"
    typed.begin(BUSY)
    typed.press(CTRL_C)
    typed.until("interrupted")
    assert typed.tell("(inc x)") == "4"
    typed.type(CTRL_D)
    assert typed.end() == 0
    assert "\x1b" not in typed.output
