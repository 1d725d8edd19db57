"""The pytest plugin: collects RTFS files as `rtfs test` does, one item per test.

`rtfs_files` in the configuration of pytest holds globs, by default `*_test.rtfs`; one with a `/` is compared with the
path below the root folder, where `*` crosses folders. `rtfs_allow` holds globs of capabilities that tests may call
beside those that `rtfs run` allows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rtfs.session import Session
    from rtfs.testing.suite import Test, Verdict


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("rtfs_files", "globs of RTFS files that hold tests", type="args", default=["*_test.rtfs"])
    parser.addini("rtfs_allow", "globs of capabilities that RTFS tests may call", type="args", default=[])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".rtfs":
        return None
    from rtfs.testing.files import is_test

    named = parent.session.isinitpath(file_path)
    globs = parent.config.getini("rtfs_files")
    if not named and not is_test(os.path.relpath(file_path, parent.config.rootpath), globs):
        return None
    file: RtfsFile = RtfsFile.from_parent(parent, path=file_path)
    return file


class RtfsFile(pytest.File):
    """One RTFS file; it is run when its tests are collected."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._sessions: list[Session] = []

    def collect(self) -> Iterator[pytest.Item]:
        from rtfs.lang.errors import RtfsError
        from rtfs.loader import read_source
        from rtfs.testing.suite import load

        try:
            for test in load(read_source(str(self.path)), self._session):
                yield RtfsItem.from_parent(self, name=test.name, test=test)
        except RtfsError as error:
            raise self.CollectError(error.rendered()) from None
        except ValueError as error:
            raise self.CollectError(str(error)) from None

    def teardown(self) -> None:
        for session in self._sessions:
            session.shutdown(timeout=5.0, strategy="immediate")

    def _session(self, console: Any) -> Session:
        from rtfs.host.policy import CLI_ALLOWED
        from rtfs.lang.outcome import RuntimeContext
        from rtfs.session import Session
        from rtfs.testing.files import lookup

        context = RuntimeContext.controlled([*CLI_ALLOWED, *self.config.getini("rtfs_allow")])
        files = lookup(str(self.path), str(self.config.rootpath))
        session = Session(context=context, console=console, lookup=files, cache=False)
        self._sessions.append(session)
        return session


class Failed(Exception):
    """A test in the language that failed."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.test.name)
        self.verdict = verdict


class RtfsItem(pytest.Item):
    """One test of an RTFS file."""

    def __init__(self, *, test: Test, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._test = test

    def runtest(self) -> None:
        verdict = self._test.run()
        if verdict.output:
            self.add_report_section("call", "stdout", verdict.output)
        if not verdict.passed:
            raise Failed(verdict)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if not isinstance(excinfo.value, Failed):
            return super().repr_failure(excinfo, style)
        from rtfs.testing.suite import told

        return told(excinfo.value.verdict)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self._test.line - 1, self.name
