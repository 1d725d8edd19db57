"""Every example runs, as its first lines say, and prints exactly what stands in the `.out` file beside it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted([*(ROOT / "examples").glob("*.rtfs"), *(ROOT / "examples").glob("*.py")])
BIN = Path(sys.executable).parent


def command(example: Path) -> list[str]:
    """The words of the line `; $ rtfs run …` or `# $ python …` near the top of an example."""
    found = re.search(r"\$ (.+)", "\n".join(example.read_text(encoding="utf-8").splitlines()[:8]))
    assert found is not None, f"{example.name} does not say how to run it"
    return found[1].split()


def start(words: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    path = f"{BIN}{os.pathsep}{environment['PATH']}"
    return subprocess.Popen(
        words,
        cwd=ROOT,
        env={**environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
def test_example(example: Path, environment: dict[str, str], tmp_path: Path) -> None:
    words = [word.replace("/tmp/rtfs-state", str(tmp_path)) for word in command(example)]
    process = start(words, environment)
    output, errors = process.communicate(timeout=120)
    assert (output, errors, process.returncode) == (example.with_suffix(".out").read_text(encoding="utf-8"), "", 0)


@pytest.mark.parametrize("name", ["demo", "resume", "poll"])
def test_a_killed_example_started_again_prints_the_same(name: str, environment: dict[str, str], tmp_path: Path) -> None:
    example = ROOT / "examples" / f"{name}.rtfs"
    words = ["rtfs", "run", "--quiet", "--allow-all", "--state", str(tmp_path), "--progress", "json", str(example)]
    with start(words, environment) as process:
        assert process.stderr is not None
        while json.loads(process.stderr.readline())["in"] < 50:
            pass
        process.kill()
    with start(words, environment) as process:
        output, errors = process.communicate(timeout=120)
    assert (output, process.returncode) == (example.with_suffix(".out").read_text(encoding="utf-8"), 0), errors


def test_no_output_is_left_without_its_example() -> None:
    outputs = {path.stem for path in (ROOT / "examples").glob("*.out")}
    assert outputs == {example.stem for example in EXAMPLES}
    assert len(outputs) >= 9
