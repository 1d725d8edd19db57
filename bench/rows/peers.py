"""The main rows against other Lisps on Python in the same process: Basilisp, a Clojure, and Hy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import rtfs
from bench.harness import Measured, Row, Skipped, against

FOLDER = Path(__file__).parents[1]
HINT = "pip install 'rtfs[bench]'"

# name, what gives its data, how much of it. Basilisp gets so little that it needs some hundredths of a second.
WORK = [("fib", None), ("total", None), ("literal", "numbers"), ("steps", "chunks")]
FEW, MANY = (14, 3_000, 1_000, 300), (20, 100_000, 20_000, 1_000)


@cache
def ours() -> rtfs.Session:
    session = rtfs.Session(limits=rtfs.Limits.unlimited())
    session.run((FOLDER / "peers.rtfs").read_text(encoding="utf-8"), name="peers.rtfs")
    return session


@cache
def peer(name: str) -> ModuleType:
    """The programs of a peer. Skipped when it is not installed."""
    try:
        package = import_module("hy" if name == "Hy" else "basilisp.main")
    except ImportError:
        raise Skipped(f"{name} is not installed: {HINT}") from None
    before = sys.path, sys.dont_write_bytecode
    sys.path, sys.dont_write_bytecode = [str(FOLDER), *sys.path], False  # Basilisp compiles itself for half a minute
    try:
        if name == "Basilisp":
            package.init()
        return import_module(f"peers_{name.lower()}")
    finally:
        sys.path, sys.dont_write_bytecode = before


def sides(name: str, work: str, maker: str | None, size: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The peer's program and ours, ready to be called."""
    module, session = peer(name), ours()
    theirs, given = getattr(module, work), size if maker is None else getattr(module, maker)(size)
    function = session.lookup(work)
    own = size if maker is None else session.call(session.lookup(maker), size)
    return lambda: theirs(given), lambda: session.call(function, own)


def basilisp(work: str, maker: str | None, size: int) -> Row:
    def measure() -> Measured:
        return against(*sides("Basilisp", work, maker, size), rounds=5, names=("Basilisp", "rtfs"))

    return Row(f"Basilisp's time of {work} over ours", 100, measure, least=True)


def hy(work: str, maker: str | None, size: int) -> Row:
    def measure() -> Measured:
        theirs, own = sides("Hy", work, maker, size)
        return against(own, theirs, names=("rtfs", "Hy"))

    return Row(f"our time of {work} over Hy's", None, measure)


ROWS = [basilisp(*work, size) for work, size in zip(WORK, FEW, strict=True)]
ROWS += [hy(*work, size) for work, size in zip(WORK, MANY, strict=True)]
