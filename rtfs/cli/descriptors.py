"""Stand-ins for standard streams that are closed, as a shell's `>&-` and some service managers leave them."""

from __future__ import annotations

import os
import sys


def reopen() -> None:
    """Occupy what is closed of the descriptors 0, 1 and 2, so that no file the program opens becomes one of them.

    Standard input and output get the null device in the wrong direction: using them fails as a closed descriptor does.
    What is said to a closed standard error is lost, as it was asked to be.
    """
    for number, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # the lowest free number: this one
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
