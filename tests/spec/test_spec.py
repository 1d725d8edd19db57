"""Every case of the RTFS files in this folder holds, and the runner notices when one does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.spec.run_cases import HERE, Case, cases, main, problem

CASES = [case for path in sorted(HERE.rglob("*.rtfs")) for case in cases(path)]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.area}/{case.name}" for case in CASES])
def test_spec(case: Case) -> None:
    assert problem(case) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(+ 1 1)\n;=> 3\n", "ended with 2"),
        ("(+ 1 :a)\n;=> !ArityMismatch\n", "ended with !TypeError: Type error in +: expected number, got keyword"),
        ('(throw "a")\n;=> !ApplicationError: b\n', "ended with !ApplicationError: a"),
        ("(call :a 1)\n;-> a 2 => 0\n;=> 0\n", "made the calls ['a 1']"),
        ("(call :a)\n;=> 0\n", "made the calls ['a']"),
        ("(+ 1\n;=> 1\n", "ended with !ParseError: unterminated list"),
    ],
)
def test_a_case_that_does_not_hold_says_what_happened(text: str, found: str, tmp_path: Path) -> None:
    place = tmp_path / "wrong.rtfs"
    place.write_text(text)
    (case,) = cases(place)
    assert problem(case) == found


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
