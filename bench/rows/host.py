"""What a host call costs, answered at once or with the program suspended, and what a call into the language costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import rtfs
from bench.harness import Measured, Row, seconds

PROGRAM = """
(defn echoes [n] (loop [i 0 sum 0] (if (< i n) (recur (inc i) (+ sum (call :ccos.echo i))) sum)))
(defn nothing [x] x)
"""
CALLS = 200


def session() -> rtfs.Session:
    made = rtfs.Session(limits=rtfs.Limits.unlimited(), context=rtfs.RuntimeContext.full())
    made.run(PROGRAM, name="host.rtfs")
    return made


def dispatched() -> Measured:
    """Through policy, schema, provider and journal of the marketplace, all at once."""
    runner = session()
    function = runner.lookup("echoes")
    return each(lambda: runner.call(function, CALLS))


def suspended() -> Measured:
    """The program is left at each call and resumed by its embedder."""
    runner = session()
    function = runner.lookup("echoes")

    def work() -> Any:
        outcome = runner.start_call(function, CALLS)
        while isinstance(outcome, rtfs.RequiresHost):
            outcome = outcome.resume(outcome.call.args[0])
        return outcome

    return each(work)


def awaited() -> Measured:
    """A coroutine answers, in the event loop of the embedder."""
    runner = session()
    function = runner.lookup("nothing")

    async def many() -> None:
        for _ in range(CALLS):
            await runner.call_async(function, 1)

    return each(lambda: asyncio.run(many()))


def entered() -> Measured:
    """A function of the language is called from Python."""
    runner = session()
    function = runner.lookup("nothing")

    def work() -> None:
        for _ in range(CALLS):
            runner.call(function, 1)

    return each(work)


def each(work: Callable[[], Any]) -> Measured:
    took = seconds(work) / CALLS
    return Measured(took * 1e6, f"{CALLS} calls")


ROWS = [
    Row("dispatch of ccos.echo", 25, dispatched, "us"),
    Row("suspension and resumption", 10, suspended, "us"),
    Row("call of a function from Python", 50, entered, "us"),
    Row("call of a function from a coroutine", 100, awaited, "us"),
]
