"""`rtfs fmt`, as a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Run = Any
UGLY, LAID = "(defn f [x]\n(+ x 1))\n", "(defn f [x]\n  (+ x 1))\n"


def test_files_and_folders_are_rewritten_and_named(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    for name in ("a.rtfs", "lib/b.rtfs", "lib/c.txt"):
        (tmp_path / name).write_text(UGLY)
    (tmp_path / "a.rtfs").chmod(0o755)
    done = rtfs("fmt", "a.rtfs", "lib")
    assert (done.stdout, done.returncode) == ("formatted a.rtfs\nformatted lib/b.rtfs\n", 0)
    texts = [(tmp_path / name).read_text() for name in ("a.rtfs", "lib/b.rtfs", "lib/c.txt")]
    assert texts == [LAID, LAID, UGLY]
    assert (tmp_path / "a.rtfs").stat().st_mode & 0o777 == 0o755
    again = rtfs("fmt", "a.rtfs", "lib")
    assert (again.stdout, again.returncode) == ("", 0)


def test_check_changes_nothing_and_fails(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "a.rtfs").write_text(UGLY)
    done = rtfs("fmt", "--check", ".")
    assert (done.stdout, done.returncode) == ("would change ./a.rtfs\n", 1)
    assert (tmp_path / "a.rtfs").read_text() == UGLY
    (tmp_path / "a.rtfs").write_text(LAID)
    assert rtfs("fmt", "--check", ".").returncode == 0


def test_standard_input_goes_to_standard_output(rtfs: Run) -> None:
    assert rtfs("fmt", "-", stdin=UGLY).stdout == LAID
    assert rtfs("fmt", "--check", "-", stdin=UGLY).returncode == 1


def test_a_file_that_cannot_be_read_stays_and_the_others_are_done(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "a.rtfs").write_text("(a]")
    (tmp_path / "b.rtfs").write_text(UGLY)
    (tmp_path / "c.rtfs").write_bytes(b"\xff")
    done = rtfs("fmt", "a.rtfs", "b.rtfs", "c.rtfs", "none.rtfs")
    assert done.returncode == 1
    assert "error[RTFS-E101] ParseError" in done.stderr
    assert "cannot read c.rtfs: it is not UTF-8 text" in done.stderr
    assert "cannot read none.rtfs: No such file or directory" in done.stderr
    assert ((tmp_path / "a.rtfs").read_text(), (tmp_path / "b.rtfs").read_text()) == ("(a]", LAID)


def test_a_link_stays_a_link(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "real.rtfs").write_text(UGLY)
    (tmp_path / "link.rtfs").symlink_to("real.rtfs")
    rtfs("fmt", "link.rtfs")
    assert (tmp_path / "link.rtfs").is_symlink()
    assert (tmp_path / "real.rtfs").read_text() == LAID
