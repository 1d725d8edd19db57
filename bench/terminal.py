"""The first prompt of `rtfs repl` on a pseudo-terminal: what a person waits for."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time

PROMPT = b"rtfs>"


def first_prompt(environment: dict[str, str]) -> float:
    """Milliseconds from the start of the process to the first prompt."""
    master, slave = pty.openpty()
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "rtfs", "repl"], stdin=slave, stdout=slave, stderr=slave, env=environment
    )
    os.close(slave)
    try:
        seen = b""
        while PROMPT not in seen:
            seen += os.read(master, 4096)
        return (time.perf_counter() - start) * 1e3
    finally:
        process.kill()
        process.wait()
        os.close(master)
