"""Which known name was meant: the "did you mean" of undefined names, types, keys and capability ids."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST = 3


def nearest(name: str, candidates: Iterable[str]) -> list[str]:
    """At most three candidates that `name` may be a slip of, best first.

    A slip is a letter too many, missing, wrong or swapped with its neighbour: one in short names, one for every four
    letters in others. Case and the choice between `-`, `_` and nothing do not count.
    """
    plain = _plain(name)
    allowed = max(1, len(plain) // 4)
    found: list[tuple[int, int, str]] = []
    for candidate in set(candidates):
        if candidate == name:
            continue
        other = _plain(candidate)
        if abs(len(other) - len(plain)) > allowed:
            continue
        slips = _slips(plain, other, allowed)
        if slips <= allowed and slips < max(len(plain), len(other)):
            found.append((slips, _slips(name, candidate, len(name) + len(candidate)), candidate))
    return [candidate for _, _, candidate in sorted(found)[:MOST]]


def nearest_id(id: str, ids: Iterable[str]) -> list[str]:
    """The same for ids in families, as `io.read-file`: when none looks like it, those of the same last part."""
    known = list(ids)
    last = _last(id)
    return nearest(id, known) or sorted(other for other in set(known) if _last(other) == last)[:MOST]


def _last(id: str) -> str:
    return _plain(re.split("[./]", id)[-1])


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "") or name


def _slips(a: str, b: str, allowed: int) -> int:
    """The edit distance with transpositions; anything above `allowed` once it is sure to be exceeded."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > allowed:
            return allowed + 1
    return row[-1]
