"""How results are shown: as RTFS text, laid out when long, and cut when very long."""

from __future__ import annotations

from typing import Any

from rtfs.lang.errors import RtfsError
from rtfs.lang.printer import show, show_brief

SHORT = 2_000  # characters of a result that are shown before it is cut
WIDE = 100  # columns beyond which a result is laid out in several lines


def shown(value: Any, limit: int = SHORT) -> str:
    """The text of a result. StackOverflow for one that is nested beyond what can be printed."""
    text = show_brief(value, limit + 1)
    if len(text) <= limit:
        return laid_out(text)
    return f"{text[:limit].rstrip()} …\n; cut after {limit:,} characters: :more shows all of it"


def whole(value: Any) -> str:
    """All of a result."""
    return laid_out(show(value, None))


def laid_out(text: str) -> str:
    """The same text in the canonical layout, if it is wide and can be read back."""
    if len(text) <= WIDE or len(text) > 20 * SHORT or text.startswith('"'):
        return text
    from rtfs.parser.layout import formatted

    try:
        return formatted(text).rstrip("\n")
    except RtfsError:  # functions and other things that have no text
        return text
