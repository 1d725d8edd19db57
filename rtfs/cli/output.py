"""The console of a command: standard output that ends the run quietly when nobody reads it any more."""

from __future__ import annotations

import os
import sys

from rtfs.host.console import Console


class Hangup(BaseException):
    """The reader of standard output went away. No error of the program: a script cannot catch it."""


class Output(Console):
    """Standard output, input and error of the process."""

    def write(self, text: str) -> None:
        """Write to standard output as it is."""
        try:
            sys.stdout.write(text)
        except BrokenPipeError:
            raise Hangup from None


def flush() -> None:
    """Everything written so far reaches its reader."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise Hangup from None


def detach() -> None:
    """Let nothing complain about the lost reader when the interpreter flushes at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
