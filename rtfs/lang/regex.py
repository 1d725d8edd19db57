"""The RE2 dialect of patterns (language.md §14.3): matching takes linear time, so no pattern stalls a run."""

from __future__ import annotations

import re
from typing import Any

LONGEST = 4_096
_BYTE = re.compile(r"(?:[^\\]|^)(?:\\\\)*\\C")  # RE2's "one byte" would cut characters
_COMPILED: dict[str, Any] = {}
_KEPT = 500


def compile_regex(pattern: str) -> Any:
    """A compiled RE2 pattern. ValueError with the text `Invalid regex pattern 'p': …` for what the dialect lacks."""
    found = _COMPILED.get(pattern)
    if found is None:
        found = _compile(pattern)
        if len(_COMPILED) >= _KEPT:
            _COMPILED.clear()
        _COMPILED[pattern] = found
    return found


def _compile(pattern: str) -> Any:
    import re2  # deferred: most programs have no pattern

    if len(pattern) > LONGEST:
        shown = f"{pattern[:60]}…"
        raise ValueError(f"Invalid regex pattern '{shown}': longer than {LONGEST} characters")
    if _BYTE.search(pattern):
        raise ValueError(f"Invalid regex pattern '{pattern}': invalid escape sequence: \\C")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not a pattern"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"Invalid regex pattern '{pattern}': {text}") from None
