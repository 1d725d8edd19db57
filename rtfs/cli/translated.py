"""What `rtfs expand` and `rtfs compile` share: a file, translated, with its errors told."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtfs.translation import Translated


def translated(file: str) -> tuple[list[Translated], int]:
    """The forms of a file (`-`: standard input) and the exit code that its errors, which are told, make."""
    from rtfs.cli.report import report
    from rtfs.cli.script import Settings, read_program
    from rtfs.lang.errors import RtfsError
    from rtfs.loader import Files
    from rtfs.translation import translate

    try:
        source = read_program(Settings(file=file))
    except RtfsError as error:
        report(error)
        return [], 1
    if source is None:
        return [], 2
    found, problems = translate(source, Files(os.path.dirname(file) or os.curdir))
    sys.stdout.flush()
    for problem in problems:
        report(problem)
    return found, 1 if problems else 0


def laid(form: Any) -> str:
    """A core form in the canonical layout, as far as it can be read back."""
    from rtfs.lang.errors import RtfsError
    from rtfs.lang.printer import show_form
    from rtfs.parser.layout import formatted

    text = show_form(form, None)
    if text.startswith("(rtfs/macro "):  # what is left of `defmacro` once its body is expanded
        text = f"(defmacro {text.removeprefix('(rtfs/macro ')}"
    try:
        return formatted(text).rstrip("\n")
    except RtfsError:  # a function that a macro put into its result has no text
        return text
