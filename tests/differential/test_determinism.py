"""Programs do the same in every process: whatever the seed of hashing, from the cache, on every supported Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.fuzz

ROOT = Path(__file__).parent.parent.parent
FIRST, SHORT, LONG = 3000, 25, 1000
PYTHONS = ["3.11", "3.12", "3.13"]


def printed(fuzz: Any, python: str = sys.executable, *more: str, hash_seed: str = "0") -> str:
    """What a child process prints. A Python without an environment of its own sees the pure modules of this one."""
    paths = [str(ROOT), *[path for path in sys.path if "site-packages" in path and ".venv-" not in python]]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("RTFS_", "PYTHON"))},
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONWARNINGS": "error",
    }
    done = subprocess.run(
        [python, "-m", "tests.differential.child", str(FIRST), str(LONG if fuzz.long else SHORT), *more],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        env=environment,
        timeout=600,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def expected(fuzz: Any) -> str:
    return printed(fuzz)


def test_programs_do_the_same_whatever_the_seed_of_hashing(expected: str, fuzz: Any) -> None:
    assert expected.count("\n") > SHORT
    for hash_seed in ("1", "77", "4242", "random") if fuzz.long else ("4242",):
        assert printed(fuzz, hash_seed=hash_seed) == expected


def test_programs_do_the_same_when_their_code_comes_from_the_cache(expected: str, fuzz: Any, tmp_path: Path) -> None:
    place = tmp_path / "cache"
    assert printed(fuzz, sys.executable, str(place)) == expected
    assert any(place.rglob("*"))
    assert printed(fuzz, sys.executable, str(place), hash_seed="7") == expected


def interpreter(version: str) -> str | None:
    """A Python of that version: of `make versions`, else on the PATH; it must actually run."""
    for found in (str(ROOT / f".venv-{version}" / "bin" / "python"), shutil.which(f"python{version}")):
        if found is not None and os.path.exists(found):
            done = subprocess.run(
                [found, "-c", "import sys; print(*sys.version_info[:2], sep='.')"], capture_output=True
            )
            if done.returncode == 0 and done.stdout.decode().strip() == version:
                return found
    return None


@pytest.mark.parametrize("version", [v for v in PYTHONS if v != f"{sys.version_info[0]}.{sys.version_info[1]}"])
def test_programs_do_the_same_on_every_python(version: str, expected: str, fuzz: Any) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"needs python{version} on the PATH, or `make versions`")
    assert printed(fuzz, python) == expected
