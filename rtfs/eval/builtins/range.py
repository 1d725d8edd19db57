"""Sequences of numbers and of repeated values; their size is known before they are built (language.md §14.4)."""

from __future__ import annotations

from math import ceil, inf
from typing import Any

from rtfs.eval.builtins.number import integer, number, too_large
from rtfs.eval.limits import built, called
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee
from rtfs.lang.collections import MISSING, vector
from rtfs.lang.errors import about, invalid_argument

_ENDLESS = 1 << 62


@builtin(
    "range",
    doc="(range end) (range start end step): the numbers from start (0) up to, not including, end by step (1).",
    type="[:int] [:vector :int] [:number] [:vector :number] [:int :int] [:vector :int] "
    "[:number :number] [:vector :number] [:int :int :int] [:vector :int] "
    "[:number :number :number] [:vector :number]",
    example=("[(range 3) (range 5 0 -2)]", "[[0 1 2] [5 3 1]]"),
)
def range_(a: Any, b: Any = MISSING, c: Any = MISSING) -> Any:
    start, end = (0, a) if b is MISSING else (a, b)
    step = 1 if c is MISSING else c
    given = (a,) if b is MISSING else (a, b) if c is MISSING else (a, b, c)
    for index, value in enumerate(given):
        number("range", value, index)
    if step == 0:
        raise about(invalid_argument("range step must not be zero"), step, "range", 2)
    if type(start) is type(end) is type(step) is int:
        built(max(0, -((start - end) // step)))
        return vector(list(range(start, end, step)))
    try:
        return vector(_spaced(start, end, step))
    except OverflowError:
        raise too_large("range") from None


def _spaced(start: Any, end: Any, step: Any) -> list[Any]:
    """start, start + step … before end: each is computed from start, so errors do not add up."""
    if start != start or end != end or step != step:
        return []
    places = (end - start) / step
    if places != places or places < 0 or start == end:
        return []
    built(_ENDLESS if places == inf else ceil(places))
    values = [start]
    for index in range(1, ceil(places) + 1):
        value = start + index * step
        if not (value < end if step > 0 else value > end):
            break
        values.append(value)
    return values


@builtin(
    "numbers",
    doc="The integers from start to end, both included.",
    type="[:int :int] [:vector :int]",
    example=("(numbers 1 3)", "[1 2 3]"),
)
def numbers(start: Any, end: Any) -> Any:
    low, high = integer("numbers", start), integer("numbers", end, 1)
    built(max(0, high - low + 1))
    return vector(list(range(low, high + 1)))


def _times(operation: str, n: Any, index: int = 0) -> int:
    """How many values; a negative number counts as 0."""
    times = max(integer(operation, n, index), 0)
    built(times)
    return times


@builtin("repeat", doc="n times x.", type="[:int a] [:vector a]", example=("(repeat 2 :a)", "[:a :a]"))
def repeat(n: Any, x: Any) -> Any:
    return vector([x] * _times("repeat", n))


@builtin(
    "repeatedly",
    doc="The values of n calls of f.",
    type="[:int [:fn [] a]] [:vector a]",
    example=("(repeatedly 2 (fn [] 1))", "[1 1]"),
)
def repeatedly(n: Any, f: Any) -> Any:
    target, times = callee(f, "repeatedly"), _times("repeatedly", n)
    called(times)
    return vector([target() for _ in range(times)])


@builtin(
    "iterate",
    doc="(iterate f x n): the n values x, (f x), (f (f x)) …",
    type="[[:fn [:any] b] c :int] [:vector [:or b c]]",
    example=("(iterate inc 1 3)", "[1 2 3]"),
)
def iterate(f: Any, x: Any, n: Any) -> Any:
    target, times = callee(f, "iterate"), _times("iterate", n, 2)
    called(times)
    values = [x] if times else []
    for _ in range(times - 1):
        x = target(x)
        values.append(x)
    return vector(values)
