"""Fixtures of the tests of the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rtfs.__main__ import main

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def in_process(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """Exit code, standard output and standard error of `rtfs …` on a terminal of 100 columns, run in this process."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
