"""Each command of the REPL, by what it shows and what it does to the session."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from rtfs.cli.interactive.commands import load
from tests.cli.interactive.conftest import Typing


def test_an_input_is_evaluated_and_its_value_shown(typing: Typing) -> None:
    assert typing("(def x 20)", "(+ x 1)").endswith("21")
    assert typing.value("x") == 20


def test_the_last_values_and_the_last_error_have_names(typing: Typing) -> None:
    typing("1", "2", "3", '(throw "bad")')
    assert typing("[*1 *2 *3]") == "[3 2 1]"
    assert typing("(:message *e)") == '"bad"'


def test_an_error_is_shown_with_its_place_in_the_input(typing: Typing) -> None:
    assert '┌─ <1>:1:6\n1 │ (+ 1 "a")' in typing('(+ 1 "a")')


def test_several_syntax_errors_are_shown_together(typing: Typing) -> None:
    shown = typing("(def x \\a) (def y #{1})")
    assert "\\a" in shown and "#{…}" in shown


def test_a_long_result_is_cut_and_more_shows_all_of_it(typing: Typing) -> None:
    cut = typing("(vec (range 5000))")
    assert "; cut after 2,000 characters: :more shows all of it" in cut
    assert "4999" not in cut
    assert typing(":more").rstrip().endswith("4999]")


def test_help_lists_every_command_and_describes_each(typing: Typing) -> None:
    listed = typing(":help")
    for command in set(load().values()):
        assert command.title in listed
        described = typing(f":help {command.names[0]}")
        assert described.startswith(command.title) and len(described.splitlines()) > 2


@pytest.mark.parametrize("name", sorted(load()))
def test_no_command_but_quit_ends_the_session_when_it_is_called_without_arguments(typing: Typing, name: str) -> None:
    typing("(def kept 1)", f":{name}")
    assert typing.repl.leaving == (name in ("quit", "q", "exit"))


def test_a_mistyped_command_is_told_with_what_was_meant(typing: Typing) -> None:
    assert typing(":hlep") == (
        "error: there is no command :hlep; did you mean :help?\n  = hint: the keyword itself is (do :hlep)"
    )


@pytest.mark.parametrize("text", [":", ": help", " : "])
def test_a_colon_alone_is_no_command(typing: Typing, text: str) -> None:
    assert typing(text).startswith("error: there is no command :; :help lists all commands")


def test_type_infers_with_the_definitions_of_the_session_and_runs_nothing(typing: Typing) -> None:
    typing("(defn half [n :int] :float (/ n 2.0))")
    assert typing(":type (half 3)") == ":float"
    assert typing(':t (str (call :ccos.io.write-file "made" "x"))') == ":string"
    assert not Path("made").exists()


def test_type_of_what_is_wrong_is_an_error(typing: Typing) -> None:
    assert "error[RTFS-E" in typing(":type (let [x])")


def test_ast_shows_forms_with_their_places(typing: Typing) -> None:
    assert typing(":ast (f [1 :k])") == (
        "list  1:1\n  symbol f  1:2\n  vector  1:4\n    int 1  1:5\n    keyword :k  1:7"
    )


def test_expand_shows_core_forms_by_the_macros_of_the_session(typing: Typing) -> None:
    typing("(defmacro twice [x] `(do ~x ~x))")
    assert typing(":expand (twice 1)") == "(do 1 1)"


def test_python_shows_what_is_compiled(typing: Typing) -> None:
    assert "return" in typing(":python (fn [x] (+ x 1))")


def test_format_lays_out_the_last_input_or_a_given_one(typing: Typing) -> None:
    assert typing(":format (f   1\n2)") == "(f 1\n   2)"
    typing("(def   y    2)")
    assert typing(":f") == "(def y 2)"


def test_explain_takes_a_code_or_the_last_error(typing: Typing) -> None:
    assert typing(":explain").startswith("error: there was no error yet")
    typing("(/ 1 0)")
    code = typing.value("*e").error.code  # type: ignore[attr-defined]
    assert typing(":explain").startswith(code)
    assert typing(":explain E403").startswith("RTFS-E403")


def test_doc_and_info_know_own_names_and_those_of_the_library(typing: Typing) -> None:
    typing('(defn greet "Says hello." [name] (str "hello " name))')
    assert typing(":doc greet") == "greet   function\n\n  (greet name)\n\n  Says hello."
    assert "(get-in m ks default?)" in typing(":doc get-in") or "get-in" in typing(":doc get-in")
    assert "defined  here" in typing(":info greet")
    assert "special form" in typing(":info let")
    assert typing(":doc greeet").startswith("error: nothing is called greeet; did you mean greet?")


def test_source_shows_inputs_and_the_library(typing: Typing) -> None:
    typing("(def a 1)", "(defn twice [x]\n  (* 2 x))")
    assert typing(":source twice") == "(defn twice [x]\n  (* 2 x))"
    assert typing(":source when-not").startswith("(defmacro when-not")
    assert "written in Python" in typing(":source map")


def test_apropos_finds_by_words(typing: Typing) -> None:
    typing("(defn last-thing [] 1)")
    found = typing(":apropos last")
    assert "last-thing" in found and "defined here" in found
    assert "last " in found


def test_caps_lists_capabilities_and_marks_what_may_not_be_called(typing: Typing) -> None:
    assert "  ccos.io.println" in typing(":caps println")
    assert typing(":caps no-such-thing") == "no capability has 'no-such-thing' in its id"


def test_switches_are_shown_and_set(typing: Typing) -> None:
    assert typing(":set types on", "(+ 1 2)") == "types on\n3\n; :int"
    assert typing(":set types off", ":set timing", "1").endswith(" ms")
    assert "vi       off" in typing(":set")
    assert typing(":set tpyes").startswith("error: there is no switch tpyes; did you mean types?")


def test_trace_shows_host_calls(typing: Typing) -> None:
    assert "(call :ccos.math.add 1 2)" in typing(":set trace on", "(call :ccos.math.add 1 2)")


def test_limits_bound_evaluations_from_now_on_and_keep_definitions(typing: Typing) -> None:
    typing("(def x 1)")
    assert "steps        1,000" in typing(":limits steps=1000")
    assert "StepLimitExceeded" in typing("(loop [] (recur))")
    assert typing("x") == "1"
    assert "unlimited" in typing(":limits off")
    assert typing("(reduce + (range 10000))") == "49995000"


def test_load_runs_a_file_and_reload_runs_it_again_when_it_changed(typing: Typing, tmp_path: Path) -> None:
    script = tmp_path / "a.rtfs"
    script.write_text("(def x 1)")
    typing(":load a.rtfs")
    assert typing(":reload") == "nothing has changed"
    script.write_text("(def x 2)")
    typing(":reload")
    assert typing.value("x") == 2


def test_a_missing_file_is_an_error_and_a_deleted_one_a_warning(typing: Typing, tmp_path: Path) -> None:
    assert typing(":load nothing.rtfs") == "error: nothing.rtfs: No such file or directory"
    script = tmp_path / "a.rtfs"
    script.write_text("(def x 1)")
    typing(":load a.rtfs")
    script.unlink()
    assert "it stays as it was" in typing(":reload")
    assert typing.value("x") == 1


def test_reload_runs_changed_modules_and_those_that_use_them(typing: Typing, tmp_path: Path) -> None:
    (tmp_path / "low.rtfs").write_text("(defn one [] 1)")
    (tmp_path / "high.rtfs").write_text(
        "(module high (:exports [two])\n(import low :as l)\n(defn two [] (* 2 (l/one))))"
    )
    typing("(import high :as h :only [two])")
    assert typing("[(two) (h/two)]") == "[2 2]"
    (tmp_path / "low.rtfs").write_text("(defn one [] 10)")
    typing(":reload")
    assert typing("[(two) (h/two)]") == "[20 20]"
    (tmp_path / "low.rtfs").write_text("(defn one [] 100)")
    typing(":reload")
    assert typing("[(two) (h/two)]") == "[200 200]"
    typing(":undo 4")
    assert typing("[(two) (h/two)]") == "[20 20]"


def test_undo_steps_back_and_makes_no_call_again(typing: Typing, tmp_path: Path) -> None:
    typing('(def n (call :ccos.state.counter.inc "n" 1))', "(def x 1)", "(def x 2)")
    assert typing(":undo") == "undone: (def x 2)"
    assert typing.value("x") == 1
    typing(":undo")
    assert typing("x").startswith("error[")
    typing(":undo")
    assert typing("n") == "1"
    assert typing('(call :ccos.state.counter.inc "n" 10)') == "11"


def test_undo_keeps_the_last_values(typing: Typing) -> None:
    typing("1", "2", "3", ":undo")
    assert typing("[*1 *2]") == "[2 1]"


def test_undo_takes_a_count_and_says_what_it_may_be(typing: Typing) -> None:
    typing("(def a 1)", "(def b 2)", "(def c 3)", ":undo 2")
    assert typing("a") == "1"
    assert typing(":undo 9") == "error: the count is from 1 to 2, the inputs so far\n  = hint: :undo [COUNT]"
    assert typing(":undo x").startswith("error: the count is a whole number")


def test_a_saved_script_is_the_inputs_and_loads(typing: Typing, tmp_path: Path) -> None:
    typing("(def x 1)", "(defn f [y]\n  (+ x y))", ":save s.rtfs")
    assert (tmp_path / "s.rtfs").read_text() == "(def x 1)\n\n(defn f [y]\n  (+ x y))\n"
    typing(":reset")
    assert typing("x").startswith("error[")
    typing(":load s.rtfs")
    assert typing("(f 2)") == "3"


def test_a_saved_session_goes_on_with_its_answers(typing: Typing, tmp_path: Path) -> None:
    typing('(def n (call :ccos.state.counter.inc "n" 1))', ":save s.session", ":reset")
    assert stat.S_IMODE(os.stat(tmp_path / "s.session").st_mode) == 0o600
    assert typing(":load s.session") == "1 inputs restored"
    assert typing("n") == "1"
    assert typing('(call :ccos.state.counter.inc "n" 10)') == "11"
    assert typing(":undo 3").endswith('undone: (def n (call :ccos.state.counter.inc "n" 1))')


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(typing: Typing, tmp_path: Path) -> None:
    typing("1")
    assert typing(":save no/such/folder") == "error: no/such/folder: No such file or directory"
    assert os.listdir(tmp_path) == []


def test_journal_lists_the_last_calls(typing: Typing) -> None:
    assert typing(":journal") == "no call was made"
    typing("(call :ccos.math.add 1 2)", "(call :no.such.thing)")
    assert "   1 :ccos.math.add 1 2 → 3" in typing(":journal")
    assert typing(":journal 1").startswith("   2 :no.such.thing ! ")


def test_security_shows_the_level(typing: Typing) -> None:
    assert typing(":security") == "level    full"


def test_reset_forgets_definitions_and_keeps_stored_values(typing: Typing) -> None:
    typing("(def x 1)", '(call :ccos.state.kv.put "k" 7)', ":reset")
    assert typing("x").startswith("error[")
    assert typing('(call :ccos.state.kv.get "k")') == "7"


def test_code_that_begins_with_a_keyword_in_a_list_is_no_command(typing: Typing) -> None:
    assert typing("(:a {:a 1})") == "1"


def test_a_deep_value_is_an_error_and_no_end(typing: Typing) -> None:
    assert "StackOverflow" in typing("(do (def deep (reduce (fn [a _] [a]) [] (range 20000))) deep)")
    assert typing("(count deep)") == "1"


def test_a_value_that_shares_its_parts_without_end_is_shown(typing: Typing) -> None:
    assert "cut after" in typing("(reduce (fn [a _] [a a]) [] (range 60))")
    assert typing("(count *1)") == "2"


def test_types_of_large_values_are_their_kinds_and_more_has_a_bound(typing: Typing) -> None:
    typing(":set types on")
    assert typing("(reduce (fn [a _] [a a]) [] (range 60))").endswith("; :vector")
    assert "OutputLimitExceeded" in typing(":more")


def test_an_interrupted_input_is_undone_as_any_other(typing: Typing) -> None:
    """Its calls and its end are replayed: the loop that was stopped does not run again."""
    import asyncio

    async def interrupted() -> None:
        repl = typing.repl
        repl.submit("(do (def begun (call :ccos.math.add 1 2)) (loop [] (recur)))")
        events = repl.session.recording.events
        while not events or events[-1][0] != "answer":
            await asyncio.sleep(0)
        repl.stop()
        await repl.settle()

    typing.runner.run(interrupted())
    assert "undone: 1" in typing("1", ":undo")
    assert "undone: (do (def begun" in typing(":undo")


def test_a_saved_script_leaves_out_what_failed(typing: Typing, tmp_path: Path) -> None:
    typing("(def x 1)", "(def y", "(+ 1 nil)", "(def z 3)")
    assert typing(":save s.rtfs") == "2 inputs written to s.rtfs, without 2 that failed"
    assert (tmp_path / "s.rtfs").read_text() == "(def x 1)\n\n(def z 3)\n"


@pytest.mark.parametrize("argument", ["\0", "(", "\\a", '"', "#{1}", "~", "é日", "x" * 5000, "(" * 600])
@pytest.mark.parametrize("name", sorted({each.names[0] for each in load().values()} - {"quit"}))
def test_no_argument_is_a_defect(typing: Typing, name: str, argument: str) -> None:
    assert "defect" not in typing(f":{name} {argument}")
    assert not typing.repl.leaving
