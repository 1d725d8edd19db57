"""How fast source text becomes forms: as people write it, and with nothing in it but code."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from bench.harness import Measured, Row, seconds
from rtfs.lang.source import Source
from rtfs.parser.reader import read

LIBRARY = Path(__file__).parents[2] / "stdlib"
SIZE = 400_000  # characters


def written() -> str:
    """The library as it is: comments, documentation, indentation."""
    files = [path.read_text(encoding="utf-8") for path in sorted(LIBRARY.rglob("*.rtfs"))]
    whole = "\n".join(files)
    return whole * (SIZE // len(whole) + 1)


def dense() -> str:
    """The same without comments, documentation and indentation."""
    bare = re.sub(r"^ *;.*\n", "", written(), flags=re.MULTILINE)
    bare = re.sub(r'"[^"\\\n]{40,}"', '"text"', bare)
    return re.sub(r"\n\s*", " ", bare)


def data() -> str:
    """Nested maps and vectors of short values."""
    item = '{:id %d :name "n%d" :tags [:a :b %d.5] :next {:x %d :y nil}}'
    return "[" + " ".join([item % (n, n, n, -n) for n in range(SIZE // 60)]) + "]"


def speed(text: Callable[[], str]) -> Callable[[], Measured]:
    def measure() -> Measured:
        source = Source("bench.rtfs", text())
        took = seconds(lambda: read(source), rounds=5)
        return Measured(len(source.text) / 1e6 / took, f"{len(source.text):,} characters in {took * 1e3:.0f} ms")

    return measure


ROWS = [
    Row(f"reading {name}", 1.0, speed(text), "MB/s", least=True)
    for name, text in (("source as written", written), ("dense source", dense), ("data", data))
]
