"""What a run says on standard error: errors for people and for machines, traces, defects."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from rtfs.cli.output import colored
from rtfs.lang.errors import ReadError, RtfsError

if TYPE_CHECKING:
    from rtfs.lang.outcome import HostCall


def _say(text: str) -> None:
    """Write to standard error, behind what the program has printed so far: both may go to one place."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        pass  # who printed for a reader that is gone hears of it there
    sys.stderr.write(text)


def report(error: RtfsError, *, as_json: bool = False, python_frames: bool = False) -> None:
    """Say what went wrong. A text with several syntax errors reports them all."""
    if error.kind == "InternalError":
        defect(error.__cause__ or error.__context__ or error, error)
        return
    if as_json:
        from rtfs.lang.diagnostic import as_data

        for each in error.errors if isinstance(error, ReadError) else [error]:
            _say(json.dumps(as_data(each), ensure_ascii=False) + "\n")
        return
    _say(error.rendered(color=colored(sys.stderr)).rstrip("\n") + "\n")
    if python_frames:
        import traceback

        _say("".join(traceback.format_exception(error.__cause__ or error.__context__ or error)))


def defect(error: BaseException, shown: RtfsError | None = None) -> None:
    """A bug of rtfs: everything its maintainers need."""
    import platform
    import traceback

    from rtfs import __version__

    place = f"\nat {shown.span}" if shown is not None and shown.span is not None else ""
    details = "".join(traceback.format_exception(error))
    _say(
        f"This is a defect of rtfs, not of your program.{place}\n"
        f"Please file it in the project's issue tracker, with the script if you can, and this text:\n\n"
        f"rtfs {__version__}, {platform.python_implementation()} {platform.python_version()}, {platform.platform()}\n"
        f"{details}"
    )


def unreadable(file: str, error: OSError) -> None:
    """A script that cannot be opened; a mistyped command looks the same."""
    import difflib

    folder = os.path.dirname(__file__)
    commands = [name[:-3] for name in os.listdir(folder) if name.endswith(".py") and not name.startswith("_")]
    near = difflib.get_close_matches(file, [name for name in commands if _is_command(name)], n=1)
    hint = f"\n  = hint: did you mean the command `{near[0]}`?" if near and not os.path.exists(file) else ""
    _say(f"error: cannot read {file}: {error.strerror}{hint}\n")


def _is_command(name: str) -> bool:
    from importlib import import_module

    return hasattr(import_module(f"rtfs.cli.{name}"), "command")


def trace(call: HostCall) -> None:
    """One host call as one line: place, capability, arguments."""
    from rtfs.lang.printer import show

    place = f"{call.span.source.name}:{call.span.line}: " if call.span is not None else ""
    arguments = "".join(f" {_cut(show(argument))}" for argument in call.args)
    _say(f"{place}(call :{call.capability_id}{arguments})\n")


def _cut(text: str) -> str:
    return text if len(text) <= 200 else text[:199] + "…"


def warn(text: str, kind: str = "warning") -> None:
    _say(f"{kind}: {text}\n")
