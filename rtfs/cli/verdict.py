"""What `rtfs test` says: failures as they come, and at the end how many there were."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

from rtfs.cli.output import colored, flush
from rtfs.cli.script import DONE, FAILED, USAGE, exit_code
from rtfs.testing.suite import Test, Verdict, told

if TYPE_CHECKING:
    from rtfs.lang.errors import RtfsError


class Report:
    """Tells verdicts and counts them."""

    def __init__(self, *, as_json: bool, verbose: bool) -> None:
        self._as_json = as_json
        self._verbose = verbose
        self._start = time.perf_counter()
        self._passed = 0
        self._codes: list[int] = []  # of what failed
        self._listed = 0

    @property
    def failed(self) -> int:
        """How many tests and files did not pass."""
        return len(self._codes)

    def name(self, test: Test) -> None:
        """Only the name of a test."""
        self._listed += 1
        data = {"file": test.file, "line": test.line, "name": test.name}
        flush(
            json.dumps(data, ensure_ascii=False) + "\n" if self._as_json else f"{test.file}:{test.line} {test.name}\n"
        )

    def verdict(self, verdict: Verdict) -> None:
        """How a test ended."""
        if verdict.passed:
            self._passed += 1
        else:
            self._codes.append(FAILED if verdict.error is None else exit_code(verdict.error))
        if self._as_json:
            flush(json.dumps(_data(verdict), ensure_ascii=False) + "\n")
        elif not verdict.passed:
            self._failure(verdict.test, told(verdict, color=colored(sys.stdout)), verdict.output)
        elif self._verbose:
            place = f"{verdict.test.file}:{verdict.test.line} {verdict.test.name}"
            flush(f"{self._marked('passed', '32')} {place} ({verdict.seconds * 1000:.0f} ms)\n")

    def broken(self, path: str, error: RtfsError) -> None:
        """A file whose tests cannot be had."""
        self.verdict(Verdict(Test(path, "", 1), 0.0, error=error))

    def _failure(self, test: Test, text: str, output: str) -> None:
        flush(f"{self._marked('failed', '1;31')} {f'{test.file}:{test.line} {test.name}'.rstrip()}\n{_indented(text)}")
        if output:
            flush(f"  it printed:\n{_indented(output.rstrip(chr(10)), '    ')}")

    def _marked(self, word: str, style: str) -> str:
        return f"\x1b[{style}m{word}\x1b[0m" if colored(sys.stdout) else word

    def end(self) -> int:
        """The last line; the exit code."""
        if self._listed:
            return DONE
        if not self._passed and not self._codes:
            sys.stderr.write("error: no test found; test files are called *_test.rtfs or lie in a folder `tests`\n")
            return USAGE
        if not self._as_json:
            told = [f"{self._passed} passed"] if self._passed else []
            told += [f"{self.failed} failed"] if self._codes else []
            flush(f"{', '.join(told)} in {time.perf_counter() - self._start:.2f} s\n")
        return FAILED if FAILED in self._codes else max(self._codes, default=DONE)


def _indented(text: str, by: str = "  ") -> str:
    return "".join(f"{by}{line}\n" for line in text.split("\n"))


def _data(verdict: Verdict) -> dict[str, Any]:
    """A verdict for machines."""
    from rtfs.lang.diagnostic import as_data
    from rtfs.lang.difference import shown

    test = verdict.test
    return {
        "file": test.file,
        "line": test.line,
        "name": test.name,
        "outcome": "passed" if verdict.passed else "failed",
        "milliseconds": round(verdict.seconds * 1000, 3),
        "output": verdict.output,
        "problem": verdict.problem,
        "error": None if verdict.error is None else as_data(verdict.error),
        "differences": [
            {"path": [shown(key) for key in path], "expected": shown(expected), "actual": shown(actual)}
            for path, expected, actual in verdict.differences
        ],
    }
