"""Bytecode of rtfs in its own cache, where Python may not write any."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import sys
from rtfs.__main__ import main
code = main(["-e", "(+ 1 2)"])
modules = [module for name, module in sys.modules.items() if name.startswith("rtfs.eval")]
print(sorted({type(module.__spec__.loader).__module__ for module in modules}))
"""
OURS, PYTHONS = "['rtfs.cli.bytecode']", "['_frozen_importlib_external']"


@pytest.mark.parametrize(("setting", "loaders"), [("1", OURS), ("", PYTHONS)])
def test_it_is_kept_only_where_python_keeps_none(
    setting: str, loaders: str, environment: dict[str, str], tmp_path: Path
) -> None:
    environment = {**environment, "PYTHONDONTWRITEBYTECODE": setting, "PYTHONPYCACHEPREFIX": str(tmp_path / "pyc")}
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True)
        assert (done.stdout.splitlines(), done.stderr) == (["3", loaders], "")
    assert (tmp_path / "pyc").exists() is (setting == "")


def test_a_changed_source_is_seen_at_once(tmp_path: Path, environment: dict[str, str]) -> None:
    package = tmp_path / "site" / "rtfs"
    package.mkdir(parents=True)
    program = (
        f"from rtfs.cli import bytecode; bytecode.keep(); import rtfs; rtfs.__path__.append({str(package)!r});"
        "import rtfs.probe as probe; print(probe.VALUE, type(probe.__loader__).__name__)"
    )
    for value in (1, 22):
        (package / "probe.py").write_text(f"VALUE = {value}\n")
        for _ in range(2):
            done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
            assert done.stdout == f"{value} Loader\n", done.stderr
