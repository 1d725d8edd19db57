"""How results are shown: as RTFS text, laid out when long, and cut when very long."""

from __future__ import annotations

from itertools import islice
from typing import Any

from rtfs.lang.collections import List, Map
from rtfs.lang.errors import RtfsError
from rtfs.lang.printer import show, show_brief
from rtfs.lang.values import is_vector

SHORT = 2_000  # characters of a result that are shown before it is cut
SMALL = 500  # parts of a result whose type is told in full
WIDE = 100  # columns beyond which a result is laid out in several lines


def shown(value: Any, limit: int = SHORT) -> str:
    """The text of a result. StackOverflow for one that is nested beyond what can be printed."""
    text = show_brief(value, limit + 1)
    if len(text) <= limit:
        return laid_out(text)
    return f"{text[:limit].rstrip()} …\n; cut after {limit:,} characters: :more shows all of it"


def whole(value: Any) -> str:
    """All of a result. OutputLimitExceeded beyond four million characters."""
    return laid_out(show(value))


def type_text(value: Any) -> str:
    """The type of a result; of a large one only its kind."""
    from rtfs.check.kind import describe, type_of

    if _is_small(value):
        return describe(type_of(value))
    return ":vector" if is_vector(value) else ":map" if type(value) is Map else ":list"


def _is_small(value: Any) -> bool:
    pending, seen = [value], 0
    while pending and seen < SMALL:
        part = pending.pop()
        seen += 1
        if is_vector(part) or type(part) is List:
            pending.extend(part[:SMALL])
        elif type(part) is Map:
            pending.extend(piece for entry in islice(part.entries(), SMALL) for piece in entry)
    return not pending


def laid_out(text: str) -> str:
    """The same text in the canonical layout, if it is wide and can be read back."""
    if len(text) <= WIDE or len(text) > 20 * SHORT or text.startswith('"'):
        return text
    from rtfs.parser.layout import formatted

    try:
        return formatted(text).rstrip("\n")
    except RtfsError:  # functions and other things that have no text
        return text
