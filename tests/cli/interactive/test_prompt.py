"""What is typed at the prompt of `rtfs repl`, and what it does to the session."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.cli.interactive.conftest import Start
from tests.cli.interactive.pseudo import CTRL_A, CTRL_D, CTRL_E, CTRL_R, ENTER, ESCAPE, TAB, UP, pasted


def test_what_is_typed_is_evaluated(terminal: Start) -> None:
    typed = terminal()
    typed.line("(def x 41)")
    assert typed.tell("(inc x)") == "42"


def test_ctrl_d_leaves_with_code_0(terminal: Start) -> None:
    typed = terminal()
    typed.line("(def x 1)")
    typed.type(CTRL_D)
    assert typed.end() == 0


def test_an_input_goes_on_until_the_reader_has_it_all(terminal: Start) -> None:
    typed = terminal()
    typed.type("(defn f [x]" + ENTER)
    typed.until("....>")
    typed.type('(str x ") not the end' + ENTER)
    typed.until("....>")
    typed.line('"))')
    assert typed.tell("(f 1)") == "1) not the end\n"


def test_a_paste_of_several_lines_is_one_input(terminal: Start) -> None:
    typed = terminal()
    typed.line(pasted("(def a 1)\n(def b\n  2)\n(def c (+ a b))"))
    assert typed.tell("c") == "3"
    typed.line(":undo 2")
    typed.until("undone: (def a 1) …")
    typed.line("a")
    typed.until("Undefined symbol: a")


def test_the_cursor_moves_and_what_is_in_the_middle_can_be_changed(terminal: Start) -> None:
    typed = terminal()
    typed.line("def x 5)" + CTRL_A + "(" + CTRL_E)
    assert typed.tell("x") == "5"


def test_names_are_completed(terminal: Start) -> None:
    typed = terminal()
    typed.line("(def extraordinary 7)")
    assert typed.tell("extraordinary") == "7"
    assert typed.tell(f"extraor{TAB}") == "7"


def test_locals_are_completed(terminal: Start) -> None:
    typed = terminal()
    assert typed.tell(f"(let [wonderful 8] (inc wonderf{TAB}))") == "9"


def test_capabilities_are_completed_after_call(terminal: Start) -> None:
    typed = terminal()
    assert typed.tell(f"(call :ccos.math.ad{TAB} 20 3)") == "23"


def test_commands_are_completed(terminal: Start) -> None:
    typed = terminal()
    typed.line("(def x 1)")
    typed.line("(def x 2)")
    typed.line(f":und{TAB}")
    typed.until("undone")
    assert typed.tell("x") == "1"


def test_an_earlier_input_comes_back_with_the_arrow(terminal: Start) -> None:
    typed = terminal()
    typed.line("(def n 1)")
    typed.line("(def n (inc n))")
    typed.prompt()
    typed.line(UP)
    assert typed.tell("n") == "3"


def test_the_history_is_searched_and_outlives_the_session(terminal: Start) -> None:
    first = terminal()
    first.line("(def needle 99)")
    first.line("(def hay 1)")
    first.type(CTRL_D)
    assert first.end() == 0
    second = terminal()
    second.type(f"{CTRL_R}needle{ENTER}")
    second.until("(def needle 99)")
    second.line("")
    assert second.tell("needle") == "99"


def test_the_history_is_private(terminal: Start, tmp_path: Path) -> None:
    typed = terminal()
    typed.line("(def secret 1)")
    typed.line(" (def unkept 1)")
    assert typed.tell("unkept") == "1"
    history = tmp_path / "state" / "rtfs" / "history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert stat.S_IMODE(history.parent.stat().st_mode) == 0o700
    kept = history.read_text()
    assert "secret" in kept and "+ (def unkept" not in kept


def test_a_history_that_cannot_be_used_is_none(terminal: Start, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "rtfs").write_text("no folder")
    assert terminal().tell("(+ 1 1)") == "2"


def test_the_keys_of_vi(terminal: Start) -> None:
    typed = terminal("--vi")
    typed.type("(def x 12345)" + ESCAPE)
    typed.line("0f3r9")  # to the 3, and a 9 in its place
    assert typed.tell("x") == "12945"


def test_vi_is_switched_on_while_it_runs(terminal: Start) -> None:
    typed = terminal()
    typed.line(":set vi on")
    typed.until("vi on")
    typed.prompt()
    typed.type("(def x 1)" + ESCAPE)
    typed.line("0ddi(def x 2)")
    assert typed.tell("x") == "2"


def test_alt_enter_begins_a_line_where_the_input_is_complete(terminal: Start) -> None:
    typed = terminal()
    typed.type("(def a 1)" + ESCAPE + ENTER)
    typed.line("(def b 2)")
    assert typed.tell("(+ a b)") == "3"
    typed.line(":undo 2")
    typed.until("undone: (def a 1) …")


def test_the_signature_stands_below_the_input(terminal: Start) -> None:
    typed = terminal()
    typed.line('(defn greet "Says hello." [someone] 1)')
    typed.prompt()
    typed.type("(greet ")
    typed.until("(greet someone) — Says hello.")
