"""Every case of the RTFS files in this folder holds, and the runner notices when one does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rtfs
from rtfs.testing.cases import cases, problem
from tests.spec.run_cases import HERE, main

FILES = sorted(HERE.rglob("*.rtfs"))


@pytest.mark.parametrize("variant", [rtfs.Limits(steps=5_000_000), rtfs.Limits(seconds=None)], ids=["metered", "plain"])
def test_every_variant_of_the_code_means_the_same(variant: rtfs.Limits) -> None:
    """One case in five: the variants differ by form, and each form has many cases."""
    sample = [case for path in FILES for case in cases(path)][::5]
    found = [(case, problem(case, variant)) for case in sample]
    assert not [f"{case.name}: {text}, not {case.ending}" for case, text in found if text is not None]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(+ 1 1)\n;=> 3\n", "ended with 2"),
        ("(+ 1 :a)\n;=> !ArityMismatch\n", "ended with !TypeError: Type error in +: expected number, got keyword"),
        ('(throw "a")\n;=> !ApplicationError: b\n', "ended with !ApplicationError: a"),
        ("(call :a 1)\n;-> a 2 => 0\n;=> 0\n", "made the calls ['a 1']"),
        ("(call :a)\n;=> 0\n", "made the calls ['a']"),
        ("(+ 1\n;=> 1\n", "ended with !ParseError: unterminated list"),
        ("1\n(throw 2) ;=> !ApplicationError at 2:1-2:9\n", "ended with !ApplicationError at 2:1-2:10: 2"),
        (
            "(+ nil 1) ;=> !TypeError RTFS-E403: no\n",
            "ended with !TypeError RTFS-E403: Type error in +: expected number, got nil",
        ),
        ("^{:runtime.a 1} (call :b)\n;-> b => 0\n;=> 0\n", "made the calls ['^{:runtime.a 1} b']"),
    ],
)
def test_a_case_that_does_not_hold_says_what_happened(text: str, found: str, tmp_path: Path) -> None:
    place = tmp_path / "wrong.rtfs"
    place.write_text(text)
    (case,) = cases(place)
    assert problem(case) == found


def test_cases_of_a_jsonl_file_do_not_tell_the_hints_of_calls(tmp_path: Path) -> None:
    place = tmp_path / "hinted.jsonl"
    expect = {"value": "5", "calls": [["b", "1"]], "results": ["5"]}
    place.write_text(json.dumps({"id": "x", "area": "y", "src": "^{:runtime.a 1} (call :b 1)", "expect": expect}))
    (case,) = cases(place)
    assert problem(case) is None


def test_code_without_an_ending_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "open.rtfs"
    place.write_text("(+ 1 1)\n")
    with pytest.raises(ValueError, match="code without an expected ending"):
        list(cases(place))


def test_json_cases_are_read_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "cases.jsonl"
    rows = [
        {"id": "a", "area": "x", "src": "(+ 1 2)", "expect": {"value": "3"}},
        {"id": "b", "area": "x", "src": "(foo)", "expect": {"error": "TypeError"}},
        {
            "id": "c",
            "area": "y",
            "src": "(try (call :f 1) (catch e 2))",
            "expect": {"calls": [["f", "1"]], "results": [{"error": "no"}], "value": "2"},
        },
    ]
    place.write_text("\n".join(json.dumps(row) for row in rows))
    assert main([str(place)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "b: ended with !UndefinedSymbol: Undefined symbol: foo, not !TypeError"
    assert lines[-1] == "2 of 3 cases hold"
