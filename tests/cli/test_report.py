"""What is said about errors, and what an error makes of the exit code."""

from __future__ import annotations

import pytest

from rtfs.cli.report import defect, report
from rtfs.cli.script import Settings, exit_code, run
from rtfs.lang.errors import (
    EvaluationError,
    HostCallError,
    InternalError,
    LimitError,
    RtfsError,
    StreamError,
    division_by_zero,
    overflow,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (division_by_zero(), 1),
        (HostCallError("HostError", "no"), 1),
        (HostCallError("UnknownCapability", "no"), 1),
        (HostCallError("SecurityViolation", "no"), 3),
        (HostCallError("ApprovalRequired", "no"), 3),
        (HostCallError("BudgetExhausted", "no"), 4),
        (overflow("call depth", 10), 4),
        (LimitError("DeadlineExceeded", "no"), 4),
        (LimitError("Cancelled", "no"), 130),
        (InternalError("no"), 1),
        (StreamError(23, "gone"), 1),
        (StreamError(53, "not allowed"), 3),
        (StreamError(16, "too many steps", limit=True), 4),
    ],
    ids=lambda value: getattr(value, "kind", str(value)),
)
def test_an_error_decides_the_exit_code(error: RtfsError, code: int) -> None:
    assert exit_code(error) == code


def test_an_error_without_a_place_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    report(EvaluationError("DivisionByZero", "Division by zero"))
    assert capsys.readouterr().err == "error[RTFS-E405] DivisionByZero: Division by zero\n"


def test_data_that_json_cannot_hold_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    error = EvaluationError("ApplicationError", "no", data=(lambda: None,))
    report(error, as_json=True)
    assert '"data": null' in capsys.readouterr().err


def test_a_defect_prints_what_its_maintainers_need(capsys: pytest.CaptureFixture[str]) -> None:
    from rtfs import __version__

    try:
        raise KeyError("lost")
    except KeyError as error:
        defect(error)
    text = capsys.readouterr().err
    assert text.startswith("This is a defect of rtfs, not of your program.\nPlease file it")
    assert f"rtfs {__version__}, CPython 3." in text
    assert "Traceback (most recent call last):" in text and text.endswith("KeyError: 'lost'\n")


def test_an_internal_error_is_shown_as_a_defect_with_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        try:
            raise KeyError("lost")
        except KeyError:
            raise InternalError("KeyError: 'lost'") from None
    except InternalError as error:
        report(error)
    assert capsys.readouterr().err.endswith("KeyError: 'lost'\n")


def test_an_exception_of_rtfs_itself_is_reported_and_ends_with_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtfs.cli.script.Execution.run", lambda self: {}["lost"])
    assert run(Settings(expression="1")) == 1
    assert capsys.readouterr().err.startswith("This is a defect of rtfs, not of your program.\n")


def test_an_exception_in_any_command_is_reported_as_a_defect(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtfs.__main__ import main

    monkeypatch.setattr("rtfs.documentation.codes.codes", lambda: {}["lost"])
    assert main(["explain"]) == 1
    text = capsys.readouterr().err
    assert text.startswith("This is a defect of rtfs, not of your program.\nPlease file it")
    assert text.endswith("KeyError: 'lost'\n")


def test_an_error_of_a_program_that_leaves_a_command_is_shown_as_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtfs.__main__ import main

    def fail() -> None:
        raise HostCallError("SecurityViolation", "no")

    monkeypatch.setattr("rtfs.documentation.codes.codes", fail)
    assert main(["explain"]) == 3
    assert capsys.readouterr().err == "error[RTFS-E503] SecurityViolation: no\n"
