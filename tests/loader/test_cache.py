"""The compiled-code cache: what goes in comes out, and anything odd is no cache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs import loader
from rtfs.loader import Cache, cache_key, fingerprint

KEY = cache_key("text")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "rtfs"


def entry(root: Path) -> Path:
    (folder,) = root.iterdir()
    return folder / KEY


def test_what_was_stored_is_loaded_also_by_another_cache_object(root: Path) -> None:
    Cache(str(root)).store(KEY, b"code")
    assert Cache(str(root)).load(KEY) == b"code"


def test_loading_from_an_empty_cache_creates_nothing(root: Path) -> None:
    assert Cache(str(root)).load(KEY) is None
    assert not root.exists()


def test_a_cache_that_missed_can_store_and_then_load(root: Path) -> None:
    cache = Cache(str(root))
    assert cache.load(KEY) is None
    cache.store(KEY, b"code")
    assert cache.load(KEY) == b"code"


def test_folders_and_entries_are_private(root: Path) -> None:
    Cache(str(root)).store(KEY, b"code")
    modes = [place.stat().st_mode & 0o777 for place in (root, entry(root).parent, entry(root))]
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.parametrize("position", range(0, 60, 7))
def test_a_damaged_byte_anywhere_is_a_miss(root: Path, position: int) -> None:
    Cache(str(root)).store(KEY, b"some compiled code")
    data = bytearray(entry(root).read_bytes())
    data[position] ^= 1
    entry(root).write_bytes(bytes(data))
    assert Cache(str(root)).load(KEY) is None


@pytest.mark.parametrize("length", [0, 1, 12, 20, 44, 50])
def test_a_truncated_entry_is_a_miss(root: Path, length: int) -> None:
    Cache(str(root)).store(KEY, b"some compiled code")
    entry(root).write_bytes(entry(root).read_bytes()[:length])
    assert Cache(str(root)).load(KEY) is None


def test_a_damaged_entry_is_replaced_by_the_next_store(root: Path) -> None:
    cache = Cache(str(root))
    cache.store(KEY, b"old")
    entry(root).write_bytes(b"")
    cache.store(KEY, b"new")
    assert cache.load(KEY) == b"new"


def test_an_entry_copied_under_another_key_is_a_miss(root: Path) -> None:
    cache, other = Cache(str(root)), cache_key("other")
    cache.store(KEY, b"code")
    (entry(root).parent / other).write_bytes(entry(root).read_bytes())
    assert cache.load(other) is None


@pytest.mark.parametrize("which", ["root", "folder"])
@pytest.mark.parametrize("mode", [0o755, 0o770, 0o702])
def test_a_folder_others_can_enter_is_ignored(root: Path, which: str, mode: int) -> None:
    Cache(str(root)).store(KEY, b"code")
    place = root if which == "root" else entry(root).parent
    place.chmod(mode)
    cache = Cache(str(root))
    assert cache.load(KEY) is None
    cache.store(KEY, b"changed")
    place.chmod(0o700)
    assert Cache(str(root)).load(KEY) == b"code"


def test_a_folder_of_somebody_else_is_ignored(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(str(root)).store(KEY, b"code")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert Cache(str(root)).load(KEY) is None


def test_a_link_in_place_of_the_folder_is_ignored(root: Path, tmp_path: Path) -> None:
    Cache(str(root)).store(KEY, b"code")
    root.rename(tmp_path / "elsewhere")
    root.symlink_to(tmp_path / "elsewhere")
    assert Cache(str(root)).load(KEY) is None


def test_a_home_that_cannot_be_written_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(str(tmp_path / "file" / "rtfs"))
    cache.store(KEY, b"code")
    assert cache.load(KEY) is None


def test_a_failed_write_leaves_the_old_entry_and_no_litter(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(str(root))
    cache.store(KEY, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.store(KEY, b"new")
    assert cache.load(KEY) == b"old"
    assert [place.name for place in entry(root).parent.iterdir()] == [KEY]


def test_the_cache_does_not_grow_without_bound(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "MAX_ENTRIES", 10)
    cache, keys = Cache(str(root)), [cache_key(str(number)) for number in range(30)]
    for number, key in enumerate(keys):
        cache.store(key, b"x")
        os.utime(entry(root).parent / key, (number, number))
    assert len(list(entry(root).parent.iterdir())) <= 10
    assert cache.load(keys[-1]) == b"x" and cache.load(keys[0]) is None


def test_a_relative_cache_home_counts_as_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Cache().store(KEY, b"code")
    assert (tmp_path / ".cache" / "rtfs").is_dir() and not (tmp_path / "relative").exists()


@given(st.lists(st.text()), st.lists(st.text()))
def test_keys_are_equal_exactly_when_all_parts_are(first: list[str], second: list[str]) -> None:
    assert (cache_key(*first) == cache_key(*second)) == (first == second)


def test_the_fingerprint_is_stable_and_names_the_compiler() -> None:
    assert fingerprint() == fingerprint()
    assert "loader.py" in fingerprint()
