"""`rtfs explain` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(in_process: Said) -> Said:
    """What `rtfs explain …` says."""
    return partial(in_process, "explain")


def test_a_code_is_shown_with_meaning_example_output_and_cure(said: Said) -> None:
    assert said("E405") == (
        0,
        "RTFS-E405 DivisionByZero\n"
        "\n"
        "`/`, `mod`, `rem` or `quot` by zero, or `pow` of zero to a negative exponent.\n"
        "\n"
        "  e405.rtfs\n"
        "    (defn mean [numbers]\n"
        "      (/ (reduce + numbers) (count numbers)))\n"
        "\n"
        "    (mean [])\n"
        "\n"
        "  $ rtfs e405.rtfs\n"
        "  error[RTFS-E405] DivisionByZero: Division by zero\n"
        "   ┌─ e405.rtfs:2:25\n"
        "  2 │   (/ (reduce + numbers) (count numbers)))\n"
        "    │                         ^^^^^^^^^^^^^^^ this is 0\n"
        "    = in mean, called from e405.rtfs:4:1\n"
        "\n"
        "Cure: Test for the empty case first; `avg` and `mean` of the library give nil for it.\n",
        "",
    )


def test_a_kind_with_several_codes_lists_them(said: Said) -> None:
    code, out, _ = said("MacroError")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [["RTFS-E201", "MacroError"], ["RTFS-E202", "MacroError"]]


def test_without_a_code_all_are_listed(said: Said) -> None:
    code, out, _ = said()
    assert code == 0
    lines = out.splitlines()
    codes = [line.split()[0] for line in lines]
    assert len(set(codes)) == len(codes)
    assert {"RTFS-E101", "RTFS-E901", "RTFS-S001", "RTFS-S060"} <= set(codes)
    assert lines[0].startswith("RTFS-E101  ParseError ")
    assert all(len(line) <= 100 for line in lines)


def test_an_unknown_code_says_what_was_meant(said: Said) -> None:
    assert said("E4003") == (1, "", "there is no error code E4003\n  did you mean E403?\n")
    assert said("TypError") == (1, "", "there is no error code TypError\n  did you mean TypeError?\n")


def test_the_same_as_json(said: Said) -> None:
    data = json.loads(said("--json", "RTFS-E302")[1])
    assert (data["code"], data["kind"], data["raised"]) == ("RTFS-E302", "ModuleError", True)
    assert data["files"][0]["name"] == "e302.rtfs"
    assert data["console"].startswith("$ rtfs e302.rtfs\nerror[RTFS-E302] ModuleError: ")
    assert len(json.loads(said("--json", "ParseError")[1])) == 7


def test_help_has_examples(rtfs: Run) -> None:
    done = rtfs("explain", "--help")
    assert done.returncode == 0
    assert "rtfs explain TypeError" in done.stdout


def test_a_reader_that_goes_away_ends_the_command_in_silence(rtfs: Run) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m rtfs explain | head -n 1'],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.startswith("RTFS-E101")
    assert done.stderr == ""
