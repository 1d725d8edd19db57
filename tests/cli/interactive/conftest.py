"""Fixtures of the tests of `rtfs repl`: one in this process, and one on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rtfs.cli.interactive.console import Typed
from rtfs.cli.interactive.ending import finish
from rtfs.cli.interactive.repl import Repl
from rtfs.lang.outcome import RuntimeContext
from rtfs.session import Session
from tests.cli.interactive.pseudo import COUNT, COUNTER, STREAM, Terminal

Start = Callable[..., Terminal]


class Typing:
    """A REPL in this process. Calling it types inputs, one after the other, and gives what was shown."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self.runner = asyncio.Runner()
        console = Typed()
        self.repl = console.repl = Repl(
            lambda more: Session(
                context=RuntimeContext("full"), console=console, folder=str(folder), cache=False, **more
            ),
            interactive=True,
        )
        self.runner.run(self._begin(console))

    async def _begin(self, console: Typed) -> None:
        console.loop = asyncio.get_running_loop()

    def __call__(self, *inputs: str) -> str:
        async def type_all() -> None:
            for text in inputs:
                self.repl.submit(text)
                await self.repl.settle()

        self.runner.run(type_all())
        captured = self._capsys.readouterr()
        return (captured.out + captured.err).rstrip("\n")

    def value(self, name: str) -> object:
        """The value of a global of the session."""
        return self.repl.session.lookup(name)

    def close(self) -> None:
        self.runner.run(finish(self.repl))
        self.runner.close()


@pytest.fixture
def typing(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Typing]:
    """A REPL in this process, in an empty folder, on a terminal of 100 columns."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)
    typing = Typing(capsys, tmp_path)
    yield typing
    typing.close()


@pytest.fixture
def terminal(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """`terminal(WORDS…)` starts `rtfs repl WORDS` on a pseudo-terminal with all rights, and waits for its prompt."""
    started: list[Terminal] = []

    def start(
        *words: str, size: tuple[int, int] = (24, 80), rights: tuple[str, ...] = ("--allow-all",), **extra: str
    ) -> Terminal:
        kept = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        surroundings = {**kept, "TERM": "xterm-256color", "XDG_STATE_HOME": str(tmp_path / "state"), **extra}
        made = Terminal([sys.executable, "-m", "rtfs", "repl", *rights, *words], surroundings, tmp_path, size)
        started.append(made)
        made.prompt()
        return made

    yield start
    for each in started:
        each.close()


@pytest.fixture
def counting(terminal: Start) -> Terminal:
    """A REPL with a stream that counts readings."""
    typed = terminal(size=(24, 200))
    typed.line(COUNTER)
    typed.line(STREAM)
    typed.prompt()
    typed.wait_for(lambda: int(typed.tell(COUNT)) > 5, "a reading")
    return typed


__all__ = ["Start", "Typing"]
