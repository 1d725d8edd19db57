"""Where console capabilities write to and read from."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import Protocol


class Logging(Protocol):
    """Whoever wants to hear what is logged."""

    def send(self, level: str, text: str) -> None: ...


NOTICE = 0.1  # seconds until a signal is noticed that did not end the wait for a line


def typed_line() -> str:
    """The next line of standard input with its end; empty at the end of the input.

    Reading from a terminal would wait on, deaf to Ctrl-C, when the signal came a moment before, or to another thread.
    """
    if sys.stdin.isatty():
        from select import select

        while not select([sys.stdin], [], [], NOTICE)[0]:
            pass
    return sys.stdin.readline()


class Console:
    """The process's standard streams, looked up at each use so that redirection works."""

    def write(self, text: str) -> None:
        """Write to standard output as it is."""
        sys.stdout.write(text)

    def log(self, level: str, text: str) -> None:
        """Write one line about the run to standard error."""
        sys.stderr.write(f"[{level}] {text}\n")

    def read_line(self, prompt: str = "") -> str | None:
        """The next line of standard input without its end; None at the end of the input."""
        if prompt:
            sys.stdout.write(prompt)
        sys.stdout.flush()
        line = typed_line()
        return line.removesuffix("\n").removesuffix("\r") if line else None


REQUEST: ContextVar[Logging | None] = ContextVar("rtfs_request", default=None)  # that the current run is made for


class ServedConsole(Console):
    """The console of programs that serve: standard output is the protocol's, what is logged goes to the client too."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def log(self, level: str, text: str) -> None:
        super().log(level, text)
        request = REQUEST.get()
        if request is not None:
            request.send(level, text)

    def read_line(self, prompt: str = "") -> str | None:
        return None
