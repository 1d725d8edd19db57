"""Where two values differ: paths with what stands there, instead of two walls of text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from rtfs.lang.collections import List, Map
from rtfs.lang.equality import equal
from rtfs.lang.printer import show, show_brief
from rtfs.lang.values import is_vector, type_name

MOST = 20  # differences that are told


class Absent:
    """What stands where nothing is."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT: Any = Absent()


class Difference(NamedTuple):
    """path: keys and indexes from the outside; expected, actual: a value, or ABSENT."""

    path: tuple[Any, ...]
    expected: Any
    actual: Any

    def line(self, width: int = 80) -> str:
        """`at [:a 1]: expected 2, got 3`; the path is left out where the values differ as a whole."""
        place = f"at [{' '.join(show_brief(key, 40) for key in self.path)}]: " if self.path else ""
        return f"{place}expected {shown(self.expected, width)}, got {shown(self.actual, width)}{self._where()}"

    def _where(self) -> str:
        """From which character on two long texts differ."""
        before, after = self.expected, self.actual
        if type(before) is not str or type(after) is not str or max(len(before), len(after)) <= 40:
            return ""
        same = _common(before, after)
        return f"; from character {same} on {show(before[same : same + 20])} and {show(after[same : same + 20])}"


def shown(value: Any, width: int = 80) -> str:
    """A side of a difference as text."""
    return "nothing" if value is ABSENT else show_brief(value, width)


def _common(before: Any, after: Any) -> int:
    """How many first items are equal."""
    pairs = zip(before, after, strict=False)
    return next((n for n, (one, other) in enumerate(pairs) if not equal(one, other)), min(len(before), len(after)))


def differences(expected: Any, actual: Any, most: int = MOST) -> list[Difference]:
    """The innermost places where the values differ, at most so many; none when they are equal."""
    return list(islice(_walk(expected, actual), most))


def _walk(expected: Any, actual: Any) -> Iterator[Difference]:
    pending: list[Difference] = [Difference((), expected, actual)]
    while pending:
        found = pending.pop()
        if found.expected is not ABSENT and found.actual is not ABSENT and equal(found.expected, found.actual):
            continue
        inner = list(_inside(found))
        if inner:
            pending.extend(reversed(inner))
        else:
            yield found


def _inside(pair: Difference) -> Iterator[Difference]:
    """The pairs of parts of two collections that may differ; nothing when these have to be told as wholes."""
    before, after, path = pair.expected, pair.actual, pair.path
    if type(before) is Map and type(after) is Map:
        if len(before) and len(after):
            yield from (Difference((*path, key), value, after.get(key, ABSENT)) for key, value in before.entries())
            yield from (Difference((*path, key), ABSENT, value) for key, value in after.entries() if key not in before)
    elif (
        _sequence(before) and _sequence(after) and type_name(before) == type_name(after) and len(before) and len(after)
    ):
        yield from _in_sequences(before, after, path)


def _sequence(value: Any) -> bool:
    return is_vector(value) or type(value) is List


def _in_sequences(before: Any, after: Any, path: tuple[Any, ...]) -> Iterator[Difference]:
    """Item by item behind what is equal at the front; what is equal at the back of different lengths is left out."""
    start = _common(before, after)
    back = 0 if len(before) == len(after) else _common_back(before, after, start)
    for n in range(start, max(len(before), len(after)) - back):
        one = before[n] if n < len(before) - back else ABSENT
        yield Difference((*path, n), one, after[n] if n < len(after) - back else ABSENT)


def _common_back(before: Any, after: Any, start: int) -> int:
    most, same = min(len(before), len(after)) - start, 0
    while same < most and equal(before[len(before) - 1 - same], after[len(after) - 1 - same]):
        same += 1
    return same
