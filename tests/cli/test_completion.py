"""Shell completion: in bash as a user meets it, and what zsh and fish ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent

ASK = """
eval "$(rtfs completion bash)"
complete -p rtfs
COMP_WORDS=({words}) COMP_CWORD={place}
_rtfs_completion rtfs
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def path(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "PATH": f"{BIN}{os.pathsep}{environment['PATH']}"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("rtfs ex", {"expand", "explain", "example.rtfs"}),
        ("rtfs run --allow-n", {"--allow-net"}),
        ("rtfs caps s", {"search", "show"}),
        ("rtfs run --check st", {"standard", "strict"}),
    ],
)
def test_bash_completes_commands_options_and_choices(
    path: dict[str, str], tmp_path: Path, words: str, expected: set[str]
) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    (tmp_path / "example.rtfs").write_text("1")
    place = len(words.split()) - 1
    done = subprocess.run(
        [bash, "--norc", "-c", ASK.format(words=words, place=place)],
        env=path, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    declared, *found = done.stdout.splitlines()
    assert (declared, done.stderr) == ("complete -o nosort -F _rtfs_completion rtfs", "")
    assert {each for each in found if each and each != words.split()[-1]} == expected


@pytest.mark.parametrize(
    ("shell", "asked", "answer"),
    [
        ("zsh", {"COMP_WORDS": "rtfs comp", "COMP_CWORD": "1"}, "plain\ncompile\n"),
        ("fish", {"COMP_WORDS": "rtfs comp", "COMP_CWORD": "comp"}, "plain,compile\t"),
    ],
)
def test_zsh_and_fish_get_a_script_and_its_answers(
    path: dict[str, str], tmp_path: Path, shell: str, asked: dict[str, str], answer: str
) -> None:
    def run(*words: str, **extra: str) -> Any:
        done = subprocess.run(
            [str(BIN / "rtfs"), *words], env={**path, **extra}, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        return done.stdout

    script = run("completion", shell)
    assert f"_RTFS_COMPLETE={shell}_complete" in script
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n"], input=script, text=True, check=True, timeout=60)
    assert answer in run(_RTFS_COMPLETE=f"{shell}_complete", **asked)


def test_another_shell_is_a_usage_error(rtfs: Any) -> None:
    assert rtfs("completion", "cmd").returncode == 2
