"""`ccos.io.*` on files: what it does, and that nothing leads it out of what was granted."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfs.host import files
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword
from rtfs.lang.outcome import RuntimeContext


@pytest.fixture
def table(bench: Callable[..., Any]) -> Any:
    return bench()


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    """`inside/` is granted in the tests below, `outside/` is not; each has a file `a.txt`."""
    for name in ("inside", "outside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
    return tmp_path


@pytest.fixture
def narrowed(bench: Callable[..., Any], ground: Path) -> Any:
    inside = str(ground / "inside")
    return bench(RuntimeContext.controlled(grants=[("read", inside), ("write", inside)]))


def fails(table: Any, id: str, *args: Any) -> RtfsError:
    with pytest.raises(RtfsError) as caught:
        table.do(id, *args)
    return caught.value


# ---- what it does


def test_text_is_written_read_and_extended(table: Any, tmp_path: Path) -> None:
    path = str(tmp_path / "x.txt")
    assert table.do("ccos.io.write-file", path, "äöü\r\n€") is None
    assert table.do("ccos.io.read-file", path) == "äöü\r\n€"
    assert table.do("ccos.io.append-file", path, "!") is None
    assert table.do("ccos.io.read-file", path) == "äöü\r\n€!"
    assert table.do("ccos.io.write-file", path, "short") is None
    assert Path(path).read_bytes() == b"short"


def test_append_makes_the_file(table: Any, tmp_path: Path) -> None:
    table.do("ccos.io.append-file", str(tmp_path / "new"), "1")
    assert (tmp_path / "new").read_text() == "1"


@pytest.mark.parametrize("encoding", ["latin-1", Keyword("latin-1"), "LATIN1", Keyword("utf-16")])
def test_a_file_is_read_in_the_encoding_asked_for(table: Any, tmp_path: Path, encoding: Any) -> None:
    name = encoding.name if isinstance(encoding, Keyword) else encoding
    (tmp_path / "x").write_bytes("äb".encode(name))
    assert table.do("ccos.io.read-file", str(tmp_path / "x"), encoding) == "äb"


def test_names_of_a_directory_are_sorted(table: Any, tmp_path: Path) -> None:
    for name in ("b", "a", ".hidden"):
        (tmp_path / name).touch()
    assert table.do("ccos.io.list-dir", str(tmp_path)) == (".hidden", "a", "b")


def test_existence_is_told_of_files_and_directories(table: Any, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    assert table.do("ccos.io.file-exists", str(tmp_path / "f")) is True
    assert table.do("ccos.io.file-exists", str(tmp_path)) is True
    assert table.do("ccos.io.file-exists", str(tmp_path / "g")) is False
    assert table.do("ccos.io.file-exists", str(tmp_path / "dangling")) is False


def test_mkdir_makes_what_is_missing_and_leaves_what_is_there(table: Any, tmp_path: Path) -> None:
    for _ in range(2):
        assert table.do("ccos.io.mkdir", str(tmp_path / "a" / "b")) is None
    assert (tmp_path / "a" / "b").is_dir()


def test_delete_removes_a_file_and_of_a_link_the_link(table: Any, tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "link").symlink_to(tmp_path / "f")
    table.do("ccos.io.delete-file", str(tmp_path / "link"))
    assert sorted(os.listdir(tmp_path)) == ["f"]
    table.do("ccos.io.delete-file", str(tmp_path / "f"))
    assert os.listdir(tmp_path) == []


def test_relative_paths_start_at_the_working_directory(
    table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    table.do("ccos.io.write-file", "x", "1")
    assert table.do("ccos.io.list-dir", ".") == ("x",)
    table.do("ccos.io.delete-file", "x")
    assert table.do("ccos.io.list-dir", ".") == ()


@pytest.mark.parametrize(
    ("id", "args", "type"),
    [
        ("read-file", ("missing",), "not-found"),
        ("read-file", ("dir",), "not-a-file"),
        ("read-file", ("f/x",), "not-a-directory"),
        ("read-file", ("bad.txt",), "encoding"),
        ("read-file", ("pipe",), "permission-denied"),
        ("write-file", ("missing/x", "t"), "not-found"),
        ("write-file", ("dir", "t"), "not-a-file"),
        ("append-file", ("dir", "t"), "not-a-file"),
        ("list-dir", ("f",), "not-a-directory"),
        ("list-dir", ("missing",), "not-found"),
        ("delete-file", ("missing",), "not-found"),
        ("delete-file", ("dir",), "not-a-file"),
        ("delete-file", ("..",), "invalid-path"),
        ("mkdir", ("f/x",), "not-a-directory"),
        ("read-file", ("",), "invalid-path"),
        ("read-file", ("a\0b",), "invalid-path"),
    ],
)
def test_a_failure_has_a_type_and_names_the_path_of_the_program(
    table: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, id: str, args: tuple[str, ...], type: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dir").mkdir()
    (tmp_path / "f").touch()
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\xff")
    os.mkfifo(tmp_path / "pipe")
    error = fails(table, f"ccos.io.{id}", *args)
    assert (error.kind, error.type) == ("HostError", type)
    assert error.data.get(Keyword("path")) == args[0]
    assert str(tmp_path) not in error.message


@pytest.mark.parametrize("encoding", ["punycode", "idna", "rot13", "no-such", "unicode_escape"])
def test_only_plain_text_encodings_are_known(table: Any, tmp_path: Path, encoding: str) -> None:
    (tmp_path / "x").touch()
    assert fails(table, "ccos.io.read-file", str(tmp_path / "x"), encoding).message.startswith("unknown encoding")


def test_an_enormous_file_is_refused_without_being_read(table: Any, tmp_path: Path) -> None:
    with open(tmp_path / "x", "wb") as file:
        file.truncate(5 * 16_777_216)
    assert fails(table, "ccos.io.read-file", str(tmp_path / "x")).type == "too-large"


def test_a_device_without_end_is_refused(table: Any) -> None:
    assert fails(table, "ccos.io.read-file", "/dev/zero").kind == "HostError"


def test_a_name_that_is_no_unicode_is_an_error_not_half_a_character(table: Any, tmp_path: Path) -> None:
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff", os.O_CREAT))
    error = fails(table, "ccos.io.list-dir", str(tmp_path))
    assert (error.kind, error.message.partition(":")[0]) == ("HostError", "a name is not valid Unicode")


# ---- inside the grants


def test_what_is_granted_can_be_read_and_written(narrowed: Any, ground: Path) -> None:
    inside = str(ground / "inside")
    assert narrowed.do("ccos.io.read-file", f"{inside}/a.txt") == "inside"
    narrowed.do("ccos.io.mkdir", f"{inside}/sub/deep")
    narrowed.do("ccos.io.write-file", f"{inside}/sub/deep/x", "1")
    assert narrowed.do("ccos.io.read-file", f"{inside}/sub/../sub/./deep//x") == "1"
    assert narrowed.do("ccos.io.list-dir", inside) == ("a.txt", "sub")
    narrowed.do("ccos.io.delete-file", f"{inside}/a.txt")


def test_a_grant_may_name_one_file(bench: Callable[..., Any], ground: Path) -> None:
    table = bench(RuntimeContext.controlled(grants=[("read", str(ground / "inside" / "a.txt"))]))
    assert table.do("ccos.io.read-file", str(ground / "inside" / "a.txt")) == "inside"
    assert fails(table, "ccos.io.list-dir", str(ground / "inside")).kind == "SecurityViolation"


def test_a_grant_may_be_a_link_and_speaks_of_where_it_leads(bench: Callable[..., Any], ground: Path) -> None:
    (ground / "way").symlink_to(ground / "inside")
    table = bench(RuntimeContext.controlled(grants=[("read", str(ground / "way"))]))
    assert table.do("ccos.io.read-file", str(ground / "way" / "a.txt")) == "inside"
    assert table.do("ccos.io.read-file", str(ground / "inside" / "a.txt")) == "inside"


def test_a_link_inside_that_stays_inside_is_followed(narrowed: Any, ground: Path) -> None:
    (ground / "inside" / "link").symlink_to("a.txt")
    assert narrowed.do("ccos.io.read-file", str(ground / "inside" / "link")) == "inside"


def _dots(ground: Path) -> str:
    return str(ground / "inside" / ".." / "outside" / "a.txt")


def _link_to_file(ground: Path) -> str:
    (ground / "inside" / "link").symlink_to(ground / "outside" / "a.txt")
    return str(ground / "inside" / "link")


def _link_to_folder(ground: Path) -> str:
    (ground / "inside" / "way").symlink_to(ground / "outside")
    return str(ground / "inside" / "way" / "a.txt")


def _chain_of_links(ground: Path) -> str:
    (ground / "inside" / "one").symlink_to("two")
    (ground / "inside" / "two").symlink_to("../outside")
    return str(ground / "inside" / "one" / "a.txt")


def _dots_after_a_link(ground: Path) -> str:
    (ground / "outside" / "sub").mkdir()
    (ground / "inside" / "way").symlink_to(ground / "outside" / "sub")
    return str(ground / "inside" / "way" / ".." / "a.txt")


def _same_prefix(ground: Path) -> str:
    (ground / "inside2").mkdir()
    (ground / "inside2" / "a.txt").write_text("outside")
    return str(ground / "inside2" / "a.txt")


def _other_case(ground: Path) -> str:
    (ground / "INSIDE").mkdir(exist_ok=True)
    (ground / "INSIDE" / "a.txt").write_text("outside")
    return str(ground / "INSIDE" / "a.txt")


def _proc(ground: Path) -> str:
    return f"/proc/self/root{ground / 'outside' / 'a.txt'}"


def _proc_cwd(ground: Path) -> str:
    os.chdir(ground / "outside")
    return "/proc/self/cwd/a.txt"


def _absolute(ground: Path) -> str:
    return str(ground / "outside" / "a.txt")


def _double_slash(ground: Path) -> str:
    return f"/{ground / 'outside' / 'a.txt'}"


ESCAPES = [
    _absolute, _dots, _link_to_file, _link_to_folder, _chain_of_links, _dots_after_a_link, _same_prefix, _other_case,
    _proc, _proc_cwd, _double_slash,
]  # fmt: skip


@pytest.mark.parametrize("escape", ESCAPES, ids=lambda f: f.__name__.strip("_"))
def test_no_spelling_leads_out_of_the_grants_and_one_grant_more_admits_it(
    bench: Callable[..., Any],
    narrowed: Any,
    ground: Path,
    monkeypatch: pytest.MonkeyPatch,
    escape: Callable[[Path], str],
) -> None:
    monkeypatch.chdir(ground)
    path = escape(ground)
    for id, args in (("read-file", ()), ("write-file", ("x",)), ("append-file", ("x",)), ("file-exists", ())):
        error = fails(narrowed, f"ccos.io.{id}", path, *args)
        assert error.kind == "SecurityViolation"
    assert not any("x" in p.read_text() for p in ground.rglob("a.txt"))
    more = [("read", str(ground / "inside")), ("read", os.path.dirname(os.path.realpath(path)))]
    assert bench(RuntimeContext.controlled(grants=more)).do("ccos.io.read-file", path) == "outside"


def test_a_read_grant_does_not_write(bench: Callable[..., Any], ground: Path) -> None:
    path = str(ground / "inside" / "a.txt")
    table = bench(RuntimeContext.controlled(grants=[("read", str(ground))]))
    for id, args in (("write-file", ("x",)), ("append-file", ("x",)), ("delete-file", ()), ("mkdir", ())):
        assert fails(table, f"ccos.io.{id}", path, *args).kind == "SecurityViolation"
    assert table.do("ccos.io.read-file", path) == "inside"


def test_a_dangling_link_does_not_make_a_file_outside(narrowed: Any, ground: Path) -> None:
    (ground / "inside" / "new").symlink_to(ground / "outside" / "new")
    for id in ("write-file", "append-file"):
        assert fails(narrowed, f"ccos.io.{id}", str(ground / "inside" / "new"), "x").kind == "SecurityViolation"
    assert not (ground / "outside" / "new").exists()


def test_mkdir_does_not_follow_a_link_out(narrowed: Any, ground: Path) -> None:
    (ground / "inside" / "way").symlink_to(ground / "outside")
    assert fails(narrowed, "ccos.io.mkdir", str(ground / "inside" / "way" / "x")).kind == "SecurityViolation"
    assert not (ground / "outside" / "x").exists()


def test_delete_does_not_reach_outside(narrowed: Any, ground: Path) -> None:
    (ground / "inside" / "way").symlink_to(ground / "outside")
    (ground / "outside" / "back").symlink_to(ground / "inside" / "a.txt")
    for path in ("inside/way/a.txt", "outside/back", "outside/a.txt", "inside/../outside/a.txt"):
        assert fails(narrowed, "ccos.io.delete-file", str(ground / path)).kind == "SecurityViolation"
    assert (ground / "outside" / "a.txt").exists() and (ground / "outside" / "back").is_symlink()


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_unicode_forms_of_a_name_are_different_names(bench: Callable[..., Any], tmp_path: Path, form: Any) -> None:
    granted = tmp_path / unicodedata.normalize(form, "gewährt")
    other = tmp_path / unicodedata.normalize("NFD" if form == "NFC" else "NFC", "gewährt")
    for folder in (granted, other):
        folder.mkdir()
        (folder / "x").write_text(folder.name)
    table = bench(RuntimeContext.controlled(grants=[("read", str(granted))]))
    assert table.do("ccos.io.read-file", str(granted / "x")) == granted.name
    assert fails(table, "ccos.io.read-file", str(other / "x")).kind == "SecurityViolation"


def test_a_folder_swapped_for_a_link_after_the_check_is_not_followed(ground: Path) -> None:
    checked = files.real(str(ground / "inside" / "a.txt"))
    (ground / "inside").rename(ground / "moved")
    (ground / "inside").symlink_to(ground / "outside")
    for use in (
        lambda: files.read_bytes(checked, 100),
        lambda: files.write_bytes(checked, b"x"),
        lambda: files.delete(checked),
        lambda: files.names(os.path.dirname(checked)),
    ):
        with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
            use()
    assert (ground / "outside" / "a.txt").read_text() == "outside"


def test_a_file_swapped_for_a_link_after_the_check_is_not_followed(ground: Path) -> None:
    checked = files.real(str(ground / "inside" / "a.txt"))
    (ground / "inside" / "a.txt").unlink()
    (ground / "inside" / "a.txt").symlink_to(ground / "outside" / "a.txt")
    with pytest.raises(OSError, match="symbolic links"):
        files.read_bytes(checked, 100)
    with pytest.raises(OSError, match="symbolic links"):
        files.write_bytes(checked, b"x")
    assert (ground / "outside" / "a.txt").read_text() == "outside"


def test_a_write_that_is_refused_leaves_the_file_as_it_was(table: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert fails(table, "ccos.io.write-file", str(tmp_path / "pipe"), "x").kind == "HostError"
        assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    finally:
        os.close(reader)


@given(st.lists(st.sampled_from(["..", ".", "inside", "outside", "a.txt", "way", "sub", ""]), max_size=8))
def test_whatever_path_is_put_together_only_the_inside_is_read(
    tmp_path_factory: pytest.TempPathFactory, bench: Callable[..., Any], parts: list[str]
) -> None:
    ground = tmp_path_factory.getbasetemp() / "property"
    if not ground.exists():
        for name in ("inside", "outside", "inside/sub"):
            (ground / name).mkdir(parents=True)
            (ground / name / "a.txt").write_text(name)
        (ground / "inside" / "way").symlink_to("../outside")
        (ground / "outside" / "way").symlink_to("../inside/sub")
    table = bench(RuntimeContext.controlled(grants=[("read", str(ground / "inside"))]))
    try:
        text = table.do("ccos.io.read-file", "/".join([str(ground), *parts]))
    except RtfsError as error:
        assert error.kind in ("HostError", "SecurityViolation")
    else:
        assert text in ("inside", "inside/sub")
