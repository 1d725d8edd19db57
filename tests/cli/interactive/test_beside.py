"""Streams that run beside the prompt of `rtfs repl`."""

from __future__ import annotations

from tests.cli.interactive.pseudo import BUSY, COUNT, CTRL_C, CTRL_D, STREAM, Terminal


def test_a_stream_runs_while_one_types(counting: Terminal) -> None:
    counting.type("(def unfinished ")
    before = _count(counting, "1)")
    counting.wait_for(lambda: int(counting.tell(COUNT)) > before + 20, "more readings")


def _count(typed: Terminal, rest: str) -> int:
    typed.line(rest)
    return int(typed.tell(COUNT))


def test_ctrl_c_never_stops_a_stream(counting: Terminal) -> None:
    for work in (BUSY, "(call :ccos.system.sleep-ms 1000000)"):
        counting.begin(work)
        counting.type(CTRL_C)
        counting.until("interrupted")
    counting.type("(typed")
    counting.until("(typed")
    counting.press(CTRL_C)
    counting.until("rtfs>")  # the signal and what is typed next come by different ways
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


def test_a_stream_that_fails_says_so_above_the_prompt_and_the_session_goes_on(counting: Terminal) -> None:
    counting.line('(defn bad [state reading metadata] (+ 1 "not a number"))')
    counting.line(STREAM.replace("on-reading", "bad").replace('"count"', '"failing"'))
    counting.until("stream failing ended:")
    counting.until("expected number")
    assert counting.tell("(+ 1 1)") == "2"
    before = int(counting.tell(COUNT))
    counting.wait_for(lambda: int(counting.tell(COUNT)) > before, "a further reading")
