"""`rtfs repl` on a pseudo-terminal: what is typed, and what it does to the session."""

from __future__ import annotations

import os
import re
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.interactive.conftest import Start
from tests.cli.interactive.pseudo import (
    CTRL_A,
    CTRL_C,
    CTRL_D,
    CTRL_E,
    CTRL_R,
    CTRL_Z,
    ENTER,
    ESCAPE,
    TAB,
    UP,
    Terminal,
    pasted,
)

ROOT = Path(__file__).resolve().parents[3]
SERVER = f"stdio:{sys.executable} {ROOT / 'examples' / 'servers' / 'weather.py'}"
COUNTER = (
    "(defn on-reading [state reading metadata] "
    "(if (:n reading) {:state (update state :count inc) :output (:n reading)} {:state state}))"
)
STREAM = (
    f'(def stream (mcp-stream "{SERVER}" on-reading {{:count 0}} {{:stream-id "count" :tool "watch" '
    ':args {:interval_ms 10} :since-arg "since" :since-path [:n] :reissue true}))'
)
COUNT = '(:count (:state (call :mcp.stream.inspect "count")))'
COLOR = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
BUSY = "(loop [] (recur))"


# ---- typing


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


# ---- stopping


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
    typed.line(work)
    typed.until("who?who?" if "read-line" in work else "Ctrl-C stops it")
    typed.type(CTRL_C)
    typed.until("interrupted")
    assert typed.tell("(inc kept)") == "2"


def test_ctrl_c_stops_an_evaluation_at_once(terminal: Start, tmp_path: Path) -> None:
    typed = terminal()
    typed.line(f'(do (call :ccos.io.write-file "{tmp_path}/begun" "=.") {BUSY})')
    typed.file(tmp_path / "begun")
    typed.type(CTRL_C)
    typed.until("interrupted")
    assert typed.tell("1") == "1"


def test_ctrl_c_stops_an_endless_macro(terminal: Start) -> None:
    typed = terminal()
    typed.line("(defmacro endless [] (loop [] (recur)))")
    typed.prompt()
    typed.line("(endless)")
    typed.until("(endless)")
    typed.until("\n")
    typed.type(CTRL_C)
    typed.until("interrupted")
    assert typed.tell("1") == "1"


def test_finally_runs_after_ctrl_c(terminal: Start) -> None:
    typed = terminal()
    typed.line('(try (loop [] (recur)) (finally (def cleaned "yes")))')
    typed.until("Ctrl-C stops it")
    typed.type(CTRL_C)
    typed.until("interrupted")
    assert typed.tell("1") == "1"


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
    typed.line(BUSY)
    typed.until("Ctrl-C stops it")
    typed.line("(def never 1)")
    typed.line(":limits")  # told once that input is in
    typed.type(CTRL_C)
    typed.until("interrupted")
    typed.line("(def ever 2)")
    typed.line("never")
    typed.until("Undefined symbol: never")
    assert typed.tell("ever") == "2"


# ---- streams


@pytest.fixture
def counting(terminal: Start) -> Terminal:
    """A REPL with a stream that counts readings."""
    typed = terminal(size=(24, 200))
    typed.line(COUNTER)
    typed.line(STREAM)
    typed.prompt()
    typed.wait_for(lambda: int(typed.tell(COUNT)) > 5, "a reading")
    return typed


def test_a_stream_runs_while_one_types(counting: Terminal) -> None:
    counting.type("(def unfinished ")
    before = _count(counting, "1)")
    counting.wait_for(lambda: int(counting.tell(COUNT)) > before + 20, "more readings")


def _count(typed: Terminal, rest: str) -> int:
    typed.line(rest)
    return int(typed.tell(COUNT))


def test_ctrl_c_never_stops_a_stream(counting: Terminal) -> None:
    for work in (BUSY, "(call :ccos.system.sleep-ms 1000000)"):
        counting.line(work)
        counting.until("Ctrl-C stops it")
        counting.type(CTRL_C)
        counting.until("interrupted")
    counting.type("(typed")
    counting.press(CTRL_C)
    before = int(counting.tell(COUNT))
    counting.wait_for(lambda: int(counting.tell(COUNT)) > before + 5, "more readings")
    assert counting.tell('(name (:status (call :mcp.stream.inspect "count")))') == "active"


def test_a_stream_is_paused_resumed_and_cancelled(counting: Terminal) -> None:
    counting.line(":pause count")
    counting.until("count is paused")
    before = int(counting.tell(COUNT))
    assert counting.tell('(name (:status (call :mcp.stream.inspect "count")))') == "paused"
    assert int(counting.tell(COUNT)) == before
    counting.line(":resume")
    counting.until("count is active")
    counting.wait_for(lambda: int(counting.tell(COUNT)) > before, "a further reading")
    counting.line(":cancel count")
    counting.until("count is cancelled")
    assert counting.tell('(name (:status (call :mcp.stream.inspect "count")))') == "cancelled"


def test_a_stream_is_paused_while_an_evaluation_waits_for_it(counting: Terminal) -> None:
    counting.line("(def end (call :mcp.stream.await stream))")
    counting.until("Ctrl-C stops it")
    counting.line(":pause count")
    counting.until("count is paused")
    counting.line(":cancel count")
    counting.until("count is cancelled")
    assert counting.tell("(name (:status end))") == "cancelled"


def test_undo_leaves_streams_running(counting: Terminal) -> None:
    counting.line("(def x 1)")
    counting.line("(def x 2)")
    counting.line(":undo")
    counting.until("undone")
    assert counting.tell("x") == "1"
    before = int(counting.tell(COUNT))
    counting.wait_for(lambda: int(counting.tell(COUNT)) > before, "a further reading")


def test_what_a_stream_prints_stands_above_what_is_typed(counting: Terminal) -> None:
    counting.line('(defn show [] (loop [] (println "reading" (call :mcp.stream.next "count")) (recur)))')
    counting.line("(call :ccos.async/spawn show)")
    counting.until("reading ")
    counting.type("(def x 7)")
    counting.until("(def x 7)")
    counting.until("reading ")
    counting.until("rtfs> (def x 7)")
    counting.line("")
    assert counting.tell("x") == "7"


def test_leaving_drains_streams(counting: Terminal) -> None:
    counting.type(CTRL_D)
    counting.until("waiting for 1 stream to finish the work at hand")
    assert counting.end() == 0


# ---- terminals and texts of all kinds


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
    typed.line(f'(do (call :ccos.io.write-file "{tmp_path}/begun" "=.") {BUSY})')
    typed.file(tmp_path / "begun")
    typed.press(CTRL_C)
    typed.until("interrupted")
    assert typed.tell("(inc x)") == "4"
    typed.type(CTRL_D)
    assert typed.end() == 0
    assert "\x1b" not in typed.output


# ---- signals


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
    os.close(typed.master)
    typed.master = os.open(os.devnull, os.O_RDWR)
    typed.process.wait(60)
    assert typed.process.returncode in (0, 129)


def test_the_third_ctrl_c_ends_the_process(terminal: Start, tmp_path: Path) -> None:
    typed = terminal()
    typed.line(f'(try {BUSY} (finally (call :ccos.io.write-file "{tmp_path}/f" "=.") {BUSY}))')
    typed.until("Ctrl-C stops it")
    for _ in range(3):
        typed.type(CTRL_C)
    typed.wait_for(lambda: "interrupted" in typed.plain or typed.process.poll() is not None, "an end")


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
