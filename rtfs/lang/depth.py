"""How deep a value is nested, found level by level, so that a value which shares its parts is walked once per level."""

from __future__ import annotations

from typing import Any

from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.equality import NESTING_LIMIT
from rtfs.lang.errors import overflow

_COLLECTIONS = frozenset({tuple, PVector, List, Map})


def check_depth(value: Any) -> Any:
    """The value. StackOverflow when it is nested deeper than 10,000 (language.md §2.3)."""
    if type(value) not in _COLLECTIONS:
        return value
    level: dict[int, Any] = {id(value): value}
    for _ in range(NESTING_LIMIT):
        below: dict[int, Any] = {}
        for part in level.values():
            if type(part) is Map:
                for pair in part.entries():
                    below.update((id(each), each) for each in pair if type(each) in _COLLECTIONS)
            else:
                below.update([(id(each), each) for each in part if type(each) in _COLLECTIONS])
        if not below:
            return value
        level = below
    raise overflow("nesting", NESTING_LIMIT)
