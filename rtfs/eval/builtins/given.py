"""The arguments of library functions written in RTFS: their errors name the function that was called."""

from __future__ import annotations

from types import FunctionType, NoneType
from typing import Any

from rtfs.eval.registry import builtin
from rtfs.lang.collections import List, Map, PVector
from rtfs.lang.names import Keyword
from rtfs.lang.values import wrong_kind

_KINDS: dict[Any, frozenset[type]] = {
    "number": frozenset({int, float}),
    "integer": frozenset({int}),
    "string": frozenset({str}),
    "sequence": frozenset({tuple, PVector, List, Map, str, NoneType}),
    "map": frozenset({Map, NoneType}),
    "function": frozenset({FunctionType, Keyword, Map, tuple, PVector}),
}


@builtin(
    "rtfs/given",
    doc="An argument of a library function, at a place (0) of its call; a TypeError if it is not what is expected.",
    type="[:any :string a] a [:any :string a :int] a",
    example=('(rtfs/given "sum" "sequence" [1])', "[1]"),
)
def given(operation: Any, expected: Any, value: Any, place: Any = 0) -> Any:
    if type(value) in _KINDS.get(expected, ()):
        return value
    raise wrong_kind(operation, expected, value, place)
