"""Durable runs in processes that are killed at an exact place, or at any.

Reads lines of JSON `[DIRECTORY, NUMBER, FUSE]`: a folder, the number of a generated program, and when SIGKILL strikes.
Answers each with a line `{"code": …, "end": …, "expected": …, "repeated": …}` when the process it forked for it has
ended: how the program ends there, how it ends undisturbed, and the calls that were made although they had an answer.
Forking spares the time of importing and compiling everything for every life.

FUSE is `write:N` (before the Nth answer is written), `written:N` (after it), `made:N` (after the Nth call was made, in
its provider), `time:MS` (after so many milliseconds, wherever it is then), or `never`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3]))

import rtfs
from rtfs.cli.lasting import LastingExecution
from rtfs.cli.script import Settings
from rtfs.host.history import History
from rtfs.lang.source import Source
from tests.session import generated

FULL = rtfs.RuntimeContext.full()


class Fuse:
    """Strikes when a place was reached so many times."""

    def __init__(self, text: str = "never") -> None:
        self.place, _, number = text.partition(":")
        self.left = int(number or 0)
        if self.place == "time":
            signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process at once, like SIGKILL
            signal.setitimer(signal.ITIMER_REAL, self.left / 1000)

    def reach(self, place: str) -> None:
        if place == self.place:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def market(fuse: Fuse, log: Path | None) -> rtfs.Marketplace:
    """The capabilities of generated programs. Each call is a line of the log, written in one go."""
    found = rtfs.Marketplace()

    def made(call: Any) -> int | None:
        if log is not None:
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.write(handle, f"{call.metadata.idempotency_key}\n".encode())
            os.close(handle)
        fuse.reach("made")
        answer: int | None = generated.answer(call)
        return answer

    async def slow(call: Any) -> int | None:
        await asyncio.sleep(0)
        return made(call)

    def ask(ctx: Any, number: int) -> Any:
        return slow(ctx.call) if number % 2 else made(ctx.call)

    found.capability("t.ask", output=":int", effects=[":test"], idempotent=True)(ask)
    found.capability("t.fail", effects=[":test"])(lambda ctx, number: made(ctx.call))
    found.capability("t.note", effects=[":test"])(lambda ctx, number: made(ctx.call))
    return found


def undisturbed(number: int) -> str:
    """How a program ends that nobody kills. It is compiled then, for all lives."""
    session = rtfs.Session(marketplace=market(Fuse(), None), context=FULL, limits=rtfs.Limits.unlimited())
    try:
        return rtfs.show(session.run(generated.program(number, hosted=True), name="p.rtfs"))
    except rtfs.RtfsError as error:
        return f"{error.kind} {error.message}"
    finally:
        session.shutdown(strategy="immediate")


class Life(LastingExecution):
    """One life, whose value is reported instead of printed."""

    end = ""

    def _show(self, text: str) -> None:
        self.end = text
        super()._show(text)

    def _print(self, text: str) -> None:
        self.end = text


def live(folder: Path, number: int, fuse: Fuse) -> str:
    """One life, from start to end; calls of which nobody knows are made again."""
    answered = History.answer

    def answer(history: History, entry: Any) -> None:
        fuse.reach("write")
        answered(history, entry)
        fuse.reach("written")

    History.answer = answer  # type: ignore[method-assign]
    source = Source("p.rtfs", generated.program(number, hosted=True))
    options = {"marketplace": market(fuse, folder / "calls"), "context": FULL}
    for retry in (False, True, True, True):
        life = Life(Settings(expression="", durable=str(folder / "run"), retry_call=retry), source, **options)
        try:
            life.run()
        except rtfs.RtfsError as error:
            if "was being made when the run was stopped" not in error.message:
                return f"{error.kind} {error.message}"
        else:
            return life.end
    raise AssertionError("the same question again and again")


def answers(folder: Path) -> set[str]:
    """The keys of the calls that have their answer."""
    file = folder / "run" / "run.db"
    if not file.exists():
        return set()
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        try:
            return {key for (key,) in connection.execute("SELECT key FROM call WHERE state <> 'made'")}
        except sqlite3.OperationalError:  # killed before the tables were there
            return set()


def log(folder: Path) -> list[str]:
    file = folder / "calls"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def main() -> None:
    expected: dict[int, str] = {}
    for line in sys.stdin:
        place, number, fuse = json.loads(line)
        folder = Path(place)
        if number not in expected:
            expected[number] = undisturbed(number)
        known, before = answers(folder), len(log(folder))
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            os.write(writing, json.dumps(live(folder, number, Fuse(fuse))).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            end = pipe.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        repeated = [key for key in log(folder)[before:] if key in known]
        report = {"code": code, "end": json.loads(end or "null"), "expected": expected[number], "repeated": repeated}
        print(json.dumps(report), flush=True)


main()
