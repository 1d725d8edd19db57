"""The RE2 dialect of patterns (language.md §14.3): matching takes linear time, so no pattern stalls a run."""

from __future__ import annotations

import re
from typing import Any

LONGEST = 4_096
KEPT = 32  # one compiled pattern may hold 8 MiB

_compiled: dict[str, Any] = {}
_ESCAPE = re.compile(r"\\Q(?:(?!\\E).)*+(?:\\E)?|\\(.)", re.DOTALL)


def compile_regex(pattern: str) -> Any:
    """A compiled RE2 pattern. ValueError with the text `Invalid regex pattern 'p': …` for what the dialect lacks."""
    found = _compiled.get(pattern)
    if found is None:
        found = _compile(pattern)
        if len(_compiled) >= KEPT:
            import re2

            _compiled.clear()
            re2.purge()  # its own cache would keep up to a gigabyte
        _compiled[pattern] = found
    return found


def _compile(pattern: str) -> Any:
    import re2  # deferred: most programs have no pattern

    if len(pattern) > LONGEST:
        raise _invalid(pattern[:40] + "…", f"{len(pattern)} characters, at most {LONGEST} are allowed")
    if any(found.group(1) == "C" for found in _ESCAPE.finditer(pattern)):
        raise _invalid(pattern, "invalid escape sequence: \\C")  # half a character is no string
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not a pattern"
        raise _invalid(pattern, reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from None


def _invalid(pattern: str, reason: str) -> ValueError:
    return ValueError(f"Invalid regex pattern '{pattern}': {reason}")
