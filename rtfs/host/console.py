"""Where console capabilities write to and read from."""

from __future__ import annotations

import sys


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
        line = sys.stdin.readline()
        return line.removesuffix("\n").removesuffix("\r") if line else None
