"""The pytest plugin, in a pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

OTHERS = [word for name in ("randomly", "asyncio", "cacheprovider") for word in ("-p", f"no:{name}")]


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Any:
    def run(*words: str, **files: str) -> tuple[int, str]:
        for name, text in files.items():
            place = tmp_path / name.replace("__", "/")
            place = place.with_name(f"{place.name}.ini" if name == "pytest" else f"{place.name}.rtfs")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        command = [sys.executable, "-m", "pytest", *OTHERS, "--color=no", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout

    return run


def test_files_of_the_default_name_are_collected_test_by_test(run: Any) -> None:
    code, said = run(
        "-v", a_test="(deftest one (is true))\n(deftest two (is (= [1] [2])))\n", b="(deftest no (is false))"
    )
    assert code == 1
    assert "a_test.rtfs::one PASSED" in said
    assert "a_test.rtfs::two FAILED" in said
    assert "= at [0]: expected 1, got 2" in said
    assert "1 failed, 1 passed" in said


def test_globs_with_a_folder_are_compared_with_the_path(run: Any) -> None:
    ini = "[pytest]\nrtfs_files = tests/**/*.rtfs\n"
    code, said = run("-v", pytest=ini, tests__x__y="(+ 1 1) ;=> 2\n", a_test="(deftest no (is false))")
    assert (code, "tests/x/y.rtfs::1 PASSED" in said) == (0, True)


def test_a_named_file_is_collected_whatever_it_is_called(run: Any) -> None:
    assert run("b.rtfs", b='(deftest one (println "hi") (is true))')[0] == 0


def test_a_file_that_cannot_be_loaded_is_an_error_of_the_collection(run: Any) -> None:
    code, said = run(a_test="(deftest one (is true))\n(]\n")
    assert (code, "error[RTFS-E10" in said) == (2, True)
    code, said = run(a_test="1 ;=> 1\n2\n")
    assert (code, "code without an expected ending" in said) == (2, True)


def test_capabilities_are_refused_unless_allowed(run: Any) -> None:
    text = '(deftest one (is (nil? (get-env "NO_SUCH_VARIABLE"))))'
    code, said = run(a_test=text)
    assert (code, "SecurityViolation" in said) == (1, True)
    assert run(pytest="[pytest]\nrtfs_allow = ccos.system.*\n")[0] == 0


def test_what_a_failed_test_printed_is_shown(run: Any) -> None:
    assert "-- Captured stdout call --" in run(a_test='(deftest one (println "said") (is false))')[1]
