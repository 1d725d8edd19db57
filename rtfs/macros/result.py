"""What a macro gives back must be a form: is it one, and is it small enough to be walked?"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.errors import memory_error
from rtfs.lang.names import Keyword, Symbol
from rtfs.lang.pattern import map_pairs
from rtfs.lang.values import ResourceHandle, Timestamp, Uuid, type_name

MAX_FORMS = 2_000_000  # a vector that holds itself twice, sixty deep, is small as a value and endless as code

_ATOMS = frozenset({type(None), bool, int, float, str, Keyword, Symbol, Timestamp, Uuid, ResourceHandle, FunctionType})


def stranger(value: Any) -> str | None:
    """The kind of something inside that cannot be code, None when all of it can (language.md §9.1).

    MemoryLimitExceeded when there are more than two million forms in it.
    """
    level: list[Any] = [value]
    count = 0
    while level:
        below: list[Any] = []
        for part in level:
            kind = type(part)
            if kind in _ATOMS:
                continue
            if kind is List or kind is tuple or kind is PVector:
                below.extend(part)
            elif kind is Map:
                for pair in map_pairs(part):
                    below.extend(pair)
            else:
                return type_name(part)
        count += len(below)
        if count > MAX_FORMS:
            raise memory_error("macro expansion", count, MAX_FORMS)
        level = below
    return None
