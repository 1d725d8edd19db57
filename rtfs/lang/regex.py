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


# ---- plain patterns on short texts ------------------------------------------------------------------------------

SHORT = 4_096  # bytes of a text that a plain pattern may search in quadratic time: some milliseconds at the worst
_CLASS = r"""\[\^?(?:[A-Za-z0-9_ .,:;@\#%=<>/!"'`+*?(){}$]|[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9])+\]"""
_ATOM = rf"""(?:[A-Za-z0-9_ ,:;@%=<>/!"'`&~-]|\\[dw.,;:+*?()|{{}}\[\]^$/-]|\.|{_CLASS})"""
_PLAIN = re.compile(rf"(?:{_ATOM}\??)*(?:{_ATOM}[*+](?:{_ATOM}\??)*)?")
_plain: dict[str, re.Pattern[bytes] | None] = {}


def plain_regex(pattern: str) -> re.Pattern[bytes] | None:
    """The pattern for Python's own engine on ASCII, if it means the same there; None for all others.

    RE2 answers in linear time, but each answer takes a long way. A plain pattern has no groups, no alternatives and at
    most one part that repeats: it cannot take longer than the square of a text, which is little if the text is SHORT.
    """
    if pattern not in _plain:
        if len(_plain) >= KEPT:
            _plain.clear()
        _plain[pattern] = None
        if len(pattern) <= LONGEST and _PLAIN.fullmatch(pattern) is not None:
            try:
                _plain[pattern] = re.compile(pattern.encode())
            except re.error:
                pass  # a range from z to a, which RE2 refuses as well
    return _plain[pattern]


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
