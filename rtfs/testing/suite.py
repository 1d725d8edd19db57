"""The tests of one file: `deftest` functions run in one session, or cases, each in one of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from rtfs.eval.fault import UNITS
from rtfs.host.console import Console
from rtfs.lang.collections import List, Map
from rtfs.lang.difference import Difference, differences
from rtfs.lang.errors import RtfsError
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.printer import show_brief

if TYPE_CHECKING:
    from rtfs.lang.limits import Limits
    from rtfs.lang.source import Source
    from rtfs.session import Session

_TEST, _EXPECTED, _ACTUAL = Keyword("test"), Keyword("expected"), Keyword("actual")


class Test:
    """One test: its file, name (empty: of the file itself) and line, and how to run it."""

    def __init__(self, file: str, name: str, line: int, play: Callable[[Test], Verdict] | None = None) -> None:
        self.file = file
        self.name = name
        self.line = line
        self._play = play

    def run(self) -> Verdict:
        """How it ends now."""
        assert self._play is not None
        return self._play(self)


class Verdict(NamedTuple):
    """How a test ended. seconds: how long it took; error, problem: why it failed, both None when it passed.

    differences: where what a failed comparison expected is not what it got. output: what the test printed.
    """

    test: Test
    seconds: float
    error: RtfsError | None = None
    problem: str | None = None
    differences: tuple[Difference, ...] = ()
    output: str = ""

    @property
    def passed(self) -> bool:
        return self.error is None and self.problem is None


class Heard(Console):
    """Keeps what is printed and logged; nobody answers."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, text: str) -> None:
        self.parts.append(text)

    def log(self, level: str, text: str) -> None:
        self.parts.append(f"[{level}] {text}\n")

    def read_line(self, prompt: str = "") -> str | None:
        return None


def load(source: Source, open_session: Callable[[Console], Session], limits: Limits | None = None) -> Iterator[Test]:
    """The tests of a text, in order. RtfsError when it is not a program, ValueError for cases of wrong form.

    open_session: makes the session that runs a file with `deftest` forms, given the console to use. limits: of a case.
    """
    from rtfs.testing.cases import from_text, has_cases

    if has_cases(source.text):
        for case in from_text(source.text, Path(source.name)):
            yield _case(source, case, limits)
        return
    console = Heard()
    session = open_session(console)
    session.run(source.text, name=source.name)
    console.parts.clear()
    for found in _functions(session, source.name):
        yield _function(source.name, found, session, console)


def _functions(session: Session, file: str) -> Iterator[tuple[str, Any]]:
    """The test functions that a file defined, in its own modules too, in the order of their lines."""
    found = []
    for module_name, module in session.world.modules.items():
        prefix = "" if module is session.world.user else f"{module_name}/"
        for name, metadata in module.definitions.items():
            function = module.globals.get(f":{name}")
            if metadata.get(_TEST) is True and type(function) is FunctionType and _defined_in(function, file):
                found.append((_line(function), f"{prefix}{name}", function))
    found.sort(key=lambda each: each[0])
    return ((name, function) for _, name, function in found)


def _line(function: Any) -> int:
    return int(function.__code__.co_firstlineno)


def _defined_in(function: Any, file: str) -> bool:
    unit = UNITS.get(function.__code__.co_filename)
    return unit is not None and unit.source.name == file


def _function(file: str, found: tuple[str, Any], session: Session, console: Heard) -> Test:
    name, function = found

    def play(test: Test) -> Verdict:
        console.parts.clear()
        start = time.perf_counter()
        error: RtfsError | None = None
        try:
            session.call(function)
        except RtfsError as raised:
            error = raised
        took = time.perf_counter() - start
        differ = () if error is None else compared(error)
        return Verdict(test, took, error=error, differences=differ, output="".join(console.parts))

    return Test(file, name, _line(function), play)


def _case(source: Source, case: Any, limits: Limits | None) -> Test:
    from rtfs.testing.cases import problem

    def play(test: Test) -> Verdict:
        start = time.perf_counter()
        found = problem(case, limits)
        told = None if found is None else f"{found}, not {case.ending}\n{case.text}"
        return Verdict(test, time.perf_counter() - start, problem=told)

    line = case.name.rpartition(":")[2]
    return Test(source.name, line, int(line), play)


def compared(error: RtfsError) -> tuple[Difference, ...]:
    """Where the two sides of a failed `(is (= expected actual))` differ; nothing for any other error."""
    data = error.data
    actual = data.get(_ACTUAL) if error.kind == "AssertionError" and type(data) is Map else None
    if type(actual) is not List or len(actual) != 2 or actual[0] != Symbol("not"):
        return ()
    form = actual[1]
    if type(form) is not List or len(form) != 3 or form[0] not in (Symbol("="), Symbol("==")):
        return ()
    return tuple(differences(form[1], form[2]))


def shortened(error: RtfsError, found: tuple[Difference, ...]) -> RtfsError:
    """The error with its differences instead of both values: the message names the comparison, notes the places."""
    if found:
        before = error.message.partition("expected (")[0]
        error.message = f"{before}{show_brief(error.data.get(_EXPECTED), 100)}"
        error.notes.extend(each.line() for each in found)
    return error


def told(verdict: Verdict, *, color: bool = False) -> str:
    """Why a test failed, for people."""
    if verdict.error is not None:
        return shortened(verdict.error, verdict.differences).rendered(color=color).rstrip("\n")
    return verdict.problem or ""
