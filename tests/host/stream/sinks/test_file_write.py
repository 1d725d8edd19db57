"""`:stream.file.write`: what is in the file, also after failures and kills (streaming.md §6.3)."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
PROGRAM = Path(__file__).parents[1] / "programs" / "graph.py"
Run = Callable[[Path, str, str], "str | None"]


def waited(path: Path | str, options: str, session: rtfs.Session = SESSION) -> Any:
    """What `:stream.wait` says of a run that writes."""
    return session.run(f"(call :stream.wait (call :stream.file.write {rtfs.show(str(path))} {{{options}}}))")


def refused(path: Path | str, options: str, session: rtfs.Session = SESSION) -> str:
    with pytest.raises(rtfs.RtfsError) as caught:
        waited(path, options, session)
    return f"{caught.value.code[5:]} {caught.value.message}".replace(str(path), "FILE")


# ---- forms


@pytest.mark.parametrize(
    ("options", "content"),
    [
        (':data-source ["a" "b\\n" 1 :k nil]', "ab\n1:knil"),
        (':data-source ["ä" {:a [1 "x"]}] :format :lines', 'ä\n{:a [1 "x"]}\n'),
        (':data-source [{:a "ü" :b [1 nil true]} "x"] :format :json-lines', '{"a": "ü", "b": [1, null, true]}\n"x"\n'),
        (':data-source [{:a 1 :b "x,\\"y\\""} {:b nil}] :format :csv', 'a,b\n1,"x,""y"""\n,\n'),
        (":data-source [[1 2] [3 4]] :format :csv", "1,2\n3,4\n"),
        (":data-source [[104 105] [33]] :format :bytes", "hi!"),
        (":data-source []", ""),
        (':data-source (stream.map ["a" "b"] string/upper-case) :format :lines', "A\nB\n"),
        (":data-source (stream.reduce [1 2 3] +)", "6"),
    ],
)
def test_what_an_item_becomes(tmp_path: Path, options: str, content: str) -> None:
    file = tmp_path / "out"
    waited(file, options)
    assert file.read_bytes() == content.encode()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))), st.sampled_from(["utf8", "utf-16", "utf-32-be"]))
def test_text_in_any_encoding_is_the_items_in_a_row(
    tmp_path_factory: pytest.TempPathFactory, items: list[str], encoding: str
) -> None:
    file = tmp_path_factory.mktemp("text") / "out"
    SESSION.define("xs", rtfs.from_python(items))
    waited(file, f':data-source xs :encoding "{encoding}"')
    assert file.read_bytes().decode(encoding) == "".join(items)


def test_the_end_tells_how_much_was_written(tmp_path: Path) -> None:
    told: list[str] = []
    SESSION.define("tell", lambda summary: told.append(rtfs.show(summary)))
    answer = waited(tmp_path / "out", ':data-source ["ab" "c"] :on-complete (fn [s] (tell (dissoc s :path)))')
    assert told == ["{:items 2 :bytes 3}"]
    assert [answer[rtfs.Keyword(key)] for key in ("status", "result")] == [rtfs.Keyword("completed"), 2]


# ---- modes


def test_create_refuses_a_file_that_is_there_and_leaves_it(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("old")
    message = refused(file, ':data-source ["new"] :mode :create')
    assert message == "S041 Sink 'file.write' failed: File exists: FILE"
    assert file.read_text() == "old"


def test_append_adds_to_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "out"
    waited(file, ':data-source ["1"] :mode :append')
    waited(file, ':data-source ["2"] :mode :append')
    assert file.read_text() == "12"


def test_a_replaced_file_keeps_its_mode_and_is_the_old_one_until_the_new_one_is_complete(tmp_path: Path) -> None:
    file = tmp_path / "out"
    file.write_text("old")
    file.chmod(0o640)
    seen: list[str] = []
    SESSION.define("look", lambda x: seen.append(file.read_text()))
    waited(file, ':data-source (stream.tap ["a" "b"] (fn [x] (look x)))')
    assert (seen, file.read_text(), file.stat().st_mode & 0o777) == (["old", "old"], "ab", 0o640)
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize(("atomic", "left"), [("true", "old"), ("false", "12")])
def test_a_run_that_fails_leaves_no_file_beside_it(tmp_path: Path, atomic: str, left: str) -> None:
    file = tmp_path / "out"
    file.write_text("old")
    failing = '(stream.map [1 2 3] (fn [x] (if (= x 3) (throw "no") x)))'
    answer = waited(file, f":data-source {failing} :atomic {atomic}")
    assert rtfs.show(answer[rtfs.Keyword("status")]) == ":error"
    assert (file.read_text(), os.listdir(tmp_path)) == (left, ["out"])


def test_a_run_that_is_cancelled_leaves_no_file_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "out"
    endless = "(call :stream.generate (fn [n] [n (inc n)]) {:initial-state 0})"
    SESSION.run(f"""(let [run (call :stream.file.write {rtfs.show(str(file))} {{:data-source {endless}}})]
                      (call :mcp.stream.await run {{:chunks 2000}})
                      (call :stream.cancel run)
                      (call :stream.wait run))""")
    assert os.listdir(tmp_path) == []


def test_what_a_link_names_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    waited(tmp_path / "link", ':data-source ["new"]')
    assert ((tmp_path / "real").read_text(), (tmp_path / "link").is_symlink()) == ("new", True)


# ---- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (":data-source [1] :mode :add", "S003 Parameter 'mode': expected one of :create :append :replace, got :add"),
        (':data-source [1] :encoding "rot13"', "S003 Parameter 'encoding': expected the name of a text encoding, got"
                                              ' "rot13"'),
        (":data-source [1] :mode :append :atomic true", "S003 Parameter 'atomic': expected false, as :mode is :append,"
                                                       " got true"),
        (":data-source [1] :outputs :ring", "S003 Parameter 'outputs': expected one of :block :durable, got :ring"),
    ],
)  # fmt: skip
def test_bad_parameters_are_refused_before_anything_is_touched(tmp_path: Path, options: str, message: str) -> None:
    assert refused(tmp_path / "out", options) == message
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file: file.mkdir(), "Not a regular file: FILE"),
        (lambda file: os.mkfifo(file), "Not a regular file: FILE"),
        (lambda file: None, "No such file or directory: FILE"),
    ],
    ids=["directory", "fifo", "missing directory"],
)
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, make: Any, message: str, mode: str) -> None:
    file = tmp_path / ("out" if "regular" in message else "none/out")
    make(file)
    found = refused(file, f":data-source [1] :mode :{mode}").removeprefix("S041 Sink 'file.write' failed: ")
    assert found in (message, "Is a directory: FILE", "No such device or address: FILE")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (":data-source [[1 256]] :format :bytes", "expected integers from 0 to 255, got [1 256]"),
        (':data-source ["ü"] :encoding "ascii"', "not a character of ascii: 'ü'"),
        (":data-source [{:a 1} {:b 1}] :format :csv", "no column :b; the columns are [:a]"),
    ],
)
def test_an_item_that_has_no_such_form_fails_the_run(tmp_path: Path, options: str, problem: str) -> None:
    answer = waited(tmp_path / "out", options)
    assert answer[rtfs.Keyword("error")][rtfs.Keyword("message")] == f"Sink 'file.write' failed: {problem}"
    assert os.listdir(tmp_path) == []


def test_under_skip_only_the_wrong_items_are_missing(tmp_path: Path) -> None:
    file = tmp_path / "out"
    answer = waited(file, ':data-source ["a" "ü" "b"] :encoding "ascii" :on-error :skip')
    assert (file.read_text(), answer[rtfs.Keyword("result")]) == ("ab", 2)


def test_the_grant_for_one_folder_opens_no_other(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A60."""
    (tmp_path / "mine").mkdir()
    context = rtfs.RuntimeContext.controlled(["stream.**"], grants=[("write", str(tmp_path / "mine"))])
    session = rtfs.Session(context=context)
    request.addfinalizer(session.close)
    waited(tmp_path / "mine" / "out", ':data-source ["x"]', session)
    assert (tmp_path / "mine" / "out").read_text() == "x"
    message = refused(tmp_path / "mine" / ".." / "out", ':data-source ["x"]', session)
    assert message == "S053 Effect :filesystem for FILE denied for stream.file.write"
    assert os.listdir(tmp_path) == ["mine"]


# ---- kills


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """`run(state_dir, fuse, text)` is one life of a process: what its program gave, None when it was killed."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        stdin, stdout = nursery.stdin, nursery.stdout
        assert stdin is not None
        assert stdout is not None

        def one_life(state_dir: Path, fuse: str, text: str) -> str | None:
            stdin.write(json.dumps([str(state_dir), fuse, text]) + "\n")
            stdin.flush()
            answer = json.loads(stdout.readline())
            assert answer["code"] == (0 if answer["end"] else -signal.SIGKILL)
            end: str | None = answer["end"]
            return end

        yield one_life
        stdin.close()


def program(file: Path, source: str, mode: str) -> str:
    options = f'{{:data-source {source} :format :lines :mode :{mode} :stream-id "copy"}}'
    return f"(let [a (call :stream.wait (call :stream.file.write {rtfs.show(str(file))} {options}))] (:result a))"


COUNT = 4_000
NUMBERS = f"(call :stream.generate (fn [n] [n (inc n)]) {{:initial-state 0 :limit {COUNT}}})"
BATCHES = f"(stream.flat-map (stream.batch {NUMBERS} 1500) identity)"  # what is left of them comes with the end


@pytest.mark.parametrize(("mode", "source"), [("append", NUMBERS), ("replace", NUMBERS), ("append", BATCHES)])
def test_killed_anywhere_and_started_again_each_line_is_there_once(
    tmp_path: Path, run: Run, mode: str, source: str
) -> None:
    chance = random.Random(mode)
    file, lives = tmp_path / "out", 0
    if mode == "append":
        file.write_text("before\n")
    while (end := run(tmp_path / "state", _fuse(chance), program(file, source, mode))) is None:
        lives += 1
    assert end == str(COUNT)
    assert lives > 0
    before = ["before"] if mode == "append" else []
    assert file.read_text().splitlines() == [*before, *map(str, range(COUNT))]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "state"]


def _fuse(chance: random.Random) -> str:
    place = chance.choice(["commit", "committed", "pwrite", "written"])
    return f"{place}:{chance.randint(2, 6)}"


@pytest.mark.parametrize("place", ["rename", "renamed"])
def test_killed_at_the_very_end_the_file_is_complete_after_the_next_start(tmp_path: Path, run: Run, place: str) -> None:
    file = tmp_path / "out"
    assert run(tmp_path / "state", f"{place}:1", program(file, NUMBERS, "replace")) is None
    assert run(tmp_path / "state", "never", program(file, NUMBERS, "replace")) == str(COUNT)
    assert file.read_text().splitlines() == [*map(str, range(COUNT))]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "state"]


@pytest.mark.parametrize("name", ["in", "in.gz"])
def test_lines_copied_from_file_to_file_through_kills_are_there_once(tmp_path: Path, run: Run, name: str) -> None:
    chance = random.Random(name)
    lines = "".join(f"{number} ü\n" for number in range(COUNT)).encode()
    (tmp_path / name).write_bytes(gzip.compress(lines) if name.endswith(".gz") else lines)
    read = f"(call :stream.file.read {rtfs.show(str(tmp_path / name))} {{:mode :lines}})"
    while run(tmp_path / "state", _fuse(chance), program(tmp_path / "out", read, "append")) is None:
        pass
    assert (tmp_path / "out").read_bytes() == lines
