"""`rtfs run --record TAPE` and `--replay TAPE`: the calls of a run and their answers, for tests (host.md §2)."""

from __future__ import annotations

import errno
import os
import sys

from rtfs.cli.output import flush
from rtfs.cli.script import DONE, FAILED, USAGE, Execution, Settings, folder_of, limits, read_program, shown
from rtfs.lang.errors import RtfsError
from rtfs.lang.source import Source
from rtfs.loader import Files
from rtfs.replay import Instead, replayed


class RecordedExecution(Execution):
    """One script whose calls and answers are written to a file when it has ended, however it did."""

    def __init__(self, settings: Settings, source: Source) -> None:
        super().__init__(settings, source, record=True)

    def run(self) -> int:
        try:
            return super().run()
        finally:
            self._write()

    def _write(self) -> None:
        assert self.settings.record is not None
        try:
            write_tape(self.settings.record, self.session.snapshot())
        except RtfsError as error:
            sys.stderr.write(f"error: nothing is recorded: {error.message}\n")
        except OSError as error:
            sys.stderr.write(f"error: cannot write {self.settings.record}: {error.strerror}\n")


def write_tape(path: str, data: bytes) -> None:
    """All of it or nothing, for the eyes of its owner: it holds whatever the program said and heard.

    OSError when there is something else than a file: a device or a folder is not replaced.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EINVAL, "Not a regular file", path)
    temporary = f"{path}.{os.getpid()}"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    os.replace(temporary, path)


def replay(settings: Settings) -> int:
    """Run the recorded program, or another, against the recorded answers; no capability is needed."""
    assert settings.replay is not None
    try:
        with open(settings.replay, "rb") as file:
            data = file.read()
    except OSError as error:
        sys.stderr.write(f"error: cannot read {settings.replay}: {error.strerror}\n")
        return FAILED
    instead = None
    if settings.file is not None or settings.expression is not None:
        source = read_program(settings)
        if source is None:
            return USAGE
        folder = folder_of(settings, source)
        instead = Instead(source, settings.arguments or None, Files(folder))
    value = replayed(data, limits=limits(settings), instead=instead)
    if value is not None and not settings.quiet:
        flush(shown(value) + "\n")
    return DONE
