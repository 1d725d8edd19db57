"""Modules of files (language.md §10): where they are found, how often they run, what happens when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rtfs
from rtfs.loader import Cache, Files, Texts

ONE_MODULE = '(module shop.stock "What there is." (:exports [pears]) (def pears 3) (def figs 5))'


def session(texts: dict[str, str], cache: Cache | bool = False) -> rtfs.Session:
    return rtfs.Session(cache=cache, lookup=Texts(texts))


def refused(texts: dict[str, str], text: str = "(import a)") -> str:
    """What goes wrong, and where."""
    with pytest.raises(rtfs.RtfsError) as raised:
        session(texts).start(text, name="main.rtfs")
    return f"{raised.value.message} @ {raised.value.span}"


# ---- what a file may hold ---------------------------------------------------------------------------------------


def test_a_file_of_plain_forms_exports_what_is_not_private() -> None:
    run = session({"a": "(def x 1) (defn- y [] 2) (defmacro z [] (y)) (deftype T :int)"}).run
    assert run("(import a :only [x z T]) [a/x (z) (valid? 'T 5)]") == (1, 2, True)
    with pytest.raises(rtfs.RtfsError, match="symbol 'y' not exported by module 'a'"):
        run("(import a :only [y])")


def test_a_file_may_be_one_module_form_with_its_own_exports() -> None:
    texts = {"shop.stock": ONE_MODULE}
    assert session(texts).run("(import shop.stock :as s) [s/pears shop.stock/pears]") == (3, 3)
    assert refused(texts, "(import shop.stock) shop.stock/figs").startswith("Undefined symbol: shop.stock/figs @ main")


def test_a_file_of_plain_forms_may_list_its_exports() -> None:
    assert refused({"a": "(def x 1) (def y 2) (export x)"}, "(import a) a/y").startswith("Undefined symbol: a/y")
    assert refused({"a": "(export x)"}).startswith("Module error: exported name 'x' is not defined in module 'a'")


@pytest.mark.parametrize("declared", ["shop.stock", "shop/stock"])
@pytest.mark.parametrize("imported", ["shop.stock", "shop/stock"])
def test_dots_and_slashes_in_names_mean_the_same(declared: str, imported: str) -> None:
    texts = {"shop.stock": ONE_MODULE.replace("shop.stock", declared)}
    assert session(texts).run(f"(import {imported}) {imported}/pears") == 3


def test_a_module_form_of_another_name_is_refused() -> None:
    found = refused({"a": "\n(module b (def x 1))"})
    assert found == "Module error: the file of module 'a' defines module 'b' @ a.rtfs:2:1-2:21"


@pytest.mark.parametrize("text", ["(module a (def x 1)) (def y 2)", "(def y 2) (module a)", "(module a) (module a)"])
def test_a_module_form_beside_other_forms_is_refused(text: str) -> None:
    assert refused({"a": text}).startswith("Module error: the file of module 'a' has forms beside its module form @ a.")


def test_a_file_without_forms_is_an_empty_module() -> None:
    assert session({"a": "; nothing yet"}).run("(import a)") is None


# ---- running once -----------------------------------------------------------------------------------------------


def test_a_module_runs_once_however_often_and_under_whichever_name_it_is_imported() -> None:
    texts = {"lib.n": "(def n (call :next))", "b": "(import lib/n :as l) (def n l/n)"}
    outcome = session(texts).start("(import b) (import lib.n) (import lib/n) [lib.n/n lib/n/n b/n]")
    assert isinstance(outcome, rtfs.RequiresHost)
    outcome = outcome.resume(7)
    assert isinstance(outcome, rtfs.Complete)
    assert outcome.value == (7, 7, 7)


def test_a_module_of_the_program_is_not_looked_for_in_files() -> None:
    assert session({"a": "(nope)"}).run("(module a (def x 7)) (import a) a/x") == 7


def test_definitions_of_a_module_are_each_sessions_own() -> None:
    texts = {"a": "(def n (call :n))"}
    found = []
    for answer in (1, 2):
        outcome = session(texts).start("(import a) a/n")
        assert isinstance(outcome, rtfs.RequiresHost)
        outcome = outcome.resume(answer)
        assert isinstance(outcome, rtfs.Complete)
        found.append(outcome.value)
    assert found == [1, 2]


def test_programs_of_one_session_that_load_a_module_at_the_same_time_do_not_disturb_each_other() -> None:
    market = rtfs.Marketplace()

    @market.capability("slow.one", output=":int", effects=[":none"])
    async def one() -> int:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return 1

    async def main() -> Any:
        context = rtfs.RuntimeContext.controlled(allow=["slow.*"])
        texts = Texts({"a": "(def x (call :slow.one))"})
        shared = rtfs.Session(marketplace=market, context=context, cache=False, lookup=texts)
        return await asyncio.gather(*[shared.run_async("(import a) a/x") for _ in range(2)])

    assert asyncio.run(main()) == [1, 1]


# ---- cycles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ({"a": "(import a)"}, "a -> a @ a.rtfs:1:1-1:11"),
        ({"a": "(import b)", "b": "(import [c :as x])", "c": "(import b)"}, "b -> c -> b @ c.rtfs:1:1-1:11"),
        ({"a": "(import x/y)", "x.y": "(import x.y)"}, "x.y -> x.y @ x.y.rtfs:1:1-1:13"),
        ({"a": "(import user)"}, "user -> a -> user @ a.rtfs:1:1-1:14"),
    ],
)
def test_a_cycle_is_named_where_it_closes(texts: dict[str, str], found: str) -> None:
    assert refused(texts) == f"Module error: import cycle: {found}"


# ---- failures ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("\n(def x (nope))", "Undefined symbol: nope @ a.rtfs:2:9-2:13"),
        ("(def x (+ 1", "unterminated list @ a.rtfs:1:8-1:9"),
        ("\n  (let)", "let: expected a binding vector @ a.rtfs:2:3-2:8"),
        ("(import b)", "Module not found: b @ a.rtfs:1:9-1:10"),
        ("(import a.b :only [x])", "Module not found: a.b @ a.rtfs:1:9-1:12"),
    ],
)
def test_an_error_in_a_module_shows_the_place_in_its_file(text: str, found: str) -> None:
    assert refused({"a": text}) == found


def test_an_error_in_a_function_of_a_module_shows_its_place_and_the_callers() -> None:
    with pytest.raises(rtfs.RtfsError) as raised:
        session({"a": "(defn f [x]\n  (+ x :a))"}).run("(import a)\n(defn g [] (a/f 1))\n(g)", name="main.rtfs")
    assert str(raised.value.span) == "a.rtfs:2:8-2:10"
    assert [(name, str(span)) for name, span in raised.value.trace][1:] == [
        ("g", "main.rtfs:2:12-2:19"),
        (None, "main.rtfs:3:1-3:4"),
    ]


def test_a_host_call_tells_the_module_and_place_it_stands_in() -> None:
    texts = {"a.b": "\n(defn f [] (call :x))"}
    outcome = session(texts).start("(import a/b :as q) [(q/f) (call :y)]", name="main.rtfs")
    told = []
    while isinstance(outcome, rtfs.RequiresHost):
        told.append((outcome.call.module, str(outcome.call.span)))
        outcome = outcome.resume(None)
    assert told == [("a.b", "a.b.rtfs:2:12-2:21"), ("user", "main.rtfs:1:27-1:36")]


def failing_once(cached: bool, tmp_path: Path) -> tuple[rtfs.Session, str]:
    """A session whose module divides by the answer of the host; with `cached`, one that runs stored code."""
    tmp_path.chmod(0o700)
    cache = Cache(str(tmp_path / "cache"))
    texts, program = {"a": "(def x 1) (def y (/ 10 (call :n))) (def z 1)"}, "(import a) [a/x a/y]"
    if cached:
        outcome = session(texts, cache).start(program)
        assert isinstance(outcome, rtfs.RequiresHost)
        outcome.resume(1)
    return session(texts, cache), program


@pytest.mark.parametrize("cached", [False, True])
def test_a_module_that_fails_half_way_is_not_there_and_runs_again(cached: bool, tmp_path: Path) -> None:
    running, program = failing_once(cached, tmp_path)
    outcome = running.start(program)
    assert isinstance(outcome, rtfs.RequiresHost)
    with pytest.raises(rtfs.RtfsError, match="Division by zero"):
        outcome.resume(0)
    with pytest.raises(rtfs.RtfsError, match="Undefined symbol: a/x"):
        running.run("a/x")
    outcome = running.start(program)
    assert isinstance(outcome, rtfs.RequiresHost)
    outcome = outcome.resume(5)
    assert isinstance(outcome, rtfs.Complete) and outcome.value == (1, 2)


def test_a_module_form_that_fails_leaves_the_module_of_that_name_as_it_was() -> None:
    running = session({})
    running.run("(module a (def x 1))")
    with pytest.raises(rtfs.RtfsError):
        running.run("(module a (def x 2) (nope))")
    assert running.run("(import a) a/x") == 1


def test_a_program_that_is_dropped_inside_a_module_leaves_nothing_behind() -> None:
    running = session({"a": "(def x (call :n))"})
    outcome = running.start("(import a) a/x")
    assert isinstance(outcome, rtfs.RequiresHost)
    del outcome
    again = running.start("(import a) a/x")
    assert isinstance(again, rtfs.RequiresHost)
    done = again.resume(4)
    assert isinstance(done, rtfs.Complete) and done.value == 4


# ---- stored code ------------------------------------------------------------------------------------------------


@pytest.fixture
def show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs texts in turn in a new session over one cache, forgetting what the process still knows."""
    tmp_path.chmod(0o700)
    cache = Cache(str(tmp_path / "cache"))

    def run(texts: dict[str, str], *programs: str) -> str:
        monkeypatch.setattr("rtfs.compiled._MEMORY", {})
        running = session(texts, cache)
        return [rtfs.show(running.run(program, name="p.rtfs")) for program in programs][-1]

    return run


MACRO = "(import b) (defmacro m [] (b/f))"


def test_code_is_compiled_again_when_a_module_of_a_module_changes(show: Callable[..., str]) -> None:
    for answer in ("1", "2", "2"):
        texts = {"a": MACRO, "b": "(import c :only [n]) (defn f [] n)", "c": f"(def n {answer})"}
        assert show(texts, "(import a :only [m]) (m)") == answer


def test_code_compiled_against_a_module_of_the_program_is_not_used_with_a_file_of_that_name(
    show: Callable[..., str],
) -> None:
    program = "(import b :only [m]) (m)"
    assert show({}, "(module b (defmacro m [] 1))", program) == "1"
    assert show({"b": "(defmacro m [] 2)"}, program) == "2"


def test_code_of_a_file_compiled_against_a_module_of_the_program_is_used_with_no_other(
    show: Callable[..., str],
) -> None:
    for answer in ("1", "2"):
        program = f"(module b (defn f [] {answer})) (import a :only [m]) (m)"
        assert show({"a": MACRO}, program) == answer


def test_code_compiled_with_macros_of_an_earlier_text_is_used_with_no_others(show: Callable[..., str]) -> None:
    for answer in ("1", "2", "2"):
        assert show({}, f"(defn f [] {answer}) (defmacro m [] (f))", "(m)") == answer


def test_code_compiled_without_a_type_is_not_used_where_there_is_one(show: Callable[..., str]) -> None:
    cast = "(defn f [x : Int] x) (try (f 5) (catch e :refused))"
    assert show({}, "nil", cast) == "5"
    assert show({}, "(deftype Int :string)", cast) == ":refused"
    assert show({}, "nil", cast) == "5"


def test_code_of_one_text_run_under_two_macros_keeps_its_own_constants() -> None:
    running, text = session({}), "(defn f [] (m))"
    for result in ("[:a]", "[:b]"):
        running.run(f"(defmacro m [] '(quote {result}))")
        running.run(text)
        running.run(f"(def {result[2]} f)")
    assert rtfs.show(running.run("[(a) (b)]")) == "[[:a] [:b]]"


def test_code_is_used_again_by_a_later_text_of_a_session(
    show: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, programs = {"a": "(def x 1)"}, ["(import a) (def y 2)", "(+ a/x y)", "(import a) (def y 2)"]
    show(texts, *programs)
    monkeypatch.setattr("rtfs.program.World._fresh", None)  # reading or compiling now would fail
    assert show(texts, *programs) == "2"


def test_a_module_that_was_loaded_is_the_one_code_must_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    cache, folder = Cache(str(tmp_path / "cache")), tmp_path / "modules"
    folder.mkdir()
    place = folder / "a.rtfs"

    def running() -> rtfs.Session:
        monkeypatch.setattr("rtfs.compiled._MEMORY", {})
        return rtfs.Session(cache=cache, lookup=Files(str(folder), path=()))

    program = "(import a) (a/m)"
    place.write_text("(def n 1) (defmacro m [] `[n ~n])")
    old = running()
    assert old.run("(import a)") is None
    place.write_text("(def n 2) (defmacro m [] `[n ~n])")
    assert running().run(program) == (2, 2)
    assert old.run(program) == (1, 1)
