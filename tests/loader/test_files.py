"""Module names and the files they may reach."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.lang.errors import ReadError, RtfsError
from rtfs.loader import Files, Texts, library, read_source, segments


def write(folder: Path, name: str, text: str) -> Path:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return place


def test_a_dotted_and_a_slashed_name_are_the_same_file(tmp_path: Path) -> None:
    write(tmp_path, "geo/flat.rtfs", "(def x 1)")
    loader = Files(str(tmp_path), path=())
    dotted, slashed = loader.find("geo.flat"), loader.find("geo/flat")
    assert dotted is not None and slashed is not None
    assert (dotted.name, dotted.text) == (slashed.name, slashed.text) == (str(tmp_path / "geo/flat.rtfs"), "(def x 1)")


def test_the_script_folder_wins_over_the_search_path_and_that_over_the_library(tmp_path: Path) -> None:
    own, first, second = tmp_path / "own", tmp_path / "first", tmp_path / "second"
    write(own, "a.rtfs", "own")
    for folder in (first, second):
        write(folder, "a.rtfs", folder.name)
        write(folder, "b.rtfs", folder.name)
        write(folder, "core.rtfs", folder.name)
    loader = Files(str(own), path=[str(first), str(second)])
    assert [getattr(loader.find(name), "text", None) for name in ("a", "b", "core")] == ["own", "first", "first"]


def test_the_search_path_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "y", "m.rtfs", "found")
    monkeypatch.setenv("RTFS_PATH", f"{tmp_path / 'x'}:{tmp_path / 'y'}")
    source = Files(None).find("m")
    assert source is not None and source.text == "found"


def test_an_empty_search_path_entry_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "m.rtfs", "surprise")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RTFS_PATH", ":")
    assert Files(None).find("m") is None


def test_the_bundled_library_is_found() -> None:
    assert Path(library()).is_dir()


OUTSIDE = [
    "",
    ".",
    "..",
    "../secret",
    "a..b",
    "/etc/passwd",
    "a/../b",
    "a.",
    ".a",
    "a\\b",
    "a\0b",
    "a b",
    "~",
    "a:1/b",
    "a\u2024b",
    "a\u00b2",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_other_names_never_reach_the_file_system(name: str) -> None:
    assert segments(name) is None
    assert Files("/", path=("/",)).find(name) is None


@given(st.text())
def test_an_accepted_name_stays_inside_its_folder(name: str) -> None:
    parts = segments(name)
    if parts is not None:
        assert parts and all(part and re.fullmatch(r"[^\W\d]*", re.sub("[0-9-]", "", part)) for part in parts)


def test_a_directory_of_that_name_is_not_a_module(tmp_path: Path) -> None:
    (tmp_path / "m.rtfs").mkdir()
    assert Files(str(tmp_path), path=()).find("m") is None


def test_a_file_that_cannot_be_read_is_a_module_error(tmp_path: Path) -> None:
    (tmp_path / "m.rtfs").symlink_to("/proc/self/mem")
    with pytest.raises(RtfsError) as raised:
        Files(str(tmp_path), path=()).find("m")
    assert str(raised.value) == "Module error: the file of module 'm' cannot be read: Input/output error"


def test_bytes_that_are_not_utf8_are_a_parse_error_with_their_place(tmp_path: Path) -> None:
    place = tmp_path / "bad.rtfs"
    place.write_bytes(b"(def x 1)\n(def \xc3\xa9 \xff)")
    with pytest.raises(ReadError) as caught:
        read_source(str(place), "bad.rtfs")
    assert caught.value.message == "byte 0xff is not UTF-8"
    assert repr(caught.value.span) == "bad.rtfs:2:8-2:9"


def test_texts_are_modules_without_files() -> None:
    loader = Texts({"a.b": "(def x 1)"})
    source = loader.find("a/b")
    assert source is not None and source.text == "(def x 1)"
    assert loader.find("a") is None and loader.find("../a") is None
