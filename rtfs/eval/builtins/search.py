"""Whether elements satisfy a function, and which is the extreme one (language.md §14.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtfs.eval.limits import called, each
from rtfs.eval.registry import builtin
from rtfs.lang.access import callee, sequence
from rtfs.lang.order import compare
from rtfs.lang.signal import METERS


def _holds_for_some(operation: str, f: Any, coll: Any) -> bool:
    target = callee(f, operation)
    for item in sequence(coll, operation):
        if METERS:
            each()
        found = target(item)
        if found is not None and found is not False:
            return True
    return False


def _holds_for_all(operation: str, f: Any, coll: Any) -> bool:
    target = callee(f, operation)
    for item in sequence(coll, operation):
        if METERS:
            each()
        found = target(item)
        if found is None or found is False:
            return False
    return True


@builtin(
    "some",
    doc="The first truthy value of f, or nil.",
    type="[[:fn [a] b] Items] [:maybe b]",
    example=("(some {2 :two} [1 2])", ":two"),
)
def some(f: Any, coll: Any) -> Any:
    target = callee(f, "some")
    for item in sequence(coll, "some"):
        if METERS:
            each()
        found = target(item)
        if found is not None and found is not False:
            return found
    return None


@builtin(
    "every?",
    doc="Do all elements satisfy f?",
    type="[[:fn [a] :any] Items] :bool",
    example=("(every? even? [2 4])", "true"),
)
def every(f: Any, coll: Any) -> bool:
    return _holds_for_all("every?", f, coll)


@builtin(
    "any?",
    doc="Does some element satisfy f?",
    type="[[:fn [a] :any] Items] :bool",
    example=("(any? even? [1 2])", "true"),
)
def any_(f: Any, coll: Any) -> bool:
    return _holds_for_some("any?", f, coll)


@builtin(
    "not-any?",
    doc="Does no element satisfy f?",
    type="[[:fn [a] :any] Items] :bool",
    example=("(not-any? even? [1 3])", "true"),
)
def not_any(f: Any, coll: Any) -> bool:
    return not _holds_for_some("not-any?", f, coll)


@builtin(
    "not-every?",
    doc="Does some element not satisfy f?",
    type="[[:fn [a] :any] Items] :bool",
    example=("(not-every? even? [1 2])", "true"),
)
def not_every(f: Any, coll: Any) -> bool:
    return not _holds_for_all("not-every?", f, coll)


# ---- extremes ---------------------------------------------------------------------------------------------------


def _extreme(f: Callable[[Any], Any], items: Any, sign: int) -> Any:
    """The first element whose (f x) compares with all before it as `sign` says; nil when there is none."""
    called(len(items))
    best = best_key = None
    for index, item in enumerate(items):
        key = f(item)
        if index == 0 or compare(key, best_key) == sign:
            best, best_key = item, key
    return best


@builtin(
    "min-by",
    doc="The element with the least (f x); nil if empty.",
    type="[[:fn [a] :any] Items] [:maybe a]",
    example=('(min-by count ["aa" "b"])', '"b"'),
)
def min_by(f: Any, coll: Any) -> Any:
    return _extreme(callee(f, "min-by"), sequence(coll, "min-by"), -1)


@builtin(
    "max-by",
    doc="The element with the greatest (f x); nil if empty.",
    type="[[:fn [a] :any] Items] [:maybe a]",
    example=("(max-by abs [1 -3 2])", "-3"),
)
def max_by(f: Any, coll: Any) -> Any:
    return _extreme(callee(f, "max-by"), sequence(coll, "max-by"), 1)


@builtin(
    "min-key",
    doc="The argument with the least (f x).",
    type="[[:fn [a] :any] a & a] a",
    example=("(min-key abs -3 2)", "2"),
)
def min_key(f: Any, x: Any, *others: Any) -> Any:
    return _extreme(callee(f, "min-key"), (x, *others), -1)


@builtin(
    "max-key",
    doc="The argument with the greatest (f x).",
    type="[[:fn [a] :any] a & a] a",
    example=("(max-key abs -3 2)", "-3"),
)
def max_key(f: Any, x: Any, *others: Any) -> Any:
    return _extreme(callee(f, "max-key"), (x, *others), 1)
