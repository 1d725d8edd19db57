"""`:stream.file.read`: what of a file becomes chunks, also while it grows (streaming.md §6.2)."""

from __future__ import annotations

import gzip
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rtfs
from rtfs.lang.names import Keyword as K

SESSION = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())


def node(path: Path | str, options: str) -> str:
    return f"(call :stream.file.read {rtfs.show(str(path))} {{{options}}})"


def read(path: Path | str, options: str = "", session: rtfs.Session = SESSION) -> list[Any]:
    return list(session.run(f"(call :stream.to-collection {node(path, options)})"))


def refused(path: Path | str, options: str = "", session: rtfs.Session = SESSION) -> str:
    with pytest.raises(rtfs.RtfsError) as caught:
        read(path, options, session)
    return f"{caught.value.code[5:]} {caught.value.message}".replace(str(path), "FILE")


# ---- modes


def test_ten_megabytes_of_two_byte_characters_in_odd_chunks_join_byte_equal(tmp_path: Path) -> None:
    file = tmp_path / "in"
    file.write_bytes("é".encode() * 5_000_000)
    chunks = read(file, ":chunk-size 8191")
    assert {len(chunk) for chunk in chunks[:-1]} == {4095}
    assert "".join(chunks).encode() == file.read_bytes()


@settings(max_examples=40, deadline=None)
@given(st.text(), st.integers(1, 9), st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32", "utf-8-sig"]))
def test_text_in_chunks_of_any_size_is_the_text(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int, encoding: str
) -> None:
    text = text.encode("utf-8", "ignore").decode().lstrip("\ufeff")
    file = tmp_path_factory.mktemp("text") / "in"
    file.write_bytes(text.encode(encoding))
    assert "".join(read(file, f':chunk-size {size} :encoding "{encoding}"')) == text


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 9), st.booleans())
def test_bytes_in_chunks_of_any_size_are_the_bytes(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, size: int, packed: bool
) -> None:
    file = tmp_path_factory.mktemp("bytes") / ("in.gz" if packed else "in")
    file.write_bytes(gzip.compress(content) if packed else content)
    chunks = read(file, f":mode :bytes :chunk-size {size}")
    assert b"".join(bytes(chunk) for chunk in chunks) == content


@pytest.mark.parametrize(
    ("options", "content", "chunks"),
    [
        (":mode :lines", "a\r\nü\n\nlast", '["a" "ü" "" "last"]'),
        (":mode :lines :from 2", "a\nb\n", '["b"]'),
        (":mode :lines", "", "[]"),
        (":mode :json-lines", '{"a": 1}\n\n[2]\n"x"', '[{:a 1} [2] "x"]'),
        (":mode :csv", 'a,b c\n1,"x\ny"\n\n2,""""\n', '[{:a "1" "b c" "x\\ny"} {:a "2" "b c" "\\""}]'),
    ],
)
def test_what_a_chunk_is(tmp_path: Path, options: str, content: str, chunks: str) -> None:
    file = tmp_path / "in"
    file.write_bytes(content.encode())
    assert rtfs.show(rtfs.from_python(tuple(read(file, options)))) == chunks


def test_members_of_a_gzip_file_are_read_one_after_the_other(tmp_path: Path) -> None:
    file = tmp_path / "in.gz"
    file.write_bytes(gzip.compress(b"a\nb", mtime=0) + gzip.compress(b"c\n"))
    assert read(file, ":mode :lines") == ["a", "bc"]


def test_the_callback_sees_each_chunk_and_then_the_end(tmp_path: Path) -> None:
    file = tmp_path / "in"
    file.write_text("a\nb\n")
    told: list[Any] = []
    SESSION.define("tell", told.append)
    options = ":mode :lines :on-chunk (fn [x] (tell x)) :on-complete (fn [] (tell :end))"
    SESSION.run(f"(call :stream.wait {node(file, options)})")
    assert told == ["a", "b", K("end")]


# ---- hostile files


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda file: file.mkdir(), "Not a regular file: FILE"),
        (lambda file: os.mkfifo(file), "Not a regular file: FILE"),
        (lambda file: file.symlink_to("/dev/zero"), "Not a regular file: FILE"),
        (lambda file: None, "No such file or directory: FILE"),
    ],
    ids=["directory", "fifo", "endless device", "missing"],
)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, make: Any, problem: str) -> None:
    make(tmp_path / "in")
    assert refused(tmp_path / "in") == f"S003 Parameter 'path': expected a file that can be read, got {problem}"


def test_text_that_is_none_is_an_error_that_names_the_byte(tmp_path: Path) -> None:
    file = tmp_path / "in"
    file.write_bytes(b"ab\xffcd")
    assert refused(file) == "S026 Malformed frame: no utf-8 at byte 2"


def test_lines_that_cannot_be_read_are_left_out_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "in"
    file.write_bytes(b"a\n\xff\nb\n")
    assert read(file, ":mode :lines") == ["a", "b"]
    assert refused(file, ":mode :json-lines :follow 1").startswith("S003 Parameter 'follow'")


def test_a_line_without_end_is_an_error_and_does_not_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "in"
    with file.open("wb") as opened:
        opened.truncate(200_000_000)
    assert refused(file, ":mode :lines").startswith("S025 Message of ")


@pytest.mark.parametrize(
    "content", [gzip.compress(b"x" * 5000, mtime=0)[:-9], b"plain", b""], ids=["cut", "plain", "empty"]
)
def test_a_damaged_gzip_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "in.gz"
    file.write_bytes(content)
    assert refused(file).startswith("S026 Malformed frame: ")


def test_a_grant_for_one_folder_opens_no_other(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A60."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "in").write_text("secret")
    (tmp_path / "mine" / "link").symlink_to(tmp_path / "in")
    context = rtfs.RuntimeContext.controlled(["stream.**"], grants=[("read", str(tmp_path / "mine"))])
    session = rtfs.Session(context=context)
    request.addfinalizer(session.close)
    for path in (tmp_path / "in", tmp_path / "mine" / "link"):
        assert refused(path, "", session) == "S053 Effect :filesystem for FILE denied for stream.file.read"
    nested = f"(stream.merge [{node(tmp_path / 'in', '')} [1]])"
    with pytest.raises(rtfs.RtfsError, match=r"denied for stream\.file\.read"):
        session.run(f"(call :stream.to-collection {nested})")


# ---- a file that grows


def test_a_followed_file_may_grow_be_replaced_and_be_cut(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("one\nhalf")

    def change(line: str) -> None:
        if line == "one":
            with file.open("a") as opened:
                opened.write(" done\n")
        elif line == "half done":
            file.rename(tmp_path / "log.1")
            file.write_text("another file\n")
        elif line == "another file":
            file.write_text("cut\n")

    SESSION.define("change", change)
    followed = node(file, ":mode :lines :follow true")
    lines = SESSION.run(f"(call :stream.to-collection (stream.take (stream.tap {followed} (fn [x] (change x))) 4))")
    assert list(lines) == ["one", "half done", "another file", "cut"]


def test_rows_that_waited_unprocessed_have_their_names_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "in"
    file.write_text("a,b\n1,2\n3,4\n")
    create = f'(def h (call :stream.create {node(file, ":mode :csv")} {{:stream-id "g" :outputs :durable}}))'
    context = rtfs.RuntimeContext.full()
    with closing(rtfs.Session(context=context, state_dir=str(tmp_path / "state"))) as session:
        session.run(f"{create} (call :stream.pause h)")
        for _ in range(500):
            session.run("(call :stream.next h {:timeout-ms 10})")
            if session.host.streams.find("g").owner.queue.depth == 2:
                break
        session.shutdown(strategy="immediate")
    with closing(rtfs.Session(context=context, state_dir=str(tmp_path / "state"))) as session:
        rows = session.run(f"{create} (call :stream.resume h) (call :stream.next h {{:max 2}})")
        assert rtfs.show(rows) == '[{:a "1" :b "2"} {:a "3" :b "4"}]'
