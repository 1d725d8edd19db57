"""Every example of the documentation is run, and prints what the page says.

In a page, a block that opens with ```rtfs NAME, ```python NAME and so on is a file of that name. In a ```console block
each `$ ` line is run by a shell beside those files, and what follows it is its output; `…` stands for any text. An
```rtfs block without a name is a language case as in `tests/spec`, and `>>>` in a ```python block is a doctest.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from rtfs.testing.cases import from_text, problem

ROOT = Path(__file__).resolve().parent.parent
NOT_HERE = {"CHANGELOG.md": "tells what was", "library.md": "tests/documentation", "errors.md": "tests/documentation",
            "api.md": "made of docstrings"}  # fmt: skip
PAGES = [page for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")] if page.name not in NOT_HERE]
BIN = Path(sys.executable).parent
RUN_ELSEWHERE = {"errors.md"}  # made from the explanations, whose own tests run every example in one process
UNCHECKED = {"make test": "would run this test again", "make check": "is a step of CI by itself"}


class Block(NamedTuple):
    """A fenced block: language, the word after it, the text, its first line's number."""

    language: str
    name: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(\w+)[ ]?(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield Block(found[1], found[2], found[3], text.count("\n", 0, found.start()) + 2)


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Command and expected output, as often as a console block has them."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def matches(output: str, expected: str) -> bool:
    pattern = ".*".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None


def shell(command: str, folder: Path, environment: dict[str, str]) -> str:
    """What a reader sees who types the command."""
    if command.startswith("make "):  # the targets' own set-up is not repeated here
        command, folder = f"{command} --no-print-directory BIN={BIN} CORE= DEV=", ROOT
    path = f"{BIN}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**environment, "PATH": path, "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=120,
    )
    return done.stdout


BY_HAND = [page for page in PAGES if page.name not in RUN_ELSEWHERE]


@pytest.mark.parametrize("page", BY_HAND, ids=[page.name for page in BY_HAND])
def test_commands_print_what_the_page_says(page: Path, tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for block in blocks(page):
        if block.name:
            (tmp_path / block.name).write_text(block.text, encoding="utf-8")
        elif block.language == "console":
            for command, expected in commands(block):
                if command not in UNCHECKED:
                    output = shell(command, tmp_path, environment)
                    assert matches(output, expected), f"{page.name}:{block.line}: $ {command}\n{output}"


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_language_examples_hold(page: Path) -> None:
    for block in blocks(page):
        if block.language == "rtfs" and not block.name:
            for case in from_text(block.text, page):
                assert problem(case) is None, f"{page.name}:{block.line}: {case.text}"


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_python_sessions_hold(page: Path) -> None:
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    names: dict[str, object] = {}  # of the whole page: who reads it types it into one session
    for block in blocks(page):
        if block.language == "python" and not block.name:
            found = parser.get_doctest(block.text, names, f"{page.name}:{block.line}", str(page), block.line)
            found.globs = names
            runner.run(found, clear_globs=False)
    names.clear()  # what the page left open is closed here, not in another test
    assert runner.summarize(verbose=False).failed == 0


def test_the_pages_have_examples() -> None:
    readme = list(blocks(ROOT / "README.md"))
    assert [command for block in readme if block.language == "console" for command, _ in commands(block)][:2] == [
        "make demo",
        "make test",
    ]


COMPARISONS = [("a\nb\n", "a\nb", True), ("a1b", "a…b", True), ("ab", "a", False)]


@pytest.mark.parametrize(("output", "expected", "same"), COMPARISONS)
def test_output_is_compared_whole_except_for_the_ellipsis(output: str, expected: str, same: bool) -> None:
    assert matches(output, expected) is same
