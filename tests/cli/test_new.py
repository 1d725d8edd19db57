"""`rtfs new`: the project it makes is right from the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Run = Any


def test_what_is_made_passes_every_command_at_once(rtfs: Run, tmp_path: Path) -> None:
    done = rtfs("new", "deep/weather")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        *(
            f"made deep/weather/{name}"
            for name in ("main.rtfs", "readings.rtfs", "tests/readings_test.rtfs", "rtfs.toml")
        ),
        "now: cd deep/weather && rtfs main.rtfs && rtfs test",
    ]
    project = tmp_path / "deep" / "weather"
    assert rtfs("main.rtfs", "Ada", cwd=project).stdout == "Hello, Ada!\nwarmest: 23.0\n"
    assert rtfs("main.rtfs", cwd=project).stdout == "Hello, world!\nwarmest: 23.0\n"
    assert rtfs("check", "--strict", ".", cwd=project).stdout == "3 files checked: nothing found\n"
    assert rtfs("fmt", "--check", ".", cwd=project).returncode == 0
    tested = rtfs("test", cwd=project)
    assert (tested.stdout.startswith("3 passed in "), tested.returncode) == (True, 0)


def test_nothing_is_overwritten(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "readings.rtfs").write_text("mine")
    done = rtfs("new", "p")
    assert (done.returncode, "p/readings.rtfs exists already" in done.stderr) == (2, True)
    assert [path.name for path in (tmp_path / "p").iterdir()] == ["readings.rtfs"]


def test_a_folder_that_cannot_be_made_is_one_clear_error(rtfs: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = rtfs("new", "file/p")
    assert (done.returncode, done.stderr) == (1, "error: cannot write file/p: Not a directory\n")
