"""All that is wrong with a value, for reports: the compiled checks of `conform` stop at the first fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.conform import Run, checker
from rtfs.lang.misfit import Fault, Index
from rtfs.lang.printer import show, show_brief
from rtfs.lang.types import MapOf, Record, Sequence, Tuple, Type
from rtfs.lang.values import is_vector

DEEPEST = 50  # levels below which only the first fault of a part is looked for
LOOKS = 10_000  # parts that are looked at: the value may be of any size, and the report is not


class Violation(NamedTuple):
    """path: keys and indexes from the value to the part; expected and actual: texts, cut."""

    path: tuple[Any, ...]
    message: str
    expected: str
    actual: str


def violations(type_: Type, value: Any, most: int = 20, width: int = 200) -> list[Violation]:
    """The first `most` faults, none when the value has the type. Texts have at most `width` characters."""
    found = islice(_faults(type_, value, [LOOKS]), most)
    return [_violation(fault, width) for fault in found]


def _violation(fault: Fault, width: int) -> Violation:
    if fault.kind == "missing":
        expected, actual = f"key {show(fault.subject)}", "nothing"
    elif fault.kind == "unexpected":
        expected, actual = "no further key", show_brief(fault.subject, width - 1)
    elif fault.kind == "shape":
        expected, actual = f"{fault.subject} elements", show_brief(fault.value, width - 1)
    else:
        expected, actual = show_brief(fault.subject.form, width - 1), show_brief(fault.value, width - 1)
    path = tuple(int(step) if type(step) is Index else step for step in reversed(fault.way))
    message = fault.text()
    return Violation(path, message if len(message) <= width else f"{message[: width - 1]}…", expected, actual)


def _faults(type_: Type, value: Any, left: list[int], depth: int = 0) -> Iterator[Fault]:
    """The faults of a value: of its parts where the type speaks of parts, else the one that its check finds."""
    left[0] -= 1
    first = checker(type_, "standard")(value, Run())
    if first is None:
        return
    missing = list(_missing(type_, value))
    yield from missing
    parts = _parts(type_, value) if depth < DEEPEST and (first.way or missing) else ()
    told = bool(missing)
    for step, inner, part in parts:
        if left[0] <= 0:
            break
        for fault in _faults(inner, part, left, depth + 1):
            told = True
            yield fault.below(step)
    if not told:
        yield first


def _parts(type_: Type, value: Any) -> Iterable[tuple[Any, Type, Any]]:
    """Step, type and value of each part that the type speaks of."""
    if isinstance(type_, Record) and type(value) is Map:
        return [(field.key, field.type, value.get(field.key)) for field in type_.fields if field.key in value]
    if isinstance(type_, Tuple) and is_vector(value):
        return [(Index(n), item, value[n]) for n, item in enumerate(type_.items) if n < len(value)]
    if isinstance(type_, Sequence) and isinstance(value, (tuple, PVector, List)):
        return ((Index(n), type_.item, part) for n, part in enumerate(value))
    if isinstance(type_, MapOf) and type(value) is Map:
        return ((key, type_.value, part) for key, part in value.entries())
    return ()


def _missing(type_: Type, value: Any) -> Iterator[Fault]:
    if isinstance(type_, Record) and type(value) is Map:
        for field in type_.fields:
            if not field.optional and field.key not in value:
                yield Fault("missing", field.key, value)
