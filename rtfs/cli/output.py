"""The console of a command: standard output that ends the run quietly when nobody reads it any more."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from rtfs.host.console import Console


class Hangup(BaseException):
    """The reader of standard output went away. No error of the program: a script cannot catch it."""


class Unwritable(Exception):
    """Standard output takes no more, and the program is past caring: a full disk, a closed descriptor."""


class Output(Console):
    """Standard output, input and error of the process."""

    def write(self, text: str) -> None:
        """Write to standard output as it is; an OSError is the program's to catch."""
        try:
            sys.stdout.write(text)
        except BrokenPipeError:
            raise Hangup from None


def flush(text: str = "") -> None:
    """Everything written so far, and `text`, reaches its reader."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise Hangup from None
    except OSError as error:
        raise Unwritable(error.strerror) from None


def colored(stream: TextIO) -> bool:
    """May what goes there have colours? On a terminal, unless NO_COLOR is set or the terminal knows none."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """How wide text may be that is wrapped for reading: the terminal, at most 100 columns."""
    import shutil  # deferred: a plain run wraps nothing

    return min(shutil.get_terminal_size((100, 24)).columns, 100)


def lenient() -> None:
    """Show what the terminal's encoding lacks as an escape instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict":
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def detach() -> None:
    """Let nothing complain about the lost reader when the interpreter flushes at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
