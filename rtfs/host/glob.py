"""Anchored globs over capability ids: `*` stays within one segment (between `.` and `/`), `**` crosses segments."""

from __future__ import annotations

import re


def matches(pattern: str, id: str) -> bool:
    """Does the whole of `id` match? Time: length of pattern times length of id at most."""
    tokens = re.findall(r"\*\*+|\*|[^*]", pattern)
    last = len(tokens)
    states = _closure({0}, tokens)
    for char in id:
        following: set[int] = set()
        for state in states:
            if state == last:
                continue
            token = tokens[state]
            if token[0] == "*":
                if len(token) > 1 or char not in "./":
                    following.add(state)
            elif token == char:
                following.add(state + 1)
        states = _closure(following, tokens)
    return last in states


def _closure(states: set[int], tokens: list[str]) -> set[int]:
    """With the states reached by letting stars match nothing."""
    reached = set(states)
    for state in states:
        while state < len(tokens) and tokens[state][0] == "*":
            state += 1
            reached.add(state)
    return reached
