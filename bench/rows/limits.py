"""What limits cost: the same programs in code that can be interrupted, and in code that counts, against plain code."""

from __future__ import annotations

from collections.abc import Callable

from bench.harness import Measured, Row, against
from bench.rows.language import NUMBERS, PROGRAM
from rtfs import Limits, Session, from_python

DEADLINE = Limits(seconds=3600.0)
STEPS = Limits(steps=10**12, cells=10**12, seconds=3600.0)
WORK = [
    ("fib(25)", "fib", 25),
    ("loop of 1,000,000 turns", "total", 1_000_000),
    ("pipeline of 100,000, literal", "literal", NUMBERS),
    ("pipeline of 100,000, named", "named", NUMBERS),
]


def limited(limits: Limits, name: str, argument: object) -> Callable[[], Measured]:
    """One call under limits against the same call without."""

    def measure() -> Measured:
        sessions = [Session(limits=chosen) for chosen in (limits, Limits.unlimited())]
        for session in sessions:
            session.run(PROGRAM, name="bench.rtfs")
        ours, theirs = ((session, session.lookup(name)) for session in sessions)
        value = from_python(argument)
        works = [lambda: ours[0].call(ours[1], value), lambda: theirs[0].call(theirs[1], value)]
        return against(*works, names=("with", "without"))

    return measure


ROWS = [
    *[Row(f"{title}, with a deadline", 1.15, limited(DEADLINE, name, value)) for title, name, value in WORK],
    *[Row(f"{title}, with a step and a cell limit", 1.6, limited(STEPS, name, value)) for title, name, value in WORK],
]
