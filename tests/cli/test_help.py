"""The examples that `--help` shows are commands that work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from rtfs.cli.main import group

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

# Examples that wait for somebody, change the user's shell, or need what no test may use; each is tested elsewhere.
ELSEWHERE = {
    "rtfs repl": "tests/cli/interactive",
    "tail -f": "tests/cli/test_filter.py",
    "rtfs mcp serve": "tests/cli/test_mcp.py",
    "rtfs mcp listen": "tests/cli/test_visit.py",
    "rtfs completion bash >": "tests/cli/test_completion.py",
    "rtfs completion zsh": "tests/cli/test_completion.py",
    "rtfs completion fish": "tests/cli/test_completion.py",
    "rtfs approvals": "tests/cli/test_permission.py",
    "rtfs journal": "tests/cli/test_journal.py",
    "rtfs stream": "tests/cli",
    "head -20 chunks.jsonl": "tests/cli",
    "echo '(+ 1 2)' | rtfs repl": "tests/cli/interactive",
}
SILENT = ("rtfs fmt", "rtfs check --json", "eval ")  # there is nothing to say
# What the examples work on.
FILES = {
    "hello.rtfs": "(count args)\n",
    "script.rtfs": '(defn f [x] (+ x 1))\n(println "said" (f 1))\n',
    "x.rtfs": "(+ 1 2)\n",
    "draft.rtfs": "(+ 1 2)\n",
    "weather.rtfs": "(+ 1 2)\n",
    "demo.rtfs": "(+ 1 2)\n",
    "report.rtfs": "(+ 1 2)\n",
    "lib/a.rtfs": "(def a 1)\n",
    "src/a.rtfs": "(def a 1)\n",
    "tests/a.rtfs": "(deftest sells (is true))\n",
    "stock_test.rtfs": "(deftest sold (is true))\n(deftest sells (is true))\n",
    "data/a.txt": "text",
    "readings.jsonl": '{"temp": 20}\n',
    "tools.rtfs": '(defn add "Adds." [a : :int b : :int] : :int (+ a b))\n',
}


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


def examples(command: click.Command) -> list[str]:
    """The commands under `Examples:`, without what is said about them."""
    block = (command.epilog or "").partition("Examples:\n")[2].split("\n\n")[0]
    return [re.split(r"\s{2,}", line.strip())[0] for line in block.splitlines() if line.strip()]


ALL = list(commands(group))
LINES = sorted({line for _, command in ALL for line in examples(command)})
RUN = [line for line in LINES if line != "rtfs" and not any(f"{line} ".startswith(f"{key} ") for key in ELSEWHERE)]


@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=lambda path: " ".join(path) or "rtfs")
def test_every_command_says_what_it_does_and_shows_an_example(path: tuple[str, ...]) -> None:
    command = dict(ALL)[path]
    assert command.help, "no help"
    parents = [dict(ALL)[path[:end]] for end in range(len(path), 0, -1)] or [command]
    assert any(examples(each) for each in parents), "no example here or above"


@pytest.mark.parametrize("line", RUN)
def test_an_example_of_the_help_works(line: str, tmp_path: Path, environment: dict[str, str]) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    weather = {"command": sys.executable, "args": [str(ROOT / "examples" / "servers" / "weather.py")]}
    (tmp_path / ".mcp.json").write_text(json.dumps({"mcpServers": {"weather": weather}}))
    made = ["rtfs new weather", "rtfs run --record t.tape report.rtfs"]
    before = {"cd weather && rtfs main.rtfs Ada": made[:1], "rtfs run --replay t.tape": made[1:]}.get(line, [])
    shell: dict[str, Any] = {"shell": True, "executable": "/bin/bash", "cwd": tmp_path, "timeout": 120}
    shell.update(capture_output=True, text=True)
    path = {**environment, "PATH": f"{BIN}{os.pathsep}{environment['PATH']}"}
    for command in before:
        subprocess.run(command, env=path, check=True, **shell)
    done = subprocess.run(line, env=path, stdin=subprocess.DEVNULL, **shell)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout or line.startswith(SILENT)


def test_examples_that_run_elsewhere_are_few_and_known() -> None:
    assert len(RUN) > 50 and len(LINES) - len(RUN) < 40, set(LINES) - set(RUN)
