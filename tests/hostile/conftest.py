"""Hostile scripts run under small limits; those that try to exhaust memory or the stack, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import rtfs
from rtfs import Limits

KINDS = ("StepLimitExceeded", "DeadlineExceeded", "StackOverflow", "MemoryLimitExceeded", "OutputLimitExceeded")

Ending = Callable[[str], str]
Contained = Callable[..., dict[str, str]]


@pytest.fixture
def ending() -> Ending:
    """How a script ends in this process: its printed value, or the kind of its error."""

    def run(text: str) -> str:
        session = rtfs.Session(limits=Limits.untrusted(steps=200_000, seconds=10.0, cells=2_000_000), cache=False)
        try:
            return rtfs.show(session.run(text, name="hostile.rtfs"))
        except rtfs.RtfsError as error:
            return error.kind

    return run


@pytest.fixture(scope="session")
def contained(cache_home: Path) -> Contained:
    """How scripts end in a child process: name → printed value or kind of error. All of them, or the test fails.

    memory: MB of address space that the process may take. place: `main`, `thread` (of 256 KB), `greenlet` or `loop`.
    variant: `plain`, `interruptible`, `metered`, or `small` with smaller limits.
    """

    def run(
        scripts: dict[str, str], *, memory: int = 700, place: str = "main", variant: str = "interruptible"
    ) -> dict[str, str]:
        order = {"scripts": scripts, "memory": memory, "place": place, "variant": variant}
        child = subprocess.run(
            [sys.executable, str(Path(__file__).parent / "child.py")],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=120 + len(scripts),  # of many scripts each may use its own deadline
            env={
                "XDG_CACHE_HOME": str(cache_home),
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "PYTHONWARNINGS": "error",
            },
        )
        endings = dict(json.loads(line) for line in child.stdout.splitlines())
        missing = [name for name in scripts if name not in endings]
        assert child.returncode == 0 and not missing, f"died at {missing[:1]}: {child.returncode} {child.stderr[-500:]}"
        return endings

    return run
