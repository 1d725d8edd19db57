"""Twenty-two everyday programs against the same in idiomatic Python: each, and the median of all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import rtfs
from bench.harness import Measured, Row, against
from bench.programs import PROGRAMS, Program

TEXT = Path(__file__).parents[1] / "programs.rtfs"
MOST, MEDIAN = 5.0, 2.5
TIMES = 10  # so that the call from Python, which a row of its own measures, is no part of it

found: dict[str, float] = {}  # name → ratio, of the programs that were measured
_session: list[rtfs.Session] = []


def session() -> rtfs.Session:
    """The session that all programs share."""
    if not _session:
        _session.append(rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full()))
        _session[0].run(TEXT.read_text(encoding="utf-8"), name="programs.rtfs")
    return _session[0]


def keyed(value: Any) -> Any:
    """Python data as RTFS programs have it: keys of maps and short names are keywords."""
    if isinstance(value, dict):
        return {rtfs.Keyword(key): keyed(part) for key, part in value.items()}
    if isinstance(value, list):
        return [keyed(part) for part in value]
    return rtfs.Keyword(value) if value in ("add", "mul") else value


def sides(program: Program) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The RTFS program and the Python program, ready to be run some times."""
    runner = session()
    names = [f"given-{program.name}-{number}" for number in range(len(program.given))]
    for name, value in zip(names, program.given, strict=True):
        runner.define(name, keyed(value))
    call = f"({' '.join([program.name, *names])})"
    function = runner.run(f"(fn [] (dotimes [_ {TIMES - 1}] {call}) {call})")

    def theirs() -> Any:
        for _ in range(TIMES - 1):
            program.work(*program.given)
        return program.work(*program.given)

    return lambda: runner.call(function), theirs


def check(program: Program) -> None:
    """AssertionError unless both sides give the same."""
    ours, theirs = (side() for side in sides(program))
    if rtfs.to_python(ours) != theirs:
        raise AssertionError(f"{program.name}: {rtfs.show(ours)} and {theirs!r}")


def measure(program: Program) -> Measured:
    check(program)
    measured = against(*sides(program), same=lambda ours, theirs: True)
    found[program.name] = measured.value
    return measured


def middle() -> Measured:
    ratios = sorted(found.values())
    return Measured(median(ratios), f"{ratios[0]:.2f} to {ratios[-1]:.2f}")


ROWS = [Row(program.what, MOST, lambda program=program: measure(program)) for program in PROGRAMS]  # type: ignore[misc]
ROWS.append(Row(f"median of these {len(PROGRAMS)}", MEDIAN, middle))
