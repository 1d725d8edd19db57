"""Runs programs by seed in a process of its own and prints what they did, for comparison with other processes.

    python -m tests.differential.child FIRST COUNT [CACHE]

With a folder CACHE compiled code is kept there. Needs nothing but the files of this checkout: a Python without greenlet
gets one that cannot wait, which is enough where every call is answered at once.
"""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Callable
from typing import Any


class Greenlet:
    """A greenlet that runs to its end when it is first switched to."""

    def __init__(self, run: Callable[[], Any]) -> None:
        self.run = run
        self.parent: Any = None
        self.gr_context: Any = None
        self.dead = False

    def switch(self) -> Any:
        try:
            return self.gr_context.run(self.run)
        finally:
            self.dead = True


def provide_greenlet() -> None:
    """`import greenlet` gives something, also where the package is not installed."""
    try:
        import greenlet  # noqa: F401
    except ImportError:
        module: Any = types.ModuleType("greenlet")
        module.greenlet, module.getcurrent, module.GreenletExit = Greenlet, lambda: None, SystemExit
        sys.modules["greenlet"] = module


def main(first: int, count: int, cache: str | None) -> None:
    from rtfs.lang.limits import Limits
    from rtfs.loader import Cache
    from tests.differential.compare import driven
    from tests.differential.program import program, text_of

    for seed in range(first, first + count):
        text = text_of(program(seed), random.Random(seed))
        kept = False if cache is None else Cache(cache)
        answer = driven(text, seed, Limits.unlimited(), wait=False, cache=kept)
        print(seed, answer.ending, *answer.told, sep="\n  ")
        if answer.error is not None:
            print(answer.error.rendered())
        if "finally" not in text and "with-resource" not in text:  # after a limit these also have a limit of time
            few = Limits(steps=5 + seed * 37 % 60, seconds=None)
            answer = driven(text, seed, few, wait=False, cache=kept)
            print(answer.ending, *answer.told, sep="\n  ")


if __name__ == "__main__":
    provide_greenlet()
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
