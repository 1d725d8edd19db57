"""What faulty programs say, whole: header, carets, value, calls and hints.

`programs.txt` has a program, `----`, and what it prints, each followed by `====`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rtfs
from rtfs.host.policy import CLI_DEFAULT

TEXT = Path(__file__).with_name("programs.txt").read_text(encoding="utf-8")
PROGRAMS = [(program, said) for program, said in (part.split("\n----\n") for part in TEXT.split("====\n"))]


def failure(text: str) -> rtfs.RtfsError:
    """What a program ends with under the rules of the command line."""
    with pytest.raises(rtfs.RtfsError) as raised:
        rtfs.Session(cache=False, context=CLI_DEFAULT).run(text, name="t.rtfs")
    return raised.value


@pytest.mark.parametrize(("program", "said"), PROGRAMS, ids=[program[:60] for program, _ in PROGRAMS])
def test_a_faulty_program_says(program: str, said: str) -> None:
    assert failure(program).rendered() == said


def test_there_are_enough_of_them() -> None:
    assert len(PROGRAMS) > 200
    assert len({re.search(r"RTFS-[ES]\d+", said)[0] for _, said in PROGRAMS}) > 25  # type: ignore[index]
