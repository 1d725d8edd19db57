"""What a run or a session is written to is a file: a device in its place is left alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtfs.cli.tape import write_tape


def test_a_pipe_or_device_is_not_replaced_by_a_recording(tmp_path: Path) -> None:
    place = tmp_path / "pipe"
    os.mkfifo(place)
    with pytest.raises(OSError, match="Not a regular file"):
        write_tape(str(place), b"data")
    assert place.is_fifo()
    assert list(tmp_path.iterdir()) == [place]
