"""`rtfs test`: tests in the language, found, run and told."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from rtfs.cli.options import LIMITS, LimitsType, rights_options

if TYPE_CHECKING:
    from rtfs.lang.errors import RtfsError
    from rtfs.session import Session
    from rtfs.testing.suite import Test

EPILOG = """\b
Examples:
  rtfs test                            every test file below this folder
  rtfs test stock_test.rtfs tests      a file, and the test files below a folder
  rtfs test -k 'sell*' -v              only tests of that name; say what passed too
  rtfs test --list                     the names of the tests
  rtfs test --json                     one JSON object per test

\b
Test files are called *_test.rtfs or lie in a folder `tests`, unless `files` of [test] in rtfs.toml says otherwise.
A file holds `deftest` and `deftest-stream` forms, or cases: code, and behind it `;=> value`.
Exit codes: 0 all passed, 1 a test failed, 2 usage or no test, 3 refused by policy, 4 a limit or budget,
130 interrupted.
"""


@click.command("test", epilog=EPILOG)
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@click.option("-k", "names", multiple=True, metavar="NAME", help="Only tests of that name; a glob. Repeatable.")
@click.option("-x", "first", is_flag=True, help="Stop at the first failure.")
@click.option("-v", "--verbose", is_flag=True, help="Say what passed too.")
@click.option("--list", "listing", is_flag=True, help="Print the names of the tests and run none.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per test.")
@rights_options
@click.option("--limit", "limits", type=LimitsType(), metavar="LIMITS", help=LIMITS)
def command(paths: tuple[str, ...], names: tuple[str, ...], listing: bool, first: bool, **options: Any) -> int:
    """Run the tests in PATHS, files or folders; without any, those of this folder.

    A test may do what a script may do under `rtfs run`; the same flags allow more.
    """
    from rtfs.cli.permission import Malformed
    from rtfs.cli.verdict import Report

    report = Report(as_json=options.pop("as_json"), verbose=options.pop("verbose"))
    try:
        for test in _tests(paths, options, report):
            if names and not any(_named(test, name) for name in names):
                continue
            if listing:
                report.name(test)
                continue
            report.verdict(test.run())
            if first and report.failed:
                break
    except Malformed as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        report.end()
        sys.stderr.write("interrupted\n")
        return 130
    return report.end()


def _named(test: Test, name: str) -> bool:
    return fnmatchcase(test.name, name) or fnmatchcase(f"{os.path.basename(test.file)}:{test.name}", name)


def _tests(paths: tuple[str, ...], options: dict[str, Any], report: Any) -> Iterator[Test]:
    """The tests of all files; a file that cannot be loaded is told and passed over."""
    from rtfs.lang.errors import RtfsError
    from rtfs.loader import read_source
    from rtfs.testing.suite import load

    root, globs = _project()
    for path in dict.fromkeys(_files(paths or (os.curdir,), root, globs)):
        sessions: list[Session] = []

        def session(console: Any, path: str = path, sessions: list[Session] = sessions) -> Session:
            sessions.append(_session(path, root, options, console))
            return sessions[-1]

        try:
            yield from load(read_source(path), session)
        except RtfsError as error:
            report.broken(path, error)
        except ValueError as error:
            report.broken(path, _malformed(str(error)))
        except OSError as error:
            report.broken(path, _malformed(f"{path}: {error.strerror}"))
        finally:
            for each in sessions:
                each.shutdown(timeout=5.0, strategy="immediate")


def _malformed(text: str) -> RtfsError:
    from rtfs.lang.errors import invalid_argument

    return invalid_argument(text)


def _project() -> tuple[str, tuple[str, ...]]:
    """The folder that modules and globs count from, and the globs of test files."""
    from rtfs.cli.permission import find_project
    from rtfs.testing.files import GLOBS

    project = find_project(None)
    return (os.getcwd(), GLOBS) if project is None else (project.folder, project.tests or GLOBS)


def _files(paths: tuple[str, ...], root: str, globs: tuple[str, ...]) -> Iterator[str]:
    from rtfs.testing.files import below

    for path in paths:
        if os.path.isdir(path):
            yield from below(path, root, globs)
        else:
            yield path


def _session(path: str, root: str, options: dict[str, Any], console: Any) -> Session:
    from rtfs.cli.script import Settings, make_session
    from rtfs.lang.source import Source
    from rtfs.testing.files import lookup

    more = {"console": console, "lookup": lookup(path, root), "on_refusal": None}
    return make_session(Settings(file=path, **options), Source(path, ""), more)
