"""Ctrl-C at the prompt, in an evaluation and in a wait, and inputs that wait for their turn."""

from __future__ import annotations

import pytest

from tests.cli.interactive.conftest import Start
from tests.cli.interactive.pseudo import BUSY, CTRL_C


def test_ctrl_c_drops_what_was_typed(terminal: Start) -> None:
    typed = terminal()
    typed.type("(def x 1")
    typed.press(CTRL_C)
    typed.line("(def y 2)")
    assert typed.tell("y") == "2"


@pytest.mark.parametrize(
    "work",
    [
        BUSY,
        "(dotimes [n 1000000000] n)",
        "(call :ccos.system.sleep-ms 1000000)",
        "(doseq [n (range 100000)] (call :ccos.system.sleep-ms 1))",
        '(call :ccos.io.read-line (str "who" "? "))',
        "(map (fn [x] (loop [] (recur))) [1])",
    ],
)
def test_ctrl_c_stops_an_evaluation(terminal: Start, work: str) -> None:
    typed = terminal()
    typed.line("(def kept 1)")
    typed.begin(work)
    if "read-line" in work:
        typed.until("who?who?")
    typed.type(CTRL_C)
    typed.until("interrupted")
    assert typed.tell("(inc kept)") == "2"


def test_ctrl_c_stops_an_endless_macro(terminal: Start) -> None:
    typed = terminal()
    typed.line("(defmacro endless [] (loop [] (recur)))")
    assert typed.tell("1") == "1"
    typed.line("(endless)")
    typed.until("(endless)")
    typed.until("\n")
    typed.type(CTRL_C)
    typed.until("interrupted")
    assert typed.tell("1") == "1"


def test_an_endless_finally_ends_too(terminal: Start) -> None:
    typed = terminal()
    typed.begin(f"(try {BUSY} (finally {BUSY}))")
    typed.type(CTRL_C)
    typed.until("interrupted")
    assert typed.tell("(+ 1 1)") == "2"


def test_what_is_typed_meanwhile_is_evaluated_afterwards(terminal: Start) -> None:
    typed = terminal()
    typed.line('(def answer (call :ccos.io.read-line (str "who" "? ")))')
    typed.until("who?who?")
    typed.line("Ada")
    typed.line("(def second (str answer 2))")
    assert typed.tell("second") == "Ada2"


def test_inputs_behind_a_running_one_wait_for_it(terminal: Start) -> None:
    typed = terminal()
    typed.line("(call :ccos.system.sleep-ms 1000)")
    typed.line("(def after 5)")
    assert typed.tell("(inc after)") == "6"


def test_ctrl_c_drops_the_inputs_that_wait(terminal: Start) -> None:
    typed = terminal()
    typed.begin(BUSY)
    typed.line("(def never 1)")
    typed.line(":limits")  # told once that input is in
    typed.type(CTRL_C)
    typed.until("interrupted")
    typed.line("(def ever 2)")
    typed.line("never")
    typed.until("Undefined symbol: never")
    assert typed.tell("ever") == "2"
