"""The wheel is complete: it runs from a foreign folder without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (found,) = folder.glob("*.whl")
    return found


def test_it_holds_the_library_the_grammar_and_the_type_marker(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "rtfs/py.typed",
        "rtfs/parser/rtfs.lark",
        "rtfs/stdlib/core.rtfs",
        "rtfs/documentation/errors/E4.md",
    } <= names
    bundled = {f"rtfs/{path.relative_to(ROOT)}" for path in (ROOT / "stdlib").rglob("*.rtfs")}
    assert bundled <= names
    assert not {name for name in names if name.startswith(("tests", "bench", "examples", "stdlib"))}


def test_a_script_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import rtfs.__main__ as m; m.main()"
    script = tmp_path / "one.rtfs"
    script.write_text("(when true (println (map inc [1 2])))")
    environment = {**environment, "PYTHONPATH": "", "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program, str(script)], cwd=tmp_path, env=environment, capture_output=True, timeout=60
    )
    assert (done.stdout, done.stderr) == (b"[2 3]\n", b"")
    assert os.path.isdir(tmp_path / "site" / "rtfs" / "stdlib")
