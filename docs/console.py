"""Plays the console blocks of a page in this process: `rtfs …` and `python FILE` beside the files of the page."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def commands(console: str) -> list[str]:
    """The commands of a block."""
    return [line[2:] for line in console.splitlines() if line.startswith("$ ")]


def played(console: str, folder: Path) -> str:
    """The block with the output that its commands give in `folder`."""
    parts = []
    for command in commands(console):
        parts.append(f"$ {command}\n{output(command, folder)}")
    return "".join(parts)


def matches(output: str, expected: str) -> bool:
    """Is it the expected text, in which `…` stands for any?"""
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None


def output(command: str, folder: Path) -> str:
    """What a command prints, standard output and error as they come."""
    words = shlex.split(command)
    said = io.StringIO()
    with _inside(folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        if words[0] == "python":
            text = (folder / words[1]).read_text(encoding="utf-8")
            exec(compile(text, words[1], "exec"), {"__name__": "__main__"})
        elif words[0] == "rtfs":
            from rtfs.cli.main import enter

            enter(words[1:])
        else:
            raise ValueError(f"no command of this page: {command}")
    return re.sub(r"(?m)[ ]+$", "", said.getvalue())


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Work in a folder that has the examples of the project."""
    link = folder / "examples"
    if not link.exists():
        link.symlink_to(ROOT / "examples")
    before, path = os.getcwd(), os.environ.get("PATH", "")
    os.chdir(folder)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{path}"  # the `python` that servers run under
    try:
        yield
    finally:
        os.chdir(before)
        os.environ["PATH"] = path
