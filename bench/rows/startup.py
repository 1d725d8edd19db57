"""How long a script takes to start, over a bare Python: processes, medians of interleaved rounds."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.harness import ROUNDS, Measured, Row
from bench.terminal import first_prompt

SCRIPT = '(println (str "1 + 2 = " (+ 1 2)))\n'


def measure(*, cached: bool) -> Measured:
    """Milliseconds of `rtfs run` of a one-line script over `python -c pass`."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "one.rtfs"
        # Another text is another cache key; the library and the bytecode of rtfs stay cached.
        return _over_python(
            [str(script)], folder, lambda number: script.write_text(SCRIPT if cached else f"{SCRIPT}; {number}\n")
        )


def measure_fmt() -> Measured:
    """Milliseconds of `rtfs fmt --check` of one file of the library over `python -c pass`."""
    source = Path(__file__).parents[2] / "stdlib" / "core.rtfs"
    with tempfile.TemporaryDirectory() as folder:
        return _over_python(["fmt", "--check", str(source)], folder, lambda number: None)


def _over_python(words: list[str], folder: str, before: Callable[[int], object]) -> Measured:
    """`rtfs WORDS` beside a bare Python, with a cache in `folder`; `before(n)` prepares round n. The first fills it."""
    environment = {**os.environ, "XDG_CACHE_HOME": folder}
    bare, ours = [sys.executable, "-c", "pass"], [sys.executable, "-m", "rtfs", *words]
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    for number in range(ROUNDS + 1):
        before(number)
        for name, command in (("bare", bare), ("ours", ours)):
            start = time.perf_counter()
            subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            times[name].append((time.perf_counter() - start) * 1e3)
    first, second = (statistics.median(times[name][1:]) for name in ("ours", "bare"))
    return Measured(first - second, f"{first:.0f} ms, bare Python {second:.0f} ms")


def measure_prompt() -> Measured:
    """Milliseconds to the first prompt of `rtfs repl` over `python -c pass`."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder, "XDG_STATE_HOME": folder, "TERM": "xterm"}
        bare, ours = [], []
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", "pass"], env=environment, check=True)
            bare.append((time.perf_counter() - start) * 1e3)
            ours.append(first_prompt(environment))
    first, second = (statistics.median(times[1:]) for times in (ours, bare))
    return Measured(first - second, f"{first:.0f} ms, bare Python {second:.0f} ms")


ROWS = [
    Row("rtfs run of a cached script, over Python", 60, lambda: measure(cached=True), "ms"),
    Row("rtfs run of a new script, over Python", 150, lambda: measure(cached=False), "ms"),
    Row("rtfs fmt of one file, over Python", 200, measure_fmt, "ms"),
    Row("first prompt of rtfs repl, over Python", 400, measure_prompt, "ms"),
]
