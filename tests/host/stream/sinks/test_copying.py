"""Lines from a file through a chain into a file: exact, in flat memory (streaming.md §11)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "programs" / "copying.py"
LINES = min(1_000_000, int(os.environ.get("RTFS_SOAK_CHUNKS", "200000")))


def test_a48_many_lines_read_filtered_mapped_and_written_are_exact_in_flat_memory(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), str(LINES)], capture_output=True, text=True, check=True
    )
    count, growth = map(int, found.stdout.split())
    assert count == LINES - 1
    assert growth < 50_000_000
    with (tmp_path / "out").open() as written:
        expected = (f"line {number}!\n" for number in range(LINES) if number != 7)
        assert all(left == right for left, right in zip(written, expected, strict=True))
