"""Much data through little memory: files and queries of any length (streaming.md §6.2); `make soak` takes a gigabyte
and a million rows."""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rtfs

PROGRAM = Path(__file__).parent / "programs" / "growth.py"
LONG = int(os.environ.get("RTFS_SOAK_CHUNKS", "200000")) >= 10_000_000
BYTES = 1_000_000_000 if LONG else 50_000_000
ROWS = 1_000_000 if LONG else 60_000
GROWTH = 20_000_000


def grown(short: str, long: str) -> tuple[str, int]:
    """What the long program gives, and by how much the memory grew for it."""
    done = subprocess.run([sys.executable, str(PROGRAM), short, long], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    value, _, bytes = done.stdout.strip().rpartition(" ")
    return value, int(bytes)


def written(file: Path, size: int) -> Path:
    """A file of that size in lines of a thousand bytes with characters of two."""
    line = ("é" * 499 + " \n").encode()
    with file.open("wb") as opened:
        for _ in range(size // len(line)):
            opened.write(line)
    return file


@pytest.mark.parametrize("mode", ["text", "lines"])
def test_a_gigabyte_is_copied_in_flat_memory(mode: str, tmp_path: Path) -> None:
    def copy(source: Path) -> str:
        return f"""(:status (call :stream.wait (call :stream.file.write {rtfs.show(f"{source}.copy")}
          {{:format :{mode} :data-source (call :stream.file.read {rtfs.show(str(source))} {{:mode :{mode}}})}})))"""

    large = written(tmp_path / "large", BYTES)
    value, growth = grown(copy(written(tmp_path / "small", 5_000_000)), copy(large))
    assert value == ":completed"
    assert filecmp.cmp(large, f"{large}.copy", shallow=False)
    assert growth < GROWTH, f"grew by {growth} bytes"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_million_rows_are_read_in_flat_memory(kind: str, tmp_path: Path, services: Any) -> None:
    if kind == "sqlite":
        url = f"sqlite:{tmp_path}/empty.db"
        Path(tmp_path / "empty.db").touch()
        rows = (
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < %d) SELECT x, 'row' AS s FROM c"
        )
    else:
        url, rows = services.postgresql(), "SELECT x, 'row ' || x AS s FROM generate_series(1, %d) x"

    def total(count: int) -> str:
        query = f'(call :stream.db.query {rtfs.show(rows % count)} {{:connection "{url}"}})'
        return f"(call :stream.to-collection (stream.reduce {query} (fn [n row] (+ n (:x row))) {{:initial 0}}))"

    value, growth = grown(total(5_000), total(ROWS))
    assert value == f"[{ROWS * (ROWS + 1) // 2}]"
    assert growth < GROWTH, f"grew by {growth} bytes"
