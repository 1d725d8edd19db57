"""Which names the forms of a body scope define in it (language.md §5.2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rtfs.lang.collections import List, Map
from rtfs.lang.names import Symbol
from rtfs.lang.pattern import map_pairs, unmeta
from rtfs.lang.values import is_vector

DEFINITIONS = frozenset({"def", "defn", "defn-", "defstruct"})
# what these contain is data, another body scope or another function
_CLOSED = frozenset({"quote", "fn", "lambda", "λ", "loop", "catch", "step", "step-if", "step-loop", "step-parallel"})
_BINDING = frozenset({"let", "letrec"})


def local_definitions(forms: Iterable[Any]) -> list[str]:
    """The names that core forms define in the body scope around them, in order."""
    names: list[str] = []
    pending = list(reversed(list(forms)))
    while pending:
        part = pending.pop()
        if type(part) is List:
            head = part[0].name if part and type(part[0]) is Symbol else None
            if head in _CLOSED:
                continue
            if head in _BINDING:
                pending.extend(part[1:2])  # the values; the body is a scope of its own
            elif head in DEFINITIONS:
                name = unmeta(part[1]) if len(part) > 1 else None
                if type(name) is Symbol:
                    names.append(name.name)
                if head == "def":
                    pending.append(part[-1])
            else:
                pending.extend(reversed(part))
        elif is_vector(part):
            pending.extend(reversed(part))
        elif type(part) is Map:
            pending.extend(each for pair in reversed(map_pairs(part)) for each in reversed(pair))
    return names
