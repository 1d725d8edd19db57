"""Signals sent to `rtfs repl`, and questions that Ctrl-C answers."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.cli.interactive.conftest import Start
from tests.cli.interactive.pseudo import BUSY, CTRL_C, CTRL_D, CTRL_Z, ENTER, Terminal


def test_ctrl_z_puts_it_in_the_background_and_fg_brings_it_back(
    environment: dict[str, str], tmp_path: Path, service: Callable[[str], str]
) -> None:
    surroundings = {**environment, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path), "PS1": "shell$ "}
    shell = Terminal([service("bash"), "--norc", "--noprofile", "-i"], surroundings, tmp_path, (24, 80))
    try:
        shell.until("shell$ ")
        shell.press(f"{sys.executable} -m rtfs repl --allow-all{ENTER}")
        shell.prompt()
        shell.type("(def x ")
        shell.until("(def x")
        shell.press(CTRL_Z)
        shell.until("Stopped")
        shell.press(f"echo $((6 * 7))0; fg{ENTER}")
        shell.until("420")
        shell.until("(def x")
        shell.type(f"5){ENTER}")
        assert shell.tell("x") == "5"
    finally:
        shell.close()


def test_sigterm_leaves_as_ctrl_d_does(counting: Terminal) -> None:
    os.kill(counting.process.pid, signal.SIGTERM)
    assert counting.end() == 0


def test_a_terminal_that_hangs_up_ends_the_session(terminal: Start) -> None:
    typed = terminal()
    typed.line("(def x 1)")
    typed.prompt()
    typed.hang_up()
    assert typed.process.wait(60) == 129


def test_rtfs_alone_on_a_terminal_is_the_repl(terminal: Start, environment: dict[str, str], tmp_path: Path) -> None:
    typed = Terminal(
        [sys.executable, "-m", "rtfs"],
        {**environment, "TERM": "xterm", "XDG_STATE_HOME": str(tmp_path)},
        tmp_path,
        (24, 80),
    )
    try:
        typed.prompt()
        typed.type(CTRL_D)
        assert typed.end() == 0
    finally:
        typed.close()


def test_a_busy_session_whose_terminal_hangs_up_ends_too(terminal: Start) -> None:
    typed = terminal()
    typed.begin(BUSY)
    typed.hang_up()
    assert typed.process.wait(60) == 129


def test_a_refused_call_asks_and_the_answer_counts(terminal: Start, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x = 5.")
    typed = terminal(rights=())
    typed.line('(def text (call :ccos.io.read-file "data"))')
    typed.until("[y/N] ")
    typed.press(f"y{ENTER}")
    typed.line("(call :ccos.io.println (str (count text) text))")
    typed.until("6x = 5.")


def test_a_refused_call_asks_while_the_prompt_stands_and_ctrl_c_stops_the_evaluation(terminal: Start) -> None:
    typed = terminal(rights=())
    typed.line('(do (call :ccos.system.sleep-ms 600) (call :ccos.io.write-file "made" "x"))')
    typed.until("[y/N] ")
    typed.press(CTRL_C)
    typed.until("interrupted")
    assert not (typed.folder / "made").exists()
    typed.line("(call :ccos.io.println (str 40 2))")
    typed.until("402")


def test_a_budget_asks_for_more(terminal: Start) -> None:
    typed = terminal("--limit", "calls=1:ask")
    typed.line("(do (call :ccos.math.add 1 2) (call :ccos.math.add 3 4))")
    typed.until("Allow how much more? [no] ")
    typed.press(f"10{ENTER}")
    assert typed.tell("*1") == "7"
